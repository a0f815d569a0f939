"""The hot path: statements compiled once, and run on a driver's connection of a thread's own."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format
from sqlalchemy import URL, Engine, Select
from sqlalchemy.dialects import sqlite

Rows = list[tuple[Any, ...]]

_CACHE_KIB = 16_000  # of SQLite's pages in each thread: room for users, roles and the upper pages of every tree


class CompiledStatement(NamedTuple):
    """A statement as a driver takes it, and the names of its parameters in the order of their places."""

    text: str
    places: tuple[str, ...]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Put parameters in order."""
        return [parameters[name] for name in self.places]


def compile_statement(dialect: str, statement: Select[Any]) -> CompiledStatement:
    """Compile a statement for `sqlite` or `postgresql`."""
    psycopg_dialect: Any = URL.create("postgresql+psycopg").get_dialect()
    compiler = (
        psycopg_dialect(paramstyle="numeric_dollar") if dialect == "postgresql" else sqlite.dialect(paramstyle="qmark")
    )
    compiled = statement.compile(dialect=compiler, compile_kwargs={"render_postcompile": True})
    return CompiledStatement(str(compiled), tuple(compiled.positiontup or ()))


class HotConnection(Protocol):
    """A connection that can only read."""

    def run(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        """Run a statement. Raises the driver's OperationalError where the connection is lost."""

    def begin(self) -> None:
        """Let what is run until `end` read one unchanging snapshot."""

    def end(self) -> None:
        """End what `begin` began."""

    def close(self) -> None:
        """Close the connection."""


def open_hot_connection(engine: Engine, busy_timeout_ms: int) -> HotConnection:
    """Open a connection to the database of an engine; on SQLite it waits that long for a lock."""
    arguments, options = engine.dialect.create_connect_args(engine.url)
    opened: Any = engine.dialect.connect(*arguments, **options)
    return (
        _SqliteConnection(opened, busy_timeout_ms) if engine.dialect.name == "sqlite" else _PostgresConnection(opened)
    )


class _SqliteConnection:
    def __init__(self, opened: Any, busy_timeout_ms: int) -> None:  # noqa: ANN401 (sqlite3's, in SQLAlchemy's words)
        self._connection = opened
        opened.isolation_level = None
        opened.execute(f"PRAGMA busy_timeout = {busy_timeout_ms}")
        opened.execute("PRAGMA query_only = ON")
        opened.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

    def run(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        rows: Rows = self._connection.execute(statement.text, statement.values(parameters)).fetchall()
        return rows

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def end(self) -> None:
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()


class _PostgresConnection:
    """Runs prepared statements through libpq itself: psycopg's cursors cost more than the sharing law."""

    def __init__(self, opened: "psycopg.Connection[Any]") -> None:
        self._connection = opened
        self._transformer = Transformer(opened)
        self._names: dict[str, bytes] = {}
        opened.autocommit = True
        # Point look-ups through many joins: the plan that is right for one caller is right for all, and
        # planning costs more than running it.
        opened.execute("SET default_transaction_read_only = on")
        opened.execute("SET plan_cache_mode = force_generic_plan")
        opened.execute("SET jit = off")
        for method in ("seqscan", "hashjoin", "mergejoin", "bitmapscan"):
            opened.execute(f"SET enable_{method} = off")

    def run(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        name = self._names.get(statement.text) or self._prepare(statement.text)
        values = statement.values(parameters)
        sent: Any = self._transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
        result = self._connection.pgconn.exec_prepared(name, sent, result_format=Format.BINARY)
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.get_error_message())
        self._transformer.set_pgresult(result)
        rows: Rows = self._transformer.load_rows(0, result.ntuples, tuple)
        return rows

    def begin(self) -> None:
        self._execute(b"BEGIN ISOLATION LEVEL REPEATABLE READ")

    def end(self) -> None:
        self._execute(b"COMMIT")  # which rolls back where a statement failed

    def close(self) -> None:
        self._connection.close()

    def _execute(self, command: bytes) -> None:
        result = self._connection.pgconn.exec_(command)
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())

    def _prepare(self, text: str) -> bytes:
        # Named by what it says: a connection that something between shares with others never runs another one.
        name = b"hot_" + hashlib.sha256(text.encode()).hexdigest()[:32].encode()
        result = self._connection.pgconn.prepare(name, text.encode())
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())
        self._names[text] = name
        return name
