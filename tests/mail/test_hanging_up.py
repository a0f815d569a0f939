"""A server that takes too long is hung up on, whoever else is being waited for, and by one thread for all."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from postroom.mail import server
from postroom.mail.server import hung_up_after


@pytest.fixture(autouse=True)
def looking_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LOOK_EVERY", 0.01)
    monkeypatch.setattr(server, "_WATCH", server._Watch())


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """Give a connection on which nothing is ever said."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    with ours, theirs:
        yield ours


def looking_threads() -> int:
    return len([each for each in threading.enumerate() if each.name.endswith("(_run)")])


def test_it_ends_when_the_time_is_over(connection: socket.socket) -> None:
    with hung_up_after(connection, 0.1):
        assert connection.recv(1) == b""


def test_it_does_not_end_before(connection: socket.socket) -> None:
    connection.settimeout(0.2)
    with hung_up_after(connection, 60), pytest.raises(TimeoutError):
        connection.recv(1)
    with hung_up_after(connection, 0.1):
        pass
    with pytest.raises(TimeoutError):  # the block is over, and with it the limit
        connection.recv(1)


def test_each_has_a_time_of_its_own_and_all_have_one_thread(connection: socket.socket) -> None:
    before = looking_threads()
    ours, theirs = socket.socketpair()
    with ours, theirs, hung_up_after(ours, 60), hung_up_after(connection, 0.1):
        assert looking_threads() == before + 1
        assert connection.recv(1) == b""
        theirs.sendall(b"!")
        assert ours.recv(1) == b"!"


def test_the_thread_ends_when_there_is_nothing_to_look_at_and_another_one_begins(connection: socket.socket) -> None:
    before = looking_threads()
    with hung_up_after(connection, 60):
        pass
    deadline = time.monotonic() + 10
    while looking_threads() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with hung_up_after(connection, 0.1):
        assert connection.recv(1) == b""
