"""Section 3: an audience is everyone, or listed users and roles; superiors are in it, and what is unknown closes it."""

from itertools import product

import pytest

from postroom.core.model import Kind, Permission
from postroom.core.sharing import Decision, Membership, Owner, Reason, Rule, decide
from tests.core.facts import MONDAY, SEES_RECORD, UNKNOWN_WORDS, bob, new_organisation, organisation, owner, setting

ADMITTED = {
    Membership.EVERYONE: Rule.IN_AUDIENCE_OF_EVERYONE,
    Membership.LISTED_BY_NAME: Rule.IN_AUDIENCE_BY_NAME,
    Membership.LISTED_BY_ROLE: Rule.IN_AUDIENCE_BY_ROLE,
    Membership.LISTED_BY_ROLE_ABOVE: Rule.IN_AUDIENCE_BY_ROLE_ABOVE,
}
OPENS = {Permission.PUBLIC: Reason(Rule.MAIL_IS_PUBLIC), Permission.CUSTOM: Reason(Rule.SHARED_ON_RECORD, MONDAY)}
LEFT_TO_USER = Permission.USERS_CHOICE


def asked(sharing: Owner, **settings: str) -> Decision:
    """Decide on Alice's mail, which Bob asks for on a record that he owns."""
    return decide(Kind.IMAP, bob, sharing, SEES_RECORD, organisation(**settings))


def shared(below_viewer: bool = False, **facts: object) -> Owner:
    """Give Alice, who shared on the record."""
    return owner(shared_at=MONDAY, below_viewer=below_viewer, **facts)


@pytest.mark.parametrize("permission", OPENS)
class TestOneSetting:
    @pytest.mark.parametrize(("membership", "rule"), ADMITTED.items())
    def test_it_admits_whom_it_lists_and_says_how(self, permission: Permission, membership: str, rule: Rule) -> None:
        decision = asked(shared(by_role=setting(permission, membership)))
        assert decision.allowed
        assert decision.reasons[-2:] == (OPENS[permission], Reason(rule))

    def test_it_admits_nobody_else(self, permission: Permission) -> None:
        decision = asked(shared(by_role=setting(permission, Membership.NOT_LISTED)))
        assert not decision.allowed
        assert decision.reasons[-2:] == (OPENS[permission], Reason(Rule.NOT_IN_AUDIENCE, "administrator"))

    @pytest.mark.parametrize("membership", UNKNOWN_WORDS)
    def test_one_that_the_law_does_not_know_admits_nobody(self, permission: Permission, membership: str) -> None:
        decision = asked(shared(by_role=setting(permission, membership)))
        assert not decision.allowed
        assert decision.reasons[-2:] == (OPENS[permission], Reason(Rule.UNKNOWN_AUDIENCE, membership))

    @pytest.mark.parametrize("membership", Membership)
    def test_a_superior_is_always_in_it(self, permission: Permission, membership: str) -> None:
        decision = asked(shared(below_viewer=True, by_role=setting(permission, membership)))
        assert decision.allowed
        assert decision.reasons[-2:] == (OPENS[permission], Reason(Rule.IN_AUDIENCE_AS_SUPERIOR))

    def test_only_the_setting_that_holds_has_a_say(self, permission: Permission) -> None:
        closed, open_to_all = setting(permission, Membership.NOT_LISTED), setting(permission)
        assert asked(shared(by_role=open_to_all, assigned=closed, chosen=closed)).allowed
        assert asked(shared(assigned=open_to_all, chosen=closed)).allowed
        assert not asked(shared(by_role=closed, assigned=open_to_all, chosen=open_to_all)).allowed
        assert not asked(shared(assigned=closed, chosen=open_to_all)).allowed


class TestUsersChoice:
    """The owner chooses the permission within the audience that the administrator set."""

    @pytest.mark.parametrize("place", ["by_role", "assigned"])
    @pytest.mark.parametrize(("outer", "inner"), [*product(Membership, Membership)])
    def test_both_audiences_must_admit(self, place: str, outer: Membership, inner: Membership) -> None:
        sharing = shared(**{place: setting(LEFT_TO_USER, outer)}, chosen=setting(Permission.PUBLIC, inner))
        decision = asked(sharing)
        assert decision.allowed is (Membership.NOT_LISTED not in {outer, inner})
        if decision.allowed:
            named = dict.fromkeys(Reason(ADMITTED[each]) for each in (outer, inner))
            assert decision.reasons[-len(named) - 1 :] == (Reason(Rule.MAIL_IS_PUBLIC), *named)
        else:
            closed_by = "administrator" if outer == Membership.NOT_LISTED else "owner"
            assert decision.reasons[-1] == Reason(Rule.NOT_IN_AUDIENCE, closed_by)

    def test_a_superior_is_in_both(self) -> None:
        closed = [setting(permission, Membership.NOT_LISTED) for permission in (LEFT_TO_USER, Permission.PUBLIC)]
        decision = asked(shared(below_viewer=True, by_role=closed[0], chosen=closed[1]))
        assert decision.allowed
        assert decision.reasons[-1] == Reason(Rule.IN_AUDIENCE_AS_SUPERIOR)

    @pytest.mark.parametrize(("outer", "inner"), [("unknown", "everyone"), ("everyone", "unknown")])
    def test_what_is_unknown_closes_at_either(self, outer: str, inner: str) -> None:
        decision = asked(shared(assigned=setting(LEFT_TO_USER, outer), chosen=setting(Permission.PUBLIC, inner)))
        assert not decision.allowed
        assert decision.reasons[-1] == Reason(Rule.UNKNOWN_AUDIENCE, "unknown")


class TestWhereNoAudienceMatters:
    @pytest.mark.parametrize("membership", Membership)
    def test_private_mail_is_for_nobody_however_they_are_listed(self, membership: str) -> None:
        private = shared(below_viewer=True, by_role=setting(Permission.PRIVATE, membership))
        assert asked(private).reasons[-1] == Reason(Rule.MAIL_IS_PRIVATE)

    @pytest.mark.parametrize("membership", Membership)
    def test_nor_is_custom_mail_where_it_is_not_shared(self, membership: str) -> None:
        custom = owner(below_viewer=True, by_role=setting(Permission.CUSTOM, membership))
        assert asked(custom).reasons[-1] == Reason(Rule.NOT_SHARED_ON_RECORD)

    def test_mail_sent_from_the_crm_has_none(self) -> None:
        closed = owner(by_role=setting(Permission.PUBLIC, Membership.NOT_LISTED))
        assert decide(Kind.CRM, bob, closed, SEES_RECORD, new_organisation).allowed
