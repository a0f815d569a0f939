"""Creating, changing, deleting and restoring records in the form of Zoho CRM, each for itself.

Whoever may change a record is the owner, a superior of the owner or an administrator.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction, each_for_itself
from postroom.actions.csv_layout import read_layout
from postroom.actions.errors import ActionError, FieldMissing, FieldRefused, InvalidInput, NotAllowed, RecordUnknown
from postroom.actions.lookups import get_module, parse_id, valid_address, valid_name
from postroom.actions.read_records import links_shown
from postroom.actions.record_values import as_fields, values_of
from postroom.core.fields import OWNER, Field, api_name_of, fields_of, folded, is_address
from postroom.core.model import Module, Record, User, UserStatus
from postroom.core.sharing import may_change_record
from postroom.storage import people, records
from postroom.storage.database import Database, lock_matching
from postroom.storage.ids import take_id
from postroom.storage.records import History, Stamp
from postroom.storage.visible_records import grounds_on

MOST_AT_ONCE = 100
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}", re.ASCII)
_DEEPEST = 5
_MOST_FIELDS = 500
_LONGEST_RECORD = 64 * 1024  # characters of all its fields
_NOBODY = 0
_DERIVED = frozenset({"Full_Name"})  # out of date once the names themselves are others
_EMPTY = Record(0, 0, 0, "", "{}", "", None, frozenset(), frozenset())

Given = Mapping[str, object]
Work = Callable[[Transaction], int]


class Written(NamedTuple):
    """What became of each record: its id, or why nothing did; and what answers say of those that were written."""

    results: list[int | ActionError]
    histories: Mapping[int, History]
    users: Mapping[int, User]


def create_records(database: Database, module: Module, given: Iterable[Given], *, by: Actor, now: int) -> Written:
    """Create records, the caller's unless they name another owner."""
    return _each(database, [_creating(module, one) for one in given], by, now)


def update_records(
    database: Database, module: Module, given: Iterable[tuple[int, Given]], *, by: Actor, now: int
) -> Written:
    """Change the fields that are given of each record; null empties one."""
    return _each(database, [_updating(module, record_id, one) for record_id, one in given], by, now)


def delete_records(database: Database, module: Module, ids: Iterable[int], *, by: Actor, now: int) -> Written:
    """Put records into the recycle bin."""
    return _each(database, [_deleting(module, record_id) for record_id in ids], by, now)


def restore_records(database: Database, ids: Iterable[int], *, by: Actor, now: int) -> Written:
    """Take records out of the recycle bin."""
    return _each(database, [_restoring(record_id) for record_id in ids], by, now)


def _each(database: Database, works: Sequence[Work], by: Actor, now: int) -> Written:
    with database.write() as connection:
        lock_matching(connection, exclusive=True)
        results = each_for_itself(Transaction(connection, by, now), works)
        ids = [result for result in results if isinstance(result, int)]
        return Written(results, records.histories_of(connection, ids), people.users_by_id(connection))


def write_owner_down(transaction: Transaction, module: Module, old: Record, new: Record) -> None:
    """Add an entry to the audit where a record changed hands: it bears on who sees it."""
    if old.owner_id == new.owner_id:
        return
    emails = people.emails_by_id(transaction.connection)
    subject, owners = f"{module.api_name}/{old.id}", (emails[old.owner_id], emails[new.owner_id])
    transaction.write_down("record owner", subject, *owners, owner_id=old.owner_id)


def _creating(module: Module, given: Given) -> Work:
    def create(transaction: Transaction) -> int:
        connection, by = transaction.connection, transaction.by
        accepted = _accepted(given, module.module_key, frozenset())
        record_id = take_id(connection)
        started = replace(_EMPTY, id=record_id, module_id=module.id, owner_id=by.user_id or _NOBODY)
        record = _changed(connection, by, module, replace(started, import_key=f"id:{record_id}"), accepted)
        records.save_records(connection, [record], [], Stamp(transaction.now, by.user_id))
        return record_id

    return create


def _updating(module: Module, record_id: int, given: Given) -> Work:
    def update(transaction: Transaction) -> int:
        connection, by = transaction.connection, transaction.by
        old = _writable(connection, by, module, record_id)
        known = frozenset(map(folded, values_of(old, module.module_key)))
        accepted = _accepted(given, module.module_key, known)
        shown = links_shown(connection, module, old, by=by)
        # A lookup that comes back as it was shown is no change, whatever else the record links to.
        accepted = {name: value for name, value in accepted.items() if name not in shown or shown[name] != value}
        new = _changed(connection, by, module, old, accepted)
        records.save_records(connection, [], [new], Stamp(transaction.now, by.user_id))
        write_owner_down(transaction, module, old, new)
        return record_id

    return update


def _deleting(module: Module, record_id: int) -> Work:
    def delete(transaction: Transaction) -> int:
        record = _writable(transaction.connection, transaction.by, module, record_id)
        records.set_deleted(transaction.connection, record.id, transaction.now, transaction.by.user_id)
        return record.id

    return delete


def _restoring(record_id: int) -> Work:
    def restore(transaction: Transaction) -> int:
        found = grounds_on(transaction.connection, transaction.by.user_id or _NOBODY, [record_id], in_bin=True)
        if not may_change_record(found.get(record_id, ())):
            raise RecordUnknown(record_id)
        records.set_deleted(transaction.connection, record_id, None)
        return record_id

    return restore


def _writable(connection: Connection, by: Actor, module: Module, record_id: int) -> Record:
    """Give a record of a module that the actor may change. Raises RecordUnknown, NotAllowed."""
    grounds = grounds_on(connection, by.user_id or _NOBODY, [record_id]).get(record_id)
    record = records.records_by_id(connection, [record_id]).get(record_id)
    if grounds is None or record is None or record.module_id != module.id:
        raise RecordUnknown(record_id)
    if not may_change_record(grounds):
        raise NotAllowed("only the owner, a superior of the owner or an administrator may change the record")
    return record


def _accepted(given: Given, key: str, known: frozenset[str]) -> dict[str, object]:
    """Give what is given for the fields that can be written, by their API names. Raises FieldRefused.

    What Zoho keeps itself is passed over: clients send records back as they got them. `known` are the folded names
    of the fields that the record has already.
    """
    if len(given) > _MOST_FIELDS:
        raise FieldRefused(f"a record has at most {_MOST_FIELDS} fields", maximum_length=_MOST_FIELDS)
    fields, accepted, taken = {field.api_name: field for field in fields_of(key)}, dict[str, object](), set[str]()
    for name, value in given.items():
        api_name = api_name_of(name, key)
        field = fields.get(api_name)
        if name.startswith("$") or (field is not None and field.is_read_only):
            continue
        if api_name == "id" or not (_FIELD_NAME.fullmatch(api_name) or folded(api_name) in known):
            raise FieldRefused("no field can have this name", api_name=name[:100])
        if folded(api_name) in taken:
            raise FieldRefused("the field is given twice", api_name=name[:100])
        taken.add(folded(api_name))
        accepted[api_name] = _value(api_name, field, value)
    return accepted


def _value(api_name: str, field: Field | None, value: object) -> object:
    """Give a value that can be stored, or for a link the id that it names. Raises FieldRefused."""
    if field is not None and (field.data_type == "ownerlookup" or (field.data_type == "lookup" and value is not None)):
        return _id(api_name, field.data_type, value)  # a record always has an owner
    if value is None or value == "":
        return None
    if field is not None and not isinstance(value, str):
        raise FieldRefused("invalid data", api_name=api_name, expected_data_type=field.data_type)
    try:
        if isinstance(value, str) and is_address(folded(api_name)):
            valid_address(value, api_name)
            return value.strip()
        if field is not None:
            return valid_name(str(value), api_name)
    except InvalidInput as error:
        expected = "email" if field is None else field.data_type
        raise FieldRefused(str(error).partition(": ")[2], api_name=api_name, expected_data_type=expected) from error
    _check_plain(api_name, value, _DEEPEST)
    return value


def _id(api_name: str, data_type: str, value: object) -> int:
    named = value.get("id") if isinstance(value, Mapping) else value
    found = parse_id(str(named)) if isinstance(named, int | str) and not isinstance(named, bool) else None
    if found is None:
        raise FieldRefused("invalid data", api_name=api_name, expected_data_type=data_type)
    return found


def _check_plain(api_name: str, value: object, deepest: int) -> None:
    """Refuse what neither database can keep, or no client reads."""
    if not deepest:
        raise FieldRefused(f"a value is at most {_DEEPEST} deep", api_name=api_name)
    if isinstance(value, str) and "\x00" in value:
        raise FieldRefused("contains a NUL", api_name=api_name)
    parts = (*value.keys(), *value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for part in parts:
        _check_plain(api_name, part, deepest - 1)


def _changed(connection: Connection, by: Actor, module: Module, old: Record, accepted: Mapping[str, object]) -> Record:
    """Give a record with what was accepted for it. Raises FieldRefused."""
    values, fields = values_of(old, module.module_key), fields_of(module.module_key)
    if accepted.get("First_Name") or accepted.get("Last_Name"):
        values = {name: value for name, value in values.items() if name not in _DERIVED}
    stored = {folded(name): name for name in values}
    needed = {
        field.api_name for field in fields if field.is_mandatory and (old.name == "" or values.get(field.api_name))
    }
    for name, value in accepted.items():
        values[stored.get(folded(name), name)] = value
    for field in fields:
        if field.links_to is not None and accepted.get(field.api_name) is not None:
            values[field.api_name] = {"id": str(accepted[field.api_name])}
        if field.api_name in needed and not values.get(field.api_name):
            raise FieldMissing(api_name=field.api_name)
    owner_id = _owner_id(connection, old, accepted)
    linked_ids = _linked_ids(connection, by, old, fields, accepted)
    values.pop(OWNER, None)
    values = {name: value for name, value in values.items() if value is not None}
    return replace(_described(old, module, values), owner_id=owner_id, linked_ids=linked_ids)


def _described(old: Record, module: Module, values: dict[str, object]) -> Record:
    """Give a record with these values, with the name and the addresses that they give it, as in files."""
    fields = as_fields(values)
    if len(fields) > _LONGEST_RECORD:
        raise FieldRefused(f"a record has at most {_LONGEST_RECORD} characters", maximum_length=_LONGEST_RECORD)
    if not values:
        return replace(old, fields=fields, addresses=frozenset())
    layout = read_layout(list(values), module.module_key)
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    addresses = frozenset(valid_address(texts[name], name) for name in layout.addresses if name in texts)
    return replace(old, name=layout.name_of(texts) or old.name, fields=fields, addresses=addresses)


def _owner_id(connection: Connection, old: Record, accepted: Mapping[str, object]) -> int:
    owner_id = accepted.get(OWNER)
    if owner_id is None or owner_id == old.owner_id:
        return old.owner_id
    owner = people.user_by_id(connection, int(str(owner_id)))
    if owner is None or owner.status != UserStatus.ACTIVE:
        raise FieldRefused("the id given is not that of an active user", api_name=OWNER)
    return owner.id


def _linked_ids(
    connection: Connection, by: Actor, old: Record, fields: Iterable[Field], accepted: Mapping[str, object]
) -> frozenset[int]:
    """Give the links with what was accepted: an emptied one stays where the caller cannot see to what it leads."""
    linked = records.records_by_id(connection, old.linked_ids)
    kept = set(old.linked_ids)
    for field in fields:
        if field.links_to is None or field.api_name not in accepted:
            continue
        target, module_id = accepted[field.api_name], get_module(connection, field.links_to).id
        of_field = {each for each, record in linked.items() if record.module_id == module_id}
        if target is None:
            kept -= grounds_on(connection, by.user_id or _NOBODY, of_field).keys()
            continue
        kept -= of_field
        kept.add(_target(connection, by, field, module_id, int(str(target))))
    return frozenset(kept)


def _target(connection: Connection, by: Actor, field: Field, module_id: int, record_id: int) -> int:
    record = records.records_by_id(connection, [record_id]).get(record_id)
    seen = grounds_on(connection, by.user_id or _NOBODY, [record_id])
    if record is None or not seen or record.module_id != module_id:
        raise FieldRefused("the id given seems to be invalid", api_name=field.api_name)
    return record_id
