"""Forms as browsers and clients of OAuth send them, in the query or in a body of either encoding."""

import io
from collections.abc import Iterable
from urllib.parse import parse_qsl

import falcon
from falcon.media.multipart import MultipartFormHandler, MultipartParseOptions

from postroom.actions.errors import InvalidInput
from postroom.http.sent import limited_body

MAX_FIELDS = 20  # more than any form here has
_URLENCODED = "application/x-www-form-urlencoded"


def read_form(request: falcon.Request) -> dict[str, str]:
    """Read a form from a body, each field at most once, without those that are empty (RFC 6749, section 3.1).

    Raises InvalidInput, BodyTooLarge.
    """
    kind = (request.content_type or "").partition(";")[0].strip().lower()
    if kind not in (_URLENCODED, falcon.MEDIA_MULTIPART):
        raise InvalidInput(f"body: expected {_URLENCODED} or {falcon.MEDIA_MULTIPART}")
    body = limited_body(request)
    try:
        if kind == _URLENCODED:
            return _fields(_pairs(body.decode("ascii")))
        return _fields(_parts(body, str(request.content_type)))
    except (ValueError, falcon.HTTPError) as error:  # ValueError: not in ASCII, or not UTF-8 when decoded
        raise InvalidInput("body: the form cannot be read") from error


def read_query_form(request: falcon.Request) -> dict[str, str]:
    """Read a form from the query, in the same way. Raises InvalidInput."""
    try:
        return _fields(_pairs(request.query_string))
    except ValueError as error:
        raise InvalidInput("query: the form cannot be read") from error


def _pairs(text: str) -> Iterable[tuple[str, str]]:
    text.encode("ascii")  # servers hand on bytes that should have been percent-encoded as Latin-1 (PEP 3333)
    return parse_qsl(
        text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MAX_FIELDS
    )


def _parts(body: bytes, content_type: str) -> Iterable[tuple[str, str]]:
    options = MultipartParseOptions()
    options.max_body_part_count = MAX_FIELDS
    form = MultipartFormHandler(options).deserialize(io.BytesIO(body), content_type, len(body))
    for part in form:
        if part.name is None or part.filename is not None:
            raise ValueError("a part without a name, or a file")
        yield part.name, part.get_data().decode()


def _fields(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise InvalidInput(f"{name}: is repeated")
        fields[name] = value
    return {name: value for name, value in fields.items() if value}
