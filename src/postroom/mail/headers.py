"""Header fields of damaged and hostile mail, read in time linear in their length.

The standard library takes seconds for 40 kB of quotes in an address list, and raises on real mail;
hence a reader of our own for address lists, and a cut to length before anything else.
"""

import binascii
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

MAX_HEADER_BYTES = 256 * 1024
MAX_FIELD_BYTES = 8 * 1024  # of a field that is not a list of addresses

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
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
_NOT_TEXT = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}  # slow, or not charsets


def split_head(raw: bytes) -> tuple[bytes, bytes]:
    """Give a message's header block and body (RFC 5322, section 2.1)."""
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    if raw.startswith((b"\n", b"\r\n")):
        return b"", raw
    ends = [end for end in (raw.find(b"\n\n"), raw.find(b"\n\r\n")) if end >= 0]
    if not ends:
        return (raw, b"") if _FIELD.match(raw) else (b"", raw)
    head = raw[: min(ends) + 1]
    if not _starts_with_field(head):
        return b"", raw
    return head, raw[min(ends) + 1 :].removeprefix(b"\r").removeprefix(b"\n")


def _starts_with_field(head: bytes) -> bool:
    return any(_FIELD.match(line) for line in head[:MAX_FIELD_BYTES].split(b"\n", 2)[:2])


def read_fields(head: bytes, problems: list[str]) -> dict[str, list[bytes]]:
    """Give the unfolded values of each header field by its name in lower case.

    Lines that are no field are passed over, and a block beyond MAX_HEADER_BYTES is cut; both are problems.
    """
    if len(head) > MAX_HEADER_BYTES:
        problems.append(f"headers: only the first {MAX_HEADER_BYTES // 1024} KiB were read")
    fields: dict[str, list[bytes]] = {}
    for name, lines in _raw_fields(head[:MAX_HEADER_BYTES], problems):
        fields.setdefault(name, []).append(b"".join(lines).strip())
    return fields


def _raw_fields(head: bytes, problems: list[str]) -> Iterator[tuple[str, list[bytes]]]:
    current: tuple[str, list[bytes]] | None = None
    for line in head.replace(b"\r", b"").split(b"\n"):
        if line[:1] in {b" ", b"\t"} and current is not None:
            current[1].append(line)
        elif match := _FIELD.fullmatch(line):
            if current is not None:
                yield current
            current = match[1].decode("ascii").lower(), [match[2]]
        elif line.strip() and not line.startswith((b"From ", b">From ")):
            problems.append("headers: a line is not a header field")
    if current is not None:
        yield current


def header_text(value: bytes) -> str:
    """Give a header value as text: raw 8-bit is UTF-8, or else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def decode_charset(data: bytes, charset: str) -> str:
    """Decode `data`; what its charset does not know, or a charset nobody knows, gives U+FFFD."""
    with suppress(LookupError, ValueError):  # ValueError: a NUL in the name
        if charset.lower().replace("_", "-") not in _NOT_TEXT:
            return data.decode(charset, "replace")
    return data.decode("ascii", "replace")


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
