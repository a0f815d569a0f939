"""Databases that tests take one after the other; one of PostgreSQL is made anew only where a schema was changed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

_SECONDS = 10
_CATALOGUES = ("pg_attribute", "pg_class", "pg_constraint", "pg_index", "pg_namespace", "pg_proc", "pg_trigger")
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
_SEQUENCES = "SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
# Whoever is left over from the test before: its transactions end here.
_END_SESSIONS = f"""
    SELECT pg_terminate_backend(pid, {_SECONDS * 1000}) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class RecycledFiles:
    """SQLite files: copies of a template, each time in the same places."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder, self._template = folder, template
        self._free: list[Path] = []
        self._numbers = count(1)

    @contextmanager
    def taken(self) -> Iterator[Path]:
        """Give a file that nobody else has meanwhile."""
        path = self._free.pop() if self._free else self._folder / str(next(self._numbers)) / "postroom.sqlite3"
        path.parent.mkdir()
        shutil.copyfile(self._template, path)
        yield path
        shutil.rmtree(path.parent)  # with what SQLite keeps beside it
        self._free.append(path)


class RecycledDatabases:
    """Databases of one server that hold what its template does, each time they are taken."""

    def __init__(self, server: str, template: str) -> None:
        """Take the URL of a server, in which `{}` stands for a database's name, and the name of the template."""
        self._server, self._template = server, template
        self._free: list[str] = []
        self._numbers = count(1)
        self._kept: dict[str, psycopg.Connection[Any]] = {}
        with psycopg.connect(server.format(template), autocommit=True) as connection:
            self._schema = _schema(connection)
            self._content = _Content(connection)

    @contextmanager
    def taken(self) -> Iterator[str]:
        """Give the name of a database that nobody else has meanwhile."""
        name = self._free.pop() if self._free else self._made()
        yield name
        connection = self._connection(name)
        connection.execute(_END_SESSIONS)
        if _schema(connection) == self._schema:
            self._content.restore(connection)
            self._free.append(name)
        else:
            self._kept.pop(name).close()
            self._run("DROP DATABASE {}", name)

    def close(self) -> None:
        """Close what is kept."""
        for connection in self._kept.values():
            connection.close()

    def _connection(self, name: str) -> psycopg.Connection[Any]:
        """Give the connection that is kept, as it knows the tables already; a test may have ended it."""
        with suppress(KeyError, psycopg.OperationalError):
            self._kept[name].execute("SELECT 1")
            return self._kept[name]
        self._kept[name] = psycopg.connect(self._server.format(name), autocommit=True)
        return self._kept[name]

    def _made(self) -> str:
        name = f"recycled_{next(self._numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self._template)
        return name

    def _run(self, command: str, *names: str) -> None:
        with psycopg.connect(self._server.format("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(command).format(*map(sql.Identifier, names)))


class _Content:
    """What a database held when it was new."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._tables = [name for (name,) in connection.execute(_TABLES)]
        self._rows = {name: rows for name in self._tables if (rows := _copied(connection, name))}
        self._sequences = {
            name: connection.execute(_of("SELECT last_value, is_called FROM {}", name)).fetchone()
            for (name,) in connection.execute(_SEQUENCES)
        }
        holds = [_of("CASE WHEN EXISTS (SELECT FROM {}) THEN {} END", name, text=name) for name in self._tables]
        self._filled = sql.SQL("SELECT {}").format(sql.SQL(", ").join(holds))

    def restore(self, connection: psycopg.Connection[Any]) -> None:
        """Put it back, whatever triggers and foreign keys say."""
        connection.execute("SET session_replication_role = replica")
        with connection.transaction():
            filled = connection.execute(self._filled).fetchone() or ()
            for name in filter(None, filled):
                connection.execute(_of("DELETE FROM {}", name))
            for name, rows in self._rows.items():
                with connection.cursor().copy(_of("COPY {} FROM STDIN", name)) as copy:
                    copy.write(rows)
            for name, state in self._sequences.items():
                connection.execute("SELECT setval(%s, %s, %s)", (name, *(state or ())))


def _schema(connection: psycopg.Connection[Any]) -> list[Any]:
    """Give what is another one as soon as anything in a schema is: how many rows say it, and who wrote the last."""
    parts = (f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {name})" for name in _CATALOGUES)
    return list(connection.execute(f"SELECT {', '.join(parts)}").fetchone() or ())


def _copied(connection: psycopg.Connection[Any], name: str) -> bytes:
    with connection.cursor().copy(_of("COPY {} TO STDOUT", name)) as copy:
        return b"".join(bytes(block) for block in copy)


def _of(command: str, name: str, *, text: str | None = None) -> sql.Composed:
    named = [sql.Identifier(name)] + ([] if text is None else [sql.Literal(text)])
    return sql.SQL(command).format(*named)
