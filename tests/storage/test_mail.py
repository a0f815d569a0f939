"""Copies: what a source holds is stored once, whole, and beside what every other source holds."""

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import insert, select

from postroom.core.model import Kind, ParticipantRole
from postroom.mail.parse import parse_message
from postroom.storage.database import Database
from postroom.storage.mail import IncomingCopy, Source, copy_ids, count_mail, store_copies, stored_uids
from postroom.storage.schema import copies, copy_participants, email_shares, raw_messages, record_mail
from tests.storage.conftest import at_once, source_of
from tests.team import Team, message

BINARY = bytes(range(256)) * 3


@pytest.fixture
def source(team: Team) -> Source:
    """Give the INBOX of Alice's mailbox."""
    team.user("Alice")
    return source_of(team.database, "Alice")


def sent_by(source: Source, folder: str = "") -> Source:
    return Source(source.user_id, Kind.CRM, None, folder, 0)


def incoming(uid: object, raw: bytes | None = None) -> IncomingCopy:
    raw = raw or message("carol@customer.example", ["alice@team.example"], f"<{uid}@customer.example>")
    return IncomingCopy(str(uid), raw, parse_message(raw))


def store(database: Database, source: Source, *some: IncomingCopy) -> list[int]:
    with database.write() as connection:
        return store_copies(connection, source, some)


def rows(database: Database, statement: Any) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(statement)]


class TestOnce:
    def test_what_is_stored_already_is_passed_over(self, team: Team, source: Source) -> None:
        first = store(team.database, source, incoming(1), incoming(2))
        second = store(team.database, source, incoming(2), incoming(3))
        assert (len(first), len(second)) == (2, 1)
        assert store(team.database, source, incoming(1), incoming(2), incoming(3)) == []
        assert count_mail_in(team.database) == (3, 3)

    def test_nothing_is_nothing(self, team: Team, source: Source) -> None:
        assert store(team.database, source) == []

    def test_one_uid_twice_in_a_batch_is_one_copy(self, team: Team, source: Source) -> None:
        assert len(store(team.database, source, incoming(1), incoming(2), incoming(1))) == 2

    def test_the_same_mail_at_the_same_time_is_stored_once_and_nobody_fails(self, team: Team, source: Source) -> None:
        lead = team.record("Leads", "Alice", "carol@customer.example")
        several = [incoming(uid) for uid in range(20)]
        orders = (several, several[::-1], several[10:] + several[:10], several[::2])
        stored = at_once(*[lambda order=order: store(team.database, source, *order) for order in orders])
        assert sum(map(len, stored)) == len(several)
        assert len(rows(team.database, select(raw_messages.c.copy_id))) == len(several)
        assert counted_on(team.database, lead) == len(several)

    @pytest.mark.parametrize(
        "elsewhere",
        [{"folder": "Sent"}, {"folder": "inbox"}, {"uidvalidity": 2}],
        ids=str,
    )
    def test_a_uid_means_something_in_one_place_only(
        self, team: Team, source: Source, elsewhere: dict[str, Any]
    ) -> None:
        other = source_of(team.database, "Alice", **elsewhere)
        assert len(store(team.database, source, incoming(1))) == 1
        assert len(store(team.database, other, incoming(1))) == 1
        assert stored_uids_of(team.database, source) == stored_uids_of(team.database, other) == {"1"}

    def test_a_colleagues_mailbox_has_uids_of_its_own(self, team: Team, source: Source) -> None:
        team.user("Bob")
        store(team.database, source, incoming(1))
        assert len(store(team.database, source_of(team.database, "Bob"), incoming(1))) == 1

    def test_mail_sent_from_the_crm_is_one_for_each_sender(self, team: Team, source: Source) -> None:
        team.user("Bob")
        store(team.database, sent_by(source), incoming(1))
        assert store(team.database, sent_by(source, "another folder"), incoming(1)) == []
        assert len(store(team.database, sent_by(source_of(team.database, "Bob")), incoming(1))) == 1
        assert len(store(team.database, source, incoming(1))) == 1


class TestWhole:
    def test_the_message_is_kept_byte_for_byte(self, team: Team, source: Source) -> None:
        (copy_id,) = store(team.database, source, incoming(1, BINARY))
        assert rows(team.database, select(raw_messages)) == [(copy_id, BINARY)]

    def test_what_was_read_of_it_and_what_was_not(self, team: Team, source: Source) -> None:
        raw = b"From: Carol <Carol@Customer.Example>\nTo: a@x.example\nSubject: =?utf-8?q?Gr=C3=B6=C3=9Fe?=\n\n."
        store(team.database, source, incoming(1, raw), incoming(2, b"\xff\xfe"))
        columns = (copies.c.message_id, copies.c.sender, copies.c.sent_at, copies.c.subject, copies.c.problems)
        good, bad = rows(team.database, select(*columns).order_by(copies.c.uid))
        assert good == (None, "carol@customer.example", None, "Größe", None)
        assert bad[:4] == (None, None, None, "")
        assert "headers: none found" in bad[4]

    def test_marks_of_what_a_program_sent_and_of_what_was_too_large(self, team: Team, source: Source) -> None:
        raw = message("news@shop.example", ["alice@team.example"], "<9@shop.example>").replace(
            b"To:", b"List-Id: x\nTo:"
        )
        large = IncomingCopy("2", raw, parse_message(raw, truncated=True))
        store(team.database, source, incoming(1), large, incoming(3, raw))
        marks = select(copies.c.is_automated, copies.c.headers_only).order_by(copies.c.uid)
        assert rows(team.database, marks) == [(False, False), (True, True), (True, False)]

    def test_every_participant_in_every_role(self, team: Team, source: Source) -> None:
        raw = b"From: Carol <c@x.example>\nTo: c@x.example, d@x.example\nCc: d@x.example\nBcc: e@x.example\n\n."
        store(team.database, source, incoming(1, raw))
        columns = (copy_participants.c.role, copy_participants.c.address, copy_participants.c.name)
        assert set(rows(team.database, select(*columns))) == {
            (ParticipantRole.FROM, "c@x.example", "Carol"),
            (ParticipantRole.TO, "c@x.example", ""),
            (ParticipantRole.TO, "d@x.example", ""),
            (ParticipantRole.CC, "d@x.example", ""),
            (ParticipantRole.BCC, "e@x.example", ""),
        }

    def test_a_batch_is_stored_whole_or_not_at_all(self, team: Team, source: Source) -> None:
        """A later statement of the same transaction fails."""
        broken = insert(email_shares).values(record_id=1, user_id=1, shared_at=1)
        with pytest.raises(Exception, match=r"(?i)foreign key"), team.database.write() as connection:
            _ = store_copies(connection, source, [incoming(1)]), connection.execute(broken)
        assert count_mail_in(team.database) == (0, 0)
        assert rows(team.database, select(copy_participants)) == []


class TestCounting:
    def test_copies_that_agree_are_one_email(self, team: Team, source: Source) -> None:
        team.user("Bob")
        other = source_of(team.database, "Bob")
        forged = message("mallory@elsewhere.example", ["alice@team.example"], "<1@customer.example>")
        store(team.database, source, incoming(1), incoming(2))
        store(team.database, other, incoming(1), incoming(9, forged))
        store(team.database, sent_by(source), incoming(1))
        assert count_mail_in(team.database) == (5, 3)

    def test_ids_by_uid(self, team: Team, source: Source) -> None:
        ids = store(team.database, source, incoming(1), incoming(2))
        with team.database.read() as connection:
            assert copy_ids(connection, source, ["2", "1", "3"]) == {"1": ids[0], "2": ids[1]}
            assert copy_ids(connection, sent_by(source), ["1"]) == {}


def count_mail_in(database: Database) -> tuple[int, int]:
    with database.read() as connection:
        return count_mail(connection)


def stored_uids_of(database: Database, source: Source) -> Iterable[str]:
    with database.read() as connection:
        return stored_uids(connection, source)


def counted_on(database: Database, record_id: int) -> int:
    counts = rows(database, select(record_mail.c.copies).where(record_mail.c.record_id == record_id))
    return sum(row[0] for row in counts)
