"""The organisation and its modules."""

from sqlalchemy import Connection, RowMapping, insert, select, update

from postroom.core.model import CrmAccess, Module, Permission
from postroom.core.modules import MODULES_WITH_EMAILS, MODULES_WITHOUT_EMAILS, module_key
from postroom.storage.ids import take_id, take_ids
from postroom.storage.schema import modules, organisation


def create_organisation(connection: Connection, name: str, time_zone: str) -> None:
    """Create the one organisation with the law's defaults, and Zoho's modules, none of them public."""
    settings = {"default_permission": Permission.USERS_CHOICE, "crm_access": CrmAccess.PUBLIC_READ_ONLY}
    connection.execute(insert(organisation).values(id=1, name=name, time_zone=time_zone, **settings))
    names = [(name, True) for name in MODULES_WITH_EMAILS] + [(name, False) for name in MODULES_WITHOUT_EMAILS]
    rows = [
        _module_row(module_id, name, has_emails=has_emails, is_custom=False)
        for module_id, (name, has_emails) in zip(take_ids(connection, len(names)), names, strict=True)
    ]
    connection.execute(insert(modules), rows)


def organisation_settings(connection: Connection) -> RowMapping | None:
    """Give the organisation's row, None before `create_organisation`."""
    return connection.execute(select(organisation)).mappings().one_or_none()


def set_default(connection: Connection, permission: str, audience_id: int | None) -> None:
    """Set the default permission and its audience."""
    values = {"default_permission": permission, "default_audience_id": audience_id}
    connection.execute(update(organisation).values(values))


def set_crm_access(connection: Connection, access: str) -> None:
    """Set the access type for mail sent from the CRM."""
    connection.execute(update(organisation).values(crm_access=access))


def add_custom_module(connection: Connection, api_name: str) -> Module:
    """Add a custom module; custom modules keep e-mails."""
    row = _module_row(take_id(connection), api_name, has_emails=True, is_custom=True)
    connection.execute(insert(modules).values(row))
    return Module(**row)  # type: ignore[arg-type] # the row's keys are the fields


def find_module(connection: Connection, api_name: str) -> Module | None:
    """Give the module of that name, in any case."""
    found = connection.execute(select(modules).where(modules.c.module_key == module_key(api_name))).mappings()
    return next((Module(**row) for row in found), None)


def list_modules(connection: Connection) -> list[Module]:
    """Give all modules: Zoho's first, then the custom ones in the order in which they were created."""
    rows = connection.execute(select(modules).order_by(modules.c.id)).mappings()
    return [Module(**row) for row in rows]


def set_module_public(connection: Connection, module_id: int, *, is_public: bool) -> None:
    """Open a module's records to every user, or close them."""
    connection.execute(update(modules).where(modules.c.id == module_id).values(is_public=is_public))


def _module_row(module_id: int, name: str, *, has_emails: bool, is_custom: bool) -> dict[str, object]:
    return {
        "id": module_id,
        "api_name": name,
        "module_key": module_key(name),
        "has_emails": has_emails,
        "is_custom": is_custom,
        "is_public": False,
    }
