"""Facts for the law: Alice owns mail, Bob asks, Charlie is a colleague. What a test does not say is the plainest."""

from itertools import product
from typing import Any

from postroom.core.details import EVERY_COPY_WITHHELD
from postroom.core.model import CrmAccess, Kind, Permission, Scope, UserStatus
from postroom.core.sharing import (
    IN_RECYCLE_BIN,
    Decision,
    Ground,
    Membership,
    Organisation,
    Owner,
    Reason,
    Setting,
    Viewer,
    decide,
)
from postroom.core.withholding import CopyToWithhold, Exclusion, withholding

ALICE, BOB, CHARLIE = 1, 2, 3
MONDAY = 1_793_612_400
UNKNOWN_WORDS = ("", "Public", "PUBLIC", " public", "shared", "None", "null")

SEES_RECORD = (Ground.OWNS_RECORD,)
SEES_NOTHING: tuple[Ground, ...] = ()
SETTINGS = ("by_role", "assigned", "chosen")  # the places where an owner can have one

bob = Viewer(BOB, UserStatus.ACTIVE)
alice = Viewer(ALICE, UserStatus.ACTIVE)


def setting(permission: str, membership: str = Membership.EVERYONE) -> Setting:
    """Give a setting, by default for everyone."""
    return Setting(permission, membership)


def owner(user_id: int = ALICE, **facts: Any) -> Owner:
    """Give an owner of mail, by default Alice, of whom nobody decided anything yet; a permission alone is for all."""
    plain = Owner(
        user_id=user_id,
        status=UserStatus.ACTIVE,
        by_role=None,
        assigned=None,
        chosen=None,
        below_viewer=False,
        shared_at=None,
    )
    for_everyone = {name: setting(facts[name]) for name in SETTINGS if type(facts.get(name)) in {str, Permission}}
    return plain._replace(**facts | for_everyone)


def organisation(default: str = Permission.USERS_CHOICE, crm: str = CrmAccess.PUBLIC_READ_ONLY) -> Organisation:
    """Give an organisation, by default a new one."""
    return Organisation(setting(default), crm)


new_organisation = organisation()


def every_decision() -> list[Decision]:
    """Decide over everything that the law tells apart, and some things that it does not know."""
    permissions = (*Permission, "unknown", None)
    owners = [
        owner(user_id, status=status, **{place: permission}, chosen=choice, shared_at=at, below_viewer=below)
        for user_id, status in ((ALICE, "active"), (ALICE, "deleted"), (BOB, "active"))
        for place, permission in product(("by_role", "assigned"), permissions)
        for choice, at, below in product(("custom", None), (MONDAY, None), (True, False))
    ]
    decisions = [
        decide(kind, viewer, one, grounds, organisation(Permission.PUBLIC, crm))
        for kind, viewer in product(("imap", "crm", "unknown"), (bob, Viewer(BOB, "inactive")))
        for one, grounds, crm in product(owners, (tuple(Ground), ()), (*CrmAccess, "unknown"))
    ]
    return [*decisions, IN_RECYCLE_BIN, *_every_decision_on_an_audience(), *_every_decision_on_withheld_mail()]


def _every_decision_on_an_audience() -> list[Decision]:
    audiences = product((*Membership, "unknown"), (True, False))
    return [
        decide(
            Kind.IMAP, bob, owner(by_role=setting("public", each), below_viewer=below), SEES_RECORD, new_organisation
        )
        for each, below in audiences
    ]


def _every_decision_on_withheld_mail() -> list[Decision]:
    copy = CopyToWithhold(Kind.IMAP, frozenset({"bank.example"}), email_withheld=True, thread_withheld=True)
    by_rule = withholding(copy, [Exclusion(scope, "bank.example") for scope in Scope], ())
    reasons = (by_rule, EVERY_COPY_WITHHELD)
    return [decide(Kind.IMAP, bob, owner(by_role="public"), SEES_RECORD, new_organisation, each) for each in reasons]


def every_reason() -> set[Reason]:
    """Give every step that some decision takes."""
    return {reason for decision in every_decision() for reason in decision.reasons}
