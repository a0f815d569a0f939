"""Records: what is saved is what is found, and finding keeps to the module."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from postroom.core.model import Grantee, Record
from postroom.core.sharing import Ground
from postroom.storage import records
from postroom.storage.database import Database, lock_matching
from postroom.storage.organisation import find_module
from postroom.storage.people import find_user
from postroom.storage.schema import record_shares
from postroom.storage.visible_records import grounds_on
from tests.team import NOW, Team, email_of


@pytest.fixture
def lead(team: Team) -> Record:
    """Give a lead of Alice's that is stored, with two addresses and a link."""
    team.user("Alice")
    account = team.record("Accounts", "Alice", record_id=1)
    with team.database.read() as connection:
        module, alice = find_module(connection, "Leads"), find_user(connection, email_of("Alice"))
    assert module is not None
    assert alice is not None
    addresses = frozenset({"a@customer.example", "b@customer.example"})
    new = Record(2, module.id, alice.id, "Größe", '{"Name": "Größe"}', "id:2", None, addresses, frozenset({account}))
    save(team.database, new=[new])
    return new


def save(database: Database, new: Sequence[Record] = (), changed: Sequence[Record] = ()) -> None:
    with database.write() as connection:
        lock_matching(connection, exclusive=True)
        records.save_records(connection, new, changed, records.Stamp(NOW))


def by_id(database: Database, *ids: int) -> dict[int, Record]:
    with database.read() as connection:
        return records.records_by_id(connection, ids)


class TestSaving:
    def test_what_was_saved_is_found(self, team: Team, lead: Record) -> None:
        assert by_id(team.database, 2, 3) == {2: lead}

    def test_however_many_ids_are_asked_for(self, team: Team, lead: Record) -> None:
        """A record may link to any number of others, and a page of records to all of these."""
        most = {"sqlite": 250_000, "postgresql": 65_535}[team.database.dialect]
        more_than_one_statement_takes = range(2, most + 100)
        assert by_id(team.database, *more_than_one_statement_takes) == {2: lead}
        with team.database.read() as connection:
            assert grounds_on(connection, lead.owner_id, more_than_one_statement_takes) == {2: (Ground.OWNS_RECORD,)}

    def test_a_change_replaces_everything(self, team: Team, lead: Record) -> None:
        team.record("Contacts", "Alice", record_id=3)
        changed = replace(
            lead,
            name="Small",
            fields="{}",
            addresses=frozenset({"c@customer.example"}),
            linked_ids=frozenset({3}),
        )
        save(team.database, changed=[changed])
        assert by_id(team.database, 2) == {2: changed}

    def test_a_change_takes_nothing_out_of_the_recycle_bin(self, team: Team, lead: Record) -> None:
        """Somebody put it there after whoever changes it had read it."""
        with team.database.write() as connection:
            records.set_deleted(connection, lead.id, NOW)
        save(team.database, changed=[replace(lead, name="Small")])
        assert by_id(team.database, 2) == {2: replace(lead, name="Small", deleted_at=NOW)}

    def test_a_change_leaves_the_neighbours_alone(self, team: Team, lead: Record) -> None:
        neighbour = replace(lead, id=3, import_key="id:3")
        save(team.database, [neighbour], [replace(lead, addresses=frozenset(), linked_ids=frozenset())])
        assert by_id(team.database, 3) == {3: neighbour}

    def test_the_recycle_bin_keeps_all(self, team: Team, lead: Record) -> None:
        with team.database.write() as connection:
            records.set_deleted(connection, lead.id, NOW)
        assert by_id(team.database, 2) == {2: replace(lead, deleted_at=NOW)}
        with team.database.write() as connection:
            records.set_deleted(connection, lead.id, None)
        assert by_id(team.database, 2) == {2: lead}


class TestFinding:
    @pytest.fixture
    def modules(self, team: Team, lead: Record) -> tuple[int, int]:
        """Give Leads and Contacts, each with a record of the same key, name and addresses."""
        with team.database.read() as connection:
            contacts = find_module(connection, "Contacts")
        assert contacts is not None
        save(team.database, [replace(lead, id=3, module_id=contacts.id)])
        return lead.module_id, contacts.id

    def test_by_import_key(self, team: Team, modules: tuple[int, int]) -> None:
        leads, contacts = modules
        with team.database.read() as connection:
            assert [*records.records_by_import_key(connection, leads, ["id:2", "id:9"]).values()] == [
                by_id(team.database, 2)[2]
            ]
            assert records.records_by_import_key(connection, contacts, ["id:2"])["id:2"].id == 3
            assert records.records_by_import_key(connection, contacts, []) == {}

    def test_by_name_and_by_address(self, team: Team, modules: tuple[int, int]) -> None:
        leads, contacts = modules
        with team.database.read() as connection:
            assert records.ids_by_name(connection, leads, "Größe") == [2]
            assert records.ids_by_name(connection, leads, "größe") == []
            assert records.ids_by_address(connection, contacts, "b@customer.example") == [3]
            assert records.ids_by_address(connection, contacts, "c@customer.example") == []

    def test_what_is_not_unique_is_seen_not_to_be(self, team: Team, lead: Record) -> None:
        save(team.database, [replace(lead, id=number, import_key=f"id:{number}") for number in (3, 4, 5)])
        with team.database.read() as connection:
            assert len(records.ids_by_name(connection, lead.module_id, "Größe")) == 2
            assert len(records.ids_by_address(connection, lead.module_id, "a@customer.example")) == 2


class TestSharing:
    def test_a_later_share_with_the_same_replaces_the_earlier(self, team: Team, lead: Record) -> None:
        team.role("Sales")
        with team.database.write() as connection:
            role_id = connection.exec_driver_sql("SELECT id FROM roles").scalar_one()
            for and_subordinates in (False, True):
                records.share_record(connection, lead.id, Grantee(None, role_id, and_subordinates))
            records.share_record(connection, lead.id, Grantee(lead.owner_id, None))
            found = [
                records.find_share(connection, lead.id, user_id=user_id, role_id=each)
                for user_id, each in ((None, role_id), (lead.owner_id, None), (lead.owner_id + 1, None))
            ]
            shares = connection.execute(record_shares.select().order_by(record_shares.c.id)).all()
        assert found == [Grantee(None, role_id, and_subordinates=True), Grantee(lead.owner_id, None), None]
        assert [share[1:] for share in shares] == [(2, None, role_id, True), (2, lead.owner_id, None, False)]

    def test_only_the_share_that_is_named_is_taken_back(self, team: Team, lead: Record) -> None:
        team.user("Bob")
        team.record("Leads", "Bob", record_id=3)
        with team.database.write() as connection:
            bob = find_user(connection, email_of("Bob"))
            assert bob is not None
            for record_id, user_id in ((2, bob.id), (2, lead.owner_id), (3, bob.id)):
                records.share_record(connection, record_id, Grantee(user_id, None))
            assert records.unshare_record(connection, 2, user_id=bob.id, role_id=None)
            assert not records.unshare_record(connection, 2, user_id=bob.id, role_id=None)
            left = connection.execute(record_shares.select()).all()
        assert {(share.record_id, share.user_id) for share in left} == {(2, lead.owner_id), (3, bob.id)}
