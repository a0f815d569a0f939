"""Importing mail: every archive once, nothing dropped, and whose it is decides who sees it."""

import mailbox
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from postroom.actions.errors import ActionError, InvalidInput, NotFound
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.store_mail import MailReport
from postroom.mail.archive import archive_size
from postroom.storage.mail import count_mail
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import copies
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of, message

LEAD = 1001
ADDRESS = "lead@customer.example"
CRM, CONTACTS, IMAP, ALL = "emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails"
ALICE = Destination(mailbox=email_of("Alice"))
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def mail(number: int, sender: str = ADDRESS) -> bytes:
    return message(sender, ["alice@team.example"], f"<{number}@customer.example>").replace(b"\r\n", b"\n") + b"\n"


def as_mbox(folder: Path, *messages: bytes) -> Path:
    box = mailbox.mbox(folder / "archive.mbox")
    for raw in messages:
        box.add(raw)
    box.close()
    return folder / "archive.mbox"


def as_maildir(folder: Path, *messages: bytes) -> Path:
    box = mailbox.Maildir(folder / "Maildir")
    for raw in messages:
        box.add(raw)
    return folder / "Maildir"


def as_folder(folder: Path, *messages: bytes) -> Path:
    (folder / "export").mkdir(exist_ok=True)
    for number, raw in enumerate(messages):
        (folder / "export" / f"{number:04}.eml").write_bytes(raw)
    return folder / "export"


@pytest.fixture
def office(team: Team) -> Team:
    """Alice's mailbox is public; Bob owns the lead; Will has a POP mailbox."""
    team.user("Alice")
    team.user("Will", mailbox="pop")
    team.user("Bob", mailbox=None)
    team.permission("Alice", "public")
    team.permission("Will", "public")
    team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
    return team


def take(
    team: Team, path: Path, destination: Destination = ALICE, on_progress: Callable[[int], None] = id
) -> MailReport:
    return import_mail(team.database, path, destination, on_progress, now=NOW)


def stored(team: Team) -> list[bytes]:
    with team.database.read() as connection:
        return sorted(raw_message(connection, copy_id) for copy_id in connection.execute(select(copies.c.id)).scalars())


class TestArchives:
    @on_sqlite
    @pytest.mark.parametrize("write", [as_mbox, as_maildir, as_folder])
    def test_of_every_kind_are_stored_as_they_are(
        self, office: Team, tmp_path: Path, write: Callable[..., Path]
    ) -> None:
        report = take(office, write(tmp_path, mail(1), mail(2)))
        assert (report.stored, report.known, report.problems) == (2, 0, [])
        assert stored(office) == [mail(1), mail(2)]
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]

    @on_sqlite
    def test_one_message_is_one_too(self, office: Team, tmp_path: Path) -> None:
        assert take(office, as_folder(tmp_path, mail(1)) / "0000.eml").stored == 1
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_twice_changes_nothing(self, office: Team, tmp_path: Path) -> None:
        archive = as_mbox(tmp_path, mail(1), mail(2))
        take(office, archive)
        before = contents(office.database)
        report = take(office, archive)
        assert (report.stored, report.known) == (0, 2)
        assert contents(office.database) == before

    @on_sqlite
    def test_that_overlap_are_stored_once(self, office: Team, tmp_path: Path) -> None:
        take(office, as_mbox(tmp_path, mail(1), mail(2), mail(2)))
        report = take(office, as_maildir(tmp_path, mail(2), mail(3)))
        assert (report.stored, report.known) == (1, 1)
        assert stored(office) == [mail(1), mail(2), mail(3)]

    @on_sqlite
    @pytest.mark.parametrize("name", ["absent", "empty", "notes.txt"])
    def test_that_are_none_are_refused(self, office: Team, tmp_path: Path, name: str) -> None:
        (tmp_path / "empty").mkdir()
        (tmp_path / "notes.txt").write_text("Notes")
        with pytest.raises(InvalidInput, match=r"^path: .*expected an mbox file"):
            take(office, tmp_path / name)


class TestDamage:
    """What cannot be read is kept and listed, and stops nothing."""

    def test_damaged_messages_are_stored_and_named(self, office: Team, tmp_path: Path) -> None:
        garbage, half = bytes(range(256)), b"From: lead@customer.example\nTo: <broken\nDate: yesterday\n\nHello\n"
        report = take(office, as_folder(tmp_path, mail(1), garbage, half, b""))
        assert report.stored == 4
        assert stored(office) == sorted([mail(1), garbage, half, b""])
        assert {problem.place for problem in report.problems} == {f"export/000{number}.eml" for number in (1, 2, 3)}
        assert ("export/0002.eml", "Date: not a date") in report.problems

    def test_damaged_mail_finds_its_record_as_far_as_it_can_be_read(self, office: Team, tmp_path: Path) -> None:
        take(office, as_folder(tmp_path, b"From: lead@customer.example\nDate: yesterday\n\nHello\n"))
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]

    @on_sqlite
    def test_files_that_cannot_be_opened_are_named(self, office: Team, tmp_path: Path) -> None:
        folder = as_folder(tmp_path, mail(1))
        (folder / "gone.eml").symlink_to(folder / "nowhere")
        (folder / "notes.txt").write_text("Notes")
        report = take(office, folder)
        assert (report.stored, report.known) == (1, 0)
        assert sorted(report.problems) == [
            ("export/gone.eml", "cannot be read: No such file or directory"),
            ("export/notes.txt", "not a mail file, neither mbox nor .eml"),
        ]


class TestWhoseItIs:
    def test_mail_of_a_pop_mailbox_is_no_imap_mail(self, office: Team, tmp_path: Path) -> None:
        take(office, as_mbox(tmp_path, mail(1)), Destination(mailbox=email_of("Will")))
        assert office.types("Bob", "Leads", LEAD) == [CONTACTS, ALL]
        assert office.shares("Bob", "Leads", LEAD) == ["Will"]

    def test_mail_sent_from_a_crm_follows_the_record_and_not_the_mailbox(self, office: Team, tmp_path: Path) -> None:
        office.permission("Alice", "private")
        take(office, as_mbox(tmp_path, mail(1)), Destination(sent_by=email_of("Alice")))
        assert office.types("Bob", "Leads", LEAD) == [CRM, CONTACTS, ALL]
        assert office.shares("Bob", "Leads", LEAD) == []

    @on_sqlite
    def test_who_has_no_mailbox_can_have_sent_from_a_crm(self, office: Team, tmp_path: Path) -> None:
        assert take(office, as_mbox(tmp_path, mail(1)), Destination(sent_by=email_of("Bob"))).stored == 1

    def test_one_email_in_two_mailboxes_is_a_copy_for_each(self, office: Team, tmp_path: Path) -> None:
        archive = as_mbox(tmp_path, mail(1), mail(2))
        for destination in (ALICE, Destination(mailbox=email_of("Will")), Destination(sent_by=email_of("Alice"))):
            assert take(office, archive, destination).stored == 2
        with office.database.read() as connection:
            assert count_mail(connection) == (6, 2)

    @on_sqlite
    @pytest.mark.parametrize(
        ("destination", "refusal", "sentence"),
        [
            (Destination(), InvalidInput, "name either the mailbox or the user"),
            (Destination(email_of("Alice"), email_of("Bob")), InvalidInput, "name either the mailbox or the user"),
            (Destination(mailbox=email_of("Bob")), NotFound, "there is no connected mailbox bob@team.example"),
            (Destination(mailbox="Alice"), InvalidInput, "mailbox: 'Alice' is not an e-mail address"),
            (Destination(sent_by=email_of("Zoe")), NotFound, "there is no user zoe@team.example"),
            (Destination(email_of("Alice"), record="Leads/7"), NotFound, "there is no record 7 in Leads"),
            (Destination(email_of("Alice"), record="Deals/1001"), NotFound, "there is no record 1001 in Deals"),
            (Destination(email_of("Alice"), record="1001"), InvalidInput, "is not of the form Leads/"),
        ],
    )
    def test_what_is_not_there_is_refused_and_nothing_stored(
        self, office: Team, tmp_path: Path, destination: Destination, refusal: type[ActionError], sentence: str
    ) -> None:
        before = contents(office.database)
        with pytest.raises(refusal, match=sentence):
            take(office, as_mbox(tmp_path, mail(1)), destination)
        assert contents(office.database) == before

    @on_sqlite
    def test_a_disconnected_mailbox_takes_no_more(self, office: Team, tmp_path: Path) -> None:
        disconnect_mailbox(office.database, email_of("Alice"), by=OPERATOR, now=NOW)
        with pytest.raises(NotFound, match="there is no connected mailbox"):
            take(office, as_mbox(tmp_path, mail(1)))


class TestByHand:
    """All of an archive is associated with a record, whatever addresses it names."""

    FILED = Destination(mailbox=email_of("Alice"), record=f"leads/{LEAD}")

    def test_mail_of_other_people_comes_onto_the_record(self, office: Team, tmp_path: Path) -> None:
        take(office, as_mbox(tmp_path, mail(1, "somebody@elsewhere.example")), self.FILED)
        assert office.types("Bob", "Leads", LEAD) == [IMAP, ALL]
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_mail_that_is_known_already_too_and_once(self, office: Team, tmp_path: Path) -> None:
        archive = as_mbox(tmp_path, mail(1, "somebody@elsewhere.example"))
        take(office, archive)
        assert office.shares("Bob", "Leads", LEAD) == []
        assert take(office, archive, self.FILED).known == 1
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]
        before = contents(office.database)
        take(office, archive, self.FILED)
        assert contents(office.database) == before


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


class TestManyMessages:
    COUNT = 450

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Path:
        folder = as_folder(tmp_path, *map(mail, range(self.COUNT)))
        (folder / "gone.eml").symlink_to(folder / "nowhere")
        (folder / "more.mbox").write_bytes(b"From lead Mon Nov  2 10:00:00 2026\n" + mail(0) + b"\n")
        return folder

    def test_come_in_batches_and_progress_goes_to_its_end(self, office: Team, archive: Path) -> None:
        progress: list[int] = []
        report = take(office, archive, on_progress=progress.append)
        assert (report.stored, report.known, len(report.problems)) == (self.COUNT, 1, 1)
        assert len(progress) == self.COUNT + 2
        assert sum(progress) == archive_size(archive)

    @on_sqlite
    def test_that_were_interrupted_are_completed_by_the_next_import(self, office: Team, archive: Path) -> None:
        steps = iter(range(300))

        def interrupt(_: int) -> None:
            if next(steps, None) is None:
                raise Interrupted

        with pytest.raises(Interrupted):
            take(office, archive, on_progress=interrupt)
        assert len(stored(office)) == 300
        report = take(office, archive)
        assert (report.stored, report.known) == (150, 301)
