"""A message that cannot be stored is kept as it came, stops no other, and is stored as soon as it can be."""

import secrets
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from postroom.actions import store_mail
from postroom.actions.dead_letters import (
    list_dead_letters,
    replay_dead_letter,
    replay_dead_letters,
    show_dead_letter,
)
from postroom.actions.errors import ActionError, InvalidInput, NotFound
from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.store_mail import MailReport
from postroom.core.model import DeadLetter, Message
from postroom.mail.parse import parse_message
from postroom.storage.mail import count_mail
from tests.storage.contents import contents
from tests.storage.poison import POISON, refusing_poison
from tests.team import NOW, OPERATOR, Team, email_of, message

LEAD = 1001
CUSTOMER = "lead@customer.example"
ALICE = Destination(mailbox=email_of("Alice"))
LATER = NOW + 60
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def mail(number: int, subject: str = "Offer") -> bytes:
    raw = message(CUSTOMER, [email_of("Alice")], f"<{number}@customer.example>")
    return raw.replace(b"Subject: Offer", f"Subject: {subject}".encode())


@pytest.fixture
def office(team: Team) -> Team:
    """Alice's mailbox is public; Bob owns the lead; Dora administers."""
    team.user("Alice")
    team.user("Bob", mailbox=None)
    team.user("Dora", mailbox=None, profile="Administrator")
    team.permission("Alice", "public")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    return team


def take(team: Team, folder: Path, *messages: bytes, destination: Destination = ALICE, now: int = NOW) -> MailReport:
    folder = folder / "export"
    folder.mkdir(exist_ok=True)
    for number, raw in enumerate(messages):
        (folder / f"{number:04}.eml").write_bytes(raw)
    return import_mail(team.database, folder, destination, id, now=now)


def letters(team: Team) -> list[DeadLetter]:
    return [each.letter for each in list_dead_letters(team.database, by=OPERATOR, limit=1000)]


def count(team: Team) -> int:
    with team.database.read() as connection:
        return count_mail(connection)[0]


@pytest.fixture
def dead(office: Team, tmp_path: Path) -> DeadLetter:
    """Give the one letter of Alice's."""
    with refusing_poison(office.database):
        take(office, tmp_path, mail(1, POISON))
    (letter,) = letters(office)
    return letter


class TestKeeping:
    def test_what_the_database_refuses_is_kept_as_it_came_and_stops_no_other(
        self, office: Team, tmp_path: Path
    ) -> None:
        with refusing_poison(office.database):
            report = take(office, tmp_path, mail(1), mail(2, POISON), mail(3), mail(4, POISON), mail(5))
        assert (report.stored, report.known, report.dead_letters, count(office)) == (3, 0, 2, 3)
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]
        first, second = letters(office)
        assert (first.place, second.place) == ("export/0001.eml", "export/0003.eml")
        assert (first.size, first.failed_at, first.truncated) == (len(mail(2, POISON)), NOW, False)
        assert "IntegrityError" in first.reason
        assert "poison" in first.reason
        assert "INSERT" not in first.reason
        assert show_dead_letter(office.database, str(second.id), by=OPERATOR)[1] == mail(4, POISON)
        assert report.problems == [
            (each.place, f"not stored, kept as a dead letter: {each.reason}") for each in (first, second)
        ]

    @on_sqlite
    def test_what_cannot_be_parsed_too(self, office: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def parse(raw: bytes, *, truncated: bool) -> Message:
            if b"2@customer" in raw:
                raise MemoryError("no\nroom\x1b[2J")
            return parse_message(raw, truncated=truncated)

        monkeypatch.setattr(store_mail, "parse_message", parse)
        report = take(office, tmp_path, mail(1), mail(2), mail(3))
        assert (report.stored, report.dead_letters) == (2, 1)
        assert letters(office)[0].reason == "MemoryError: no"
        monkeypatch.undo()
        assert replay_dead_letters(office.database, by=OPERATOR, now=LATER).stored == 1
        assert count(office) == 3

    @on_sqlite
    def test_what_is_stored_already_does_not_die(
        self, office: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object, **__: object) -> Message:
            raise RecursionError

        take(office, tmp_path, mail(1))
        monkeypatch.setattr(store_mail, "parse_message", fail)
        report = take(office, tmp_path, mail(1))
        assert (report.known, report.dead_letters, letters(office)) == (1, 0, [])

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_what_is_too_large_for_an_index_is_a_value_too(self, office: Team, tmp_path: Path) -> None:
        with office.database.write() as connection:
            connection.execute(text("CREATE INDEX ON copies (subject)"))
        incompressible = "".join(chr(0x4E00 + secrets.randbelow(0x5000)) for _ in range(1000))
        report = take(office, tmp_path, mail(1), mail(2, incompressible))
        assert (report.stored, report.dead_letters) == (1, 1)
        assert letters(office)[0].reason.startswith("OperationalError: index row size")

    @pytest.mark.parametrize("table", ["raw_messages", "dead_letters"])
    def test_a_database_that_is_out_of_order_kills_no_message(self, office: Team, tmp_path: Path, table: str) -> None:
        """The whole batch is taken back, to be read again when the database is whole."""
        with office.database.write() as connection:
            connection.execute(text(f"ALTER TABLE {table} RENAME TO elsewhere"))
        with refusing_poison(office.database), pytest.raises(DBAPIError):
            take(office, tmp_path, mail(1), mail(2, POISON))
        with office.database.write() as connection:
            connection.execute(text(f"ALTER TABLE elsewhere RENAME TO {table}"))
        assert (letters(office), count(office)) == ([], 0)

    @on_sqlite
    def test_many_in_a_large_batch_are_all_found(self, office: Team, tmp_path: Path) -> None:
        poisoned = {0, 1, 77, 198, 199, 200, 240}
        raws = [mail(number, POISON if number in poisoned else "Offer") for number in range(241)]
        with refusing_poison(office.database):
            report = take(office, tmp_path, *raws)
        assert (report.stored, report.dead_letters) == (241 - len(poisoned), len(poisoned))
        assert {each.place for each in letters(office)} == {f"export/{number:04}.eml" for number in poisoned}


class TestAgain:
    def test_importing_again_changes_the_time_alone(self, office: Team, tmp_path: Path, dead: DeadLetter) -> None:
        before = contents(office.database)
        with refusing_poison(office.database):
            take(office, tmp_path, mail(1, POISON))
            assert contents(office.database)["dead_letters"] == before["dead_letters"]
            take(office, tmp_path, mail(1, POISON), now=LATER)
        (again,) = letters(office)
        assert (again.id, again.failed_at) == (dead.id, LATER)

    @pytest.mark.usefixtures("dead")
    def test_importing_again_stores_what_can_be_stored_now(self, office: Team, tmp_path: Path) -> None:
        assert take(office, tmp_path, mail(1, POISON)).stored == 1
        assert (letters(office), count(office)) == ([], 1)

    def test_a_replay_stores_what_can_be_stored_now(self, office: Team, dead: DeadLetter) -> None:
        assert office.shares("Bob", "Leads", LEAD) == []
        report = replay_dead_letter(office.database, str(dead.id), by=OPERATOR, now=LATER)
        assert (report.stored, report.failed, letters(office)) == (1, [], [])
        assert office.shares("Bob", "Leads", LEAD) == ["Alice"]

    def test_a_replay_that_fails_keeps_the_letter(self, office: Team, dead: DeadLetter) -> None:
        with refusing_poison(office.database):
            report = replay_dead_letter(office.database, str(dead.id), by=OPERATOR, now=LATER)
        assert report.stored == 0
        assert [(each.id, each.failed_at) for each in report.failed] == [(dead.id, LATER)]
        assert letters(office) == report.failed

    def test_all_are_tried_and_none_twice(self, office: Team, tmp_path: Path) -> None:
        with refusing_poison(office.database):
            take(office, tmp_path, *(mail(number, POISON) for number in range(3)))
            assert len(replay_dead_letters(office.database, by=OPERATOR, now=LATER).failed) == 3
        report = replay_dead_letters(office.database, by=OPERATOR, now=LATER)
        assert (report.stored, report.failed, letters(office)) == (3, [], [])

    @on_sqlite
    def test_what_was_to_be_filed_by_hand_still_is(self, office: Team, tmp_path: Path) -> None:
        other = office.record("Leads", "Bob", "other@customer.example")
        filed = Destination(mailbox=email_of("Alice"), record=f"Leads/{other}")
        with refusing_poison(office.database):
            take(office, tmp_path, mail(1, POISON), destination=filed)
        replay_dead_letters(office.database, by=OPERATOR, now=LATER)
        assert office.shares("Bob", "Leads", other) == ["Alice"]

    def test_mail_sent_from_a_crm_dies_and_lives_too(self, office: Team, tmp_path: Path) -> None:
        with refusing_poison(office.database):
            for _ in range(2):
                take(office, tmp_path, mail(1, POISON), destination=Destination(sent_by=email_of("Bob")))
        (letter,) = letters(office)
        assert (letter.mailbox_id, letter.kind) == (None, "crm")
        assert replay_dead_letters(office.database, by=OPERATOR, now=LATER).stored == 1


class TestWhoSeesThem:
    def test_its_owner_and_administrators_know_of_it(self, office: Team, dead: DeadLetter) -> None:
        for name, known in (("Alice", [dead]), ("Dora", [dead]), ("Bob", [])):
            actor = office.actor(name)
            assert [each.letter for each in list_dead_letters(office.database, by=actor, limit=9)] == known, name
            asked = list_dead_letters(office.database, email_of("Alice"), by=actor, limit=9)
            assert [each.letter for each in asked] == known, name

    @pytest.mark.parametrize("name", ["Bob", "Dora"])
    def test_nobody_but_its_owner_reads_it(self, office: Team, dead: DeadLetter, name: str) -> None:
        """A letter of somebody else answers like one that is not there."""
        said = []
        for reference in (str(dead.id), "7"):
            with pytest.raises(NotFound) as refused:
                show_dead_letter(office.database, reference, by=office.actor(name))
            said.append(str(refused.value).replace(reference, "N"))
        assert len(set(said)) == 1
        assert show_dead_letter(office.database, str(dead.id), by=office.actor("Alice"))[1] == mail(1, POISON)

    def test_its_owner_and_administrators_may_try_it_again(self, office: Team, dead: DeadLetter) -> None:
        with pytest.raises(NotFound):
            replay_dead_letter(office.database, str(dead.id), by=office.actor("Bob"), now=LATER)
        assert replay_dead_letters(office.database, by=office.actor("Bob"), now=LATER).stored == 0
        assert letters(office) == [dead]
        assert replay_dead_letter(office.database, str(dead.id), by=office.actor("Dora"), now=LATER).stored == 1

    @on_sqlite
    @pytest.mark.parametrize(("reference", "refusal"), [("x", InvalidInput), ("7", NotFound)])
    def test_what_is_none_is_refused(self, office: Team, reference: str, refusal: type[ActionError]) -> None:
        with pytest.raises(refusal):
            show_dead_letter(office.database, reference, by=OPERATOR)
        with pytest.raises(refusal):
            replay_dead_letter(office.database, reference, by=OPERATOR, now=NOW)
