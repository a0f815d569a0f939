"""What callers send: bodies and queries, each with exactly the members that are known."""

import re
from typing import Annotated, Literal, NoReturn, TypeVar
from urllib.parse import parse_qsl

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroom.actions import permissions
from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import parse_id
from postroom.actions.permissions import KEEP, Keep, NewAudience
from postroom.core.model import Permission
from postroom.http.problems import BodyTooLarge

MAX_BODY_BYTES = 64 * 1024
_MOST_DISCARDED = 32 * 1024 * 1024  # bytes of a body that is too large
_DISCARDED_AT_ONCE = 64 * 1024
_MOST = 100  # things on one page
_PLACE = re.compile(r" - at `\$\.?(.*?)`$", re.DOTALL)
_MEMBER = re.compile(r"field `(.+)`$", re.DOTALL)

Text = Annotated[str, Meta(max_length=320)]  # longer than any name, address or reference
LongText = Annotated[str, Meta(max_length=1000)]  # a URL, or a list of scopes
Domain = Annotated[str, Meta(max_length=253)]  # RFC 1035, section 2.3.4

T = TypeVar("T")
SentT = TypeVar("SentT", bound="Sent")


class Sent(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Members that a caller may send, each of which is missing, not null, where it says nothing."""


class Member(Sent, frozen=True):
    """One whom an audience lists, or with whom a record is shared."""

    user: Text | UnsetType = UNSET
    role: Text | UnsetType = UNSET
    and_subordinates: bool = False


class Domains(Sent, frozen=True):
    """A list of domains, in place of the one before."""

    domains: tuple[Domain, ...]


Audience = Literal["everyone"] | tuple[Member, ...]


class NewPermission(Sent, frozen=True):
    """A permission and its audience; either stays as it is where it is missing."""

    permission: Permission | UnsetType = UNSET
    audience: Audience | UnsetType = UNSET


def read_body(request: falcon.Request, kind: type[SentT], longest: int = MAX_BODY_BYTES) -> SentT:
    """Read a JSON object, whatever its Content-Type: clients of Zoho send none. Raises InvalidInput, BodyTooLarge."""
    return read_json(limited_body(request, longest), kind)


def read_json(body: bytes | msgspec.Raw, kind: type[SentT]) -> SentT:
    """Read a JSON object. Raises InvalidInput."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        _refuse(error, "body")
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, or deeper than any parser goes
        raise InvalidInput(f"body: {error}") from error


def limited_body(request: falcon.Request, longest: int = MAX_BODY_BYTES) -> bytes:
    """Read a body of any kind. Raises BodyTooLarge."""
    announced = request.get_header("Content-Length", default="")
    is_announced = announced.isdecimal() and int(announced[:20]) > longest
    body: bytes = b"" if is_announced else request.stream.read(longest + 1)
    if is_announced or len(body) > longest:
        _discard(request)
        raise BodyTooLarge(f"a body has at most {longest} bytes")
    return body


def _discard(request: falcon.Request) -> None:
    """Take in what is still coming, within limits: a client that cannot send it hears no answer (RFC 9112, 9.6)."""
    for _ in range(_MOST_DISCARDED // _DISCARDED_AT_ONCE):
        if not request.stream.read(_DISCARDED_AT_ONCE):
            return


def read_query(request: falcon.Request, kind: type[SentT]) -> SentT:
    """Read the parameters of a query, each at most once. Raises InvalidInput."""
    return convert_query(request.query_string, kind)


def convert_query(query: str, kind: type[SentT]) -> SentT:
    """Read the text of a query, as above. Raises InvalidInput."""
    try:
        query.encode("ascii")  # servers hand on bytes that should have been percent-encoded as Latin-1 (PEP 3333)
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError as error:
        raise InvalidInput(f"query: {error}") from error
    parameters = dict(pairs)
    if len(parameters) < len(pairs):
        raise InvalidInput("query: a parameter is repeated")
    try:
        return msgspec.convert(parameters, kind)
    except msgspec.ValidationError as error:
        _refuse(error, "query")


def or_none(value: T | UnsetType | None) -> T | None:
    """Give None where a member is missing."""
    return None if value is UNSET else value


def or_kept(value: T | UnsetType) -> T | Literal[Keep.KEEP]:
    """Say that a part of a setting stays where a member is missing."""
    return KEEP if value is UNSET else value


def new_audience(value: Audience | UnsetType) -> NewAudience:
    """Give an audience as actions take it."""
    if value is UNSET:
        return KEEP
    if value == "everyone":
        return None
    return tuple(permissions.Member(or_none(m.user), or_none(m.role), m.and_subordinates) for m in value)


def limit_in(text: str) -> int:
    """Give how many things a page shall have. Raises InvalidInput."""
    number = parse_id(text)
    if number is None or number > _MOST:
        raise InvalidInput(f"limit: expected a number from 1 to {_MOST}")
    return number


def place_in(text: str | UnsetType, parameter: str) -> int | None:
    """Give where a page shall start, None for the first one. Raises InvalidInput."""
    if text is UNSET:
        return None
    number = parse_id(text)
    if number is None:
        raise InvalidInput(f"{parameter}: expected what the page before named")
    return number


def _refuse(error: msgspec.ValidationError, whole: str) -> NoReturn:
    """Name the member that is not acceptable, as `audience[0].user`, or the whole where it is no member's fault."""
    sentence = str(error)
    path, member = _PLACE.search(sentence), _MEMBER.search(_PLACE.sub("", sentence))
    names = [found[1] for found in (path, member) if found is not None and found[1]]
    raise InvalidInput(f"{'.'.join(names) or whole}: {_PLACE.sub('', sentence)}") from error
