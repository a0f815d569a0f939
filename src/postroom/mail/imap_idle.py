"""Waiting for a server to say that something came (IDLE, RFC 2177).

Whatever it says is read without waiting, looked at for an arrival, and thrown away. An arrival is a hint: no number and
no word of it is kept.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from postroom.mail.imap_connection import Client, imap_errors
from postroom.mail.server import ConnectionFailed, Server, connection_errors, hang_up, hung_up_after

MOST_SAID = 64 * 1024  # bytes in one wait, after which a server is not listened to
ANSWER_SECONDS = 10  # to begin and to end: a connection that died silently must not hold up a pass
_AT_ONCE = 16 * 1024  # bytes
_ARRIVAL = re.compile(rb"\* \d{1,10} EXISTS\b", re.IGNORECASE)  # RFC 3501, section 7.3.1
# So that the system finds out within two minutes that the other side is gone, and routers see that we are here.
_KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
_LONGEST_BEGINNING = 32  # bytes of a line that has not come to its end: an arrival is shorter


class Idling:
    """A connection that waits for news of its open folder. Made by Session.idle()."""

    def __init__(self, client: Client, server: Server) -> None:
        self._client, self._server = client, server
        self._socket = client.socket()
        self._timeout = self._socket.gettimeout()
        self._said, self._has_news, self._beginning = 0, False, b""
        for option in _KEEP_ALIVE:
            self._socket.setsockopt(*option)
        with self._answered_in_time():
            client.idle()
        self._socket.setblocking(False)
        for line in client.lines_ahead():
            self._note(line)

    def fileno(self) -> int:
        """Give the number of the socket, for a selector."""
        number: int = self._socket.fileno()
        return number

    def hear(self) -> bool:
        """Read all that was said meanwhile, without waiting; say whether something came since the last time.

        Raises ConnectionFailed where the connection is over, or the server says too much.
        """
        for data in self._arriving():
            self._note(data)
        has_news, self._has_news = self._has_news, False
        return has_news

    def end(self) -> None:
        """Make the connection one for commands again, without an open folder.

        What a server says of an open folder may be as old as its opening (RFC 3501, section 6.3.10). Raises
        ConnectionFailed where that does not succeed soon.
        """
        if self._beginning:
            raise ConnectionFailed(f"{self._server} broke off in the middle of a line.")
        with imap_errors(self._server), self._answered_in_time():
            try:
                self._client.idle_done()
                self._close_folder()
            except IMAPClientAbortError:
                raise
            except (IMAPClientError, AttributeError, LookupError, ValueError) as error:  # words that are none of IMAP
                raise ConnectionFailed(f"{self._server} does not end its waiting.") from error

    def hang_up(self) -> None:
        """End the connection at once, without a word."""
        hang_up(self._socket)

    def _close_folder(self) -> None:
        """Close the folder, which is open read-only: so nothing is expunged (RFC 3501, section 6.4.2)."""
        if self._client.has_capability("UNSELECT"):
            self._client.unselect_folder()
        else:
            self._client.close_folder()

    @contextmanager
    def _answered_in_time(self) -> Iterator[None]:
        self._socket.settimeout(ANSWER_SECONDS)
        with hung_up_after(self._socket, ANSWER_SECONDS):
            yield
        self._socket.settimeout(self._timeout)

    def _arriving(self) -> Iterator[bytes]:
        """Yield until there is nothing, within TLS either: what waits there is seen by no selector."""
        while (data := self._received()) is not None:
            if not data:
                raise ConnectionFailed(f"{self._server} ended the connection on which it was waited for.")
            yield data

    def _received(self) -> bytes | None:
        """Give what can be read at once: None where that is nothing, no bytes where the connection is over."""
        with connection_errors(self._server):
            try:
                return bytes(self._socket.recv(_AT_ONCE))
            except (BlockingIOError, ssl.SSLWantReadError):
                return None

    def _note(self, data: bytes) -> None:
        """Look for an arrival, in a line that may come in pieces, and keep no more than the beginning of the last."""
        self._said += len(data)
        if self._said > MOST_SAID:
            raise ConnectionFailed(f"{self._server} says too much while it is waited for.")
        text = self._beginning + data
        self._has_news = self._has_news or _ARRIVAL.search(text) is not None
        self._beginning = text.rpartition(b"\n")[2][:_LONGEST_BEGINNING]
