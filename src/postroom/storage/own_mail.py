"""A user's own mail: e-mails and threads, as their owner names them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from postroom.core.model import OwnEmail
from postroom.storage.schema import associations, copies, record_mail, threads, withheld_emails


def read_own_emails(
    connection: Connection, user_id: int, limit: int, *, record_id: int | None = None, before: int | None = None
) -> list[OwnEmail]:
    """Give a user's newest e-mails, of all or on one record, or those before a place.

    One is withheld where every copy is: as long as one is not, others may see the e-mail.
    """
    withheld = func.min(case((copies.c.withheld, 1), else_=0)).label("withheld")
    first = select(func.min(copies.c.id).label("place"), withheld).where(_of(user_id, record_id))
    first = first.group_by(copies.c.email_key)
    if before is not None:
        first = first.having(func.min(copies.c.id) < before)
    places = first.order_by(func.min(copies.c.id).desc()).limit(limit).subquery()
    columns = [copies.c[name] for name in OwnEmail.__slots__ if name not in places.c]
    statement = select(places.c.place, *columns, places.c.withheld).join(copies, copies.c.id == places.c.place)
    rows = connection.execute(statement.order_by(places.c.place.desc())).mappings()
    return [OwnEmail(**(dict(row) | {"withheld": bool(row["withheld"])})) for row in rows]


def has_email(connection: Connection, user_id: int, email_key: bytes) -> bool:
    """Say whether a user has a copy of an e-mail."""
    found = select(copies.c.id).where(_of(user_id, None), copies.c.email_key == email_key)
    return connection.execute(found.limit(1)).first() is not None


def is_email_withheld(connection: Connection, user_id: int, email_key: bytes) -> bool:
    """Say whether a user withholds an e-mail by hand."""
    named = and_(withheld_emails.c.user_id == user_id, withheld_emails.c.email_key == email_key)
    return connection.execute(select(withheld_emails.c.user_id).where(named)).first() is not None


def is_thread_withheld(connection: Connection, user_id: int, thread_id: int) -> bool | None:
    """Say whether a user withholds a thread; None where the user has no such thread."""
    found = select(threads.c.withheld_at).where(threads.c.id == thread_id, threads.c.user_id == user_id)
    row = connection.execute(found).first()
    return None if row is None else row.withheld_at is not None


def copies_on(
    connection: Connection, user_id: int, email_key: bytes, record_ids: list[int]
) -> list[tuple[int, int, str]]:
    """Give id, record and kind of each copy of an e-mail that a user has on some records."""
    columns = (copies.c.id, associations.c.record_id, copies.c.kind)
    on_records = (
        associations.c.record_id.in_(record_ids),
        copies.c.user_id == user_id,
        copies.c.email_key == email_key,
    )
    statement = select(*columns).join(associations, associations.c.copy_id == copies.c.id).where(*on_records)
    return [(row.id, row.record_id, row.kind) for row in connection.execute(statement.distinct().order_by(*columns))]


def records_with_mail_of(connection: Connection, user_id: int, limit: int, *, after: int = 0) -> list[int]:
    """Give the ids of records on which a user's mail is, in order, after an id."""
    of_user = (record_mail.c.user_id == user_id, record_mail.c.record_id > after)
    found = select(record_mail.c.record_id).where(*of_user).distinct().order_by(record_mail.c.record_id).limit(limit)
    return list(connection.execute(found).scalars())


def records_of_copies(connection: Connection, copy_ids: Collection[int]) -> list[int]:
    """Give the ids of the records with which copies are associated, in order."""
    found = select(associations.c.record_id).where(associations.c.copy_id.in_(copy_ids)).distinct()
    return list(connection.execute(found.order_by(associations.c.record_id)).scalars())


def _of(user_id: int, record_id: int | None) -> ColumnElement[bool]:
    of_user = and_(copies.c.user_id == user_id, copies.c.gone_at.is_(None))
    if record_id is None:
        return of_user
    on_record = select(associations.c.copy_id).where(associations.c.record_id == record_id)
    return and_(of_user, copies.c.id.in_(on_record))
