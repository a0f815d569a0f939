"""Section 4: which copies are seen by their owner alone, and why."""

from collections.abc import Collection
from typing import Any

import pytest

from postroom.core.model import Kind, Scope
from postroom.core.sharing import Decision, Reason, Rule, Viewer, decide
from postroom.core.withholding import CopyToWithhold, Exclusion, withholding
from tests.core.facts import SEES_NOTHING, SEES_RECORD, alice, bob, new_organisation, owner

BANK, CUSTOMER, OWN = "bank.example", "customer.example", "team.example"
BY_SCOPE = {
    Scope.ORGANISATION: Rule.DOMAIN_EXCLUDED_BY_ORGANISATION,
    Scope.ROLE: Rule.DOMAIN_EXCLUDED_BY_ROLE,
    Scope.USER: Rule.DOMAIN_EXCLUDED_BY_USER,
}
BY_HAND = (Reason(Rule.EMAIL_WITHHELD), Reason(Rule.THREAD_WITHHELD))


def why(
    *domains: str,
    excluded: Collection[str] = (BANK,),
    internal: Collection[str] = (OWN,),
    scope: Scope = Scope.ORGANISATION,
    **facts: Any,
) -> tuple[Reason, ...]:
    """Give the reasons for which a copy with participants at these domains is withheld."""
    plain = {"kind": Kind.IMAP, "email_withheld": False, "thread_withheld": False}
    copy = CopyToWithhold(domains=frozenset(domains), **plain | facts)
    return withholding(copy, [Exclusion(scope, domain) for domain in excluded], internal)


def hides(*domains: str, **facts: Any) -> bool:
    return why(*domains, **facts) != ()


class TestByDomain:
    @pytest.mark.parametrize(("scope", "rule"), BY_SCOPE.items())
    @pytest.mark.parametrize("kind", [Kind.IMAP, Kind.POP])
    def test_each_scope_withholds_and_is_named(self, scope: Scope, rule: Rule, kind: Kind) -> None:
        assert why(CUSTOMER, BANK, scope=scope, kind=kind) == (Reason(rule, BANK),)

    def test_every_exclusion_that_does_is_named_in_order(self) -> None:
        copy = CopyToWithhold(Kind.IMAP, frozenset({BANK, CUSTOMER}), email_withheld=False, thread_withheld=False)
        exclusions = [Exclusion(scope, domain) for domain in (BANK, "else.example") for scope in Scope]
        assert withholding(copy, exclusions, ()) == tuple(Reason(BY_SCOPE[scope], BANK) for scope in Scope)

    def test_what_nobody_excludes_is_not_withheld(self) -> None:
        assert why(CUSTOMER, OWN) == ()
        assert why(BANK, excluded=()) == ()
        assert why() == ()

    @pytest.mark.parametrize("subdomain", ["mail.bank.example", "a.b.bank.example"])
    def test_a_domain_covers_its_subdomains(self, subdomain: str) -> None:
        assert why(subdomain) == (Reason(Rule.DOMAIN_EXCLUDED_BY_ORGANISATION, BANK),)

    @pytest.mark.parametrize("other", ["ourbank.example", "example", "bank.example.net", "bank-example"])
    def test_it_covers_no_other(self, other: str) -> None:
        assert not hides(other)


class TestInternalDomains:
    """The organisation's own: a colleague in Cc never hides a customer's mail."""

    @pytest.mark.parametrize("colleague", [OWN, f"sales.{OWN}"])
    def test_a_colleague_hides_no_mail_with_others(self, colleague: str) -> None:
        assert not hides(colleague, CUSTOMER, excluded=[OWN])

    @pytest.mark.parametrize("colleague", [OWN, f"sales.{OWN}"])
    def test_mail_among_colleagues_alone_is_withheld(self, colleague: str) -> None:
        assert hides(colleague, excluded=[OWN])
        assert hides(colleague, OWN, excluded=[colleague])

    def test_a_domain_that_is_not_the_organisations_always_counts(self) -> None:
        assert hides(OWN, CUSTOMER, excluded=[OWN], internal=())
        assert hides(OWN, BANK)

    def test_what_is_above_the_own_domain_is_not_internal(self) -> None:
        assert hides(OWN, "partner.example", excluded=["example"], internal=[OWN])
        assert not hides(OWN, "partner.test", excluded=["example"], internal=[OWN])


class TestByHand:
    @pytest.mark.parametrize("kind", Kind)
    def test_the_email_or_the_thread_is_withheld(self, kind: Kind) -> None:
        email, thread = ({"email_withheld": True}, {"thread_withheld": True})
        assert why(CUSTOMER, kind=kind, **email) == BY_HAND[:1]
        assert why(CUSTOMER, kind=kind, **thread) == BY_HAND[1:]
        assert why(CUSTOMER, kind=kind, **email, **thread) == BY_HAND

    def test_a_domain_is_named_first(self) -> None:
        reasons = why(BANK, email_withheld=True, thread_withheld=True)
        assert reasons == (Reason(Rule.DOMAIN_EXCLUDED_BY_ORGANISATION, BANK), *BY_HAND)

    @pytest.mark.parametrize("scope", Scope)
    def test_mail_sent_from_the_crm_is_withheld_so_alone(self, scope: Scope) -> None:
        assert not hides(BANK, scope=scope, kind=Kind.CRM)
        assert why(BANK, scope=scope, kind=Kind.CRM, email_withheld=True) == BY_HAND[:1]


@pytest.mark.parametrize("kind", Kind)
class TestDecision:
    def _asked(self, kind: Kind, viewer: Viewer, permission: str = "public", seen: bool = True) -> Decision:
        grounds = SEES_RECORD if seen else SEES_NOTHING
        mine = owner(by_role=permission, below_viewer=True)
        return decide(kind, viewer, mine, grounds, new_organisation, BY_HAND)

    def test_what_is_withheld_is_hidden_from_superiors_too(self, kind: Kind) -> None:
        decision = self._asked(kind, bob)
        assert not decision.allowed
        assert decision.reasons[-2:] == BY_HAND

    def test_its_owner_sees_it(self, kind: Kind) -> None:
        decision = self._asked(kind, alice)
        assert decision.allowed
        assert not {*BY_HAND} & {*decision.reasons}

    def test_nothing_is_said_of_it_to_whom_the_mail_is_closed_anyway(self, kind: Kind) -> None:
        assert not {*BY_HAND} & {*self._asked(kind, bob, seen=False).reasons}
        if kind != Kind.CRM:
            assert self._asked(kind, bob, "private").reasons[-1] == Reason(Rule.MAIL_IS_PRIVATE)
