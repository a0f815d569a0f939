"""Whatever happens on the server, in whatever order: after a pass the views have what the server has.

A message that stays in the mailbox keeps its copy, and what was filed by hand stays filed. POSTROOM_MANY_EXAMPLES=1
draws many more stories, and others each time.
"""

import os
from collections import defaultdict
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from postroom.actions.mailbox_pass import DOUBT_SECONDS
from postroom.actions.read_emails import FIRST_INDEX, EmailReader
from postroom.core.details import Wanted
from postroom.storage.associations import associate_by_hand
from postroom.storage.schema import associations, copies
from tests.asking import email_reader
from tests.servers.dovecot import Dovecot
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import NOW, Team, message

MANY = os.environ.get("POSTROOM_MANY_EXAMPLES") == "1"
FILED = 1002  # a record that knows nothing of the mail
FOLDERS = ("INBOX", "A", "B", "C")
FLAGS = ("\\Seen", "\\Flagged", "$Work")

folders = st.sampled_from(FOLDERS)
some = st.sets(st.integers(0, 7), min_size=1, max_size=4)


class Mailbox(RuleBasedStateMachine):
    """A mail program and a pass take turns with one mailbox."""

    new_account: Callable[[], Account]
    reader: EmailReader

    @initialize()
    def begin(self) -> None:
        self.account = self.new_account()
        self.client = self.account.client()
        self.account.team.permission(self.account.name, "public")
        self.numbers = count(1)
        self.now = 0
        self.synced: dict[str, list[int]] = {}  # the ids of the copies of each message, as of the last pass
        self.filed: set[str] = set()
        for folder in ("INBOX", "A", "B"):  # else most stories are about nothing
            self.deliver(folder, 3)
        self.settle()

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.client.logout()

    def open(self, folder: str) -> list[int]:
        """Open a folder, made if it is not there; give its UIDs."""
        if not self.exists(folder):
            self.client.create_folder(self.account.named(folder))
        self.client.select_folder(self.account.named(folder))
        return self.client.search()

    def exists(self, folder: str) -> bool:
        return self.client.folder_exists(self.account.named(folder))

    def picked(self, folder: str, numbers: set[int]) -> list[int]:
        uids = self.open(folder)
        return sorted({uids[number % len(uids)] for number in numbers}) if uids else []

    @rule(folder=folders, many=st.integers(1, 3))
    def deliver(self, folder: str, many: int) -> None:
        self.open(folder)
        for _ in range(many):
            number = next(self.numbers)
            raw = message(CUSTOMER, ["me@team.example"], f"<{number}@x>", f"Hello {number}")
            self.client.append(self.account.named(folder), raw)

    @rule(source=folders, into=folders, numbers=some)
    def move(self, source: str, into: str, numbers: set[int]) -> None:
        self.open(into)
        if uids := self.picked(source, numbers):
            self.client.move(uids, self.account.named(into))

    @rule(source=folders, into=folders, numbers=some)
    def copy(self, source: str, into: str, numbers: set[int]) -> None:
        self.open(into)
        if uids := self.picked(source, numbers):
            self.client.copy(uids, self.account.named(into))

    @rule(folder=folders, numbers=some)
    def expunge(self, folder: str, numbers: set[int]) -> None:
        if uids := self.picked(folder, numbers):
            self.client.delete_messages(uids)
            self.client.expunge()

    @rule(folder=folders, numbers=some, flag=st.sampled_from(FLAGS), add=st.booleans())
    def flag(self, folder: str, numbers: set[int], flag: str, add: bool) -> None:
        if uids := self.picked(folder, numbers):
            (self.client.add_flags if add else self.client.remove_flags)(uids, [flag])

    @rule(source=st.sampled_from(FOLDERS[1:]), into=st.sampled_from(FOLDERS[1:]))
    def rename(self, source: str, into: str) -> None:
        if self.exists(source) and not self.exists(into):
            self.client.select_folder("INBOX")
            self.client.rename_folder(self.account.named(source), self.account.named(into))

    @rule(folder=st.sampled_from(FOLDERS[1:]))
    def delete_folder(self, folder: str) -> None:
        if self.exists(folder):
            self.client.select_folder("INBOX")
            self.client.delete_folder(self.account.named(folder))

    @rule(folder=st.sampled_from(FOLDERS[1:]))
    def reset_uidvalidity(self, folder: str) -> None:
        """Make a folder anew with the same messages in another order."""
        uids = self.open(folder)
        raws = [answer[b"BODY[]"] for answer in self.client.fetch(uids, ["BODY.PEEK[]"]).values()]
        folder = self.account.named(folder)
        self.client.select_folder("INBOX")
        self.client.delete_folder(folder)
        self.client.create_folder(folder)
        for raw in reversed(raws):
            self.client.append(folder, raw)

    @precondition(lambda self: self.synced)
    @rule(number=st.integers(0, 20))
    def file_by_hand(self, number: int) -> None:
        message_id = sorted(self.synced)[number % len(self.synced)]
        with self.account.team.database.write() as connection:
            associate_by_hand(connection, FILED, self.synced[message_id])
        self.filed.add(message_id)

    @rule()
    def settle(self) -> None:
        """Synchronise; what is doubted is believed an hour later."""
        self.now += 10
        if any(report.doubted for report in self.account.sync(after=self.now).values()):
            self.now += DOUBT_SECONDS
            self.account.sync(after=self.now)
        stored = {(copy.folder, copy.uid): copy.flags for copy in self.account.stored() if copy.gone_at is None}
        flags, message_ids = self.on_server()
        assert stored == flags
        assert self.listed_on_lead() == message_ids  # all of them are from the lead
        found = self.copies_by_message()
        self.assert_same_copies(found)
        self.assert_still_filed(found)
        self.synced = found

    def on_server(self) -> tuple[dict[tuple[str, str], str], set[str]]:
        """Give the flags of each message by its place, and the ids of all messages."""
        there, message_ids = {}, set()
        for _, _, name in self.client.list_folders():
            folder = self.account.server.plain(name)
            if folder in FOLDERS:
                self.client.select_folder(name, readonly=True)
                for uid, answer in self.client.fetch(self.client.search(), ["FLAGS", "ENVELOPE"]).items():
                    flags = sorted(flag.decode() for flag in answer[b"FLAGS"] if flag != b"\\Recent")
                    there[folder, str(uid)] = " ".join(flags)
                    message_ids.add(answer[b"ENVELOPE"].message_id.decode().strip("<>"))
        return there, message_ids

    def listed_on_lead(self) -> set[str]:
        """Give the ids of the e-mails that Bob is shown on the lead of this mailbox, page by page."""
        team = self.account.team
        found: list[int] = []
        index: str | None = FIRST_INDEX
        with self.reader.open_record(team.token("Bob"), "Leads", str(LEAD), now=NOW) as record:
            while index is not None:
                page = record.list_emails(Wanted("all_emails", self.account.user_id), index=index)
                found += [email.copy_id for email in page.emails]
                index = page.next_index
        with team.database.read() as connection:
            rows = connection.execute(select(copies.c.message_id).where(copies.c.id.in_(found)))
            return {row.message_id for row in rows}

    def copies_by_message(self) -> dict[str, list[int]]:
        of_mailbox = (copies.c.mailbox_id == self.account.mailbox_id, copies.c.gone_at.is_(None))
        found = defaultdict(list)
        with self.account.team.database.read() as connection:
            for row in connection.execute(select(copies.c.message_id, copies.c.id).where(*of_mailbox)):
                found[row.message_id].append(row.id)
        return dict(found)

    def assert_same_copies(self, found: dict[str, list[int]]) -> None:
        for message_id, before in self.synced.items():
            after = found.get(message_id, before)
            if len(before) == len(after) == 1:
                assert after == before

    def assert_still_filed(self, found: dict[str, list[int]]) -> None:
        by_hand = select(associations.c.copy_id).where(associations.c.record_id == FILED)
        with self.account.team.database.read() as connection:
            filed = set(connection.execute(by_hand).scalars())
        for message_id in self.filed & found.keys():
            assert filed.intersection(found[message_id])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_after_each_pass_the_views_have_what_the_server_has(team: Team, dovecot: Dovecot) -> None:
    """A busy Cyrus at times has a special use for a folder that was just made, which then is rightly not read."""
    users = count(1)
    team.user("Bob")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    team.record("Leads", "Bob", record_id=FILED)

    class WithServer(Mailbox):
        new_account = staticmethod(lambda: Account(team, dovecot, f"User {next(users)}"))
        reader = email_reader(team)

    run_state_machine_as_test(
        WithServer,
        settings=settings(
            max_examples=200 if MANY else 12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
