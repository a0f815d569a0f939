"""Handing a message over to a submission server by SMTP (RFC 5321, RFC 6409), behind the guard.

The conversation is led step by step, because what became of the message depends on where it broke off: before the text
nothing was sent; after it, without an answer, nobody can know.
"""

import re
import smtplib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple

from postroom.mail.server import (
    DEFAULT_TIMEOUT,
    ConnectionFailed,
    GuardError,
    Login,
    MailServerError,
    Security,
    Server,
    check_arguments,
    connection_errors,
    guard,
    login_refused,
    needs_encryption,
    not_now,
)

ANSWER_TIMEOUT = 300  # seconds for the answer to a whole message, in which a server may look for viruses

_NAME = "[127.0.0.1]"  # this machine's name is nobody's business (RFC 5321, section 4.1.3)
_GO_AHEAD = 354
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
    not called where every recipient is refused. `timeout` is in seconds for each answer but the last one.
    Raises OutcomeUnknown; MessageRefused, AuthenticationFailed, CertificateRejected, ConnectionFailed and GuardError
    where nothing was sent.
    """
    check_arguments(server, login)
    for address in (sender, *recipients):
        _check_address(address)
    with _connected(server, timeout) as client:
        with _smtp_errors(server):
            _log_in(client, server, login)
            _name_sender(client, server, sender, len(raw))
            refused = [refusal for each in recipients if (refusal := _name_recipient(client, each)) is not None]
        if len(refused) < len(recipients):
            before_text()
            _send_text(client, server, raw)
        return refused


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
    if not client.has_extn("auth"):
        raise needs_encryption(server)
    try:
        client.login(login.username, login.password)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError, UnicodeError) as error:
        refused = not_now if _is_temporary(getattr(error, "smtp_code", 0)) else login_refused
        raise refused(server, login) from None  # the server's words may repeat the password


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
    if code == _GO_AHEAD:
        code, words = _answer_to(client, server, _START_OF_LINE_DOT.sub(b"..", raw))
    if not _is_done(code):
        raise MessageRefused(f"{server} refused the message: {_reason(code, words)}", is_temporary=_is_temporary(code))


def _answer_to(client: smtplib.SMTP, server: Server, text: bytes) -> tuple[int, bytes]:
    """Send the whole text and its end (RFC 5321, section 4.1.1.4), and give the answer."""
    try:
        if client.sock is not None:
            client.sock.settimeout(ANSWER_TIMEOUT)
        client.send(text + (b".\r\n" if text.endswith(b"\r\n") else b"\r\n.\r\n"))
        return client.getreply()
    except OSError as error:  # smtplib's own errors are OSErrors, too
        raise OutcomeUnknown(
            f"{server} did not say whether it took the message: look into the folder of sent mail before sending again."
        ) from error


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


def _reason(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    printable = "".join(each for each in " ".join(text.split()) if each.isprintable())
    return f"{code} {printable[:_LONGEST_REASON]}".strip()
