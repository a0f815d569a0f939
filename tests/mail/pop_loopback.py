"""A small POP3 server on the loopback interface that keeps every line that it was sent.

For what no well-behaved server does, and to see what really reaches the wire.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.mail.loopback import KEEP_SAYING, keep_saying


class PopLoopback(socketserver.ThreadingTCPServer):
    """Answers as scripted to what starts with a command, and +OK to all else.

    What it is to keep saying it says until the client hangs up; `was_heard_out` is how often the client did not.
    """

    daemon_threads = True

    def __init__(self, answers: dict[bytes, bytes], greeting: bytes = b"+OK ready") -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answers, self.greeting = {b"CAPA": b"-ERR what?"} | answers, greeting
        self.lines: list[bytes] = []
        self.was_heard_out = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Conversation(socketserver.StreamRequestHandler):
    server: PopLoopback

    def handle(self) -> None:
        if self.server.greeting.startswith(KEEP_SAYING):
            self.server.was_heard_out += keep_saying(self.wfile, self.server.greeting)
            return
        self.wfile.write(self.server.greeting + b"\r\n")
        for line in self.rfile:
            self.server.lines.append(line)
            found = (text for start, text in self.server.answers.items() if line.startswith(start))
            answer = next(found, b"+OK done")
            if answer.startswith(KEEP_SAYING):
                self.server.was_heard_out += keep_saying(self.wfile, answer)
                return
            if answer == b"hang up":
                return
            self.wfile.write(answer + b"\r\n")


@contextmanager
def pop_loopback(answers: dict[bytes, bytes], greeting: bytes = b"+OK ready") -> Iterator[PopLoopback]:
    with PopLoopback(answers, greeting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
