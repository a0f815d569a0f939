"""The words of an HTML text."""

import re
from collections.abc import Iterator

from postroom.mail.html_tags import decoded, tags_and_text

_BREAKS = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "table", "tr"})


def plain_text(html: str) -> str:
    """Give the words of an HTML text, for those who read no HTML, in time linear in its length."""
    found = "".join(_words(html))
    lines = [" ".join(line.split()) for line in found.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _words(html: str) -> Iterator[str]:
    for found in tags_and_text(html):
        if isinstance(found, str):
            yield decoded(re.sub(r"\s+", " ", found))  # line breaks of the source are none of the text
        elif found.name in _BREAKS and not (found.is_end and found.name == "br"):
            yield "\n"
