"""One pass over a real IMAP account (RFC 3501): read-only, without search by what mail says.

Every argument passes our own guard before IMAPClient sees it, which puts CR and LF on the wire.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from postroom.mail.folder_names import SKIPPED_NAMES
from postroom.mail.headers import MAX_HEADER_BYTES
from postroom.mail.imap_connection import (
    TOO_MUCH,
    Client,
    answered_in_time,
    imap_connection,
    imap_errors,
    refuse_if_busy,
)
from postroom.mail.imap_idle import Idling
from postroom.mail.parse import MAX_MESSAGE_BYTES
from postroom.mail.server import DEFAULT_TIMEOUT, FORBIDDEN, Login, MailServerError, Server, guard

_SEARCH_WINDOW = 50_000  # messages: an answer is one line, and stays well below a million bytes
_AT_ONCE = 500  # UIDs in a command: servers take lines of 8192 octets at least (RFC 7162, section 4)
MOST_AT_ONCE = 100  # messages
_BATCH_BYTES = 8 * 1024 * 1024
_MOST_VANISHED = 1000  # UIDs: where more are named, comparing everything costs no more

_NUMBERS = re.compile(rb"\d+(:\d+)?(,\d+(:\d+)?)*")  # RFC 3501, section 9: sequence-set, without "*"
_UNSELECTABLE = {"\\noselect", "\\nonexistent"}  # RFC 3501, section 7.2.2; RFC 5258, section 3
_SKIPPED = {"\\drafts": "\\Drafts", "\\junk": "\\Junk", "\\trash": "\\Trash"}  # RFC 6154: unsent or unwanted
_DRAFT_LABELS = {rb"\draft", rb"\drafts"}  # Gmail's X-GM-LABELS
_VIRTUAL = {"\\all": "\\All", "\\flagged": "\\Flagged"}  # the same messages once more


class FolderFailed(MailServerError):
    """One folder could not be read; others may be."""


class Figures(NamedTuple):
    """What a server says of a folder: if two are equal, nothing has come or gone, and no flag was changed.

    UIDs mean something under `uidvalidity` only. Not every server gives the others: without `highestmodseq`
    (RFC 7162) nothing is known of flags.
    """

    uidvalidity: int
    uidnext: int | None
    messages: int
    highestmodseq: int | None


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """A folder that can be read; `skipped` names the reason why its mail is not shared, if there is one.

    Its figures are those that the server gave along with the list, where it does so.
    """

    name: str
    skipped: str | None
    figures: Figures | None = None


class Changes(NamedTuple):
    """What has happened to messages of a folder: the flags of those that are there, and the UIDs of those that are not.

    A server may name UIDs that nobody ever saw (RFC 7162, section 3.2.6). `vanished` is None where it does not say
    what is gone, or names so many that it tells nothing.
    """

    flags: dict[int, str]
    vanished: list[int] | None


@dataclass(frozen=True, slots=True)
class FetchedMessage:
    """A message from a folder; `raw` is None if it is gone or unsent, its headers alone if it was `truncated`."""

    uid: int
    raw: bytes | None
    truncated: bool
    flags: str = ""


@contextmanager
def open_session(server: Server, login: Login, timeout: float = DEFAULT_TIMEOUT) -> Iterator["Session"]:
    """Connect, log in, and log out at the end; `timeout` in seconds. Raises a MailServerError."""
    with imap_connection(server, login, timeout) as client:
        with imap_errors(server), answered_in_time(client):
            enabled = _enabled(client)
        yield Session(client, server, tells_vanished="QRESYNC" in enabled)


def _enabled(client: Client) -> set[str]:
    """Enable what tells of changes (RFC 7162), so that modifications count from the beginning; give what is enabled."""
    wanted = [name for name in ("CONDSTORE", "QRESYNC") if client.has_capability(name)]
    if not wanted or not client.has_capability("ENABLE"):
        return set()
    return {name.decode("ascii", "replace").upper() for name in client.enable(*wanted)}


class Session:
    """A logged-in connection to one account, by which `arrivals` is the folder that new mail comes to, if it is known.

    Made by open_session().
    """

    arrivals: str | None = None

    def __init__(self, client: Client, server: Server, *, tells_vanished: bool) -> None:
        self._client = client
        self._server = server
        self._wire_names: dict[str, bytes] = {}
        self._namespaces: list[tuple[bytes, bool]] | None = None
        self._exists = 0
        self._has_modseq = client.has_capability("CONDSTORE")
        self._is_gmail = client.has_capability("X-GM-EXT-1")
        self._tells_vanished = tells_vanished
        # Of Gmail's folders one is read: the figures of the others would be for nothing.
        self._lists_figures = not self._is_gmail and all(map(client.has_capability, ("LIST-STATUS", "SPECIAL-USE")))

    def folders(self) -> list[ListedFolder]:
        """List the folders that can be read, in the server's order."""
        (listed, figures), namespaces = self._listed(), self._asked_namespaces()
        only_all = self._is_gmail and any("\\all" in each.attributes for each in listed)
        own = {each.wire for each in listed if _is_own(each.wire, namespaces)}
        marked = {attribute for each in listed if each.wire in own for attribute in each.attributes}
        readable = [each for each in listed if not each.attributes & _UNSELECTABLE]
        self._wire_names = {each.name: each.wire for each in readable}
        self.arrivals = next((each.name for each in readable if _is_for_arrivals(each, only_all=only_all)), None)
        return [
            ListedFolder(
                each.name,
                _why_skipped(each, marked, is_own=each.wire in own, only_all=only_all),
                _told(figures.get(each.wire, {})),
            )
            for each in readable
        ]

    def _listed(self) -> tuple[list["_Listing"], dict[bytes, dict[bytes, Any]]]:
        """Give the list, and by the names on the wire what STATUS would say, if the server tells so (RFC 5819).

        One that offers it and fails at it is not asked so again.
        """
        if self._lists_figures:
            with suppress(FolderFailed), self._errors("the list of folders with their figures"):
                entries, figures = self._client.list_with_status(self._items)
                return [_Listing(*entry) for entry in entries], figures
            self._lists_figures = False
        with self._errors("the list of folders"):
            return [_Listing(*entry) for entry in self._client.list_folders()], {}

    def _asked_namespaces(self) -> list[tuple[bytes, bool]]:
        """Give the namespaces, which are the same as long as the connection lasts."""
        if self._namespaces is None:
            with self._errors("the namespaces of folders"):
                self._namespaces = self._client.namespaces() if self._client.has_capability("NAMESPACE") else []
        return self._namespaces

    @property
    def _items(self) -> list[str]:
        return ["MESSAGES", "UIDVALIDITY", "UIDNEXT"] + ["HIGHESTMODSEQ"] * self._has_modseq

    def figures(self, name: str) -> Figures | None:
        """Give what the server says of a folder without opening it; None where it does not say enough."""
        wire = self._wire(name)
        with self._errors(f"the figures of {_printable(name)}"):
            return _told(self._client.folder_status(wire, self._items))

    def select(self, name: str) -> Figures:
        """Open a folder read-only."""
        wire = self._wire(name)
        with self._errors(f"the folder {_printable(name)}"):
            state = self._client.select_folder(wire, readonly=True)
            figures = Figures(state[b"UIDVALIDITY"], state.get(b"UIDNEXT"), state[b"EXISTS"], _modseq(state))
        self._exists = figures.messages
        return figures

    def uids(self, *, above: int = 0, since: int = 0) -> list[int]:
        """List the UIDs in the open folder, ascending: those above one, of messages that came since a day.

        `since` (epoch seconds, 0 for all) is compared with when the server got a message, by its own calendar.
        """
        criteria: list[object] = ["UID", f"{above + 1}:*"] if above else []
        if since:
            criteria += ["SINCE", datetime.fromtimestamp(since, UTC).date()]
        with self._errors("the list of messages"):
            return sorted({uid for uid in self._search(criteria) if uid > above})  # n:* names the last in any case

    def _search(self, criteria: Sequence[object]) -> Iterator[int]:
        """Yield UIDs, some twice: what is expunged meanwhile moves messages into windows that are still to come."""
        for start in reversed(range(1, self._exists + 1, _SEARCH_WINDOW)):
            end = min(start + _SEARCH_WINDOW - 1, self._exists)
            yield from self._client.search([f"{start}:{end}", *criteria])

    def changes(self, up_to: int, since: int, *, with_vanished: bool = True) -> Changes:
        """Give what has happened in the open folder to UIDs up to one after a modification (RFC 7162)."""
        with_vanished = with_vanished and self._tells_vanished
        if up_to < 1:
            return Changes({}, [])
        with self._errors("what has changed"):
            answers, vanished = self._client.changes(f"1:{up_to}", since, with_vanished=with_vanished)
            flags = {uid: _flags(answer) for uid, answer in answers.items() if uid <= up_to and b"FLAGS" in answer}
            return Changes(flags, _numbers(vanished, up_to) if with_vanished else None)

    def flags(self, uids: Sequence[int]) -> dict[int, str]:
        """Give the flags of messages of the open folder, those that are there."""
        with self._errors("the flags"):
            return {
                uid: _flags(answer)
                for start in range(0, len(uids), _AT_ONCE)
                for uid, answer in self._client.fetch(uids[start : start + _AT_ONCE], ["FLAGS"]).items()
            }

    def fetch(self, uids: Sequence[int]) -> Iterator[FetchedMessage]:
        """Yield messages of the open folder, in the order given, and set no flag; MOST_AT_ONCE are asked for at once.

        Of a message above MAX_MESSAGE_BYTES only the first MAX_HEADER_BYTES of headers come, and of a draft among
        Gmail's mail nothing: it lies there without a flag that would say so.
        """
        for start in range(0, len(uids), _AT_ONCE):
            some = uids[start : start + _AT_ONCE]
            with self._errors("the sizes of messages"):
                answers = self._client.fetch(some, ["RFC822.SIZE"] + ["X-GM-LABELS"] * self._is_gmail)
                sizes = {uid: answer.get(b"RFC822.SIZE") or 0 for uid, answer in answers.items()}
                drafts = {uid for uid, answer in answers.items() if _is_draft(answer)}
            yield from (FetchedMessage(uid, None, truncated=False) for uid in some if uid in drafts)
            for batch in _batches([uid for uid in some if uid not in drafts], sizes):
                yield from self._bodies(batch, truncated=sizes.get(batch[0], 0) > MAX_MESSAGE_BYTES)

    def _bodies(self, batch: list[int], *, truncated: bool) -> Iterator[FetchedMessage]:
        section = f"BODY.PEEK[HEADER]<0.{MAX_HEADER_BYTES}>" if truncated else "BODY.PEEK[]"
        key = b"BODY[HEADER]<0>" if truncated else b"BODY[]"
        with self._errors("the messages"):
            answers = self._client.fetch(batch, [section, "FLAGS"])
            came = [(uid, _text(answers.get(uid, {}), key), _flags(answers.get(uid, {}))) for uid in batch]
        withheld = self.flags([uid for uid, raw, _ in came if raw is None])
        for uid, raw, flags in came:
            if uid not in withheld:
                yield FetchedMessage(uid, raw, truncated, flags)
        if withheld:
            raise FolderFailed(f"{self._server} gave no text of message {min(withheld)}, which is there")

    @property
    def can_idle(self) -> bool:
        """Say whether the server offers to say when something comes."""
        return bool(self._client.has_capability("IDLE"))

    def idle(self) -> Idling:
        """Wait for news of the open folder; nothing else can be asked until that is ended."""
        with self._errors("news of the folder"):
            return Idling(self._client, self._server)

    def _wire(self, name: str) -> bytes:
        guard(name, "folder name")
        wire: bytes = self._wire_names.get(name) or imap_utf7.encode(name)
        return wire

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        with imap_errors(self._server), answered_in_time(self._client):
            try:
                yield
            except IMAPClientAbortError:
                raise
            except (IMAPClientError, AttributeError, LookupError, TypeError, ValueError) as error:  # no words of IMAP
                refuse_if_busy(self._server, error, TOO_MUCH)
                raise FolderFailed(f"{self._server} did not give {what}: {_printable(str(error))}") from error


def _batches(uids: Sequence[int], sizes: dict[int, Any]) -> Iterator[list[int]]:
    """Group UIDs so that a batch stays small in memory; a message that is too large stands alone."""
    batch: list[int] = []
    total = 0
    for uid in uids:
        size = sizes.get(uid) or 0
        if batch and (total + size > _BATCH_BYTES or len(batch) == MOST_AT_ONCE):
            yield batch
            batch, total = [], 0
        batch.append(uid)
        total += size
    if batch:
        yield batch


class _Listing:
    """One line of a list of folders (RFC 3501, section 7.2.2)."""

    def __init__(self, flags: Sequence[bytes], delimiter: bytes | None, wire: bytes | str) -> None:
        self.attributes = {flag.decode("ascii", "replace").lower() for flag in flags}
        self.wire = wire.encode() if isinstance(wire, str) else wire
        self.name = _decode_name(self.wire)
        self.last_part = self.name.rpartition((delimiter or b"/").decode())[2]


def _is_own(name: bytes, namespaces: Sequence[tuple[bytes, bool]]) -> bool:
    """Say whether a folder is the user's own: the longest beginning of its name decides, and INBOX is in any case."""
    known = [(len(beginning), own) for beginning, own in namespaces if name.startswith(beginning)]
    return name.upper() == b"INBOX" or max(known, default=(0, True))[1]


def _why_skipped(listing: _Listing, marked: Collection[str], *, is_own: bool, only_all: bool) -> str | None:
    """Give the reason why a folder is not read; names count only where no folder is marked for that use.

    Of Gmail (`only_all`) one folder is read, which holds every message once: labels are folders there.
    """
    if FORBIDDEN.search(listing.name):
        return "its name holds a line break"
    if not is_own:
        return "it is not the user's own"
    if only_all:
        return None if "\\all" in listing.attributes else "its messages are in \\All"
    skipped = _SKIPPED | _VIRTUAL
    reason = next((text for flag, text in skipped.items() if flag in listing.attributes), None)
    by_name = SKIPPED_NAMES.get(listing.last_part.casefold())
    if reason is None and by_name is not None and by_name.lower() not in marked:
        return by_name
    return reason


def _is_for_arrivals(listing: _Listing, *, only_all: bool) -> bool:
    """Say whether new mail comes to this folder: in Gmail all mail is in one, and else it comes to the INBOX."""
    return "\\all" in listing.attributes if only_all else listing.name.casefold() == "inbox"


def _text(answer: dict[bytes, Any], key: bytes) -> bytes | None:
    text = answer.get(key)
    if text is None or isinstance(text, bytes):
        return text
    raise ValueError("what came in place of a message is none")


def _told(status: dict[bytes, Any]) -> Figures | None:
    if not {b"UIDVALIDITY", b"UIDNEXT", b"MESSAGES"} <= status.keys():
        return None
    return Figures(status[b"UIDVALIDITY"], status[b"UIDNEXT"], status[b"MESSAGES"], _modseq(status))


def _modseq(state: dict[bytes, Any]) -> int | None:
    """Give the highest modification; none where the folder keeps none (RFC 7162, section 3.1.2.2)."""
    return state.get(b"HIGHESTMODSEQ") or None


def _flags(answer: dict[bytes, Any]) -> str:
    """Give the flags in order, without the one that is about a session and not about the message."""
    given = (flag.decode("ascii", "replace") for flag in answer.get(b"FLAGS", ()))
    return " ".join(sorted(flag for flag in given if flag.lower() != "\\recent"))


def _numbers(sequence: bytes, up_to: int) -> list[int] | None:
    """Read the numbers up to one in a sequence such as 3:5,9; None where it is none, or they are too many."""
    if sequence and not _NUMBERS.fullmatch(sequence):
        return None
    found: set[int] = set()
    for part in sequence.split(b",") if sequence else ():
        ends = [int(end) for end in part.split(b":")]
        some = range(min(ends), min(max(ends), up_to) + 1)
        if len(found) + len(some) > _MOST_VANISHED:
            return None
        found.update(some)
    return sorted(found)


def _is_draft(answer: dict[bytes, Any]) -> bool:
    """Say whether Gmail has a message among its drafts: a label of a user's own begins with no backslash."""
    labels = answer.get(b"X-GM-LABELS")
    given = labels if isinstance(labels, tuple) else ()
    return any(isinstance(label, bytes) and label.lower() in _DRAFT_LABELS for label in given)


def _decode_name(wire: bytes) -> str:
    """Decode modified UTF-7 (RFC 3501, section 5.1.3); a name that is not has its bytes shown."""
    try:
        name = str(imap_utf7.decode(wire))
        name.encode()  # half a character alone could not be stored
    except (UnicodeError, ValueError):
        return wire.decode("ascii", "backslashreplace")
    return name


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable())[:200]
