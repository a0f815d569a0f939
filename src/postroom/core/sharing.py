"""The sharing law: may this viewer see this owner's mail on this record, and by which rule.

One pure function, `decide`, over facts that storage has loaded. Values that the law does not know
allow nothing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from postroom.core.model import CrmAccess, Kind, Permission, UserStatus


class Ground(StrEnum):
    """A ground on which a caller sees a record; one is enough (section 2)."""

    MODULE_IS_PUBLIC = "module_is_public"
    OWNS_RECORD = "owns_record"
    SUPERIOR_OF_RECORD_OWNER = "superior_of_record_owner"
    RECORD_SHARED_WITH_USER = "record_shared_with_user"
    RECORD_SHARED_WITH_ROLE = "record_shared_with_role"
    RECORD_SHARED_WITH_ROLE_ABOVE = "record_shared_with_role_above"
    ADMINISTRATOR = "administrator"


class Rule(StrEnum):
    """A rule that allows or denies, beside the grounds above."""

    VIEWER_NOT_ACTIVE = "viewer_not_active"
    NO_GROUND = "no_ground"
    OWN_MAIL = "own_mail"
    OWNER_NOT_ACTIVE = "owner_not_active"
    PERMISSION_FROM_ROLE = "permission_from_role"
    PERMISSION_FROM_USER = "permission_from_user"
    PERMISSION_FROM_ORGANISATION = "permission_from_organisation"
    USERS_CHOICE = "users_choice"
    NO_CHOICE_MADE = "no_choice_made"
    MAIL_IS_PRIVATE = "mail_is_private"
    MAIL_IS_PUBLIC = "mail_is_public"
    SHARED_ON_RECORD = "shared_on_record"
    NOT_SHARED_ON_RECORD = "not_shared_on_record"
    UNKNOWN_PERMISSION = "unknown_permission"
    SENT_BY_VIEWER = "sent_by_viewer"
    SENT_BY_SUBORDINATE = "sent_by_subordinate"
    CRM_MAIL_IS_PRIVATE = "crm_mail_is_private"
    CRM_MAIL_FOLLOWS_RECORD = "crm_mail_follows_record"
    UNKNOWN_CRM_ACCESS = "unknown_crm_access"
    UNKNOWN_KIND = "unknown_kind"


class Reason(NamedTuple):
    """One step of a decision: the rule, and the setting's value where the rule read one."""

    rule: Ground | Rule
    value: str | int | None = None


class Decision(NamedTuple):
    """Whether the viewer may see, and each step that led there, in the order of the law."""

    allowed: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """The organisation's settings that the law reads."""

    default_permission: str
    crm_access: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """The user who asks."""

    user_id: int
    status: str


@dataclass(frozen=True, slots=True)
class Owner:
    """The user whose mail is asked about; `shared_at`: when shared on this record (epoch seconds)."""

    user_id: int
    status: str
    role_permission: str | None
    assigned_permission: str | None
    chosen_permission: str | None
    below_viewer: bool
    shared_at: int | None


def record_access(viewer: Viewer, grounds: tuple[Ground, ...]) -> Decision:
    """Decide whether the viewer sees a record on the grounds that hold (section 2)."""
    if viewer.status != UserStatus.ACTIVE:
        return Decision(allowed=False, reasons=(Reason(Rule.VIEWER_NOT_ACTIVE, viewer.status),))
    if not grounds:
        return Decision(allowed=False, reasons=(Reason(Rule.NO_GROUND),))
    return Decision(allowed=True, reasons=tuple(map(Reason, grounds)))


def effective_permission(owner: Owner, organisation: Organisation) -> tuple[str, tuple[Reason, ...]]:
    """Give the permission that holds for an owner's synced mail, and where it comes from (section 3)."""
    permission, source = organisation.default_permission, Rule.PERMISSION_FROM_ORGANISATION
    if owner.role_permission is not None:
        permission, source = owner.role_permission, Rule.PERMISSION_FROM_ROLE
    elif owner.assigned_permission is not None:
        permission, source = owner.assigned_permission, Rule.PERMISSION_FROM_USER
    reason = Reason(source, permission)
    if permission != Permission.USERS_CHOICE:
        return permission, (reason,)
    if owner.chosen_permission is None:
        return Permission.PRIVATE, (reason, Reason(Rule.NO_CHOICE_MADE))
    return owner.chosen_permission, (reason, Reason(Rule.USERS_CHOICE, owner.chosen_permission))


def decide(
    kind: str, viewer: Viewer, owner: Owner, grounds: tuple[Ground, ...], organisation: Organisation
) -> Decision:
    """Decide whether the viewer may see the owner's copies of a kind on a record (sections 2 to 5)."""
    record = record_access(viewer, grounds)
    if not record.allowed:
        return record
    mail = _mail_access(kind, viewer, owner, organisation)
    return Decision(mail.allowed, record.reasons + mail.reasons)


def _mail_access(kind: str, viewer: Viewer, owner: Owner, organisation: Organisation) -> Decision:
    if kind == Kind.CRM:
        return _crm_mail(viewer, owner, organisation)
    if kind in (Kind.IMAP, Kind.POP):
        return _synced_mail(viewer, owner, organisation)
    return Decision(allowed=False, reasons=(Reason(Rule.UNKNOWN_KIND, kind),))


def _synced_mail(viewer: Viewer, owner: Owner, organisation: Organisation) -> Decision:
    if owner.user_id == viewer.user_id:
        return Decision(allowed=True, reasons=(Reason(Rule.OWN_MAIL),))
    if owner.status != UserStatus.ACTIVE:
        return Decision(allowed=False, reasons=(Reason(Rule.OWNER_NOT_ACTIVE, owner.status),))
    permission, source = effective_permission(owner, organisation)
    allowed, reason = _permission_opens(permission, owner.shared_at)
    return Decision(allowed, (*source, reason))


def _permission_opens(permission: str, shared_at: int | None) -> tuple[bool, Reason]:
    """Apply a permission whose audience is everyone, the only audience there is so far."""
    if permission == Permission.PUBLIC:
        return True, Reason(Rule.MAIL_IS_PUBLIC)
    if permission == Permission.CUSTOM and shared_at is not None:
        return True, Reason(Rule.SHARED_ON_RECORD, shared_at)
    if permission == Permission.CUSTOM:
        return False, Reason(Rule.NOT_SHARED_ON_RECORD)
    if permission == Permission.PRIVATE:
        return False, Reason(Rule.MAIL_IS_PRIVATE)
    return False, Reason(Rule.UNKNOWN_PERMISSION, permission)


_CRM_ACCESS_FOLLOWS_RECORD = frozenset(
    {CrmAccess.PUBLIC_READ_ONLY, CrmAccess.PUBLIC_READ_WRITE, CrmAccess.PUBLIC_READ_WRITE_DELETE}
)


def _crm_mail(viewer: Viewer, sender: Owner, organisation: Organisation) -> Decision:
    access = organisation.crm_access
    if sender.user_id == viewer.user_id:
        return Decision(allowed=True, reasons=(Reason(Rule.SENT_BY_VIEWER),))
    if access in _CRM_ACCESS_FOLLOWS_RECORD:
        return Decision(allowed=True, reasons=(Reason(Rule.CRM_MAIL_FOLLOWS_RECORD, access),))
    if access != CrmAccess.PRIVATE:
        return Decision(allowed=False, reasons=(Reason(Rule.UNKNOWN_CRM_ACCESS, access),))
    if sender.below_viewer:
        return Decision(allowed=True, reasons=(Reason(Rule.SENT_BY_SUBORDINATE),))
    return Decision(allowed=False, reasons=(Reason(Rule.CRM_MAIL_IS_PRIVATE),))
