"""Records: their addresses, their links, who they are shared with."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, insert, select, update

from postroom.core.model import Grantee, Record
from postroom.storage.associations import associate_changed_records
from postroom.storage.database import in_portions
from postroom.storage.ids import take_id
from postroom.storage.schema import modules, record_addresses, record_links, record_shares, records


class Stamp(NamedTuple):
    """When records are changed (epoch seconds), and by which user; None is whoever has the command line."""

    at: int
    by: int | None = None


class History(NamedTuple):
    """When a record was made and changed (epoch seconds), and by which user."""

    created_at: int
    created_by: int | None
    modified_at: int
    modified_by: int | None


_CONTENT = [column for column in records.columns if column.name in Record.__slots__]
_HISTORY = [records.c[name] for name in History._fields]


def records_by_id(connection: Connection, ids: Collection[int]) -> dict[int, Record]:
    """Give the stored records of these ids, of any module."""
    found = (_find(connection, records.c.id.in_(some)) for some in in_portions(ids))
    return {record.id: record for some in found for record in some}


def records_by_import_key(connection: Connection, module_id: int, keys: Collection[str]) -> dict[str, Record]:
    """Give the stored records of a module that were imported under one of these keys."""
    condition = (records.c.module_id == module_id) & records.c.import_key.in_(keys)
    return {record.import_key: record for record in _find(connection, condition)}


def ids_by_name(connection: Connection, module_id: int, name: str) -> list[int]:
    """Give the ids of a module's records of that name; two are enough to know that it is not unique."""
    named = select(records.c.id).where(records.c.module_id == module_id, records.c.name == name)
    return list(connection.execute(named.limit(2)).scalars())


def ids_by_address(connection: Connection, module_id: int, address: str) -> list[int]:
    """Give the ids of a module's records that have that address; two are enough, as above."""
    addressed = (
        select(records.c.id)
        .join(record_addresses, record_addresses.c.record_id == records.c.id)
        .where(records.c.module_id == module_id, record_addresses.c.address == address)
    )
    return list(connection.execute(addressed.limit(2)).scalars())


def references_of(connection: Connection, ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Give the API name and the key of each record's module, in the order of the records' ids."""
    columns = (records.c.id, modules.c.api_name, modules.c.module_key)
    found = select(*columns).join(modules, modules.c.id == records.c.module_id).where(records.c.id.in_(ids))
    return {row.id: (row.api_name, row.module_key) for row in connection.execute(found.order_by(records.c.id))}


def histories_of(connection: Connection, ids: Collection[int]) -> dict[int, History]:
    """Give when and by whom records were made and changed."""
    found = connection.execute(select(records.c.id, *_HISTORY).where(records.c.id.in_(ids)))
    return {record_id: History(*history) for record_id, *history in found}


def deleted_by(connection: Connection, ids: Collection[int]) -> dict[int, int | None]:
    """Give who put records into the recycle bin."""
    found = connection.execute(select(records.c.id, records.c.deleted_by).where(records.c.id.in_(ids)))
    return {row.id: row.deleted_by for row in found}


def save_records(connection: Connection, new: Sequence[Record], changed: Sequence[Record], stamp: Stamp) -> None:
    """Insert and update records, and associate them with the mail that is already there.

    Whether a record is in the recycle bin stays as it is: somebody may put it there at this moment. The caller holds
    the exclusive matching lock since before it read what is stored.
    """
    modified = {"modified_at": stamp.at, "modified_by": stamp.by}
    created = {"created_at": stamp.at, "created_by": stamp.by}
    if new:
        connection.execute(insert(records), [_columns(record) | created | modified for record in new])
    for record in changed:
        values = {name: value for name, value in _columns(record).items() if name != "deleted_at"} | modified
        connection.execute(update(records).where(records.c.id == record.id).values(values))
    changed_ids = [record.id for record in changed]
    _delete(connection, record_addresses, changed_ids)
    _delete(connection, record_links, changed_ids)
    saved = (*new, *changed)
    _insert_pairs(connection, record_addresses, ((r.id, address) for r in saved for address in r.addresses))
    _insert_pairs(connection, record_links, ((r.id, linked_id) for r in saved for linked_id in r.linked_ids))
    associate_changed_records(connection, [record.id for record in saved])


def set_deleted(connection: Connection, record_id: int, deleted_at: int | None, deleted_by: int | None = None) -> None:
    """Put a record in the recycle bin, or take it out."""
    values = {"deleted_at": deleted_at, "deleted_by": deleted_by}
    connection.execute(update(records).where(records.c.id == record_id).values(values))


def find_share(connection: Connection, record_id: int, *, user_id: int | None, role_id: int | None) -> Grantee | None:
    """Give the share of a record with a user or a role."""
    columns = (record_shares.c.user_id, record_shares.c.role_id, record_shares.c.and_subordinates)
    row = connection.execute(select(*columns).where(_share(record_id, user_id, role_id))).first()
    return None if row is None else Grantee(row.user_id, row.role_id, bool(row.and_subordinates))


def share_record(connection: Connection, record_id: int, grantee: Grantee) -> None:
    """Share a record with a user or a role, in place of an earlier share with the same."""
    unshare_record(connection, record_id, user_id=grantee.user_id, role_id=grantee.role_id)
    row = {"id": take_id(connection), "record_id": record_id, **grantee._asdict()}
    connection.execute(insert(record_shares).values(row))


def shares_of(connection: Connection, record_id: int) -> list[Grantee]:
    """Give whom a record is shared with, in the order of the shares."""
    columns = (record_shares.c.user_id, record_shares.c.role_id, record_shares.c.and_subordinates)
    found = select(*columns).where(record_shares.c.record_id == record_id).order_by(record_shares.c.id)
    return [Grantee(row.user_id, row.role_id, bool(row.and_subordinates)) for row in connection.execute(found)]


def unshare_record(connection: Connection, record_id: int, *, user_id: int | None, role_id: int | None) -> bool:
    """Take back a share; say whether there was one."""
    return connection.execute(delete(record_shares).where(_share(record_id, user_id, role_id))).rowcount > 0


def _share(record_id: int, user_id: int | None, role_id: int | None) -> ColumnElement[bool]:
    share = record_shares.c
    return and_(
        share.record_id == record_id, share.user_id == user_id if user_id is not None else share.role_id == role_id
    )


def _find(connection: Connection, condition: ColumnElement[bool]) -> list[Record]:
    rows = connection.execute(select(*_CONTENT).where(condition)).mappings().all()
    ids = [row["id"] for row in rows]
    addresses, links = _pairs(connection, record_addresses, ids), _pairs(connection, record_links, ids)
    return [
        Record(
            **row,
            addresses=frozenset(addresses.get(row["id"], ())),
            linked_ids=frozenset(links.get(row["id"], ())),
        )
        for row in rows
    ]


def _pairs(connection: Connection, table: Table, ids: Collection[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for record_id, value in connection.execute(select(table).where(table.c.record_id.in_(ids))):
        found.setdefault(record_id, []).append(value)
    return found


def _insert_pairs(connection: Connection, table: Table, pairs: Iterable[tuple[int, int | str]]) -> None:
    names = table.c.keys()
    rows = [dict(zip(names, pair, strict=True)) for pair in pairs]
    if rows:
        connection.execute(insert(table), rows)


def _delete(connection: Connection, table: Table, record_ids: Collection[int]) -> None:
    if record_ids:
        connection.execute(delete(table).where(table.c.record_id.in_(record_ids)))


def _columns(record: Record) -> dict[str, object]:
    return {column.name: getattr(record, column.name) for column in _CONTENT}
