"""Reads a POP3 mailbox (RFC 1939) and changes nothing in it: no message is ever deleted there.

Only numbers that we counted ourselves go into commands.
"""

import poplib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from postroom.mail.headers import MAX_HEADER_BYTES
from postroom.mail.parse import MAX_MESSAGE_BYTES
from postroom.mail.pop_connection import pop_connection, pop_errors
from postroom.mail.server import ANSWER_SECONDS, DEFAULT_TIMEOUT, ConnectionFailed, Login, Server, hung_up_after

_LONGEST_STATUS = 2048  # bytes
_AT_ONCE = 65536  # bytes
_LONGEST_ANSWER = MAX_MESSAGE_BYTES + 1024 * 1024


class PopMessage(NamedTuple):
    """A message as its server counts it in this session, and the id by which it is known in others."""

    number: int
    uid: str
    size: int


@contextmanager
def open_pop_session(server: Server, login: Login, timeout: float = DEFAULT_TIMEOUT) -> Iterator["PopSession"]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError."""
    with pop_connection(server, login, timeout) as client:
        yield PopSession(client, server)


class PopSession:
    """A logged-in connection to one mailbox. Made by open_pop_session()."""

    def __init__(self, client: poplib.POP3, server: Server) -> None:
        self._client = client
        self._server = server

    def messages(self) -> list[PopMessage]:
        """List all messages in the server's order, the oldest first as a rule (RFC 1939, section 7, UIDL).

        Ids ought to differ, and some servers repeat them: then each says which of how many it is.
        """
        with self._errors():
            sizes = dict(_pairs(self._client.list()[1]))
            uids = {number: uid for number, uid in _pairs(self._client.uidl()[1]) if number in sizes}
        total, seen = Counter(uids.values()), Counter[str]()
        found = []
        for number, uid in sorted(uids.items()):
            seen[uid] += 1
            name = uid if total[uid] == 1 else f"{uid} {seen[uid]}/{total[uid]}"  # no id has a blank
            found.append(PopMessage(number, name, int(sizes[number]) if sizes[number].isdigit() else 0))
        return found

    def fetch(self, message: PopMessage) -> bytes:
        """Give a message, its headers alone where it is too large. See `is_truncated`.

        Raises Throttled, ConnectionFailed. A message that is refused is there all the same: a session holds the lock of
        the mailbox, so what it listed cannot go meanwhile (RFC 1939, section 4).
        """
        command = f"TOP {message.number} 0" if is_truncated(message) else f"RETR {message.number}"
        with self._errors():
            raw = self._lines(command)
        return raw[:MAX_HEADER_BYTES] if is_truncated(message) else raw

    def _lines(self, command: str) -> bytes:
        """Send a command that has an answer of many lines; poplib takes none longer than 2048 bytes."""
        self._client.sock.sendall(command.encode("ascii") + b"\r\n")
        status = self._client.file.readline(_LONGEST_STATUS)
        if not status.startswith(b"+OK"):
            raise poplib.error_proto(status if status.startswith(b"-ERR") else "the connection ended")
        return b"".join(self._until_dot())

    def _until_dot(self) -> Iterator[bytes]:
        size, is_start = 0, True
        while part := self._client.file.readline(_AT_ONCE):
            if is_start and part in (b".\r\n", b".\n"):
                return
            yield part.removeprefix(b".") if is_start else part  # RFC 1939, section 3
            is_start = part.endswith(b"\n")
            size += len(part)
            if size > _LONGEST_ANSWER:
                raise ConnectionFailed(f"{self._server} sent a message that does not end: look at it there.")
        raise poplib.error_proto("the connection ended")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with pop_errors(self._server), hung_up_after(self._client.sock, ANSWER_SECONDS):
            yield


def is_truncated(message: PopMessage) -> bool:
    """Say whether only the headers of a message are asked for."""
    return message.size > MAX_MESSAGE_BYTES


def _pairs(lines: Sequence[bytes]) -> Iterator[tuple[int, str]]:
    """Give number and value of each line of a list; what is no such line is left out."""
    for line in lines:
        number, _, value = line.decode("latin-1").strip().partition(" ")
        with suppress(ValueError):
            yield int(number), value.split(" ")[0]
