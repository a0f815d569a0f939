"""The token endpoint of OAuth 2, and revoking a token, as clients of Zoho know them."""

import base64
from collections.abc import Mapping
from urllib.parse import unquote_plus

import falcon

from postroom.actions.errors import InvalidInput
from postroom.actions.token_endpoint import TokenRefused, TokenRequest, issue_tokens, revoke
from postroom.http.forms import read_form
from postroom.http.problems import BodyTooLarge
from postroom.http.resource import answer, now
from postroom.storage.database import Database

TOKEN_PATH, REVOKE_PATH = "/oauth/v2/token", "/oauth/v2/token/revoke"

# The status of each refusal (RFC 6749, section 5.2). The words are Zoho's where Zoho has one.
REFUSALS: Mapping[str, int] = {
    "invalid_client": 401,
    "invalid_client_secret": 401,
    "invalid_code": 400,
    "invalid_redirect_uri": 400,
    "invalid_request": 400,
    "invalid_scope": 400,
    "unauthorized_client": 400,
    "unsupported_grant_type": 400,
}
_CHALLENGE = 'Basic realm="Postroom", charset="UTF-8"'


class TokenResource:
    """Issues tokens. `public_url` is what `api_domain` says: an SDK that reads one of Zoho's hosts moves there."""

    def __init__(self, database: Database, public_url: str) -> None:
        self._database, self._public_url = database, public_url

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer tokens, or the word of a refusal."""
        try:
            issued = issue_tokens(self._database, _token_request(request), now=now())
        except (TokenRefused, InvalidInput, BodyTooLarge) as error:
            _refuse(response, error)
        else:
            _answer(response, issued | {"api_domain": self._public_url})

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself."""
        raise falcon.HTTPMethodNotAllowed(["POST"])


class RevocationResource:
    """Revokes tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer that the token is of no use, whether or not it was before (RFC 7009, section 2.2)."""
        try:
            revoke(self._database, _token_request(request), now=now())
        except (TokenRefused, InvalidInput, BodyTooLarge) as error:
            _refuse(response, error)
        else:
            _answer(response, {"status": "success"})

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself."""
        raise falcon.HTTPMethodNotAllowed(["POST"])


def _token_request(request: falcon.Request) -> TokenRequest:
    """Read a request, with nothing in the query, where logs would keep it. Raises TokenRefused and what forms raise."""
    if request.query_string:
        raise TokenRefused("invalid_request")
    return TokenRequest(read_form(request), _basic(request.auth))


def _basic(header: str | None) -> tuple[str, str] | None:
    """Give client id and secret of an Authorization header, each form-encoded within it (RFC 6749, section 2.3.1)."""
    if not header:
        return None
    scheme, _, credentials = header.strip().partition(" ")
    try:
        client_id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        if scheme.lower() != "basic" or not colon:
            raise TokenRefused("invalid_client")
        return unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError as error:  # not base64, or not UTF-8
        raise TokenRefused("invalid_client") from error


def _answer(response: falcon.Response, body: Mapping[str, object]) -> None:
    answer(response, body)
    response.set_header("Pragma", "no-cache")  # RFC 6749, section 5.1; every answer says Cache-Control: no-store


def _refuse(response: falcon.Response, error: Exception) -> None:
    word = str(error) if isinstance(error, TokenRefused) else "invalid_request"
    _answer(response, {"error": word})
    response.status = 413 if isinstance(error, BodyTooLarge) else REFUSALS[word]
    if response.status == 401:  # noqa: PLR2004 (RFC 6749, section 5.2)
        response.set_header("WWW-Authenticate", _CHALLENGE)
