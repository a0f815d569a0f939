"""Explanations: they decide as the answers do, for everybody, and say why in the words of the law."""

from datetime import UTC, datetime
from itertools import product

import pytest

from postroom.actions import explain as explaining
from postroom.actions.change_sharing import SetCrmAccess, ShareEmails, ShareRecord
from postroom.actions.changes import make
from postroom.actions.errors import ActionError, InvalidInput, NotFound, RecordInvalid, TokenInvalid
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.explain import Answer, Explanation, Step
from postroom.actions.initialising import initialise
from postroom.actions.organisation import SetUserStatus
from postroom.actions.permissions import SetRolePreference
from postroom.actions.records import delete_record
from postroom.core.model import CrmAccess, Permission, UserStatus
from postroom.core.sharing import Ground, Rule
from postroom.core.words import SENTENCES
from postroom.storage.database import Database, sqlite_url
from tests.team import NOW, OPERATOR, Team, email_of

CRM, ALL = "emails_sent_from_crm", "all_emails"
NAMES = ("Alice", "Bob", "Charlie", "Dora", "Emil", "Frieda", "Root")
NO_GROUND = "The viewer may not see the record, so none of its mail either."
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="class")
def office(shared_team: Team) -> dict[str, int]:
    """Give for each of a team of seven a lead on which only that colleague has mail.

    Alice is public, Bob shares on the lead, Charlie does not, Dora is private, Emil left, Frieda's role decides.
    """
    team = shared_team
    team.role("Management")
    team.role("Sales", under="Management")
    for name, role in zip(NAMES, ("Sales", "Management", None, "Sales", "Sales", "Management", None), strict=True):
        team.user(name, role=role, profile="Administrator" if name == "Root" else "Standard")
    leads = {name: _lead_about(team, name) for name in NAMES}
    for name, choice in (("Alice", "public"), ("Bob", "custom"), ("Charlie", "custom"), ("Emil", "public")):
        team.permission(name, choice)
    team.share("Bob", f"Leads/{leads['Bob']}")
    team.make(ShareRecord(f"Leads/{leads['Bob']}", role="Management", and_subordinates=True))
    team.make(ShareRecord(f"Leads/{leads['Dora']}", user=email_of("Charlie")))
    for name in NAMES:
        team.token(name)
    team.make(SetUserStatus(email_of("Emil"), UserStatus.INACTIVE))
    return leads


def _lead_about(team: Team, name: str) -> int:
    """Add a lead that belongs to Alice, or to Charlie where it is about her."""
    address = f"{name.lower()}s@customer.example"
    lead = team.record("Leads", "Charlie" if name == "Alice" else "Alice", address)
    team.mail(name, address)
    team.crm_mail(name, address)
    return lead


class TestAgreement:
    @pytest.mark.parametrize(
        ("crm_access", "by_role"), [("private", None), ("public_read_only", "public"), ("private", "private")]
    )
    def test_with_the_answers_for_every_pair(
        self, shared_team: Team, office: dict[str, int], crm_access: str, by_role: str | None
    ) -> None:
        shared_team.make(SetCrmAccess(CrmAccess(crm_access)))
        shared_team.make(SetRolePreference("Management", None if by_role is None else Permission(by_role)))
        disagreeing = [
            (viewer, owner)
            for viewer, owner in product(NAMES, NAMES)
            if _explained(shared_team, viewer, owner, office[owner])
            != _answered(shared_team, viewer, owner, office[owner])
        ]
        assert disagreeing == []

    def test_among_them_are_all_kinds_of_answers(self, shared_team: Team, office: dict[str, int]) -> None:
        answers = {_explained(shared_team, *pair, office[pair[1]]) for pair in product(NAMES, NAMES)}
        assert answers >= {"record", "token", (True, True), (False, True)}


def _explained(team: Team, viewer: str, owner: str, lead: int) -> object:
    """Say what an explanation says of synced mail and of mail sent from the CRM; or what keeps all from the viewer."""
    explanation = explain(team.database, email_of(viewer), email_of(owner), f"Leads/{lead}")
    synced, crm = explanation.answers
    assert (explanation.sees_mailbox, explanation.sees_crm) == (synced.allowed, crm.allowed)
    if synced.steps[-1].rule == Rule.VIEWER_NOT_ACTIVE:
        return "token"
    return "record" if _texts(synced) == _texts(crm) == [NO_GROUND] else (synced.allowed, crm.allowed)


def _texts(answer: Answer) -> list[str]:
    return [step.text for step in answer.steps]


def explain(database: Database, viewer: str, owner: str, record: str) -> Explanation:
    return explaining.explain(database, viewer, owner, record, by=OPERATOR)


def _answered(team: Team, viewer: str, owner: str, lead: int) -> object:
    try:
        details = team.details(viewer, "Leads", lead)
    except TokenInvalid:
        return "token"
    except RecordInvalid:
        return "record"
    shares = [user.name for user in details.share_from_users] == [owner]
    own = viewer == owner and ALL in details.available_types
    return shares or own, CRM in details.available_types


@on_sqlite
class TestWords:
    @pytest.fixture
    def team(self, team: Team) -> Team:
        """Alice has mail; Bob owns the lead 1001."""
        team.role("Management")
        team.role("Sales", under="Management")
        team.user("Alice", role="Sales")
        team.user("Bob", role="Management")
        team.user("Charlie")
        team.record("Leads", "Bob", record_id=1001)
        return team

    def test_each_step_is_a_sentence_in_the_order_of_the_law(self, team: Team) -> None:
        team.permission("Alice", "custom")
        team.share("Alice", "Leads/1001")
        shared_on = datetime.fromtimestamp(NOW, UTC).date()
        superior = "The viewer is a superior of the owner, and superiors are in every audience."
        owns = _step(Ground.OWNS_RECORD, "The viewer sees the record: the viewer owns it.")
        custom = [
            owns,
            _step(Rule.PERMISSION_FROM_ORGANISATION, "Permission users_choice, the organisation's default."),
            _step(Rule.USERS_CHOICE, "The owner chose custom."),
            _step(Rule.SHARED_ON_RECORD, f"The owner shared on this record on {shared_on}."),
            _step(Rule.IN_AUDIENCE_AS_SUPERIOR, superior),
        ]
        follows = "Access type public_read_only: everyone who sees the record sees mail sent from the CRM."
        crm = [owns, _step(Rule.CRM_MAIL_FOLLOWS_RECORD, follows)]
        assert explain(team.database, email_of("Bob"), "ALICE@team.example", "leads/1001") == Explanation(
            viewer="bob@team.example",
            owner="alice@team.example",
            record="Leads/1001",
            sees_mailbox=False,
            sees_crm=False,
            answers=[
                Answer("mail in the owner's mailbox", "Leads/1001", True, custom),
                Answer("mail that the owner sent from the CRM", "Leads/1001", True, crm),
            ],
        )

    def test_the_rule_that_made_a_difference_is_named(self, team: Team) -> None:
        steps = _steps(team, "Bob")
        assert steps[-2:] == [
            "The owner has not chosen, which means private.",
            "Private mail is seen by its owner alone.",
        ]
        team.make(SetRolePreference("Sales", Permission.PUBLIC))
        assert "Permission public, from the e-mail preference of the owner's role." in _steps(team, "Bob")
        team.make(SetUserStatus(email_of("Alice"), UserStatus.DELETED))
        assert _steps(team, "Bob")[-1] == "The owner is deleted: such a user shares with nobody."
        team.make(SetUserStatus(email_of("Bob"), UserStatus.INACTIVE))
        assert _steps(team, "Bob") == ["The viewer is inactive: such a user sees nothing."]

    def test_what_is_seen_is_said_where_there_is_mail(self, team: Team) -> None:
        team.permission("Alice", "public")
        lead = team.record("Leads", "Bob", "lead@customer.example")
        seen = []
        for arrive in (team.mail, team.crm_mail):
            arrive("Alice", "lead@customer.example")
            found = explain(team.database, email_of("Bob"), email_of("Alice"), f"Leads/{lead}")
            seen.append((found.sees_mailbox, found.sees_crm))
        assert seen == [(True, False), (True, True)]

    def test_a_stranger_and_a_deleted_record(self, team: Team) -> None:
        assert _steps(team, "Charlie") == [NO_GROUND]
        delete_record(team.database, "Leads/1001", now=NOW)
        assert _steps(team, "Bob") == ["The record is in the recycle bin, so nobody sees its mail."]
        with pytest.raises(NotFound, match="there is no record 1001 in Leads"):
            explaining.explain(team.database, email_of("Bob"), email_of("Alice"), "Leads/1001", by=team.actor("Bob"))

    def test_only_the_owner_is_told_that_all_mail_is_withheld(self, team: Team) -> None:
        team.user("Root", profile="Administrator")
        team.record("Leads", "Bob", "lead@customer.example", record_id=1002)
        team.make(ShareRecord("Leads/1002", user=email_of("Alice")))
        team.mail("Alice", "lead@customer.example")
        team.permission("Alice", "public")
        team.make(SetExcludedDomains(("customer.example",), user=email_of("Alice")))
        people = (email_of("Bob"), email_of("Alice"))
        for asker, told in (("Alice", True), ("Root", False)):
            said = explaining.explain(team.database, *people, "Leads/1002", by=team.actor(asker))
            rules = [step.rule for step in said.answers[0].steps]
            assert (said.answers[0].allowed, Rule.EVERY_COPY_WITHHELD in rules) == (not told, told)
            assert not said.sees_mailbox

    @pytest.mark.parametrize(
        ("viewer", "owner", "record", "refusal", "sentence"),
        [
            ("zoe@team.example", "alice@team.example", "Leads/1001", NotFound, "there is no user zoe@team.example"),
            ("bob@team.example", "zoe@team.example", "Leads/1001", NotFound, "there is no user zoe@team.example"),
            ("bob@team.example", "alice@team.example", "Leads/7", NotFound, "there is no record 7 in Leads"),
            ("bob", "alice@team.example", "Leads/1001", InvalidInput, "'bob' is not an e-mail address"),
            ("bob@team.example", "alice@team.example", "1001", InvalidInput, "is not of the form"),
        ],
    )
    def test_what_is_not_there(
        self, team: Team, viewer: str, owner: str, record: str, refusal: type[ActionError], sentence: str
    ) -> None:
        with pytest.raises(refusal, match=sentence):
            explain(team.database, viewer, owner, record)


@pytest.mark.parametrize(
    ("time_zone", "day"), [("UTC", "2026-11-02"), ("Europe/Vienna", "2026-11-03"), ("Pacific/Pago_Pago", "2026-11-02")]
)
def test_the_day_of_a_share_is_the_organisations(
    tmp_path_factory: pytest.TempPathFactory, time_zone: str, day: str
) -> None:
    folder = tmp_path_factory.mktemp("zone")
    database = Database(sqlite_url(folder / "zone.sqlite3"))
    initialise(database, "Far away", time_zone)
    team = Team(database, folder)
    team.user("Alice")
    team.permission("Alice", "custom")
    team.record("Leads", "Alice", record_id=1001)
    team.user("Bob", profile="Administrator")
    share = ShareEmails(email_of("Alice"), "Leads/1001")
    make(database, share, OPERATOR, now=1_793_662_200)  # 2026-11-02T23:30:00Z
    assert _steps(team, "Bob")[-2] == f"The owner shared on this record on {day}."
    database.close()


def _step(rule: Ground | Rule, text: str) -> Step:
    return Step(rule, text, SENTENCES[rule].changed_by)


def _steps(team: Team, viewer: str) -> list[str]:
    return _texts(explain(team.database, email_of(viewer), email_of("Alice"), "Leads/1001").answers[0])
