"""A message, whatever its bytes, gives what could be read and a list of what could not."""

import base64
import quopri
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.core.model import Message, ParticipantRole
from postroom.mail import headers, parse
from postroom.mail.parameters import read_parameters
from postroom.mail.parse import parse_message
from tests.mail.hostile import ALICE, HOSTILE, multipart, nested
from tests.properties import examples

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus"


def corpus_rows() -> list[list[str]]:
    lines = (CORPUS / "README.md").read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [row for row in rows if row[0] not in {"file", "name", "---"}]


def corpus_index() -> dict[str, tuple[str, ...]]:
    files = [row for row in corpus_rows() if row[0].endswith(".eml")]
    return {name: () if problems == "none" else tuple(problems.split("; ")) for name, _, problems in files}


def hostile_index() -> dict[str, str]:
    return {name: problem for name, _, problem in corpus_rows() if not name.endswith(".eml")}


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
        ("charset-unknown.eml", "Café"),
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


def test_the_hostile_messages_and_their_index_agree():
    assert set(hostile_index()) == HOSTILE.keys()


@pytest.mark.parametrize(("name", "problem"), hostile_index().items())
def test_hostile_mail_takes_less_than_a_second(name, problem):
    raw = HOSTILE[name]()
    assert problem in (*parse_message(raw).problems, "none")
    assert any(seconds_to_read(raw) < 1 for _ in range(3))


def seconds_to_read(raw: bytes) -> float:
    """Give the time that the processor takes, whoever else is using it."""
    started = time.process_time()
    parse_message(raw)
    return time.process_time() - started


def test_hostile_mail_takes_less_than_256_mib():
    """The largest of the processes that read one message each, with the program and the message itself."""
    program = (
        "import os, resource\n"
        "from postroom.mail.parse import parse_message\n"
        "from tests.mail.hostile import HOSTILE\n"
        "for make in HOSTILE.values():\n"
        "    if not os.fork():\n"
        "        parse_message(make())\n"
        "        os._exit(0)\n"
        "    assert os.wait()[1] == 0\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)\n"
    )
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=ROOT).stdout
    assert 64 < int(printed) < 256


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
    monkeypatch.setattr(parse, "digest_parts", recurse)
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


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("CHINESEBIG5", "big5", "免費廣告"),
        ("GB2312_CHARSET", "gb18030", "免费广告"),
        ("x-gbk", "gbk", "免费广告"),
        ("x-sjis", "shift_jis", "無料"),
        ("DEFAULT", "cp1252", "“20 €”"),
    ],
)
def test_charsets_are_known_by_the_names_that_mail_has_for_them(charset: str, codec: str, text: str) -> None:
    word = f"=?{charset}?B?{base64.b64encode(text.encode(codec)).decode()}?="
    assert parse_message(f"Subject: {word}\n\n".encode()).subject == text


# Mail as it should be, with what is not as it should be at any place of it.
NEWLINES = st.sampled_from([b"\r\n", b"\n", b"\r", b"\n\r"])
CHARSETS = st.sampled_from(
    [
        b"utf-8",
        b"UTF_16",
        b"utf-7",
        b"us-ascii",
        b"cp1252",
        b"gb2312_charset",
        b"DEFAULT",
        b"hz",
        b"zlib",
        b"",
        b"x" * 99,
    ]
)
WORDS = st.builds(
    b"=?%b%b?%b?%b?=".__mod__,
    st.tuples(CHARSETS, st.sampled_from([b"", b"*de"]), st.sampled_from([b"q", b"B", b"x"]), st.binary(max_size=12)),
)
VALUES = st.one_of(
    WORDS,
    st.binary(max_size=40),
    st.lists(PIECES, max_size=8).map(b"".join),
    st.sampled_from(
        [b"<a@b>", b"Bob <bob@acme.example>", b"friends: a@b, c@d;", b"Fri, 13 Nov 2026 10:00:00 +0100", b""]
    ),
)
NAMES = st.sampled_from(
    b"From To Cc Bcc Subject Date Message-ID References In-Reply-To Content-Disposition Received X-\xe4 :".split()
)
ENCODINGS = st.sampled_from([b"base64", b"quoted-printable", b"8bit", b"x-uuencode", b"BASE64 ", b"binary"])
BOUNDARIES = st.sampled_from([b"b", b"bb", b"b-", b"-", b"=_b b", b"a;b", b"\xff", b"b" * 201])
BODIES = st.binary(max_size=60) | st.lists(PIECES, max_size=8).map(b"\n".join) | st.just(b"From here\n>From there \n")


def header(fields: list[tuple[bytes, bytes]], newline: bytes) -> bytes:
    return b"".join(name + b": " + value.replace(b"\n", newline + b" ") + newline for name, value in fields) + newline


FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)


@st.composite
def leaf(draw: st.DrawFn) -> bytes:
    media_type = draw(
        st.sampled_from([b"text/plain", b"text/html", b"image/png", b"message/rfc822", b"text", b"a/b/c"])
    )
    fields = [(b"Content-Type", media_type + b"; charset=" + draw(CHARSETS))] * draw(st.integers(0, 2))
    fields += [(b"Content-Transfer-Encoding", draw(ENCODINGS))] * draw(st.integers(0, 1))
    return header(draw(FIELDS) + fields, draw(NEWLINES)) + draw(BODIES)


@st.composite
def branch(draw: st.DrawFn, parts: st.SearchStrategy[list[bytes]]) -> bytes:
    said, used, newline = draw(BOUNDARIES), draw(BOUNDARIES), draw(NEWLINES)
    boundary = said if draw(st.booleans()) else used
    parameter = draw(
        st.sampled_from([b'; boundary="%b"', b"; boundary=%b", b"; boundary*0=%b", b"; boundary*=utf-8''%b"])
    )
    delimiter = newline + b"--" + boundary
    between = b"".join(
        delimiter + draw(st.sampled_from([b"", b" ", b"-", b"--"])) + newline + one for one in draw(parts)
    )
    fields = [*draw(FIELDS), (b"Content-Type", b"multipart/mixed" + parameter % said)]
    return header(fields, newline) + between + draw(st.sampled_from([b"", delimiter + b"--"]))


MESSAGES = st.recursive(leaf(), lambda inner: branch(st.lists(inner, max_size=4)), max_leaves=12)


@examples(200)
@given(st.binary(max_size=2000) | st.lists(PIECES, max_size=60).map(b" ".join) | mutated() | MESSAGES)
def test_any_bytes_give_a_message_that_a_database_takes(raw):
    started = time.process_time()
    message = parse_message(raw)
    assert time.process_time() - started < 1
    assert len(message.body_digest) == 32
    texts = [message.subject, message.message_id or "", *message.references, *message.problems]
    texts += [text for p in message.participants for text in (p.name, p.address)]
    for text in texts:
        assert "\x00" not in text
        text.encode("utf-8")
    assert not [problem for problem in message.problems if problem.endswith("not readable")]
    assert parse_message(raw) == message


def test_large_mail_of_any_shape_takes_less_than_a_second_and_256_mib():
    command = [sys.executable, "-m", "tests.mail.large_mail"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 256


@given(st.text(max_size=80), st.sampled_from([" ", "\t", "\r\n "]))
def test_a_parameter_reads_the_same_in_one_piece_and_in_sections(text, blank):
    """As RFC 2231 writes them, in any order."""
    text = text.encode("utf-8", "replace").decode()
    whole = "".join(f"%{byte:02X}" for byte in text.encode())
    cut = len(whole) // 6 * 3
    sections = f";{blank}name*1*={whole[cut:]}; name*0*=utf-8''{whole[:cut]}"
    assert read_parameters(f"A/B{sections}") == ("a/b", {"name": text})
    assert read_parameters(f"A/B; name*=utf-8''{whole}; name*=x")[1] == {"name": text}


@given(st.text(alphabet='ab;\\"= ', max_size=30))
def test_a_quoted_parameter_is_read_as_it_was_written(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert read_parameters(f'a/b; x=1;name="{escaped}" ;y = 2 ') == ("a/b", {"x": "1", "name": text, "y": "2"})


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ("a/b; name=x; name=y", {"name": "x"}),
        ("a/b; name*1=y; name*0=x; name*3=z", {"name": "xy"}),
        ("a/b; name*0*=utf-8''%C3; name*1*=%BC", {"name": "ü"}),
        ("a/b; name*0*=utf-8''%C3; name*1=%BC", {"name": "\N{REPLACEMENT CHARACTER}%BC"}),
        ("a/b; name*=latin1'de'%FC", {"name": "ü"}),
        ("a/b; name*=''%FC", {"name": "ü"}),
        ("a/b; name*=nobody''%FC%zz", {"name": "ü%zz"}),
        ("a/b; name*=%FC", {"name": "ü"}),
        ('a/b; name="open; x=y', {"name": "open; x=y"}),
        ("a/b; name*1000=x; =y; *=z; ; name", {}),
        ("a/b; name=", {"name": ""}),
        ("a/b; NAME=x y (z)", {"name": "x y (z)"}),
    ],
)
def test_parameters_as_mail_has_them(value, parameters):
    assert read_parameters(value) == ("a/b", parameters)


@given(st.text(alphabet='ab@.,;:<>()"\\ \n=?é', max_size=200))
def test_an_address_list_is_read_without_losing_a_plain_address(text):
    problems: list[str] = []
    found = list(headers.split_addresses(text + ", <bob@acme.example>", "To", problems))
    assert ("bob@acme.example" in [spec for _, spec in found]) or any(c in text for c in '"(<\\')
