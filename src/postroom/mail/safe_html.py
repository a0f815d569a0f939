"""HTML that strangers wrote, made harmless: what is left can be shown in a page, loads nothing and tells nobody.

nh3 reads the text as browsers do and writes it anew from a list of what is allowed.
"""

from collections.abc import Mapping

import nh3

MAX_HTML_LENGTH = 512 * 1024  # characters; of a longer text its words are shown

_TAGS = nh3.ALLOWED_TAGS - {"area", "map"} | {"font"}
_STYLED = {"style", "align", "dir", "lang", "title"}
_ATTRIBUTES: Mapping[str, set[str]] = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": _STYLED,
    "font": {"color", "face", "size"},
    "table": nh3.ALLOWED_ATTRIBUTES["table"] | {"border", "cellpadding", "cellspacing", "width"},
    "td": nh3.ALLOWED_ATTRIBUTES["td"] | {"bgcolor", "height", "valign", "width"},
    "th": nh3.ALLOWED_ATTRIBUTES["th"] | {"bgcolor", "height", "valign", "width"},
}
_WITHOUT_CONTENT = {"math", "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "title"}
# None of these takes a URL, or takes what it styles to another place of the page.
_STYLES = {
    *("background-color", "border", "border-collapse", "border-spacing", "color", "direction"),
    *("font-family", "font-size", "font-style", "font-weight", "line-height", "list-style-type"),
    *("padding", "text-align", "text-decoration", "vertical-align", "white-space", "word-break"),
}
_LINKS = {"http", "https", "mailto", "tel"}
_CONTENT_ID = "cid:"  # RFC 2392: another part of the message


def safe_html(html: str, pictures: Mapping[str, str]) -> str | None:
    """Give what of an HTML text is harmless, None where it is too long to be read.

    `pictures` are the data URLs of the parts that it may show, by their ids. No other picture is left: to fetch one
    tells its sender that, when and where the mail was read.
    """
    if len(html) > MAX_HTML_LENGTH:
        return None

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if (tag, attribute) == ("img", "src"):
            return pictures.get(value.removeprefix(_CONTENT_ID)) if value.startswith(_CONTENT_ID) else None
        return None if value.startswith(_CONTENT_ID) else value

    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=dict(_ATTRIBUTES),
        clean_content_tags=_WITHOUT_CONTENT,
        filter_style_properties=_STYLES,
        url_schemes={*_LINKS, _CONTENT_ID.removesuffix(":")},
        url_relative="deny",
        attribute_filter=allowed,
    )
