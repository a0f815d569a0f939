"""The body of a message: its parts (RFC 2045, RFC 2046) and the digest by which copies agree.

Parts are found without recursion and within limits, because mail nested a thousand deep and mail
of ten thousand parts exist only to stop whoever reads them.
"""

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Headers

from postroom.mail.headers import MAX_FIELD_BYTES, decode_charset, header_text, read_fields, split_head

MAX_PARTS = 1000
MAX_DEPTH = 30
MAX_TEXT_BYTES = 8 * 1024 * 1024  # a longer text part agrees by its bytes alone

_TRAILING_SPACE = re.compile(r"(?<![ \t])[ \t]+(?=\n|\Z)")
_QUOTED_FROM = re.compile(r"^>+(?=From )", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One part that holds no other: its type, charset, transfer encoding and bytes as sent."""

    content_type: str
    charset: str
    encoding: str
    data: bytes


def digest_body(fields: dict[str, list[bytes]], body: bytes, problems: list[str]) -> bytes:
    """Give the SHA-256 over the decoded parts, the same for any transfer encoding or line ending."""
    digest = hashlib.sha256()
    for part in _leaves(fields, body, problems):
        data = _comparable(part, problems)
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.digest()


def digest_headers_only(fields: dict[str, list[bytes]]) -> bytes:
    """Give a digest for a message whose body was not read: its boundary sets it apart from others."""
    digest = hashlib.sha256(b"headers only")
    for name in ("content-type", "subject"):
        digest.update(b"\n".join(fields.get(name, [])) + b"\n")
    return digest.digest()


def _leaves(fields: dict[str, list[bytes]], body: bytes, problems: list[str]) -> Iterator[Part]:
    pending = [(0, fields, body)]
    seen = 0
    while pending:
        depth, part_fields, data = pending.pop()
        headers = _content_headers(part_fields, problems)
        children = _children(headers, data, MAX_PARTS - seen, depth, problems)
        if not children:
            yield _leaf(headers, data)
            continue
        seen += len(children)
        heads = [split_head(child) for child in children]
        pending += [(depth + 1, read_fields(head, problems), rest) for head, rest in reversed(heads)]


def _content_headers(fields: dict[str, list[bytes]], problems: list[str]) -> Headers:
    headers = Headers()
    for name in ("content-type", "content-transfer-encoding"):
        value = fields.get(name, [b""])[0]
        if len(value) > MAX_FIELD_BYTES:
            problems.append(f"{name.title()}: too long")
        elif value:
            headers[name] = header_text(value)
    return headers


def _children(headers: Headers, data: bytes, allowed: int, depth: int, problems: list[str]) -> list[bytes]:
    if headers.get_content_maintype() != "multipart":
        return []
    boundary = headers.get_boundary()
    if not boundary:
        problems.append("body: multipart without a boundary")
        return []
    if depth >= MAX_DEPTH:
        problems.append(f"body: parts nested deeper than {MAX_DEPTH} were not taken apart")
        return []
    parts = _between_delimiters(data, boundary.encode("utf-8", "surrogateescape"), allowed)
    if len(parts) > allowed:
        problems.append(f"body: parts beyond the first {MAX_PARTS} were not taken apart")
        return []
    if not parts:
        problems.append("body: multipart without parts")
    return parts


def _between_delimiters(data: bytes, boundary: bytes, allowed: int) -> list[bytes]:
    delimiter = re.compile(rb"^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?$", re.MULTILINE)
    parts: list[bytes] = []
    start = None
    for match in delimiter.finditer(data):
        if start is not None:  # the line break before a delimiter belongs to it (RFC 2046, section 5.1.1)
            parts.append(data[start : match.start()].removesuffix(b"\n").removesuffix(b"\r"))
        start = match.end() + 1
        if match[1] or len(parts) > allowed:
            return parts
    return parts if start is None else [*parts, data[start:]]


def _leaf(headers: Headers, data: bytes) -> Part:
    return Part(
        content_type=headers.get_content_type(),
        charset=headers.get_content_charset() or "utf-8",
        encoding=str(headers.get("content-transfer-encoding", "")).strip().lower(),
        data=data,
    )


def _comparable(part: Part, problems: list[str]) -> bytes:
    data = _decode_transfer(part, problems)
    is_text = part.content_type.startswith(("text/", "message/", "multipart/"))
    if not is_text or len(data) > MAX_TEXT_BYTES:
        return data
    text = decode_charset(data, part.charset).replace("\r\n", "\n").replace("\r", "\n")
    text = _QUOTED_FROM.sub("", _TRAILING_SPACE.sub("", text))  # mbox quotes such lines
    return text.strip("\n").encode("utf-8", "replace")


def _decode_transfer(part: Part, problems: list[str]) -> bytes:
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(part.data)
    if part.encoding != "base64":
        return part.data
    try:
        return binascii.a2b_base64(part.data + b"==")
    except binascii.Error:
        problems.append("body: not base64")
        return part.data
