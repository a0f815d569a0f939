"""`postroom serve` is a whole installation: its worker starts, is started again and ends with it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from postroom.core.model import SyncState
from tests.servers.postroom_server import Installation, PostroomServer
from tests.worker.reading import Accounts, wait_until

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def alice(accounts: Accounts) -> str:
    """Alice has an account with a message in it."""
    address = accounts.add("Alice")
    accounts.fill(address, 1)
    return address


@pytest.fixture
def server(alice: str, database_url: str, tmp_path: Path) -> Iterator[PostroomServer]:
    assert alice
    with Installation(tmp_path, database_url).serve(with_worker=True) as server:
        yield server


def workers_of(server: PostroomServer) -> list[int]:
    """Give the process ids of workers that a server started, which name it in their command line."""
    found = subprocess.run(
        ["pgrep", "-f", f"worker --beside {server.process.pid} "], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def test_one_command_reads_mailboxes_too_and_ends_its_worker(
    server: PostroomServer, accounts: Accounts, alice: str
) -> None:
    wait_until(lambda: accounts.stands(alice).state == SyncState.HEALTHY)
    assert accounts.stored() == 1
    assert len(workers_of(server)) == 1
    assert server.stop() == 0
    assert workers_of(server) == []
    assert b"the worker ended" not in server.log_file.read_bytes()


def test_a_worker_that_is_killed_is_started_again(server: PostroomServer, accounts: Accounts, alice: str) -> None:
    wait_until(lambda: workers_of(server))
    (first,) = workers_of(server)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: workers_of(server) not in ([], [first]))
    wait_until(lambda: accounts.stands(alice).state == SyncState.HEALTHY, seconds=90)
    (line,) = [line for line in server.log() if line["event"] == "the worker ended, and is started again"]
    assert line["exit_code"] == -signal.SIGKILL


def test_a_server_that_is_killed_takes_its_worker_along(server: PostroomServer) -> None:
    wait_until(lambda: workers_of(server))
    children = subprocess.run(
        ["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    server.process.kill()
    wait_until(lambda: not workers_of(server))
    for child in {int(each) for each in children} - set(workers_of(server)):
        os.kill(child, signal.SIGKILL)  # what answered requests
