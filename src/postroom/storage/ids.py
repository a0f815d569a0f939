"""Ids of 19 digits, counted by the database: no two things of any kind share one."""

from sqlalchemy import BigInteger, Column, Connection, MetaData, Table, select, text, update

FIRST_ID = 8_000_000_000_000_000_001  # above every id that comes along from another CRM

# SQLite's counter. PostgreSQL has a sequence of the same name, which is not part of a transaction.
_ids = Table("ids", MetaData(), Column("next_id", BigInteger))


def take_ids(connection: Connection, count: int) -> list[int]:
    """Take `count` new ids, ascending."""
    if connection.dialect.name == "postgresql":
        block = text("SELECT nextval('ids') FROM generate_series(1, :count)")
        return sorted(connection.execute(block, {"count": count}).scalars())
    statement = update(_ids).values(next_id=_ids.c.next_id + count).returning(_ids.c.next_id)
    end: int = connection.execute(statement).scalar_one()
    return list(range(end - count, end))


def take_id(connection: Connection) -> int:
    """Take one new id."""
    return take_ids(connection, 1)[0]


def next_id(connection: Connection) -> int:
    """Give the id that will be taken next, for a backup."""
    if connection.dialect.name == "postgresql":
        upcoming = text("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM ids")
        return int(connection.execute(upcoming).scalar_one())
    return int(connection.execute(select(_ids.c.next_id)).scalar_one())


def set_next_id(connection: Connection, upcoming: int) -> None:
    """Go on counting where a restored database had stopped."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT setval('ids', :upcoming, false)"), {"upcoming": upcoming})
        return
    connection.execute(update(_ids).values(next_id=upcoming))
