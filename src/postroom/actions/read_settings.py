"""Reading the settings: every one that is in force, and what they come to for one user."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.explain import Step
from postroom.actions.lookups import get_organisation, get_user
from postroom.actions.permissions import audience_in_words, permission_of
from postroom.core.model import Module, Role, Scope, User
from postroom.core.sharing import Ground, Rule
from postroom.core.words import changed_by, sentence
from postroom.storage import organisation, people
from postroom.storage.database import Database
from postroom.storage.withholding import ExclusionScope, excluded


class GivenPermission(NamedTuple):
    """A permission as somebody set it, with its audience: "everyone", or a list of its members."""

    permission: str
    audience: object


@dataclass(frozen=True, slots=True)
class RolePreference:
    """The e-mail preference of a role."""

    role: str
    given: GivenPermission
    excluded_domains: list[str]


@dataclass(frozen=True, slots=True)
class UserSettings:
    """What is set for a user by an administrator, and by the user."""

    user: str
    assigned: GivenPermission | None
    chosen: GivenPermission | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the organisation; `roles` and `users` are those for whom something is set."""

    default: GivenPermission
    crm_access: str
    roles: list[RolePreference]
    users: list[UserSettings]
    modules: list[Module]


@dataclass(frozen=True, slots=True)
class SharingOfUser:
    """The permission that holds for a user's mail, the settings that led to it, and its steps in words.

    Whoever sees the mail is in the audience of each of these settings, or a superior.
    """

    user: str
    status: str
    permission: str
    settings: list[GivenPermission]
    steps: list[Step]


def read_settings(database: Database, *, by: Actor) -> Settings:
    """Give every setting in force. For administrators. Raises NotAllowed."""
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read all settings")
    with database.read() as connection:
        return Settings(
            default=default_permission(connection),
            crm_access=get_organisation(connection)["crm_access"],
            roles=_role_preferences(connection),
            users=[user for user in _users(connection) if user.assigned or user.chosen],
            modules=organisation.list_modules(connection),
        )


def sharing_of(database: Database, email: str, *, by: Actor) -> SharingOfUser:
    """Give the permission that holds for a user's mail, and why. For the user and administrators.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        user = get_user(connection, email)
        if not by.is_administrator and not by.acts_for(user.id):
            raise NotAllowed("only the user or an administrator may read the user's settings")
        return effective_sharing(connection, user)


def effective_sharing(connection: Connection, user: User) -> SharingOfUser:
    """Give the permission that holds for a user's mail, and why."""
    effective = permission_of(connection, user)
    settings = _settings_of(connection, user)
    led_there = [setting for reason in effective.reasons if (setting := settings.get(reason.rule))]
    steps = [Step(reason.rule, sentence(reason), changed_by(reason)) for reason in effective.reasons]
    return SharingOfUser(user.email, user.status, effective.permission, led_there, steps)


def _settings_of(connection: Connection, user: User) -> Mapping[Ground | Rule, GivenPermission | None]:
    """Give what is set at each place for a user, by the rule that reads it."""
    role = next((role for role in people.list_roles(connection) if role.id == user.role_id), None)
    return {
        Rule.PERMISSION_FROM_ROLE: None if role is None else preference_of(connection, role),
        Rule.PERMISSION_FROM_USER: given_permission(connection, user.assigned_permission, user.assigned_audience_id),
        Rule.PERMISSION_FROM_ORGANISATION: default_permission(connection),
        Rule.USERS_CHOICE: given_permission(connection, user.chosen_permission, user.chosen_audience_id),
    }


def default_permission(connection: Connection) -> GivenPermission:
    """Give what holds where neither the role nor the user has a permission."""
    settings = get_organisation(connection)
    return GivenPermission(
        settings["default_permission"], audience_in_words(connection, settings["default_audience_id"])
    )


def _role_preferences(connection: Connection) -> list[RolePreference]:
    return [
        RolePreference(role.name, given, excluded(connection, ExclusionScope(Scope.ROLE, role.id)))
        for role in people.list_roles(connection)
        if (given := preference_of(connection, role)) is not None
    ]


def preference_of(connection: Connection, role: Role) -> GivenPermission | None:
    """Give the e-mail preference of a role."""
    return given_permission(connection, role.email_permission, role.audience_id)


def _users(connection: Connection) -> list[UserSettings]:
    return [
        UserSettings(
            user.email,
            given_permission(connection, user.assigned_permission, user.assigned_audience_id),
            given_permission(connection, user.chosen_permission, user.chosen_audience_id),
        )
        for user in people.users_by_email(connection).values()
    ]


def given_permission(connection: Connection, permission: str | None, audience_id: int | None) -> GivenPermission | None:
    """Give what is set at one place, with its audience in words; None where nothing is."""
    return None if permission is None else GivenPermission(permission, audience_in_words(connection, audience_id))
