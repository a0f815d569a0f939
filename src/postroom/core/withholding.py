"""Which copies are withheld from everyone but their owner, and why (section 4)."""

from collections.abc import Collection
from typing import NamedTuple

from postroom.core.addresses import covers
from postroom.core.model import Kind, Scope
from postroom.core.sharing import Reason, Rule


class Exclusion(NamedTuple):
    """A domain whose mail is withheld, by the organisation, by the preference of a role, or by a user."""

    scope: str
    domain: str


class CopyToWithhold(NamedTuple):
    """What the rules must know of one copy: `domains` are those of all its participants."""

    kind: str
    domains: frozenset[str]
    email_withheld: bool
    thread_withheld: bool


_BY_DOMAIN = {
    Scope.ORGANISATION: Rule.DOMAIN_EXCLUDED_BY_ORGANISATION,
    Scope.ROLE: Rule.DOMAIN_EXCLUDED_BY_ROLE,
    Scope.USER: Rule.DOMAIN_EXCLUDED_BY_USER,
}


def withholding(
    copy: CopyToWithhold, exclusions: Collection[Exclusion], internal_domains: Collection[str]
) -> tuple[Reason, ...]:
    """Give every reason for which a copy is withheld, none where it is not.

    `exclusions` are those that bind the copy's owner. Mail sent from the CRM is not withheld by domain (section 5).
    """
    reasons = [] if copy.kind == Kind.CRM else _by_domain(copy.domains, exclusions, internal_domains)
    if copy.email_withheld:
        reasons.append(Reason(Rule.EMAIL_WITHHELD))
    if copy.thread_withheld:
        reasons.append(Reason(Rule.THREAD_WITHHELD))
    return tuple(reasons)


def _by_domain(
    domains: frozenset[str], exclusions: Collection[Exclusion], internal_domains: Collection[str]
) -> list[Reason]:
    counting = _that_count(domains, internal_domains)
    return [
        Reason(_BY_DOMAIN[Scope(exclusion.scope)], exclusion.domain)
        for exclusion in exclusions
        if any(covers(exclusion.domain, domain) for domain in counting)
    ]


def _that_count(domains: frozenset[str], internal_domains: Collection[str]) -> frozenset[str]:
    """Leave out internal participants, unless every one is: a colleague in Cc never hides a customer's mail."""
    external = frozenset(d for d in domains if not any(covers(internal, d) for internal in internal_domains))
    return external or domains
