"""A disk that is full, for as long as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from postroom.storage.database import Database


@contextmanager
def no_more_pages(database: Database, more: int = 0) -> Iterator[None]:
    """Let a SQLite file grow by so many pages and no further, as on a disk that is full."""
    with database.read() as connection:
        most = more + connection.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")

    database.engine.dispose()
    event.listen(database.engine, "connect", limit)
    yield
    event.remove(database.engine, "connect", limit)
    database.engine.dispose()
