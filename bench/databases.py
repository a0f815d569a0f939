"""The two databases to measure: built when first asked for, and kept in a folder for the next time."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from bench.loading import fill
from bench.organisation import VERSION, Size
from bench.postgres import Cluster, find_programs
from postroom.storage.database import Database, sqlite_url
from postroom.storage.migrations import newest_version

DIALECTS = ("sqlite", "postgresql")


@contextmanager
def prepared(dialect: str, size: Size, cache: Path, cores: Sequence[int]) -> Iterator[str]:
    """Give the URL of a filled database that answers until the block ends; PostgreSQL runs on `cores`."""
    folder = cache / f"bench-{VERSION}-{newest_version()}-{size.users}-{size.records}-{size.emails}"
    folder.mkdir(parents=True, exist_ok=True)
    if dialect == "sqlite":
        yield _sqlite(folder / "postroom.sqlite3", size)
        return
    with _postgresql(folder / "postgresql", size, cores) as url:
        yield url


@contextmanager
def empty_beside(url: str) -> Iterator[str]:
    """Give the URL of a database without tables, of the kind and on the server of another one, until the block ends."""
    if url.startswith("sqlite"):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield sqlite_url(Path(folder) / "postroom.sqlite3")
        return
    server = Database(url)
    with server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE beside TEMPLATE template0"))
        try:
            yield url.replace("/postgres?", "/beside?")
        finally:
            connection.execute(text("DROP DATABASE beside"))
    server.close()


def _sqlite(kept: Path, size: Size) -> str:
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            unfinished = Path(folder) / kept.name
            database = Database(sqlite_url(unfinished))
            fill(database, size)
            database.checkpoint()
            database.close()
            unfinished.rename(kept)
    return sqlite_url(kept)


@contextmanager
def _postgresql(kept: Path, size: Size, cores: Sequence[int]) -> Iterator[str]:
    programs = find_programs()
    if programs is None:
        raise SystemExit("PostgreSQL is missing")
    cluster = Cluster(programs, cores)
    try:
        if not kept.exists():
            _build(cluster, kept, size)
        else:
            cluster.take_from(kept)
        with cluster.running():
            yield cluster.url
    finally:
        cluster.remove()


def _build(cluster: Cluster, kept: Path, size: Size) -> None:
    cluster.create()
    with cluster.running():
        database = Database(cluster.url)
        fill(database, size)
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM"))
        database.close()
    cluster.keep_in(kept)
