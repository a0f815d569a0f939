"""What messages say and bring along."""

import base64
from email.message import EmailMessage
from time import process_time

import pytest
from hypothesis import given

from postroom.mail.content import MAX_NAME_LENGTH, MAX_TEXT_LENGTH, SUMMARY_LENGTH, read_content, read_files
from postroom.mail.parse import parse_message
from tests.mail.test_parse import CORPUS, mutated

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def letter(text: str | None = "Hello\n", html: str | None = None) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@acme.example", "b@acme.example", "Offer"
    if text is not None:
        message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html") if text is not None else message.set_content(html, subtype="html")
    return message


def test_plain_text_is_shown_as_it_is() -> None:
    content = read_content(letter("Hello <b>&amp;\nWorld\n").as_bytes())
    assert (content.text, content.is_html, content.files) == ("Hello <b>&amp;\nWorld\n", False, ())
    assert content.html == "<pre>Hello &lt;b&gt;&amp;amp;\nWorld\n</pre>"


def test_of_two_ways_to_say_it_each_is_given_once() -> None:
    content = read_content(letter("Hello\n", "<p>Hello <script>x</script></p>").as_bytes())
    assert (content.text, content.html.strip(), content.is_html) == ("Hello\n", "<p>Hello </p>", True)


def test_html_alone_has_words() -> None:
    content = read_content(letter(None, "<h1>Hello</h1><p>World</p>").as_bytes())
    assert (content.text.split(), content.html.strip()) == (["Hello", "World"], "<h1>Hello</h1><p>World</p>")


def test_texts_that_say_something_else_are_all_shown() -> None:
    message = letter("Hello\n")
    message.make_mixed()
    footer = EmailMessage()
    footer.set_content("<p>Sent from a list</p>", subtype="html")
    message.attach(footer)
    content = read_content(message.as_bytes())
    assert content.text == "Hello\n\nSent from a list"
    assert content.html.split("\n") == ["<pre>Hello", "</pre>", "<p>Sent from a list</p>", ""]


def test_pictures_of_the_message_stand_in_its_html() -> None:
    message = letter("Hello\n", '<img src="cid:logo@acme.example"><img src="https://tracker.example/x">')
    (_, page) = message.iter_parts()
    page.add_related(PNG, "image", "png", cid="<logo@acme.example>", filename="logo.png")
    content = read_content(message.as_bytes())
    picture = base64.b64encode(PNG).decode()
    assert content.html.strip() == f'<img src="data:image/png;base64,{picture}"><img>'
    assert [(file.name, file.size) for file in content.files] == [("logo.png", len(PNG))]


def test_a_picture_that_is_named_again_and_again_is_shown_within_a_limit() -> None:
    """Else sixty thousand names of one picture would be sixty gigabytes of HTML."""
    picture = base64.encodebytes(b"x" * 700_000).decode()
    parts = [("text/html", "<img src='cid:p'>" * 1000)] * 3
    html = read_content(
        related(*parts, ("image/png\nContent-ID: <p>\nContent-Transfer-Encoding: base64", picture))
    ).html
    assert html.count("data:image/png") == 2
    assert html.count("<img") == 3000


def test_of_many_long_texts_only_the_beginning_is_read() -> None:
    """A message has room for a thousand of them, which would take half a minute."""
    page = "<p>Hello <b>Bob</b></p>" * 3000
    before = process_time()
    content = read_content(related(*[("text/html", page)] * 900))
    assert process_time() - before < 10
    assert len(content.text) <= MAX_TEXT_LENGTH
    assert MAX_TEXT_LENGTH / 2 < len(content.html) < 2 * MAX_TEXT_LENGTH


def related(*parts: tuple[str, str]) -> bytes:
    """Give a message of these parts, each with its type and its text."""
    texts = "".join(f"--b\nContent-Type: {kind}\n\n{text}\n" for kind, text in parts)
    return f"Content-Type: multipart/related; boundary=b\n\n{texts}--b--\n".encode()


def test_a_picture_that_could_act_is_a_file_alone() -> None:
    message = letter("Hello\n", '<img src="cid:logo@acme.example">')
    (_, page) = message.iter_parts()
    page.add_related(b"<svg/>", "image", "svg+xml", cid="<logo@acme.example>")
    content = read_content(message.as_bytes())
    assert content.html.strip() == "<img>"
    assert [file.name for file in content.files] == ["attachment-3.svg"]


def test_files_come_as_they_were_sent() -> None:
    message = letter()
    message.add_attachment(PNG, maintype="image", subtype="png", filename="Größe.png")
    message.add_attachment("a;b\n", filename="list.csv")
    message.add_attachment(letter("inner\n"))
    files = list(read_files(message.as_bytes()))
    assert [(file.id, file.name) for file, _ in files] == [
        ("2", "Größe.png"),
        ("3", "list.csv"),
        ("4", "attachment-4.eml"),
    ]
    assert [content for _, content in files[:2]] == [PNG, b"a;b\n"]
    assert b"inner" in files[2][1]
    assert tuple(file for file, _ in files) == read_content(message.as_bytes()).files


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("../../.ssh/authorized_keys", "_.._.ssh_authorized_keys"),
        ("C:\\autoexec.bat", "C__autoexec.bat"),
        ("\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe", "_gpj.exe"),
        ("  .. ", "attachment-2.bin"),
        ("a\tb.txt", "a b.txt"),
        ('say "hi".txt', "say _hi_.txt"),
        ("=?utf-8?q?Gr=C3=B6=C3=9Fe.pdf?=", "Größe.pdf"),
    ],
)
def test_a_file_has_a_name_that_is_one_everywhere(given_name: str, name: str) -> None:
    message = letter()
    message.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=given_name)
    ((file, _),) = read_files(message.as_bytes())
    assert file.name == name


def test_a_long_name_keeps_its_extension() -> None:
    message = letter()
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="x" * 900 + ".pdf")
    ((file, _),) = read_files(message.as_bytes())
    assert (len(file.name), file.name[-4:]) == (MAX_NAME_LENGTH, ".pdf")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Desk <desk@acme.example>", ("desk@acme.example", "Desk")),
        ("desk@acme.example, b@acme.example", ("desk@acme.example", "")),
        ("nobody", None),
    ],
)
def test_says_where_answers_go(value: str, expected: tuple[str, str] | None) -> None:
    message = letter()
    message["Reply-To"] = value
    assert read_content(message.as_bytes()).reply_to == expected


class TestSummary:
    def test_is_how_the_text_begins(self) -> None:
        assert parse_message(letter("Dear  Bob,\n\nthe offer\n").as_bytes()).summary == "Dear Bob, the offer"
        assert len(parse_message(letter("word " * 1000).as_bytes()).summary) <= SUMMARY_LENGTH

    def test_of_html_is_its_words(self) -> None:
        html = "<style>p {}</style><p>Dear <b>Bob</b></p>"
        assert parse_message(letter(None, html).as_bytes()).summary == "Dear Bob"

    def test_knows_files(self) -> None:
        message = letter()
        assert parse_message(message.as_bytes()).has_attachment is False
        message.add_attachment(b"x", maintype="image", subtype="png", filename="x.png")
        found = parse_message(message.as_bytes())
        assert (found.summary, found.has_attachment) == ("Hello", True)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.eml")), ids=lambda path: path.stem)
def test_reads_the_corpus(path: object) -> None:
    raw = path.read_bytes()  # type: ignore[attr-defined]
    content = read_content(raw)
    for text in (content.html, content.text, *(file.name for file in content.files)):
        assert "\x00" not in text
        text.encode()
    assert tuple(file for file, _ in read_files(raw)) == content.files


@given(raw=mutated())
def test_reads_whatever_there_is(raw: bytes) -> None:
    assert tuple(file for file, _ in read_files(raw)) == read_content(raw).files
