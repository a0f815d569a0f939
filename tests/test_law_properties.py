"""What must hold of the law whatever the facts: more sharing never hides, and what is unknown never shows."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from postroom.core.model import CrmAccess, Kind, Permission, UserStatus
from postroom.core.sharing import (
    Decision,
    Ground,
    Membership,
    Organisation,
    Owner,
    Reason,
    Rule,
    Setting,
    Viewer,
    decide,
)

NARROW_TO_WIDE = (Permission.PRIVATE, Permission.CUSTOM, Permission.PUBLIC)
CRM_NARROW_TO_WIDE = tuple(CrmAccess)
WORDS = {*Permission, *CrmAccess, *Kind, *UserStatus, *Membership}
WITHHOLDING = (Rule.DOMAIN_EXCLUDED_BY_USER, Rule.EMAIL_WITHHELD, Rule.THREAD_WITHHELD, Rule.EVERY_COPY_WITHHELD)


class Question(NamedTuple):
    """Everything that one decision rests on."""

    kind: str
    viewer: Viewer
    owner: Owner
    grounds: tuple[Ground, ...]
    organisation: Organisation
    withheld: tuple[Reason, ...]

    def but(self, **changes: Any) -> "Question":
        """Give the same question with some facts changed; `status` and `user_id` are the owner's."""
        organisation = {name: changes.pop(name) for name in ("default", "crm_access") if name in changes}
        question = self._replace(**{name: changes.pop(name) for name in self._fields if name in changes})
        return question._replace(
            owner=question.owner._replace(**changes), organisation=question.organisation._replace(**organisation)
        )

    @property
    def answer(self) -> Decision:
        return decide(*self)

    @property
    def allowed(self) -> bool:
        return self.answer.allowed


ALICE, BOB, CHARLIE = 1, 2, 3

unknown = st.text(max_size=8).filter(lambda word: word not in WORDS)
permissions = st.sampled_from(Permission) | unknown
memberships = st.sampled_from(Membership) | unknown
settings = st.builds(Setting, permissions, memberships)
statuses = st.sampled_from([UserStatus.ACTIVE, *UserStatus]) | unknown
grounds = st.lists(st.sampled_from(Ground), unique=True, max_size=3).map(tuple)
owners = st.builds(
    Owner,
    user_id=st.sampled_from([ALICE, BOB]),
    status=statuses,
    by_role=st.none() | settings,
    assigned=st.none() | settings,
    chosen=st.none() | settings,
    below_viewer=st.booleans(),
    shared_at=st.none() | st.integers(0, 2**40),
)
organisations = st.builds(Organisation, default=settings, crm_access=st.sampled_from(CrmAccess) | unknown)
withheld = st.just(()) | st.lists(st.sampled_from(WITHHOLDING).map(Reason), unique=True, max_size=2).map(tuple)
questions = st.builds(
    Question,
    kind=st.sampled_from([*Kind, "unknown"]),
    viewer=st.builds(Viewer, st.sampled_from([ALICE, BOB]), statuses),
    owner=owners,
    grounds=grounds,
    organisation=organisations,
    withheld=withheld,
)
questions_of_a_colleague = st.builds(
    Question,
    kind=st.sampled_from(Kind),
    viewer=st.just(Viewer(CHARLIE, UserStatus.ACTIVE)),
    owner=owners,
    grounds=grounds.filter(bool),
    organisation=organisations,
    withheld=withheld,
)
synced_mail = questions_of_a_colleague.filter(lambda question: question.kind != Kind.CRM)


def for_everyone(permission: str) -> Setting:
    """Give a setting whose audience is everyone."""
    return Setting(permission, Membership.EVERYONE)


def never_narrows(questions: Iterable[Question]) -> bool:
    """Say that nothing that one question's answer allows is denied by a later one's."""
    allowed = [question.allowed for question in questions]
    return allowed == sorted(allowed)


class TestMoreSharingNeverHides:
    @given(asked=questions, place=st.sampled_from(["by_role", "assigned", "default"]), audience=memberships)
    def test_from_private_over_custom_to_public(self, asked: Question, place: str, audience: str) -> None:
        assert never_narrows(asked.but(**{place: Setting(permission, audience)}) for permission in NARROW_TO_WIDE)

    @given(asked=questions, audience=memberships)
    def test_a_wider_choice_after_none(self, asked: Question, audience: str) -> None:
        choices = (None, *(Setting(permission, audience) for permission in NARROW_TO_WIDE))
        assert never_narrows(asked.but(chosen=choice) for choice in choices)

    @given(
        asked=questions,
        place=st.sampled_from(["by_role", "assigned", "chosen", "default"]),
        permission=permissions,
        listed=st.sampled_from(sorted({*Membership} - {Membership.NOT_LISTED})),
    )
    def test_being_listed(self, asked: Question, place: str, permission: str, listed: str) -> None:
        audiences = (Membership.NOT_LISTED, listed, Membership.EVERYONE)
        assert never_narrows(asked.but(**{place: Setting(permission, audience)}) for audience in audiences)

    @given(asked=questions)
    def test_releasing_what_is_withheld(self, asked: Question) -> None:
        assert never_narrows([asked, asked.but(withheld=asked.withheld[:1]), asked.but(withheld=())])

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
        assert never_narrows([asked, asked.but(viewer=asked.viewer._replace(status=UserStatus.ACTIVE))])

    def test_and_all_of_these_do_show_something(self) -> None:
        """A law that never shows anything would pass the tests above."""
        alice = Owner(ALICE, UserStatus.ACTIVE, None, None, None, below_viewer=False, shared_at=1)
        organisation = Organisation(for_everyone(Permission.PRIVATE), CrmAccess.PRIVATE)
        asked = Question(Kind.IMAP, Viewer(BOB, UserStatus.ACTIVE), alice, tuple(Ground), organisation, ())
        crm, custom = asked.but(kind=Kind.CRM), asked.but(default=for_everyone(Permission.CUSTOM))
        assert [asked.but(default=for_everyone(each)).allowed for each in NARROW_TO_WIDE] == [False, True, True]
        assert [custom.but(shared_at=at).allowed for at in (None, 1)] == [False, True]
        assert [custom.but(default=Setting("custom", each)).allowed for each in Membership] == [True] * 4 + [False]
        assert [custom.but(withheld=each).allowed for each in ((Reason(Rule.EMAIL_WITHHELD),), ())] == [False, True]
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

    @given(asked=synced_mail, unknown_setting=st.builds(Setting, unknown, memberships))
    def test_a_permission_wherever_it_is_set(self, asked: Question, unknown_setting: Setting) -> None:
        assert not any(each.allowed for each in _decided_by(asked, unknown_setting))

    @given(asked=synced_mail, choice=st.builds(Setting, unknown | st.just(Permission.USERS_CHOICE), memberships))
    def test_a_choice(self, asked: Question, choice: Setting) -> None:
        left_to_user = for_everyone(Permission.USERS_CHOICE)
        assert not asked.but(by_role=left_to_user, chosen=choice).allowed

    @given(asked=synced_mail, unknown_audience=st.builds(Setting, permissions, unknown))
    def test_an_audience_wherever_it_is_set(self, asked: Question, unknown_audience: Setting) -> None:
        peer = asked.but(below_viewer=False)
        assert not any(each.allowed for each in _decided_by(peer, unknown_audience))
        assert not peer.but(by_role=for_everyone(Permission.USERS_CHOICE), chosen=unknown_audience).allowed

    @given(asked=questions_of_a_colleague, access=unknown)
    def test_an_access_type(self, asked: Question, access: str) -> None:
        assert not asked.but(kind=Kind.CRM, crm_access=access).allowed


def _decided_by(asked: Question, setting: Setting) -> list[Question]:
    """Give the question with the setting as the one that decides, at each of the three places."""
    assigned = asked.but(by_role=None, assigned=setting)
    return [asked.but(by_role=setting), assigned, assigned.but(assigned=None, default=setting)]


class TestWhatDoesNotMatter:
    @given(asked=questions)
    def test_which_ground_it_is(self, asked: Question) -> None:
        """Administering is not reading, and neither is being a superior of the record's owner."""
        assert len({asked.but(grounds=(ground,)).allowed for ground in Ground}) == 1

    @given(asked=synced_mail, access=st.sampled_from(CrmAccess) | unknown)
    def test_to_synced_mail_the_access_type(self, asked: Question, access: str) -> None:
        assert asked.but(crm_access=access).answer == asked.answer

    @given(asked=synced_mail, permission=permissions)
    def test_who_is_above_whom_where_the_audience_is_everyone(self, asked: Question, permission: str) -> None:
        everyone = asked.but(by_role=for_everyone(permission), chosen=for_everyone(Permission.PUBLIC))
        assert len({everyone.but(below_viewer=below).allowed for below in (False, True)}) == 1

    @given(asked=questions, audience=memberships)
    def test_to_a_superior_who_is_in_the_audience(self, asked: Question, audience: str) -> None:
        above = asked.but(below_viewer=True)
        listed = [above.but(by_role=Setting(Permission.PUBLIC, each)) for each in (Membership.EVERYONE, audience)]
        assert len({each.answer for each in listed}) == 1

    @given(asked=questions, withheld=withheld)
    def test_to_the_owner_what_is_withheld(self, asked: Question, withheld: tuple[Reason, ...]) -> None:
        own = asked.but(user_id=asked.viewer.user_id)
        assert own.but(withheld=withheld).answer == own.answer

    @given(asked=questions, other=owners, default=settings)
    def test_to_mail_sent_from_the_crm_the_senders_mailbox(
        self, asked: Question, other: Owner, default: Setting
    ) -> None:
        crm = asked.but(kind=Kind.CRM)
        sender = other._replace(user_id=crm.owner.user_id, below_viewer=crm.owner.below_viewer)
        assert crm.but(owner=sender, default=default).answer == crm.answer

    @given(asked=questions, by=st.integers(1, 2**60))
    def test_which_numbers_users_have(self, asked: Question, by: int) -> None:
        viewer = asked.viewer._replace(user_id=asked.viewer.user_id + by)
        assert asked.but(viewer=viewer, user_id=asked.owner.user_id + by).answer == asked.answer


ALLOWING = {
    Rule.OWN_MAIL,
    Rule.IN_AUDIENCE_OF_EVERYONE,
    Rule.IN_AUDIENCE_AS_SUPERIOR,
    Rule.IN_AUDIENCE_BY_NAME,
    Rule.IN_AUDIENCE_BY_ROLE,
    Rule.IN_AUDIENCE_BY_ROLE_ABOVE,
    Rule.SENT_BY_VIEWER,
    Rule.SENT_BY_SUBORDINATE,
    Rule.CRM_MAIL_FOLLOWS_RECORD,
}
RELEASED: dict[str, object] = {"withheld": ()}
PUBLIC = {"by_role": for_everyone(Permission.PUBLIC)}
NOT_LISTED = {"by_role": Setting(Permission.PUBLIC, Membership.NOT_LISTED), "below_viewer": False}
OTHERWISE: dict[Ground | Rule, dict[str, object]] = {
    **{rule: NOT_LISTED for rule in Rule if rule.startswith("in_audience_")},
    Rule.NOT_IN_AUDIENCE: {"below_viewer": True},
    Rule.UNKNOWN_AUDIENCE: PUBLIC,
    Rule.NOT_SHARED_ON_RECORD: {"shared_at": 1, "below_viewer": True},
    Rule.MAIL_IS_PRIVATE: PUBLIC,
    Rule.UNKNOWN_PERMISSION: PUBLIC,
    Rule.OWNER_NOT_ACTIVE: {"status": UserStatus.ACTIVE, **PUBLIC},
    **dict.fromkeys(WITHHOLDING, RELEASED),
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
        assert asked.but(**RELEASED | OTHERWISE[rule]).allowed is not asked.allowed

    @given(asked=questions_of_a_colleague)
    def test_without_the_grounds_that_are_named_nothing_is_shown(self, asked: Question) -> None:
        named = tuple(reason.rule for reason in asked.answer.reasons if isinstance(reason.rule, Ground))
        assert named == asked.grounds
        assert not asked.but(grounds=()).allowed
