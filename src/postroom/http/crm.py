"""What the resources of Zoho CRM's API do alike, beside the endpoints of mail."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.errors import ActionError, FieldMissing, FieldRefused, InvalidInput, RequestRefused
from postroom.actions.lookups import parse_id
from postroom.actions.tokens import Caller, admit
from postroom.core.scopes import CrmOperation, may_call
from postroom.http import problems
from postroom.http.identity import bearer_token, check_version
from postroom.http.resource import answer, now
from postroom.http.sent import Sent, Text, convert_query, read_body
from postroom.storage.database import Database

MAX_BODY_BYTES = 1024 * 1024  # a hundred records
MOST_ON_A_PAGE = 200
_MOST_IDS = 100
_MISSING = "Object missing required field"

SentT = TypeVar("SentT", bound=Sent)


class Reference(Sent, frozen=True):
    """Something named by its id, as answers name it; its name says nothing."""

    id: int | str
    name: Text | UnsetType | None = UNSET
    email: Text | UnsetType | None = UNSET


class Paged(Sent, frozen=True):
    """The parameters of a list that comes in pages."""

    page: Text = "1"
    per_page: Text = str(MOST_ON_A_PAGE)


class Page(NamedTuple):
    """A page of a list; the first one has the number 1."""

    number: int
    size: int


class CrmResource:
    """A resource of Zoho CRM's API."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself: there is nothing to be asked about methods."""
        raise falcon.HTTPMethodNotAllowed([])

    def enter(self, request: falcon.Request, version: str, operation: CrmOperation, *families: str) -> Caller:
        """Let the holder of a token in whose scopes hold an operation on one of these families.

        Raises RequestRefused.
        """
        check_version(version)
        token = bearer_token(request)
        return admit(self.database, token, lambda scopes: may_call(scopes, operation, *families), now=now())

    def enter_with_body(
        self, request: falcon.Request, version: str, operation: CrmOperation, kind: type[SentT], *families: str
    ) -> tuple[Caller, SentT]:
        """Let the holder of a token in, with a body. Raises RequestRefused, FieldRefused, BodyTooLarge."""
        self.enter(request, version, operation, *families)  # a stranger's body is not waited for
        with naming("api_name"):
            body = read_body(request, kind, MAX_BODY_BYTES)
        return self.enter(request, version, operation, *families), body  # it may have been revoked meanwhile


def read_parameters(request: falcon.Request, kind: type[SentT]) -> SentT:
    """Read the parameters of a query; Zoho's SDK for Node ends each query with `&`. Raises FieldRefused."""
    with naming("param_name"):
        return convert_query(request.query_string.removesuffix("&"), kind)


def page_in(query: Paged) -> Page:
    """Give the page that was asked for. Raises FieldRefused."""
    number, size = parse_id(query.page), parse_id(query.per_page)
    if number is None:
        raise FieldRefused("expected the number of a page", param_name="page")
    if size is None or size > MOST_ON_A_PAGE:
        raise FieldRefused(f"expected a number from 1 to {MOST_ON_A_PAGE}", param_name="per_page")
    return Page(number, size)


def id_in(value: int | str, **place: str) -> int:
    """Give an id, which comes as a string of digits or as a number. Raises FieldRefused with its place."""
    number = parse_id(str(value))
    if number is None:
        raise FieldRefused("the id given seems to be invalid", **place)
    return number


def id_of(value: int | str | Reference, field: str) -> int:
    """Give the id of what a field names: by its id alone, or by an object that has it. Raises FieldRefused."""
    return id_in(value.id if isinstance(value, Reference) else value, api_name=field)


def ids_in(text: str) -> list[int]:
    """Give the ids of a list with commas, once each. Raises FieldRefused."""
    parts = dict.fromkeys(part.strip() for part in text.split(","))
    if len(parts) > _MOST_IDS:
        raise FieldRefused(f"expected at most {_MOST_IDS} ids", param_name="ids")
    return [id_in(part, param_name="ids") for part in parts]


def answer_page(
    response: falcon.Response, name: str, things: Sequence[object], info: Mapping[str, object] | None = None
) -> None:
    """Answer a list, with where its page stands; an empty one has no body."""
    if not things:
        response.status = falcon.HTTP_NO_CONTENT
        return
    answer(response, {name: things} | ({} if info is None else {"info": info}))


def page_info(page: Page, count: int, *, more: bool) -> dict[str, Any]:
    """Say where a page stands in its list."""
    return {"per_page": page.size, "count": count, "page": page.number, "more_records": more}


def done(message: str, details: Mapping[str, object]) -> dict[str, object]:
    """Say that one thing of several was done."""
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def answer_each(
    response: falcon.Response, name: str, results: Sequence[dict[str, object] | ActionError], success: int = 200
) -> None:
    """Answer what became of each thing: `success`, 207 where it became of some, else the status of the first error."""
    found = [_problem(result) if isinstance(result, ActionError) else result for result in results]
    refused = [each for each in found if isinstance(each, problems.Problem)]
    status = success if not refused else refused[0].status if len(refused) == len(found) else 207
    answer(
        response,
        {name: [problems.as_json(each) if isinstance(each, problems.Problem) else each for each in found]},
        falcon.code_to_http_status(status),
    )


def _problem(error: ActionError) -> problems.Problem:
    if isinstance(error, FieldRefused):
        return problems.field_problem(error)
    return problems.PROBLEMS[type(error)] if isinstance(error, RequestRefused) else problems.refusal(error)


@contextmanager
def naming(place: str) -> Iterator[None]:
    """Turn what names a member (`api_name`) or a parameter (`param_name`) into the form of this API."""
    try:
        yield
    except InvalidInput as error:
        field, _, reason = str(error).partition(": ")
        where = {place: field}
        raise FieldMissing(**where) if reason.startswith(_MISSING) else FieldRefused(reason, **where) from error


@contextmanager
def naming_in_json(root: str) -> Iterator[None]:
    """Name a member of what `root` is by its own name and by its place: `email`, `$.data[0].to[0].email`.

    What is refused by its name already, and what is no member's fault, stays as it is.
    """
    try:
        yield
    except InvalidInput as error:
        field, _, reason = str(error).partition(": ")
        kind = FieldMissing if reason.startswith(_MISSING) else FieldRefused
        raise _placed(kind, reason, f"$.{field}") from error
    except FieldRefused as error:
        named = error.details.get("api_name")
        if named is None or "json_path" in error.details:
            raise
        raise _placed(type(error), error.message, f"{root}.{named}") from error


def _placed(kind: type[FieldRefused], message: str, path: str) -> FieldRefused:
    place = {"api_name": path.rpartition(".")[2].partition("[")[0], "json_path": path}
    return FieldMissing(**place) if kind is FieldMissing else kind(message, **place)
