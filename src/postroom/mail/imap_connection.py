"""Connecting to an IMAP server (RFC 3501) and logging in."""

import imaplib
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.response_parser import parse_fetch_response, parse_response
from imapclient.tls import IMAP4_TLS

from postroom.core.model import Security
from postroom.mail.parse import MAX_MESSAGE_BYTES
from postroom.mail.server import (
    ANSWER_SECONDS,
    OAUTHBEARER,
    ConnectionFailed,
    Login,
    Server,
    Throttled,
    check_arguments,
    connection_errors,
    hung_up_after,
    login_refused,
    mechanism_for_token,
    needs_encryption,
)

_LONGEST_LITERAL = MAX_MESSAGE_BYTES + 1024 * 1024
_LONGEST_ANSWER = _LONGEST_LITERAL + 8 * 1024 * 1024  # bytes: a batch of messages, or a longer one alone, and the rest
_GOODBYE_SECONDS = 5
# Bytes: what vanished comes in one line, also if every second of a million messages did. imaplib's own limit is lower,
# and past it what is left of a line would be read as the next answer.
_LONGEST_LINE = 16 * 1024 * 1024
# RFC 5530, section 3, and what large providers send: we ask too much, or the server is in need. Of one folder or
# message the latter says only that this one cannot be read.
TOO_MUCH = "LIMIT|OVERQUOTA|THROTTLED"
_BEGINNING = r"(?:^|failed: |b['\"]|\* (?:NO|BYE) )"  # of a server's words, after those of the libraries
_BUSY = f"{TOO_MUCH}|INUSE|SERVERBUG|UNAVAILABLE"
# Gmail has no code for it: "[ALERT] Too many simultaneous connections", "[ALERT] Account exceeded ... limits".
_ALERT = r"ALERT(?=\].*\b(?:too many|exceeded)\b)"


@contextmanager
def imap_connection(server: Server, login: Login, timeout: float) -> Iterator["Client"]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError."""
    check_arguments(server, login)
    with imap_errors(server), _greeting_errors(server):
        client = _connect(server, timeout)
    with client:
        with answered_in_time(client):
            _log_in(client, server, login)
        yield client


@contextmanager
def answered_in_time(client: IMAPClient) -> Iterator[None]:
    """End the connection where a command gets no whole answer in ANSWER_SECONDS."""
    with hung_up_after(client.socket(), ANSWER_SECONDS):
        yield


@contextmanager
def imap_errors(server: Server) -> Iterator[None]:
    """Turn what a connection raises into a MailServerError."""
    with connection_errors(server):
        try:
            yield
        except CapabilityError as error:
            raise ConnectionFailed(f"{server} offers no STARTTLS: use tls, on the port for it.") from error
        except IMAPClientAbortError as error:
            refuse_if_busy(server, error)
            raise ConnectionFailed(f"{server} ended the connection: check port and security, try later.") from error


def refuse_if_busy(server: Server, error: Exception, codes: str = _BUSY) -> None:
    """Raise Throttled if the server's answer begins with such a code; no other word of it is repeated."""
    if code := re.search(rf"{_BEGINNING}\[({codes}|{_ALERT})\]", str(error), re.IGNORECASE):
        raise Throttled(f"{server} is busy or limits how often it is asked ({code[1].upper()}): wait.") from None


@contextmanager
def _greeting_errors(server: Server) -> Iterator[None]:
    """Turn a greeting that sends us away into a MailServerError (RFC 3501, section 7.1.5)."""
    try:
        yield
    except (IMAPClientAbortError, CapabilityError):
        raise
    except IMAPClientError as error:
        refuse_if_busy(server, error)
        raise ConnectionFailed(f"{server} took no connection: check host and port, try later.") from error


class _Limited(imaplib.IMAP4):
    """A connection whose server has so many seconds to greet us, and so many bytes for an answer.

    No line and no literal (RFC 3501, section 4.3) is longer than what is ever asked for, nor are all of them together,
    and what is said without being asked for is forgotten with the next command. A login is one exchange, however often
    it is asked for more.
    """

    _came = 0

    def send(self, data: Any) -> None:  # noqa: ANN401 (as the library has it)
        if self.state != "NONAUTH":
            self._came = 0
            self.untagged_responses.clear()
        super().send(data)

    def read(self, size: int) -> bytes:
        if size > _LONGEST_LITERAL:
            raise IMAPClientAbortError(f"a literal of {size} bytes was announced")
        self._count(size)
        return bytes(super().read(size))

    def readline(self) -> bytes:
        line: Any = self.file.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise IMAPClientAbortError(f"a line of more than {_LONGEST_LINE} bytes came")
        self._count(len(line))
        return bytes(line)

    def _count(self, size: int) -> None:
        self._came += size
        if self._came > _LONGEST_ANSWER:
            raise IMAPClientAbortError(f"an answer of more than {_LONGEST_ANSWER} bytes came")

    def _connect(self) -> None:
        with hung_up_after(self.sock, ANSWER_SECONDS):
            super()._connect()  # type: ignore[misc]


class _Plain(_Limited, IMAP4WithTimeout):  # type: ignore[misc]
    """One that begins without TLS."""


class _OverTls(_Limited, IMAP4_TLS):  # type: ignore[misc]
    """One that begins with TLS."""


class Client(IMAPClient):  # type: ignore[misc]
    """Asks what has changed, over a connection with limits."""

    def __init__(self, server: Server, timeout: float) -> None:
        tls = server.security is Security.TLS
        super().__init__(server.host, server.port, ssl=tls, ssl_context=server.tls(), timeout=timeout)
        self._imap.debug = 0  # IMAPClient has all that comes written out for its log, which takes ten times the memory
        self.folder_encode = False  # one undecodable name must not hide all folders
        # IMAPClient sends some lines in two parts: the second is not to wait until the first was acknowledged.
        self.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def changes(self, uids: str, since: int, *, with_vanished: bool) -> tuple[dict[int, dict[bytes, Any]], bytes]:
        """Give what was changed after a modification, and a sequence of UIDs that vanished (RFC 7162, section 3.2.6).

        IMAPClient takes no ranges of UIDs here and knows no QRESYNC, which must be enabled to hear what vanished.
        """
        for kind in ("FETCH", "VANISHED"):
            self._imap.response(kind)  # forgets what was said before, of another folder or without UIDs
        modifiers = f"(CHANGEDSINCE {since}{' VANISHED' * with_vanished})"
        status, data = self._imap.uid("FETCH", uids, "(FLAGS)", modifiers)
        self._checkok("fetch", status, data)
        _, lines = self._imap.response("VANISHED")
        vanished = [line.rpartition(b" ")[2] for line in lines if isinstance(line, bytes)]
        return parse_fetch_response(data), b",".join(vanished)

    def list_with_status(self, items: Sequence[str]) -> tuple[list[Any], dict[bytes, dict[bytes, Any]]]:
        """Give the list of folders, and by their names what STATUS would say of each (RFC 5819).

        Its uses have to be asked for here (RFC 6154, section 5.1). IMAPClient knows no list with conditions.
        """
        status, data = self._imap.xatom("LIST", '""', '"*"', f"RETURN (SPECIAL-USE STATUS ({' '.join(items)}))")
        self._checkok("list", status, data)
        entries, lines = (self._imap.response(kind)[1] for kind in ("LIST", "STATUS"))
        parsed = parse_response(lines)
        names = (str(name).encode() if isinstance(name, int) else name for name in parsed[::2])
        pairs = (dict(zip(items[::2], items[1::2], strict=True)) for items in parsed[1::2])
        return self._proc_folder_list(entries), dict(zip(names, pairs, strict=True))

    def namespaces(self) -> list[tuple[bytes, bool]]:
        """Give the beginnings of folders' names, each with whether such folders are the user's own (RFC 2342).

        IMAPClient takes no answer with extensions, for which the grammar has room.
        """
        kinds = enumerate(parse_response(self._command_and_check("namespace")))
        return [(bytes(beginning), kind == 0) for kind, some in kinds for beginning, *_ in some or ()]

    def logout(self) -> Any:  # noqa: ANN401 (what the server says)
        """Log out. Nothing depends on the answer, so it is not waited for long."""
        self.socket().settimeout(_GOODBYE_SECONDS)
        with hung_up_after(self.socket(), _GOODBYE_SECONDS):
            return super().logout()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> Any:  # noqa: ANN401 (what the server says)
        """Go on with TLS, within the time for an answer; what is watched is this connection by another number."""
        with self.socket().dup() as same, hung_up_after(same, ANSWER_SECONDS):
            return super().starttls(ssl_context)

    def _create_IMAP4(self) -> _Limited:  # noqa: N802 (the library's name)
        seconds = self._timeout.connect
        if self.ssl:
            return _OverTls(self.host, self.port, self.ssl_context, seconds)  # type: ignore[call-arg]
        return _Plain(self.host, self.port, seconds)

    def lines_ahead(self) -> Iterator[bytes]:
        """Yield lines that came along with the last answer, of which no selector knows; the socket must not block."""
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            while line := self._imap.readline():
                yield line


def _connect(server: Server, timeout: float) -> Client:
    client = Client(server, timeout)
    if server.security is Security.STARTTLS:
        try:
            client.starttls(server.tls())
        except BaseException:
            with suppress(OSError):  # a failed handshake has closed the socket already
                client.shutdown()
            raise
    return client


def _log_in(client: IMAPClient, server: Server, login: Login) -> None:
    with imap_errors(server):
        offered = {capability.decode("ascii", "replace") for capability in client.capabilities()}
        if login.is_token:
            _log_in_with_token(client, server, login, offered)
            return
        in_clear = server.security is Security.NONE or "AUTH=PLAIN" not in offered
        if "LOGINDISABLED" in offered and in_clear:
            raise needs_encryption(server)
        try:
            if "AUTH=PLAIN" in offered:
                client.plain_login(login.username, login.password)
            else:
                client.login(_quoted(login.username), login.password)
        except IMAPClientAbortError:
            raise
        except (IMAPClientError, UnicodeError) as error:  # from None: the server's words may repeat the password
            refuse_if_busy(server, error)
            if isinstance(error.__context__, IMAPClientAbortError):  # it broke off, and nothing was refused
                raise error.__context__ from None
            raise login_refused(server, login) from None


def _log_in_with_token(client: IMAPClient, server: Server, login: Login, offered: set[str]) -> None:
    mechanism = mechanism_for_token(server, {each.removeprefix("AUTH=") for each in offered})
    try:
        if mechanism == OAUTHBEARER:
            client.oauthbearer_login(login.username, login.password)
        else:
            client.oauth2_login(login.username, login.password)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:  # from None: the server's words may repeat the token
        refuse_if_busy(server, error)
        raise login_refused(server, login) from None


def _quoted(text: str) -> str:
    """Give a quoted string (RFC 3501, section 9): imaplib quotes the password only."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
