"""Roles and users, and what administrators set for them."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions import organisation
from postroom.actions.errors import InvalidInput
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.lookups import parse_id
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import AssignPermission, SetRolePreference
from postroom.actions.read_settings import GivenPermission
from postroom.actions.read_team import MemberSettings, RoleSettings, read_roles, read_users
from postroom.core.model import Profile, Role, User, UserStatus
from postroom.core.scopes import Operation
from postroom.http.resource import SettingsResource, answer, now
from postroom.http.sent import Domains, NewPermission, Sent, Text, new_audience, or_kept, or_none


class NewRole(Sent, frozen=True):
    """A role to be added, below another one or as a root."""

    name: Text
    under: Text | UnsetType = UNSET


class NewUser(Sent, frozen=True):
    """A user to be added; `id` keeps the one that the user has in another CRM."""

    email: Text
    name: Text
    role: Text | UnsetType = UNSET
    profile: Profile = Profile.STANDARD
    id: Text | UnsetType = UNSET


class NewStatus(Sent, frozen=True):
    """Whether a user is active."""

    status: UserStatus


class NewRoleOfUser(Sent, frozen=True):
    """The role that a user shall have, or none."""

    role: Text | None


class Roles(SettingsResource):
    """The tree of roles."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them, each after the one above it."""
        caller = self.enter(request, Operation.READ)
        found = read_roles(self.database, by=caller.actor)
        answer(response, {"roles": [_role(each.role, each.under) | _of_role(each.settings) for each in found]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add one."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewRole)
        under = or_none(new.under)
        added = organisation.add_role(self.database, new.name, under, by=caller.actor, now=now())
        answer(response, _role(added, under), falcon.HTTP_CREATED)


class EmailPreference(SettingsResource):
    """The e-mail preference of a role."""

    def on_put(self, request: falcon.Request, response: falcon.Response, role: str) -> None:
        """Set it and its audience."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewPermission)
        self.make(caller, SetRolePreference(role, or_kept(new.permission), new_audience(new.audience)), response)

    def on_delete(self, request: falcon.Request, response: falcon.Response, role: str) -> None:
        """Clear it, and its excluded domains with it."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, SetRolePreference(role, None), response)


class ExcludedDomainsOfRole(SettingsResource):
    """The domains that the e-mail preference of a role excludes."""

    def on_put(self, request: falcon.Request, response: falcon.Response, role: str) -> None:
        """Set the whole list."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Domains)
        self.make(caller, SetExcludedDomains(new.domains, role=role), response)


class Users(SettingsResource):
    """The members of the team."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them by name."""
        caller = self.enter(request, Operation.READ)
        found = read_users(self.database, by=caller.actor)
        answer(response, {"users": [user_as_json(each.user, each.role) | _of_user(each.settings) for each in found]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add one."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewUser)
        role = or_none(new.role)
        user = organisation.NewUser(new.email, new.name, role, new.profile, _id(new.id))
        added = organisation.add_user(self.database, user, by=caller.actor, now=now())
        answer(response, user_as_json(added, role), falcon.HTTP_CREATED)


class StatusOfUser(SettingsResource):
    """Whether a user is active."""

    def on_put(self, request: falcon.Request, response: falcon.Response, user: str) -> None:
        """Enable, disable or delete the user."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewStatus)
        self.make(caller, SetUserStatus(user, new.status), response)


class RoleOfUser(SettingsResource):
    """The role that a user has."""

    def on_put(self, request: falcon.Request, response: falcon.Response, user: str) -> None:
        """Move the user to another one, or to none."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewRoleOfUser)
        self.make(caller, SetUserRole(user, new.role), response)


class PermissionOfUser(SettingsResource):
    """The permission that an administrator assigned to a user."""

    def on_put(self, request: falcon.Request, response: falcon.Response, user: str) -> None:
        """Assign one, with its audience."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewPermission)
        self.make(caller, AssignPermission(user, or_kept(new.permission), new_audience(new.audience)), response)

    def on_delete(self, request: falcon.Request, response: falcon.Response, user: str) -> None:
        """Take it back."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, AssignPermission(user, None), response)


def user_as_json(user: User, role: str | None) -> dict[str, object]:
    """Give a user as everybody in the team knows one."""
    return {
        "id": str(user.id),
        "email": user.email,
        "name": user.full_name,
        "role": role,
        "profile": user.profile,
        "status": user.status,
    }


def given_as_json(given: GivenPermission | None) -> dict[str, object] | None:
    """Give a permission with its audience; null where none is set."""
    return None if given is None else given._asdict()


def _role(role: Role, under: str | None) -> dict[str, object]:
    return {"id": str(role.id), "name": role.name, "under": under}


def _of_role(settings: RoleSettings | None) -> dict[str, object]:
    if settings is None:
        return {}
    preference = given_as_json(settings.email_preference)
    return {"settings": {"email_preference": preference, "excluded_domains": settings.excluded_domains}}


def _of_user(settings: MemberSettings | None) -> dict[str, object]:
    if settings is None:
        return {}
    assigned, chosen = map(given_as_json, (settings.assigned, settings.chosen))
    return {"settings": {"assigned": assigned, "chosen": chosen, "excluded_domains": settings.excluded_domains}}


def _id(text: str | UnsetType) -> int | None:
    if text is UNSET:
        return None
    user_id = parse_id(text)
    if user_id is None:
        raise InvalidInput("id: expected the digits of an id")
    return user_id
