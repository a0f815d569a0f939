"""Which copies belong to which records, and how many of each source a record has.

Nothing else writes these two tables: the counts of `record_mail` agree with `associations`, and with what
of it is withheld, by construction.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from postroom.core.model import AssociatedBy
from postroom.storage.database import in_portions, upsert
from postroom.storage.schema import (
    associations,
    copies,
    copy_participants,
    internal_domains,
    record_addresses,
    record_mail,
    set_aside,
)

_SOURCE = (associations.c.record_id, copies.c.user_id, copies.c.kind, associations.c.associated_by)
_BY_ADDRESS = literal(AssociatedBy.ADDRESS.value)
_OF_COPY = (copies.c.user_id, copies.c.kind, func.coalesce(copies.c.sent_at, 0), copies.c.email_key)
_COLUMNS = [*associations.c.keys()]


def associate_new_copies(connection: Connection, copy_ids: Collection[int]) -> None:
    """Associate copies that just came in with the records whose addresses they name."""
    _associate_by_address(connection, copy_participants.c.copy_id.in_(copy_ids))
    _count(connection, associations.c.copy_id.in_(copy_ids))


def associate_changed_records(connection: Connection, record_ids: Collection[int]) -> None:
    """Associate records whose addresses changed with the mail that is already there."""
    for table in (record_mail, associations):
        by_address = and_(table.c.record_id.in_(record_ids), table.c.associated_by == AssociatedBy.ADDRESS)
        connection.execute(delete(table).where(by_address))
    _associate_by_address(connection, record_addresses.c.record_id.in_(record_ids))
    _count(
        connection,
        and_(associations.c.record_id.in_(record_ids), associations.c.associated_by == AssociatedBy.ADDRESS),
    )


def reassociate(connection: Connection, copy_ids: Sequence[int]) -> None:
    """Associate copies by address anew, after what is internal mail has changed; by hand they stay where they are."""
    for some in in_portions(copy_ids):
        by_address = and_(associations.c.copy_id.in_(some), associations.c.associated_by == AssociatedBy.ADDRESS)
        _dissociate(connection, by_address)
        _associate_by_address(connection, copy_participants.c.copy_id.in_(some))
        _count(connection, by_address)


def names_outsider(connection: Connection) -> ColumnElement[bool]:
    """Select the copies that name anybody who is not at one of the organisation's own domains, or below it."""
    named = copy_participants.alias("named")
    outsiders = select(named.c.copy_id).where(named.c.copy_id == copies.c.id, _is_outside(connection, named))
    return outsiders.correlate(copies).exists()


def _is_outside(connection: Connection, participants: FromClause) -> ColumnElement[bool]:
    address, domain = participants.c.address, internal_domains.c.domain
    length = func.length(domain) + 1
    ending = func.substr(address, -length) if connection.dialect.name == "sqlite" else func.right(address, length)
    own = select(domain).where(ending.in_([literal("@") + domain, literal(".") + domain])).correlate(participants)
    return ~own.exists()


def associate_by_hand(connection: Connection, record_id: int, copy_ids: Collection[int]) -> int:
    """Associate copies with a record by hand, and none that is gone; give how many were not associated so before.

    The caller holds the mail of the copies' owner, as for all that takes copies from records.
    """
    filed = select(literal(record_id, BigInteger), copies.c.id, literal(AssociatedBy.HAND.value), *_OF_COPY)
    filed = filed.where(copies.c.id.in_(list(copy_ids)), copies.c.gone_at.is_(None)).order_by(copies.c.id)
    statement = upsert(connection, associations).from_select(_COLUMNS, filed).on_conflict_do_nothing()
    new = list(connection.execute(statement.returning(associations.c.copy_id)).scalars())
    by_hand = and_(associations.c.record_id == record_id, associations.c.associated_by == AssociatedBy.HAND)
    _count(connection, and_(by_hand, associations.c.copy_id.in_(new)))
    return len(new)


def dissociate_by_hand(connection: Connection, record_id: int, copy_ids: Collection[int]) -> int:
    """Take associations by hand back, and none by address; give how many there were.

    The caller holds the mail of the copies' owner: they are counted before they are taken back.
    """
    by_hand = and_(
        associations.c.record_id == record_id,
        associations.c.copy_id.in_(copy_ids),
        associations.c.associated_by == AssociatedBy.HAND,
    )
    return _dissociate(connection, by_hand)


def put_aside(connection: Connection, copy_ids: Collection[int]) -> None:
    """Take copies that are gone out of all records, and keep what was filed by hand, should they come back.

    The caller holds the mail of their owner.
    """
    of_copies = associations.c.copy_id.in_(copy_ids)
    by_hand = select(associations.c.record_id, associations.c.copy_id).where(
        of_copies, associations.c.associated_by == AssociatedBy.HAND
    )
    columns = ["record_id", "copy_id"]
    connection.execute(upsert(connection, set_aside).from_select(columns, by_hand).on_conflict_do_nothing())
    _dissociate(connection, of_copies)


def bring_back(connection: Connection, copy_ids: Collection[int]) -> None:
    """Associate copies that came back, and have no associations, by address and as they were filed by hand."""
    of_copies = set_aside.c.copy_id.in_(copy_ids)
    by_hand = select(set_aside.c.record_id, copies.c.id, literal(AssociatedBy.HAND.value), *_OF_COPY)
    by_hand = by_hand.join(copies, copies.c.id == set_aside.c.copy_id).where(of_copies)
    connection.execute(upsert(connection, associations).from_select(_COLUMNS, by_hand))
    connection.execute(delete(set_aside).where(of_copies))
    associate_new_copies(connection, copy_ids)


def _dissociate(connection: Connection, condition: ColumnElement[bool]) -> int:
    """Delete associations, and take them off the counts in the order of keys; give how many there were."""
    rows = [dict(row) for row in connection.execute(_counted(condition)).mappings()]
    connection.execute(delete(associations).where(condition))
    for row in rows:
        key = and_(*(column == row[column.name] for column in record_mail.primary_key.columns))
        left = {name: record_mail.c[name] - row[name] for name in ("copies", "shareable")}
        connection.execute(delete(record_mail).where(key, record_mail.c.copies == row["copies"]))
        connection.execute(update(record_mail).where(key).values(left))
    return sum(row["copies"] for row in rows)


def _associate_by_address(connection: Connection, condition: ColumnElement[bool]) -> None:
    matching = (
        select(record_addresses.c.record_id, copies.c.id, _BY_ADDRESS, *_OF_COPY)
        .join(copy_participants, copy_participants.c.address == record_addresses.c.address)
        .join(copies, copies.c.id == copy_participants.c.copy_id)
        # Whom the record's address names is mostly an outsider already: nobody else has to be looked for.
        .where(condition, copies.c.gone_at.is_(None))
        .where(or_(_is_outside(connection, copy_participants), names_outsider(connection)))
        .distinct()
    )
    connection.execute(upsert(connection, associations).from_select(_COLUMNS, matching))


def recount_shareable(connection: Connection, copy_ids: Collection[int], change: int) -> None:
    """Count copies that were released (`change` 1) or withheld (-1), in the order of keys, as above."""
    counted = (
        select(*_SOURCE, func.count().label("copies"))
        .join(copies, copies.c.id == associations.c.copy_id)
        .where(associations.c.copy_id.in_(copy_ids))
        .group_by(*_SOURCE)
        .order_by(*_SOURCE)
    )
    rows = [
        {f"of_{name}": value for name, value in row.items()} | {"change": change * row["copies"]}
        for row in connection.execute(counted).mappings()
    ]
    if rows:
        key = and_(*(column == bindparam(f"of_{column.name}") for column in record_mail.primary_key.columns))
        shareable = record_mail.c.shareable + bindparam("change")
        connection.execute(update(record_mail).where(key).values(shareable=shareable), rows)


def _counted(condition: ColumnElement[bool]) -> Select[Any]:
    """Count associations as `record_mail` has them."""
    shareable = func.sum(case((copies.c.withheld, 0), else_=1))
    return (
        select(*_SOURCE, func.count().label("copies"), shareable.label("shareable"))
        .join(copies, copies.c.id == associations.c.copy_id)
        .where(condition)
        .group_by(*_SOURCE)
        .order_by(*_SOURCE)
    )


def _count(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Add associations to the counts, in the order of keys so that two writers cannot block each other."""
    statement = upsert(connection, record_mail).from_select([*record_mail.c.keys()], _counted(condition))
    added = {name: record_mail.c[name] + statement.excluded[name] for name in ("copies", "shareable")}
    connection.execute(statement.on_conflict_do_update(index_elements=record_mail.primary_key, set_=added))
