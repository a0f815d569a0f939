"""Handing a message over to a submission server by SMTP (RFC 5321, RFC 6409), behind the guard.

The conversation is led step by step, because what became of the message depends on where it broke off: before the text
nothing was sent; after it, without an answer, nobody can know.
"""

import re
import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from postroom.core.model import Security
from postroom.mail.server import (
    DEFAULT_TIMEOUT,
    ConnectionFailed,
    GuardError,
    Login,
    MailServerError,
    Server,
    check_arguments,
    connection_errors,
    guard,
    hung_up_after,
    login_refused,
    mechanism_for_token,
    needs_encryption,
    not_now,
)

ANSWER_TIMEOUT = 300  # seconds for the answer to a whole message, in which a server may look for viruses

_NAME = "[127.0.0.1]"  # this machine's name is nobody's business (RFC 5321, section 4.1.3)
_UNTIL_TEXT = 5  # times the timeout: for how long a server may keep answering before the text
_LONGEST_TEXT = 3600  # seconds for the text and its answer, however slowly they come
_GO_AHEAD = 354
_NO_ANSWER = -1
_PROOFS = {"CRAM-MD5", "LOGIN", "PLAIN"}  # those that smtplib can give
_AT_ONCE = 64 * 1024  # bytes
_LONGEST_REASON = 200  # characters
_START_OF_LINE_DOT = re.compile(rb"^\.", re.MULTILINE)


class Refusal(NamedTuple):
    """A recipient whom the server did not take, and its words; a temporary refusal may be another one later."""

    address: str
    reason: str
    is_temporary: bool


class MessageRefused(MailServerError):
    """The server took the message for nobody: not from this sender, or not this text."""

    def __init__(self, sentence: str, *, is_temporary: bool) -> None:
        super().__init__(sentence)
        self.is_temporary = is_temporary


class OutcomeUnknown(MailServerError):
    """The text was sent and no answer came: the server may have taken it or not."""


def send_message(
    server: Server,
    login: Login,
    sender: str,
    recipients: Sequence[str],
    raw: bytes,
    before_text: Callable[[], None],
    timeout: float = DEFAULT_TIMEOUT,
) -> list[Refusal]:
    """Send a message, and give the recipients whom the server refused; whoever is not among them has it.

    `before_text` is called at the last moment at which nothing was sent; what it raises ends the conversation. It is
    not called where every recipient is refused. `timeout` is in seconds for each answer but the last one, and five
    times that for all of them.
    Raises OutcomeUnknown; MessageRefused, AuthenticationFailed, CertificateRejected, ConnectionFailed and GuardError
    where nothing was sent.
    """
    check_arguments(server, login)
    for address in (sender, *recipients):
        _check_address(address)
    with _connected(server, timeout) as client:
        with _smtp_errors(server), hung_up_after(client.sock, _UNTIL_TEXT * timeout):
            _log_in(client, server, login)
            _name_sender(client, server, sender, len(raw))
            refused = [refusal for each in recipients if (refusal := _name_recipient(client, each)) is not None]
        if len(refused) < len(recipients):
            before_text()
            with hung_up_after(client.sock, _LONGEST_TEXT):
                _send_text(client, server, raw)
        return refused


def try_login(server: Server, login: Login, timeout: float = DEFAULT_TIMEOUT) -> None:
    """Log in and go again. Raises a MailServerError; `timeout` is as above."""
    check_arguments(server, login)
    with (
        _connected(server, timeout) as client,
        _smtp_errors(server),
        hung_up_after(client.sock, _UNTIL_TEXT * timeout),
    ):
        _log_in(client, server, login)


def _check_address(address: str) -> None:
    guard(address, "e-mail address")
    if not address.isascii() or not address.isprintable() or set(address) & set(" <>"):
        raise GuardError(f"The e-mail address {address!r} cannot be sent to: correct it.")


@contextmanager
def _connected(server: Server, timeout: float) -> Iterator[smtplib.SMTP]:
    with _smtp_errors(server):
        client = _connect(server, timeout)
    with closing(client):
        yield client
        with suppress(smtplib.SMTPException, OSError):  # what is done is done
            client.quit()


def _connect(server: Server, timeout: float) -> smtplib.SMTP:
    context = server.tls()
    if server.security is Security.TLS:
        return smtplib.SMTP_SSL(server.host, server.port, _NAME, timeout=timeout, context=context)
    client = smtplib.SMTP(server.host, server.port, _NAME, timeout=timeout)
    if server.security is Security.STARTTLS:
        try:
            client.starttls(context=context)
        except BaseException:
            client.close()
            raise
    return client


def _log_in(client: smtplib.SMTP, server: Server, login: Login) -> None:
    client.ehlo_or_helo_if_needed()
    if login.is_token:
        _log_in_with_token(client, server, login)
        return
    if not _PROOFS & set(client.esmtp_features.get("auth", "").split()):
        raise needs_encryption(server)
    try:
        client.login(login.username, login.password)
    except (smtplib.SMTPAuthenticationError, ValueError) as error:  # ValueError: what is no ASCII, or no base64
        refused = not_now if _is_temporary(getattr(error, "smtp_code", 0)) else login_refused
        raise refused(server, login) from None  # the server's words may repeat the password


def _log_in_with_token(client: smtplib.SMTP, server: Server, login: Login) -> None:
    mechanism = mechanism_for_token(server, client.esmtp_features.get("auth", "").split())
    try:
        client.auth(mechanism, lambda challenge=None: login.as_token(mechanism) if challenge is None else "\1")
    except smtplib.SMTPAuthenticationError as error:
        refused = not_now if _is_temporary(error.smtp_code) else login_refused
        raise refused(server, login) from None  # the server's words may repeat the token


def _name_sender(client: smtplib.SMTP, server: Server, sender: str, size: int) -> None:
    options = [f"SIZE={size}"] if client.has_extn("size") else []  # RFC 1870
    code, words = client.mail(sender, options)
    if not _is_done(code):
        raise MessageRefused(
            f"{server} refused mail from {sender}: {_reason(code, words)}", is_temporary=_is_temporary(code)
        )


def _name_recipient(client: smtplib.SMTP, address: str) -> Refusal | None:
    code, words = client.rcpt(address)
    return None if _is_done(code) else Refusal(address, _reason(code, words), _is_temporary(code))


def _send_text(client: smtplib.SMTP, server: Server, raw: bytes) -> None:
    with _smtp_errors(server):
        code, words = client.docmd("DATA")
        if code != _GO_AHEAD:
            raise _refused(server, code, words)
        text = _START_OF_LINE_DOT.sub(b"..", raw)
        for start in range(0, len(text), _AT_ONCE):
            client.send(text[start : start + _AT_ONCE])
    code, words = _answer_to_end(client, server, b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n")
    if not _is_done(code):
        raise _refused(server, code, words)


def _refused(server: Server, code: int, words: bytes) -> MessageRefused:
    return MessageRefused(f"{server} refused the message: {_reason(code, words)}", is_temporary=_is_temporary(code))


def _answer_to_end(client: smtplib.SMTP, server: Server, end: bytes) -> tuple[int, bytes]:
    """Send the end of a text (RFC 5321, section 4.1.1.4), before which no server may take it, and give the answer."""
    code, words = _NO_ANSWER, b""
    with suppress(OSError):  # smtplib's own errors are OSErrors, too
        if client.sock is not None:
            client.sock.settimeout(ANSWER_TIMEOUT)
        client.send(end)
        code, words = client.getreply()
    if not (_is_done(code) or _is_temporary(code) or _is_final(code)):
        raise OutcomeUnknown(
            f"{server} did not say whether it took the message: look into the folder of sent mail before sending again."
        )
    return code, words


@contextmanager
def _smtp_errors(server: Server) -> Iterator[None]:
    """Turn what a conversation raises before the text into a MailServerError."""
    with connection_errors(server):
        try:
            yield
        except smtplib.SMTPNotSupportedError as error:
            raise ConnectionFailed(f"{server} offers no STARTTLS: use tls, on the port for it.") from error
        except smtplib.SMTPResponseException as error:
            reason = _reason(error.smtp_code, error.smtp_error)
            raise ConnectionFailed(f"{server} did not let us in: {reason}") from error
        except smtplib.SMTPException as error:
            raise ConnectionFailed(f"{server} ended the connection: check port and security, try later.") from error


def _is_done(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 (RFC 5321, section 4.2.1)


def _is_temporary(code: int) -> bool:
    return 400 <= code < 500  # noqa: PLR2004 (RFC 5321, section 4.2.1)


def _is_final(code: int) -> bool:
    return 500 <= code < 600  # noqa: PLR2004 (RFC 5321, section 4.2.1)


def _reason(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    printable = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return f"{code} {printable[:_LONGEST_REASON]}".strip()
