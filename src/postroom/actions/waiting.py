"""Waiting for mail: after a pass a connection stays open, on which the server says when something comes (RFC 2177).

That is a hint and no more (docs/decisions/0025): it lets the mailbox be due at once, and an ordinary pass finds out
what is there. Where a server offers no IDLE, falls silent, says too much or the untrue, its mailboxes are read by
turns, as all are. The next pass takes the connection that waited, so waiting spares logins.

No thread waits: with each of the worker's looks, one call asks the system on which connections something came in.
"""

import selectors
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import structlog

from postroom.actions.leases import Clock
from postroom.core.model import Folder, FolderState, Mailbox
from postroom.mail.imap import Figures, Session, open_session
from postroom.mail.imap_idle import Idling
from postroom.mail.server import Login, MailServerError, Server
from postroom.storage import mailbox_sync
from postroom.storage.database import Database
from postroom.storage.folders import folders_of

LEAST_SECONDS = 5  # from the end of a pass to the next one by a hint: a server may say something each second
LONGEST_WAIT = 25 * 60  # seconds: a server may hang up after half an hour (RFC 2177, section 3)
LONGEST_CONNECTION = 3600  # seconds, after which a login shows whether we are still let in
_REVIEW_EVERY = 5  # seconds

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Places:
    """How many connections may wait at the same time, in all and at one host."""

    in_all: int = 1000
    per_host: int = 200


@dataclass(frozen=True, slots=True)
class _Connection:
    """A session with the server of a mailbox that may outlast a pass; `kept` is what logs out and closes it."""

    mailbox: Mailbox
    server: Server
    login: Login
    session: Session
    opened_at: float
    kept: ExitStack

    def listen(self, folder: Folder) -> "_Waiting":
        """Begin to wait for news of a folder; what came since it was read is news. Raises a MailServerError."""
        figures = self.session.select(folder.name)
        waiting = _Waiting(self, self.session.idle(), has_news=_has_more(figures, folder))
        waiting.hear()  # what came along with the answer, which no selector sees
        return waiting


@dataclass(slots=True)
class _Waiting:
    """A connection that waits, since a time (epoch seconds)."""

    connection: _Connection
    idling: Idling
    has_news: bool
    since: int = 0

    def hear(self) -> None:
        """Note whether something came. Raises a MailServerError where there is nothing more to wait for."""
        self.has_news = self.idling.hear() or self.has_news

    def hang_up(self) -> None:
        """End the connection at once."""
        self.idling.hang_up()
        self.connection.kept.close()


class Line:
    """A mailbox's connection during a turn: the one that waited, or another one, which may wait afterwards."""

    def __init__(self, room: "WaitingRoom", mailbox: Mailbox) -> None:
        self._room, self._mailbox = room, mailbox
        self._connection: _Connection | None = None
        self._waiting: _Waiting | None = None

    @contextmanager
    def connect(self, server: Server, login: Login, timeout: float) -> Iterator[Session]:
        """Give a session as open_session does; it stays open after the block. Raises a MailServerError."""
        self.close()  # one that broke
        self._connection = self._room.take(self._mailbox.id, server, login) or self._opened(server, login, timeout)
        yield self._connection.session

    def _opened(self, server: Server, login: Login, timeout: float) -> _Connection:
        kept = ExitStack()
        session = kept.enter_context(open_session(server, login, timeout))
        return _Connection(self._mailbox, server, login, session, self._room.clock(), kept)

    def listen(self, database: Database) -> None:
        """Let the server say when mail comes, at the end of a pass, if it offers that and there is a place for it."""
        connection = self._connection
        if connection is None or not connection.session.can_idle or not self._room.has_place(connection.server.host):
            return
        with database.read() as reading:
            folder = folders_of(reading, self._mailbox.id).get(connection.session.arrivals or "")
        if folder is None or folder.state != FolderState.FOLLOWING:
            return
        try:
            self._waiting = connection.listen(folder)
        except MailServerError as error:
            _log_deaf(self._mailbox, error)

    def wait(self) -> None:
        """Leave the connection to the waiting room, after the turn, if its server listens."""
        if self._waiting is not None and self._room.enter(self._waiting):
            self._connection = self._waiting = None

    def close(self) -> None:
        """Close the connection, if it was not left to the waiting room."""
        if self._waiting is not None:
            self._waiting.hang_up()
        elif self._connection is not None:
            self._connection.kept.close()
        self._connection = self._waiting = None


class WaitingRoom:
    """The connections of one worker that wait for news of their mailboxes."""

    def __init__(self, database: Database, clock: Clock, places: Places) -> None:
        self._database, self.clock, self._places = database, clock, places
        self._lock = threading.Lock()
        self._waiting: dict[int, _Waiting] = {}
        self._selector = selectors.DefaultSelector()
        self._heard: set[int] = set()
        self._reviewed_at = 0
        self._is_closed = False

    @contextmanager
    def line(self, mailbox: Mailbox) -> Iterator[Line]:
        """Give the line of a mailbox for a turn; a connection that does not wait in the end is closed."""
        line = Line(self, mailbox)
        try:
            yield line
        finally:
            line.close()

    def look(self) -> None:
        """Let mailboxes be due of which something was heard, and end what need not wait any more.

        What was heard is kept until the database has it. Raises what the database raises.
        """
        now = int(self.clock())
        self._hear()
        if now >= self._reviewed_at + _REVIEW_EVERY:
            self._review(now)
            self._reviewed_at = now
        if self._heard:
            with self._database.write() as connection:
                self._heard = mailbox_sync.hasten(connection, self._heard, now, LEAST_SECONDS)

    def has_place(self, host: str) -> bool:
        """Say whether one more connection to a host may wait."""
        with self._lock:
            return self._has_place(host)

    def enter(self, waiting: _Waiting) -> bool:
        """Let a connection wait, in place of another one of its mailbox; say whether there was room for it."""
        mailbox_id = waiting.connection.mailbox.id
        with self._lock:
            self._end(mailbox_id)
            if not self._has_place(waiting.connection.server.host):
                return False
            waiting.since = int(self.clock())
            self._waiting[mailbox_id] = waiting
            self._selector.register(waiting.idling, selectors.EVENT_READ, waiting)
            return True

    def count(self) -> int:
        """Give how many connections wait."""
        return len(self._waiting)

    def take(self, mailbox_id: int, server: Server, login: Login) -> _Connection | None:
        """Give the connection that waits for a mailbox, for commands; None where there is none that will do."""
        with self._lock:
            waiting = self._removed(mailbox_id)
        if waiting is None:
            return None
        if self._will_do(waiting.connection, server, login):
            with suppress(MailServerError):
                waiting.idling.end()
                return waiting.connection
        waiting.hang_up()
        return None

    def close(self) -> None:
        """Hang up on all servers; nothing waits here any more."""
        with self._lock:
            self._is_closed = True
            for mailbox_id in list(self._waiting):
                self._end(mailbox_id)
            self._selector.close()

    def _has_place(self, host: str) -> bool:
        at_host = sum(each.connection.server.host == host for each in self._waiting.values())
        has_place = len(self._waiting) < self._places.in_all and at_host < self._places.per_host
        return has_place and not self._is_closed

    def _will_do(self, connection: _Connection, server: Server, login: Login) -> bool:
        """Say whether a connection is as one that is opened now, and young enough."""
        is_young = self.clock() < connection.opened_at + LONGEST_CONNECTION
        return is_young and (connection.server, connection.login) == (server, login)

    def _hear(self) -> None:
        with self._lock:
            for key, _ in self._selector.select(0):
                self._hear_one(key.data)
            self._heard |= {mailbox_id for mailbox_id, each in self._waiting.items() if each.has_news}
            for waiting in self._waiting.values():
                waiting.has_news = False

    def _hear_one(self, waiting: _Waiting) -> None:
        try:
            waiting.hear()
        except MailServerError as error:
            _log_deaf(waiting.connection.mailbox, error)
            self._end(waiting.connection.mailbox.id)

    def _review(self, now: int) -> None:
        """End what waits for a mailbox that was paused, disconnected, or read by another worker, which now waits.

        What has waited for long counts as news, so that a pass lets it wait anew.
        """
        with self._lock:
            reviewed = dict(self._waiting)
        with self._database.read() as connection:
            passes = mailbox_sync.passes_of_active(connection, reviewed)
        with self._lock:
            for mailbox_id, waiting in reviewed.items():
                if self._waiting.get(mailbox_id) is not waiting:
                    continue
                if mailbox_id not in passes or passes[mailbox_id] > waiting.since:
                    self._end(mailbox_id)
                elif now >= waiting.since + LONGEST_WAIT:
                    self._heard.add(mailbox_id)

    def _end(self, mailbox_id: int) -> None:
        waiting = self._removed(mailbox_id)
        if waiting is not None:
            waiting.hang_up()

    def _removed(self, mailbox_id: int) -> _Waiting | None:
        waiting = self._waiting.pop(mailbox_id, None)
        if waiting is not None:
            self._selector.unregister(waiting.idling)
        return waiting


def _has_more(figures: Figures, folder: Folder) -> bool:
    """Say whether something came to a folder since it was read."""
    is_another = figures.uidvalidity != folder.uidvalidity
    return is_another or figures.messages > (folder.messages or 0) or (figures.uidnext or 0) > (folder.uidnext or 0)


def _log_deaf(mailbox: Mailbox, error: MailServerError) -> None:
    """Log why mail of a mailbox is heard of with its turn only."""
    _logger.info("mailbox not waited for", mailbox=mailbox.address, reason=str(error))
