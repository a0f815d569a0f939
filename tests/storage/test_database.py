"""Transactions: whole or not at all, each read on one state, and writers that wait for one another."""

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from postroom.actions import organisation
from postroom.actions.organisation import list_roles
from postroom.core.model import Role
from postroom.storage.compiled import CompiledStatement
from postroom.storage.database import Database, DatabaseUrlError, sqlite_url
from tests.storage.conftest import SECONDS, Background, at_once
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team

COUNT_ROLES = "SELECT count(*) FROM roles"
ROLE_COUNT = CompiledStatement(COUNT_ROLES, ())
TERMINATE_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
BACKEND = CompiledStatement("SELECT pg_backend_pid()", ())


class Interrupted(Exception):
    """Something went wrong in the middle."""


def add_role(database: Database, name: str) -> Role:
    return organisation.add_role(database, name, by=OPERATOR, now=NOW)


def names(database: Database) -> list[str]:
    return [role.name for role in list_roles(database)]


def rename_all(database: Database, name: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE organisation SET name = :name"), {"name": name})


class TestWriting:
    def test_what_fails_leaves_nothing_behind(self, team: Team) -> None:
        team.user("Alice")
        lead = team.record("Leads", "Alice", "lead@customer.example")
        before = contents(team.database)
        with suppress(Interrupted), team.database.write() as connection:
            connection.execute(text("UPDATE records SET name = 'changed'"))
            connection.execute(text("DELETE FROM record_addresses WHERE record_id = :id"), {"id": lead})
            raise Interrupted
        assert contents(team.database) == before

    def test_also_where_the_database_refused_it(self, database: Database) -> None:
        before = contents(database)
        with suppress(IntegrityError), database.write() as connection:
            connection.execute(text("UPDATE organisation SET name = 'changed'"))
            connection.execute(text("UPDATE organisation SET crm_access = 'everyone'"))
        assert contents(database) == before

    def test_an_error_does_not_say_what_was_to_be_stored(self, database: Database) -> None:
        """It is logged, and a hash or an address may have been among it."""
        statement = text("UPDATE organisation SET crm_access = :value")
        with pytest.raises(IntegrityError) as raised, database.write() as connection:
            connection.execute(statement, {"value": "a secret"})
        assert "a secret" not in str(raised.value).replace(str(raised.value.orig), "")

    def test_what_succeeds_is_there_for_everyone(self, database: Database) -> None:
        other = Database(database.engine.url.render_as_string(hide_password=False))
        add_role(database, "Sales")
        assert names(other) == ["Sales"]
        assert other.fetch_all(ROLE_COUNT, {}) == [(1,)]
        other.close()

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_a_connection_that_was_lost_is_replaced(self, database: Database) -> None:
        add_role(database, "Sales")
        url = database.engine.url.render_as_string(hide_password=False)
        with closing(Database(url)) as another, another.write() as other:
            other.execute(text(TERMINATE_OTHERS))
        assert names(database) == ["Sales"]
        add_role(database, "Support")
        assert names(database) == ["Sales", "Support"]

    def test_a_second_writer_waits_and_does_not_fail(self, database: Database, background: Background) -> None:
        with database.write() as connection:
            connection.execute(text("UPDATE organisation SET name = 'first'"))
            second = background.start(lambda: rename_all(database, "second"))
            assert not second.done()
        second.result()
        assert contents(database)["organisation"][0][1] == "second"

    def test_many_writers_lose_nothing(self, database: Database) -> None:
        at_once(*[_add_to_name(database, letter) for letter in "abcdefgh"])
        name = contents(database)["organisation"][0][1]
        assert sorted(str(name).removeprefix("My organisation")) == sorted("abcdefgh" * 5)


def _add_to_name(database: Database, letter: str) -> Callable[[], None]:
    def run() -> None:
        for _ in range(5):
            with database.write() as connection:
                connection.execute(text("UPDATE organisation SET name = name || :letter"), {"letter": letter})

    return run


class TestReading:
    def test_one_block_sees_one_state(self, database: Database) -> None:
        with database.read() as connection:
            assert connection.execute(text(COUNT_ROLES)).scalar() == 0
            at_once(lambda: add_role(database, "Sales"))
            assert connection.execute(text(COUNT_ROLES)).scalar() == 0
        with database.read() as connection:
            assert connection.execute(text(COUNT_ROLES)).scalar() == 1

    def test_it_waits_for_no_writer_and_sees_nothing_unfinished(
        self, database: Database, background: Background
    ) -> None:
        with suppress(Interrupted), database.write() as connection:
            connection.execute(text("UPDATE organisation SET name = 'unfinished'"))
            reading = background.start(lambda: contents(database)["organisation"][0][1])
            assert reading.result(SECONDS) == "My organisation"
            raise Interrupted


class TestFetching:
    """Answers are read with statements that were compiled beforehand, on a connection for each thread."""

    def test_each_statement_sees_what_was_committed_before(self, database: Database) -> None:
        for count in range(3):
            assert database.fetch_all(ROLE_COUNT, {}) == [(count,)]
            add_role(database, f"Role {count}")

    def test_it_cannot_change_anything(self, database: Database) -> None:
        before = contents(database)
        with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
            database.fetch_all(CompiledStatement("UPDATE organisation SET name = 'changed'", ()), {})
        assert contents(database) == before

    def test_threads_do_not_share_a_connection(self, database: Database) -> None:
        connections = at_once(*[lambda: _connection_of_thread(database)] * 3)
        assert len({id(connection) for connection in connections}) == 3
        assert _connection_of_thread(database) is _connection_of_thread(database)
        for connection in connections:
            connection.close()

    @pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
    def test_a_connection_that_was_lost_is_replaced(self, database: Database) -> None:
        for _ in range(3):
            (pid,) = database.fetch_all(BACKEND, {})
            with database.write() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid[0]})
            assert database.fetch_all(BACKEND, {}) != [pid]

    def test_what_is_no_statement_fails_and_the_next_one_does_not(self, database: Database) -> None:
        with pytest.raises(database.engine.dialect.loaded_dbapi.Error):
            database.fetch_all(CompiledStatement("SELECT nonsense", ()), {})
        assert database.fetch_all(ROLE_COUNT, {}) == [(0,)]


def _connection_of_thread(database: Database) -> object:
    database.fetch_all(ROLE_COUNT, {})
    return database._hot_connection()


class TestOneFile:
    def test_after_a_checkpoint_the_file_is_whole_by_itself(self, tmp_path: Path, sqlite_template: Path) -> None:
        file = tmp_path / "whole.sqlite3"
        file.write_bytes(sqlite_template.read_bytes())
        database = Database(sqlite_url(file))
        add_role(database, "Sales")
        database.checkpoint()
        (tmp_path / "copy.sqlite3").write_bytes(file.read_bytes())
        database.close()
        copy = Database(sqlite_url(tmp_path / "copy.sqlite3"))
        assert names(copy) == ["Sales"]
        copy.close()

    def test_many_can_open_it_at_once(self, tmp_path: Path, sqlite_template: Path) -> None:
        (tmp_path / "copied.sqlite3").write_bytes(sqlite_template.read_bytes())

        def open_and_write() -> str:
            database = Database(sqlite_url(tmp_path / "copied.sqlite3"))
            name = add_role(database, f"Role of {threading.get_ident()}").name
            database.close()
            return name

        added = at_once(*[open_and_write] * 8)
        database = Database(sqlite_url(tmp_path / "copied.sqlite3"))
        assert sorted(names(database)) == sorted(added)
        database.close()


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "sqlite://",
            "sqlite:///:memory:",
            "mysql://user:secret@localhost/x",
            "postgresql+psycopg2://user:secret@localhost/x",
            "postgresql://user:secret@localhost:port/x",
        ],
    )
    def test_what_we_do_not_speak_to_is_refused_without_repeating_a_password(self, url: str) -> None:
        with pytest.raises(DatabaseUrlError, match="expected sqlite:///FILE or postgresql://USER@HOST/NAME") as refusal:
            Database(url)
        assert "secret" not in str(refusal.value)

    @pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
    def test_postgresql_has_several_names(self, scheme: str) -> None:
        assert Database(f"{scheme}://user@localhost/x").dialect == "postgresql"
