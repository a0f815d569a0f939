"""Users, the organisation, roles and profiles, as Zoho CRM shows them."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import falcon
from msgspec import UNSET, Meta, UnsetType

from postroom.actions.edit_users import NewMember, UserEdit, add_member, edit_user
from postroom.actions.errors import FieldRefused
from postroom.actions.organisation import list_roles, list_users, name_and_time_zone
from postroom.core.model import PROFILE_IDS, UserStatus
from postroom.core.model import Profile as ProfileName
from postroom.core.model import Role as RoleFound
from postroom.core.model import User as UserFound
from postroom.core.scopes import CrmOperation
from postroom.http.crm import (
    CrmResource,
    Paged,
    Reference,
    answer_each,
    answer_page,
    done,
    id_in,
    id_of,
    ids_in,
    page_in,
    page_info,
    read_parameters,
)
from postroom.http.resource import answer, now
from postroom.http.sent import Sent, Text

_USERS, _ORG = "users", "org"
_ROLES, _PROFILES = "settings.roles", "settings.profiles"
_UNKNOWN_ID = "the id given seems to be invalid"
_STATUS: Mapping[str, str] = {UserStatus.INACTIVE: "disabled"}
_STATUSES: Mapping[str, UserStatus] = {"active": UserStatus.ACTIVE, "inactive": UserStatus.INACTIVE}


def _is_there(user: UserFound) -> bool:
    return user.status != UserStatus.DELETED


def _is_active(user: UserFound) -> bool:
    return user.status == UserStatus.ACTIVE


def _is_administrator(user: UserFound) -> bool:
    return user.profile == ProfileName.ADMINISTRATOR


# Whom each `type` lists (API page, "Get Users"). Whoever was added is confirmed.
_TYPES: Mapping[str, Callable[[UserFound], bool]] = {
    "AllUsers": _is_there,
    "ActiveUsers": _is_active,
    "DeactiveUsers": lambda user: user.status == UserStatus.INACTIVE,
    "ConfirmedUsers": _is_there,
    "NotConfirmedUsers": lambda _user: False,
    "DeletedUsers": lambda user: not _is_there(user),
    "ActiveConfirmedUsers": _is_active,
    "AdminUsers": lambda user: _is_there(user) and _is_administrator(user),
    "ActiveConfirmedAdmins": lambda user: _is_active(user) and _is_administrator(user),
}
_CURRENT = "CurrentUser"


class UsersQuery(Paged, frozen=True):
    """Which users are asked for."""

    type: Text = "AllUsers"
    ids: Annotated[str, Meta(max_length=2500)] | UnsetType = UNSET


class NewUser(Sent, frozen=True):
    """A user to be added."""

    email: Text
    last_name: Text
    first_name: Text | UnsetType | None = UNSET
    role: Reference | int | str | UnsetType | None = UNSET
    profile: Reference | int | str | UnsetType = UNSET


class EditedUser(Sent, frozen=True):
    """What shall change of a user; what is missing stays."""

    id: int | str | UnsetType = UNSET
    first_name: Text | UnsetType | None = UNSET
    last_name: Text | UnsetType | None = UNSET
    email: Text | UnsetType = UNSET
    role: Reference | int | str | UnsetType | None = UNSET
    profile: Reference | int | str | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET


class NewUsers(Sent, frozen=True):
    """One user a call, as Zoho has it."""

    users: Annotated[tuple[NewUser, ...], Meta(min_length=1, max_length=1)]


class EditedUsers(Sent, frozen=True):
    """One user a call."""

    users: Annotated[tuple[EditedUser, ...], Meta(min_length=1, max_length=1)]


class Users(CrmResource):
    """The members of the team."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer a page of them by name."""
        caller = self.enter(request, version, CrmOperation.READ, _USERS)
        query = read_parameters(request, UsersQuery)
        page = page_in(query)
        found = self._found(query, caller.actor.user_id)
        start = (page.number - 1) * page.size
        shown = found[start : start + page.size]
        info = page_info(page, len(shown), more=len(found) > start + page.size)
        answer_page(response, "users", self._as_json(shown), info)

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Add one."""
        caller, body = self.enter_with_body(request, version, CrmOperation.CREATE, NewUsers, _USERS)
        (new,) = body.users
        member = NewMember(
            email=new.email,
            full_name=_full_name(new.first_name, new.last_name),
            role_id=None if new.role is UNSET or new.role is None else id_of(new.role, "role"),
            profile=ProfileName.STANDARD if new.profile is UNSET else _profile(new.profile),
        )
        user = add_member(self.database, member, by=caller.actor, now=now())
        answer_each(response, "users", [done("User added", {"id": str(user.id)})], success=201)

    def on_put(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Edit the one that the body names."""
        caller, body = self.enter_with_body(request, version, CrmOperation.UPDATE, EditedUsers, _USERS)
        (edited,) = body.users
        if edited.id is UNSET:
            raise FieldRefused("required field not found", api_name="id")
        user_id = id_in(edited.id, api_name="id")
        edit_user(self.database, user_id, _edit(edited), by=caller.actor, now=now())
        answer_each(response, "users", [done("User updated", {"id": str(user_id)})])

    def _found(self, query: UsersQuery, caller_id: int | None) -> list[tuple[UserFound, str | None]]:
        everybody = list_users(self.database)
        if query.ids is not UNSET:
            ids = frozenset(ids_in(query.ids))
            everybody = [each for each in everybody if each[0].id in ids]
        if query.type == _CURRENT:
            return [each for each in everybody if each[0].id == caller_id]
        if query.type not in _TYPES:
            raise FieldRefused(f"expected one of {', '.join((*_TYPES, _CURRENT))}", param_name="type")
        return [each for each in everybody if _TYPES[query.type](each[0])]

    def _as_json(self, found: list[tuple[UserFound, str | None]]) -> list[dict[str, object]]:
        _, time_zone = name_and_time_zone(self.database)
        return [_user(user, role, time_zone) for user, role in found]


class User(CrmResource):
    """One member of the team."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, user_id: str) -> None:
        """Answer the user, whatever the status."""
        self.enter(request, version, CrmOperation.READ, _USERS)
        read_parameters(request, Sent)
        wanted = _path_id(user_id)
        found = [each for each in list_users(self.database) if each[0].id == wanted]
        if not found:
            raise FieldRefused(_UNKNOWN_ID, resource_path_index=1)
        _, time_zone = name_and_time_zone(self.database)
        answer(response, {"users": [_user(*found[0], time_zone)]})

    def on_put(self, request: falcon.Request, response: falcon.Response, version: str, user_id: str) -> None:
        """Edit the user."""
        caller, body = self.enter_with_body(request, version, CrmOperation.UPDATE, EditedUsers, _USERS)
        (edited,) = body.users
        wanted = _path_id(user_id)
        if edited.id is not UNSET and id_in(edited.id, api_name="id") != wanted:
            raise FieldRefused("expected the id of the path", api_name="id")
        edit_user(self.database, wanted, _edit(edited), by=caller.actor, now=now())
        answer_each(response, "users", [done("User updated", {"id": str(wanted)})])

    def on_delete(self, request: falcon.Request, response: falcon.Response, version: str, user_id: str) -> None:
        """Delete the user, which is final."""
        caller = self.enter(request, version, CrmOperation.DELETE, _USERS)
        read_parameters(request, Sent)
        wanted = _path_id(user_id)
        edit_user(self.database, wanted, UserEdit(status=UserStatus.DELETED), by=caller.actor, now=now())
        answer_each(response, "users", [done("User deleted", {"id": str(wanted)})])


class Organisation(CrmResource):
    """The one organisation."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer it; its id is 1, since there is no other."""
        self.enter(request, version, CrmOperation.READ, _ORG)
        read_parameters(request, Sent)
        name, time_zone = name_and_time_zone(self.database)
        organisation = {"id": "1", "zgid": "1", "company_name": name, "time_zone": time_zone, "type": "production"}
        answer(response, {"org": [organisation]})


class Roles(CrmResource):
    """The tree of roles."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer all of them, each after the one above it."""
        self.enter(request, version, CrmOperation.READ, _ROLES)
        read_parameters(request, Sent)
        answer_page(response, "roles", _roles(list_roles(self.database)))


class Role(CrmResource):
    """One role."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, role_id: str) -> None:
        """Answer it."""
        self.enter(request, version, CrmOperation.READ, _ROLES)
        read_parameters(request, Sent)
        found = [role for role in _roles(list_roles(self.database)) if role["id"] == role_id]
        if not found:
            raise FieldRefused(_UNKNOWN_ID, resource_path_index=2)
        answer(response, {"roles": found})


class Profiles(CrmResource):
    """The two profiles."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer both."""
        self.enter(request, version, CrmOperation.READ, _PROFILES)
        read_parameters(request, Sent)
        answer(response, {"profiles": [_profile_as_json(profile) for profile in ProfileName]})


class Profile(CrmResource):
    """One profile."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, profile_id: str) -> None:
        """Answer it."""
        self.enter(request, version, CrmOperation.READ, _PROFILES)
        read_parameters(request, Sent)
        found = [each for each in map(_profile_as_json, ProfileName) if each["id"] == profile_id]
        if not found:
            raise FieldRefused(_UNKNOWN_ID, resource_path_index=2)
        answer(response, {"profiles": found})


def _path_id(text: str) -> int:
    try:
        return id_in(text)
    except FieldRefused as error:
        raise FieldRefused(_UNKNOWN_ID, resource_path_index=1) from error


def _user(user: UserFound, role: str | None, time_zone: str) -> dict[str, object]:
    first, _, last = user.full_name.rpartition(" ")
    return {
        "id": str(user.id),
        "full_name": user.full_name,
        "first_name": first or None,
        "last_name": last,
        "email": user.email,
        "status": _STATUS.get(user.status, user.status),
        "confirm": True,
        "role": None if role is None else {"name": role, "id": str(user.role_id)},
        "profile": {"name": user.profile, "id": str(PROFILE_IDS[ProfileName(user.profile)])},
        "time_zone": time_zone,
        "type__s": "Regular User",
    }


def _roles(roles: list[RoleFound]) -> list[dict[str, object]]:
    names = {role.id: role.name for role in roles}
    return [
        {
            "id": str(role.id),
            "name": role.name,
            "display_label": role.name,
            "reporting_to": None
            if role.parent_id is None
            else {"name": names[role.parent_id], "id": str(role.parent_id)},
        }
        for role in roles
    ]


def _profile_as_json(profile: ProfileName) -> dict[str, object]:
    return {"id": str(PROFILE_IDS[profile]), "name": profile, "display_label": profile, "custom": False}


def _profile(sent: Reference | int | str) -> ProfileName:
    profile_id = id_of(sent, "profile")
    for profile, known in PROFILE_IDS.items():
        if known == profile_id:
            return profile
    raise FieldRefused(_UNKNOWN_ID, api_name="profile")


def _full_name(first: str | UnsetType | None, last: str | UnsetType | None) -> str:
    names = [name.strip() for name in (first, last) if isinstance(name, str)]
    return " ".join(filter(None, names))


def _edit(edited: EditedUser) -> UserEdit:
    return UserEdit(
        first_name=None if edited.first_name is UNSET else edited.first_name or "",
        last_name=None if edited.last_name is UNSET else edited.last_name or "",
        email=None if edited.email is UNSET else edited.email,
        is_role_given=edited.role is not UNSET,
        role_id=None if edited.role is UNSET or edited.role is None else id_of(edited.role, "role"),
        profile=None if edited.profile is UNSET else _profile(edited.profile),
        status=None if edited.status is UNSET else _STATUSES[edited.status],
    )
