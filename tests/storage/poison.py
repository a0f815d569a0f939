"""Mail that the database itself refuses to store, for as long as a test wants it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from postroom.storage.database import Database

POISON = "poison"
_REFUSING = {
    "postgresql": "ALTER TABLE copies ADD CONSTRAINT no_poison CHECK (subject <> 'poison')",
    "sqlite": "CREATE TRIGGER no_poison BEFORE INSERT ON copies WHEN NEW.subject = 'poison' "
    "BEGIN SELECT RAISE(ABORT, 'no poison here'); END",
}
_ACCEPTING = {"postgresql": "ALTER TABLE copies DROP CONSTRAINT no_poison", "sqlite": "DROP TRIGGER no_poison"}


@contextmanager
def refusing_poison(database: Database) -> Iterator[None]:
    """Let the database refuse messages with the subject `POISON` while the block runs."""
    with database.write() as connection:
        connection.execute(text(_REFUSING[database.dialect]))
    yield
    with database.write() as connection:
        connection.execute(text(_ACCEPTING[database.dialect]))
