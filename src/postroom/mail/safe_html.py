"""HTML that strangers wrote, made harmless: what is left can be shown in a page, loads nothing and tells nobody.

nh3 reads the text as browsers do and writes it anew from a list of what is allowed. Browsers repair what is not closed
by opening it again and again, which can take all memory that there is; so the text is balanced first.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import nh3

from postroom.mail.html_tags import Tag, decoded, tags_and_text

MAX_HTML_LENGTH = 1024 * 1024  # characters; of a longer text its words are shown
MAX_DEPTH = 100  # elements within elements
MAX_ATTRIBUTES = 20
MAX_VALUE_LENGTH = 4000  # of an attribute; a longer one is left out
_PORTION = 4000  # characters

_TAGS = nh3.ALLOWED_TAGS - {"area", "map"} | {"font"}
_VOID = frozenset({"br", "col", "hr", "img", "wbr"})
_CELLS = frozenset({"table", "td", "th"})  # an end tag ends nothing outside the cell in which it stands
_BLOCKS = frozenset({"blockquote", "center", "div", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre"})
# What ends an element whose end tag may be left out.
_ENDED_BY: Mapping[str, frozenset[str]] = {
    "dd": frozenset({"dd", "dt"}),
    "dt": frozenset({"dd", "dt"}),
    "li": frozenset({"li"}),
    "p": _BLOCKS | {"table", "ul"},
    "td": frozenset({"td", "th", "tr", "tbody"}),
    "th": frozenset({"td", "th", "tr", "tbody"}),
    "tr": frozenset({"tr", "tbody"}),
}
_REFERENCES = str.maketrans({each: f"&#{ord(each)};" for each in '&<>"'})
_ATTRIBUTE = re.compile(
    r"""([a-z][a-z-]{0,30}+)(?![^\s=>/])(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'<>`]++)))?""", re.IGNORECASE
)

_ALLOWED: Mapping[str, set[str]] = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": {"style", "align", "dir", "lang", "title"},
    "font": {"color", "face", "size"},
    "table": nh3.ALLOWED_ATTRIBUTES["table"] | {"border", "cellpadding", "cellspacing", "width"},
    "td": nh3.ALLOWED_ATTRIBUTES["td"] | {"bgcolor", "height", "valign", "width"},
    "th": nh3.ALLOWED_ATTRIBUTES["th"] | {"bgcolor", "height", "valign", "width"},
}
# None of these takes what it styles to another place of the page, or loads anything.
_STYLES = {
    *("background-color", "border", "border-collapse", "border-spacing", "color", "direction"),
    *("font-family", "font-size", "font-style", "font-weight", "line-height"),
    *("padding", "text-align", "text-decoration", "vertical-align", "white-space", "word-break"),
}
_LINKS = {"http", "https", "mailto", "tel"}
_CONTENT_ID = "cid:"  # RFC 2392: another part of the message


def safe_html(html: str, picture: Callable[[str], str | None]) -> str | None:
    """Give what of an HTML text is harmless, None where it is too long to be read.

    `picture` gives the data URL of a part that it may show, by the part's id, each time that it is to be shown. No
    other picture is left: to fetch one tells its sender that, when and where the mail was read.
    """
    if len(html) > MAX_HTML_LENGTH:
        return None

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("img", "src"):
            return picture(value[len(_CONTENT_ID) :]) if _is_content_id(value) else None
        return None if _is_content_id(value) else value

    return nh3.clean(
        "".join(_balanced(html)),
        tags=_TAGS,
        attributes=dict(_ALLOWED),
        filter_style_properties=_STYLES,
        url_schemes={*_LINKS, _CONTENT_ID.removesuffix(":")},
        url_relative="deny",
        attribute_filter=allowed,
    )


def _is_content_id(value: str) -> bool:
    return value[: len(_CONTENT_ID)].lower() == _CONTENT_ID


def _balanced(html: str) -> Iterator[str]:
    """Give the text with an end tag for each start tag, in order, and none within too many others."""
    stack: list[str] = []
    for found in tags_and_text(html):
        if isinstance(found, str):
            yield from _text(decoded(found))
        elif found.name in _TAGS:
            yield from _with_ends(found, stack)
    yield from (f"</{name}>" for name in reversed(stack))


def _text(text: str) -> Iterator[str]:
    """Give text in portions: nh3 takes long over many ampersands in one. What is between them is left out again."""
    for start in range(0, len(text), _PORTION):
        yield text[start : start + _PORTION].translate(_REFERENCES)
        yield "<!---->"


def _with_ends(tag: Tag, stack: list[str]) -> Iterator[str]:
    """Give a tag with the end tags of what it ends, if it may stand there."""
    if tag.is_end:
        yield from _ended(tag.name, stack)
        return
    while stack and tag.name in _ENDED_BY.get(stack[-1], ()):
        yield f"</{stack.pop()}>"
    if tag.name in _VOID:
        yield _written(tag)
    elif len(stack) < MAX_DEPTH:
        stack.append(tag.name)
        yield _written(tag)


def _ended(name: str, stack: list[str]) -> Iterator[str]:
    for depth, each in enumerate(reversed(stack), start=1):
        if each == name:
            yield from (f"</{stack.pop()}>" for _ in range(depth))
            return
        if each in _CELLS and name not in _CELLS | _ENDED_BY.keys():
            return


def _written(tag: Tag) -> str:
    """Write a start tag so that it is read in one way only."""
    attributes = []
    for found in _ATTRIBUTE.finditer(tag.attributes):
        value = next((each for each in found.groups()[1:] if each is not None), "")
        if len(value) > MAX_VALUE_LENGTH:
            continue
        attributes.append(f' {found[1]}="{decoded(value).translate(_REFERENCES)}"')
    return f"<{tag.name}{''.join(attributes[:MAX_ATTRIBUTES])}>"
