"""Fills a database with an organisation, in one transaction and in bulk."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rich.progress import Progress
from sqlalchemy import Connection, Table, insert, text

from bench.organisation import Organisation, Row, Size
from postroom.actions.initialising import initialise
from postroom.storage.associations import associate_changed_records
from postroom.storage.database import Database
from postroom.storage.ids import take_ids
from postroom.storage.organisation import list_modules, set_module_public
from postroom.storage.schema import copies

_BATCH = 20_000  # rows of one table
_RECORDS_AT_ONCE = 10_000


def fill(database: Database, size: Size) -> None:
    """Create the organisation; associations and their counts are made by Postroom itself, as for any mail."""
    initialise(database, "Bench")
    with Progress() as progress, database.write() as connection:
        _prepare(connection)
        organisation = _organisation(connection, size)
        task = progress.add_task(f"{database.dialect}: e-mails", total=size.emails)
        insert_rows = _Inserter(connection)
        for rows in (organisation.rows_of_people(), organisation.rows_of_records()):
            insert_rows(rows)
        for table, count in insert_rows.counted(organisation.rows_of_mail()):
            progress.advance(task, count if table is copies else 0)
        connection.execute(text("ANALYZE"))
        with_mail = [item.record_id for item in organisation.items if item.emails]
        task = progress.add_task(f"{database.dialect}: associations", total=len(with_mail))
        for start in range(0, len(with_mail), _RECORDS_AT_ONCE):
            associate_changed_records(connection, with_mail[start : start + _RECORDS_AT_ONCE])
            progress.advance(task, _RECORDS_AT_ONCE)
        connection.execute(text("ANALYZE"))


def _prepare(connection: Connection) -> None:
    """Let rows come in any order of tables, and quickly: PostgreSQL does not look up each reference."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        connection.execute(text("PRAGMA cache_size = -500000"))
    else:
        connection.execute(text("SET LOCAL session_replication_role = replica"))


def _organisation(connection: Connection, size: Size) -> Organisation:
    modules = {module.api_name: module.id for module in list_modules(connection)}
    set_module_public(connection, modules["Contacts"], is_public=True)
    people = size.users + max(size.crowds)
    needed = size.roles + 2 * people + 6 * size.records + sum(size.crowds) + size.emails
    return Organisation(size, iter(take_ids(connection, needed)), modules)


class _Inserter:
    """Inserts rows of several tables, gathered into batches of one table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, rows: Iterable[Row]) -> None:
        for _ in self.counted(rows):
            pass

    def counted(self, rows: Iterable[Row]) -> Iterable[tuple[Table, int]]:
        """Insert rows; tell of each batch how many they were."""
        gathered: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        for table, row in rows:
            gathered[table].append(row)
            if len(gathered[table]) >= _BATCH:
                yield from self._flush(gathered)
        yield from self._flush(gathered)

    def _flush(self, gathered: dict[Table, list[dict[str, Any]]]) -> Iterable[tuple[Table, int]]:
        for table, rows in gathered.items():
            if rows:
                self._insert(table, rows)
                yield table, len(rows)
                rows.clear()

    def _insert(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if self._connection.dialect.name == "sqlite":
            self._connection.execute(insert(table), rows)
            return
        names = list(rows[0])
        driver: Any = self._connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([row[name] for name in names])
