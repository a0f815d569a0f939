"""What every connection to a mail server has: where it leads, who logs in, and what can go wrong.

Each error carries its kind of `trouble`, from which follows when the mailbox is tried again (core/retries.py):

| trouble | what raises it | what happens |
| --- | --- | --- |
| authentication | a refused name or password; no password without encryption | once more where it worked, then stops |
| throttled | a server that is busy or limits us, by its response code | waits 5 minutes, doubling, up to 2 hours |
| transient | network, DNS, time-outs, broken conversations | waits half a minute, doubling, up to half an hour |
| permanent | a certificate, a value or a setting that is wrong | waits an hour each time |
"""

import math
import re
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Event, Lock, Thread
from typing import ClassVar

from postroom.core.model import Security, Trouble

OAUTHBEARER, XOAUTH2 = "OAUTHBEARER", "XOAUTH2"
DEFAULT_TIMEOUT = 60  # seconds in which a server must say something
ANSWER_SECONDS = 300  # for a whole answer, however steadily it comes
_PORTS = 65536
_LOOK_EVERY = 0.25  # seconds
_LOOKS_AT_NOTHING = 20  # until the thread ends that looks

FORBIDDEN = re.compile(r"[\r\n\x00]")


class MailServerError(Exception):
    """The mail server could not be used; the sentence says what to do and holds no secret."""

    trouble: ClassVar[Trouble] = Trouble.TRANSIENT


class GuardError(MailServerError, ValueError):
    """A value that must not reach the wire."""

    trouble = Trouble.PERMANENT


class AuthenticationFailed(MailServerError):
    """The server refused the name or the password."""

    trouble = Trouble.AUTHENTICATION


class CertificateRejected(MailServerError):
    """The server's certificate is not valid for its name, or nobody here trusts its issuer."""

    trouble = Trouble.PERMANENT


class Throttled(MailServerError):
    """The server works, and wants to be asked less or later."""

    trouble = Trouble.THROTTLED


class ConnectionFailed(MailServerError):
    """No connection, or one that broke, fell silent, or brought a refusal in place of what was asked for."""


class TimedOut(ConnectionFailed):
    """The server said nothing for too long."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is served; `ca_certificates` (PEM) are trusted in place of the system's authorities."""

    host: str
    port: int
    security: Security
    ca_certificates: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """Give what verifies the server's certificate: against its own authorities, or the system's or SSL_CERT_FILE's.

        Raises GuardError where its own are no certificates.
        """
        paths = ssl.get_default_verify_paths()
        store = Path(paths.cafile or paths.openssl_cafile)
        changed_at = store.stat().st_mtime_ns if store.exists() else 0
        try:
            return _context(self.ca_certificates, paths, changed_at)
        except (ssl.SSLError, TypeError, ValueError) as error:
            raise GuardError("The certificates of the authority are not in PEM form: give others.") from error


@lru_cache(maxsize=64)
def _context(certificates: str | None, _paths: ssl.DefaultVerifyPaths, _changed_at: int) -> ssl.SSLContext:
    """Give what verifies certificates. Reading a system's authorities takes longer than all else of a quiet pass."""
    return ssl.create_default_context(cadata=certificates)


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, and with which password, or which access token in its place."""

    username: str
    password: str = field(repr=False)
    is_token: bool = False

    def as_token(self, mechanism: str) -> str:
        """Give what a server is told: by OAUTHBEARER (RFC 7628, section 3.1), or by the XOAUTH2 that was before it."""
        if mechanism == OAUTHBEARER:
            escaped = self.username.replace("=", "=3D").replace(",", "=2C")  # RFC 5801, section 4
            return f"n,a={escaped},\1auth=Bearer {self.password}\1\1"
        return f"user={self.username}\1auth=Bearer {self.password}\1\1"


def mechanism_for_token(server: Server, offered: Collection[str]) -> str:
    """Give the mechanism by which a server takes an access token. Raises AuthenticationFailed where there is none."""
    for mechanism in (OAUTHBEARER, XOAUTH2):
        if mechanism in offered:
            return mechanism
    raise AuthenticationFailed(f"{server} takes no access tokens like this: use tls, or a password.")


def login_refused(server: Server, login: Login) -> AuthenticationFailed:
    """Give what is said of a refused login; never in the server's words, which may repeat the password."""
    if login.is_token:
        return AuthenticationFailed(
            f"{server} refused the access token of {login.username}: check the user name, and that its mail account"
            " lets programs in; allow access again with 'postroom mailbox login'."
        )
    return AuthenticationFailed(
        f"{server} refused the user name or the password of {login.username}: check both. An account with two-step"
        " verification needs a password made for programs."
    )


def not_now(server: Server, login: Login) -> Throttled:
    """Give what is said of a login that is refused for the moment."""
    return Throttled(f"{server} cannot let {login.username} in now: try later.")


def needs_encryption(server: Server) -> AuthenticationFailed:
    """Give what is said of a server that takes no password on this connection."""
    return AuthenticationFailed(f"{server} takes no password like this: use tls or starttls.")


def guard(value: str, what: str) -> str:
    """Give `value` back, or raise GuardError if it holds what could end an IMAP command."""
    if FORBIDDEN.search(value):
        raise GuardError(f"The {what} holds a line break or a NUL character: correct it.")
    return value


def check_arguments(server: Server, login: Login) -> None:
    """Raise GuardError if anything that goes on the wire is empty, or could end a command."""
    for value, what in ((server.host, "host name"), (login.username, "user name"), (login.password, "password")):
        guard(value, what)
        if not value:
            raise GuardError(f"The {what} is empty: give one.")
    if not 0 < server.port < _PORTS:
        raise GuardError(f"The port {server.port} does not exist: give one from 1 to 65535.")


class _Watch:
    """Hangs up on servers whose time is over. One thread looks at all connections, while there are any."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looks_left: dict[object, tuple[socket.socket, int]] = {}
        self._looks_until_end = 0

    @contextmanager
    def over(self, sock: socket.socket, seconds: float) -> Iterator[None]:
        """Watch a connection while the block runs."""
        key = object()
        with self._lock:
            self._looks_left[key] = sock, math.ceil(seconds / _LOOK_EVERY)
            if not self._looks_until_end:
                Thread(target=self._run, daemon=True).start()
            self._looks_until_end = _LOOKS_AT_NOTHING
        try:
            yield
        finally:
            with self._lock:
                self._looks_left.pop(key, None)

    def _run(self) -> None:
        pause = Event()
        while not pause.wait(_LOOK_EVERY) and self._look():
            pass

    def _look(self) -> bool:
        """Look once at each connection; say whether to go on, which is for a while where there is none."""
        with self._lock:
            self._looks_until_end = _LOOKS_AT_NOTHING if self._looks_left else self._looks_until_end - 1
            for key, (sock, looks) in list(self._looks_left.items()):
                if looks == 0:
                    hang_up(sock)
                self._looks_left[key] = sock, looks - 1
            return self._looks_until_end > 0


_WATCH = _Watch()


@contextmanager
def hung_up_after(sock: socket.socket | None, seconds: float) -> Iterator[None]:
    """End the connection of a server that always says something in time, and never comes to an end."""
    with nullcontext() if sock is None else _WATCH.over(sock, seconds):
        yield


def hang_up(sock: socket.socket) -> None:
    """End a connection at once, also while another thread reads from it."""
    with suppress(OSError):  # it is over already
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not that of TLS, which would wait for the server


@contextmanager
def connection_errors(server: Server) -> Iterator[None]:
    """Turn what a socket or TLS raises into a MailServerError."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise CertificateRejected(
            f"The certificate of {server} was refused ({error.verify_message}): check the host name, or name the"
            " file of your certificate authority with --ca-file, or for all servers in SSL_CERT_FILE."
        ) from error
    except ssl.SSLError as error:
        raise ConnectionFailed(
            f"{server} does not speak TLS as expected ({error.reason}): check port and security."
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        raise ConnectionFailed(f"The host {server.host} was not found: check its name.") from error
    except TimeoutError as error:
        raise TimedOut(f"{server} did not answer in time: check host, port and security.") from error
    except OSError as error:
        raise ConnectionFailed(f"{server} cannot be reached ({error.strerror}): check host and port.") from error
