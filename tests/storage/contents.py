"""Everything that a database holds, to be compared."""

from sqlalchemy import select

from postroom.storage.database import Database
from postroom.storage.ids import next_id
from postroom.storage.schema import metadata


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Give every row of every table, and the id that is given next."""
    with database.read() as connection:
        rows = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in metadata.sorted_tables
        }
        return rows | {"next id": [(next_id(connection),)]}
