"""The token endpoint of OAuth 2 (RFC 6749, section 3.2): oauthlib knows the grants, and asks `_Rules` for the facts."""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from oauthlib.common import Request
from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    BearerToken,
    ClientCredentialsGrant,
    RefreshTokenGrant,
    RequestValidator,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749.errors import CustomOAuth2Error
from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.clients import find_client
from postroom.actions.errors import ActionError, NotFound
from postroom.actions.grants import end_grant, revoke_any_token
from postroom.actions.random_secrets import SecretKind, family_of, is_well_formed, new_refresh_token, new_secret
from postroom.actions.tokens import hash_token, matches
from postroom.core.model import Client, ClientKind, Grant, UserStatus
from postroom.core.scopes import with_spaces
from postroom.storage import clients, people, tokens
from postroom.storage.database import Database
from postroom.storage.ids import take_id

TOKEN_LIFE = 3600  # seconds
_PURGED_AT_ONCE = 100  # more than are issued at once, so that none pile up
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)  # RFC 7636, section 4.1

# What each grant takes, beside what names the client. oauthlib would take its own attributes from a form as well.
_PARAMETERS = {
    "authorization_code": ("code", "redirect_uri", "code_verifier"),
    "client_credentials": ("scope",),
    "refresh_token": ("refresh_token", "scope"),
}
# What a stranger makes up is refused before anything waits to be written.
_PRESENTED = {"authorization_code": ("code", SecretKind.CODE), "refresh_token": ("refresh_token", SecretKind.REFRESH)}
_GRANT_TYPES = {
    ClientKind.CONFIDENTIAL: ("authorization_code", "refresh_token"),
    ClientKind.PUBLIC: ("authorization_code", "refresh_token"),
    ClientKind.SERVICE: ("client_credentials",),
}
_ZOHO_WORDS = {"invalid_grant": "invalid_code"}  # where Zoho's word for an error of RFC 6749 is another one
_NOWHERE = "urn:ietf:wg:oauth:2.0:oob"  # for oauthlib, which knows no code without a redirect URI


class TokenRefused(ActionError):
    """The token endpoint refused; the sentence is the one word that clients know the reason by."""


class TokenRequest(NamedTuple):
    """A form as it was sent, and client id and secret of an Authorization header (RFC 6749, section 2.3.1)."""

    form: Mapping[str, str]
    basic: tuple[str, str] | None = None


def issue_tokens(database: Database, request: TokenRequest, *, now: int) -> dict[str, object]:
    """Issue what a grant is good for at `now` (epoch seconds). Raises TokenRefused."""
    grant_type = request.form.get("grant_type")
    if grant_type is None:
        raise TokenRefused("invalid_request")
    if grant_type not in _PARAMETERS:
        raise TokenRefused("unsupported_grant_type")
    with database.read() as connection:
        authenticate_client(connection, request)  # whoever is refused here keeps nobody from writing
    _check_presented(grant_type, request.form)
    with database.write() as connection:
        client = authenticate_client(connection, request)
        transaction = Transaction(connection, _somebody_at(client), now)
        answer, refusal = _answer(transaction, client, grant_type, request.form)
    if refusal is not None:
        raise TokenRefused(refusal)
    return answer


def _check_presented(grant_type: str, form: Mapping[str, str]) -> None:
    name, kind = _PRESENTED.get(grant_type, ("", SecretKind.CODE))
    if name in form and not is_well_formed(form[name], kind):
        raise TokenRefused("invalid_code")


def revoke(database: Database, request: TokenRequest, *, now: int) -> None:
    """Revoke a token (RFC 7009): whoever holds it may, as with Zoho; a client that names itself only its own.

    A token that cannot be revoked is none already. Raises TokenRefused.
    """
    token = request.form.get("token")
    if token is None:
        raise TokenRefused("invalid_request")
    client_id, by = None, Actor(None, is_administrator=False, channel="token endpoint")
    if request.basic is not None or "client_id" in request.form:
        with database.read() as connection:
            client = authenticate_client(connection, request)
        client_id, by = client.id, _somebody_at(client)
    if any(is_well_formed(token, kind) for kind in (SecretKind.ACCESS, SecretKind.REFRESH)):
        try:
            revoke_any_token(database, token, by=by, now=now, client_id=client_id)
        except NotFound:
            return


def authenticate_client(connection: Connection, request: TokenRequest) -> Client:
    """Give the client that asks. Raises TokenRefused with Zoho's words for an unknown client and a wrong secret."""
    form_id, form_secret = request.form.get("client_id"), request.form.get("client_secret")
    client_id, secret = request.basic or (form_id, form_secret)
    secret = secret or None  # a client without one may send an empty one in the header
    if request.basic is not None and (form_secret is not None or form_id not in (None, client_id)):
        raise TokenRefused("invalid_request")  # RFC 6749, section 2.3: one method a request
    client = find_client(connection, client_id)
    if client is None:
        raise TokenRefused("invalid_client")
    if client.secret_hash is None:
        if secret is not None:
            raise TokenRefused("invalid_client_secret")
    elif secret is None or not matches(secret, client.secret_hash):
        raise TokenRefused("invalid_client_secret")
    return client


def _somebody_at(client: Client) -> Actor:
    return Actor(None, is_administrator=False, channel=f"client {client.id}")


def _answer(
    transaction: Transaction, client: Client, grant_type: str, form: Mapping[str, str]
) -> tuple[dict[str, object], str | None]:
    """Give tokens, or the word of a refusal; what the refusal of a token used twice revoked stays revoked."""
    rules = _Rules(transaction, client)
    sent = {name: form[name] for name in _PARAMETERS[grant_type] if name in form}
    if "scope" in sent:
        sent["scope"] = " ".join(dict.fromkeys(with_spaces(sent["scope"]).split()))
    body = [*sent.items(), ("client_id", str(client.id)), ("grant_type", grant_type)]
    _, answer, status = _endpoint(rules).create_token_response("", body=body)
    given: dict[str, object] = json.loads(answer)
    if status == 200:  # noqa: PLR2004 (RFC 6749, section 5.1)
        return given, None
    word = str(given["error"])
    return {}, _ZOHO_WORDS.get(word, word)


def _endpoint(rules: "_Rules") -> TokenEndpoint:
    bearer = BearerToken(
        rules,
        token_generator=lambda _request: new_secret(SecretKind.ACCESS),
        expires_in=TOKEN_LIFE,
        refresh_token_generator=lambda request: new_refresh_token(request.refresh_token),
    )
    grants = {
        "authorization_code": AuthorizationCodeGrant(rules),
        "client_credentials": ClientCredentialsGrant(rules),
        "refresh_token": RefreshTokenGrant(rules),
    }
    return TokenEndpoint("authorization_code", bearer, grants)  # type: ignore[arg-type] # its stub is wrong


class _Rules(RequestValidator):
    """Answers what oauthlib asks about one request of a client that has been authenticated."""

    def __init__(self, transaction: Transaction, client: Client) -> None:
        self._transaction = transaction
        self._connection = transaction.connection
        self._client = client
        self._grant: Grant | None = None

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Say whether the client has a secret."""
        return self._client.kind != ClientKind.PUBLIC

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Hand on the client."""
        request.client = _Named(str(self._client.id))
        return True

    def authenticate_client_id(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Hand on the client, which has no secret."""
        return self.authenticate_client(request)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Say whether clients of this kind use a grant; a service does as long as its user is active."""
        user_id = self._client.user_id
        if user_id is not None and not self._is_active(user_id):
            return False
        return grant_type in _GRANT_TYPES[ClientKind(self._client.kind)]

    def validate_code(
        self, client_id: str, code: str, client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Find what a code is good for. One that was used before is known by two: its grant ends (section 4.1.2)."""
        if not is_well_formed(code, SecretKind.CODE):
            return False
        grant = clients.lock_grant_of_code(self._connection, hash_token(code), self._client.id)
        if grant is None:
            return False
        if grant.code_used_at is not None:
            end_grant(self._transaction, self._client, grant)
            return False
        if not self._proves(request.code_verifier, grant):
            return False
        self._use(grant, request)
        return self._transaction.now < (grant.code_expires_at or 0) and self._is_active(grant.user_id)

    def get_code_challenge(self, code: str, request: Request) -> str | None:  # type: ignore[override] # None: no PKCE
        """Give what the verifier of PKCE is compared with."""
        return None if self._grant is None else self._grant.code_challenge

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        """Name the only method that there is."""
        return "S256"

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """Say that a client without a secret needs PKCE (RFC 9700, section 2.1.1)."""
        return self._client.kind == ClientKind.PUBLIC

    def get_default_redirect_uri(  # type: ignore[override] # None: there is none
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> str | None:
        """Give one for a code of the command line only: any other must be repeated."""
        return _NOWHERE if self._grant is not None and self._grant.redirect_uri is None else None

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Compare with the one that the code was sent to; raise Zoho's word for another."""
        if self._grant is not None and self._grant.redirect_uri in (None, redirect_uri):
            return True
        raise CustomOAuth2Error("invalid_redirect_uri", request=request)

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Let a code be used no more."""
        if self._grant is not None:
            clients.mark_code_used(self._connection, self._grant.id, self._transaction.now)

    def validate_refresh_token(
        self, refresh_token: str, client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Find what a refresh token is good for. One that was replaced is known by two: its grant ends (RFC 9700)."""
        if not is_well_formed(refresh_token, SecretKind.REFRESH):
            return False
        grant = clients.lock_grant_of_family(self._connection, hash_token(family_of(refresh_token)))
        if grant is None or grant.refresh_hash is None or grant.client_id != self._client.id:
            return False
        if not matches(refresh_token, grant.refresh_hash):
            end_grant(self._transaction, self._client, grant)
            return False
        self._use(grant, request)
        return self._is_active(grant.user_id)

    def get_original_scopes(self, refresh_token: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Give what the user granted: a refresh may ask for less, never for more."""
        return [] if self._grant is None else self._grant.scopes.split(",")

    def rotate_refresh_token(self, request: Request) -> bool:
        """Say whether a refresh replaces the refresh token: where no secret protects it (RFC 9700, section 4.14)."""
        return self._client.kind == ClientKind.PUBLIC

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        """Give what a service may ask for."""
        return (self._client.scopes or "").split(",")

    def validate_scopes(
        self, client_id: str, scopes: list[str], client: object, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        """Say whether a service may ask for scopes."""
        return set(scopes) <= set(self.get_default_scopes(client_id, request))

    def save_token(self, token: dict[str, object], request: Request, *args: Any, **kwargs: Any) -> None:  # type: ignore[override] # it is a dictionary
        """Store the tokens' hashes, and take out of the answer what the client has, or did not ask for."""
        grant = self._grant or self._grant_to_service(request)
        refresh_token = token.get("refresh_token")
        if refresh_token == request.refresh_token or not grant.is_offline:
            token.pop("refresh_token", None)
        elif isinstance(refresh_token, str):
            family_hash = hash_token(family_of(refresh_token))
            clients.set_refresh_token(self._connection, grant.id, family_hash, hash_token(refresh_token))
        self._store(str(token["access_token"]), ",".join(request.scopes or ()), grant)

    def _store(self, access_token: str, scopes: str, grant: Grant) -> None:
        now = self._transaction.now
        tokens.insert_token(
            self._connection,
            hash_token(access_token),
            grant.user_id,
            scopes,
            created_at=now,
            expires_at=now + TOKEN_LIFE,
            grant_id=grant.id,
        )
        tokens.delete_expired_tokens(self._connection, now, _PURGED_AT_ONCE)
        clients.delete_passed_grants(self._connection, now, _PURGED_AT_ONCE)

    def _use(self, grant: Grant, request: Request) -> None:
        self._grant = grant
        request.user, request.scopes = grant.user_id, grant.scopes.split(",")

    def _proves(self, verifier: str | None, grant: Grant) -> bool:
        """Say whether a verifier is none where none is due (RFC 9700, section 2.1.1), and else could be one."""
        if verifier is None:
            return True
        return grant.code_challenge is not None and _VERIFIER.fullmatch(verifier) is not None

    def _is_active(self, user_id: int) -> bool:
        return people.status_of(self._connection, user_id) == UserStatus.ACTIVE

    def _grant_to_service(self, request: Request) -> Grant:
        grant = Grant(
            take_id(self._connection),
            self._client.id,
            self._client.user_id or 0,
            ",".join(request.scopes or ()),
            granted_at=self._transaction.now,
        )
        clients.insert_grant(self._connection, grant)
        return grant


class _Named(NamedTuple):
    """A client as oauthlib wants it."""

    client_id: str
