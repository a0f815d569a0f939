"""Records as one viewer sees them: filtered by the grounds of the law, page by page."""

from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, bindparam, select, tuple_

from postroom.core.listing import Place, Wanted
from postroom.core.model import UserStatus
from postroom.core.sharing import CHANGING, Ground
from postroom.storage.database import in_portions
from postroom.storage.fact_columns import (
    GROUNDS,
    VIEWER,
    VIEWER_ITSELF,
    VIEWER_ROLE,
    RecordSource,
    constant,
    holds_one_of,
    number,
    record_source,
)
from postroom.storage.schema import record_addresses


def grounds_on(
    connection: Connection, viewer_id: int, ids: Collection[int], *, in_bin: bool = False
) -> dict[int, tuple[Ground, ...]]:
    """Give the grounds on which an active user sees each of these records, if on any.

    With `in_bin` of those in the recycle bin: the grounds on which they would be seen outside it.
    """
    source, _, seen = _seen(in_bin=in_bin)
    some_of = (seen.where(source.record.c.id.in_(some)) for some in in_portions(ids))
    found = (connection.execute(each, {"viewer_id": viewer_id}) for each in some_of)
    return {row[0]: GROUNDS[row[1]] for some in found for row in some}


def list_visible(connection: Connection, viewer_id: int, wanted: Wanted, limit: int) -> list[Place]:
    """Give the places of the first records that are wanted, of those that an active user sees."""
    source, _, seen = _seen(in_bin=False)
    record = source.record.c
    key = (record[wanted.sorted_by], record.id)
    found = seen.with_only_columns(*key).where(*_conditions(source, wanted, key))
    order = [column.desc() if wanted.descending else column for column in key]
    page = found.order_by(*order).offset(wanted.skipped).limit(limit)
    return [Place(*row) for row in connection.execute(page, {"viewer_id": viewer_id})]


def list_bin(connection: Connection, viewer_id: int, *, skipped: int, limit: int) -> list[int]:
    """Give the ids of what is in the recycle bin and an active user may restore, the last one first."""
    source, grounds, seen = _seen(in_bin=True)
    order = (source.record.c.deleted_at.desc(), source.record.c.id.desc())
    page = seen.where(holds_one_of(grounds, CHANGING)).order_by(*order).offset(skipped).limit(limit)
    return list(connection.execute(page, {"viewer_id": viewer_id}).scalars())


class _Seen(NamedTuple):
    source: RecordSource
    grounds: ColumnElement[int]
    statement: Select[Any]


@cache
def _seen(*, in_bin: bool) -> _Seen:
    """Find the records that a user sees, and on which grounds; this much of the statement is built once."""
    source, viewer_id = record_source("listed"), bindparam("viewer_id", None, type_=BigInteger)
    record, deleted_at = source.record, source.record.c.deleted_at
    is_there = deleted_at.is_not(None) if in_bin else deleted_at.is_(None)
    tables = (
        record.join(source.module, source.module.c.id == record.c.module_id)
        .join(VIEWER, and_(VIEWER.c.id == viewer_id, VIEWER.c.status == constant(UserStatus.ACTIVE)))
        .outerjoin(VIEWER_ROLE, VIEWER_ROLE.c.id == VIEWER.c.role_id)
        .outerjoin(source.owner, source.owner.c.id == record.c.owner_id)
        .outerjoin(source.owner_role, source.owner_role.c.id == source.owner.c.role_id)
    )
    grounds = source.grounds(VIEWER_ITSELF)
    statement = select(record.c.id, grounds).select_from(tables).where(is_there, grounds > number(0))
    return _Seen(source, grounds, statement)


def _conditions(
    source: RecordSource, wanted: Wanted, key: tuple[ColumnElement[int], ColumnElement[int]]
) -> list[ColumnElement[bool]]:
    record = source.record.c
    conditions = [record.module_id == wanted.module_id]
    if wanted.ids is not None:
        conditions.append(record.id.in_(wanted.ids))
    if wanted.modified_after is not None:
        conditions.append(record.modified_at > wanted.modified_after)
    if wanted.address is not None:
        addressed = select(record_addresses.c.record_id).where(record_addresses.c.address == wanted.address)
        conditions.append(record.id.in_(addressed))
    if wanted.after is not None:
        place = tuple_(*key)
        conditions.append(place < wanted.after if wanted.descending else place > wanted.after)
    return conditions
