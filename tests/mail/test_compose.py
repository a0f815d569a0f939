"""What is composed says what was meant, in lines that every server takes (RFC 5322, section 2.1.1)."""

from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.core.model import ParticipantRole, Person
from postroom.mail.compose import Attachment, NewMessage, compose, without_bcc
from postroom.mail.parse import parse_message
from postroom.mail.server import GuardError

ALICE, CUSTOMER = Person("alice@team.example", "Alice"), Person("boyle@customer.example")
MARKS = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
LINES = st.characters(exclude_categories=("Cs",), exclude_characters="\0")
NAMES = st.text(MARKS, max_size=320)


def message(**changed: object) -> NewMessage:
    given = {"message_id": "m1@team.example", "date": 1_790_000_000, "sender": ALICE, "to": (CUSTOMER,)}
    return NewMessage(**(given | changed))  # type: ignore[arg-type]


def content(raw: bytes) -> dict[str, str]:
    """Give the texts of a message as a mail program reads them, by type."""
    parts = message_from_bytes(raw, policy=default).walk()
    return {part.get_content_type(): part.get_content() for part in parts if not part.is_multipart()}


@given(st.text(MARKS, max_size=1000), NAMES, NAMES, st.text(LINES, max_size=2000))
def test_says_what_was_meant(subject: str, sender: str, recipient: str, text: str) -> None:
    to = (Person("a@customer.example", recipient), Person("b@customer.example", recipient))
    raw = compose(message(subject=subject, sender=Person("alice@team.example", sender), to=to, content=text))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    read = parse_message(raw)
    assert " ".join(read.subject.split()) == " ".join(subject.split())
    addresses = {(each.role, each.address) for each in read.participants}
    named = {(ParticipantRole.TO, "a@customer.example"), (ParticipantRole.TO, "b@customer.example")}
    assert addresses == {(ParticipantRole.FROM, "alice@team.example"), *named}
    assert content(raw)["text/plain"].split() == text.split()


@pytest.mark.parametrize("subject", ["a" * 1000, "=?utf-8?q?x?= " + "b" * 980, "ü" * 1000, "w " + "c" * 998])
def test_a_long_word_breaks_no_line(subject: str) -> None:
    raw = compose(message(subject=subject))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert parse_message(raw).subject == subject


def test_html_comes_with_its_words() -> None:
    found = content(compose(message(content="<p>Hello <b>Ms Boyle</b></p>", is_html=True)))
    assert {kind: text.strip() for kind, text in found.items()} == {
        "text/plain": "Hello Ms Boyle",
        "text/html": "<p>Hello <b>Ms Boyle</b></p>",
    }


@pytest.mark.parametrize("kind", ["text/plain", "application/pdf", "message/rfc822", "multipart/mixed", "", "x\r\ny"])
def test_files_come_as_they_are(kind: str) -> None:
    files = (Attachment("ü.bin", kind, bytes(range(256)) * 9), Attachment('a"b.txt', kind, b""))
    raw = compose(message(content="Here", attachments=files))
    found = [
        (part.get_filename(), part.get_payload(decode=True))
        for part in message_from_bytes(raw, policy=default).iter_attachments()
    ]
    assert found == [(file.name, file.content) for file in files]


def test_bcc_is_on_the_senders_copy_alone() -> None:
    hidden = tuple(Person(f"hidden{n}@elsewhere.example", "Höy") for n in range(9))
    raw = compose(message(bcc=hidden, content="Bcc: is a word, too\r\n"))
    others = without_bcc(raw)
    assert len(parse_message(raw).participants) == len(hidden) + 2
    assert b"hidden" not in others
    assert content(others) == content(raw)


@pytest.mark.parametrize("evil", ["a\r\nBcc: x@y.example", "a\nb", "a\0b"])
def test_nothing_can_end_a_field(evil: str) -> None:
    for changed in (
        {"subject": evil},
        {"sender": Person("alice@team.example", evil)},
        {"to": (Person(f"{evil}@x.example"),)},
        {"message_id": evil},
        {"references": (evil,)},
        {"attachments": (Attachment(evil, "", b""),)},
    ):
        with pytest.raises(GuardError):
            compose(message(**changed))


def test_ids_of_other_programs_that_are_none_are_left_out() -> None:
    raw = compose(message(in_reply_to="ü@x", references=("a@x", "b" * 901, "c@x")))
    assert parse_message(raw).references == ("a@x", "c@x")
