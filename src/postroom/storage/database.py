"""Opening SQLite or PostgreSQL, and what a transaction is on each."""

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, InvalidRequestError

from postroom.storage.compiled import CompiledStatement, HotConnection, Rows, open_hot_connection

BUSY_TIMEOUT_MS = 30_000  # a writer waits that long for another before it gives up
_DISK_FULL = (
    "the disk of the database is full: nothing of what was just to be stored is, and nothing is lost; make room, and"
    " let it be done again"
)
_IDS_AT_ONCE = 10_000  # far below what a statement takes: of SQLite 32,766 parameters, of PostgreSQL 65,535
_MATCHING_LOCK = 0x706F7374  # any number that nothing else locks on

IdT = TypeVar("IdT")


class DatabaseUrlError(ValueError):
    """The database URL is not one of a database that Postroom speaks to."""


class DiskFull(Exception):
    """The disk has no room for what was to be stored, and nothing of the transaction was."""


class Database:
    """One database. Connections are made when first needed; threads and processes each have their own."""

    def __init__(self, url: str) -> None:
        self.engine = _create_engine(url)
        self.dialect = self.engine.dialect.name
        self._local = threading.local()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Run a block in one transaction: committed at its end, rolled back if it raises.

        Raises DiskFull; SQLite itself ends the transaction then, and what follows finds none.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            if not _is_disk_full(error):
                raise
            raise DiskFull(_DISK_FULL) from error

    @contextmanager
    def attempt(self) -> Iterator[Connection]:
        """Run a block in one transaction on one unchanging snapshot, and take back whatever it changed."""
        engine = self.engine
        if self.dialect == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a block of reads on one unchanging snapshot of the database."""
        engine = self.engine.execution_options(read_only=True)
        if self.dialect == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with engine.begin() as connection:
            yield connection

    def fetch_all(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        """Run a statement compiled beforehand on this thread's own connection.

        A connection that broke is replaced once: the database may have been restarted.
        """
        try:
            return self._hot_connection().run(statement, parameters)
        except self.engine.dialect.loaded_dbapi.OperationalError:
            self._drop_hot_connection()
        return self._hot_connection().run(statement, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[HotConnection]:
        """Run a block of statements compiled beforehand on one unchanging snapshot of the database.

        A connection that broke before is replaced, as above.
        """
        connection = self._begun()
        try:
            yield connection
        except self.engine.dialect.loaded_dbapi.OperationalError:
            self._drop_hot_connection()
            raise
        except BaseException:
            connection.end()
            raise
        connection.end()

    def _begun(self) -> HotConnection:
        try:
            self._hot_connection().begin()
        except self.engine.dialect.loaded_dbapi.OperationalError:
            self._drop_hot_connection()
            self._hot_connection().begin()
        return self._hot_connection()

    @staticmethod
    def was_overtaken(error: Exception) -> bool:
        """Say whether a transaction failed because of another one at the same moment, and may be tried again."""
        overtaken = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
        return isinstance(error, IntegrityError) or isinstance(getattr(error, "orig", None), overtaken)

    @staticmethod
    def is_out_of_order(error: Exception) -> bool:
        """Say whether it is the database that failed, or how it was asked, and not what it was given to store."""
        about_values = isinstance(error, DataError | IntegrityError)
        too_large = isinstance(getattr(error, "orig", None), psycopg.errors.ProgramLimitExceeded)
        return isinstance(error, DBAPIError | InvalidRequestError) and not (about_values or too_large)

    def checkpoint(self) -> None:
        """Move everything from SQLite's write-ahead log into the one file, so that the file is whole by itself."""
        if self.dialect == "sqlite":
            connection = self.engine.raw_connection()
            connection.cursor().execute("PRAGMA journal_mode = DELETE")
            connection.close()

    def close(self) -> None:
        """Close this thread's connection and the pool."""
        self._drop_hot_connection()
        self.engine.dispose()

    def _hot_connection(self) -> HotConnection:
        connection: HotConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_hot_connection(self.engine, BUSY_TIMEOUT_MS)
        return connection

    def _drop_hot_connection(self) -> None:
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()


def _is_disk_full(error: BaseException | None) -> bool:
    """Say whether it began with a disk that is full: what is raised last may be about the transaction alone."""
    while error is not None:
        cause = getattr(error, "orig", None)
        is_full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        if is_full or isinstance(cause, psycopg.errors.DiskFull):
            return True
        error = error.__context__
    return False


def lock_matching(connection: Connection, *, exclusive: bool) -> None:
    """Keep new mail and changes that bear on each message from missing each other until the transaction ends.

    New mail locks shared; a change of records' addresses, or of what is withheld, exclusive. SQLite has one
    writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        function = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {function}(:key)"), {"key": _MATCHING_LOCK})


def in_portions(ids: Iterable[IdT]) -> Iterator[list[IdT]]:
    """Give ids, or whatever a statement names one by one, in portions that one statement takes."""
    remaining = iter(ids)
    while some := list(islice(remaining, _IDS_AT_ONCE)):
        yield some


def upsert(connection: Connection, table: Table) -> Any:  # noqa: ANN401 (two dialects' Insert with one set of methods)
    """Give an INSERT that can say ON CONFLICT, in the database's dialect."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def sqlite_url(path: Path) -> str:
    """Give the database URL of a SQLite file."""
    return f"sqlite:///{path}"


def _create_engine(text_url: str) -> Engine:
    try:
        url = make_url(text_url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise DatabaseUrlError(
            "the database URL is unreadable; expected sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        url = url.set(drivername="postgresql+psycopg")
        # Secrets are kept out of logs; and a connection is tried first, because the database may have been restarted.
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True)
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    if url.drivername == "sqlite" and url.database not in (None, "", ":memory:"):  # there, each connection has its own
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    raise DatabaseUrlError(
        f"{url.drivername!r} is no database of Postroom; expected sqlite:///FILE or postgresql://USER@HOST/NAME"
    )


def _prepare_postgresql(connection: DBAPIConnection, _record: object) -> None:
    connection.execute("SET jit = off")  # many joins over few rows: compiling them takes seconds, running them none
    connection.commit()


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so, below
    for pragma in ("journal_mode = WAL", "foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and then writes could not be repeated."""
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
