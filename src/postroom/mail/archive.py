"""Mail archives: mbox, Maildir, folders of .eml files; one message at a time, none dropped.

The standard library's mailbox module is not used: it reads a whole mbox before the first message,
starts a new one at any line that begins with "From ", and raises where a file has vanished.
"""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain, pairwise
from pathlib import Path
from typing import BinaryIO

from postroom.mail.parse import MAX_MESSAGE_BYTES

_EXPECTED = "expected an mbox file, a Maildir, a folder of .eml files or one .eml file"
_MAILDIR = {"cur", "new", "tmp"}
_LINE_CHUNK = 64 * 1024
_DATED = re.compile(rb"From .*\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\b.*\d:\d\d.*\d{4}")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:|>From ")


class ArchiveError(ValueError):
    """A path that is no mail archive; the sentence says what was expected."""


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One message of an archive, or one file that could not be read: then `raw` is None and `problem` says why.

    `size` is what the message takes of archive_size(), in bytes. `raw` ends one byte after
    MAX_MESSAGE_BYTES: enough for parse_message to see that the message is too large.
    """

    raw: bytes | None
    source: str
    size: int
    problem: str | None


class _Kind(Enum):
    MBOX = auto()
    MESSAGE = auto()
    UNREADABLE = auto()


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    kind: _Kind
    size: int = 0
    problem: str | None = None


def read_archive(path: Path) -> Iterator[ArchivedMessage]:
    """Yield every message under `path`, in a stable order; raise ArchiveError if it is no mail archive."""
    if not path.exists():
        raise ArchiveError(f"{path} does not exist: {_EXPECTED}")
    files = _files(path)
    first = next(files, None)
    if first is None and not _is_maildir(path):
        raise ArchiveError(f"{path} holds no mail: {_EXPECTED}")
    if first is not None and first.path == path and first.problem is not None:
        raise ArchiveError(f"{path}: {first.problem}: {_EXPECTED}")
    return _messages(path.resolve().parent, chain([] if first is None else [first], files))


def archive_size(path: Path) -> int:
    """Give the bytes that read_archive() will go through, for a progress bar."""
    return sum(file.size for file in _files(path))


def _messages(base: Path, files: Iterator[_File]) -> Iterator[ArchivedMessage]:
    for file in files:
        source = _printable(base, file.path)
        if file.kind is _Kind.MBOX:
            yield from _read_mbox(file, source)
        elif file.kind is _Kind.MESSAGE:
            yield _read_message(file, source)
        else:
            yield ArchivedMessage(None, source, 0, file.problem)


def _printable(base: Path, path: Path) -> str:
    relative = os.path.relpath(path.absolute(), base)
    return os.fsencode(relative).decode("utf-8", "replace")


def _is_maildir(path: Path) -> bool:
    return path.is_dir() and all((path / name).is_dir() for name in _MAILDIR)


def _files(root: Path) -> Iterator[_File]:
    pending = [root]
    while pending:
        path = pending.pop()
        try:
            if path.is_dir():
                pending += reversed(_entries(path))
            else:
                yield _recognise(path)
        except OSError as error:
            yield _File(path, _Kind.UNREADABLE, problem=_reason(error))


def _entries(folder: Path) -> list[Path]:
    """List a folder, without symbolic links to folders: they may lead in a circle.

    Beside cur, new and its subfolders a Maildir holds only its server's own files; and tmp is not delivered yet.
    """
    entries = sorted(folder.iterdir())
    folders = [entry for entry in entries if entry.is_dir()]
    real = [entry for entry in folders if not entry.is_symlink()]
    if _is_maildir(folder):
        return [entry for entry in real if entry.name != "tmp"]
    files = [entry for entry in entries if entry not in set(folders) and not entry.name.startswith(".")]
    return files + real


def _recognise(path: Path) -> _File:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # reading from a pipe would wait for ever
        return _File(path, _Kind.UNREADABLE, problem="not a regular file")
    if path.suffix.lower() == ".eml" or (path.parent.name in _MAILDIR and _is_maildir(path.parent.parent)):
        return _File(path, _Kind.MESSAGE, status.st_size)
    with path.open("rb") as file:
        start = file.read(1000)
    if start.startswith(b"From ") or not start:
        return _File(path, _Kind.MBOX, status.st_size)
    return _File(path, _Kind.UNREADABLE, problem="not a mail file, neither mbox nor .eml")


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or type(error).__name__}"


def _read_message(file: _File, source: str) -> ArchivedMessage:
    try:
        with file.path.open("rb") as stream:
            return ArchivedMessage(stream.read(MAX_MESSAGE_BYTES + 1), source, file.size, None)
    except OSError as error:
        return ArchivedMessage(None, source, file.size, _reason(error))


def _read_mbox(file: _File, source: str) -> Iterator[ArchivedMessage]:
    number = 0
    try:
        with file.path.open("rb") as stream:
            for raw, size in _split_mbox(stream):
                number += 1
                yield ArchivedMessage(raw, f"{source} message {number}", size, None)
    except OSError as error:
        yield ArchivedMessage(None, f"{source} after message {number}", 0, _reason(error))


def _split_mbox(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the bytes of each message (RFC 4155) and its size in the file, which counts its From line."""
    message = bytearray()
    size = 0
    previous = b"\n"
    for line, following in pairwise(chain(iter(lambda: stream.readline(_LINE_CHUNK), b""), [b""])):
        if line.startswith(b"From ") and _starts_message(previous, line, following):
            if size:
                yield _without_last_line_break(message), size
            message, size = bytearray(), len(line)
        else:
            size += len(line)
            message += line[: MAX_MESSAGE_BYTES + 1 - len(message)]
        previous = line
    if size:
        yield _without_last_line_break(message), size


def _starts_message(previous: bytes, line: bytes, following: bytes) -> bool:
    """Tell a From line from a sentence that begins with "From ": by its date, or by its neighbours."""
    if not previous.endswith(b"\n"):
        return False
    return bool(_DATED.match(line) or (previous in {b"\n", b"\r\n"} and _FIELD.match(following)))


def _without_last_line_break(message: bytearray) -> bytes:
    """Take away the empty line that ends a message in an mbox and is not part of it."""
    for ending in (b"\r\n", b"\n"):
        if message.endswith(b"\n" + ending):
            return bytes(message[: -len(ending)])
    return bytes(message)
