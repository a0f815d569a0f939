"""A pass over a mailbox on a real server: what is new is stored, folder by folder, and what fails is said."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from postroom.actions import store_mail
from postroom.actions.dead_letters import list_dead_letters, replay_dead_letters
from postroom.actions.errors import InvalidInput, NotAllowed, NotFound
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.mailbox_pass import FolderReport
from postroom.actions.mailbox_status import read_status
from postroom.actions.mailboxes import disconnect_mailbox, list_mailboxes
from postroom.actions.sync import sync_mailbox
from postroom.actions.sync_imap import RECONCILE_SECONDS
from postroom.cli.mailbox_words import facts_of
from postroom.core.model import MailboxState
from postroom.mail import imap, parse
from postroom.mail.server import AuthenticationFailed
from postroom.storage.mail import count_mail
from postroom.storage.secrets import SecretBox, SecretKeyError
from tests.servers.dovecot import Dovecot
from tests.storage.contents import contents
from tests.storage.poison import POISON, refusing_poison
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import NOW, OPERATOR, Team, email_of, message
from tests.worker.reading import how_it_stands

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def count(team: Team) -> tuple[int, int]:
    """Give how many copies are stored, and how many e-mails they are."""
    with team.database.read() as connection:
        return count_mail(connection)


class TestPass:
    @pytest.mark.parametrize("mail_server", ["dovecot", "cyrus"], indirect=True)
    def test_every_folder_is_stored_once_and_unwanted_mail_is_not(self, account: Account) -> None:
        for folder in ("INBOX", "INBOX", "Sent", "Customers", "Trash", "Drafts"):
            account.put(folder)
        first = account.sync()
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
        assert account.sync()["INBOX"] == FolderReport("INBOX", stored=0, known=1)
        assert contents(account.team.database) == before
        account.put("INBOX")
        assert account.sync()["INBOX"] == FolderReport("INBOX", stored=1, known=1)

    @pytest.mark.parametrize("mailbox_protocol", ["imap", "pop"])
    def test_a_first_reading_says_how_many_messages_are_to_come(
        self, team: Team, dovecot: Dovecot, mailbox_protocol: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        port = {"imap": dovecot.imap_port, "pop": dovecot.pop_port}[mailbox_protocol]
        account = Account(team, dovecot, port=port, protocol=mailbox_protocol)
        for _ in range(5):
            account.put("INBOX")
        monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 2)
        told: list[tuple[int, int, str]] = []

        def tell(*_: object) -> None:
            status = read_status(team.database, account.address, by=OPERATOR)
            words = dict(facts_of(status, NOW, ZoneInfo("UTC")))["Messages stored"]
            told.append((status.messages, status.to_come, words))

        account.sync(tell)
        assert told == [(2, 3, "2 of 5"), (4, 1, "4 of 5"), (5, 0, "5")]

    def test_progress_goes_to_its_end_in_each_folder(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        for folder in ("INBOX", "INBOX", "INBOX", "Customers"):
            account.put(folder)
        monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 2)
        heard: list[tuple[str, int, int]] = []
        account.sync(lambda *step: heard.append(step))
        assert sorted(heard) == [("Customers", 1, 1), ("INBOX", 2, 3), ("INBOX", 3, 3)]

    def test_damage_is_named_with_its_place(self, account: Account) -> None:
        account.server.append(account.address, "INBOX", b"Date: yesterday\r\n\r\nHello")
        assert ("INBOX message 1", "Date: not a date") in account.pass_over().problems

    def test_messages_that_are_too_large_to_be_read_do_not_agree_because_of_that(
        self, account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of both only the headers come, and one is imported as well."""
        monkeypatch.setattr(imap, "MAX_MESSAGE_BYTES", 1000)
        monkeypatch.setattr(parse, "MAX_MESSAGE_BYTES", 1000)
        large = message(CUSTOMER, [account.address], "<1@customer.example>", "x" * 2000)
        (tmp_path / "large.eml").write_bytes(large)
        for raw in (large, large.replace(b"Subject: Offer", b"Subject: Another")):
            account.server.append(account.address, "INBOX", raw)
        sentence = "body: not read, the message is too large"
        problems = account.pass_over().problems
        assert problems == [("INBOX message 2", sentence), ("INBOX message 1", sentence)]
        assert count(account.team) == (2, 2)
        import_mail(account.team.database, tmp_path / "large.eml", Destination(mailbox=email_of("Bob")), id, now=NOW)
        assert count(account.team) == (3, 2)

    def test_what_cannot_be_stored_is_kept_and_not_fetched_again(self, account: Account) -> None:
        for number, subject in enumerate(("Offer", POISON, "Offer")):
            raw = message(CUSTOMER, [account.address], f"<{number}@x>")
            account.server.append(account.address, "INBOX", raw.replace(b"Offer", subject.encode()))
        with refusing_poison(account.team.database):
            assert account.sync()["INBOX"] == FolderReport("INBOX", stored=2, dead_letters=1)
        assert account.sync(after=RECONCILE_SECONDS)["INBOX"] == FolderReport("INBOX", known=3)
        (letter,) = list_dead_letters(account.team.database, by=OPERATOR, limit=9)
        assert letter.letter.place == "INBOX message 2"
        replay_dead_letters(account.team.database, by=OPERATOR, now=NOW)
        assert count(account.team) == (3, 3)
        assert account.sync(after=2 * RECONCILE_SECONDS)["INBOX"] == FolderReport("INBOX", known=3)
        assert count(account.team) == (3, 3)

    def test_a_folder_that_fails_stops_no_other(self, account: Account) -> None:
        for folder in ("A", "B", "C"):
            account.put(folder)
        first, second, third = (folder.name for folder in account.pass_over().folders if folder.stored)
        for folder in (first, second, third):
            account.put(folder)

        def delete_second(_folder: str, _done: int, _total: int) -> None:
            with account.server.client(account.address) as client:
                if client.folder_exists(second):
                    client.delete_folder(second)

        report = account.sync(delete_second)
        assert (report[first].stored, report[third].stored) == (1, 1)
        assert "did not give the folder" in str(report[second].failed)

    def test_a_folder_that_was_made_anew_is_read_anew(self, account: Account) -> None:
        """Its UIDs begin at one again, under another UIDVALIDITY."""
        account.put("Customers")
        account.sync()
        with account.client() as client:
            client.delete_folder("Customers")
        account.put("Customers", body="Another")
        assert account.sync()["Customers"].stored == 1
        assert count(account.team) == (1, 1)


class TestRefusals:
    def test_a_mailbox_that_cannot_be_synchronised(self, team: Team) -> None:
        team.user("Alice", mailbox="pop")
        team.user("Bob", mailbox="imap")
        for name in ("Alice", "Bob"):
            with pytest.raises((InvalidInput, NotAllowed), match="has no server; it is fed by"):
                sync_mailbox(team.database, team.box, how_it_stands(team.database, email_of(name)).mailbox_id, NOW)
        with pytest.raises(NotFound, match="there is no connected mailbox"):
            sync_mailbox(team.database, team.box, 1, NOW)

    def test_without_the_key_nobody_is_asked(self, account: Account, tmp_path: Path) -> None:
        with pytest.raises(SecretKeyError):
            sync_mailbox(account.team.database, SecretBox(tmp_path / "other.key"), account.mailbox_id, NOW)

    def test_a_wrong_password_leaves_the_mailbox_as_it_is(self, team: Team, dovecot: Dovecot) -> None:
        account = Account(team, dovecot)
        account.put("INBOX")
        disconnect_mailbox(team.database, account.address, by=OPERATOR, now=NOW)
        account.connect("Alice", "wrong")
        with pytest.raises(AuthenticationFailed):
            account.sync()
        states = [mailbox.state for mailbox, _, _ in list_mailboxes(team.database) if mailbox.host is not None]
        assert states == [MailboxState.DISCONNECTED, MailboxState.ACTIVE]
        assert contents(team.database)["copies"] == []
