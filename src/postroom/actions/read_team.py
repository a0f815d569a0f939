"""Reading the team: the organisation, its roles and its users, and what one user may set.

Everybody knows who is in the team. What is set for whom is for administrators, and how many domains a user excludes;
which ones they are is the user's own affair.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_self
from postroom.actions.errors import NotAllowed
from postroom.actions.lookups import get_organisation, get_user
from postroom.actions.permissions import may_choose
from postroom.actions.read_settings import (
    GivenPermission,
    SharingOfUser,
    default_permission,
    effective_sharing,
    given_permission,
    preference_of,
)
from postroom.core.model import Role, Scope, User
from postroom.storage import people
from postroom.storage.database import Database
from postroom.storage.withholding import ORGANISATION, ExclusionScope, count_excluded_by_users, excluded, internal


@dataclass(frozen=True, slots=True)
class OrganisationSettings:
    """What is set for the whole organisation."""

    name: str
    time_zone: str
    default_permission: GivenPermission
    crm_access: str
    excluded_domains: list[str]
    internal_domains: list[str]


@dataclass(frozen=True, slots=True)
class RoleSettings:
    """What is set for a role."""

    email_preference: GivenPermission | None
    excluded_domains: list[str]


@dataclass(frozen=True, slots=True)
class MemberRole:
    """A role, the name of the one above it, and for administrators what is set for it."""

    role: Role
    under: str | None
    settings: RoleSettings | None


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """What is set for a user; of the domains that the user excludes only how many they are."""

    assigned: GivenPermission | None
    chosen: GivenPermission | None
    excluded_domains: int


@dataclass(frozen=True, slots=True)
class Member:
    """A user, the name of the user's role, and for administrators what is set for the user."""

    user: User
    role: str | None
    settings: MemberSettings | None


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """What holds for a user's own mail, whether the permission is the user's to choose, and what the user set."""

    user: User
    role: str | None
    sharing: SharingOfUser
    may_choose: bool
    chosen: GivenPermission | None
    excluded_domains: int


def read_organisation(database: Database, *, by: Actor) -> OrganisationSettings:
    """Give what is set for the whole organisation. For administrators. Raises NotAllowed."""
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read the settings of the organisation")
    with database.read() as connection:
        settings = get_organisation(connection)
        return OrganisationSettings(
            name=settings["name"],
            time_zone=settings["time_zone"],
            default_permission=default_permission(connection),
            crm_access=settings["crm_access"],
            excluded_domains=excluded(connection, ORGANISATION),
            internal_domains=internal(connection),
        )


def read_roles(database: Database, *, by: Actor) -> list[MemberRole]:
    """Give all roles, each after the one above it."""
    with database.read() as connection:
        names = people.role_names(connection)
        return [
            MemberRole(
                role,
                None if role.parent_id is None else names[role.parent_id],
                _role_settings(connection, role) if by.is_administrator else None,
            )
            for role in people.list_roles(connection)
        ]


def read_users(database: Database, *, by: Actor) -> list[Member]:
    """Give all users by name."""
    with database.read() as connection:
        names, counts = people.role_names(connection), count_excluded_by_users(connection)
        return [
            Member(
                user,
                None if user.role_id is None else names[user.role_id],
                _member_settings(connection, user, counts) if by.is_administrator else None,
            )
            for user in people.users_by_email(connection).values()
        ]


def read_own_settings(database: Database, email: str, *, by: Actor) -> OwnSettings:
    """Give what holds for a user, and what the user set. The user's own. Raises NotAllowed, NotFound, InvalidInput."""
    with database.read() as connection:
        user = get_user(connection, email)
        require_self(by, user.id, "or read the own settings")
        return OwnSettings(
            user=user,
            role=None if user.role_id is None else people.role_names(connection)[user.role_id],
            sharing=effective_sharing(connection, user),
            may_choose=may_choose(connection, user),
            chosen=given_permission(connection, user.chosen_permission, user.chosen_audience_id),
            excluded_domains=len(excluded(connection, ExclusionScope(Scope.USER, user.id))),
        )


def _role_settings(connection: Connection, role: Role) -> RoleSettings:
    return RoleSettings(preference_of(connection, role), excluded(connection, ExclusionScope(Scope.ROLE, role.id)))


def _member_settings(connection: Connection, user: User, counts: Mapping[int, int]) -> MemberSettings:
    return MemberSettings(
        assigned=given_permission(connection, user.assigned_permission, user.assigned_audience_id),
        chosen=given_permission(connection, user.chosen_permission, user.chosen_audience_id),
        excluded_domains=counts.get(user.id, 0),
    )
