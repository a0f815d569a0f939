"""Files within messages, as mail carries them: long runs of base64 in lines of one length (RFC 2045, section 6.8)."""

import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

LEAST_LENGTH = 4096  # bytes of a run; below, a file of its own saves nothing
_LINES = 4096  # that are made at a time: a multiple of four, so that they hold whole bytes

_RUN = re.compile(rb"\n((?:[A-Za-z0-9+/]{32,998}+\r?\n)++[A-Za-z0-9+/]*+={0,2})")


class EncodedFile(NamedTuple):
    """A file, where it stands in what is left of its message without files, and how its lines are made."""

    position: int
    content: bytes
    line_length: int
    ends_in_crlf: bool


def take_out(raw: bytes) -> tuple[bytes, list[EncodedFile]]:
    """Part a message into its files, in order, and what is left; `put_back` gives the same bytes again.

    A run of base64 that would not come back as it is stays where it is. The time is linear in the length.
    """
    files: list[EncodedFile] = []
    left, end, taken = [], 0, 0
    for run in _RUN.finditer(raw):
        encoded, start = run[1].rstrip(b"\r\n"), run.start(1)
        file = _decode(encoded, start - taken) if len(encoded) >= LEAST_LENGTH else None
        if file is not None:
            files.append(file)
            left.append(raw[end:start])
            end, taken = start + len(encoded), taken + len(encoded)
    return b"".join([*left, raw[end:]]), files


def put_back(left: bytes, files: Iterable[EncodedFile]) -> bytes:
    """Put the files of a message, in order, where they stood."""
    files = list(files)
    places = [0, *(file.position for file in files), len(left)]
    texts = [left[start:end] for start, end in pairwise(places)]
    parts = [texts[0]]
    for file, text in zip(files, texts[1:], strict=True):
        parts += [*_encode(file), text]
    return b"".join(parts)


def _decode(encoded: bytes, position: int) -> EncodedFile | None:
    first, _, _ = encoded.partition(b"\n")
    line = first.removesuffix(b"\r")
    try:
        file = EncodedFile(position, binascii.a2b_base64(encoded), len(line), first != line)
    except binascii.Error:
        return None
    return file if _comes_back(file, encoded) else None


def _comes_back(file: EncodedFile, encoded: bytes) -> bool:
    end = 0
    for text in _encode(file):
        if not encoded.startswith(text, end):
            return False
        end += len(text)
    return end == len(encoded)


def _encode(file: EncodedFile) -> Iterator[bytes]:
    """Yield a file as mail carries it, so many lines at a time: all of them one by one would take twice its size."""
    length, line_end = file.line_length, b"\r\n" if file.ends_in_crlf else b"\n"
    step = length * _LINES // 4 * 3  # bytes: three of them are four characters
    for start in range(0, len(file.content), step):
        text = binascii.b2a_base64(file.content[start : start + step], newline=False)
        lines = [text[at : at + length] for at in range(0, len(text), length)]
        yield line_end * (start > 0) + line_end.join(lines)
