"""Tests that take a PostgreSQL database one after the other do not meet."""

from pathlib import Path

import psycopg
import pytest

from postroom.storage.database import Database
from tests.servers.recycled import RecycledDatabases
from tests.storage.contents import contents
from tests.team import Team


def test_nothing_is_left_of_who_had_it_before(
    postgres_databases: RecycledDatabases, postgres_url: str, tmp_path: Path
) -> None:
    names, held = [], []
    for _ in range(2):
        with postgres_databases.taken() as name:
            names.append(name)
            database = Database(postgres_url.format(name))
            held.append(contents(database))
            team = Team(database, tmp_path)
            team.user("Alice")
            team.record("Leads", "Alice", "carol@customer.example")
            database.close()
    assert names[0] == names[1]
    assert held[0] == held[1]


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER audit_entries_append_only ON audit_entries",
        "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
        "ALTER TABLE copies ADD CHECK (id > 0)",
        "CREATE INDEX ON copies (subject)",
        "CREATE TABLE left_over (id int)",
    ],
)
def test_a_schema_that_was_changed_is_met_by_nobody(
    postgres_databases: RecycledDatabases, postgres_url: str, change: str
) -> None:
    with postgres_databases.taken() as name, psycopg.connect(postgres_url.format(name)) as connection:
        connection.execute(change)
    with postgres_databases.taken() as another:
        assert another != name


def test_whoever_forgot_to_leave_is_gone(postgres_databases: RecycledDatabases, postgres_url: str) -> None:
    with postgres_databases.taken() as name:
        forgotten = psycopg.connect(postgres_url.format(name))
        forgotten.execute("LOCK TABLE copies")
    with pytest.raises(psycopg.OperationalError):
        forgotten.execute("SELECT 1")
    forgotten.close()
