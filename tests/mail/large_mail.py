"""A program that reads large mail of any shape, and prints how many MiB one step of that took at most."""

import base64
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.mail.content import read_content
from postroom.mail.parse import parse_message
from postroom.storage.encoded_files import put_back, take_out
from tests.mail.test_parse import MESSAGES, PIECES

SECONDS = 1  # of the processor, to read a message
_STATUS, _PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")

T = TypeVar("T")
taken: list[int] = [0]  # KiB, by each step
SIZES = (300 * 1024, 1024 * 1024, 4 * 1024 * 1024)
_HTML = [b"<b>", b"</div>", b"<td><p>", b"<a href='x:", b"&amp;", b"<!--", b'" x="', b"<img src='cid:p'>", b"&#1", b"<"]
_LINES = [
    b"--b\n",
    b"--b--\n",
    b"\n\n",
    b"\n From: a",
    b"Content-Type: multipart/mixed; boundary=b\n\n",
    b"=?utf-8?q?=41?=",
]
_FILE = b"Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(bytes(range(256)) * 64)
_HEADS = [
    _FILE,
    b"Content-Type: text/html\n\n",
    b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n",
    b"Content-Type: multipart/alternative; boundary=b\n\n",
    b"To: a@b, ",
    b"Subject: ",
    b"References: ",
    b"X: ",
]


@st.composite
def large_mail(draw: st.DrawFn) -> bytes:
    """Give a beginning and a few pieces, repeated until it is large."""
    pieces = draw(st.lists(st.sampled_from([*_HTML, *_LINES, _FILE]) | PIECES | MESSAGES, min_size=1, max_size=4))
    repeated = b"".join(pieces) or b"x"
    size = draw(st.sampled_from(SIZES))
    body = (repeated * (size // len(repeated) + 1))[:size]
    if draw(st.booleans()):  # in another order, so that nothing has a pattern
        order = random.Random(draw(st.integers(0, 99)))
        body = b"".join(order.choices(pieces, k=1 + size * len(pieces) // len(repeated)))[:size]
    return draw(st.sampled_from(_HEADS)) + body


def memory(name: str) -> int:
    """Give a figure of the kernel's about this process (KiB)."""
    return int(next(line for line in _STATUS.read_text().splitlines() if line.startswith(name)).split()[1])


def measured(step: Callable[[], T], seconds: float) -> T:
    """Take a step within so much of the processor's time, and note the memory: not what was the parent's, or before."""
    _PEAK.write_text("5")  # the peak is what is there now
    before, started = memory("VmRSS"), time.process_time()
    result = step()
    assert time.process_time() - started < seconds
    taken.append(memory("VmHWM") - before)
    return result


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(large_mail())
def read(raw: bytes) -> None:
    message = measured(lambda: parse_message(raw), SECONDS)
    assert not [problem for problem in message.problems if problem.endswith("not readable")]
    measured(lambda: read_content(raw), 2 * SECONDS)  # it is read twice, as text and as HTML
    left, files = measured(lambda: take_out(raw), SECONDS)
    assert measured(lambda: put_back(left, files), SECONDS) == raw


if __name__ == "__main__":
    read()
    sys.stdout.write(str(max(taken) // 1024))
