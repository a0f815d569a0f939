"""A small SMTP server on the loopback interface that answers line by line what a test says.

For what no well-behaved server does, and to see what really reaches the wire.
"""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

GOOD = {
    b"EHLO": b"250-mx.test.example\r\n250-SIZE\r\n250 AUTH PLAIN\r\n",
    b"AUTH": b"235 OK\r\n",
    b"MAIL": b"250 OK\r\n",
    b"RCPT": b"250 OK\r\n",
    b"DATA": b"354 Go on\r\n",
    b".": b"250 OK\r\n",
    b"QUIT": b"221 Bye\r\n",
}
Answer = bytes | Callable[["Conversation"], None]


class SmtpLines(socketserver.ThreadingTCPServer):
    """Gives the answer whose key a line begins with; the text of a message ends with the line `.`."""

    daemon_threads = True

    def __init__(self, answers: dict[bytes, Answer]) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.answers: dict[bytes, Answer] = GOOD | answers
        self.lines: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    """One connection; what is no line's answer says nothing."""

    server: SmtpLines

    def handle(self) -> None:
        self.wfile.write(b"220 mx.test.example\r\n")
        in_text = False
        for line in self.rfile:
            self.server.lines.append(line)
            if in_text and line != b".\r\n":
                continue
            command = line.upper()
            answer = next((each for start, each in self.server.answers.items() if command.startswith(start)), b"")
            in_text = isinstance(answer, bytes) and answer.startswith(b"354")
            if callable(answer):
                answer(self)
                return
            self.wfile.write(answer)


@contextmanager
def smtp_lines(answers: dict[bytes, Answer] | None = None) -> Iterator[SmtpLines]:
    """Serve on a free port until the test is over."""
    with SmtpLines(answers or {}) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
