"""Records: into the recycle bin, and out of it."""

from postroom.actions.lookups import get_record
from postroom.storage import records
from postroom.storage.database import Database


def delete_record(database: Database, reference: str, *, now: int) -> None:
    """Put a record in the recycle bin; its mail stays stored. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        _, record = get_record(connection, reference)
        records.set_deleted(connection, record.id, now)


def restore_record(database: Database, reference: str) -> None:
    """Take a record out of the recycle bin. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        _, record = get_record(connection, reference)
        records.set_deleted(connection, record.id, None)
