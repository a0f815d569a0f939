"""What must hold of the law whatever the facts: more sharing never hides, and what is unknown never shows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from postroom.core.model import CrmAccess, Kind, Permission, UserStatus
from postroom.core.sharing import Decision, Ground, Organisation, Owner, Rule, Viewer, decide

NARROW_TO_WIDE = (Permission.PRIVATE, Permission.CUSTOM, Permission.PUBLIC)
CRM_NARROW_TO_WIDE = tuple(CrmAccess)
WORDS = {*Permission, *CrmAccess, *Kind, *UserStatus}


class Question(NamedTuple):
    """Everything that one decision rests on."""

    kind: str
    viewer: Viewer
    owner: Owner
    grounds: tuple[Ground, ...]
    organisation: Organisation

    def but(self, **changes: Any) -> "Question":
        """Give the same question with some facts changed; `status` and `user_id` are the owner's."""
        organisation = {name: changes.pop(name) for name in ("default_permission", "crm_access") if name in changes}
        question = self._replace(**{name: changes.pop(name) for name in self._fields if name in changes})
        return question._replace(
            owner=replace(question.owner, **changes), organisation=replace(question.organisation, **organisation)
        )

    @property
    def answer(self) -> Decision:
        return decide(*self)

    @property
    def allowed(self) -> bool:
        return self.answer.allowed


ALICE, BOB, CHARLIE = 1, 2, 3

unknown = st.text(max_size=8).filter(lambda word: word not in WORDS)
permissions = st.sampled_from([None, *Permission]) | unknown
statuses = st.sampled_from([UserStatus.ACTIVE, *UserStatus]) | unknown
grounds = st.lists(st.sampled_from(Ground), unique=True, max_size=3).map(tuple)
owners = st.builds(
    Owner,
    user_id=st.sampled_from([ALICE, BOB]),
    status=statuses,
    role_permission=permissions,
    assigned_permission=permissions,
    chosen_permission=permissions,
    below_viewer=st.booleans(),
    shared_at=st.none() | st.integers(0, 2**40),
)
organisations = st.builds(
    Organisation,
    default_permission=st.sampled_from(Permission) | unknown,
    crm_access=st.sampled_from(CrmAccess) | unknown,
)
questions = st.builds(
    Question,
    kind=st.sampled_from([*Kind, "unknown"]),
    viewer=st.builds(Viewer, st.sampled_from([ALICE, BOB]), statuses),
    owner=owners,
    grounds=grounds,
    organisation=organisations,
)
questions_of_a_colleague = st.builds(
    Question,
    kind=st.sampled_from(Kind),
    viewer=st.just(Viewer(CHARLIE, UserStatus.ACTIVE)),
    owner=owners,
    grounds=grounds.filter(bool),
    organisation=organisations,
)
synced_mail = questions_of_a_colleague.filter(lambda question: question.kind != Kind.CRM)


def never_narrows(questions: Iterable[Question]) -> bool:
    """Say that nothing that one question's answer allows is denied by a later one's."""
    allowed = [question.allowed for question in questions]
    return allowed == sorted(allowed)


class TestMoreSharingNeverHides:
    @given(asked=questions, place=st.sampled_from(["role_permission", "assigned_permission", "default_permission"]))
    def test_from_private_over_custom_to_public(self, asked: Question, place: str) -> None:
        assert never_narrows(asked.but(**{place: permission}) for permission in NARROW_TO_WIDE)

    @given(asked=questions)
    def test_a_wider_choice_after_none(self, asked: Question) -> None:
        assert never_narrows(asked.but(chosen_permission=choice) for choice in (None, *NARROW_TO_WIDE))

    @given(asked=questions, at=st.integers(0, 2**40))
    def test_a_share(self, asked: Question, at: int) -> None:
        assert never_narrows(asked.but(shared_at=shared_at) for shared_at in (None, at))

    @given(asked=questions, order=st.permutations(list(Ground)))
    def test_a_ground_more(self, asked: Question, order: list[Ground]) -> None:
        assert never_narrows(asked.but(grounds=tuple(order[:count])) for count in range(len(order) + 1))

    @given(asked=questions)
    def test_wider_access_to_mail_sent_from_the_crm(self, asked: Question) -> None:
        assert never_narrows(asked.but(crm_access=access) for access in CRM_NARROW_TO_WIDE)

    @given(asked=questions)
    def test_being_a_superior(self, asked: Question) -> None:
        assert never_narrows(asked.but(below_viewer=below_viewer) for below_viewer in (False, True))

    @given(asked=questions)
    def test_enabling_the_owner_or_the_viewer(self, asked: Question) -> None:
        assert never_narrows([asked, asked.but(status=UserStatus.ACTIVE)])
        assert never_narrows([asked, asked.but(viewer=replace(asked.viewer, status=UserStatus.ACTIVE))])

    def test_and_all_of_these_do_show_something(self) -> None:
        """A law that never shows anything would pass the tests above."""
        alice = Owner(ALICE, UserStatus.ACTIVE, None, None, None, below_viewer=False, shared_at=1)
        settings = Organisation(Permission.PRIVATE, CrmAccess.PRIVATE)
        asked = Question(Kind.IMAP, Viewer(BOB, UserStatus.ACTIVE), alice, tuple(Ground), settings)
        crm = asked.but(kind=Kind.CRM)
        assert [asked.but(default_permission=each).allowed for each in NARROW_TO_WIDE] == [False, True, True]
        assert [asked.but(default_permission="custom", shared_at=at).allowed for at in (None, 1)] == [False, True]
        assert [crm.but(crm_access=each).allowed for each in CRM_NARROW_TO_WIDE] == [False, True, True, True]
        assert [crm.but(below_viewer=each).allowed for each in (False, True)] == [False, True]


class TestWhatIsUnknownNeverShows:
    """The viewer is a colleague with a ground to see the record."""

    @given(asked=questions_of_a_colleague, kind=unknown)
    def test_a_kind_of_mail(self, asked: Question, kind: str) -> None:
        assert not asked.but(kind=kind).allowed

    @given(asked=questions_of_a_colleague, status=unknown)
    def test_a_viewers_status(self, asked: Question, status: str) -> None:
        assert not asked.but(viewer=Viewer(CHARLIE, status)).allowed

    @given(asked=synced_mail, status=unknown)
    def test_an_owners_status(self, asked: Question, status: str) -> None:
        assert not asked.but(status=status).allowed

    @given(asked=synced_mail, permission=unknown)
    def test_a_permission_wherever_it_is_set(self, asked: Question, permission: str) -> None:
        by_default = asked.but(role_permission=None, assigned_permission=None, default_permission=permission)
        assert not asked.but(role_permission=permission).allowed
        assert not asked.but(role_permission=None, assigned_permission=permission).allowed
        assert not by_default.allowed

    @given(asked=synced_mail, choice=unknown | st.just(Permission.USERS_CHOICE))
    def test_a_choice(self, asked: Question, choice: str) -> None:
        assert not asked.but(role_permission=Permission.USERS_CHOICE, chosen_permission=choice).allowed

    @given(asked=questions_of_a_colleague, access=unknown)
    def test_an_access_type(self, asked: Question, access: str) -> None:
        assert not asked.but(kind=Kind.CRM, crm_access=access).allowed


class TestWhatDoesNotMatter:
    @given(asked=questions)
    def test_which_ground_it_is(self, asked: Question) -> None:
        """Administering is not reading, and neither is being a superior of the record's owner."""
        assert len({asked.but(grounds=(ground,)).allowed for ground in Ground}) == 1

    @given(asked=synced_mail, access=st.sampled_from(CrmAccess) | unknown)
    def test_to_synced_mail_the_access_type_and_who_is_above_whom(self, asked: Question, access: str) -> None:
        assert asked.but(crm_access=access, below_viewer=not asked.owner.below_viewer).answer == asked.answer

    @given(asked=questions, other=owners, default=permissions.filter(bool))
    def test_to_mail_sent_from_the_crm_the_senders_mailbox(self, asked: Question, other: Owner, default: str) -> None:
        crm = asked.but(kind=Kind.CRM)
        sender = replace(other, user_id=crm.owner.user_id, below_viewer=crm.owner.below_viewer)
        assert crm.but(owner=sender, default_permission=default).answer == crm.answer

    @given(asked=questions, by=st.integers(1, 2**60))
    def test_which_numbers_users_have(self, asked: Question, by: int) -> None:
        viewer = replace(asked.viewer, user_id=asked.viewer.user_id + by)
        assert asked.but(viewer=viewer, user_id=asked.owner.user_id + by).answer == asked.answer


ALLOWING = {
    Rule.OWN_MAIL,
    Rule.MAIL_IS_PUBLIC,
    Rule.SHARED_ON_RECORD,
    Rule.SENT_BY_VIEWER,
    Rule.SENT_BY_SUBORDINATE,
    Rule.CRM_MAIL_FOLLOWS_RECORD,
}
OTHERWISE: dict[Ground | Rule, dict[str, object]] = {
    Rule.SHARED_ON_RECORD: {"shared_at": None},
    Rule.NOT_SHARED_ON_RECORD: {"shared_at": 1},
    Rule.MAIL_IS_PUBLIC: {"role_permission": Permission.PRIVATE},
    Rule.MAIL_IS_PRIVATE: {"role_permission": Permission.PUBLIC},
    Rule.UNKNOWN_PERMISSION: {"role_permission": Permission.PUBLIC},
    Rule.OWNER_NOT_ACTIVE: {"status": UserStatus.ACTIVE, "role_permission": Permission.PUBLIC},
    Rule.CRM_MAIL_IS_PRIVATE: {"below_viewer": True},
    Rule.SENT_BY_SUBORDINATE: {"below_viewer": False},
    Rule.CRM_MAIL_FOLLOWS_RECORD: {"crm_access": "unknown"},
    Rule.UNKNOWN_CRM_ACCESS: {"crm_access": CrmAccess.PUBLIC_READ_ONLY},
}


class TestReasons:
    @given(asked=questions)
    def test_the_last_one_tells_the_outcome(self, asked: Question) -> None:
        assert asked.allowed == (asked.answer.reasons[-1].rule in ALLOWING)

    @given(asked=questions_of_a_colleague)
    def test_without_what_the_last_one_names_the_outcome_is_the_opposite(self, asked: Question) -> None:
        rule = asked.answer.reasons[-1].rule
        assert asked.but(**OTHERWISE[rule]).allowed is not asked.allowed

    @given(asked=questions_of_a_colleague)
    def test_without_the_grounds_that_are_named_nothing_is_shown(self, asked: Question) -> None:
        named = tuple(reason.rule for reason in asked.answer.reasons if isinstance(reason.rule, Ground))
        assert named == asked.grounds
        assert not asked.but(grounds=()).allowed
