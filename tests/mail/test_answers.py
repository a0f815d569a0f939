"""No server holds us up for ever, at whatever point it keeps talking, or fills our memory."""

import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from postroom.core.model import Security
from postroom.mail import imap_connection, pop_connection, server
from postroom.mail.imap import Session, open_session
from postroom.mail.pop import open_pop_session
from postroom.mail.server import ConnectionFailed, Login, Server
from tests.mail.loopback import KEEP_SAYING, loopback
from tests.mail.pop_loopback import pop_loopback

ALICE = Login("alice", "secret")
MIB = 1024 * 1024
AGAIN = KEEP_SAYING + b"* OK still here\r\n"
OFFERED = b"* CAPABILITY IMAP4rev1 STARTTLS ENABLE CONDSTORE AUTH=PLAIN\r\n"
EMPTY = {b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n"}


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_LOOK_EVERY", 0.05)
    for module in (imap_connection, pop_connection):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
        monkeypatch.setattr(module, "_GOODBYE_SECONDS", 0.5)


def at(port: int, security: Security = Security.NONE) -> Server:
    return Server("127.0.0.1", port, security)


@pytest.mark.usefixtures("short_limits")
class TestTalkingForEver:
    @pytest.mark.parametrize(
        ("command", "said", "security"),
        [
            (b"greeting", KEEP_SAYING + b"*", Security.NONE),
            (b"CAPABILITY", AGAIN, Security.NONE),
            (b"STARTTLS", AGAIN, Security.STARTTLS),
            (b"AUTHENTICATE", AGAIN, Security.NONE),
            (b"ENABLE", AGAIN, Security.NONE),
        ],
    )
    def test_an_imap_server_is_hung_up_on(self, command: bytes, said: bytes, security: Security) -> None:
        with (
            loopback({b"CAPABILITY": OFFERED} | {command: said}) as imap,
            pytest.raises(ConnectionFailed),
            open_session(at(imap.port, security), ALICE, 5),
        ):
            pass
        assert not imap.was_heard_out

    def test_a_goodbye_that_does_not_end_is_cut_short(self) -> None:
        with loopback({b"LOGOUT": AGAIN}) as imap, open_session(at(imap.port), ALICE, 5):
            pass
        assert b"LOGOUT" in imap.lines[-1]
        assert not imap.was_heard_out

    @pytest.mark.parametrize(
        ("command", "said", "security"),
        [
            (b"CAPA", b"+OK\r\n", Security.NONE),
            (b"CAPA", b"+OK\r\n", Security.STARTTLS),
            (b"STLS", b"-", Security.STARTTLS),
            (b"USER", b"-", Security.NONE),
            (b"PASS", b"-", Security.NONE),
            (b"AUTH", b"-", Security.NONE),
        ],
    )
    def test_a_pop_server_is_hung_up_on(self, command: bytes, said: bytes, security: Security) -> None:
        capabilities = b"+OK\r\nSTLS\r\nSASL PLAIN\r\n." if command in (b"STLS", b"AUTH") else b"-ERR what?"
        with (
            pop_loopback({b"CAPA": capabilities} | {command: KEEP_SAYING + said}) as pop,
            pytest.raises(ConnectionFailed),
            open_pop_session(at(pop.port, security), ALICE, 5),
        ):
            pass
        assert not pop.was_heard_out

    def test_a_greeting_and_a_goodbye_of_a_pop_server(self) -> None:
        with (
            pop_loopback({}, greeting=KEEP_SAYING + b"-") as pop,
            pytest.raises(ConnectionFailed),
            open_pop_session(at(pop.port), ALICE, 5),
        ):
            pass
        assert not pop.was_heard_out
        with pop_loopback({b"QUIT": KEEP_SAYING + b"-"}) as pop, open_pop_session(at(pop.port), ALICE, 5):
            pass
        assert pop.lines[-1] == b"QUIT\r\n"
        assert not pop.was_heard_out


def test_capabilities_that_are_none_are_passed_over() -> None:
    for odd in (b"\r\n", "é\r\n".encode()):
        with pop_loopback({b"CAPA": b"+OK\r\nUSER\r\n" + odd + b"."}) as pop, open_pop_session(at(pop.port), ALICE, 5):
            pass
        assert pop.lines[1:3] == [b"USER alice\r\n", b"PASS secret\r\n"]


def message(uid: int, size: int) -> bytes:
    return b"* %d FETCH (UID %d FLAGS () BODY[] {%d}\r\n%s)\r\n" % (uid, uid, size, b"\x80\n" * (size // 2))


@pytest.fixture
def peak() -> Iterator[Callable[[], int]]:
    """Give how many bytes were in use at most since the test began to count."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


class TestMemory:
    def read(self, answers: dict[bytes, bytes], use: Callable[[Session], object]) -> None:
        with loopback(EMPTY | answers) as imap, open_session(at(imap.port), ALICE, 5) as session:
            session.select("INBOX")
            use(session)

    def test_a_message_takes_a_few_times_its_size(self, peak: Callable[[], int]) -> None:
        size = 8 * MIB
        answers = {b"UID FETCH 1 (BODY": message(1, size), b"UID FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n"}
        self.read(answers, lambda session: next(session.fetch([1])))
        assert peak() < 5 * size

    @pytest.mark.parametrize(
        "answer",
        [b"".join(message(1, MIB // 4) for _ in range(8)), b"* OK still here\r\n" * 100_000],
        ids=["messages", "lines"],
    )
    def test_an_answer_of_many_parts_has_a_limit_too(self, answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imap_connection, "_LONGEST_ANSWER", MIB)
        answers = {b"UID FETCH 1 (BODY": answer, b"UID FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE 1)\r\n"}
        with pytest.raises(ConnectionFailed):
            self.read(answers, lambda session: next(session.fetch([1])))

    def test_many_answers_that_are_short_enough_are_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(imap_connection, "_LONGEST_ANSWER", MIB)
        answers = {b"UID FETCH 1 (BODY": message(1, MIB // 2), b"UID FETCH": b"* 1 FETCH (UID 1 RFC822.SIZE 5)\r\n"}
        self.read(answers, lambda session: [next(session.fetch([1])) for _ in range(4)])

    def test_what_nobody_asked_for_is_not_kept(self, peak: Callable[[], int]) -> None:
        status = b'* STATUS "INBOX" (MESSAGES 1 UIDVALIDITY 1)\r\n' + b"* NOISE %s\r\n" % (b"x" * 1000) * 1000
        self.read({b"STATUS": status}, lambda session: [session.figures("INBOX") for _ in range(20)])
        assert peak() < 10 * MIB

    @pytest.mark.parametrize("command", [b"LIST", b"UIDL"])
    def test_a_list_of_messages_has_a_limit(self, command: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pop_connection, "_LONGEST_LIST", MIB)
        listed = {b"LIST": b"+OK\r\n1 5\r\n.", b"UIDL": b"+OK\r\n1 a\r\n."}

        def messages(answers: dict[bytes, bytes]) -> list[object]:
            with pop_loopback(answers) as pop, open_pop_session(at(pop.port), ALICE, 5) as session:
                return [*session.messages(), *session.messages()]

        assert len(messages(listed)) == 2
        with pytest.raises(ConnectionFailed, match="the answer does not end"):
            messages(listed | {command: b"+OK\r\n" + b"1 5\r\n" * 300_000 + b"."})
