"""Mail that a program sent is recognised by its headers and its sender, and what people write is not."""

import pytest

from postroom.mail.parse import parse_message
from tests.real_mail import COUNT, real_mail


def automated(header: str, sender: str = "alice@acme.example") -> bool:
    return parse_message(f"From: {sender}\r\n{header}\r\n\r\nHello\r\n".encode("latin-1")).is_automated


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-generated",
        "Auto-Submitted: Auto-Replied; owner-email=alice@acme.example",
        "auto-submitted:\r\n auto-notified",
        "List-Id: Friends of coffee <coffee.acme.example>",
        "List-Unsubscribe: <mailto:leave@acme.example>",
        "List-Post: NO",
        "Return-Path: <>",
        "Return-Path:  <> (bounce)",
        "Precedence: Bulk",
        "Precedence: list",
        "X-Other: \xff\r\nPrecedence: junk",
    ],
)
def test_by_a_header_field(header: str) -> None:
    assert automated(header)


@pytest.mark.parametrize(
    "header",
    [
        "X-Other: y",
        "Auto-Submitted: no",
        "Auto-Submitted: No; by=hand",
        "Auto-Submitted:",
        "Return-Path: <alice@acme.example>",
        "Return-Path: < >",
        "Precedence: normal",
        "Precedence: " + "x" * 5000 + " bulk",
        "Precedence: first-class\r\nSubject: Precedence: bulk",
        "Listing: List-Id",
    ],
)
def test_not_by_any_other(header: str) -> None:
    assert not automated(header)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        *(
            (local, True)
            for local in ("noreply", "no-reply", "No_Reply", "donotreply", "do-not-reply", "mailer-daemon")
        ),
        *((local, True) for local in ("noreply-offers", "offers.noreply", "noreply+7f3", "do-not.reply")),
        *((local, False) for local in ("reply", "norbert", "piano.replay", "casanoreply", "noreplyer", "donot")),
    ],
)
def test_by_a_sender_to_whom_nobody_replies(local: str, expected: bool) -> None:
    assert automated("X-Other: y", f"Offers <{local}@shop.example>") is expected


def test_mail_that_was_really_sent() -> None:
    """Half of the corpus came over lists of developers; most of the rest was advertised without saying so."""
    marked = sum(parse_message(raw).is_automated for raw in real_mail().values())
    assert 0.4 * COUNT < marked < 0.8 * COUNT


def test_a_damaged_message_is_no_exception() -> None:
    assert not parse_message(b"").is_automated
    assert parse_message(b"Return-Path: <>\r\nFrom: <broken").is_automated
