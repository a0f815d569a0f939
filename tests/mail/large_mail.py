"""A program that reads large mail of any shape, and prints how many MiB that took at most."""

import random
import resource
import sys
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.mail.content import read_content
from postroom.mail.parse import parse_message
from postroom.storage.encoded_files import put_back, take_out
from tests.mail.test_parse import MESSAGES, PIECES

SECONDS = 1  # of the processor, to read a message
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
_HEADS = [
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
    pieces = draw(st.lists(st.sampled_from(_HTML + _LINES) | PIECES | MESSAGES, min_size=1, max_size=4))
    repeated = b"".join(pieces) or b"x"
    size = draw(st.sampled_from(SIZES))
    body = (repeated * (size // len(repeated) + 1))[:size]
    if draw(st.booleans()):  # in another order, so that nothing has a pattern
        order = random.Random(draw(st.integers(0, 99)))
        body = b"".join(order.choices(pieces, k=size // 32))
    return draw(st.sampled_from(_HEADS)) + body


def spent(started: float) -> float:
    return time.process_time() - started


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(large_mail())
def read(raw: bytes) -> None:
    started = time.process_time()
    message = parse_message(raw)
    assert spent(started) < SECONDS
    assert not [problem for problem in message.problems if problem.endswith("not readable")]
    started = time.process_time()
    read_content(raw)
    assert spent(started) < 2 * SECONDS  # it is shown to a person, and so read twice, as text and as HTML
    left, files = take_out(raw)
    assert put_back(left, files) == raw


if __name__ == "__main__":
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read()
    sys.stdout.write(str((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024))
