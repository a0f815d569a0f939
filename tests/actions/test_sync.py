"""A pass over a mailbox on a real server: what is new is stored, folder by folder, and what fails is said."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.actions.dead_letters import list_dead_letters, replay_dead_letters
from postroom.actions.errors import InvalidInput, NotFound
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.mailboxes import NewMailbox, add_mailbox, disconnect_mailbox, list_mailboxes
from postroom.actions.sync import FolderReport, SyncReport, sync_mailbox
from postroom.core.model import MailboxState, Security
from postroom.mail import imap, parse
from postroom.mail.server import AuthenticationFailed
from postroom.storage.mail import count_mail
from postroom.storage.secrets import SecretBox, SecretKeyError
from tests.servers.dovecot import Dovecot
from tests.storage.contents import contents
from tests.storage.poison import POISON, refusing_poison
from tests.team import NOW, OPERATOR, Team, email_of, message

LEAD = 1001
CUSTOMER = "lead@customer.example"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Account:
    """Alice's account on the server; Bob owns the lead."""

    def __init__(self, team: Team, dovecot: Dovecot) -> None:
        self.team, self.dovecot = team, dovecot
        self.address = f"{uuid.uuid4().hex}@test.example"
        team.user("Alice", mailbox=None)
        team.user("Bob")
        team.permission("Alice", "public")
        team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
        self.connect(dovecot.password)

    def connect(self, password: str) -> None:
        server = NewMailbox(
            "imap", self.address, self.dovecot.host, self.dovecot.imap_port, Security.NONE, None, password
        )
        add_mailbox(self.team.database, self.team.box, email_of("Alice"), server, by=OPERATOR, now=NOW)

    def put(self, folder: str, body: str = "Hello") -> None:
        self.dovecot.append(self.address, folder, message(CUSTOMER, [self.address], f"<{uuid.uuid4()}@x>", body))

    def sync(self, on_progress: Callable[[str, int, int], None] = lambda *_: None) -> SyncReport:
        return sync_mailbox(self.team.database, self.team.box, self.address, on_progress, now=NOW)


@pytest.fixture
def account(team: Team, dovecot: Dovecot) -> Account:
    return Account(team, dovecot)


def count(team: Team) -> tuple[int, int]:
    """Give how many copies are stored, and how many e-mails they are."""
    with team.database.read() as connection:
        return count_mail(connection)


def by_name(report: SyncReport) -> dict[str, FolderReport]:
    return {folder.name: folder for folder in report.folders}


class TestPass:
    def test_every_folder_is_stored_once_and_unwanted_mail_is_not(self, account: Account) -> None:
        for folder in ("INBOX", "INBOX", "Sent", "Customers", "Trash", "Drafts"):
            account.put(folder)
        first = by_name(account.sync())
        assert {name: folder.stored for name, folder in first.items() if folder.skipped is None and folder.stored} == {
            "INBOX": 2,
            "Sent": 1,
            "Customers": 1,
        }
        assert {name for name, folder in first.items() if folder.skipped} >= {"Trash", "Drafts"}
        assert account.team.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_a_second_one_changes_nothing_and_a_third_takes_what_is_new(self, account: Account) -> None:
        account.put("INBOX")
        account.sync()
        before = contents(account.team.database)
        assert by_name(account.sync())["INBOX"] == FolderReport("INBOX", stored=0, known=1)
        assert contents(account.team.database) == before
        account.put("INBOX")
        assert by_name(account.sync())["INBOX"] == FolderReport("INBOX", stored=1, known=1)

    def test_progress_goes_to_its_end_in_each_folder(self, account: Account) -> None:
        for folder in ("INBOX", "INBOX", "Customers"):
            account.put(folder)
        heard: list[tuple[str, int, int]] = []
        account.sync(lambda *step: heard.append(step))
        assert sorted(heard) == [("Customers", 1, 1), ("INBOX", 1, 2), ("INBOX", 2, 2)]

    def test_damage_is_named_with_its_place(self, account: Account) -> None:
        account.dovecot.append(account.address, "INBOX", b"Date: yesterday\r\n\r\nHello")
        assert ("INBOX message 1", "Date: not a date") in account.sync().problems

    def test_messages_that_are_too_large_to_be_read_do_not_agree_because_of_that(
        self, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of both only the headers come, and one is imported as well."""
        monkeypatch.setattr(imap, "MAX_MESSAGE_BYTES", 1000)
        monkeypatch.setattr(parse, "MAX_MESSAGE_BYTES", 1000)
        large = message(CUSTOMER, [account.address], "<1@customer.example>", "x" * 2000)
        (tmp_path / "large.eml").write_bytes(large)
        for raw in (large, large.replace(b"Subject: Offer", b"Subject: Another")):
            account.dovecot.append(account.address, "INBOX", raw)
        sentence = "body: not read, the message is too large"
        assert account.sync().problems == [("INBOX message 1", sentence), ("INBOX message 2", sentence)]
        assert count(account.team) == (2, 2)
        import_mail(account.team.database, tmp_path / "large.eml", Destination(mailbox=email_of("Bob")), id, now=NOW)
        assert count(account.team) == (3, 2)

    def test_what_cannot_be_stored_is_kept_and_not_fetched_again(self, account: Account) -> None:
        for subject in ("Offer", POISON, "Offer"):
            raw = message(CUSTOMER, [account.address], f"<{uuid.uuid4()}@x>")
            account.dovecot.append(account.address, "INBOX", raw.replace(b"Offer", subject.encode()))
        with refusing_poison(account.team.database):
            assert by_name(account.sync())["INBOX"] == FolderReport("INBOX", stored=2, dead_letters=1)
        assert by_name(account.sync())["INBOX"] == FolderReport("INBOX", known=3)
        (letter,) = list_dead_letters(account.team.database, by=OPERATOR, limit=9)
        assert letter.letter.place == "INBOX message 2"
        replay_dead_letters(account.team.database, by=OPERATOR, now=NOW)
        assert count(account.team) == (3, 3)
        assert by_name(account.sync())["INBOX"] == FolderReport("INBOX", known=3)

    def test_a_folder_that_fails_stops_no_other(self, account: Account) -> None:
        for folder in ("A", "B", "C"):
            account.put(folder)
        first, second, third = (folder.name for folder in account.sync().folders if folder.stored)
        account.put(first)
        account.put(third)

        def delete_second(_folder: str, _done: int, _total: int) -> None:
            with account.dovecot.client(account.address) as client:
                if client.folder_exists(second):
                    client.delete_folder(second)

        report = by_name(account.sync(delete_second))
        assert (report[first].stored, report[third].stored) == (1, 1)
        assert "did not give the folder" in str(report[second].failed)

    def test_a_folder_that_was_made_anew_is_read_anew(self, account: Account) -> None:
        """Its UIDs begin at one again, under another UIDVALIDITY."""
        account.put("Customers")
        account.sync()
        with account.dovecot.client(account.address) as client:
            client.delete_folder("Customers")
        account.put("Customers", body="Another")
        assert by_name(account.sync())["Customers"].stored == 1
        assert count(account.team) == (2, 2)


class TestRefusals:
    def test_a_mailbox_that_cannot_be_synchronised(self, team: Team) -> None:
        team.user("Alice", mailbox="pop")
        team.user("Bob", mailbox="imap")
        for name, sentence in (("Alice", "is a POP mailbox"), ("Bob", "has no server; it is fed by")):
            with pytest.raises(InvalidInput, match=sentence):
                sync_mailbox(team.database, team.box, email_of(name), print, now=NOW)
        with pytest.raises(NotFound, match="there is no connected mailbox"):
            sync_mailbox(team.database, team.box, "zoe@team.example", print, now=NOW)

    def test_without_the_key_nobody_is_asked(self, account: Account, tmp_path: Path) -> None:
        with pytest.raises(SecretKeyError):
            sync_mailbox(account.team.database, SecretBox(tmp_path / "other.key"), account.address, print, now=NOW)

    def test_a_wrong_password_leaves_the_mailbox_as_it_is(self, team: Team, dovecot: Dovecot) -> None:
        account = Account(team, dovecot)
        account.put("INBOX")
        disconnect_mailbox(team.database, account.address, by=OPERATOR, now=NOW)
        account.connect("wrong")
        with pytest.raises(AuthenticationFailed):
            account.sync()
        states = [mailbox.state for mailbox, _, _ in list_mailboxes(team.database) if mailbox.host is not None]
        assert states == [MailboxState.DISCONNECTED, MailboxState.ACTIVE]
        assert contents(team.database)["copies"] == []
