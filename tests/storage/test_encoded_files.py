"""Files within messages are taken out, and put back without a byte of difference."""

import base64
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.storage.encoded_files import LEAST_LENGTH, put_back, take_out

FILE = bytes(range(256)) * 40
MEBIBYTE = 1024 * 1024
HEAD = b"Subject: Prices\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
TAIL = b"\r\n--b--\r\n"


def encoded(content: bytes, length: int = 76, line_end: bytes = b"\r\n") -> bytes:
    text = base64.b64encode(content)
    return line_end.join(text[start : start + length] for start in range(0, len(text), length))


def contents(raw: bytes) -> list[bytes]:
    left, files = take_out(raw)
    assert put_back(left, files) == raw
    return [file.content for file in files]


@pytest.mark.parametrize("length", [60, 64, 72, 76, 998])
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("size", [len(FILE), 57 * 100, 57 * 100 + 1, 57 * 100 + 2, MEBIBYTE - 1, MEBIBYTE])
def test_a_file_is_found_however_its_lines_are(length: int, line_end: bytes, size: int) -> None:
    content = (FILE * 103)[:size]
    assert contents(HEAD + encoded(content, length, line_end) + line_end + TAIL) == [content]
    assert contents(HEAD + encoded(content, length, line_end)) == [content]


def test_all_files_of_a_message_are_found_in_order() -> None:
    other = FILE[::-1]
    raw = HEAD + encoded(FILE) + TAIL + HEAD + encoded(other, 64, b"\n") + b"\n" + TAIL + HEAD + encoded(FILE) + TAIL
    assert contents(raw) == [FILE, other, FILE]


def test_what_is_left_holds_no_file() -> None:
    left, _ = take_out(HEAD + encoded(FILE) + TAIL)
    assert left == HEAD + TAIL


@pytest.mark.parametrize(
    "body",
    [
        encoded(FILE[: LEAST_LENGTH // 2]),
        encoded(FILE).replace(b"\r\n", b"\n", 1),
        encoded(FILE).replace(b"\r\n", b" \r\n"),
        encoded(FILE)[:-1],
        encoded(FILE[:-1])[:-2] + b"9=",
        encoded(FILE[: 57 * 100]) + b"\r\nand a word",
        b"A" * 10_000,
        b"",
    ],
    ids=["short", "two line ends", "spaces", "cut off", "bits that are not zero", "text behind", "one line", "nothing"],
)
def test_what_would_not_come_back_as_it_is_stays(body: bytes) -> None:
    assert contents(HEAD + body + TAIL) == []


@given(
    st.lists(
        st.sampled_from([HEAD, TAIL, b"\n", b"\r", b"=", b"A", encoded(FILE), encoded(FILE[:5000], 60), b"\0\xff"])
    )
)
def test_any_message_comes_back_as_it_is(pieces: list[bytes]) -> None:
    contents(b"".join(pieces))


@given(st.binary())
def test_any_bytes_come_back_as_they_are(raw: bytes) -> None:
    contents(raw)
    contents(b"\n" + encoded(raw * 20) + raw)


@pytest.mark.parametrize("lines", [4095, 4096, 4097, 8192])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_file_of_about_as_many_lines_as_are_made_at_a_time_is_found(lines: int, beyond: int) -> None:
    content = (FILE * 50)[: 57 * lines + beyond]
    assert contents(HEAD + encoded(content) + TAIL) == [content]


def test_a_large_file_takes_a_few_times_its_size() -> None:
    raw = HEAD + encoded(FILE * 800) + TAIL
    tracemalloc.start()
    try:
        left, files = take_out(raw)
        put_back(left, files)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(raw)


@pytest.mark.parametrize("line", [b"A" * 998 + b"-\n", b"A" * 31 + b"\n", b"A" * 76 + b"\n", b"\n", b"A"], ids=len)
def test_hostile_lines_take_no_longer_than_their_length(line: bytes) -> None:
    raw = b"\n" + line * (16 * 2**20 // len(line))
    started = time.process_time()
    contents(raw)
    assert time.process_time() - started < 30
