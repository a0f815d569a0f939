"""One pass over a real IMAP account (RFC 3501): read-only, without search by what mail says.

Every argument passes our own guard before IMAPClient sees it, which puts CR and LF on the wire.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imapclient import IMAPClient, imap_utf7
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError

from postroom.mail.headers import MAX_HEADER_BYTES
from postroom.mail.parse import MAX_MESSAGE_BYTES

DEFAULT_TIMEOUT = 60  # seconds
_PORTS = 65536
_SEARCH_WINDOW = 50_000  # messages: imaplib refuses an answer of more than a million bytes
_SIZES_AT_ONCE = 1000
_BATCH_MESSAGES = 100
_BATCH_BYTES = 8 * 1024 * 1024

_FORBIDDEN = re.compile(r"[\r\n\x00]")
_UNSELECTABLE = {"\\noselect", "\\nonexistent"}  # RFC 3501, section 7.2.2; RFC 5258, section 3
_SKIPPED = {"\\drafts": "\\Drafts", "\\junk": "\\Junk", "\\trash": "\\Trash"}  # RFC 6154: unsent or unwanted
_VIRTUAL = {"\\all": "\\All", "\\flagged": "\\Flagged"}  # the same messages once more
_SKIPPED_BY_NAME = {
    "deleted items": "\\Trash",
    "deleted messages": "\\Trash",
    "drafts": "\\Drafts",
    "junk": "\\Junk",
    "spam": "\\Junk",
    "trash": "\\Trash",
}


class MailServerError(Exception):
    """The mail server could not be used; the sentence says what to do and holds no secret."""


class GuardError(MailServerError, ValueError):
    """A value that must not reach the wire."""


class AuthenticationFailed(MailServerError):
    """The server refused the name or the password."""


class CertificateRejected(MailServerError):
    """The server's certificate is not valid for its name, or nobody here trusts its issuer."""


class FolderFailed(MailServerError):
    """One folder could not be read; others may be."""


class ConnectionFailed(MailServerError):
    """No connection, or one that broke or fell silent."""


class Security(StrEnum):
    """How the connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mailbox is served."""

    host: str
    port: int
    security: Security

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that can be read; `skipped` names the reason why its mail is not shared, if there is one."""

    name: str
    skipped: str | None


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder as it was when selected; `uids` ascend and mean something under `uidvalidity` only."""

    name: str
    uidvalidity: int
    uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FetchedMessage:
    """A message from a folder; `raw` is None if it is gone, its headers alone if it was `truncated`."""

    uid: int
    raw: bytes | None
    truncated: bool


def guard(value: str, what: str) -> str:
    """Give `value` back, or raise GuardError if it holds what could end an IMAP command."""
    if _FORBIDDEN.search(value):
        raise GuardError(f"The {what} holds a line break or a NUL character: correct it.")
    return value


@contextmanager
def open_session(server: Server, username: str, password: str, timeout: float = DEFAULT_TIMEOUT) -> Iterator["Session"]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError.

    The certificate is verified against the system's authorities, or those in SSL_CERT_FILE.
    """
    _check_arguments(server, username, password)
    with _connection_errors(server):
        client = _connect(server, timeout)
    with client:
        _login(client, server, username, password)
        yield Session(client, server)


def _check_arguments(server: Server, username: str, password: str) -> None:
    for value, what in ((server.host, "host name"), (username, "user name"), (password, "password")):
        guard(value, what)
        if not value:
            raise GuardError(f"The {what} is empty: give one.")
    if not 0 < server.port < _PORTS:
        raise GuardError(f"The port {server.port} does not exist: give one from 1 to 65535.")


def _connect(server: Server, timeout: float) -> IMAPClient:
    context = ssl.create_default_context()
    tls = server.security is Security.TLS
    client = IMAPClient(server.host, server.port, ssl=tls, ssl_context=context, timeout=timeout)
    client.folder_encode = False  # one undecodable name must not hide all folders
    if server.security is Security.STARTTLS:
        try:
            client.starttls(context)
        except BaseException:
            with suppress(OSError):  # a failed handshake has closed the socket already
                client.shutdown()
            raise
    return client


@contextmanager
def _connection_errors(server: Server) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise CertificateRejected(
            f"The certificate of {server} was refused ({error.verify_message}): check the host name, or name the"
            " file of your certificate authority in SSL_CERT_FILE."
        ) from error
    except ssl.SSLError as error:
        raise ConnectionFailed(
            f"{server} does not speak TLS as expected ({error.reason}): check port and security."
        ) from error
    except (socket.gaierror, UnicodeError) as error:
        raise ConnectionFailed(f"The host {server.host} was not found: check its name.") from error
    except TimeoutError as error:
        raise ConnectionFailed(f"{server} did not answer in time: check host, port and security.") from error
    except OSError as error:
        raise ConnectionFailed(f"{server} cannot be reached ({error.strerror}): check host and port.") from error
    except CapabilityError as error:
        raise ConnectionFailed(f"{server} offers no STARTTLS: use tls, on the port for it.") from error
    except IMAPClientAbortError as error:
        raise ConnectionFailed(f"{server} ended the connection: check port and security, try later.") from error


def _login(client: IMAPClient, server: Server, username: str, password: str) -> None:
    with _connection_errors(server):
        offered = {capability.decode("ascii", "replace") for capability in client.capabilities()}
        if "LOGINDISABLED" in offered:
            raise AuthenticationFailed(f"{server} takes no password without encryption: use tls or starttls.")
        try:
            if "AUTH=PLAIN" in offered:
                client.plain_login(username, password)
            else:
                client.login(_quoted(username), password)
        except IMAPClientAbortError:
            raise
        except (IMAPClientError, UnicodeError):  # from None: the server's words may repeat the password
            raise AuthenticationFailed(
                f"{server} refused the user name or the password of {username}: check both."
            ) from None


def _quoted(text: str) -> str:
    """Give a quoted string (RFC 3501, section 9): imaplib quotes the password only."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Session:
    """A logged-in connection to one account. Made by open_session()."""

    def __init__(self, client: IMAPClient, server: Server) -> None:
        self._client = client
        self._server = server
        self._wire_names: dict[str, bytes] = {}

    def folders(self) -> list[Folder]:
        """List the folders that can be read, in the server's order."""
        with self._errors("the list of folders"):
            listed = self._client.list_folders()
            special = self._client.has_capability("SPECIAL-USE")
        return [folder for entry in listed if (folder := self._folder(*entry, special=special)) is not None]

    def _folder(
        self, flags: Sequence[bytes], delimiter: bytes | None, wire: bytes | str, *, special: bool
    ) -> Folder | None:
        wire = wire.encode() if isinstance(wire, str) else wire
        attributes = {flag.decode("ascii", "replace").lower() for flag in flags}
        if attributes & _UNSELECTABLE:
            return None
        name = _decode_name(wire)
        self._wire_names[name] = wire
        reason = next((text for flag, text in (_SKIPPED | _VIRTUAL).items() if flag in attributes), None)
        if reason is None and not special:
            reason = _SKIPPED_BY_NAME.get(name.rpartition((delimiter or b"/").decode())[2].lower())
        return Folder(name, reason)

    def select(self, name: str) -> FolderState:
        """Open a folder read-only and list the UIDs in it."""
        guard(name, "folder name")
        with self._errors(f"the folder {_printable(name)}"):
            wire = self._wire_names.get(name) or imap_utf7.encode(name)
            state = self._client.select_folder(wire, readonly=True)
            uids = sorted(set(self._uids(state[b"EXISTS"])))
            return FolderState(name, state[b"UIDVALIDITY"], tuple(uids))

    def _uids(self, exists: int) -> Iterator[int]:
        for start in range(1, exists + 1, _SEARCH_WINDOW):
            end = min(start + _SEARCH_WINDOW - 1, exists)
            yield from self._client.search([f"{start}:{end}"])

    def fetch(self, uids: Sequence[int]) -> Iterator[FetchedMessage]:
        """Yield messages of the selected folder, in the order given, and set no flag.

        Of a message above MAX_MESSAGE_BYTES only the first MAX_HEADER_BYTES of headers come.
        """
        for start in range(0, len(uids), _SIZES_AT_ONCE):
            some = uids[start : start + _SIZES_AT_ONCE]
            sizes = self._items(some, "RFC822.SIZE")
            for batch in _batches(some, sizes):
                yield from self._bodies(batch, sizes)

    def _bodies(self, batch: list[int], sizes: dict[int, Any]) -> Iterator[FetchedMessage]:
        truncated = sizes.get(batch[0], 0) > MAX_MESSAGE_BYTES
        section = f"BODY.PEEK[HEADER]<0.{MAX_HEADER_BYTES}>" if truncated else "BODY.PEEK[]"
        found = self._items(batch, section)
        for uid in batch:
            yield FetchedMessage(uid, found.get(uid), truncated)

    def _items(self, uids: Sequence[int], item: str) -> dict[int, Any]:
        key = re.sub(r"\.PEEK|(?<=<0)\.\d+", "", item).encode("ascii")
        with self._errors("the messages"):
            return {uid: data.get(key) for uid, data in self._client.fetch(uids, [item]).items()}

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        with _connection_errors(self._server):
            try:
                yield
            except IMAPClientAbortError:
                raise
            except (IMAPClientError, UnicodeError, KeyError, ValueError) as error:
                raise FolderFailed(f"{self._server} did not give {what}: {_printable(str(error))}") from error


def _batches(uids: Sequence[int], sizes: dict[int, Any]) -> Iterator[list[int]]:
    """Group UIDs so that a batch stays small in memory; a message that is too large stands alone."""
    batch: list[int] = []
    total = 0
    for uid in uids:
        size = sizes.get(uid) or 0
        if batch and (total + size > _BATCH_BYTES or len(batch) == _BATCH_MESSAGES):
            yield batch
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield batch


def _decode_name(wire: bytes) -> str:
    """Decode modified UTF-7 (RFC 3501, section 5.1.3); a name that is not has its bytes shown."""
    try:
        return str(imap_utf7.decode(wire))
    except (UnicodeError, ValueError):
        return wire.decode("ascii", "backslashreplace")


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:200]
