"""Modules and their fields, as clients of Zoho CRM ask for them before they read records."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.errors import FieldMissing, ModuleUnknown
from postroom.actions.organisation import list_modules
from postroom.actions.read_records import module_of
from postroom.core.fields import Field, fields_of
from postroom.core.model import Module as ModuleFound
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation
from postroom.http.crm import CrmResource, read_parameters
from postroom.http.resource import answer
from postroom.http.sent import Sent, Text

_MODULES, _FIELDS = "settings.modules", "settings.fields"
_JSON_TYPES = {"lookup": "jsonobject", "ownerlookup": "jsonobject"}


class FieldsQuery(Sent, frozen=True):
    """Whose fields are asked for."""

    module: Text | UnsetType = UNSET


class Modules(CrmResource):
    """The modules."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer all of them; those without mail have no records here."""
        self.enter(request, version, CrmOperation.READ, _MODULES)
        read_parameters(request, Sent)
        answer(response, {"modules": [_module(module) for module in list_modules(self.database)]})


class Module(CrmResource):
    """One module."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Answer it."""
        self.enter(request, version, CrmOperation.READ, _MODULES)
        read_parameters(request, Sent)
        key = module_key(module_api_name)
        found = [_module(module) for module in list_modules(self.database) if module.module_key == key]
        if not found:
            raise ModuleUnknown
        answer(response, {"modules": found})


class Fields(CrmResource):
    """The fields that every record of a module has."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer them; what else a record holds is kept and answered as it was given."""
        self.enter(request, version, CrmOperation.READ, _FIELDS)
        query = read_parameters(request, FieldsQuery)
        if query.module is UNSET:
            raise FieldMissing(param_name="module")
        module = module_of(self.database, query.module)
        ids = {each.api_name: str(each.id) for each in list_modules(self.database)}
        answer(response, {"fields": [_field(field, ids) for field in fields_of(module.module_key)]})


def _module(module: ModuleFound) -> dict[str, object]:
    label, has_records = module.api_name.replace("_", " "), bool(module.has_emails)
    return {
        "id": str(module.id),
        "api_name": module.api_name,
        "module_name": module.api_name,
        "plural_label": label,
        "singular_label": label.removesuffix("s"),
        "generated_type": "custom" if module.is_custom else "default",
        "api_supported": has_records,
        "creatable": has_records,
        "editable": has_records,
        "deletable": has_records,
        "viewable": has_records,
    }


def _field(field: Field, module_ids: dict[str, str]) -> dict[str, object]:
    links_to = field.links_to
    module = None if links_to is None else {"api_name": links_to, "id": module_ids[links_to]}
    return {
        "api_name": field.api_name,
        "field_label": field.label,
        "data_type": field.data_type,
        "json_type": _JSON_TYPES.get(field.data_type, "string"),
        "system_mandatory": field.is_mandatory,
        "read_only": field.is_read_only,
        "custom_field": False,
        "lookup": {} if module is None else {"module": module, "api_name": field.api_name},
        "pick_list_values": [],
    }
