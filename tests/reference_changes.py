"""Changes of the reference model's world, and who may make them: `by` is a user, None whoever has the command line."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from tests.reference_model import (
    Email,
    Grantee,
    Record,
    Setting,
    World,
    email_of,
    permission_of,
    sees_record,
    settings_of,
    thread_of,
)

SHARED_RECORD_BY_RECORD = ("Leads", "Contacts", "Projects")  # the last one is a custom module


class Refused(Exception):
    """The change may not be made, or not by this user; the world is as it was."""


class Keep(Enum):
    KEEP = auto()


KEEP = Keep.KEEP
NewPermission = str | Keep | None
NewAudience = tuple[Grantee, ...] | Keep | None


def set_default(world: World, by: str | None, permission: NewPermission, audience: NewAudience) -> None:
    _require_administrator(world, by)
    setting = _replaced(world.default, permission, audience)
    if setting is None:
        raise Refused
    world.default = setting


def set_preference(world: World, by: str | None, role: str, permission: NewPermission, audience: NewAudience) -> None:
    _require_administrator(world, by)
    setting = _replaced(world.preferences.get(role), permission, audience)
    if setting is not None:
        world.preferences[role] = setting
        return
    world.preferences.pop(role, None)
    world.excluded_by_role.pop(role, None)


def assign(world: World, by: str | None, user: str, permission: NewPermission, audience: NewAudience) -> None:
    _require_administrator(world, by)
    world.users[user].assigned = _replaced(world.users[user].assigned, permission, audience)


def choose(world: World, by: str | None, user: str, permission: NewPermission, audience: NewAudience) -> None:
    _require_self(by, user)
    owner = world.users[user]
    setting = _replaced(owner.choice, permission, audience)
    left_to_the_owner = settings_of(world, owner)[0].permission == "users_choice"
    if not left_to_the_owner or (setting is not None and setting.permission == "users_choice"):
        raise Refused
    owner.choice = setting


def set_crm_access(world: World, by: str | None, access: str) -> None:
    _require_administrator(world, by)
    world.crm_access = access


def set_module_access(world: World, by: str | None, module: str, *, is_public: bool) -> None:
    _require_administrator(world, by)
    world.public_modules = world.public_modules | {module} if is_public else world.public_modules - {module}


def share_emails(world: World, by: str | None, user: str, record_id: int) -> None:
    _require_self(by, user)
    record, owner = _seen_record(world, by, record_id), world.users[user]
    may_share = owner.connected and permission_of(world, owner) == "custom"
    if not may_share or record.module not in SHARED_RECORD_BY_RECORD or (user, record_id) in world.email_shares:
        raise Refused
    if record.deleted:
        raise Refused
    world.email_shares.add((user, record_id))


def unshare_emails(world: World, by: str | None, user: str, record_id: int) -> None:
    _require_self(by, user)
    if (user, record_id) not in world.email_shares:
        raise Refused
    world.email_shares.remove((user, record_id))


def share_record(world: World, by: str | None, record_id: int, grantee: Grantee) -> None:
    record = _own_record(world, by, record_id)
    record.shares = [*_other_shares(record, grantee), grantee]


def unshare_record(world: World, by: str | None, record_id: int, grantee: Grantee) -> None:
    record = _own_record(world, by, record_id)
    if record.shares == _other_shares(record, grantee):
        raise Refused
    record.shares = _other_shares(record, grantee)


@dataclass(frozen=True)
class NewDomains:
    """Other domains in place of those that there are, where they are given; then some more, and some less."""

    domains: frozenset[str] | None = None
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    def after(self, before: set[str]) -> set[str]:
        there = (before if self.domains is None else set(self.domains)) | self.add
        if not self.remove <= there:
            raise Refused
        return there - self.remove


def exclude(world: World, by: str | None, new: NewDomains) -> None:
    _require_administrator(world, by)
    world.excluded = new.after(world.excluded)


def exclude_for_role(world: World, by: str | None, role: str, new: NewDomains) -> None:
    _require_administrator(world, by)
    if role not in world.preferences and (new.domains or new.add):
        raise Refused
    world.excluded_by_role[role] = new.after(world.excluded_by_role.get(role, set()))


def exclude_for_user(world: World, by: str | None, user: str, new: NewDomains) -> None:
    _require_self(by, user)
    world.users[user].excluded = new.after(world.users[user].excluded)


def set_internal(world: World, by: str | None, new: NewDomains) -> None:
    _require_administrator(world, by)
    world.internal = new.after(world.internal)


def withhold_email(world: World, by: str | None, user: str, email: Email, *, withheld: bool) -> None:
    _require_self(by, user)
    if all(copy.owner != user or email_of(world, index) != email for index, copy in enumerate(world.copies)):
        raise Refused
    mark = {(user, email)}
    world.withheld_emails = world.withheld_emails | mark if withheld else world.withheld_emails - mark


def withhold_thread(world: World, by: str | None, user: str, index: int, *, withheld: bool) -> None:
    _require_self(by, user)
    if world.copies[index].owner != user:
        raise Refused
    others = world.withheld_threads - thread_of(world, index)
    world.withheld_threads = others | {index} if withheld else others


def set_status(world: World, by: str | None, user: str, status: str) -> None:
    _require_administrator(world, by)
    if world.users[user].status == "deleted" != status:
        raise Refused
    world.users[user].status = status


def set_role(world: World, by: str | None, user: str, role: str | None) -> None:
    _require_administrator(world, by)
    world.users[user].role = role


def _replaced(before: Setting | None, permission: NewPermission, audience: NewAudience) -> Setting | None:
    """Give a setting with another permission, another audience or both; an audience goes with a permission."""
    if permission is KEEP:
        permission = None if before is None else before.permission
    if permission is None:
        if audience is not KEEP:
            raise Refused
        return None
    setting = replace(before or Setting(permission), permission=permission)
    return setting if audience is KEEP else replace(setting, audience=audience)


def _require_administrator(world: World, by: str | None) -> None:
    if by is not None and world.users[by].profile != "Administrator":
        raise Refused


def _require_self(by: str | None, user: str) -> None:
    if by not in (None, user):
        raise Refused


def _seen_record(world: World, by: str | None, record_id: int) -> Record:
    record = world.records[record_id]
    if by is not None and not sees_record(world, world.users[by], record):
        raise Refused
    return record


def _own_record(world: World, by: str | None, record_id: int) -> Record:
    record = _seen_record(world, by, record_id)
    if by is not None and world.users[by].profile != "Administrator" and record.owner != by:
        raise Refused
    return record


def _other_shares(record: Record, grantee: Grantee) -> list[Grantee]:
    return [share for share in record.shares if (share.user, share.role) != (grantee.user, grantee.role)]
