"""What a message says and brings along: its text, its HTML made harmless, and its files."""

import base64
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from mimetypes import guess_extension
from typing import NamedTuple

from postroom.core.addresses import normalise_address
from postroom.core.model import Person
from postroom.mail.body import Part, decode_part, read_parts
from postroom.mail.charsets import decode_charset
from postroom.mail.headers import (
    MAX_FIELD_BYTES,
    clean,
    decode_words,
    header_text,
    read_fields,
    split_addresses,
    split_head,
)
from postroom.mail.html_text import plain_text
from postroom.mail.safe_html import safe_html

MAX_TEXT_LENGTH = 1024 * 1024  # characters that are read of all texts of a message, to be shown
MAX_PICTURES_BYTES = 1024 * 1024  # of all pictures that stand in the HTML; the others are files
MAX_PICTURES_LENGTH = 2 * MAX_PICTURES_BYTES  # characters of them in the HTML, which may name one again and again
SUMMARY_LENGTH = 250
MAX_NAME_LENGTH = 150
_SUMMARISED_BYTES = 64 * 1024
_PLAIN, _HTML = "text/plain", "text/html"
_TEXTS = frozenset({_PLAIN, _HTML})
# Of pictures only those that are nothing but pictures.
_PICTURES = frozenset({"image/gif", "image/jpeg", "image/png", "image/webp"})
_NOT_IN_NAMES = frozenset('/\\:*?"<>|')


class AttachedFile(NamedTuple):
    """A file in a message; `id` is its place among the parts. `size` is in bytes."""

    id: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says. `html` can be shown in a page; `is_html` says that it was written as HTML."""

    html: str
    text: str
    is_html: bool
    reply_to: Person | None
    files: tuple[AttachedFile, ...]


def is_attached(part: Part) -> bool:
    """Say whether a part is a file that goes along with what is said."""
    return part.disposition == "attachment" or bool(part.name) or part.content_type not in _TEXTS


def summary_of(parts: Sequence[Part]) -> str:
    """Give how the text of a message begins, in one line."""
    shown = _shown(parts, _PLAIN)
    if not shown:
        return ""
    text = _decoded(shown[0], _SUMMARISED_BYTES)
    return clean(plain_text(text) if shown[0].content_type == _HTML else text, SUMMARY_LENGTH)


def read_content(raw: bytes) -> Content:
    """Read what a message says. Of texts that are too long together only the beginning is read."""
    parts = _parts(raw)
    texts = [(part.content_type, text) for part, text in _read_within_limit(_shown(parts, _PLAIN))]
    words = [plain_text(text) if content_type == _HTML else text for content_type, text in texts]
    pictures, pages = _Pictures(parts), _shown(parts, _HTML)
    return Content(
        html="\n".join(_page(part, text, pictures) for part, text in _read_within_limit(pages)),
        text="\n".join(words)[:MAX_TEXT_LENGTH].replace("\r\n", "\n"),
        is_html=any(part.content_type == _HTML for part in pages),
        reply_to=_reply_to(raw),
        files=tuple(file for file, _ in _files(parts)),
    )


def read_files(raw: bytes) -> Iterator[tuple[AttachedFile, bytes]]:
    """Give each file of a message with its bytes."""
    for file, part in _files(_parts(raw)):
        yield file, bytes(decode_part(part, []))


def _reply_to(raw: bytes) -> Person | None:
    values = read_fields(split_head(raw)[0], []).get("reply-to", [])
    named = (each for value in values[:1] for each in split_addresses(header_text(value), "Reply-To", []))
    people = ((normalise_address(address), clean(decode_words(name), MAX_NAME_LENGTH)) for name, address in named)
    return next((Person(address, name) for address, name in people if address is not None), None)


def _parts(raw: bytes) -> list[Part]:
    head, body = split_head(raw)
    return list(read_parts(read_fields(head, []), body, []))


def _files(parts: Sequence[Part]) -> Iterator[tuple[AttachedFile, Part]]:
    for place, part in enumerate(parts, start=1):
        if is_attached(part):
            yield AttachedFile(str(place), _file_name(part, place), len(decode_part(part, []))), part


def _file_name(part: Part, place: int) -> str:
    """Give the name of a file, without a folder and without what is no name anywhere."""
    name = clean(decode_words(part.name), MAX_FIELD_BYTES)
    shown = "".join("_" if c in _NOT_IN_NAMES or unicodedata.category(c) == "Cf" else c for c in name).strip(". ")
    stem, dot, extension = shown.rpartition(".")
    if dot and len(extension) < MAX_NAME_LENGTH // 2:
        shown = f"{stem[: MAX_NAME_LENGTH - len(extension) - 1]}.{extension}"
    return shown[:MAX_NAME_LENGTH] or f"attachment-{place}{guess_extension(part.content_type) or ''}"


def _shown(parts: Sequence[Part], preferred: str) -> list[Part]:
    """Give the parts that are text, of those that say the same only the ones of the preferred type."""
    texts = [part for part in parts if not is_attached(part)]
    has_preferred = {part.alternative for part in texts if part.content_type == preferred}
    return [
        part
        for part in texts
        if not part.alternative or part.content_type == preferred or part.alternative not in has_preferred
    ]


def _read_within_limit(parts: Sequence[Part]) -> Iterator[tuple[Part, str]]:
    """Yield parts with their texts, the last of them cut, one character past the limit: it is seen to be too long."""
    left = MAX_TEXT_LENGTH
    for part in parts:
        if left > 0:
            text = _decoded(part, 4 * left)[: left + 1]
            left -= len(text)
            yield part, text


def _page(part: Part, text: str, pictures: "_Pictures") -> str:
    """Give a text as HTML that can be shown; of HTML that is too long the words."""
    if part.content_type != _HTML:
        return f"<pre>{escape(text[:MAX_TEXT_LENGTH])}</pre>"
    safe = safe_html(text, pictures.shown)
    return f"<pre>{escape(plain_text(text[:MAX_TEXT_LENGTH]))}</pre>" if safe is None else safe


def _decoded(part: Part, longest: int) -> str:
    """Give the text of a part, of which more than that many bytes are not read; no database or JSON refuses it."""
    text = decode_charset(bytes(decode_part(part, [])[:longest]), part.charset)
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


class _Pictures:
    """The pictures of a message that its HTML may show, as long as all that is shown is small together."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._urls, self._left = _pictures(parts), MAX_PICTURES_LENGTH

    def shown(self, content_id: str) -> str | None:
        """Give the data URL of a picture."""
        url = self._urls.get(content_id)
        if url is None or len(url) > self._left:
            return None
        self._left -= len(url)
        return url


def _pictures(parts: Sequence[Part]) -> Mapping[str, str]:
    """Give data URLs of the pictures that the HTML may name, as long as they are small together."""
    found: dict[str, str] = {}
    left = MAX_PICTURES_BYTES
    for part in parts:
        if part.content_id and part.content_type in _PICTURES and len(part.data) <= 2 * left:
            data = bytes(decode_part(part, []))
            if len(data) <= left:
                left -= len(data)
                found.setdefault(part.content_id, f"data:{part.content_type};base64,{base64.b64encode(data).decode()}")
    return found
