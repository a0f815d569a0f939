"""A message, whatever its bytes, gives what could be read and a list of what could not."""

import base64
import quopri
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.core.model import Message, ParticipantRole
from postroom.mail import headers, parse
from postroom.mail.parse import parse_message

CORPUS = Path(__file__).parent.parent / "corpus"
ALICE = b"From: alice@acme.example\r\nDate: Fri, 13 Nov 2026 10:00:00 +0100\r\nMessage-ID: <1@acme.example>\r\n"


def corpus_index() -> dict[str, tuple[str, ...]]:
    rows = [line.strip("| ").split(" | ") for line in (CORPUS / "README.md").read_text().splitlines()]
    files = [row for row in rows if row[0].endswith(".eml")]
    return {name: () if problems == "none" else tuple(problems.split("; ")) for name, _, problems in files}


def read(name: str) -> Message:
    return parse_message((CORPUS / name).read_bytes())


def addresses(message: Message, role: ParticipantRole = ParticipantRole.TO) -> list[str]:
    return [p.address for p in message.participants if p.role is role]


def test_the_corpus_and_its_index_agree():
    assert set(corpus_index()) == {path.name for path in CORPUS.glob("*.eml")}


@pytest.mark.parametrize(("name", "problems"), corpus_index().items())
def test_what_could_not_be_read_is_listed_and_nothing_else(name, problems):
    assert read(name).problems == problems


def test_a_plain_message():
    message = read("plain.eml")
    assert message.message_id == "1@acme.example"
    assert message.sender == "alice@acme.example"
    assert message.date == 1_794_560_400
    assert message.subject == "Offer"
    assert [(p.role.value, p.address, p.name) for p in message.participants] == [
        ("from", "alice@acme.example", "Alice"),
        ("to", "bob@acme.example", ""),
    ]


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("address-group.eml", ["bob@acme.example", "charlie@else.example", "dave@else.example"]),
        ("address-international.eml", ["joerg@xn--bcher-kva.example"]),
        ("address-no-comma.eml", ["bob@acme.example", "charlie@else.example", "dave@else.example"]),
        ("address-unclosed-quote.eml", ["bob@acme.example", "charlie@else.example"]),
        ("header-garbage.eml", ["bob@acme.example"]),
        ("headers-only.eml", ["bob@acme.example"]),
        ("line-ends-cr.eml", ["bob@acme.example"]),
        ("from-line.eml", ["bob@acme.example"]),
    ],
)
def test_damage_does_not_lose_who_takes_part(name, to):
    assert addresses(read(name)) == to


def test_a_display_name_is_no_address():
    message = read("address-in-display-name.eml")
    assert addresses(message, ParticipantRole.FROM) == ["mallory@evil.example"]
    assert message.participants[0].name == "boss@acme.example"


def test_a_quoted_local_part_is_not_taken_apart():
    message = read("address-quoted-local-part.eml")
    assert message.sender is None
    assert [p.address for p in message.participants if p.role == ParticipantRole.FROM] == ['""@evil.example']


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("charset-unknown.eml", "Caf\N{REPLACEMENT CHARACTER}"),
        ("headers-8bit-latin1.eml", "Grüße"),
        ("headers-8bit-utf8.eml", "Grüße"),
        ("subject-controls.eml", "ab[31mc de"),
        ("subject-split-character.eml", "Grüße \\u0041"),
    ],
)
def test_a_subject_is_decoded_and_fit_for_any_database(name, subject):
    assert read(name).subject == subject


def test_a_name_in_raw_8_bit_is_kept():
    assert read("headers-8bit-latin1.eml").participants[0].name == "Jörg"
    assert read("headers-8bit-utf8.eml").participants[0].name == "Jörg"


@pytest.mark.parametrize("name", ["message-id-blank.eml", "message-id-bracket.eml", "empty.eml", "no-headers.eml"])
def test_no_message_id_is_better_than_a_wrong_one(name):
    assert read(name).message_id is None


@pytest.mark.parametrize(
    ("value", "message_id"),
    [
        (b"<a@b.example>", "a@b.example"),
        (b"\r\n <a@b.\r\n example>", "a@b.example"),
        (b"<a@b.example> (comment)", "a@b.example"),
        (b"<>", None),
        (b"", None),
        (b"a@b.example", None),
        (b"<a\x00@b.example>", None),
        (b"<" + b"a" * 998 + b">", "a" * 998),
        (b"<" + b"a" * 999 + b">", None),
        (b"<" + "\N{BULLET}".encode() * 400 + b">", None),
    ],
)
def test_message_id_forms(value, message_id):
    assert parse_message(b"Message-ID: " + value + b"\r\n\r\n").message_id == message_id


def test_dates_without_a_zone_are_utc_and_impossible_ones_are_none():
    assert read("date-no-zone.eml").date == read("plain.eml").date
    assert read("date-garbage.eml").date is None
    assert read("date-far.eml").date is None
    assert parse_message(b"Date: Fri, 31 Dec 9999 23:59:59 -0100\r\n\r\n").date is None


def test_a_participant_counts_once_in_each_role():
    raw = b"From: a@x.example\nTo: a@x.example, A <A@X.example>\nTo: b@x.example\nCc: a@x.example\nBcc: c@x.example\n\n"
    found = [(p.role.value, p.address) for p in parse_message(raw).participants]
    assert found == [
        ("from", "a@x.example"),
        ("to", "a@x.example"),
        ("to", "b@x.example"),
        ("cc", "a@x.example"),
        ("bcc", "c@x.example"),
    ]


TEXT = "Grüße,\nFrom here on: 1 = 1\n\nAlice"


def transported(encoding: str, charset: str, newline: bytes = b"\r\n") -> bytes:
    data = TEXT.encode(charset).replace(b"\n", newline)
    if encoding == "base64":
        data = base64.encodebytes(data)
    if encoding == "quoted-printable":
        data = quopri.encodestring(data)
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    return ALICE + head.encode().replace(b"\n", newline) + data


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(transported("base64", "utf-8"), id="base64"),
        pytest.param(transported("quoted-printable", "iso-8859-1"), id="quoted-printable, Latin-1"),
        pytest.param(transported("8bit", "utf-8", b"\n"), id="LF"),
        pytest.param(transported("8bit", "utf-8").replace(b"here on:", b"here on:") + b"  \r\n\r\n", id="white space"),
        pytest.param(transported("8bit", "utf-8").replace(b"\r\nFrom here", b"\r\n>From here"), id="mbox quoting"),
        pytest.param(
            b"Received: by mx.example; today\r\nX-Spam: no\r\n" + transported("8bit", "utf-8"), id="transport"
        ),
    ],
)
def test_one_text_agrees_however_it_was_transported(raw):
    assert parse_message(raw).body_digest == parse_message(transported("8bit", "utf-8")).body_digest


def with_attachment(data: bytes, encode: Callable[[bytes], bytes], encoding: bytes, text: bytes = b"Hello") -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n--b\r\n\r\n' + text + b"\r\n--b\r\n"
    part = b"Content-Type: image/png\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + encode(data)
    return ALICE + head + part + b"\r\n--b--\r\nepilogue\r\n"


def test_attachments_agree_by_their_decoded_bytes():
    once = parse_message(with_attachment(b"\x89PNG\x00", base64.encodebytes, b"base64"))
    again = parse_message(with_attachment(b"\x89PNG\x00", quopri.encodestring, b"quoted-printable"))
    other = parse_message(with_attachment(b"\x89PNG\x01", base64.encodebytes, b"base64"))
    other_text = parse_message(with_attachment(b"\x89PNG\x00", base64.encodebytes, b"base64", b"Hullo"))
    assert once.body_digest == again.body_digest
    assert len({once.body_digest, other.body_digest, other_text.body_digest}) == 3


def multipart(parts: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nhi\n" * parts + b"--b--\n"


def nested(depth: int) -> bytes:
    level = b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n'
    return b"".join(level % (number, number) for number in range(depth)) + b"\nhi\n"


HOSTILE = {
    "subject of 420 kB": (b"Subject: " + b"=?utf-8?q?a?= " * 30_000, "headers: only the first 256 KiB were read"),
    "subject of 9 kB": (b"Subject: " + b"=?utf-8?q?a?= " * 700, "Subject: cut to length"),
    "quotes": (b"To: " + b'"' * 40_000, "To: not an address"),
    "escaped quotes": (b"To: " + b'"\\' * 100_000, "To: quotes or brackets do not match"),
    "opening parentheses": (b"To: " + b"(" * 200_000, "To: quotes or brackets do not match"),
    "opening brackets": (b"To: " + b"<" * 200_000, "To: quotes or brackets do not match"),
    "at signs": (b"To: " + b"@" * 200_000, "To: not an address"),
    "long domain": (b"To: a@" + "é".encode() * 100_000, "To: not an address"),
    "recipients": (
        b"To: " + b", ".join(b"p%d@x.example" % number for number in range(5000)),
        "To: addresses beyond the first 2000 were not read",
    ),
    "parts": (multipart(10_000), "body: parts beyond the first 1000 were not taken apart"),
    "depth": (nested(1_000), "body: parts nested deeper than 30 were not taken apart"),
    "messages in messages": (b"Content-Type: message/rfc822\n\n" * 1_000, "From: no address"),
    "content type": (b"Content-Type: text/plain" + b';a="' * 20_000, "Content-Type: too long"),
    "punycode": (b"Content-Type: text/plain; charset=punycode\n\n" + b"a-b" * 500_000, "From: no address"),
    "blanks": (b"X: y\n\n" + b" " * 2_000_000 + b"x", "From: no address"),
    "fields": (b"a:\n" * 87_000, "From: no address"),
    "delimiters": (
        b"Content-Type: multipart/mixed; boundary=-\n\n" + b"-" * 4_000_000,
        "body: multipart without parts",
    ),
    "date": (b"Date: " + b"1 " * 100_000, "Date: not a date"),
}


@pytest.mark.parametrize(("raw", "problem"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_mail_takes_less_than_a_second(raw, problem):
    started = time.perf_counter()
    message = parse_message(raw)
    assert time.perf_counter() - started < 1
    assert problem in message.problems


def test_at_the_limits_nothing_is_missing():
    assert "body: parts beyond the first 1000 were not taken apart" not in parse_message(multipart(1_000)).problems
    recipients = b", ".join(b"p%d@x.example" % number for number in range(parse.MAX_ADDRESSES))
    message = parse_message(b"To: " + recipients + b"\n\n")
    assert len(message.participants) == parse.MAX_ADDRESSES
    assert message.problems == ("From: no address",)


def test_of_a_message_that_is_too_large_the_headers_are_read():
    raw = ALICE + b"Subject: big\r\n\r\n" + bytes(parse.MAX_MESSAGE_BYTES)
    message = parse_message(raw)
    assert (message.subject, message.sender) == ("big", "alice@acme.example")
    assert message.problems == ("body: not read, the message is too large",)
    assert parse_message(ALICE + b"Subject: big\r\n\r\n", truncated=True) == message


def test_a_fault_in_one_header_spares_the_others(monkeypatch):
    def recurse(*_: object) -> str:
        raise RecursionError

    monkeypatch.setattr(parse, "parsedate_to_datetime", recurse)
    monkeypatch.setattr(parse, "digest_body", recurse)
    message = read("plain.eml")
    assert message.problems == ("Date: not a date", "body: not readable")
    assert (message.sender, message.subject) == ("alice@acme.example", "Offer")


SEEDS = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))] + [multipart(3), nested(3)]
PIECES = st.sampled_from(
    [
        *(b"From: To: Cc: Date: Message-ID: Subject: Content-Type: multipart/mixed; boundary= --b --b--".split()),
        *(
            b'charset= base64 quoted-printable =?utf-8?b? ?= =?utf-16?q? \r\n \n \x00 \xff < > ( ) " \\ , : ; @'.split(
                b" "
            )
        ),
        *(b"Content-Transfer-Encoding: utf-7 idna unicode_escape utf-16 hex boundary*0*=x'y'%ff charset*=a'b".split()),
    ]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    raw = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 20)))
        raw = raw[:start] + draw(PIECES | st.binary(max_size=8)) + raw[end:]
    return raw


@given(st.binary(max_size=2000) | st.lists(PIECES, max_size=60).map(b" ".join) | mutated())
def test_any_bytes_give_a_message_that_a_database_takes(raw):
    message = parse_message(raw)
    assert len(message.body_digest) == 32
    texts = [message.subject, message.message_id or "", *message.problems]
    texts += [text for p in message.participants for text in (p.name, p.address)]
    for text in texts:
        assert "\x00" not in text
        text.encode("utf-8")
    assert "body: not readable" not in message.problems
    assert parse_message(raw) == message


@given(st.text(alphabet='ab@.,;:<>()"\\ \n=?é', max_size=200))
def test_an_address_list_is_read_without_losing_a_plain_address(text):
    problems: list[str] = []
    found = list(headers.split_addresses(text + ", <bob@acme.example>", "To", problems))
    assert ("bob@acme.example" in [spec for _, spec in found]) or any(c in text for c in '"(<\\')
