"""Which mail belongs to which record, and that the counts which answers are read from never differ from it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, case, func, select

from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.core.model import AssociatedBy, Kind, Record
from postroom.mail.parse import parse_message
from postroom.storage import people, records
from postroom.storage.associations import associate_by_hand, associate_changed_records, dissociate_by_hand
from postroom.storage.database import Database, lock_matching
from postroom.storage.mail import IncomingCopy, Source, store_copies
from postroom.storage.mailboxes import mailbox_of
from postroom.storage.organisation import find_module
from postroom.storage.places import lose_copies, return_copies
from postroom.storage.schema import associations, copies, record_mail
from postroom.storage.withholding import withhold_thread
from tests.storage.conftest import Background, at_once
from tests.team import NOW, Team, email_of, message

ADDRESSES = tuple(f"{name}@customer.example" for name in ("ada", "ben", "cleo"))
OWNERS = ("Alice", "Bob")
RECORDS = (1001, 1002)  # of which only the second is there from the beginning
BY_ADDRESS, BY_HAND = AssociatedBy.ADDRESS, AssociatedBy.HAND

some_addresses = st.sets(st.sampled_from(ADDRESSES), max_size=2)


@dataclass(frozen=True)
class NewMail:
    """Messages come into a mailbox, or are sent from the CRM, in one batch; each is a thread by itself."""

    owner: str
    sent_from_crm: bool
    addresses: list[set[str]]


@dataclass(frozen=True)
class SavedRecords:
    """Records are created, or get these addresses in place of those that they had."""

    addresses: dict[int, set[str]]


@dataclass(frozen=True)
class FiledByHand:
    """Somebody associates mail with a record; numbers wrap around."""

    record_id: int
    copies: set[int]


@dataclass(frozen=True)
class Withheld:
    """A user withholds some of the own mail by hand, or releases it; numbers wrap around."""

    by_hand: bool
    copies: set[int]


@dataclass(frozen=True)
class TakenBack:
    """Somebody takes associations by hand back; numbers wrap around."""

    record_id: int
    copies: set[int]


@dataclass(frozen=True)
class Gone:
    """Mail is gone from its source, or back again; numbers wrap around."""

    away: bool
    copies: set[int]


Step = NewMail | SavedRecords | FiledByHand | Withheld | TakenBack | Gone
some_copies = st.sets(st.integers(0, 5), min_size=1, max_size=3)
steps = st.one_of(
    st.builds(NewMail, st.sampled_from(OWNERS), st.booleans(), st.lists(some_addresses, min_size=1, max_size=3)),
    st.builds(SavedRecords, st.dictionaries(st.sampled_from(RECORDS), some_addresses, min_size=1)),
    st.builds(FiledByHand, st.sampled_from(RECORDS), st.sets(st.integers(0, 5), min_size=1, max_size=2)),
    st.builds(Withheld, st.booleans(), some_copies),
    st.builds(TakenBack, st.sampled_from(RECORDS), some_copies),
    st.builds(Gone, st.booleans(), some_copies),
)


class Undone(Exception):
    """An example is over; nothing of it stays."""


@dataclass
class Office:
    """What there ought to be, beside the database where it is."""

    connection: Connection
    sources: dict[tuple[str, bool], Source]
    module_id: int
    owner_id: int
    records: dict[int, set[str]] = field(default_factory=dict)
    mail: dict[int, tuple[Source, set[str]]] = field(default_factory=dict)
    by_hand: set[tuple[int, int]] = field(default_factory=set)
    withheld: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    uids: Iterator[int] = field(default_factory=count)

    def take(self, step: Step) -> None:
        if isinstance(step, NewMail):
            self._receive(step)
        elif isinstance(step, SavedRecords):
            self._save(step)
        elif isinstance(step, Withheld):
            self._withhold(self._numbered(step.copies), by_hand=step.by_hand)
        elif isinstance(step, Gone):
            self._lose(self._numbered(step.copies), away=step.away)
        elif step.record_id not in self.records:
            return
        elif isinstance(step, TakenBack):
            self._take_back(step.record_id, self._numbered(step.copies) - self.gone)
        else:
            self._file(step.record_id, self._numbered(step.copies))

    def _numbered(self, numbers: set[int]) -> set[int]:
        return {sorted(self.mail)[number % len(self.mail)] for number in numbers if self.mail}

    def _withhold(self, copy_ids: set[int], *, by_hand: bool) -> None:
        for copy_id in copy_ids:
            thread_id = self.connection.execute(select(copies.c.thread_id).where(copies.c.id == copy_id)).scalar_one()
            withhold_thread(self.connection, thread_id, NOW if by_hand else None)
        self.withheld = self.withheld | copy_ids if by_hand else self.withheld - copy_ids

    def _take_back(self, record_id: int, copy_ids: set[int]) -> None:
        filed = {(record_id, copy_id) for copy_id in copy_ids}
        assert dissociate_by_hand(self.connection, record_id, copy_ids) == len(filed & self.by_hand)
        self.by_hand -= filed

    def _lose(self, copy_ids: set[int], *, away: bool) -> None:
        for copy_id in sorted(copy_ids):
            user_id = self.mail[copy_id][0].user_id
            if away and copy_id not in self.gone:
                lose_copies(self.connection, user_id, [copy_id], NOW)
            elif not away:
                return_copies(self.connection, user_id, [copy_id])
        self.gone = self.gone | copy_ids if away else self.gone - copy_ids

    def _receive(self, step: NewMail) -> None:
        source = self.sources[step.owner, step.sent_from_crm]
        ids = store_copies(self.connection, source, [_incoming(next(self.uids), each) for each in step.addresses])
        self.mail |= {copy_id: (source, each) for copy_id, each in zip(ids, step.addresses, strict=True)}

    def _save(self, step: SavedRecords) -> None:
        saved = {record_id: self._record(record_id, each) for record_id, each in step.addresses.items()}
        new = [record for record_id, record in saved.items() if record_id not in self.records]
        records.save_records(
            self.connection, new, [record for record in saved.values() if record not in new], records.Stamp(NOW)
        )
        self.records |= step.addresses

    def _file(self, record_id: int, copy_ids: set[int]) -> None:
        filed = {(record_id, copy_id) for copy_id in copy_ids - self.gone}
        assert associate_by_hand(self.connection, record_id, copy_ids) == len(filed - self.by_hand)
        self.by_hand |= filed

    def _record(self, record_id: int, addresses: set[str]) -> Record:
        name = f"id:{record_id}"
        return Record(
            record_id, self.module_id, self.owner_id, name, "{}", name, None, frozenset(addresses), frozenset()
        )

    def expected(self) -> set[tuple[int, int, str]]:
        """Give all associations that there ought to be, in whatever order things came."""
        by_address = {
            (record_id, copy_id, BY_ADDRESS.value)
            for record_id, of_record in self.records.items()
            for copy_id, (_, of_mail) in self.mail.items()
            if of_record & of_mail
        }
        every = by_address | {(*pair, BY_HAND.value) for pair in self.by_hand}
        return {each for each in every if each[1] not in self.gone}

    def counted(self) -> list[tuple[int, int, str, str, int, int]]:
        """Count them, and what of them is shareable, as it ought to be kept."""
        sources = {copy_id: source for copy_id, (source, _) in self.mail.items()}
        keys = [(c, (r, sources[c].user_id, sources[c].kind.value, by)) for r, c, by in self.expected()]
        shareable = Counter(key for copy_id, key in keys if copy_id not in self.withheld)
        return [(*key, number, shareable[key]) for key, number in Counter(key for _, key in keys).items()]

    def assert_as_it_ought_to_be(self) -> None:
        named = associations.c
        found = [
            tuple(row) for row in self.connection.execute(select(named.record_id, named.copy_id, named.associated_by))
        ]
        kept = [tuple(row) for row in self.connection.execute(select(record_mail))]
        assert sorted(found) == sorted(self.expected())
        assert sorted(kept) == sorted(self.counted())
        marked = self.connection.execute(select(copies.c.id).where(copies.c.withheld))
        assert {*marked.scalars()} == self.withheld
        self._assert_copies_stand_in_associations()

    def _assert_copies_stand_in_associations(self) -> None:
        of_copy = (copies.c.user_id, copies.c.kind, func.coalesce(copies.c.sent_at, 0), copies.c.email_key)
        named = (associations.c.user_id, associations.c.kind, associations.c.sent_at, associations.c.email_key)
        joined = associations.join(copies, copies.c.id == associations.c.copy_id)
        for row in self.connection.execute(select(*named, *of_copy).select_from(joined)):
            assert row[:4] == row[4:]


def _incoming(uid: int, addresses: Iterable[str]) -> IncomingCopy:
    """Give a message in which an address that stands in From stands in To as well."""
    named = sorted(addresses)
    raw = message(named[0] if named else "somebody@elsewhere.example", [*named, "team@team.example"], f"<{uid}@x>")
    return IncomingCopy(str(uid), raw, parse_message(raw))


def _open_office(connection: Connection) -> Office:
    sources, module = {}, find_module(connection, "Leads")
    assert module is not None
    for name in OWNERS:
        user = people.find_user(connection, email_of(name))
        assert user is not None
        mailbox = mailbox_of(connection, user.id)
        assert mailbox is not None
        sources[name, False] = Source(user.id, Kind(mailbox.protocol), mailbox.id, "INBOX", 1)
        sources[name, True] = Source(user.id, Kind.CRM, None, "", 0)
    return Office(connection, sources, module.id, sources["Bob", True].user_id)


@pytest.fixture(scope="class")
def staffed(shared_team: Team) -> Team:
    """Give a team of two with a mailbox each, and without mail or records before and after each example."""
    shared_team.user("Alice", mailbox="imap")
    shared_team.user("Bob", mailbox="pop")
    return shared_team


class TestInAnyOrder:
    @given(taken=st.lists(steps, min_size=3, max_size=8))
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_mail_and_records_find_each_other_and_are_counted(self, staffed: Team, taken: list[Step]) -> None:
        with suppress(Undone), staffed.database.write() as connection:
            office = _open_office(connection)
            office.take(SavedRecords({RECORDS[1]: set()}))
            for step in taken:
                office.take(step)
                office.assert_as_it_ought_to_be()
            raise Undone

    def test_associating_again_changes_nothing(self, staffed: Team) -> None:
        with suppress(Undone), staffed.database.write() as connection:
            office = _open_office(connection)
            office.take(SavedRecords({RECORDS[0]: {ADDRESSES[0]}, RECORDS[1]: {ADDRESSES[0], ADDRESSES[1]}}))
            office.take(NewMail("Alice", False, [{ADDRESSES[0]}, {ADDRESSES[0], ADDRESSES[1]}]))
            associate_changed_records(connection, [RECORDS[0]])
            associate_changed_records(connection, RECORDS)
            associate_changed_records(connection, [])
            office.assert_as_it_ought_to_be()
            raise Undone


class TestAtTheSameTime:
    """Mail that is not committed yet and a record that is not committed yet cannot see each other."""

    @pytest.fixture
    def busy(self, team: Team) -> Team:
        for name in OWNERS:
            team.user(name)
        return team

    def test_mail_waits_for_a_record_that_is_being_saved(self, busy: Team, background: Background) -> None:
        with busy.database.write() as connection:
            lock_matching(connection, exclusive=True)
            _open_office(connection).take(SavedRecords({RECORDS[0]: {ADDRESSES[0]}}))
            coming = background.start(lambda: busy.mail("Alice", ADDRESSES[0]))
        coming.result()
        assert _associated(busy.database) == [(RECORDS[0], 1)]

    def test_a_record_waits_for_mail_that_is_coming_in(self, busy: Team, background: Background) -> None:
        with busy.database.write() as connection:
            _open_office(connection).take(NewMail("Alice", False, [{ADDRESSES[0]}]))
            saving = background.start(lambda: busy.record("Leads", "Bob", ADDRESSES[0], record_id=RECORDS[0]))
        saving.result()
        assert _associated(busy.database) == [(RECORDS[0], 1)]

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_mail_of_two_mailboxes_does_not_wait(self, busy: Team, background: Background) -> None:
        with busy.database.write() as connection:
            _open_office(connection).take(NewMail("Alice", False, [{ADDRESSES[0]}]))
            background.start(lambda: busy.mail("Bob", ADDRESSES[1])).result(timeout=20)

    def test_many_lose_nothing_and_do_not_block_each_other(self, busy: Team) -> None:
        rounds = 6
        lead = busy.record("Leads", "Bob")

        def receive(owner: str) -> None:
            for _ in range(rounds):
                busy.mail(owner, *ADDRESSES, by_hand_on=lead)

        def save(owner: str) -> None:
            for number in range(rounds):
                busy.make(SetExcludedDomains((ADDRESSES[0].partition("@")[2],) * (number % 2), user=email_of(owner)))
                busy.record("Leads", owner, ADDRESSES[number % 3], ADDRESSES[(number + 1) % 3])

        at_once(*[lambda: receive("Alice"), lambda: receive("Bob"), lambda: save("Alice"), lambda: save("Bob")])
        by_address = [(record_id, number) for record_id, number in _associated(busy.database) if record_id != lead]
        assert [number for _, number in by_address] == [2 * rounds] * (2 * rounds)
        assert _counts_kept(busy.database) == _counts(busy.database)


def _associated(database: Database) -> list[tuple[int, int]]:
    """Give each record that has mail, and how many messages."""
    with database.read() as connection:
        number = func.count(associations.c.copy_id.distinct())
        rows = connection.execute(select(associations.c.record_id, number).group_by(associations.c.record_id))
        return [(row[0], row[1]) for row in rows]


def _counts(database: Database) -> set[tuple[object, ...]]:
    key = (associations.c.record_id, copies.c.user_id, copies.c.kind, associations.c.associated_by)
    shareable = func.sum(case((copies.c.withheld, 0), else_=1))
    counted = select(*key, func.count(), shareable).join(copies, copies.c.id == associations.c.copy_id).group_by(*key)
    with database.read() as connection:
        return {tuple(row) for row in connection.execute(counted)}


def _counts_kept(database: Database) -> set[tuple[object, ...]]:
    with database.read() as connection:
        return {tuple(row) for row in connection.execute(select(record_mail))}


class TestMailAmongColleagues:
    """Alice and Bob are at team.example, and Bob is kept as a Contact too."""

    @pytest.fixture
    def contact(self, team: Team) -> int:
        for name in ("Alice", "Bob"):
            team.user(name)
            team.permission(name, "public")
        team.make(SetInternalDomains(("team.example",)))
        return team.record("Contacts", "Alice", email_of("Bob"), "carol@customer.example")

    def test_is_on_no_record_and_mail_with_an_outsider_is(self, team: Team, contact: int) -> None:
        team.mail("Alice", email_of("Bob"))
        assert counted(team, contact) == 0
        team.mail("Alice", email_of("Bob"), "carol@customer.example")
        assert counted(team, contact) == 1
        team.mail("Alice", email_of("Bob"), "somebody@elsewhere.example")
        assert counted(team, contact) == 2

    def test_below_an_own_domain_too_and_not_at_one_that_looks_alike(self, team: Team, contact: int) -> None:
        team.mail("Alice", email_of("Bob"), "dora@sub.team.example")
        assert counted(team, contact) == 0
        team.mail("Alice", email_of("Bob"), "dora@steam.example")
        assert counted(team, contact) == 1

    def test_can_be_filed_by_hand(self, team: Team, contact: int) -> None:
        team.mail("Alice", email_of("Bob"), by_hand_on=contact)
        assert counted(team, contact) == 1

    def test_follows_the_own_domains_at_once(self, team: Team, contact: int) -> None:
        team.mail("Alice", email_of("Bob"))
        team.mail("Alice", email_of("Bob"), "dora@partner.example")
        filed = team.record("Leads", "Alice")
        team.mail("Alice", email_of("Bob"), "erin@partner.example", by_hand_on=filed)
        for own, on_contact in (
            (("team.example", "partner.example"), 0),
            (("partner.example",), 3),
            ((), 3),
            (("team.example",), 2),
        ):
            team.make(SetInternalDomains(own))
            assert (counted(team, contact), counted(team, filed)) == (on_contact, 1), own

    def test_does_not_come_onto_a_record_that_gets_the_address(self, team: Team, contact: int) -> None:
        team.mail("Alice", email_of("Bob"))
        other = team.record("Leads", "Alice", email_of("Bob"))
        assert (counted(team, contact), counted(team, other)) == (0, 0)


def counted(team: Team, record_id: int) -> int:
    """Give how many copies an answer would count on a record, which must be those that are associated with it."""
    with team.database.read() as connection:
        copies_there = func.count(associations.c.copy_id.distinct())
        there = connection.scalar(select(copies_there).where(associations.c.record_id == record_id))
        total = connection.scalar(select(func.sum(record_mail.c.copies)).where(record_mail.c.record_id == record_id))
    assert (total or 0) == there
    return total or 0
