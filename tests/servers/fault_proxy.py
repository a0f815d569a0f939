"""A proxy before an IMAP server that breaks what passes through it, as networks and servers do on bad days.

One fault at a time: it acts on commands whose line matches, as often as it is told, and lets all else through. The
proxy keeps every line that a client sent.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

# Lines after which a server says what it can: where it is asked for that, and one with a password.
SAYS_WHAT_IT_CAN = rb"CAPABILITY|^[\w+/=]+\r"

Act = Callable[["Conversation", bytes, bytes], None]  # the conversation, the tag, and the whole line


@dataclass
class Fault:
    """What happens to commands that match, the first `times` of them."""

    command: bytes
    act: Act
    times: int = 1_000_000
    seen: list[bytes] = field(default_factory=list)
    acted: int = 0  # times that something really was broken

    def takes(self, line: bytes) -> bool:
        if len(self.seen) >= self.times or not re.search(self.command, line):
            return False
        self.seen.append(line)
        return True


class Conversation:
    """One connection through the proxy; `change` turns what the server says into what the client hears."""

    def __init__(self, proxy: "FaultProxy", client: socket.socket) -> None:
        self._proxy = proxy
        self.client = client
        self.server = socket.create_connection(("127.0.0.1", proxy.target), timeout=30)
        self.change: Callable[[bytes], bytes] = lambda data: data
        threading.Thread(target=self._pass_answers, daemon=True).start()

    def pass_commands(self) -> None:
        """Hand the client's lines on, but for those on which a fault acts."""
        self._proxy.open.add(self)
        with suppress(OSError), self.client.makefile("rb") as lines:
            for line in lines:
                self._proxy.lines.append(line)
                fault = self._proxy.fault
                if fault is not None and fault.takes(line):
                    fault.act(self, line.split()[0], line)
                else:
                    self.change = lambda data: data
                    self.server.sendall(line)
        self.close()
        self._proxy.open.discard(self)

    def _pass_answers(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                changed = self.change(data)
                if changed:
                    self.client.sendall(changed)
        self.close()

    def acted(self) -> None:
        """Note that something was broken."""
        if self._proxy.fault is not None:
            self._proxy.fault.acted += 1

    def close(self) -> None:
        for each in (self.client, self.server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class FaultProxy:
    """Listens on a port of its own, and speaks to the server on another."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.fault: Fault | None = None
        self.lines: list[bytes] = []
        self.open: set[Conversation] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve_one, args=(client,), daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        with suppress(OSError):
            Conversation(self, client).pass_commands()

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@contextmanager
def fault_proxy(target: int) -> Iterator[FaultProxy]:
    """Run a proxy before the server on that port."""
    proxy = FaultProxy(target)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.close()


def changing(change: Callable[[Conversation], Callable[[bytes], bytes]]) -> Act:
    """Hand the command on, and change the answer."""

    def act(conversation: Conversation, _tag: bytes, line: bytes) -> None:
        conversation.change = change(conversation)
        conversation.server.sendall(line)

    return act


def cut_after(count: int, behind: bytes = b"") -> Act:
    """Break the connection after so many bytes of the answer, counted from the first place `behind` these words."""

    def change(conversation: Conversation) -> Callable[[bytes], bytes]:
        said = b""

        def cut(data: bytes) -> bytes:
            nonlocal said
            before, said = len(said), said + data
            place = said.find(behind)
            end = place + len(behind) + count
            if place < 0 or len(said) < end:
                return data
            conversation.acted()
            conversation.client.sendall(data[: max(0, end - before)])
            conversation.close()
            return b""

        return cut

    return changing(change)


def swallow() -> Act:
    """Let the client wait for an answer that never comes."""

    def change(conversation: Conversation) -> Callable[[bytes], bytes]:
        conversation.acted()
        return lambda _data: b""

    return changing(change)


def fall_silent() -> Act:
    """Give the first words of an answer, and then nothing; the client's next line gets nowhere either."""

    def change(conversation: Conversation) -> Callable[[bytes], bytes]:
        said: list[bytes] = []

        def only_the_first(data: bytes) -> bytes:
            conversation.acted()
            said.append(data)
            return data if len(said) == 1 else b""

        return only_the_first

    begin = changing(change)

    def act(conversation: Conversation, tag: bytes, line: bytes) -> None:
        if tag != b"DONE":  # by which a client ends an IDLE
            begin(conversation, tag, line)

    return act


def replace(pattern: bytes, by: bytes) -> Act:
    """Put other words into the answer."""

    def change(conversation: Conversation) -> Callable[[bytes], bytes]:
        def put(data: bytes) -> bytes:
            changed = re.sub(pattern, by, data)
            if changed != data:
                conversation.acted()
            return changed

        return put

    return changing(change)


def drip(seconds: float) -> Act:
    """Give the answer byte by byte, with so much time between two."""

    def change(conversation: Conversation) -> Callable[[bytes], bytes]:
        def slowly(data: bytes) -> bytes:
            conversation.acted()
            for byte in data:
                conversation.client.sendall(bytes([byte]))
                time.sleep(seconds)
            return b""

        return slowly

    return changing(change)


def answer(text: bytes) -> Act:
    """Answer in place of the server; `@` stands for the tag."""

    def act(conversation: Conversation, tag: bytes, _line: bytes) -> None:
        conversation.acted()
        conversation.client.sendall(text.replace(b"@", tag))

    return act


def hang_up(text: bytes = b"") -> Act:
    """Say something, and end the connection."""

    def act(conversation: Conversation, _tag: bytes, _line: bytes) -> None:
        conversation.acted()
        conversation.client.sendall(text)
        conversation.close()

    return act


def meanwhile(happens: Callable[[], None]) -> Act:
    """Let something happen on the server just before the command gets there."""

    def act(conversation: Conversation, _tag: bytes, line: bytes) -> None:
        conversation.acted()
        happens()
        conversation.change = lambda data: data
        conversation.server.sendall(line)

    return act
