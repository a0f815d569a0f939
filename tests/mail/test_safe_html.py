"""HTML of strangers: what is left of it can be shown in a page, loads nothing, and is there soon."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.mail.safe_html import MAX_DEPTH, MAX_HTML_LENGTH, safe_html
from tests.mail.test_html_text import ENDLESS

PICTURE = "data:image/png;base64,AAAA"
PICTURES = {"logo@acme.example": PICTURE}
LINK = '<a href="https://acme.example/?a=1&amp;b=2" rel="noopener noreferrer">x</a>'


def safe(html: str) -> str:
    found = safe_html(html, PICTURES.get)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>Hello <b>World</b></p>", "<p>Hello <b>World</b></p>"),
        ("<p>a<p>b", "<p>a</p><p>b</p>"),
        ("<ul><li>1<li>2</ul>", "<ul><li>1</li><li>2</li></ul>"),
        ("<b><i>x</b></i>y", "<b><i>x</i></b>y"),
        ("<b>x<table><tr><td>1</b>y</table>z", "<b>x<table><tbody><tr><td>1y</td></tr></tbody></table>z</b>"),
        ("1 < 2 &amp; 3 &lt; 4 &eacute;", "1 &lt; 2 &amp; 3 &lt; 4 é"),
        ('<a href="https://acme.example/?a=1&b=2">x</a>', LINK),
        ("<a href=mailto:a@b.example>x</a>", '<a href="mailto:a@b.example" rel="noopener noreferrer">x</a>'),
        ('<img src="cid:logo@acme.example" alt="Logo">', f'<img src="{PICTURE}" alt="Logo">'),
        ("<img src=CID:logo@acme.example>", f'<img src="{PICTURE}">'),
        ('<p style="color:red;text-align:center">x</p>', '<p style="color:red;text-align:center">x</p>'),
    ],
)
def test_keeps_what_is_harmless(html: str, left: str) -> None:
    assert safe(html) == left


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<script>alert(1)</script>a", "a"),
        ("<SCRIPT/x>alert(1)</script >a", "a"),
        ("<style>p { color: red }</style>a", "a"),
        ("<p onclick=alert(1) id=a class=b>a</p>", "<p>a</p>"),
        ('<a href="javascript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href=" java\nscript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="&#106;avascript:alert(1)">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="data:text/html,x">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="//acme.example">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ('<a href="cid:logo@acme.example">a</a>', '<a rel="noopener noreferrer">a</a>'),
        ("<form action=x><input name=a><button>b</button><textarea>c</textarea></form>", "b"),
        ("<iframe src=x>a</iframe><object data=x>b</object><embed src=x>", ""),
        ("<base href=x><link rel=stylesheet href=x><meta http-equiv=refresh content=0>a", "a"),
        ("<svg><script>alert(1)</script></svg><math><mi>x</mi></math>a", "a"),
        ('<img src="https://tracker.example/x.gif">', "<img>"),
        ('<img src="cid:another@acme.example">', "<img>"),
        ('<img src="data:image/svg+xml,x">', "<img>"),
        ("<img src=x onerror=alert(1)>", "<img>"),
        ("<video src=x poster=y></video><audio src=x></audio>", ""),
        ("<table background=https://x><tr><td>1</table>", "<table><tbody><tr><td>1</td></tr></tbody></table>"),
        ('<p style="position:fixed;background:url(https://x);width:99em">a</p>', '<p style="">a</p>'),
        ('<noscript><p title="</noscript><img src=x onerror=alert(1)>">', '<img>"&gt;'),
        ("<!-- a --><!DOCTYPE html><html><head><title>t</title></head><body background=x>a</body></html>", "a"),
        ("<title><a title='</title><img src=x onerror=alert(1)>'>", "<img>'&gt;"),
    ],
)
def test_leaves_out_what_acts_or_loads(html: str, left: str) -> None:
    assert safe(html) == left


REPAIRED = (
    *("<div>", "<b>", "<b><p>", "<a><b>", "<table><tr><td>", "<ul><li>", "<table><b>", "</p><b><i><u><a>"),
    *("<font color=x><table><td></font></td></table>", "<b><table><i></b>", "<h1><h2>", "<dl><dd><p>", "</p>"),
    *("&", "&a", "&#", "&#38;", "&amp;", "<br>", "<p style='color:red'>", "<!--", "\x00"),
)


@pytest.mark.parametrize("piece", [*REPAIRED, *ENDLESS])
def test_what_browsers_repair_for_ever_is_done_soon(piece: str) -> None:
    """Nested so deeply, a parser that repairs takes minutes and gigabytes."""
    found = safe(piece * (MAX_HTML_LENGTH // len(piece)))
    assert len(found) < 8 * MAX_HTML_LENGTH


def test_so_are_many_different_ones() -> None:
    fonts = "".join(f"<font color=c{n}><table><td></font></td></table><p>" for n in range(15_000))
    assert len(safe(fonts)) < 2 * MAX_HTML_LENGTH


def test_what_is_too_deep_is_shown_where_it_still_fits() -> None:
    assert safe("<div>" * 1000 + "x") == "<div>" * MAX_DEPTH + "x" + "</div>" * MAX_DEPTH


def test_what_is_too_long_is_not_read() -> None:
    assert safe_html("x" * (MAX_HTML_LENGTH + 1), PICTURES.get) is None


class _Elements(HTMLParser):
    """Collects the elements and attributes of what is left."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [(tag, name, value) for name, value in attrs] or [(tag, "", None)]


PIECES = [*REPAIRED, *ENDLESS, '"', "'", ">", "x", "=", " onload=x ", "javascript:", "<img src=", "<a href=", "<svg>"]
PIECES += ["</script>", "<textarea>", "</textarea>", "<math>", "<mtext>", "<style>", "cid:logo@acme.example", "\n", "/"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_whatever_is_written_nothing_acts(pieces: list[str]) -> None:
    elements = _Elements()
    elements.feed(safe("".join(pieces)))
    for tag, name, value in elements.found:
        assert tag not in {"script", "style", "iframe", "object", "embed", "form", "input", "svg", "math", "base"}
        assert not name.startswith("on")
        if name in {"src", "href"}:
            assert (
                value == PICTURE if name == "src" else (value or "").startswith(("http:", "https:", "mailto:", "tel:"))
            )
