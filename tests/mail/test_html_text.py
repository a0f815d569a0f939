"""The words of HTML: what is shown, in time linear in its length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.html_text import plain_text

ENDLESS = [
    "<a",
    '<a b="',
    "<a b='",
    "<a =\"'",
    "<a =",
    "</",
    "<",
    "<!--",
    "<![",
    "<!DOCTYPE",
    "<?",
    "<script>",
    "<style></style",
    '<p title="x>',
    "&",
    "&#",
    "&#x",
    " \n",
]


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>Hello <b>W</b>orld</p>", "Hello World"),
        ("a\n  b<br>c<BR/>d", "a b\nc\nd"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<div>a</div><div></div><div></div><div></div><p>b", "a\n\nb"),
        ("x<title>t</title><STYLE>p > a {}</STYLE><script>if (a<b) {'</scripty>'}</script >y", "xy"),
        ("a<!-- b > c -->d<!-->e<![CDATA[f]]>g<?php h ?>i</ >j", "adegij"),
        ("<p title='a > b' x=\">\">c", "c"),
        ("<p title=it's>a<p x=\"y>b", "a\nb"),
        ("1 < 2 & 3 > 2 &lt;b&gt; &eacute;&#233;&#xE9;&nbsp;f", "1 < 2 & 3 > 2 <b> ééé f"),
        ("&#0000000000000065;&#x00000000041;&#65ab", "AAAab"),
        ("a<b", "a"),
        ("", ""),
    ],
)
def test_shows_the_words(html: str, words: str) -> None:
    assert plain_text(html) == words


@pytest.mark.parametrize("number", ["0", "00", "9" * 5000, "0" * 5000, "x" + "f" * 5000, "x110000", "xd800"])
def test_no_character_has_such_a_number(number: str) -> None:
    assert plain_text(f"a&#{number};b") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("endless", ENDLESS)
def test_reads_hostile_text_in_one_pass(endless: str) -> None:
    """Whoever looks through the rest again for each of a million tags is not done today."""
    assert len(plain_text(endless * (2_000_000 // len(endless)))) <= 2_000_000


@given(st.lists(st.sampled_from([*ENDLESS, "</script>", "-->", ">", "x", '"', "'", ";", "\x00", "\ud800", "9" * 5000])))
def test_reads_whatever_there_is(pieces: list[str]) -> None:
    plain_text("".join(pieces))
