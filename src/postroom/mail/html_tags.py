"""The tags of an HTML text and the text between them, in one pass: who wrote it may have meant to keep its reader busy.

The standard library's parser is not used, because it looks through the rest of the text again for each tag that is
never closed.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

# What is in them is not shown, or is read by other rules than those of HTML.
UNSEEN = frozenset(
    {"iframe", "math", "noembed", "noframes", "noscript", "object", "script", "select", "style", "svg", "template"}
) | {"textarea", "title", "xmp"}

_MARKUP = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
# A quoted value may hold ">". No part of the pattern is tried twice.
_TAG = re.compile(r"""<(/?)([a-z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>""", re.IGNORECASE)
_OPENS_TAG = re.compile(r"</?[a-z]", re.IGNORECASE)
_NUMBERED = re.compile(r"&#(?:(?=[0-9])0*+([0-9]*+)|(x)(?=[0-9a-f])0*+([0-9a-f]*+));?", re.IGNORECASE)
_MOST_DIGITS = 7  # of any character's number


class Tag(NamedTuple):
    """A tag: its name in lower case, and its attributes as they were written."""

    name: str
    is_end: bool
    attributes: str


def tags_and_text(html: str) -> Iterator[Tag | str]:
    """Give each tag and each text in between, in time linear in the length, but no comment and nothing unseen."""
    place = 0
    while (markup := _MARKUP.search(html, place)) is not None:
        yield html[place : markup.start()]
        found = _TAG.match(html, markup.start())
        if found is None:
            place = _after_comment(html, markup.start())
            continue
        tag = Tag(found[2].lower(), bool(found[1]), found[3])
        yield tag
        is_unseen = tag.name in UNSEEN and not tag.is_end
        place = _after_element(html, tag.name, found.end()) if is_unseen else found.end()
    yield html[place:]


def decoded(text: str) -> str:
    """Give a text or the value of an attribute with its character references decoded."""
    return unescape(_NUMBERED.sub(_numbered, text))


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
