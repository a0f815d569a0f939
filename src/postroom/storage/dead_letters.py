"""Messages that could not be stored: kept as they came, until they can be."""

import zlib
from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from postroom.core.model import DeadLetter
from postroom.storage.ids import take_id
from postroom.storage.mail import Source, rows_of
from postroom.storage.schema import dead_letters


class NewLetter(NamedTuple):
    """A message that could not be stored, as it came; see DeadLetter."""

    uid: str
    place: str
    truncated: bool
    record_id: int | None
    reason: str
    raw: bytes


_COLUMNS = [dead_letters.c[name] for name in DeadLetter.__slots__]


def keep_letter(connection: Connection, source: Source, new: NewLetter, now: int) -> None:
    """Keep a message as it came, at `now` (epoch seconds); one that is kept already keeps its id."""
    row = {"place": new.place, "truncated": new.truncated, "record_id": new.record_id, "reason": new.reason}
    row |= {"failed_at": now, "size": len(new.raw), "compressed": zlib.compress(new.raw)}
    kept = update(dead_letters).where(*rows_of(source, dead_letters), dead_letters.c.uid == new.uid)
    if connection.execute(kept.values(row)).rowcount == 0:
        origin = {name: getattr(source, name) for name in source.__slots__}
        connection.execute(insert(dead_letters).values({"id": take_id(connection), "uid": new.uid} | origin | row))


def forget_letters(connection: Connection, source: Source, uids: Collection[str]) -> None:
    """Forget letters of a source that are stored now."""
    connection.execute(delete(dead_letters).where(*rows_of(source, dead_letters), dead_letters.c.uid.in_(uids)))


def find_letter(connection: Connection, letter_id: int) -> DeadLetter | None:
    """Give a letter by id."""
    return next(iter(_find(connection, dead_letters.c.id == letter_id)), None)


def list_letters(connection: Connection, limit: int, *, user_id: int | None = None, after: int = 0) -> list[DeadLetter]:
    """Give the oldest letters that come after an id, of all users or of one."""
    of_user = true() if user_id is None else dead_letters.c.user_id == user_id
    return _find(connection, of_user & (dead_letters.c.id > after), limit)


def count_letters(connection: Connection) -> int:
    """Give the number of letters."""
    return connection.execute(select(func.count()).select_from(dead_letters)).scalar_one()


def raw_of(connection: Connection, letter_id: int) -> bytes:
    """Give a message as it came."""
    found = select(dead_letters.c.compressed).where(dead_letters.c.id == letter_id)
    return zlib.decompress(connection.execute(found).scalar_one())


def _find(connection: Connection, condition: ColumnElement[bool], limit: int | None = None) -> list[DeadLetter]:
    found = select(*_COLUMNS).where(condition).order_by(dead_letters.c.id).limit(limit)
    return [DeadLetter(**row) for row in connection.execute(found).mappings()]
