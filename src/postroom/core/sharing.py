"""The sharing law: may this viewer see this owner's mail on this record, and by which rule.

One pure function, `decide`, over facts that storage has loaded. Values that the law does not know
allow nothing.
"""

from enum import StrEnum
from functools import cache, lru_cache
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
    IN_RECYCLE_BIN = "in_recycle_bin"
    OWN_MAIL = "own_mail"
    OWNER_NOT_ACTIVE = "owner_not_active"
    PERMISSION_FROM_ROLE = "permission_from_role"
    PERMISSION_FROM_USER = "permission_from_user"
    PERMISSION_FROM_ORGANISATION = "permission_from_organisation"
    USERS_CHOICE = "users_choice"
    NO_CHOICE_MADE = "no_choice_made"
    IN_AUDIENCE_OF_EVERYONE = "in_audience_of_everyone"
    IN_AUDIENCE_AS_SUPERIOR = "in_audience_as_superior"
    IN_AUDIENCE_BY_NAME = "in_audience_by_name"
    IN_AUDIENCE_BY_ROLE = "in_audience_by_role"
    IN_AUDIENCE_BY_ROLE_ABOVE = "in_audience_by_role_above"
    NOT_IN_AUDIENCE = "not_in_audience"
    UNKNOWN_AUDIENCE = "unknown_audience"
    MAIL_IS_PRIVATE = "mail_is_private"
    MAIL_IS_PUBLIC = "mail_is_public"
    SHARED_ON_RECORD = "shared_on_record"
    NOT_SHARED_ON_RECORD = "not_shared_on_record"
    UNKNOWN_PERMISSION = "unknown_permission"
    DOMAIN_EXCLUDED_BY_ORGANISATION = "domain_excluded_by_organisation"
    DOMAIN_EXCLUDED_BY_ROLE = "domain_excluded_by_role"
    DOMAIN_EXCLUDED_BY_USER = "domain_excluded_by_user"
    EMAIL_WITHHELD = "email_withheld"
    THREAD_WITHHELD = "thread_withheld"
    EVERY_COPY_WITHHELD = "every_copy_withheld"
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


def _allowed_by(rule: Rule, value: str | int | None = None) -> Decision:
    return Decision(allowed=True, reasons=(Reason(rule, value),))


def _denied_by(rule: Rule, value: str | int | None = None) -> Decision:
    return Decision(allowed=False, reasons=(Reason(rule, value),))


def _allowed_by_all(grounds: tuple[Ground, ...]) -> Decision:
    return Decision(allowed=True, reasons=tuple(map(Reason, grounds)))


# The same few decisions are made again and again; each is made once. No decorators: mutmut leaves decorated functions
# as they are.
_allowed, _denied = lru_cache(maxsize=1024)(_allowed_by), lru_cache(maxsize=1024)(_denied_by)
_allowed_on = cache(_allowed_by_all)


class Membership(StrEnum):
    """How the viewer stands to the audience of a setting, which is everyone or a list of users and roles."""

    EVERYONE = "everyone"
    LISTED_BY_NAME = "listed_by_name"
    LISTED_BY_ROLE = "listed_by_role"
    LISTED_BY_ROLE_ABOVE = "listed_by_role_above"
    NOT_LISTED = "not_listed"


class Setting(NamedTuple):
    """A permission as somebody set it, and how the viewer stands to its audience."""

    permission: str
    membership: str


class Organisation(NamedTuple):
    """The organisation's settings that the law reads."""

    default: Setting
    crm_access: str


class Viewer(NamedTuple):
    """The user who asks."""

    user_id: int
    status: str


class Owner(NamedTuple):
    """The user whose mail is asked about; `shared_at`: when shared on this record (epoch seconds)."""

    user_id: int
    status: str
    by_role: Setting | None
    assigned: Setting | None
    chosen: Setting | None
    below_viewer: bool
    shared_at: int | None


def record_access(viewer: Viewer, grounds: tuple[Ground, ...]) -> Decision:
    """Decide whether the viewer sees a record on the grounds that hold (section 2)."""
    if viewer.status != UserStatus.ACTIVE:
        return _denied(Rule.VIEWER_NOT_ACTIVE, viewer.status)
    if not grounds:
        return _denied(Rule.NO_GROUND)
    return _allowed_on(grounds)


# What is decided of any mail on such a record; whoever may not know that it is there is told that there is no ground.
IN_RECYCLE_BIN = Decision(allowed=False, reasons=(Reason(Rule.IN_RECYCLE_BIN),))


CHANGING = frozenset({Ground.OWNS_RECORD, Ground.SUPERIOR_OF_RECORD_OWNER, Ground.ADMINISTRATOR})


def may_change_record(grounds: tuple[Ground, ...]) -> bool:
    """Say whether who sees a record on these grounds may change it: a share and a public module are for reading.

    The law is silent; this is the stricter way.
    """
    return not CHANGING.isdisjoint(grounds)


class EffectivePermission(NamedTuple):
    """The permission that holds, the settings that led to it, and the reasons in their order."""

    permission: str
    settings: tuple[Setting, ...]
    reasons: tuple[Reason, ...]


def effective_permission(owner: Owner, organisation: Organisation) -> EffectivePermission:
    """Give the permission that holds for an owner's synced mail, and where it comes from (section 3)."""
    return _first_that_is_set(owner.by_role, owner.assigned, owner.chosen, organisation.default)


def _first_that_is_set(
    by_role: Setting | None, assigned: Setting | None, chosen: Setting | None, default: Setting
) -> EffectivePermission:
    setting, source = default, Rule.PERMISSION_FROM_ORGANISATION
    if by_role is not None:
        setting, source = by_role, Rule.PERMISSION_FROM_ROLE
    elif assigned is not None:
        setting, source = assigned, Rule.PERMISSION_FROM_USER
    reason = Reason(source, setting.permission)
    if setting.permission != Permission.USERS_CHOICE:
        return EffectivePermission(setting.permission, (setting,), (reason,))
    if chosen is None:
        return EffectivePermission(Permission.PRIVATE, (setting,), (reason, Reason(Rule.NO_CHOICE_MADE)))
    reasons = (reason, Reason(Rule.USERS_CHOICE, chosen.permission))
    return EffectivePermission(chosen.permission, (setting, chosen), reasons)


def decide(
    kind: str,
    viewer: Viewer,
    owner: Owner,
    grounds: tuple[Ground, ...],
    organisation: Organisation,
    withheld: tuple[Reason, ...] = (),
) -> Decision:
    """Decide whether the viewer may see the owner's copies of a kind on a record (sections 2 to 5).

    `withheld` says why these copies are withheld, where they are (`postroom.core.withholding`).
    """
    record = record_access(viewer, grounds)
    if not record.allowed:
        return record
    mail = _mail_access(kind, viewer, owner, organisation)
    if mail.allowed and withheld and owner.user_id != viewer.user_id:
        return Decision(allowed=False, reasons=record.reasons + mail.reasons + withheld)
    return Decision(mail.allowed, record.reasons + mail.reasons)


def _mail_access(kind: str, viewer: Viewer, owner: Owner, organisation: Organisation) -> Decision:
    if kind == Kind.CRM:
        return _crm_mail(viewer, owner, organisation)
    if kind in (Kind.IMAP, Kind.POP):
        return _synced_mail(viewer, owner, organisation)
    return _denied(Rule.UNKNOWN_KIND, kind)


def _synced_mail(viewer: Viewer, owner: Owner, organisation: Organisation) -> Decision:
    if owner.user_id == viewer.user_id:
        return _allowed(Rule.OWN_MAIL)
    if owner.status != UserStatus.ACTIVE:
        return _denied(Rule.OWNER_NOT_ACTIVE, owner.status)
    settings = owner.by_role, owner.assigned, owner.chosen, organisation.default
    return _colleagues_mail(*settings, owner.shared_at, owner.below_viewer)


def _permission_and_audience(
    by_role: Setting | None,
    assigned: Setting | None,
    chosen: Setting | None,
    default: Setting,
    shared_at: int | None,
    below_viewer: bool,
) -> Decision:
    effective = _first_that_is_set(by_role, assigned, chosen, default)
    opened = _permission_opens(effective.permission, shared_at)
    if not opened.allowed:
        return Decision(opened.allowed, effective.reasons + opened.reasons)
    audience = _audience_admits(effective.settings, below_viewer)
    return Decision(audience.allowed, effective.reasons + opened.reasons + audience.reasons)


_colleagues_mail = lru_cache(maxsize=4096)(_permission_and_audience)


def _permission_opens(permission: str, shared_at: int | None) -> Decision:
    """Say whether a permission opens mail on this record, to whoever is in the audience."""
    if permission == Permission.PUBLIC:
        return _allowed(Rule.MAIL_IS_PUBLIC)
    if permission == Permission.CUSTOM and shared_at is not None:
        return _allowed(Rule.SHARED_ON_RECORD, shared_at)
    if permission == Permission.CUSTOM:
        return _denied(Rule.NOT_SHARED_ON_RECORD)
    if permission == Permission.PRIVATE:
        return _denied(Rule.MAIL_IS_PRIVATE)
    return _denied(Rule.UNKNOWN_PERMISSION, permission)


_ADMITTED = {
    Membership.EVERYONE: Reason(Rule.IN_AUDIENCE_OF_EVERYONE),
    Membership.LISTED_BY_NAME: Reason(Rule.IN_AUDIENCE_BY_NAME),
    Membership.LISTED_BY_ROLE: Reason(Rule.IN_AUDIENCE_BY_ROLE),
    Membership.LISTED_BY_ROLE_ABOVE: Reason(Rule.IN_AUDIENCE_BY_ROLE_ABOVE),
}


_SET_BY = ("administrator", "owner")  # the settings that lead to a permission, in their order


def _audience_admits(settings: tuple[Setting, ...], below_viewer: bool) -> Decision:
    """Say whether the viewer is in the audience: of the administrator's setting, and of the owner's choice under it."""
    if below_viewer:
        return _allowed(Rule.IN_AUDIENCE_AS_SUPERIOR)
    for place, setting in enumerate(settings):
        if setting.membership == Membership.NOT_LISTED:
            return _denied(Rule.NOT_IN_AUDIENCE, _SET_BY[place])
        if setting.membership not in _ADMITTED:
            return _denied(Rule.UNKNOWN_AUDIENCE, setting.membership)
    admitted = dict.fromkeys(_ADMITTED[Membership(setting.membership)] for setting in settings)
    return Decision(allowed=True, reasons=tuple(admitted))


_CRM_ACCESS_FOLLOWS_RECORD = frozenset(
    {CrmAccess.PUBLIC_READ_ONLY, CrmAccess.PUBLIC_READ_WRITE, CrmAccess.PUBLIC_READ_WRITE_DELETE}
)


def _crm_mail(viewer: Viewer, sender: Owner, organisation: Organisation) -> Decision:
    access = organisation.crm_access
    if sender.user_id == viewer.user_id:
        return _allowed(Rule.SENT_BY_VIEWER)
    if access in _CRM_ACCESS_FOLLOWS_RECORD:
        return _allowed(Rule.CRM_MAIL_FOLLOWS_RECORD, access)
    if access != CrmAccess.PRIVATE:
        return _denied(Rule.UNKNOWN_CRM_ACCESS, access)
    if sender.below_viewer:
        return _allowed(Rule.SENT_BY_SUBORDINATE)
    return _denied(Rule.CRM_MAIL_IS_PRIVATE)


_CRM_MAIL_MAY_BE_EDITED = frozenset({CrmAccess.PUBLIC_READ_WRITE, CrmAccess.PUBLIC_READ_WRITE_DELETE})


def may_edit_crm_mail(viewer: Viewer, sender: Owner, organisation: Organisation) -> bool:
    """Say whether who sees mail that was sent from the CRM may also answer it and file it elsewhere (section 5).

    Whoever sent it may; others where the access type says so. Of superiors the law says only that they see it.
    """
    return sender.user_id == viewer.user_id or organisation.crm_access in _CRM_MAIL_MAY_BE_EDITED
