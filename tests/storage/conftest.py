"""Databases before anything is in them, and things that happen at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier
from typing import TypeVar

import pytest

from postroom.core.model import Kind
from postroom.storage.database import Database, sqlite_url
from postroom.storage.mail import Source
from postroom.storage.mailboxes import find_mailbox
from tests.servers.postroom_server import Installation
from tests.team import email_of

LONG_ENOUGH_TO_SEE_THAT_IT_WAITS = 0.3  # seconds
SECONDS = 60
T = TypeVar("T")


@pytest.fixture
def empty_url(installation: Installation) -> str:
    """Give the URL of a database without even a schema; the test runs once on each kind."""
    installation.data_dir.mkdir()
    return installation.database_url or sqlite_url(installation.data_dir / "postroom.sqlite3")


@pytest.fixture
def empty_database(empty_url: str) -> Iterator[Database]:
    """Give a database without even a schema."""
    database = Database(empty_url)
    yield database
    database.close()


class Background:
    """Runs one action after the other in a thread of its own, beside the test."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def start(self, action: Callable[[], T]) -> "Future[T]":
        """Start an action; come back when it is done, or waits for something that the test holds."""
        future = self._pool.submit(action)
        wait([future], timeout=LONG_ENOUGH_TO_SEE_THAT_IT_WAITS)
        return future


@pytest.fixture
def background() -> Iterator[Background]:
    """Give a thread; what it waits for must be let go before the test ends."""
    with ThreadPoolExecutor(1) as pool:
        yield Background(pool)


def at_once(*actions: Callable[[], T]) -> list[T]:
    """Start all actions at the same moment, each in a thread; give their results, or raise what one raised."""
    start = Barrier(len(actions))

    def run(action: Callable[[], T]) -> T:
        start.wait(SECONDS)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(run, action) for action in actions]
        return [future.result(SECONDS) for future in futures]


def source_of(database: Database, name: str, folder: str = "INBOX", uidvalidity: int = 1) -> Source:
    """Give a folder of a user's mailbox."""
    with database.read() as connection:
        mailbox = find_mailbox(connection, email_of(name))
    assert mailbox is not None
    return Source(mailbox.user_id, Kind(mailbox.protocol), mailbox.id, folder, uidvalidity)
