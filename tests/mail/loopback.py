"""A small IMAP server on the loopback interface that keeps every line that it was sent.

For what no well-behaved server does, and to see what really reaches the wire.
"""

import base64
import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

KEEP_SAYING = b"keep saying "  # before what a server says again and again
_LONGEST_TALK = 10  # seconds


class Loopback(socketserver.ThreadingTCPServer):
    """Answers with the scripted untagged lines for a command, and OK to all else.

    What it is to keep saying it says until the client hangs up; `was_heard_out` is how often the client did not.
    """

    daemon_threads = True

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"LOGOUT": b"* BYE\r\n"} | answers
        self.lines: list[bytes] = []
        self.idle: list[_Conversation] = []  # with clients who wait in IDLE
        self.credentials: list[tuple[str, str]] = []
        self.was_heard_out = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: Loopback

    def handle(self) -> None:
        greeting = self.server.answers.get(b"greeting", b"* OK ready\r\n")
        if greeting.startswith(KEEP_SAYING):
            self.server.was_heard_out += keep_saying(self.wfile, greeting)
            return
        self.wfile.write(greeting)
        for line in self.rfile:
            self.server.lines.append(line)
            tag, _, command = line.strip().partition(b" ")
            if command == b"IDLE":
                command = self._idle()
                if not command:
                    return
            answer = self._answer(command)
            if answer.startswith(KEEP_SAYING):
                self.server.was_heard_out += keep_saying(self.wfile, answer)
                return
            if answer == b"hang up":
                return
            refused = answer.startswith(b"NO ")
            self.wfile.write(tag + b" " + answer + b"\r\n" if refused else answer + tag + b" OK done\r\n")

    def _idle(self) -> bytes:
        """Say that the client may wait, and give the line that ends that; nothing where it hangs up."""
        self.server.idle.append(self)
        self.wfile.write(self.server.answers.get(b"IDLE", b"+ idling\r\n"))
        line = self.rfile.readline()
        self.server.lines.append(line)
        return line.strip()

    def _answer(self, command: bytes) -> bytes:
        if command.startswith(b"AUTHENTICATE PLAIN"):
            self.wfile.write(b"+ \r\n")
            _, name, password = base64.b64decode(self.rfile.readline()).split(b"\0")
            self.server.credentials.append((name.decode(), password.decode()))
        if login := re.fullmatch(rb'LOGIN "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"', command):
            self.server.credentials.append((_unquote(login[1]), _unquote(login[2])))
        return next((text for start, text in self.server.answers.items() if command.startswith(start)), b"")


def keep_saying(output: BinaryIO, answer: bytes) -> bool:
    """Say something again and again; say whether nobody hung up for far too long."""
    deadline = time.monotonic() + _LONGEST_TALK
    with suppress(OSError):
        while time.monotonic() < deadline:
            output.write(answer.removeprefix(KEEP_SAYING))
            time.sleep(0.02)
        return True
    return False


def _unquote(value: bytes) -> str:
    return re.sub(rb"\\(.)", rb"\1", value).decode()


@contextmanager
def loopback(answers: dict[bytes, bytes]) -> Iterator[Loopback]:
    with Loopback(answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
