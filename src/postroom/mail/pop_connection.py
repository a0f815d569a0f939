"""Connecting to a POP3 server (RFC 1939) and logging in."""

import base64
import poplib
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from postroom.core.model import Security
from postroom.mail.server import (
    ANSWER_SECONDS,
    AuthenticationFailed,
    ConnectionFailed,
    Login,
    MailServerError,
    Server,
    Throttled,
    check_arguments,
    connection_errors,
    hung_up_after,
    login_refused,
    mechanism_for_token,
    needs_encryption,
    not_now,
)

_LONGEST_LINE = 2048  # bytes, as poplib has it
_LONGEST_LIST = 16 * 1024 * 1024  # bytes: 200,000 ids as long as they may be (RFC 1939, section 7)
_GOODBYE_SECONDS = 5
_LONGEST_REASON = 200  # characters
_CODE = re.compile(r"-ERR\s+\[([A-Z/-]+)", re.IGNORECASE)  # RFC 2449, section 8
_END = "-ERR EOF"  # poplib's own word for a connection that broke
_FOR_THE_MOMENT = {"IN-USE", "LOGIN-DELAY", "SYS/TEMP"}  # RFC 2449, section 8.1; RFC 3206, section 4
_FOR_GOOD = "SYS/PERM"  # RFC 3206, section 4; so is an account called for which POP is switched off


class _Pop(poplib.POP3):
    """Gives its server so many seconds and bytes for an answer.

    It closes its socket where the greeting is none, which poplib leaves open.
    """

    _came = 0

    def __init__(self, host: str, port: int, timeout: float, **tls: ssl.SSLContext) -> None:
        try:
            super().__init__(host, port, timeout=timeout, **tls)
        except BaseException:
            with suppress(OSError, AttributeError):  # there was no connection yet
                self.close()
            raise

    def _putline(self, line: bytes) -> None:
        self._came = 0
        super()._putline(line)  # type: ignore[misc]

    def _getline(self) -> tuple[bytes, int]:
        line, size = super()._getline()  # type: ignore[misc]
        self._came += size
        if self._came > _LONGEST_LIST:
            raise poplib.error_proto("the answer does not end")
        return line, size

    def _getresp(self) -> bytes:
        with hung_up_after(self.sock, ANSWER_SECONDS):
            return bytes(super()._getresp())  # type: ignore[misc]

    def _getlongresp(self) -> tuple[bytes, list[bytes], int]:
        with hung_up_after(self.sock, ANSWER_SECONDS):
            return super()._getlongresp()  # type: ignore[misc, no-any-return]


class _PopOverTls(_Pop, poplib.POP3_SSL):
    """A connection that begins with TLS."""


@contextmanager
def pop_connection(server: Server, login: Login, timeout: float) -> Iterator[poplib.POP3]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError."""
    check_arguments(server, login)
    with pop_errors(server):
        client = _connect(server, timeout)
    try:
        with pop_errors(server), hung_up_after(client.sock, ANSWER_SECONDS):
            _log_in(client, server, login)
        yield client
        with suppress(poplib.error_proto, OSError):  # what was read is read
            _say_goodbye(client)
    finally:
        client.close()


@contextmanager
def pop_errors(server: Server) -> Iterator[None]:
    """Turn what a conversation raises into a MailServerError."""
    with connection_errors(server):
        try:
            yield
        except poplib.error_proto as error:
            raise _trouble(server, _words(error)) from error


def _say_goodbye(client: poplib.POP3) -> None:
    """End the conversation. Nothing depends on the answer, so it is not waited for long."""
    client.sock.settimeout(_GOODBYE_SECONDS)
    with hung_up_after(client.sock, _GOODBYE_SECONDS):
        client.quit()


def _connect(server: Server, timeout: float) -> poplib.POP3:
    context = server.tls()
    if server.security is Security.TLS:
        return _PopOverTls(server.host, server.port, timeout, context=context)
    client = _Pop(server.host, server.port, timeout)
    if server.security is Security.STARTTLS:
        try:
            _start_tls(client, server, context)
        except BaseException:
            with suppress(OSError):  # a failed handshake has closed the socket already
                client.close()
            raise
    return client


def _start_tls(client: poplib.POP3, server: Server, context: ssl.SSLContext) -> None:
    if "STLS" not in _capabilities(client):  # RFC 2595, section 4
        raise ConnectionFailed(f"{server} offers no STLS: use tls, on the port for it.")
    client.stls(context)


def _capabilities(client: poplib.POP3) -> Mapping[str, Sequence[str]]:
    """Give what a server says of itself (RFC 2449, section 5); old ones say nothing, and odd ones garbage."""
    try:
        return client.capa()
    except (poplib.error_proto, IndexError, UnicodeError):
        return {}


def _log_in(client: poplib.POP3, server: Server, login: Login) -> None:
    offered = _capabilities(client)
    try:
        if login.is_token:
            mechanism = mechanism_for_token(server, offered.get("SASL", ()))
            _authenticate(client, mechanism, login.as_token(mechanism))
        elif "PLAIN" in offered.get("SASL", ()):
            _authenticate(client, "PLAIN", f"\0{login.username}\0{login.password}")  # RFC 4616
        elif offered and "USER" not in offered:
            raise needs_encryption(server)
        else:
            client.user(login.username)
            client.pass_(login.password)
    except poplib.error_proto as error:
        raise _refusal(server, login, _words(error)) from None  # the server's words may repeat the password


def _authenticate(client: poplib.POP3, mechanism: str, response: str) -> None:
    """Log in by a SASL mechanism (RFC 5034, section 4). The response is not sent at once: few servers take a long one.

    Raises poplib.error_proto.
    """
    for line, expected in ((f"AUTH {mechanism}", b"+ "), (base64.b64encode(response.encode()).decode(), b"+OK")):
        client.sock.sendall(line.encode() + b"\r\n")
        answer = client.file.readline(_LONGEST_LINE)
        if expected == b"+OK" and answer.startswith(b"+ "):  # RFC 7628, section 3.2.3: why not, before the refusal
            client.sock.sendall(b"AQ==\r\n")
            answer = client.file.readline(_LONGEST_LINE)
        if not answer.startswith(expected.strip()):
            raise poplib.error_proto(answer)


def _trouble(server: Server, words: str) -> MailServerError:
    """Say what is wrong where a server did not answer as it should."""
    if _code(words) in _FOR_THE_MOMENT:
        return Throttled(f"{server} gives no mail now ({words}): try later.")
    if _is_refusal(words):
        return ConnectionFailed(f"{server} refused what it was asked for ({words}): look at the mailbox there.")
    return ConnectionFailed(f"{server} ended the conversation ({words}): try later.")


def _refusal(server: Server, login: Login, words: str) -> MailServerError:
    """Say what to do about a refused login."""
    if not _is_refusal(words):
        return ConnectionFailed(f"{server} ended the connection in the middle: check port and security, try later.")
    code = _code(words)
    if code in _FOR_THE_MOMENT:
        return not_now(server, login)
    if code == _FOR_GOOD:
        return AuthenticationFailed(
            f"{server} gives {login.username} no mail over POP: enable it in the settings of the mail account."
        )
    return login_refused(server, login)


def _is_refusal(words: str) -> bool:
    return words.startswith("-ERR") and words != _END


def _code(words: str) -> str:
    return found[1].upper() if (found := _CODE.match(words)) else ""


def _words(error: poplib.error_proto) -> str:
    words = error.args[0] if error.args else ""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:_LONGEST_REASON]
