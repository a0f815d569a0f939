"""A demo organisation in a database of its own, and questions to it."""

import csv
from collections.abc import Iterator
from pathlib import Path

from postroom.actions.changes import Change
from postroom.actions.demo import create_demo
from postroom.actions.errors import RecordInvalid
from postroom.actions.explain import Explanation, explain
from postroom.actions.mailboxes import list_mailboxes
from postroom.actions.organisation import list_users
from postroom.actions.preview import Preview, preview
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.tokens import create_token
from postroom.actions.withhold import list_own_emails
from postroom.core.details import SharingDetails
from postroom.core.model import OwnEmail
from postroom.demo.people import DOMAIN
from postroom.demo.records import MODULES, table
from postroom.storage.database import Database, sqlite_url
from postroom.storage.mail import count_mail
from postroom.storage.secrets import SecretBox
from postroom.storage.sharing_facts import SharingFactsReader
from tests.team import OPERATOR

NOW = 1_800_000_000


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


class Installed:
    """A database, SQLite in the folder unless a URL is given, and questions to it."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.database = Database(url or sqlite_url(folder / "postroom.sqlite3"))
        self.box = SecretBox(folder / "secret.key")
        self.reader = SharingFactsReader(self.database)
        self.steps: list[tuple[int, int]] = []

    def create(self, *, stop_at: int | None = None) -> bool:
        """Create the demo, or be interrupted after so many steps."""

        def on_progress(done: int, total: int) -> None:
            self.steps.append((done, total))
            if done == stop_at:
                raise Interrupted

        return create_demo(self.database, self.box, on_progress)

    def ask(self, token: str, module: str, record_id: str, now: int = NOW) -> SharingDetails | None:
        """Give the answer, None where the record is none for this caller."""
        try:
            return read_sharing_details(self.reader, token, module, record_id, now=now)
        except RecordInvalid:
            return None

    def answers(self, user: str) -> dict[str, SharingDetails | None]:
        """Ask as a user about every record."""
        token = create_token(self.database, user, "ZohoCRM.modules.ALL", now=NOW)
        return {f"{module}/{record_id}": self.ask(token, module, record_id) for module, record_id in all_records()}

    def explain(self, viewer: str, owner: str, reference: str) -> Explanation:
        """Ask why somebody sees mail, or why not."""
        return explain(self.database, viewer, owner, reference, by=OPERATOR)

    def preview(self, change: Change) -> Preview:
        """Say what a change would do."""
        return preview(self.database, change, OPERATOR, now=NOW)

    def own_emails(self, user: str) -> list[OwnEmail]:
        """Give what a user finds in the own mail."""
        return list_own_emails(self.database, user, by=OPERATOR, limit=1000)

    def mail(self) -> tuple[int, int]:
        """Give how many copies there are, and how many e-mails."""
        with self.database.read() as connection:
            return count_mail(connection)

    def mailboxes(self) -> list[tuple[str, str, str, int]]:
        """Give every mailbox with its number of copies."""
        return [(each.address, each.protocol, each.state, copies) for each, _, copies in list_mailboxes(self.database)]

    def people(self) -> list[tuple[str, str | None, str, str | None, str | None]]:
        """Give everybody with role, status and permissions."""
        return [
            (user.email, role, user.status, user.assigned_permission, user.chosen_permission)
            for user, role in list_users(self.database)
        ]


def email_of(local: str) -> str:
    return f"{local}@{DOMAIN}"


def all_records() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        with table(module) as path, path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield module, row["id"]
