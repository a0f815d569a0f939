"""A user's account on a real server, synchronised into a database."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from imapclient import IMAPClient
from sqlalchemy import select

from postroom.actions.mailbox_pass import FolderReport, SyncReport
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.sync import sync_mailbox
from postroom.core.model import Folder, Security
from postroom.mail.server import ConnectionFailed
from postroom.storage.folders import folders_of
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import copies
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.team import NOW, OPERATOR, Team, email_of, message

LEAD = 1001
CUSTOMER = "lead@customer.example"


class Stored(NamedTuple):
    """A copy, as the database has it."""

    id: int
    folder: str
    uidvalidity: int
    uid: str
    flags: str
    gone_at: int | None


class Account:
    """A user's account; what comes in is from the lead. Folders have plain names, whatever the server calls them."""

    def __init__(
        self, team: Team, server: Dovecot | Cyrus, name: str = "Alice", port: int | None = None, protocol: str = "imap"
    ) -> None:
        """Connect the account as the mailbox of a new user; `port` is that of a proxy before the server."""
        self.team, self.server, self.port = team, server, port or server.imap_port
        self.protocol = protocol
        self.address = f"{uuid.uuid4().hex}@test.example"
        self.name = name
        self.user_id = team.user(name, mailbox=None).id
        self.mailbox_id = 0
        self.connect(name, server.password)

    def connect(self, name: str, password: str) -> None:
        """Connect the account as a user's mailbox."""
        mailbox = NewMailbox(self.protocol, self.address, "127.0.0.1", self.port, Security.NONE, None, password)
        added = add_mailbox(self.team.database, self.team.box, email_of(name), mailbox, by=OPERATOR, now=NOW)
        self.mailbox_id = added.id

    def put(self, folder: str, body: str = "Hello") -> int:
        """Put a new message into a folder, and give its UID."""
        raw = message(CUSTOMER, [self.address], f"<{uuid.uuid4()}@x>", body)
        return self.server.append(self.address, folder, raw)

    def named(self, folder: str) -> str:
        """Give the name by which the server knows a folder."""
        return self.server.named(folder)

    def client(self) -> IMAPClient:
        """Give a mail program, to be used in a with statement."""
        return self.server.client(self.address)

    def move(self, uids: list[int], source: str, target: str) -> None:
        with self.client() as client:
            client.select_folder(self.named(source))
            if not client.folder_exists(self.named(target)):
                client.create_folder(self.named(target))
            client.move(uids, self.named(target))

    def expunge(self, folder: str, uids: list[int]) -> None:
        with self.client() as client:
            client.select_folder(self.named(folder))
            client.delete_messages(uids)
            client.expunge()

    def sync(
        self,
        on_progress: Callable[[str, int, int], None] = lambda *_: None,
        *,
        after: int = 0,
        since: int | None = None,
    ) -> dict[str, FolderReport]:
        """Synchronise, some seconds `after` the beginning of the test; give what became of each folder."""
        report = self.pass_over(on_progress, after=after, since=since)
        return {self.server.plain(folder.name): folder for folder in report.folders}

    def pass_over(
        self,
        on_progress: Callable[[str, int, int], None] = lambda *_: None,
        *,
        after: int = 0,
        since: int | None = None,
    ) -> SyncReport:
        return sync_mailbox(
            self.team.database, self.team.box, self.mailbox_id, NOW + after, since=since, on_progress=on_progress
        )

    def try_to_sync(self, timeout: float) -> None:
        """Synchronise with a server that may not hold on to the end; it has some seconds for each answer."""
        with suppress(ConnectionFailed):
            sync_mailbox(self.team.database, self.team.box, self.mailbox_id, NOW, timeout=timeout)

    def stored(self) -> list[Stored]:
        """Give every copy, in the order of ids."""
        columns = (copies.c[name] for name in Stored._fields)
        with self.team.database.read() as connection:
            of_mailbox = select(*columns).where(copies.c.mailbox_id == self.mailbox_id).order_by(copies.c.id)
            found = [Stored(*row) for row in connection.execute(of_mailbox)]
        return [copy._replace(folder=self.server.plain(copy.folder)) for copy in found]

    def texts(self) -> dict[tuple[str, str], bytes]:
        """Give the text of each copy that is not gone, by folder and UID."""
        with self.team.database.read() as connection:
            there = [copy for copy in self.stored() if copy.gone_at is None]
            return {(copy.folder, copy.uid): raw_message(connection, copy.id) for copy in there}

    def there(self) -> set[tuple[str, str]]:
        """Give folder and UID of each copy that is not gone."""
        return {(copy.folder, copy.uid) for copy in self.stored() if copy.gone_at is None}

    def folder(self, name: str) -> Folder:
        with self.team.database.read() as connection:
            return folders_of(connection, self.mailbox_id)[self.named(name)]

    def mail_on_lead(self) -> int:
        """Give how many copies are counted on the lead, as the answers have it."""
        with self.team.database.read() as connection:
            rows = connection.exec_driver_sql("SELECT copies FROM record_mail").all()
        return sum(row[0] for row in rows)
