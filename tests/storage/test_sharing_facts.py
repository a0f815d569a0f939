"""The facts of a request: read in one statement, and nothing of mail where the caller may not see the record."""

import pytest
from sqlalchemy import update

from postroom.actions.change_sharing import SetModuleAccess, ShareRecord
from postroom.actions.records import delete_record
from postroom.actions.tokens import hash_token
from postroom.core.model import Role
from postroom.core.sharing import Ground
from postroom.storage import people
from postroom.storage.schema import users
from postroom.storage.sharing_facts import RequestFacts, read_pair_facts
from tests.team import NOW, Team, email_of

LEAD = 1001
ADDRESS = "lead@customer.example"


@pytest.fixture
def office(team: Team) -> Team:
    """Alice writes to Bob's lead; Charlie is a stranger."""
    for name in ("Alice", "Bob", "Charlie"):
        team.user(name)
    team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
    team.mail("Alice", ADDRESS)
    return team


def facts(team: Team, viewer: str, record_id: int = LEAD, module: str = "leads") -> RequestFacts:
    found = team.reader.read(hash_token(team.token(viewer)), module, record_id)
    assert found is not None
    return found


class TestStranger:
    def test_a_hidden_record_and_one_that_is_not_there_have_the_same_facts(self, office: Team) -> None:
        deal = office.record("Deals", "Charlie")
        deleted = office.record("Leads", "Charlie", ADDRESS)
        delete_record(office.database, f"Leads/{deleted}", now=NOW)
        hidden = facts(office, "Charlie")
        assert (hidden.grounds, hidden.holdings) == ((), [])
        assert [facts(office, "Charlie", record_id) for record_id in (0, 7, deal, deleted)] == [hidden] * 4

    def test_an_unknown_module_has_no_records(self, office: Team) -> None:
        unknown = facts(office, "Bob", module="nonsense")
        assert (unknown.module_has_emails, unknown.grounds, unknown.holdings) == (None, (), [])

    def test_an_unknown_token_has_no_facts(self, office: Team) -> None:
        assert office.reader.read(hash_token("unknown"), "leads", LEAD) is None

    def test_a_contact_that_is_hidden_keeps_its_mail(self, office: Team) -> None:
        contact = office.record("Contacts", "Charlie", ADDRESS)
        deal = office.record("Deals", "Bob", links=[contact])
        assert [holding.grounds for holding in facts(office, "Bob", deal, "deals").holdings] == []
        office.make(ShareRecord(f"Contacts/{contact}", user=email_of("Bob")))
        (holding,) = facts(office, "Bob", deal, "deals").holdings
        assert holding.grounds == (Ground.RECORD_SHARED_WITH_USER,)
        assert holding.through_contact


class TestGrounds:
    def test_each_is_found_where_it_holds_and_nowhere_else(self, office: Team) -> None:
        assert facts(office, "Bob").grounds == (Ground.OWNS_RECORD,)
        assert facts(office, "Alice").grounds == ()
        office.make(SetModuleAccess("Leads", is_public=True))
        assert facts(office, "Alice").grounds == (Ground.MODULE_IS_PUBLIC,)
        assert facts(office, "Bob").grounds == (Ground.MODULE_IS_PUBLIC, Ground.OWNS_RECORD)

    def test_being_above_is_not_having_a_number_that_begins_alike(self, office: Team) -> None:
        """Role 12 is not below role 1, and nobody is a superior of a peer or of who has no role."""
        viewers = _with_roles(office, {"One": "/1/", "Eleven": "/1/11/", "Twelve": "/12/", "Peer": "/1/11/"})
        owned = {name: office.record("Leads", name) for name in ("Eleven", "Twelve", "Alice")}
        seen = {
            viewer: [
                name for name, record_id in owned.items() if name != viewer and facts(office, viewer, record_id).grounds
            ]
            for viewer in (*viewers, "Alice")
        }
        assert seen == {"One": ["Eleven"], "Eleven": [], "Twelve": [], "Peer": [], "Alice": []}

    def test_an_explanation_reads_the_same(self, office: Team) -> None:
        office.make(ShareRecord(f"Leads/{LEAD}", user=email_of("Charlie")))
        with office.database.read() as connection:
            ids = {user.full_name: user.id for user in people.users_by_email(connection).values()}
            pair = read_pair_facts(connection, ids["Charlie"], ids["Alice"], LEAD)
        request = facts(office, "Charlie")
        assert (pair.viewer, pair.grounds, pair.organisation) == (request.viewer, request.grounds, request.organisation)
        assert [holding.owner for holding in request.holdings] == [pair.owner]


def _with_roles(team: Team, lineages: dict[str, str]) -> list[str]:
    """Add a user in each of these places of the tree of roles, whose ids are short."""
    with team.database.write() as connection:
        for lineage in sorted(set(lineages.values())):
            role_id = int(lineage.split("/")[-2])
            people.insert_role(connection, Role(role_id, f"Role {role_id}", None, lineage, None, None))
    for name, lineage in lineages.items():
        user = team.user(name, mailbox=None)
        with team.database.write() as connection:
            connection.execute(update(users).where(users.c.id == user.id).values(role_id=int(lineage.split("/")[-2])))
    return list(lineages)
