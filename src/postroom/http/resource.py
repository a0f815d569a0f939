"""What every resource of the own API does alike: it lets its caller in, reads what was sent, and answers."""

import time
from typing import ClassVar, TypeVar

import falcon
import msgspec

from postroom.actions.changes import Change, make
from postroom.actions.tokens import Caller, authenticate
from postroom.core.scopes import Family, Operation
from postroom.http.identity import bearer_token
from postroom.http.problems import JSON
from postroom.http.sent import Sent, read_body, read_query
from postroom.storage.database import Database

SentT = TypeVar("SentT", bound=Sent)


class Resource:
    """A resource of the own API; `family` is that of the scopes which open it."""

    family: ClassVar[Family]

    def __init__(self, database: Database) -> None:
        self.database = database

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself: there is nothing to be asked about methods."""
        raise falcon.HTTPMethodNotAllowed([])

    def enter(self, request: falcon.Request, operation: Operation) -> Caller:
        """Let the holder of a token in who sends nothing else. Raises RequestRefused, InvalidInput."""
        caller, _ = self.enter_with_query(request, operation, Sent)
        return caller

    def enter_with_query(
        self, request: falcon.Request, operation: Operation, kind: type[SentT]
    ) -> tuple[Caller, SentT]:
        """Let the holder of a token in, with a query. Raises RequestRefused, InvalidInput."""
        caller = authenticate(self.database, bearer_token(request), self.family, operation, now=now())
        return caller, read_query(request, kind)

    def enter_with_body(self, request: falcon.Request, operation: Operation, kind: type[SentT]) -> tuple[Caller, SentT]:
        """Let the holder of a token in, with a body. Raises RequestRefused, InvalidInput, BodyTooLarge."""
        self.enter(request, operation)  # a stranger's body is not waited for
        body = read_body(request, kind)
        return self.enter(request, operation), body  # the token may have been revoked while the body came in

    def make(self, caller: Caller, change: Change, response: falcon.Response) -> None:
        """Make a change and answer that it is made. Raises an ActionError."""
        make(self.database, change, caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class SettingsResource(Resource):
    """What the scopes of settings open."""

    family = Family.SETTINGS


class SharingResource(Resource):
    """What the scopes of sharing open."""

    family = Family.SHARING


def now() -> int:
    """Give the time (epoch seconds)."""
    return int(time.time())


def answer(response: falcon.Response, body: object, status: str = falcon.HTTP_OK) -> None:
    """Answer with JSON."""
    response.status = status
    response.content_type = JSON
    response.data = msgspec.json.encode(body)


def place(number: int | None) -> str | None:
    """Give where the next page starts: an id, and ids are strings."""
    return None if number is None else str(number)
