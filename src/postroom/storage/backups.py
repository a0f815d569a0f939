"""A whole database as one SQLite file, whichever database it comes from or goes to."""

from collections.abc import Callable
from itertools import islice

from sqlalchemy import Connection, Select, Table, insert, select
from sqlalchemy.exc import DatabaseError

from postroom.storage.database import Database
from postroom.storage.ids import next_id, set_next_id
from postroom.storage.migrations import foreign_version, migrate, schema_version
from postroom.storage.schema import attached_files, dead_letters, metadata, outbox, raw_messages, uploaded_files

_BATCH_ROWS = 500
_BATCH_WHOLE = 10  # rows that hold a whole message or file each, of up to tens of MiB
_HOLD_WHOLE = {raw_messages, attached_files, dead_letters, outbox, uploaded_files}

Progress = Callable[[str, int], None]  # table, rows copied since last time


def copy_database(source: Connection, target: Connection, on_progress: Progress) -> int:
    """Copy every row of every table into a database with the same schema and no rows; give how many."""
    copied = sum(_copy_table(source, target, table, on_progress) for table in metadata.sorted_tables)
    set_next_id(target, next_id(source))
    return copied


def is_empty(connection: Connection) -> bool:
    """Say whether no table holds a row, or there are no tables yet."""
    if schema_version(connection) is None:
        return True
    return not any(
        connection.execute(select(1).select_from(table).limit(1)).first() for table in metadata.sorted_tables
    )


def upgrade_backup(backup: Database) -> bool:
    """Bring a backup file to the newest schema; False where it is damaged, or no backup of this or an older version."""
    try:
        with backup.write() as connection:
            if schema_version(connection) is None or foreign_version(connection) or not _is_whole(connection):
                return False
            migrate(connection)
    except DatabaseError:
        return False
    return True


def _is_whole(backup: Connection) -> bool:
    return bool(backup.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() == "ok")


def _copy_table(source: Connection, target: Connection, table: Table, on_progress: Progress) -> int:
    size = _BATCH_WHOLE if table in _HOLD_WHOLE else _BATCH_ROWS
    rows = source.execute(_in_order(table), execution_options={"yield_per": size}).mappings()
    copied = 0
    while batch := [dict(row) for row in islice(rows, size)]:
        target.execute(insert(table), batch)
        copied += len(batch)
        on_progress(table.name, len(batch))
    return copied


def _in_order(table: Table) -> Select[*tuple[object, ...]]:
    """Select a table's rows by key: roles, which refer to one another, come after their parents."""
    return select(table).order_by(*table.primary_key.columns)
