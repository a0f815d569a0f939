"""Facts for the law: Alice owns mail, Bob asks, Charlie is a colleague. What a test does not say is the plainest."""

from dataclasses import replace
from itertools import product
from typing import Any

from postroom.core.model import CrmAccess, Permission, UserStatus
from postroom.core.sharing import Decision, Ground, Organisation, Owner, Reason, Viewer, decide

ALICE, BOB, CHARLIE = 1, 2, 3
MONDAY = 1_793_612_400
UNKNOWN_WORDS = ("", "Public", "PUBLIC", " public", "shared", "None", "null")

SEES_RECORD = (Ground.OWNS_RECORD,)
SEES_NOTHING: tuple[Ground, ...] = ()

bob = Viewer(BOB, UserStatus.ACTIVE)
alice = Viewer(ALICE, UserStatus.ACTIVE)
new_organisation = Organisation(Permission.USERS_CHOICE, CrmAccess.PUBLIC_READ_ONLY)


def owner(user_id: int = ALICE, **facts: Any) -> Owner:
    """Give an owner of mail, by default Alice, of whom nobody decided anything yet."""
    plain = Owner(
        user_id=user_id,
        status=UserStatus.ACTIVE,
        role_permission=None,
        assigned_permission=None,
        chosen_permission=None,
        below_viewer=False,
        shared_at=None,
    )
    return replace(plain, **facts)


def organisation(default: str = Permission.USERS_CHOICE, crm: str = CrmAccess.PUBLIC_READ_ONLY) -> Organisation:
    """Give an organisation, by default a new one."""
    return Organisation(default, crm)


def every_decision() -> list[Decision]:
    """Decide over everything that the law tells apart, and some things that it does not know."""
    permissions = (*Permission, "unknown", None)
    owners = [
        owner(user_id, status=status, **{place: permission}, chosen_permission=choice, shared_at=at, below_viewer=below)
        for user_id, status in ((ALICE, "active"), (ALICE, "deleted"), (BOB, "active"))
        for place, permission in product(("role_permission", "assigned_permission"), permissions)
        for choice, at, below in product(("custom", None), (MONDAY, None), (True, False))
    ]
    return [
        decide(kind, viewer, one, grounds, Organisation(Permission.PUBLIC, crm))
        for kind, viewer in product(("imap", "crm", "unknown"), (bob, Viewer(BOB, "inactive")))
        for one, grounds, crm in product(owners, (tuple(Ground), ()), (*CrmAccess, "unknown"))
    ]


def every_reason() -> set[Reason]:
    """Give every step that some decision takes."""
    return {reason for decision in every_decision() for reason in decision.reasons}
