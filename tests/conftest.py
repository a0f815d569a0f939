"""Databases made by the migrations, and a team in one of them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from postroom.actions.initialising import initialise
from postroom.storage.database import Database, sqlite_url
from tests.servers.authorization import AuthorizationServer, running_authorization_server
from tests.servers.cyrus import Cyrus, has_cyrus, running_cyrus
from tests.servers.dovecot import Dovecot, running_dovecot
from tests.servers.exim import Exim, find_exim, running_exim
from tests.servers.postgres import find_postgres, running_postgres
from tests.servers.postroom_server import Installation
from tests.servers.recycled import RecycledDatabases, RecycledFiles
from tests.team import Team, let_audit_be_erased

# The same examples each time: a change is judged by what it does, and not by what it happens to meet.
# POSTROOM_MANY_EXAMPLES=1 draws many, and others each time.
settings.register_profile("the same", derandomize=True)
if os.environ.get("POSTROOM_MANY_EXAMPLES") != "1":
    settings.load_profile("the same")

_numbers = count(1)


def missing(what: str, how: str) -> None:
    """Fail where real servers are required, else skip and say what is missing."""
    if os.environ.get("REAL_SERVERS") == "required":
        pytest.fail(f"{what} is missing: {how}", pytrace=False)
    pytest.skip(f"{what} is missing: {how}")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the URL of a PostgreSQL server; `{}` in it stands for a database's name."""
    programs = find_postgres()
    if programs is None:
        missing("PostgreSQL", "run scripts/install-test-servers.sh as root")
    assert programs is not None
    with running_postgres(programs) as url:
        yield url


@pytest.fixture(scope="session")
def authorization_server() -> Iterator[AuthorizationServer]:
    """Give an authorization server that lets anybody into any mailbox, for the programs that users allow it."""
    with running_authorization_server() as server:
        yield server


@pytest.fixture(scope="session")
def dovecot(authorization_server: AuthorizationServer) -> Iterator[Dovecot]:
    """Give an IMAP server; tests take mailboxes that no other test knows."""
    with running_dovecot(f"{authorization_server.url}/introspect") as server:
        yield server


@pytest.fixture(scope="session")
def cyrus() -> Iterator[Cyrus]:
    """Give another IMAP server; tests take mailboxes that no other test knows."""
    if not has_cyrus():
        missing("Cyrus", "run scripts/install-test-servers.sh as root")
    with running_cyrus() as server:
        yield server


@pytest.fixture(scope="session")
def exim(dovecot: Dovecot) -> Iterator[Exim]:
    """Give an SMTP server that delivers to the IMAP server."""
    program = find_exim()
    if program is None:
        missing("Exim", "run scripts/install-test-servers.sh as root")
    assert program is not None
    with running_exim(program, dovecot) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an initialised SQLite file, for tests to copy."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    _initialise(sqlite_url(path))
    return path


@pytest.fixture(scope="session")
def postgres_databases(postgres_url: str) -> Iterator[RecycledDatabases]:
    """Give PostgreSQL databases that are initialised, for one test after the other."""
    _create_database(postgres_url, "template")
    _initialise(postgres_url.format("template"))
    databases = RecycledDatabases(postgres_url, "template")
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def sqlite_files(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> RecycledFiles:
    """Give SQLite files that are initialised, for one test after the other."""
    return RecycledFiles(tmp_path_factory.mktemp("sqlite"), sqlite_template)


@pytest.fixture(scope="session")
def opened_before() -> dict[str, Database]:
    """Keep databases by their URLs, with the statements that they have compiled; between tests they are closed."""
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the URL of a fresh, initialised database; the test runs once on each kind."""
    with _fresh_database(request, request.param) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """Give an installation before its first command; the test runs once on each kind of database."""
    if request.param == "sqlite":
        return Installation(tmp_path / "data")
    server, name = request.getfixturevalue("postgres_url"), f"test_{next(_numbers)}"
    _create_database(server, name)
    return Installation(tmp_path / "data", server.format(name))


@pytest.fixture
def database(request: pytest.FixtureRequest, database_url: str) -> Iterator[Database]:
    """Give a fresh, initialised database."""
    with _opened(request, database_url) as database:
        yield database


@pytest.fixture
def team(database: Database, tmp_path: Path) -> Team:
    """Give an organisation without anybody in it."""
    return Team(database, tmp_path)


@pytest.fixture(scope="class", params=["sqlite", "postgresql"])
def shared_team(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Give an organisation that the tests of a class share, or the examples of a property."""
    with _fresh_database(request, request.param) as url, _opened(request, url) as database:
        yield Team(database, tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="class", params=["sqlite", "postgresql"])
def erasable_team(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Give such an organisation whose database lets `wipe` empty it, for the examples of a property."""
    with _fresh_database(request, request.param) as url, _opened(request, url) as database:
        let_audit_be_erased(database)
        yield Team(database, tmp_path_factory.mktemp("erasable"))


@contextmanager
def _fresh_database(request: pytest.FixtureRequest, kind: str) -> Iterator[str]:
    if kind == "sqlite":
        with request.getfixturevalue("sqlite_files").taken() as path:
            yield sqlite_url(path)
        return
    server = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("postgres_databases").taken() as name:
        yield server.format(name)


@contextmanager
def _opened(request: pytest.FixtureRequest, url: str) -> Iterator[Database]:
    known: dict[str, Database] = request.getfixturevalue("opened_before")
    database = known.setdefault(url, Database(url))
    yield database
    database.close()


def _initialise(url: str) -> None:
    database = Database(url)
    initialise(database)
    database.checkpoint()
    database.close()


def _create_database(server: str, name: str) -> None:
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
