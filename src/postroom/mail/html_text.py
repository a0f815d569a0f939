"""The words of an HTML text, in one pass over it: whoever wrote it may have meant to keep its reader busy.

The standard library's parser is not used, because it looks through the rest of the text again for each tag that is
never closed.
"""

import re
from collections.abc import Iterator
from html import unescape

_BREAKS = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "table", "tr"})
_UNSEEN = frozenset({"script", "style", "title"})  # their content has no tags, and is not shown

_MARKUP = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
# A quoted value may hold ">". No part of the pattern is tried twice.
_TAG = re.compile(r"""<(/?)([a-z][^\s/>]*+)(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""", re.IGNORECASE)
_OPENS_TAG = re.compile(r"</?[a-z]", re.IGNORECASE)
_NUMBERED = re.compile(r"&#(?:(?=[0-9])0*+([0-9]*+)|(x)(?=[0-9a-f])0*+([0-9a-f]*+));?", re.IGNORECASE)
_MOST_DIGITS = 7  # of any character's number


def plain_text(html: str) -> str:
    """Give the words of an HTML text, for those who read no HTML, in time linear in its length."""
    found = "".join(_words(html))
    lines = [" ".join(line.split()) for line in found.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _words(html: str) -> Iterator[str]:
    place = 0
    while (markup := _MARKUP.search(html, place)) is not None:
        yield _shown(html[place : markup.start()])
        tag = _TAG.match(html, markup.start())
        if tag is None:
            place = _after_comment(html, markup.start())
            continue
        is_end, name = bool(tag[1]), tag[2].lower()
        if name in _BREAKS and not (is_end and name == "br"):
            yield "\n"
        place = _after_element(html, name, tag.end()) if name in _UNSEEN and not is_end else tag.end()
    yield _shown(html[place:])


def _shown(text: str) -> str:
    """Give text as it is shown: line breaks of the source are none of the text."""
    return unescape(_NUMBERED.sub(_numbered, re.sub(r"\s+", " ", text)))


def _numbered(found: re.Match[str]) -> str:
    """Give the number of a character without the zeros before it, and none that no character has."""
    digits = found[1] or found[3] or ""
    return f"&#{found[2] or ''}{digits};" if 0 < len(digits) <= _MOST_DIGITS else "\N{REPLACEMENT CHARACTER}"


def _after_comment(html: str, start: int) -> int:
    """Give where a comment, a declaration or a tag without an end is over."""
    if _OPENS_TAG.match(html, start):
        return len(html)
    return _after(html, "-->", start + 2) if html.startswith("<!--", start) else _after(html, ">", start)


def _after_element(html: str, name: str, start: int) -> int:
    end = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(html, start)
    return len(html) if end is None else _after(html, ">", end.start())


def _after(html: str, end: str, start: int) -> int:
    found = html.find(end, start)
    return len(html) if found < 0 else found + len(end)
