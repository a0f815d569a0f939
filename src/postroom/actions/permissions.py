"""The permission of an owner's mail and its audience, at each of the four places where one can be set (section 3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import require_administrator, require_self
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput, NotAllowed
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.lookups import get_organisation, get_role, get_user
from postroom.core.model import Grantee, Permission, User
from postroom.core.sharing import (
    EffectivePermission,
    Ground,
    Membership,
    Organisation,
    Owner,
    Rule,
    Setting,
    effective_permission,
)
from postroom.storage import audiences, organisation, people


class Keep(Enum):
    """That a part of a setting stays as it is."""

    KEEP = auto()


KEEP: Literal[Keep.KEEP] = Keep.KEEP


class Member(NamedTuple):
    """One whom an audience lists: a user's e-mail address, or a role's name, perhaps with the roles below it."""

    user: str | None = None
    role: str | None = None
    and_subordinates: bool = False


Audience = tuple[Member, ...] | None  # None: everyone. Superiors are always in it
NewPermission = Permission | Literal[Keep.KEEP] | None  # None: not set, so that the next place decides
NewAudience = Audience | Literal[Keep.KEEP]


class Stored(NamedTuple):
    """A setting as it is stored at one place."""

    permission: str | None
    audience_id: int | None


@dataclass(frozen=True, slots=True)
class SetDefaultPermission:
    """Set what holds where neither the role nor the user has a permission. An administrator's."""

    permission: NewPermission = KEEP
    audience: NewAudience = KEEP

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        require_administrator(transaction.by, "the organisation's default permission")
        settings = get_organisation(transaction.connection)
        before = Stored(settings["default_permission"], settings["default_audience_id"])
        after = _replaced(transaction.connection, before, self.permission, self.audience)
        if after.permission is None:
            raise InvalidInput("permission: the organisation always has a default")
        organisation.set_default(transaction.connection, after.permission, after.audience_id)
        _finish(transaction, "default permission", "the organisation", before, after)


@dataclass(frozen=True, slots=True)
class SetRolePreference:
    """Set the e-mail preference of a role, which goes before everything else. An administrator's.

    Clearing it clears its excluded domains as well.
    """

    role: str
    permission: NewPermission = KEEP
    audience: NewAudience = KEEP

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        require_administrator(transaction.by, "the e-mail preference of a role")
        role = get_role(transaction.connection, self.role)
        before = Stored(role.email_permission, role.audience_id)
        after = _replaced(transaction.connection, before, self.permission, self.audience)
        people.set_role_preference(transaction.connection, role.id, *after)
        _finish(transaction, "e-mail preference", f"role {role.name}", before, after, role_id=role.id)
        if after.permission is None:
            SetExcludedDomains((), role=role.name).apply(transaction)


@dataclass(frozen=True, slots=True)
class AssignPermission:
    """Assign a permission to one user, or take it back. An administrator's."""

    user: str
    permission: NewPermission = KEEP
    audience: NewAudience = KEEP

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        require_administrator(transaction.by, "the permission assigned to a user")
        user = get_user(transaction.connection, self.user)
        before = Stored(user.assigned_permission, user.assigned_audience_id)
        after = _replaced(transaction.connection, before, self.permission, self.audience)
        people.set_assigned(transaction.connection, user.id, *after)
        _finish(transaction, "assigned permission", f"user {user.email}", before, after, owner_id=user.id)


@dataclass(frozen=True, slots=True)
class ChoosePermission:
    """Make one's own choice, where an administrator left it to the user: `users_choice`. The user's own."""

    user: str
    permission: NewPermission = KEEP
    audience: NewAudience = KEEP

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        user = get_user(connection, self.user)
        require_self(transaction.by, user.id, "the own choice")
        _require_choice(connection, user)
        before = Stored(user.chosen_permission, user.chosen_audience_id)
        after = _replaced(connection, before, self.permission, self.audience)
        if after.permission == Permission.USERS_CHOICE:
            raise InvalidInput("permission: the own choice is private, public or custom")
        people.set_chosen(connection, user.id, *after)
        _finish(transaction, "own choice", f"user {user.email}", before, after, owner_id=user.id)


def permission_of(connection: Connection, user: User) -> EffectivePermission:
    """Give the permission that holds for a user's synced mail, for somebody whom every audience admits."""
    settings = get_organisation(connection)
    roles = {role.id: role.email_permission for role in people.list_roles(connection)}
    by_role = None if user.role_id is None else roles[user.role_id]
    owner = Owner(
        user.id,
        user.status,
        _setting(by_role),
        _setting(user.assigned_permission),
        _setting(user.chosen_permission),
        below_viewer=False,
        shared_at=None,
    )
    default = Setting(settings["default_permission"], Membership.EVERYONE)
    return effective_permission(owner, Organisation(default, settings["crm_access"]))


def may_choose(connection: Connection, user: User) -> bool:
    """Say whether an administrator left the permission to the user: `users_choice`."""
    return permission_of(connection, user).reasons[0].value == Permission.USERS_CHOICE


def audience_in_words(connection: Connection, audience_id: int | None) -> object:
    """Give an audience as JSON shows it: "everyone", or the list of its members."""
    if audience_id is None:
        return "everyone"
    return [grantee_in_words(connection, member) for member in audiences.members_of(connection, audience_id)]


def grantee_in_words(connection: Connection, grantee: Grantee) -> dict[str, object]:
    """Give a user, or a role and whether those below it are meant, as JSON shows one."""
    if grantee.user_id is not None:
        return {"user": people.emails_by_id(connection)[grantee.user_id]}
    return {
        "role": people.role_names(connection)[grantee.role_id or 0],
        "and_subordinates": grantee.and_subordinates,
    }


def _setting(permission: str | None) -> Setting | None:
    return None if permission is None else Setting(permission, Membership.EVERYONE)


def _require_choice(connection: Connection, user: User) -> None:
    """Refuse, with the reason, where the choice is not the user's."""
    if not may_choose(connection, user):
        source = permission_of(connection, user).reasons[0]
        raise NotAllowed(
            f"the permission of {user.email} is not the user's to choose: "
            f"it is {source.value}, {_DECIDED_BY[source.rule]}"
        )


_DECIDED_BY: Mapping[Ground | Rule, str] = {
    Rule.PERMISSION_FROM_ROLE: "from the e-mail preference of the role",
    Rule.PERMISSION_FROM_USER: "assigned by an administrator",
    Rule.PERMISSION_FROM_ORGANISATION: "the organisation's default",
}


def _replaced(connection: Connection, before: Stored, permission: NewPermission, audience: NewAudience) -> Stored:
    """Give what is to be stored; an audience goes with a permission."""
    new_permission = before.permission if permission is KEEP else permission
    if new_permission is None:
        if audience is not KEEP:
            raise InvalidInput("audience: goes with a permission, and none is set here")
        return Stored(None, None)
    if audience is KEEP:
        return Stored(new_permission, before.audience_id)
    if audience is None:
        return Stored(new_permission, None)
    members = tuple(_grantees(connection, audience))
    if before.audience_id is not None and set(members) == set(audiences.members_of(connection, before.audience_id)):
        return Stored(new_permission, before.audience_id)  # in another order it is no other audience
    return Stored(new_permission, audiences.create_audience(connection, members))


def _grantees(connection: Connection, audience: tuple[Member, ...]) -> Iterable[Grantee]:
    """Give each user and role once: a role that is also listed with its subordinates is listed with them."""
    found: dict[tuple[int | None, int | None], Grantee] = {}
    for member in audience:
        grantee = _grantee(connection, member)
        if grantee.and_subordinates or grantee[:2] not in found:
            found[grantee[:2]] = grantee
    return found.values()


def _grantee(connection: Connection, member: Member) -> Grantee:
    if (member.user is None) == (member.role is None):
        raise InvalidInput("audience: each member is either a user or a role")
    if member.user is not None:
        if member.and_subordinates:
            raise InvalidInput("and_subordinates: goes with a role")
        return Grantee(get_user(connection, member.user).id, None)
    return Grantee(None, get_role(connection, str(member.role)).id, member.and_subordinates)


def _finish(
    transaction: Transaction,
    change: str,
    subject: str,
    before: Stored,
    after: Stored,
    *,
    owner_id: int | None = None,
    role_id: int | None = None,
) -> None:
    """Write the change down, and let go of the audience that it replaced."""
    connection = transaction.connection
    in_words = [_in_words(connection, stored) for stored in (before, after)]
    transaction.write_down(change, subject, *in_words, owner_id=owner_id, role_id=role_id)
    if before.audience_id is not None and before.audience_id != after.audience_id:
        audiences.delete_audience(connection, before.audience_id)


def _in_words(connection: Connection, stored: Stored) -> dict[str, object] | None:
    if stored.permission is None:
        return None
    return {"permission": stored.permission, "audience": audience_in_words(connection, stored.audience_id)}
