"""Who reads a mailbox: one at a time, for as long as its lease in the database holds (docs/decisions/0019)."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from postroom.actions.errors import ActionError, NotAllowed
from postroom.actions.lookups import get_mailbox, require_server
from postroom.core.model import Mailbox, MailboxSync
from postroom.storage import mailbox_sync
from postroom.storage.database import Database

LEASE_SECONDS = 60
_RENEW_EVERY = 15  # seconds: three renewals may fail before anybody else takes over

_logger = structlog.get_logger()

Clock = Callable[[], float]  # epoch seconds


class LeaseLost(ActionError):
    """Somebody else reads the mailbox now, or nobody shall: what is in hand is not stored."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to read a mailbox under a token that nobody else has; `before` is how it stood with the mailbox."""

    mailbox: Mailbox
    before: MailboxSync
    token: str

    def check(self, connection: Connection) -> None:
        """Raise LeaseLost where this is not the mailbox's turn any more; else it stays so for the transaction."""
        if not mailbox_sync.holds(connection, self.mailbox.id, self.token):
            raise self.lost()

    def lost(self) -> LeaseLost:
        """Give what is said when it is not."""
        return LeaseLost(f"{self.mailbox.address} was paused, or is read by another worker now; this pass ends here")


def take_next(database: Database, now: int, per_host: int) -> Turn | None:
    """Take up the mailbox that has been due for longest, but none of a host at which `per_host` are being read.

    It takes the write lock in any case; ask first whether one waits.
    """
    token = secrets.token_hex(16)
    with database.write() as connection:
        mailbox = mailbox_sync.claim_due(connection, now, per_host, token, now + LEASE_SECONDS)
        return None if mailbox is None else _turn(connection, mailbox, token)


def waits_anybody(database: Database, now: int, per_host: int) -> bool:
    """Say whether there is a mailbox that take_next would take up."""
    with database.read() as connection:
        return mailbox_sync.is_due(connection, now, per_host)


def take(database: Database, address: str, now: int) -> Turn:
    """Take up one mailbox, due or not. Raises NotFound, InvalidInput, NotAllowed where it is being read."""
    token = secrets.token_hex(16)
    with database.write() as connection:
        mailbox = get_mailbox(connection, address)
        require_server(mailbox)
        if mailbox_sync.claim(connection, mailbox.id, now, token, now + LEASE_SECONDS) is None:
            raise NotAllowed(f"{mailbox.address} is being read at this moment; see 'postroom mailbox status'")
        return _turn(connection, mailbox, token)


def end(database: Database, turn: Turn, values: dict[str, object]) -> None:
    """End a turn, and write down what it came to, by column of how it stands."""
    with database.write() as connection:
        mailbox_sync.release(connection, turn.mailbox.id, turn.token, turn.before.next_try_at, values)


def _turn(connection: Connection, mailbox: Mailbox, token: str) -> Turn:
    return Turn(mailbox, mailbox_sync.sync_of(connection, [mailbox.id])[mailbox.id], token)


class LeaseKeeper:
    """Renews the leases of all turns in hand, from a thread of its own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._held: dict[str, Turn] = {}
        self._lost: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Renew until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._run, args=[ended], daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @contextmanager
    def holding(self, turn: Turn) -> Iterator[Callable[[], bool]]:
        """Keep a turn while the block runs, which gets a function that says whether it was lost."""
        self._held[turn.token] = turn
        try:
            yield lambda: turn.token in self._lost
        finally:
            del self._held[turn.token]
            self._lost.discard(turn.token)

    def renew(self) -> None:
        """Renew every lease, each for itself."""
        for turn in list(self._held.values()):
            with self._database.write() as connection:
                until = int(self._clock()) + LEASE_SECONDS
                if not mailbox_sync.renew(connection, turn.mailbox.id, turn.token, until):
                    self._lost.add(turn.token)

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(_RENEW_EVERY):
            try:
                self.renew()
            except Exception:  # a database that was restarted: the lease has time enough for another try
                _logger.exception("leases were not renewed")
