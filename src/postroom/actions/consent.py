"""The authorization endpoint of OAuth 2 (RFC 6749, section 3.1): what a client asks a user for, and what it gets."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from oauthlib.common import Request, urlencode
from oauthlib.oauth2 import AuthorizationCodeGrant, AuthorizationEndpoint, BearerToken, RequestValidator
from oauthlib.oauth2.rfc6749.errors import (
    AccessDeniedError,
    FatalClientError,
    InvalidClientIdError,
    InvalidRequestError,
    MissingClientIdError,
    OAuth2Error,
    UnsupportedResponseTypeError,
)
from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.clients import find_client
from postroom.actions.errors import ActionError, InvalidInput
from postroom.actions.grants import begin_grant
from postroom.actions.random_secrets import SecretKind, new_secret
from postroom.actions.tokens import hash_token, valid_scopes
from postroom.core.model import Client, ClientKind, Grant, Profile, User
from postroom.core.scopes import with_spaces
from postroom.storage.database import Database
from postroom.storage.ids import take_id

CODE_LIFE = 120  # seconds
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)  # a SHA-256 in base64url (RFC 7636, section 4.2)
# oauthlib would take its own attributes from a query as well.
_PARAMETERS = (
    "client_id",
    "response_type",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


class ConsentRefused(ActionError):
    """The request cannot be answered to the client, but only to the person; the sentence is the error's word."""


class SentBack(ActionError):
    """The request is refused, and the browser is to be sent back to the client, with the reason."""

    def __init__(self, location: str) -> None:
        super().__init__("the request is refused")
        self.location = location


class Wish(NamedTuple):
    """What a client asks a user for, and where the user is sent back to."""

    client: Client
    scopes: list[str]
    redirect_uri: str


def read_wish(database: Database, query: Mapping[str, str]) -> Wish:
    """Read what a client asks for. Raises ConsentRefused, SentBack."""
    with database.read() as connection:
        return _checked(_Rules(connection), query)


def refuse_wish(database: Database, query: Mapping[str, str]) -> str:
    """Give the URL by which the browser tells the client that the user does not consent (section 4.1.2.1).

    Raises ConsentRefused, SentBack.
    """
    wish = read_wish(database, query)
    return AccessDeniedError(state=query.get("state")).in_uri(wish.redirect_uri)


def grant_wish(database: Database, query: Mapping[str, str], user: User, *, public_url: str, now: int) -> str:
    """Grant a client what it asks for, at `now` (epoch seconds); give the URL by which the browser takes it the code.

    Raises ConsentRefused, SentBack.
    """
    by = Actor(user.id, user.profile == Profile.ADMINISTRATOR, channel="consent page")
    with database.write() as connection:
        rules = _Rules(connection, Transaction(connection, by, now), is_offline=query.get("access_type") != "online")
        wish = _checked(rules, query)
        endpoint = _endpoint(rules, {"accounts-server": public_url})
        headers, _, _ = endpoint.create_authorization_response("", body=_sent(query), scopes=wish.scopes)
    return str(headers["Location"])


def _checked(rules: "_Rules", query: Mapping[str, str]) -> Wish:
    try:
        scopes, facts = _endpoint(rules, {}).validate_authorization_request("", body=_sent(query))
    except (MissingClientIdError, InvalidClientIdError) as error:
        raise ConsentRefused("invalid_client") from error
    except FatalClientError as error:
        raise ConsentRefused("invalid_redirect_uri") from error
    except OAuth2Error as error:
        raise SentBack(error.in_uri(query["redirect_uri"])) from error
    return Wish(rules.client(), scopes, facts["redirect_uri"])


def _sent(query: Mapping[str, str]) -> str:
    sent = {name: query[name] for name in _PARAMETERS if name in query}
    if "scope" in sent:
        sent["scope"] = with_spaces(sent["scope"])
    return urlencode(list(sent.items()))


def _endpoint(rules: "_Rules", added: Mapping[str, str]) -> AuthorizationEndpoint:
    grant = AuthorizationCodeGrant(rules, pre_auth=[_check_method])
    grant.register_code_modifier(lambda made, *_: {**made, "code": new_secret(SecretKind.CODE), **added})
    return AuthorizationEndpoint("code", BearerToken(rules), {"code": grant})  # type: ignore[arg-type] # its stub is wrong


def _check_method(request: Request) -> dict[str, object]:
    """Refuse another response type than a code, and PKCE by anything but S256 (RFC 9700, section 2.1.1)."""
    if request.response_type not in (None, "code"):
        raise UnsupportedResponseTypeError(request=request)
    given = request.code_challenge is not None or request.code_challenge_method is not None
    challenge, method = request.code_challenge or "", request.code_challenge_method
    if given and (method != "S256" or not _CHALLENGE.fullmatch(challenge)):
        raise InvalidRequestError("code_challenge: expected one of the method S256", request=request)
    return {}


class _Rules(RequestValidator):
    """Answers what oauthlib asks about one request; with a transaction it may store a grant."""

    def __init__(
        self, connection: Connection, transaction: Transaction | None = None, *, is_offline: bool = True
    ) -> None:
        self._connection, self._transaction, self._is_offline = connection, transaction, is_offline
        self._client: Client | None = None

    def client(self) -> Client:
        """Give the client that asks, after `validate_client_id` found it."""
        if self._client is None:
            raise LookupError("oauthlib accepted a client that was not found")
        return self._client

    def validate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Find the client; a service has no user to ask."""
        self._client = find_client(self._connection, client_id)
        return self._client is not None and self._client.kind != ClientKind.SERVICE

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Compare with those of the client, character by character (RFC 9700, section 2.1)."""
        return redirect_uri in self.client().redirect_uris

    def get_default_redirect_uri(  # type: ignore[override] # None: there is none
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> str | None:
        """Give none: a request names where it wants to go."""
        return None

    def validate_response_type(
        self, client_id: str, response_type: str, client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Let every client ask for a code, which is all that there is."""
        return response_type == "code"

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Say that a client without a secret needs PKCE (RFC 9700, section 2.1.1)."""
        return self.client().kind == ClientKind.PUBLIC

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Give none: a request names what it wants."""
        return []

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Say whether the scopes are such that there could be."""
        try:
            valid_scopes(",".join(scopes))
        except InvalidInput:
            return False
        return True

    def save_authorization_code(  # type: ignore[override] # it is a dictionary
        self, client_id: str, code: Mapping[str, str], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Store what the user granted, with the hash of the code."""
        if self._transaction is None:
            raise LookupError("a grant is stored within a transaction")
        now = self._transaction.now
        grant = Grant(
            take_id(self._connection),
            self.client().id,
            self._transaction.by.user_id or 0,
            valid_scopes(",".join(request.scopes or ())),
            granted_at=now,
            code_hash=hash_token(code["code"]),
            code_expires_at=now + CODE_LIFE,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            is_offline=self._is_offline,
        )
        begin_grant(self._transaction, self.client(), grant)
