"""Header fields of damaged and hostile mail, read in time linear in their length.

The standard library takes seconds for 40 kB of quotes in an address list, and raises on real mail;
hence a reader of our own for address lists, and a cut to length before anything else.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from postroom.mail.charsets import decode_8bit, decode_charset

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELDS = 1000
MAX_FIELD_BYTES = 8 * 1024  # of a field that is not a list of addresses

_LONGEST_HEAD = 4 * MAX_HEADER_BYTES

_FIELD = re.compile(rb"[!-9;-~]++[ \t]*+:")
_LINES = re.compile(rb"(?P<name>[!-9;-~]++)[ \t]*+:(?P<value>.*+(?:\n[ \t].*+)*+)\n?|(?P<other>.*+)\n?")
_NO_FIELD = re.compile(rb"\s*+\Z|>?From ")  # an empty line, or one that a mailbox in mbox format left there
_HEAD_END = re.compile(rb"\n\r?\n")
_WORD = re.compile(r"=\?(?P<charset>[^?*\s]+)(?:\*[^?\s]*)?\?(?P<encoding>[bBqQ])\?(?P<text>[^?]*)\?=")
_ITEM = re.compile(
    r"""(?P<escaped>\\.)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | \((?P<comment>(?:[^()\\]|\\.)*)\)
      | <(?P<angle>[^<>]*)>
      | (?P<end>[,;])
      | (?P<group>:)
      | (?P<stray>["()<>\\])
      | (?P<text>[^"()<>\\,;:]+)""",
    re.VERBOSE | re.DOTALL,
)


def split_head(raw: bytes) -> tuple[bytes, memoryview]:
    """Give a message's header block, cut one byte after MAX_HEADER_BYTES, and its body (RFC 5322, section 2.1).

    Where there is no empty line for far too long, the body begins there.
    """
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    start = len(raw) - len(raw.lstrip(b"\r\n")) if raw[:1] in {b"\r", b"\n"} else 0
    end = _HEAD_END.search(raw, start, start + _LONGEST_HEAD)
    head = raw[start : min(start + MAX_HEADER_BYTES + 1, len(raw) if end is None else end.start() + 1)]
    if not _starts_with_field(head):
        return b"", memoryview(raw)[start:]
    return head, memoryview(raw)[start + _LONGEST_HEAD if end is None else end.end() :]


def split_part_head(part: memoryview, longest: int) -> tuple[bytes, memoryview] | None:
    """Give the header block and the body of a part, None where the header block is longer than `longest` bytes."""
    start = bytes(part[:longest])
    if start.startswith((b"\n", b"\r\n")):
        return b"", part[1 + start.startswith(b"\r") :]
    end = _HEAD_END.search(start)
    if end is None and len(part) > longest:
        return None
    head = start if end is None else start[: end.start() + 1]
    if not _starts_with_field(head):
        return b"", part
    return head, part[len(part) if end is None else end.end() :]


def _starts_with_field(head: bytes) -> bool:
    return any(_FIELD.match(line) for line in head[:MAX_FIELD_BYTES].split(b"\n", 2)[:2])


def read_fields(head: bytes, problems: list[str]) -> dict[str, list[bytes]]:
    """Give the unfolded values of each header field by its name in lower case.

    Lines that are no field are passed over, and a block beyond MAX_HEADER_BYTES or MAX_FIELDS is cut; all of them are
    problems.
    """
    if len(head) > MAX_HEADER_BYTES:
        problems.append(f"headers: only the first {MAX_HEADER_BYTES // 1024} KiB were read")
    fields: dict[str, list[bytes]] = {}
    for number, (name, value) in enumerate(_raw_fields(head[:MAX_HEADER_BYTES].replace(b"\r", b""), problems)):
        if number == MAX_FIELDS:
            problems.append(f"headers: only the first {MAX_FIELDS} fields were read")
            break
        fields.setdefault(name, []).append(value)
    return fields


def _raw_fields(head: bytes, problems: list[str]) -> Iterator[tuple[str, bytes]]:
    is_damaged = False
    for match in _LINES.finditer(head):
        name, value, other = match.groups()
        if name is not None:
            yield name.decode("ascii").lower(), value.replace(b"\n", b"").strip()
        elif not is_damaged and not _NO_FIELD.match(other):
            is_damaged = True
            problems.append("headers: a line is not a header field")


def header_text(value: bytes) -> str:
    """Give a header value as text: raw 8-bit is UTF-8, or else Windows-1252."""
    return decode_8bit(value)


def decode_words(text: str) -> str:
    """Decode encoded words (RFC 2047); what is not one stays as it is.

    Neighbours in one charset are joined before they are decoded: mail often cuts a character in two.
    """
    decoded: list[str] = []
    data, charset, end = b"", "", 0
    for word in _WORD.finditer(text):
        gap = text[end : word.start()]
        adjacent = end > 0 and not gap.strip()
        if not adjacent or word["charset"] != charset:
            decoded += [decode_charset(data, charset), "" if adjacent else gap]
            data = b""
        charset = word["charset"]
        data += _word_bytes(word["encoding"], word["text"].encode("utf-8", "replace"))
        end = word.end()
    return "".join([*decoded, decode_charset(data, charset), text[end:]])


def _word_bytes(encoding: str, text: bytes) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(text, header=True)
    try:
        return binascii.a2b_base64(text + b"==")
    except binascii.Error:
        return text


def clean(text: str, limit: int) -> str:
    """Make text fit for any database and any terminal: white space joined, no controls, no surrogates."""
    spaced = " ".join(text[: limit * 4].split())
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs"})[:limit].strip()


@dataclass(slots=True)
class _Mailbox:
    """One entry of an address list while it is being read."""

    phrase: list[str] = field(default_factory=list)  # without quotes: the display name
    written: list[str] = field(default_factory=list)  # with quotes: the address, where no brackets are
    comments: list[str] = field(default_factory=list)
    angle: str | None = None

    def add(self, kind: str, value: str) -> None:
        if kind == "comment":
            self.comments.append(value)
            return
        self.written.append(value)
        self.phrase.append(_unquote(value) if kind in {"quoted", "escaped"} else value)

    def addresses(self) -> Iterator[tuple[str, str]]:
        """Yield (display name, addr-spec); several only where a comma is missing."""
        comment = " ".join(self.comments[:1])
        if self.angle is not None:
            yield "".join(self.phrase).strip() or comment, self.angle
            return
        written = "".join(self.written).strip()
        words = [word for word in written.split() if "@" in word and '"' not in written]
        yield from ((comment, word) for word in words or filter(None, [written]))


def _unquote(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value.removeprefix('"').removesuffix('"'), flags=re.DOTALL)


def split_addresses(text: str, label: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the (display name, addr-spec) pairs of an address list (RFC 5322, section 3.4).

    Stray quotes and brackets are passed over, so that whoever stands behind one is not lost.
    """
    mailbox = _Mailbox()
    for item in _ITEM.finditer(text):
        kind = str(item.lastgroup)
        if kind == "end" or (kind == "angle" and mailbox.angle is not None):
            yield from mailbox.addresses()
            mailbox = _Mailbox()
        if kind == "angle":
            mailbox.angle = item["angle"].rpartition(":")[2]  # behind a source route (section 4.4)
        elif kind == "group":
            mailbox = _Mailbox()
        elif kind == "stray":
            problems.append(f"{label}: quotes or brackets do not match")
        elif kind != "end":
            mailbox.add(kind, item[kind])
    yield from mailbox.addresses()
