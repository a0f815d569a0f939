"""The facts of a request: read in one statement, and nothing of mail where the caller may not see the record."""

import pytest
from sqlalchemy import update

from postroom.actions.change_sharing import SetModuleAccess, ShareRecord
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import ChoosePermission, Member
from postroom.actions.records import delete_record
from postroom.actions.tokens import hash_token
from postroom.core.model import Permission, Role, UserStatus
from postroom.core.sharing import Ground, Membership, Viewer
from postroom.storage import people
from postroom.storage.schema import users
from postroom.storage.sharing_facts import PairFacts, RecordFacts, RequestFacts, read_pair_facts, read_record_facts
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


def request(team: Team, viewer: str, record_id: int = LEAD, module: str = "leads") -> RequestFacts:
    found = team.reader.read(hash_token(team.token(viewer)), module, record_id)
    assert found is not None
    return found


def facts(team: Team, viewer: str, record_id: int = LEAD, module: str = "leads") -> RecordFacts:
    return request(team, viewer, record_id, module).record


def membership(team: Team, viewer: str, owner: str) -> str:
    """Say how a viewer stands to the audience of an owner's choice, as an explanation reads it."""
    pair = read_pair_facts_of(team, viewer, owner)
    assert pair.owner.chosen is not None
    return pair.owner.chosen.membership


def read_pair_facts_of(team: Team, viewer: str, owner: str) -> PairFacts:
    with team.database.read() as connection:
        ids = {user.full_name: user.id for user in people.users_by_email(connection).values()}
        return read_pair_facts(connection, ids[viewer], ids[owner], LEAD)


class TestStranger:
    def test_a_hidden_record_and_one_that_is_not_there_have_the_same_facts(self, office: Team) -> None:
        deal = office.record("Deals", "Charlie")
        deleted = office.record("Leads", "Charlie", ADDRESS)
        delete_record(office.database, f"Leads/{deleted}", now=NOW)
        hidden = facts(office, "Charlie")
        assert (hidden.grounds, hidden.holdings) == ((), [])
        assert [facts(office, "Charlie", record_id) for record_id in (0, 7, deal, deleted)] == [hidden] * 4

    def test_an_unknown_module_has_no_records(self, office: Team) -> None:
        unknown = request(office, "Bob", module="nonsense")
        assert (unknown.module_has_emails, unknown.record.grounds, unknown.record.holdings) == (None, (), [])

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
        pair, asked = read_pair_facts_of(office, "Charlie", "Alice"), facts(office, "Charlie")
        assert (pair.viewer, pair.grounds, pair.organisation) == (asked.viewer, asked.grounds, asked.organisation)
        assert [holding.owner for holding in asked.holdings] == [pair.owner]


class TestAudiences:
    @pytest.fixture
    def office(self, office: Team) -> Team:
        """Alice's mail is public to whom she lists; Charlie is in Sales below Management."""
        office.role("Management")
        office.role("Sales", under="Management")
        office.make(SetUserRole(email_of("Charlie"), "Sales"))
        return office

    def choose(self, team: Team, *members: Member) -> str:
        """Let Alice list members; say how Charlie stands to them, after a look that all answers agree."""
        team.make(ChoosePermission(email_of("Alice"), Permission.PUBLIC, members))
        team.make(ShareRecord(f"Leads/{LEAD}", user=email_of("Charlie")))
        (holding,) = facts(team, "Charlie").holdings
        assert holding.owner == read_pair_facts_of(team, "Charlie", "Alice").owner
        return membership(team, "Charlie", "Alice")

    def test_each_membership_is_found(self, office: Team) -> None:
        charlie, sales = Member(user=email_of("Charlie")), Member(role="Sales")
        branch, above = Member(role="Management", and_subordinates=True), Member(role="Management")
        assert self.choose(office, charlie) == Membership.LISTED_BY_NAME
        assert self.choose(office, sales) == Membership.LISTED_BY_ROLE
        assert self.choose(office, branch) == Membership.LISTED_BY_ROLE_ABOVE
        assert self.choose(office, above) == Membership.NOT_LISTED
        assert self.choose(office, Member(role="Sales", and_subordinates=True)) == Membership.LISTED_BY_ROLE
        assert self.choose(office, Member(user=email_of("Bob"))) == Membership.NOT_LISTED

    def test_an_empty_list_is_nobody_and_none_is_everyone(self, office: Team) -> None:
        assert self.choose(office) == Membership.NOT_LISTED
        office.make(ChoosePermission(email_of("Alice"), audience=None))
        assert membership(office, "Charlie", "Alice") == Membership.EVERYONE


class TestRecordFacts:
    """The same facts for everybody at once, for a preview and for the list of viewers."""

    def test_they_are_what_a_request_reads(self, office: Team) -> None:
        office.make(ShareRecord(f"Leads/{LEAD}", user=email_of("Charlie")))
        with office.database.read() as connection:
            every = read_record_facts(connection, "leads", LEAD)
        asked = [facts(office, name) for name in ("Alice", "Bob", "Charlie")]
        assert sorted(every, key=_viewer_id) == sorted(asked, key=_viewer_id)

    def test_of_one_viewer_and_one_owner(self, office: Team) -> None:
        office.mail("Bob", ADDRESS)
        whole = facts(office, "Bob")
        alice = next(holding.owner for holding in whole.holdings if holding.owner_name == "Alice")
        with office.database.read() as connection:
            found = read_record_facts(connection, "leads", LEAD, viewer_id=whole.viewer.user_id, owner_id=alice.user_id)
        assert len(whole.holdings) == 2
        assert found == [whole._replace(holdings=[each for each in whole.holdings if each.owner == alice])]

    def test_who_is_not_active_is_read_only_by_name(self, office: Team) -> None:
        gone = facts(office, "Charlie").viewer.user_id
        office.make(SetUserStatus(email_of("Charlie"), UserStatus.INACTIVE))
        with office.database.read() as connection:
            every = read_record_facts(connection, "leads", LEAD)
            (named,) = read_record_facts(connection, "leads", LEAD, viewer_id=gone)
        assert gone not in {each.viewer.user_id for each in every}
        assert named.viewer == Viewer(gone, UserStatus.INACTIVE)


class TestShareable:
    def test_what_is_withheld_is_held_and_not_shareable(self, office: Team) -> None:
        office.mail("Alice", ADDRESS, "somebody@bank.example")
        seen = []
        for domains in ((), ("bank.example",), ("customer.example",), ()):
            office.make(SetExcludedDomains(domains, user=email_of("Alice")))
            (holding,) = facts(office, "Bob").holdings
            seen.append(holding.shareable)
        assert seen == [2, 1, 0, 2]


def _viewer_id(found: RecordFacts) -> int:
    return found.viewer.user_id


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
