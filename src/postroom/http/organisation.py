"""The organisation's settings, and which modules everybody sees."""

from dataclasses import asdict
from typing import Literal

import falcon

from postroom.actions.change_sharing import SetCrmAccess, SetModuleAccess
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.organisation import list_modules
from postroom.actions.permissions import SetDefaultPermission
from postroom.actions.read_team import read_organisation
from postroom.core.model import CrmAccess, Module
from postroom.core.scopes import Operation
from postroom.http.resource import SettingsResource, answer
from postroom.http.sent import Domains, NewPermission, Sent, new_audience, or_kept

ModuleAccess = Literal["public", "private"]


class NewCrmAccess(Sent, frozen=True):
    """The access type for mail sent from the CRM."""

    access: CrmAccess


class NewModuleAccess(Sent, frozen=True):
    """Whether every user sees the records of a module."""

    access: ModuleAccess


class Organisation(SettingsResource):
    """What is set for the whole organisation."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer every setting."""
        caller = self.enter(request, Operation.READ)
        settings = read_organisation(self.database, by=caller.actor)
        answer(response, asdict(settings) | {"default_permission": settings.default_permission._asdict()})


class DefaultPermission(SettingsResource):
    """What holds where neither the role nor the user has a permission."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Set it and its audience."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewPermission)
        change = SetDefaultPermission(or_kept(new.permission), new_audience(new.audience))
        self.make(caller, change, response)


class AccessToCrmMail(SettingsResource):
    """The access type for mail sent from the CRM."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Set it."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewCrmAccess)
        self.make(caller, SetCrmAccess(new.access), response)


class ExcludedDomains(SettingsResource):
    """The domains that the organisation excludes."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Set the whole list."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Domains)
        self.make(caller, SetExcludedDomains(new.domains), response)


class InternalDomains(SettingsResource):
    """The organisation's own domains."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Set the whole list."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Domains)
        self.make(caller, SetInternalDomains(new.domains), response)


class Modules(SettingsResource):
    """The modules."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them."""
        self.enter(request, Operation.READ)
        answer(response, {"modules": [_module(module) for module in list_modules(self.database)]})


class AccessToModule(SettingsResource):
    """Who sees the records of a module."""

    def on_put(self, request: falcon.Request, response: falcon.Response, module: str) -> None:
        """Set it."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewModuleAccess)
        self.make(caller, SetModuleAccess(module, is_public=new.access == "public"), response)


def _module(module: Module) -> dict[str, object]:
    access: ModuleAccess = "public" if module.is_public else "private"
    return {
        "id": str(module.id),
        "api_name": module.api_name,
        "has_emails": bool(module.has_emails),
        "is_custom": bool(module.is_custom),
        "access": access,
    }
