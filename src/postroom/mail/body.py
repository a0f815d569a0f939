"""The body of a message: its parts (RFC 2045, RFC 2046) and the digest by which copies agree.

Parts are found without recursion and without being copied, and all work on one message has a limit that does not
depend on how it is written: mail nested a thousand deep and mail of ten thousand parts exist only to stop whoever
reads them.
"""

import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from postroom.mail.charsets import decode_charset
from postroom.mail.headers import MAX_FIELD_BYTES, header_text, split_part_head
from postroom.mail.parameters import read_parameters

MAX_PARTS = 1000
MAX_DEPTH = 30
MAX_SEARCHED_BYTES = 96 * 1024 * 1024  # where delimiters are looked for: those of parts within parts are searched again
MAX_PART_HEADER_BYTES = 16 * 1024
MAX_PART_HEADERS_BYTES = 512 * 1024  # of all parts together
MAX_TEXT_BYTES = 1024 * 1024  # of all text parts together; what is longer agrees by its bytes alone

_LONGEST_BOUNDARY = 200  # bytes: 70 are allowed (RFC 2046, section 5.1.1), and it takes time to look for a long one
_FIRST_LINE = 1024  # bytes: with the longest boundary and blanks behind it
_CR = ord("\r")

_CONTENT_FIELD = re.compile(rb"^(content-[a-z-]{1,40})[ \t]*+:(.*+(?:\n[ \t].*+)*+)", re.IGNORECASE | re.MULTILINE)
_MEDIA_TYPE = re.compile(r"[^\s;/()]+/[^\s;/()]+")
_QUOTED_FROM = re.compile(r"^>++(?=From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds no other: its type, charset, transfer encoding and bytes as sent.

    `disposition` says how it is meant to be shown (RFC 2183), `name` is that of a file, and `content_id` is what other
    parts name it by (RFC 2392); each is empty where nothing is said. Parts with one number in `alternative` say the
    same in several ways (RFC 2046, section 5.1.4); 0 says that there is no other way.
    """

    content_type: str
    charset: str
    encoding: str
    data: memoryview
    disposition: str = ""
    name: str = ""
    content_id: str = ""
    alternative: int = 0


@dataclass(slots=True)
class _Left:
    """What may still be done for one message."""

    parts: int = MAX_PARTS
    searched: int = MAX_SEARCHED_BYTES
    headers: int = MAX_PART_HEADERS_BYTES
    text: int = MAX_TEXT_BYTES


def digest_parts(parts: Iterable[Part], problems: list[str]) -> bytes:
    """Give the SHA-256 over the decoded parts, the same for any transfer encoding or line ending."""
    digest, left = hashlib.sha256(), _Left()
    for part in parts:
        data = _comparable(part, left, problems)
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.digest()


def digest_headers_only(fields: dict[str, list[bytes]]) -> bytes:
    """Give a digest for a message whose body was not read: its boundary sets it apart from others."""
    digest = hashlib.sha256(b"headers only")
    for name in ("content-type", "subject"):
        digest.update(b"\n".join(fields.get(name, [])) + b"\n")
    return digest.digest()


def read_parts(fields: dict[str, list[bytes]], body: memoryview, problems: list[str]) -> Iterator[Part]:
    """Give the parts of a body that hold no others, in their order."""
    left = _Left()
    content = {name: values[0] for name, values in fields.items() if name.startswith("content-")}
    pending, groups = [(0, 0, content, body)], 0
    while pending:
        depth, group, content, data = pending.pop()
        media_type, parameters = read_parameters(_content_field(content, "content-type", problems))
        children = _children(media_type, parameters, data, depth, left, problems)
        if not children:
            yield replace(_leaf(media_type, parameters, content, data, problems), alternative=group)
            continue
        if media_type == "multipart/alternative" and not group:
            groups += 1
            group = groups
        left.parts -= len(children)
        heads = [_split(child, left, problems) for child in children]
        pending += [(depth + 1, group, head, rest) for head, rest in reversed(heads)]


def _split(part: memoryview, left: _Left, problems: list[str]) -> tuple[dict[str, bytes], memoryview]:
    """Give the content fields of a part by name, and its body; a part of which they are too long is bytes."""
    split = split_part_head(part, min(MAX_PART_HEADER_BYTES, left.headers))
    if split is None:
        problems.append("body: headers of a part are too long")
        return {"content-type": b"application/octet-stream"}, part
    head, body = split
    left.headers -= len(head)
    fields: dict[str, bytes] = {}
    for name, value in _CONTENT_FIELD.findall(head.replace(b"\r", b"")):
        fields.setdefault(name.decode("ascii").lower(), value)
    return fields, body


def _content_field(fields: dict[str, bytes], name: str, problems: list[str]) -> str:
    value = fields.get(name, b"")
    if len(value) > MAX_FIELD_BYTES:
        problems.append(f"{name.title()}: too long")
        return ""
    return header_text(value.replace(b"\n", b"")).strip()


def _children(
    media_type: str, parameters: dict[str, str], data: memoryview, depth: int, left: _Left, problems: list[str]
) -> list[memoryview]:
    if not media_type.startswith("multipart/"):
        return []
    boundary = parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        problems.append("body: multipart without a boundary")
        return []
    if depth >= MAX_DEPTH:
        problems.append(f"body: parts nested deeper than {MAX_DEPTH} were not taken apart")
        return []
    if len(data) > left.searched:
        problems.append("body: parts within large parts were not taken apart")
        return []
    left.searched -= len(data)
    parts = _between_delimiters(data, boundary, left.parts)
    if len(parts) > left.parts:
        problems.append(f"body: parts beyond the first {MAX_PARTS} were not taken apart")
        return []
    if not parts:
        problems.append("body: multipart without parts")
    return parts


def _between_delimiters(data: memoryview, boundary: bytes, allowed: int) -> list[memoryview]:
    """Give what stands between delimiters, one more than `allowed` at most (RFC 2046, section 5.1.1).

    The line break before a delimiter belongs to it. The pattern begins with bytes that are searched for quickly.
    """
    delimiter = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?+[ \t]*+\r?(?=\n|\Z)")
    first = delimiter.match(b"\n" + bytes(data[:_FIRST_LINE]))
    if first is not None and first[1]:
        return []
    parts: list[memoryview] = []
    start = None if first is None else first.end()
    for match in delimiter.finditer(data):
        if start is not None:
            end = max(match.start(), start)
            parts.append(data[start : end - (end > start and data[end - 1] == _CR)])
        start = match.end() + 1
        if match[1] or len(parts) > allowed:
            return parts
    return parts if start is None else [*parts, data[start:]]


def _leaf(
    media_type: str, parameters: dict[str, str], content: dict[str, bytes], data: memoryview, problems: list[str]
) -> Part:
    encoding = _content_field(content, "content-transfer-encoding", problems)
    disposition, named = read_parameters(_content_field(content, "content-disposition", problems))
    return Part(
        content_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "text/plain",  # RFC 2045, section 5.2
        charset=parameters.get("charset") or "utf-8",
        encoding=encoding.lower(),
        data=data,
        disposition=disposition,
        name=named.get("filename") or parameters.get("name") or "",
        content_id=_content_field(content, "content-id", problems).removeprefix("<").removesuffix(">"),
    )


def _comparable(part: Part, left: _Left, problems: list[str]) -> bytes | memoryview:
    data = decode_part(part, problems)
    is_text = part.content_type.startswith(("text/", "message/", "multipart/"))
    if not is_text or len(data) > left.text:
        return data
    left.text -= len(data)
    text = decode_charset(bytes(data), part.charset).replace("\r\n", "\n").replace("\r", "\n")
    text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
    if ">From " in text:
        text = _QUOTED_FROM.sub("", text)  # mbox quotes such lines
    return text.strip("\n").encode("utf-8", "replace")


def decode_part(part: Part, problems: list[str]) -> bytes | memoryview:
    """Give the bytes of a part as they were before they were encoded; what is damaged stays as it is."""
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(part.data)
    if part.encoding != "base64":
        return part.data
    try:
        return binascii.a2b_base64(part.data)
    except binascii.Error:
        return _decode_damaged(part.data, problems)


def _decode_damaged(data: memoryview, problems: list[str]) -> bytes | memoryview:
    try:
        return binascii.a2b_base64(b"".join((data, b"==")))  # often nothing is missing but the padding
    except binascii.Error:
        problems.append("body: not base64")
        return data
