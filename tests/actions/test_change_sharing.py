"""Who sees what: each setting by what it changes in the answers, and each refusal."""

from collections.abc import Callable

import pytest

from postroom.actions.change_sharing import (
    assign_permission,
    choose_permission,
    set_crm_access,
    set_default_permission,
    set_role_permission,
    share_emails,
    share_record,
    unshare_emails,
    unshare_record,
)
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, NotAllowed, NotFound, RecordInvalid
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.organisation import add_module
from postroom.core.model import CrmAccess, Permission
from postroom.core.modules import MODULES_WITH_EMAILS
from tests.storage.contents import contents
from tests.team import NOW, Team, email_of

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
        database, seen = team.database, []
        changes: list[Callable[[], None]] = [
            lambda: choose_permission(database, ALICE, PUBLIC),
            lambda: set_default_permission(database, PRIVATE),
            lambda: assign_permission(database, ALICE, PUBLIC),
            lambda: set_role_permission(database, "Sales", PRIVATE),
            lambda: set_role_permission(database, "Sales", USERS_CHOICE),
            lambda: choose_permission(database, ALICE, PRIVATE),
            lambda: set_role_permission(database, "Sales", None),
            lambda: assign_permission(database, ALICE, None),
            lambda: set_default_permission(database, PUBLIC),
        ]
        for change in changes:
            change()
            seen.append(alice_shares(team))
        assert seen == [True, False, True, False, True, False, True, False, True]

    def test_the_role_above_has_no_say(self, team: Team) -> None:
        set_role_permission(team.database, "Management", PUBLIC)
        assert not alice_shares(team)

    def test_access_to_mail_sent_from_the_crm(self, team: Team) -> None:
        team.crm_mail("Alice", ADDRESS)
        seen = []
        for access in CrmAccess:
            set_crm_access(team.database, access)
            seen.append(CRM in team.types("Bob", "Leads", LEAD))
        assert seen == [False, True, True, True]


class TestSharingMail:
    @pytest.fixture
    def custom(self, team: Team) -> Team:
        team.permission("Alice", "custom")
        return team

    def test_opens_the_mail_on_that_record_until_it_is_taken_back(self, custom: Team) -> None:
        other = custom.record("Leads", "Bob", ADDRESS)
        assert not alice_shares(custom)
        share_emails(custom.database, "ALICE@team.example", "leads/1001", now=NOW)
        assert alice_shares(custom)
        assert custom.shares("Bob", "Leads", other) == []
        unshare_emails(custom.database, ALICE, REFERENCE)
        assert not alice_shares(custom)

    def test_has_no_effect_while_the_permission_is_another_and_comes_back_with_it(self, custom: Team) -> None:
        custom.share("Alice", REFERENCE)
        seen = []
        for choice in ("private", "custom", "public", "custom"):
            custom.permission("Alice", choice)
            seen.append(alice_shares(custom))
        unshare_emails(custom.database, ALICE, REFERENCE)
        assert [*seen, alice_shares(custom)] == [False, True, True, True, False]

    def test_can_be_taken_back_under_any_permission(self, custom: Team) -> None:
        custom.share("Alice", REFERENCE)
        custom.permission("Alice", "private")
        unshare_emails(custom.database, ALICE, REFERENCE)
        custom.permission("Alice", "custom")
        assert not alice_shares(custom)

    def test_shared_again_it_is_shared_since_then(self, custom: Team) -> None:
        for now in (NOW, NOW + 7 * 24 * 3600):
            share_emails(custom.database, ALICE, REFERENCE, now=now)
            assert contents(custom.database)["email_shares"] == [(LEAD, _id_of(custom, "Alice"), now)]
            unshare_emails(custom.database, ALICE, REFERENCE)

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
            (lambda database: choose_permission(database, ALICE, PRIVATE), "private"),
            (lambda database: choose_permission(database, ALICE, PUBLIC), "public"),
            (lambda database: assign_permission(database, ALICE, PUBLIC), "public"),
            (lambda database: set_role_permission(database, "Sales", PRIVATE), "private"),
            (lambda database: set_default_permission(database, PUBLIC), "public"),
        ],
    )
    def test_needs_the_permission_custom_from_wherever_it_comes(
        self, custom: Team, decide: Callable[..., None], permission: str
    ) -> None:
        decide(custom.database)
        with pytest.raises(NotAllowed, match=f"User did not enable custom sharing: .* is {permission}"):
            custom.share("Alice", REFERENCE)
        assert contents(custom.database)["email_shares"] == []

    @on_sqlite
    def test_is_allowed_by_the_role_before_the_choice(self, team: Team) -> None:
        set_role_permission(team.database, "Sales", CUSTOM)
        team.share("Alice", REFERENCE)
        assert alice_shares(team)

    @on_sqlite
    def test_needs_a_connected_mailbox(self, custom: Team) -> None:
        custom.permission("Bob", "custom")
        disconnect_mailbox(custom.database, ALICE)
        for name in ("Alice", "Bob"):
            with pytest.raises(NotAllowed, match=f"Email Configuration does not exist: {email_of(name)}"):
                custom.share(name, REFERENCE)

    @on_sqlite
    def test_is_done_once_and_taken_back_once(self, custom: Team) -> None:
        with pytest.raises(NotFound, match="does not share on Leads/1001"):
            unshare_emails(custom.database, ALICE, REFERENCE)
        custom.share("Alice", REFERENCE)
        with pytest.raises(AlreadyThere, match="shares on Leads/1001 already"):
            share_emails(custom.database, ALICE, REFERENCE, now=NOW + 1)
        assert contents(custom.database)["email_shares"][0][2] == NOW


class TestSharingRecords:
    def test_with_a_user(self, team: Team) -> None:
        share_record(team.database, REFERENCE, user=email_of("Charlie"), role=None)
        assert [sees_lead(team, name) for name in ("Alice", "Charlie", "Dora")] == [False, True, False]
        unshare_record(team.database, REFERENCE, user=email_of("Charlie"), role=None)
        assert not sees_lead(team, "Charlie")

    def test_with_a_role(self, team: Team) -> None:
        share_record(team.database, REFERENCE, user=None, role="Sales")
        assert [sees_lead(team, name) for name in ("Alice", "Charlie", "Dora")] == [True, True, False]
        unshare_record(team.database, REFERENCE, user=None, role="Sales")
        assert not sees_lead(team, "Alice")

    def test_with_a_role_and_subordinates_until_it_is_the_role_alone(self, team: Team) -> None:
        seen = []
        for and_subordinates in (False, True, False):
            share_record(team.database, REFERENCE, user=None, role="Management", and_subordinates=and_subordinates)
            seen.append([sees_lead(team, name) for name in ("Charlie", "Dora")])
        assert seen == [[False, True], [True, True], [False, True]]

    def test_shares_no_mail(self, team: Team) -> None:
        team.permission("Alice", "private")
        share_record(team.database, REFERENCE, user=email_of("Charlie"), role=None)
        assert team.shares("Charlie", "Leads", LEAD) == []


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestRefusals:
    def test_a_choice_cannot_be_left_to_the_chooser(self, settled: Team) -> None:
        with pytest.raises(InvalidInput, match="choice: expected private, public or custom"):
            choose_permission(settled.database, ALICE, USERS_CHOICE)

    @pytest.mark.parametrize(
        "change",
        [
            lambda database: set_role_permission(database, "Board", PUBLIC),
            lambda database: set_role_permission(database, "sales", PUBLIC),
            lambda database: assign_permission(database, "zoe@team.example", PUBLIC),
            lambda database: choose_permission(database, "zoe@team.example", PUBLIC),
        ],
    )
    def test_who_is_not_there_gets_no_permission(self, settled: Team, change: Callable[..., None]) -> None:
        before = contents(settled.database)
        with pytest.raises(NotFound, match=r"there is no (role|user)"):
            change(settled.database)
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
        with pytest.raises(refusal):
            share_emails(settled.database, email, reference, now=NOW)
        with pytest.raises(refusal):
            unshare_emails(settled.database, email, reference)

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
        for change in (share_record, unshare_record):
            with pytest.raises(refusal, match=sentence):
                change(settled.database, REFERENCE, user=user, role=role)
        assert contents(settled.database)["record_shares"] == []

    def test_a_user_has_no_subordinates_here(self, settled: Team) -> None:
        with pytest.raises(InvalidInput, match="and-subordinates: goes with a role"):
            share_record(settled.database, REFERENCE, user=ALICE, role=None, and_subordinates=True)

    @pytest.mark.parametrize(("user", "role"), [(ALICE, None), (None, "Sales")])
    def test_what_is_not_shared_is_not_taken_back(self, settled: Team, user: str | None, role: str | None) -> None:
        with pytest.raises(NotFound, match=f"Leads/1001 is not shared with {user or role}"):
            unshare_record(settled.database, REFERENCE, user=user, role=role)


def _id_of(team: Team, name: str) -> int:
    return next(int(row[0]) for row in contents(team.database)["users"] if row[1] == email_of(name))
