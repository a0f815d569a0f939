"""Records for one caller: what the caller may not see is not there, neither as a record nor as a link of one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import ModuleUnknown, ModuleWithoutEmails
from postroom.actions.record_values import is_named, values_of
from postroom.core.fields import fields_of
from postroom.core.listing import Place, Wanted
from postroom.core.model import Module, Record, User
from postroom.storage import organisation, people, records
from postroom.storage.database import Database
from postroom.storage.records import History
from postroom.storage.visible_records import grounds_on, list_bin, list_visible

_NOBODY = 0  # whom no record is visible to: whoever has the command line has other ways


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """A record as a caller sees it: its values by the API names of fields, and the records that its lookups name."""

    record: Record
    values: Mapping[str, object]
    links: Mapping[str, Record | None]
    history: History


class Shown(NamedTuple):
    """Some records of one module, the users whom they name, and the place of the last one if there are more."""

    records: list[ShownRecord]
    users: Mapping[int, User]
    next_after: Place | None


class Deleted(NamedTuple):
    """A record in the recycle bin."""

    record: Record
    module: Module
    deleted_by: int | None


def module_of(database: Database, api_name: str) -> Module:
    """Give a module that has records. Raises ModuleUnknown, ModuleWithoutEmails."""
    with database.read() as connection:
        return find_supported(connection, api_name)


def find_supported(connection: Connection, api_name: str) -> Module:
    """Give the same, within a transaction."""
    module = organisation.find_module(connection, api_name)
    if module is None:
        raise ModuleUnknown
    if not module.has_emails:
        raise ModuleWithoutEmails
    return module


def list_records(database: Database, module: Module, wanted: Wanted, limit: int, *, by: Actor) -> Shown:
    """Give the records of a module that are wanted and that the caller sees, `limit` at most."""
    with database.read() as connection:
        places = list_visible(connection, by.user_id or _NOBODY, wanted, limit + 1)
        shown = _shown(connection, module, [place.id for place in places[:limit]], by)
        return Shown(shown, people.users_by_id(connection), places[limit - 1] if len(places) > limit else None)


def read_record(database: Database, module: Module, record_id: int, *, by: Actor) -> Shown:
    """Give one record, or none where the caller sees none of that id in the module."""
    return list_records(database, module, Wanted(module.id, ids=frozenset({record_id})), 1, by=by)


def list_deleted(
    database: Database, *, by: Actor, skipped: int, limit: int
) -> tuple[list[Deleted], Mapping[int, User]]:
    """Give what is in the recycle bin of records that the caller may restore, and the users whom it names."""
    with database.read() as connection:
        ids = list_bin(connection, by.user_id or _NOBODY, skipped=skipped, limit=limit)
        stored, deleted_by = records.records_by_id(connection, ids), records.deleted_by(connection, ids)
        modules = {module.id: module for module in organisation.list_modules(connection)}
        deleted = [Deleted(stored[each], modules[stored[each].module_id], deleted_by[each]) for each in ids]
        return deleted, people.users_by_id(connection)


def links_shown(connection: Connection, module: Module, record: Record, *, by: Actor) -> dict[str, int | None]:
    """Give the id that each lookup of a record shows the caller."""
    modules = {found.id: found.api_name for found in organisation.list_modules(connection)}
    values, linked = values_of(record, module.module_key), _linked(connection, [record], by)
    links = _links(module, record, values, linked, modules)
    return {name: None if target is None else target.id for name, target in links.items()}


def _shown(connection: Connection, module: Module, ids: Sequence[int], by: Actor) -> list[ShownRecord]:
    stored, histories = records.records_by_id(connection, ids), records.histories_of(connection, ids)
    linked = _linked(connection, stored.values(), by)
    modules = {found.id: found.api_name for found in organisation.list_modules(connection)}
    return [_one(module, stored[each], linked, modules, histories[each]) for each in ids]


def _linked(connection: Connection, of: Collection[Record], by: Actor) -> dict[int, Record]:
    """Give the records that these link to, of those that the caller sees."""
    ids = frozenset[int]().union(*(record.linked_ids for record in of))
    return records.records_by_id(connection, grounds_on(connection, by.user_id or _NOBODY, ids))


def _one(
    module: Module, record: Record, linked: Mapping[int, Record], modules: Mapping[int, str], history: History
) -> ShownRecord:
    values = values_of(record, module.module_key)
    links = _links(module, record, values, linked, modules)
    return ShownRecord(record, {name: values[name] for name in values if name not in links}, links, history)


def _links(
    module: Module,
    record: Record,
    values: Mapping[str, object],
    linked: Mapping[int, Record],
    modules: Mapping[int, str],
) -> dict[str, Record | None]:
    links: dict[str, Record | None] = {}
    for field in fields_of(module.module_key):
        if field.links_to is not None:
            targets = [linked[each] for each in sorted(record.linked_ids) if each in linked]
            targets = [target for target in targets if modules[target.module_id] == field.links_to]
            links[field.api_name] = _named(targets, values.get(field.api_name))
    return links


def _named(targets: Sequence[Record], value: object) -> Record | None:
    """Give the record that the value names; where none is named so any more, the only one that is linked."""
    named = [target for target in targets if is_named(target, value)]
    return named[0] if named else targets[0] if len(targets) == 1 else None
