"""Waiting for news: an arrival is heard however it is said, and nothing that a server says does harm."""

import os
import select
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from postroom.core.model import Security
from postroom.mail import imap_idle
from postroom.mail.imap import Session, open_session
from postroom.mail.imap_idle import MOST_SAID, Idling
from postroom.mail.server import ConnectionFailed, Login, MailServerError, Server
from tests.mail.loopback import Loopback, loopback
from tests.servers.cyrus import Cyrus

CAPABLE = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n",
    b"EXAMINE": b"* 4 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n",
}
NO_NEWS = [b"* OK Still here\r\n", b"* 3 EXPUNGE\r\n", b"* 1 FETCH (FLAGS (\\Seen))\r\n", b"?\r\n"]
NO_ENDS = [b"+ what?\r\n", b"?\r\n", b"* (((\r\n", b"* 1 FETCH (((\r\n", b"hang up", b"NO never"]
Opened = Callable[[dict[bytes, bytes]], tuple[Loopback, Session]]


@contextmanager
def opened(answers: dict[bytes, bytes]) -> Iterator[tuple[Loopback, Session]]:
    with loopback(CAPABLE | answers) as server:
        where = Server("127.0.0.1", server.port, Security.NONE)
        with open_session(where, Login("alice", "secret"), timeout=5) as session:
            session.select("INBOX")
            yield server, session


@pytest.fixture
def connect() -> Iterator[Opened]:
    """Give a function that opens a session with a server that has such answers."""
    with ExitStack() as stack:
        yield lambda answers: stack.enter_context(opened(answers))


def say(server: Loopback, idling: Idling, words: bytes) -> bool:
    """Let the server say something; give what is made of it."""
    server.idle[0].request.sendall(words)
    return listen(idling)


def listen(idling: Idling) -> bool:
    """Wait until there is something to hear."""
    assert select.select([idling], [], [], 5)[0]
    return idling.hear()


@pytest.mark.parametrize(
    ("capability", "folder"),
    [(b"IDLE", "Inbox"), (b"IDLE X-GM-EXT-1", "[Gmail]/All Mail")],
    ids=["any server", "Gmail"],
)
def test_mail_comes_to_the_inbox_or_where_all_of_it_is(connect: Opened, capability: bytes, folder: str) -> None:
    listing = b'* LIST () "/" Old\r\n* LIST () "/" Inbox\r\n* LIST (\\All) "/" "[Gmail]/All Mail"\r\n'
    _, session = connect({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 " + capability + b"\r\n", b"LIST": listing})
    assert session.arrivals is None
    session.folders()
    assert (session.arrivals, session.can_idle) == (folder, True)


def test_the_system_finds_out_whether_the_other_side_is_there(connect: Opened) -> None:
    _, session = connect({})
    with socket.socket(fileno=os.dup(session.idle().fileno())) as same:
        assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


def test_a_server_that_looks_from_time_to_time_says_it_too(cyrus: Cyrus) -> None:
    address, mail = f"{uuid.uuid4().hex}@test.example", b"From: lead@customer.example\r\n\r\nHello\r\n"
    cyrus.append(address, "INBOX", mail)
    where = Server("127.0.0.1", cyrus.imap_port, Security.NONE)
    with open_session(where, Login(address, cyrus.password), timeout=10) as session:
        session.select("INBOX")
        idling = session.idle()
        cyrus.append(address, "INBOX", mail)
        assert any(listen(idling) for _ in range(5))
        idling.end()
        session.select("INBOX")
        assert session.uids() == [1, 2]


def test_an_arrival_is_heard_once(connect: Opened) -> None:
    server, session = connect({})
    idling = session.idle()
    assert not idling.hear()
    assert say(server, idling, b"* 5 EXISTS\r\n")
    assert not idling.hear()
    assert not say(server, idling, b"* OK Still here\r\n")
    assert say(server, idling, b"* 6 exists\r\n* 1 RECENT\r\n")


def test_it_may_come_in_pieces(connect: Opened) -> None:
    server, session = connect({})
    idling = session.idle()
    assert not say(server, idling, b"* OK Still here\r\n* 5 E")
    assert say(server, idling, b"XISTS\r\n")


def test_it_may_come_along_with_the_answer(connect: Opened) -> None:
    _, session = connect({b"IDLE": b"+ idling\r\n* 5 EXISTS\r\n"})
    assert session.idle().hear()


@pytest.mark.parametrize("words", NO_NEWS)
def test_all_else_is_no_news(connect: Opened, words: bytes) -> None:
    server, session = connect({})
    assert not say(server, session.idle(), words)


@pytest.mark.parametrize("noise", [b"* OK noise\r\n", b"* 5 EXISTS\r\n", b"x"])
def test_who_says_too_much_is_not_listened_to(connect: Opened, noise: bytes) -> None:
    server, session = connect({})
    idling = session.idle()
    for _ in range(3):
        say(server, idling, noise * (MOST_SAID // 4 // len(noise)))
    with pytest.raises(ConnectionFailed, match="says too much"):
        say(server, idling, noise * (MOST_SAID // len(noise)))


def test_who_hangs_up_is_not_waited_for(connect: Opened) -> None:
    server, session = connect({})
    idling = session.idle()
    server.idle[0].request.sendall(b"* BYE see you\r\n")
    server.idle[0].request.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ConnectionFailed, match="ended the connection"):
        listen(idling)


class TestEnd:
    def test_the_connection_is_for_commands_again_and_the_folder_is_closed(self, connect: Opened) -> None:
        server, session = connect({b"LIST": b'* LIST () "/" INBOX\r\n'})
        idling = session.idle()
        say(server, idling, b"* 5 EXISTS\r\n")
        server.idle[0].request.sendall(b"* 6 EXISTS\r\n")
        idling.end()
        assert [folder.name for folder in session.folders()] == ["INBOX"]
        assert [line.split()[-1] for line in server.lines[-3:-1]] == [b"DONE", b"CLOSE"]

    def test_a_folder_is_left_where_that_can_be_said(self, connect: Opened) -> None:
        server, session = connect({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE UNSELECT\r\n"})
        session.idle().end()
        assert server.lines[-1].split()[-1] == b"UNSELECT"

    @pytest.mark.parametrize("words", NO_ENDS)
    def test_a_server_that_does_not_end_it_is_left(self, connect: Opened, words: bytes) -> None:
        _, session = connect({b"DONE": words})
        idling = session.idle()
        with pytest.raises(MailServerError):
            idling.end()

    def test_nor_is_a_line_waited_for_that_has_no_end(self, connect: Opened) -> None:
        server, session = connect({})
        idling = session.idle()
        say(server, idling, b"* OK Still")
        with pytest.raises(ConnectionFailed, match="middle of a line"):
            idling.end()

    def test_silence_is_waited_for_no_longer_than_a_moment(
        self, connect: Opened, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(imap_idle, "ANSWER_SECONDS", 0.2)
        server, session = connect({b"IDLE": b""})
        with pytest.raises(ConnectionFailed):
            session.idle()
        assert server.idle
