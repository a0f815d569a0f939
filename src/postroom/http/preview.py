"""What a change would open and close, before it is made."""

import re
from collections.abc import Callable
from dataclasses import asdict
from typing import ClassVar, cast

import falcon
from msgspec import UNSET, UnsetType, structs

from postroom.actions import change_sharing, exclusions, organisation, permissions, withhold
from postroom.actions.changes import Change
from postroom.actions.preview import preview
from postroom.core.model import CrmAccess, Permission, UserStatus
from postroom.core.scopes import Operation
from postroom.http.organisation import ModuleAccess
from postroom.http.resource import SharingResource, answer, now
from postroom.http.sent import Audience, Domain, Sent, Text, new_audience

_SHOWN = 100  # differences
_INNER_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class Previewed(Sent, frozen=True, tag_field="change", tag=lambda name: _INNER_CAPITAL.sub("_", name).lower()):
    """The fields of a change, which each subclass names: `{"change": "set_user_role", …}`."""

    action: ClassVar[Callable[..., Change]]

    def change(self) -> Change:
        """Give the change as actions take it."""
        return type(self).action(**self._fields())

    def _fields(self) -> dict[str, object]:
        return {name: value for name, value in structs.asdict(self).items() if value is not UNSET}


class _PermissionChange(Previewed, frozen=True, kw_only=True):
    permission: Permission | UnsetType | None = UNSET
    audience: Audience | UnsetType = UNSET

    def _fields(self) -> dict[str, object]:
        return super()._fields() | {"audience": new_audience(self.audience)}


class SetDefaultPermission(_PermissionChange, frozen=True):
    """PUT organisation/default_permission."""

    action = permissions.SetDefaultPermission


class SetRolePreference(_PermissionChange, frozen=True):
    """PUT or, with null as the permission, DELETE roles/{role}/email_preference."""

    action = permissions.SetRolePreference
    role: Text


class AssignPermission(_PermissionChange, frozen=True):
    """PUT or, with null as the permission, DELETE users/{user}/permission."""

    action = permissions.AssignPermission
    user: Text


class ChoosePermission(_PermissionChange, frozen=True):
    """PUT or, with null as the permission, DELETE me/permission."""

    action = permissions.ChoosePermission
    user: Text


class SetCrmAccess(Previewed, frozen=True):
    """PUT organisation/crm_access."""

    action = change_sharing.SetCrmAccess
    access: CrmAccess


class SetModuleAccess(Previewed, frozen=True):
    """PUT modules/{module}/access."""

    action = change_sharing.SetModuleAccess
    module: Text
    access: ModuleAccess

    def _fields(self) -> dict[str, object]:
        return {"module": self.module, "is_public": self.access == "public"}


class SetExcludedDomains(Previewed, frozen=True):
    """PUT …/excluded_domains: of a role, of a user, or without either of the organisation."""

    action = exclusions.SetExcludedDomains
    domains: tuple[Domain, ...]
    role: Text | UnsetType = UNSET
    user: Text | UnsetType = UNSET


class SetInternalDomains(Previewed, frozen=True):
    """PUT organisation/internal_domains."""

    action = exclusions.SetInternalDomains
    domains: tuple[Domain, ...]


class SetUserStatus(Previewed, frozen=True):
    """PUT users/{user}/status."""

    action = organisation.SetUserStatus
    user: Text
    status: UserStatus


class SetUserRole(Previewed, frozen=True):
    """PUT users/{user}/role."""

    action = organisation.SetUserRole
    user: Text
    role: Text | None


class ShareRecord(Previewed, frozen=True):
    """PUT records/{module}/{record_id}/shares."""

    action = change_sharing.ShareRecord
    record: Text
    user: Text | UnsetType = UNSET
    role: Text | UnsetType = UNSET
    and_subordinates: bool = False


class UnshareRecord(Previewed, frozen=True):
    """DELETE records/{module}/{record_id}/shares."""

    action = change_sharing.UnshareRecord
    record: Text
    user: Text | UnsetType = UNSET
    role: Text | UnsetType = UNSET


class ShareEmails(Previewed, frozen=True):
    """PUT me/shares/{module}/{record_id}."""

    action = change_sharing.ShareEmails
    user: Text
    record: Text


class UnshareEmails(Previewed, frozen=True):
    """DELETE me/shares/{module}/{record_id}."""

    action = change_sharing.UnshareEmails
    user: Text
    record: Text


class WithholdEmail(Previewed, frozen=True):
    """PUT or, with false as `withheld`, DELETE me/emails/{email}/withheld."""

    action = withhold.WithholdEmail
    user: Text
    email: Text
    withheld: bool = True


class WithholdThread(Previewed, frozen=True):
    """PUT or, with false as `withheld`, DELETE me/threads/{thread}/withheld."""

    action = withhold.WithholdThread
    user: Text
    thread: Text
    withheld: bool = True


_ANY_CHANGE = cast(
    "type[Previewed]",
    SetDefaultPermission
    | SetRolePreference
    | AssignPermission
    | ChoosePermission
    | SetCrmAccess
    | SetModuleAccess
    | SetExcludedDomains
    | SetInternalDomains
    | SetUserStatus
    | SetUserRole
    | ShareRecord
    | UnshareRecord
    | ShareEmails
    | UnshareEmails
    | WithholdEmail
    | WithholdThread,
)


class Preview(SharingResource):
    """A change that is not made."""

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer what it would open and close, with the first differences."""
        caller, new = self.enter_with_body(request, Operation.READ, _ANY_CHANGE)
        seen = preview(self.database, new.change(), caller.actor, now=now(), limit=_SHOWN + 1)
        shown = {
            "opened": seen.opened._asdict(),
            "closed": seen.closed._asdict(),
            "differences": [asdict(each) for each in seen.differences[:_SHOWN]],
            "more": len(seen.differences) > _SHOWN,
        }
        answer(response, shown)
