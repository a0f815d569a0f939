"""The law, rule by rule: Alice owns the mail, Bob asks for it on a record."""

from enum import StrEnum

import pytest

from postroom.core.model import CrmAccess, Kind, Permission, UserStatus
from postroom.core.sharing import (
    Decision,
    Ground,
    Membership,
    Reason,
    Rule,
    Viewer,
    decide,
    effective_permission,
    may_change_record,
    may_edit_crm_mail,
    record_access,
)
from tests.core.facts import (
    ALICE,
    BOB,
    MONDAY,
    SEES_NOTHING,
    SEES_RECORD,
    UNKNOWN_WORDS,
    alice,
    bob,
    every_decision,
    every_reason,
    new_organisation,
    organisation,
    owner,
    setting,
)

NOT_ACTIVE = (UserStatus.INACTIVE, UserStatus.DELETED, "Active", "", "unknown")
SYNCED = (Kind.IMAP, Kind.POP)
READS_ALL_OF_THE_RECORD = (Ground.SUPERIOR_OF_RECORD_OWNER, Ground.ADMINISTRATOR)


def rules(decision: Decision) -> list[Ground | Rule]:
    return [reason.rule for reason in decision.reasons]


class TestRecordAccess:
    """Section 2: may the caller see the record at all?"""

    @pytest.mark.parametrize("ground", Ground)
    def test_one_ground_is_enough(self, ground: Ground) -> None:
        assert record_access(bob, (ground,)) == Decision(True, (Reason(ground),))

    def test_all_grounds_that_hold_are_named(self) -> None:
        decision = record_access(bob, tuple(Ground))
        assert decision == Decision(True, tuple(Reason(ground) for ground in Ground))

    def test_a_stranger_has_no_ground(self) -> None:
        assert record_access(bob, SEES_NOTHING) == Decision(False, (Reason(Rule.NO_GROUND),))

    @pytest.mark.parametrize("ground", Ground)
    def test_owner_superior_and_administrator_may_change_it_too(self, ground: Ground) -> None:
        may = ground in (Ground.OWNS_RECORD, Ground.SUPERIOR_OF_RECORD_OWNER, Ground.ADMINISTRATOR)
        assert may_change_record((ground,)) == may
        assert may_change_record((ground, Ground.OWNS_RECORD))

    @pytest.mark.parametrize("status", NOT_ACTIVE)
    @pytest.mark.parametrize("grounds", [SEES_NOTHING, tuple(Ground)])
    def test_a_viewer_who_is_not_active_sees_nothing(self, status: str, grounds: tuple[Ground, ...]) -> None:
        decision = record_access(Viewer(BOB, status), grounds)
        assert decision == Decision(False, (Reason(Rule.VIEWER_NOT_ACTIVE, status),))

    @pytest.mark.parametrize("kind", Kind)
    def test_who_does_not_see_the_record_sees_no_mail_on_it(self, kind: Kind) -> None:
        for sharing in (owner(by_role="public", shared_at=MONDAY), owner(BOB, by_role="public")):
            assert rules(decide(kind, bob, sharing, SEES_NOTHING, new_organisation)) == [Rule.NO_GROUND]


class TestEffectivePermission:
    """Section 3: the role's preference, else the owner's own assignment, else the organisation's default."""

    @pytest.mark.parametrize("permission", ["private", "public", "custom", "unknown"])
    def test_each_place_decides_where_no_place_before_it_does(self, permission: str) -> None:
        by_default = effective_permission(owner(), organisation(permission))
        assigned = effective_permission(owner(assigned=permission), organisation("other"))
        by_role = effective_permission(owner(by_role=permission, assigned="other"), organisation("other"))
        places = (by_default, Rule.PERMISSION_FROM_ORGANISATION), (assigned, Rule.PERMISSION_FROM_USER)
        for effective, source in (*places, (by_role, Rule.PERMISSION_FROM_ROLE)):
            assert effective == (permission, (setting(permission),), (Reason(source, permission),))

    @pytest.mark.parametrize("choice", ["private", "public", "custom"])
    @pytest.mark.parametrize(
        ("facts", "default", "source"),
        [
            ({}, "users_choice", Rule.PERMISSION_FROM_ORGANISATION),
            ({"assigned": "users_choice"}, "public", Rule.PERMISSION_FROM_USER),
            ({"by_role": "users_choice", "assigned": "public"}, "public", Rule.PERMISSION_FROM_ROLE),
        ],
    )
    def test_users_choice_means_the_owners_own(
        self, choice: str, facts: dict[str, str], default: str, source: Rule
    ) -> None:
        chosen = effective_permission(owner(**facts, chosen=choice), organisation(default))
        not_chosen = effective_permission(owner(**facts), organisation(default))
        left_to_user, by_source = setting("users_choice"), Reason(source, "users_choice")
        assert chosen == (choice, (left_to_user, setting(choice)), (by_source, Reason(Rule.USERS_CHOICE, choice)))
        assert not_chosen == ("private", (left_to_user,), (by_source, Reason(Rule.NO_CHOICE_MADE)))

    @pytest.mark.parametrize("decided", ["private", "public", "custom"])
    def test_a_choice_has_no_effect_where_somebody_decided(self, decided: str) -> None:
        chose_otherwise = owner(assigned=decided, chosen="public")
        assert effective_permission(chose_otherwise, new_organisation).permission == decided

    def test_a_new_organisation_begins_private(self) -> None:
        assert effective_permission(owner(), new_organisation).permission == Permission.PRIVATE


@pytest.mark.parametrize("kind", SYNCED)
class TestSyncedMail:
    """Section 3: who sees the owner's synced mail on a record that the viewer may see."""

    def test_public_mail_is_for_everyone(self, kind: Kind) -> None:
        decision = decide(kind, bob, owner(assigned="public"), SEES_RECORD, new_organisation)
        assert decision.allowed
        assert decision.reasons == (
            Reason(Ground.OWNS_RECORD),
            Reason(Rule.PERMISSION_FROM_USER, "public"),
            Reason(Rule.MAIL_IS_PUBLIC),
            Reason(Rule.IN_AUDIENCE_OF_EVERYONE),
        )

    def test_private_mail_is_for_its_owner_alone_not_for_superiors_nor_administrators(self, kind: Kind) -> None:
        private = owner(assigned="private", below_viewer=True, shared_at=MONDAY)
        decision = decide(kind, bob, private, READS_ALL_OF_THE_RECORD, new_organisation)
        assert not decision.allowed
        assert decision.reasons[-2:] == (Reason(Rule.PERMISSION_FROM_USER, "private"), Reason(Rule.MAIL_IS_PRIVATE))

    def test_custom_mail_is_for_everyone_where_it_is_shared(self, kind: Kind) -> None:
        shared = owner(assigned="custom", shared_at=MONDAY)
        decision = decide(kind, bob, shared, SEES_RECORD, new_organisation)
        assert decision.allowed
        assert decision.reasons[-2:] == (Reason(Rule.SHARED_ON_RECORD, MONDAY), Reason(Rule.IN_AUDIENCE_OF_EVERYONE))

    def test_shared_at_the_very_first_second_is_shared(self, kind: Kind) -> None:
        shared = owner(assigned="custom", shared_at=0)
        assert decide(kind, bob, shared, SEES_RECORD, new_organisation).allowed

    def test_custom_mail_is_hidden_where_it_is_not_shared(self, kind: Kind) -> None:
        custom = owner(assigned="custom", below_viewer=True)
        decision = decide(kind, bob, custom, READS_ALL_OF_THE_RECORD, new_organisation)
        assert not decision.allowed
        assert decision.reasons[-1] == Reason(Rule.NOT_SHARED_ON_RECORD)

    @pytest.mark.parametrize("permission", ["private", "custom", "public", "users_choice", "unknown"])
    def test_own_mail_is_seen_whatever_the_permission(self, kind: Kind, permission: str) -> None:
        own = owner(by_role=permission)
        decision = decide(kind, alice, own, SEES_RECORD, new_organisation)
        assert decision == Decision(True, (Reason(Ground.OWNS_RECORD), Reason(Rule.OWN_MAIL)))

    @pytest.mark.parametrize("status", NOT_ACTIVE)
    @pytest.mark.parametrize("permission", ["public", "custom"])
    def test_an_owner_who_is_not_active_shares_with_nobody(self, kind: Kind, status: str, permission: str) -> None:
        gone = owner(status=status, assigned=permission, shared_at=MONDAY)
        decision = decide(kind, bob, gone, SEES_RECORD, new_organisation)
        assert not decision.allowed
        assert decision.reasons[1:] == (Reason(Rule.OWNER_NOT_ACTIVE, status),)

    @pytest.mark.parametrize("permission", UNKNOWN_WORDS)
    @pytest.mark.parametrize("place", ["by_role", "assigned", "default"])
    def test_a_permission_that_the_law_does_not_know_opens_nothing(
        self, kind: Kind, permission: str, place: str
    ) -> None:
        facts = {} if place == "default" else {place: permission}
        unknown = owner(**facts, chosen="public", shared_at=MONDAY)
        decision = decide(kind, bob, unknown, SEES_RECORD, organisation(permission))
        assert not decision.allowed
        assert decision.reasons[-1] == Reason(Rule.UNKNOWN_PERMISSION, permission)

    @pytest.mark.parametrize("choice", [*UNKNOWN_WORDS, "users_choice"])
    def test_nor_does_such_a_choice(self, kind: Kind, choice: str) -> None:
        decision = decide(kind, bob, owner(chosen=choice), SEES_RECORD, new_organisation)
        assert not decision.allowed
        assert decision.reasons[-1] == Reason(Rule.UNKNOWN_PERMISSION, choice)


class TestMailSentFromTheCrm:
    """Section 5: it follows record access and the organisation's access type."""

    @pytest.mark.parametrize("access", ["public_read_only", "public_read_write", "public_read_write_delete"])
    def test_three_access_types_follow_the_record(self, access: str) -> None:
        decision = decide(Kind.CRM, bob, owner(), SEES_RECORD, organisation(crm=access))
        follows = Reason(Rule.CRM_MAIL_FOLLOWS_RECORD, access)
        assert decision == Decision(True, (Reason(Ground.OWNS_RECORD), follows))

    def test_private_is_for_the_sender_and_the_senders_superiors(self) -> None:
        private = organisation(crm=CrmAccess.PRIVATE)
        by_sender = decide(Kind.CRM, alice, owner(), SEES_RECORD, private)
        by_superior = decide(Kind.CRM, bob, owner(below_viewer=True), SEES_RECORD, private)
        by_colleague = decide(Kind.CRM, bob, owner(), READS_ALL_OF_THE_RECORD, private)
        assert (by_sender.allowed, by_sender.reasons[-1]) == (True, Reason(Rule.SENT_BY_VIEWER))
        assert (by_superior.allowed, by_superior.reasons[-1]) == (True, Reason(Rule.SENT_BY_SUBORDINATE))
        assert (by_colleague.allowed, by_colleague.reasons[-1]) == (False, Reason(Rule.CRM_MAIL_IS_PRIVATE))

    @pytest.mark.parametrize("permission", ["private", "custom", "public"])
    @pytest.mark.parametrize(("access", "allowed"), [("private", False), ("public_read_only", True)])
    def test_mailbox_permissions_do_not_matter(self, permission: str, access: str, *, allowed: bool) -> None:
        sender = owner(by_role=permission, shared_at=MONDAY)
        assert decide(Kind.CRM, bob, sender, SEES_RECORD, organisation(permission, access)).allowed is allowed

    @pytest.mark.parametrize("status", [UserStatus.INACTIVE, UserStatus.DELETED])
    def test_what_a_colleague_who_left_had_sent_stays_on_the_record(self, status: UserStatus) -> None:
        assert decide(Kind.CRM, bob, owner(status=status), SEES_RECORD, new_organisation).allowed

    @pytest.mark.parametrize("access", [*UNKNOWN_WORDS, "public_read", "users_choice"])
    def test_an_access_type_that_the_law_does_not_know_opens_nothing(self, access: str) -> None:
        for colleague in (owner(), owner(below_viewer=True)):
            decision = decide(Kind.CRM, bob, colleague, SEES_RECORD, organisation(crm=access))
            assert not decision.allowed
            assert decision.reasons[-1] == Reason(Rule.UNKNOWN_CRM_ACCESS, access)


class TestEditingMailSentFromTheCrm:
    """Section 5: two access types let others answer it and file it elsewhere."""

    @pytest.mark.parametrize("access", [*CrmAccess, *UNKNOWN_WORDS])
    def test_whoever_sent_it_may(self, access: str) -> None:
        assert may_edit_crm_mail(alice, owner(), organisation(crm=access))

    @pytest.mark.parametrize("access", ["public_read_write", "public_read_write_delete"])
    def test_others_may_where_the_access_type_says_write(self, access: str) -> None:
        assert may_edit_crm_mail(bob, owner(), organisation(crm=access))

    @pytest.mark.parametrize("access", ["private", "public_read_only", *UNKNOWN_WORDS])
    @pytest.mark.parametrize("below_viewer", [True, False])
    def test_else_nobody_does_not_even_a_superior(self, access: str, *, below_viewer: bool) -> None:
        assert not may_edit_crm_mail(bob, owner(below_viewer=below_viewer), organisation(crm=access))


class TestUnknownKind:
    @pytest.mark.parametrize("kind", ["", "IMAP", "smtp", "exchange"])
    @pytest.mark.parametrize("user_id", [ALICE, BOB])
    def test_it_is_seen_by_nobody(self, kind: str, user_id: int) -> None:
        decision = decide(kind, bob, owner(user_id, by_role="public"), SEES_RECORD, new_organisation)
        assert not decision.allowed
        assert decision.reasons[-1] == Reason(Rule.UNKNOWN_KIND, kind)


def test_every_decision_is_yes_or_no() -> None:
    """JSON would show a third answer."""
    assert {type(decision.allowed) for decision in every_decision()} == {bool}


@pytest.mark.parametrize("words", [Ground, Rule, Membership])
def test_rules_are_called_what_explanations_call_them(words: type[StrEnum]) -> None:
    """Explanations print them, and programs may depend on it."""
    assert [word.value for word in words] == [word.name.lower() for word in words]


def test_every_rule_and_every_ground_decides_something() -> None:
    assert {reason.rule for reason in every_reason()} == {*Rule, *Ground}
