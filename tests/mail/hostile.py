"""Large hostile messages, each made when a test asks for it; tests/corpus/README.md says why each is here."""

import base64
from collections.abc import Callable

LARGE = 64 * 1024 * 1024 - 4096  # just below what is read at all
ALICE = b"From: alice@acme.example\r\nDate: Fri, 13 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@acme.example>\r\n"
_MIXED = ALICE + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def multipart(parts: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nhi\n" * parts + b"--b--\n"


def nested(depth: int) -> bytes:
    level = b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n'
    return b"".join(level % (number, number) for number in range(depth)) + b"\nhi\n"


def text(charset: bytes, unit: bytes, size: int) -> bytes:
    return ALICE + b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\n" + unit * (size // len(unit))


def attachment(encoding: bytes, unit: bytes) -> bytes:
    head = ALICE + b"Content-Type: image/png\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
    return head + unit * (LARGE // len(unit))


def _numbered(pattern: bytes, count: int) -> bytes:
    return b"".join(pattern.replace(b"%d", b"%d" % number) for number in range(count))


def _texts() -> bytes:
    one = b"--b\r\nContent-Type: text/plain; charset=cp1252\r\n\r\n"
    return _MIXED + (one + b"\x81 \n" * (LARGE // 8 // 3 - 40) + b"\r\n") * 8


HOSTILE: dict[str, Callable[[], bytes]] = {
    "address at signs": lambda: b"To: " + b"@" * 200_000,
    "address brackets": lambda: b"To: " + b"<" * 200_000,
    "address domain": lambda: b"To: a@" + "é".encode() * 100_000,
    "address domains": lambda: b"To: " + _numbered(b"a%d@" + "é".encode() * 450 + b".example,", 280),
    "address escapes": lambda: b"To: " + b'"\\' * 100_000,
    "address parentheses": lambda: b"To: " + b"(\\" * 130_000,
    "address quotes": lambda: b"To: " + b'"' * 260_000,
    "address words": lambda: b"To: " + _numbered(b"a%d@x.example ", 15_000),
    "base64": lambda: attachment(b"base64", base64.encodebytes(bytes(range(57))).replace(b"\n", b"\r\n")) + b"AAA",
    "blanks": lambda: b"X: y\n\n" + b" " * 2_000_000 + b"x",
    "boundaries": lambda: _MIXED + _numbered(b"--b\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n\r\n", 999),
    "charsets": lambda: b"To: " + _numbered(b"=?x%d?q?a?= <a%d@x.example>,", 8000),
    "content type": lambda: b"Content-Type: text/plain" + b';a="' * 20_000,
    "content types": lambda: _MIXED + (b"--b\r\nContent-Type: text/plain" + b';a="' * 2030 + b"\r\n\r\nx\r\n") * 999,
    "date": lambda: b"Date: " + b"1 " * 100_000,
    "delimiters": lambda: b"Content-Type: multipart/mixed; boundary=-\n\n" + b"-" * 4_000_000,
    "depth": lambda: nested(1_000),
    "fields": lambda: b"a:\n" * 87_000,
    "header": lambda: b"a: " + b"x\r\n " * (LARGE // 4),
    "line": lambda: b"a" * LARGE,
    "line ends": lambda: b"a\r" * (LARGE // 2),
    "messages": lambda: b"Content-Type: message/rfc822\n\n" * 1_000,
    "nearly delimiters": lambda: _MIXED + b"--b\r\n" + b"\n--bb" * (LARGE // 5),
    "nested and large": lambda: nested(30) + b"\n--b1x" * (LARGE // 6),
    "part headers": lambda: _MIXED + (b"--b\r\n" + b"a:\n" * (LARGE // 3000) + b"\r\n\r\nx\r\n") * 999,
    "parts": lambda: multipart(10_000),
    "punycode": lambda: b"Content-Type: text/plain; charset=punycode\n\n" + b"a-b" * 500_000,
    "quoted-printable": lambda: attachment(b"quoted-printable", b"=41=42 =\r\n"),
    "recipients": lambda: b"To: " + _numbered(b"p%d@x.example, ", 5000),
    "references": lambda: b"References: " + _numbered(b"<%d@b>", 30_000),
    "subject": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 30_000,
    "subject words": lambda: b"Subject: " + b"=?utf-8?q?a?= " * 700,
    "text": lambda: text(b"utf-8", b"hello world  \r\n", LARGE),
    "texts": _texts,
    "undecodable": lambda: text(b"cp1252", b"\x81", 1_000_000),
}
