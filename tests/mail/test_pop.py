"""What a POP3 server lists and gives, also one that does so in its own way."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from postroom.core.model import Security
from postroom.mail import pop
from postroom.mail.pop import PopMessage, PopSession, open_pop_session
from postroom.mail.server import ConnectionFailed, Login, Server, Throttled
from tests.mail.pop_loopback import PopLoopback, pop_loopback


@contextmanager
def session(answers: dict[bytes, bytes]) -> Iterator[tuple[PopSession, PopLoopback]]:
    with pop_loopback(answers) as server:
        here = Server("127.0.0.1", server.port, Security.NONE)
        with open_pop_session(here, Login("alice", "secret"), timeout=2) as opened:
            yield opened, server


def listing(*lines: str) -> bytes:
    return "\r\n".join(("+OK", *lines, ".")).encode()


def test_ids_that_are_repeated_say_which_of_how_many_they_are():
    answers = {b"LIST": listing("1 10", "2 20", "3 30"), b"UIDL": listing("1 same", "2 other", "3 same")}
    with session(answers) as (opened, _):
        assert opened.messages() == [
            PopMessage(1, "same 1/2", 10),
            PopMessage(2, "other", 20),
            PopMessage(3, "same 2/2", 30),
        ]


def test_lines_that_list_nothing_are_left_out():
    answers = {b"LIST": listing("1 10", "two 20", "3 x", "4 40"), b"UIDL": listing("1 a b", "nonsense", "3 c", "9 z")}
    with session(answers) as (opened, _):
        assert opened.messages() == [PopMessage(1, "a", 10), PopMessage(3, "c", 0)]


def test_a_message_that_is_refused_is_not_called_gone():
    with (
        session({b"RETR": b"-ERR no such message"}) as (opened, _),
        pytest.raises(ConnectionFailed, match=r"refused what it was asked for \(-ERR no such message\)"),
    ):
        opened.fetch(PopMessage(1, "a", 10))


@pytest.mark.parametrize("code", ["SYS/TEMP", "in-use", "LOGIN-DELAY"])
@pytest.mark.parametrize("command", [b"RETR", b"UIDL"])
def test_a_server_that_gives_nothing_for_the_moment_says_so(code: str, command: bytes):
    answers = {b"LIST": listing("1 10"), b"UIDL": listing("1 a"), command: f"-ERR [{code}] later".encode()}
    with session(answers) as (opened, _), pytest.raises(Throttled, match="gives no mail now"):
        opened.fetch(opened.messages()[0])


def test_a_message_that_does_not_end_is_not_read_for_ever(monkeypatch):
    monkeypatch.setattr(pop, "_LONGEST_ANSWER", 1000)
    with (
        session({b"RETR": b"+OK\r\n" + b"x" * 5000}) as (opened, _),
        pytest.raises(ConnectionFailed, match="does not end"),
    ):
        opened.fetch(PopMessage(1, "a", 10))


def test_only_numbers_go_into_commands_and_nothing_is_deleted():
    evil = "x\rDELE 1"
    answers = {b"LIST": listing("1 10"), b"UIDL": listing(f"1 {evil}"), b"RETR": listing("From: a", "", "b")}
    with session(answers) as (opened, server):
        (message,) = opened.messages()
        assert opened.fetch(message) == b"From: a\r\n\r\nb\r\n"
    sent = [line.split()[0] for line in server.lines]
    assert sent == [b"CAPA", b"USER", b"PASS", b"LIST", b"UIDL", b"RETR", b"QUIT"]
