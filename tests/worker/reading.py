"""Reading mailboxes in tests: with a clock that goes on when the test says so."""

import random
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from postroom.actions.leases import LeaseKeeper
from postroom.actions.mailbox_turns import Reader
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.worker import Limits, Worker
from postroom.core.model import MailboxSync, Security
from postroom.storage.database import Database
from postroom.storage.mail import count_mail
from postroom.storage.mailbox_sync import sync_of
from postroom.storage.mailboxes import find_mailbox
from postroom.storage.secrets import SecretBox
from tests.servers.dovecot import Dovecot
from tests.team import NOW, OPERATOR, Team, email_of, message

DEFAULT = Limits()


@dataclass
class Clock:
    """A clock that stands still."""

    seconds: int = field(default=NOW)

    def __call__(self) -> float:
        return self.seconds


def reader(team: Team, box: SecretBox | None = None, clock: Clock | None = None) -> Reader:
    """Give what reads the team's mailboxes."""
    at = clock or Clock()
    return Reader(team.database, box or team.box, LeaseKeeper(team.database, at), at, random.Random(1))


def how_it_stands(database: Database, address: str) -> MailboxSync:
    """Give how it stands with reading a mailbox."""
    with database.read() as connection:
        mailbox = find_mailbox(connection, address)
        assert mailbox is not None, address
        return sync_of(connection, [mailbox.id])[mailbox.id]


def wait_until(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so; fail if it takes far too long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{is_so} did not come true within {seconds} seconds"
        time.sleep(0.02)


@contextmanager
def working(
    accounts: "Accounts", limits: Limits = DEFAULT, interval: int = 300, clock: Callable[[], float] = time.time
) -> Iterator[None]:
    """Run a worker beside the test, and stop it at the end."""
    running = Worker(replace(reader(accounts.team), clock=clock, interval=interval), limits)
    thread = threading.Thread(target=running.run)
    thread.start()
    try:
        yield
    finally:
        running.stop()
        thread.join(30)
        assert not thread.is_alive()


class Accounts:
    """The accounts of a team on a real Dovecot, and at servers that misbehave."""

    def __init__(self, team: Team, dovecot: Dovecot) -> None:
        self.team, self.dovecot = team, dovecot

    def add(
        self,
        name: str,
        *,
        host: str = "",
        port: int = 0,
        password: str = "",
        security: Security = Security.NONE,
    ) -> str:
        """Let a user of the team have an account, by default on the Dovecot; give its address."""
        self.team.user(name, mailbox=None)
        address = f"{name.lower()}-{uuid.uuid4().hex}@test.example"
        new = NewMailbox(
            "imap",
            address,
            host or self.dovecot.host,
            port or (self.dovecot.imaps_port if security is Security.TLS else self.dovecot.imap_port),
            security,
            None,
            password or self.dovecot.password,
        )
        add_mailbox(self.team.database, self.team.box, email_of(name), new, by=OPERATOR, now=NOW)
        return address

    def fill(self, address: str, messages: int) -> None:
        """Put messages into an INBOX, over one connection."""
        with self.dovecot.client(address) as client:
            for _ in range(messages):
                client.append("INBOX", message("lead@customer.example", [address], f"<{uuid.uuid4()}@x>"))

    def deliver(self, address: str) -> None:
        """Let a message arrive, as from a mail transfer agent."""
        self.dovecot.deliver(address, message("lead@customer.example", [address], f"<{uuid.uuid4()}@x>"))

    def stands(self, address: str) -> MailboxSync:
        """Give how it stands with reading a mailbox."""
        return how_it_stands(self.team.database, address)

    def stored(self) -> int:
        """Give how many messages are stored, of all mailboxes."""
        with self.team.database.read() as connection:
            return count_mail(connection)[0]
