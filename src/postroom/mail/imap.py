"""One pass over a real IMAP account (RFC 3501): read-only, without search by what mail says.

Every argument passes our own guard before IMAPClient sees it, which puts CR and LF on the wire.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient, imap_utf7
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from postroom.mail.headers import MAX_HEADER_BYTES
from postroom.mail.imap_connection import imap_connection, imap_errors, refuse_if_busy
from postroom.mail.parse import MAX_MESSAGE_BYTES
from postroom.mail.server import DEFAULT_TIMEOUT, Login, MailServerError, Server, guard

_SEARCH_WINDOW = 50_000  # messages: imaplib refuses an answer of more than a million bytes
_SIZES_AT_ONCE = 1000
_BATCH_MESSAGES = 100
_BATCH_BYTES = 8 * 1024 * 1024

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


class FolderFailed(MailServerError):
    """One folder could not be read; others may be."""


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


@contextmanager
def open_session(server: Server, login: Login, timeout: float = DEFAULT_TIMEOUT) -> Iterator["Session"]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError."""
    with imap_connection(server, login, timeout) as client:
        yield Session(client, server)


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
        with imap_errors(self._server):
            try:
                yield
            except IMAPClientAbortError:
                raise
            except (IMAPClientError, UnicodeError, KeyError, ValueError) as error:
                refuse_if_busy(self._server, error)
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
