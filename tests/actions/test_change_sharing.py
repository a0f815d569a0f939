"""Who sees what: each setting by what it changes in the answers, and each refusal."""

import pytest

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import (
    SetCrmAccess,
    SetModuleAccess,
    ShareEmails,
    ShareRecord,
    UnshareEmails,
    UnshareRecord,
)
from postroom.actions.changes import Change, make
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, NotAllowed, NotFound, RecordInvalid
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.organisation import add_module
from postroom.actions.permissions import (
    KEEP,
    AssignPermission,
    ChoosePermission,
    Member,
    SetDefaultPermission,
    SetRolePreference,
    audience_in_words,
)
from postroom.actions.records import delete_record
from postroom.core.model import CrmAccess, Permission
from postroom.core.modules import MODULES_WITH_EMAILS
from postroom.storage.people import find_user
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

LEAD, REFERENCE = 1001, "Leads/1001"
ADDRESS = "lead@customer.example"
ALICE = email_of("Alice")
CRM = "emails_sent_from_crm"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PRIVATE, PUBLIC, CUSTOM, USERS_CHOICE = (
    Permission.PRIVATE,
    Permission.PUBLIC,
    Permission.CUSTOM,
    Permission.USERS_CHOICE,
)


@pytest.fixture
def team(team: Team) -> Team:
    """Alice, in Sales below Management, has mail of Bob's lead; Charlie is in Sales too, and Dora above."""
    return furnished(team)


@pytest.fixture(scope="class")
def settled(shared_team: Team) -> Team:
    """Give the same team, for tests after which it is as before; Alice's permission is custom."""
    furnished(shared_team).permission("Alice", "custom")
    return shared_team


def furnished(team: Team) -> Team:
    team.role("Management")
    team.role("Sales", under="Management")
    team.user("Alice", role="Sales")
    team.user("Bob", mailbox=None)
    team.user("Charlie", role="Sales", mailbox=None)
    team.user("Dora", role="Management", mailbox=None)
    team.record("Leads", "Bob", ADDRESS, record_id=LEAD)
    team.mail("Alice", ADDRESS)
    return team


def alice_shares(team: Team) -> bool:
    return team.shares("Bob", "Leads", LEAD) == ["Alice"]


def sees_lead(team: Team, name: str) -> bool:
    try:
        team.details(name, "Leads", LEAD)
    except RecordInvalid:
        return False
    return True


class TestPermissions:
    def test_the_role_comes_before_the_assignment_before_the_default_before_the_choice(self, team: Team) -> None:
        seen = []
        changes: list[Change] = [
            ChoosePermission(ALICE, PUBLIC),
            SetDefaultPermission(PRIVATE),
            AssignPermission(ALICE, PUBLIC),
            SetRolePreference("Sales", PRIVATE),
            SetRolePreference("Sales", USERS_CHOICE),
            ChoosePermission(ALICE, PRIVATE),
            SetRolePreference("Sales", None),
            AssignPermission(ALICE, None),
            SetDefaultPermission(PUBLIC),
        ]
        for change in changes:
            team.make(change)
            seen.append(alice_shares(team))
        assert seen == [True, False, True, False, True, False, True, False, True]

    @on_sqlite
    @pytest.mark.parametrize(
        ("decided", "sentence"),
        [
            (SetRolePreference("Sales", PRIVATE), "it is private, from the e-mail preference of the role"),
            (AssignPermission(ALICE, CUSTOM), "it is custom, assigned by an administrator"),
            (SetDefaultPermission(PUBLIC), "it is public, the organisation's default"),
        ],
    )
    def test_where_somebody_decided_there_is_no_choice(self, team: Team, decided: Change, sentence: str) -> None:
        team.make(decided)
        before = contents(team.database)
        with pytest.raises(NotAllowed, match=f"is not the user's to choose: {sentence}"):
            team.make(ChoosePermission(ALICE, PUBLIC))
        assert contents(team.database) == before

    def test_the_role_above_has_no_say(self, team: Team) -> None:
        team.make(SetRolePreference("Management", PUBLIC))
        assert not alice_shares(team)

    def test_access_to_mail_sent_from_the_crm(self, team: Team) -> None:
        team.crm_mail("Alice", ADDRESS)
        seen = []
        for access in CrmAccess:
            team.make(SetCrmAccess(access))
            seen.append(CRM in team.types("Bob", "Leads", LEAD))
        assert seen == [False, True, True, True]


class TestAudiences:
    def listed(self, team: Team, *members: Member) -> list[bool]:
        """Say whether Bob and Dora see Alice's public mail where she lists these."""
        team.make(ChoosePermission(ALICE, PUBLIC, members))
        return [team.shares(name, "Leads", LEAD) == ["Alice"] for name in ("Bob", "Dora")]

    def test_who_is_not_listed_sees_nothing_but_superiors_do(self, team: Team) -> None:
        team.make(SetModuleAccess("Leads", is_public=True))
        assert self.listed(team, Member(user=email_of("Charlie"))) == [False, True]
        assert self.listed(team, Member(user=email_of("Bob"))) == [True, True]
        assert self.listed(team) == [False, True]

    def test_an_audience_stays_until_another_takes_its_place(self, team: Team) -> None:
        seen = []
        for audience in ((), KEEP, None, KEEP):
            team.make(ChoosePermission(ALICE, PUBLIC, audience))
            seen.append(alice_shares(team))
        assert seen == [False, False, True, True]
        assert contents(team.database)["audiences"] == []

    def test_it_goes_with_its_permission(self, team: Team) -> None:
        team.make(AssignPermission(ALICE, PUBLIC, ()))
        team.make(AssignPermission(ALICE, None))
        team.make(AssignPermission(ALICE, PUBLIC))
        assert alice_shares(team)

    def test_a_role_that_is_listed_twice_is_listed_with_its_subordinates(self, team: Team) -> None:
        branch = Member(role="Management", and_subordinates=True)
        for audience in ((Member(role="Management"), branch), (branch, Member(role="Management"))):
            team.make(AssignPermission(ALICE, PUBLIC, audience))
            with team.database.read() as connection:
                stored = find_user(connection, ALICE)
                assert audience_in_words(connection, stored.assigned_audience_id) == [
                    {"role": "Management", "and_subordinates": True}
                ]


class TestSharingMail:
    @pytest.fixture
    def custom(self, team: Team) -> Team:
        team.permission("Alice", "custom")
        return team

    def test_opens_the_mail_on_that_record_until_it_is_taken_back(self, custom: Team) -> None:
        other = custom.record("Leads", "Bob", ADDRESS)
        assert not alice_shares(custom)
        custom.make(ShareEmails("ALICE@team.example", "leads/1001"))
        assert alice_shares(custom)
        assert custom.shares("Bob", "Leads", other) == []
        custom.make(UnshareEmails(ALICE, REFERENCE))
        assert not alice_shares(custom)

    def test_has_no_effect_while_the_permission_is_another_and_comes_back_with_it(self, custom: Team) -> None:
        custom.share("Alice", REFERENCE)
        seen = []
        for choice in ("private", "custom", "public", "custom"):
            custom.permission("Alice", choice)
            seen.append(alice_shares(custom))
        custom.make(UnshareEmails(ALICE, REFERENCE))
        assert [*seen, alice_shares(custom)] == [False, True, True, True, False]

    def test_can_be_taken_back_under_any_permission(self, custom: Team) -> None:
        custom.share("Alice", REFERENCE)
        custom.permission("Alice", "private")
        custom.make(UnshareEmails(ALICE, REFERENCE))
        custom.permission("Alice", "custom")
        assert not alice_shares(custom)

    def test_shared_again_it_is_shared_since_then(self, custom: Team) -> None:
        for now in (NOW, NOW + 7 * 24 * 3600):
            make(custom.database, ShareEmails(ALICE, REFERENCE), OPERATOR, now=now)
            assert contents(custom.database)["email_shares"] == [(LEAD, _id_of(custom, "Alice"), now)]
            custom.make(UnshareEmails(ALICE, REFERENCE))

    @on_sqlite
    @pytest.mark.parametrize("module", ["Contacts", "Machines"])
    def test_works_on_contacts_and_custom_modules_too(self, custom: Team, module: str) -> None:
        add_module(custom.database, "Machines")
        record = custom.record(module, "Bob", ADDRESS)
        custom.share("Alice", f"{module}/{record}")
        assert custom.shares("Bob", module, record) == ["Alice"]

    @on_sqlite
    @pytest.mark.parametrize(
        ("decide", "permission"),
        [
            (ChoosePermission(ALICE, PRIVATE), "private"),
            (ChoosePermission(ALICE, PUBLIC), "public"),
            (AssignPermission(ALICE, PUBLIC), "public"),
            (SetRolePreference("Sales", PRIVATE), "private"),
            (SetDefaultPermission(PUBLIC), "public"),
        ],
    )
    def test_needs_the_permission_custom_from_wherever_it_comes(
        self, custom: Team, decide: Change, permission: str
    ) -> None:
        custom.make(decide)
        with pytest.raises(NotAllowed, match=f"User did not enable custom sharing: .* is {permission}"):
            custom.share("Alice", REFERENCE)
        assert contents(custom.database)["email_shares"] == []

    @on_sqlite
    def test_is_allowed_by_the_role_before_the_choice(self, team: Team) -> None:
        team.make(SetRolePreference("Sales", CUSTOM))
        team.share("Alice", REFERENCE)
        assert alice_shares(team)

    @on_sqlite
    def test_needs_a_connected_mailbox(self, custom: Team) -> None:
        custom.permission("Bob", "custom")
        disconnect_mailbox(custom.database, ALICE, by=OPERATOR, now=NOW)
        for name in ("Alice", "Bob"):
            with pytest.raises(NotAllowed, match=f"Email Configuration does not exist: {email_of(name)}"):
                custom.share(name, REFERENCE)

    @on_sqlite
    def test_is_done_once_and_taken_back_once(self, custom: Team) -> None:
        with pytest.raises(NotFound, match="does not share on Leads/1001"):
            custom.make(UnshareEmails(ALICE, REFERENCE))
        custom.share("Alice", REFERENCE)
        with pytest.raises(AlreadyThere, match="shares on Leads/1001 already"):
            make(custom.database, ShareEmails(ALICE, REFERENCE), OPERATOR, now=NOW + 1)
        assert contents(custom.database)["email_shares"][0][2] == NOW

    def test_is_not_done_on_a_record_in_the_recycle_bin(self, custom: Team) -> None:
        delete_record(custom.database, REFERENCE, now=NOW)
        before = contents(custom.database)
        with pytest.raises(NotAllowed, match="Leads/1001 is in the recycle bin"):
            custom.share("Alice", REFERENCE)
        with pytest.raises(NotFound, match="there is no record 1001 in Leads"):
            custom.make(ShareEmails(ALICE, REFERENCE), _actor(custom, "Alice"))
        assert contents(custom.database) == before

    @pytest.mark.parametrize("deleted", [False, True])
    def test_is_taken_back_by_an_owner_who_lost_sight_of_the_record(self, custom: Team, *, deleted: bool) -> None:
        """And where there is no share, the record answers like one that is not there."""
        custom.share("Alice", REFERENCE)
        if deleted:
            delete_record(custom.database, REFERENCE, now=NOW)
        alice = _actor(custom, "Alice")
        custom.make(UnshareEmails(ALICE, REFERENCE), alice)
        assert contents(custom.database)["email_shares"] == []
        for reference, record_id in ((REFERENCE, LEAD), ("Leads/7", 7)):
            with pytest.raises(NotFound, match=f"^there is no record {record_id} in Leads$"):
                custom.make(UnshareEmails(ALICE, reference), alice)

    def test_is_taken_back_in_its_own_module_alone(self, custom: Team) -> None:
        custom.share("Alice", REFERENCE)
        with pytest.raises(NotFound, match=r"^there is no record 1001 in Contacts$"):
            custom.make(UnshareEmails(ALICE, "Contacts/1001"), _actor(custom, "Alice"))
        assert alice_shares(custom)


class TestSharingRecords:
    def test_with_a_user(self, team: Team) -> None:
        team.make(ShareRecord(REFERENCE, user=email_of("Charlie")))
        assert [sees_lead(team, name) for name in ("Alice", "Charlie", "Dora")] == [False, True, False]
        team.make(UnshareRecord(REFERENCE, user=email_of("Charlie")))
        assert not sees_lead(team, "Charlie")

    def test_with_a_role(self, team: Team) -> None:
        team.make(ShareRecord(REFERENCE, role="Sales"))
        assert [sees_lead(team, name) for name in ("Alice", "Charlie", "Dora")] == [True, True, False]
        team.make(UnshareRecord(REFERENCE, role="Sales"))
        assert not sees_lead(team, "Alice")

    def test_with_a_role_and_subordinates_until_it_is_the_role_alone(self, team: Team) -> None:
        seen = []
        for and_subordinates in (False, True, False):
            team.make(ShareRecord(REFERENCE, role="Management", and_subordinates=and_subordinates))
            seen.append([sees_lead(team, name) for name in ("Charlie", "Dora")])
        assert seen == [[False, True], [True, True], [False, True]]

    def test_shares_no_mail(self, team: Team) -> None:
        team.permission("Alice", "private")
        team.make(ShareRecord(REFERENCE, user=email_of("Charlie")))
        assert team.shares("Charlie", "Leads", LEAD) == []


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestRefusals:
    def test_a_choice_cannot_be_left_to_the_chooser(self, settled: Team) -> None:
        with pytest.raises(InvalidInput, match="permission: the own choice is private, public or custom"):
            settled.make(ChoosePermission(ALICE, USERS_CHOICE))

    @pytest.mark.parametrize(
        ("change", "refusal", "sentence"),
        [
            (SetDefaultPermission(None), InvalidInput, "permission: the organisation always has a default"),
            (AssignPermission(ALICE, audience=()), InvalidInput, "audience: goes with a permission"),
            (SetRolePreference("Sales", None, None), InvalidInput, "audience: goes with a permission"),
            (SetDefaultPermission(audience=(Member(),)), InvalidInput, "each member is either a user or a role"),
            (SetDefaultPermission(audience=(Member(ALICE, "Sales"),)), InvalidInput, "either a user or a role"),
            (SetDefaultPermission(audience=(Member(ALICE, None, True),)), InvalidInput, "and_subordinates: goes with"),
            (SetDefaultPermission(audience=(Member(role="Board"),)), NotFound, "there is no role 'Board'"),
        ],
    )
    def test_what_is_no_setting_changes_nothing(
        self, settled: Team, change: Change, refusal: type[ActionError], sentence: str
    ) -> None:
        before = contents(settled.database)
        with pytest.raises(refusal, match=sentence):
            settled.make(change)
        assert contents(settled.database) == before

    @pytest.mark.parametrize(
        "change",
        [
            SetDefaultPermission(PUBLIC),
            SetRolePreference("Sales", PUBLIC),
            AssignPermission(ALICE, PUBLIC),
            SetCrmAccess(CrmAccess.PRIVATE),
            SetModuleAccess("Leads", is_public=True),
            ShareRecord(REFERENCE, role="Sales"),
            UnshareRecord(REFERENCE, role="Sales"),
        ],
    )
    def test_a_user_may_not_set_what_is_an_administrators(self, settled: Team, change: Change) -> None:
        """Alice sees the lead and does not own it."""
        settled.make(ShareRecord(REFERENCE, user=ALICE))
        before = contents(settled.database)
        with pytest.raises(NotAllowed, match="administrator may"):
            settled.make(change, _actor(settled, "Alice"))
        assert contents(settled.database) == before
        settled.make(UnshareRecord(REFERENCE, user=ALICE))

    @pytest.mark.parametrize(
        "change", [ChoosePermission(ALICE, PUBLIC), ShareEmails(ALICE, REFERENCE), UnshareEmails(ALICE, REFERENCE)]
    )
    def test_nobody_may_decide_what_is_the_users_own(self, settled: Team, change: Change) -> None:
        for is_administrator in (True, False):
            with pytest.raises(NotAllowed, match="only the user may set"):
                settled.make(change, _actor(settled, "Bob", is_administrator=is_administrator))

    @pytest.mark.parametrize(
        "change",
        [ShareEmails(ALICE, REFERENCE), UnshareEmails(ALICE, REFERENCE), ShareRecord(REFERENCE, role="Sales")],
    )
    def test_a_record_that_one_may_not_see_is_not_there(self, settled: Team, change: Change) -> None:
        with pytest.raises(NotFound, match="there is no record 1001 in Leads"):
            settled.make(change, _actor(settled, "Alice"))

    @pytest.mark.parametrize(
        "change",
        [
            SetRolePreference("Board", PUBLIC),
            SetRolePreference("sales", PUBLIC),
            AssignPermission("zoe@team.example", PUBLIC),
            ChoosePermission("zoe@team.example", PUBLIC),
        ],
    )
    def test_who_is_not_there_gets_no_permission(self, settled: Team, change: Change) -> None:
        before = contents(settled.database)
        with pytest.raises(NotFound, match=r"there is no (role|user)"):
            settled.make(change)
        assert contents(settled.database) == before

    @pytest.mark.parametrize("module", sorted({*MODULES_WITH_EMAILS} - {"Leads", "Contacts"}))
    def test_mail_is_shared_in_no_other_of_zohos_modules(self, settled: Team, module: str) -> None:
        record = settled.record(module, "Bob", ADDRESS)
        with pytest.raises(NotAllowed, match=f"not in {module}"):
            settled.share("Alice", f"{module}/{record}")

    @pytest.mark.parametrize(
        ("email", "reference", "refusal"),
        [
            ("zoe@team.example", REFERENCE, NotFound),
            ("zoe", REFERENCE, InvalidInput),
            (ALICE, "Leads/7", NotFound),
            (ALICE, "Contacts/1001", NotFound),
            (ALICE, "Nonsense/1001", NotFound),
            (ALICE, "1001", InvalidInput),
            (ALICE, "Leads/01001", InvalidInput),
        ],
    )
    def test_sharing_mail_needs_a_user_and_a_record(
        self, settled: Team, email: str, reference: str, refusal: type[ActionError]
    ) -> None:
        for change in (ShareEmails, UnshareEmails):
            with pytest.raises(refusal):
                settled.make(change(email, reference))

    @pytest.mark.parametrize(
        ("user", "role", "refusal", "sentence"),
        [
            (None, None, InvalidInput, "name either a user or a role"),
            (ALICE, "Sales", InvalidInput, "name either a user or a role"),
            ("zoe@team.example", None, NotFound, "there is no user"),
            (None, "Board", NotFound, "there is no role 'Board'"),
        ],
    )
    def test_sharing_a_record_needs_one_to_share_with(
        self, settled: Team, user: str | None, role: str | None, refusal: type[ActionError], sentence: str
    ) -> None:
        for change in (ShareRecord, UnshareRecord):
            with pytest.raises(refusal, match=sentence):
                settled.make(change(REFERENCE, user=user, role=role))
        assert contents(settled.database)["record_shares"] == []

    def test_a_user_has_no_subordinates_here(self, settled: Team) -> None:
        with pytest.raises(InvalidInput, match="and_subordinates: goes with a role"):
            settled.make(ShareRecord(REFERENCE, user=ALICE, and_subordinates=True))

    @pytest.mark.parametrize(("user", "role"), [(ALICE, None), (None, "Sales")])
    def test_what_is_not_shared_is_not_taken_back(self, settled: Team, user: str | None, role: str | None) -> None:
        with pytest.raises(NotFound, match=f"Leads/1001 is not shared with {user or role}"):
            settled.make(UnshareRecord(REFERENCE, user=user, role=role))


def _actor(team: Team, name: str, *, is_administrator: bool = False) -> Actor:
    return Actor(_id_of(team, name), is_administrator, "token of a test")


def _id_of(team: Team, name: str) -> int:
    return next(int(row[0]) for row in contents(team.database)["users"] if row[1] == email_of(name))
