"""Access tokens for mail servers: asking an authorization server for them (RFC 6749, RFC 7636), as a client of it."""

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from oauthlib.oauth2 import WebApplicationClient

from postroom.core.model import Security, Trouble
from postroom.mail.server import (
    AuthenticationFailed,
    ConnectionFailed,
    GuardError,
    MailServerError,
    Server,
    connection_errors,
    hung_up_after,
)

_TIMEOUT = 20  # seconds in which a provider must say something
_ANSWER_SECONDS = 60  # for a whole answer, however steadily it comes
_LONGEST_ANSWER = 64 * 1024  # bytes
_PORT = 443
_OK, _TOO_MANY, _SERVER_ERRORS = 200, 429, 500  # RFC 9110, section 15; RFC 6585, section 4
_LIFETIME = 3600  # seconds, where the server does not say
_VERIFIER_CHARACTERS = 64  # RFC 7636, section 4.1: 43 to 128
# RFC 6749, section 5.2, and what OpenID Connect adds: the user has to allow access anew.
_GONE = {"invalid_grant", "interaction_required", "consent_required", "login_required"}
_FOR_THE_MOMENT = {"temporarily_unavailable", "server_error", "slow_down"}  # RFC 6749, section 4.1.2.1; RFC 8628
_CLIENT_UNKNOWN = "invalid_client"  # RFC 6749, section 5.2; secrets of clients expire at some providers
_CODE_GONE = "does not know this code, or no longer: allow access anew."
_ACCESS_GONE = "no longer allows access: allow it with 'postroom mailbox login'."
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ProviderRefused(ConnectionFailed):
    """The provider wants no more of us as a client, which says nothing of what users allowed."""

    trouble = Trouble.PERMANENT


@dataclass(frozen=True, slots=True)
class Provider:
    """An authorization server, and the client that Postroom is there; a public client has no secret."""

    name: str
    client_id: str
    client_secret: str | None = field(repr=False)
    authorization_url: str
    token_url: str
    scopes: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What was granted; `expires_at` in epoch seconds. Without a refresh token the one before goes on."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: int


class Authorization(NamedTuple):
    """A request that a person answers in a browser: where, and what proves afterwards that the answer belongs to it."""

    url: str
    state: str
    verifier: str


def begin_authorization(provider: Provider, username: str) -> Authorization:
    """Begin a request for consent, for the mail of `username`."""
    client, state = WebApplicationClient(provider.client_id), secrets.token_urlsafe(32)
    verifier = client.create_code_verifier(_VERIFIER_CHARACTERS)
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect_uri,
        "scope": provider.scopes,
        "state": state,
        "code_challenge": client.create_code_challenge(verifier, "S256"),
        "code_challenge_method": "S256",
        "login_hint": username,
    }
    joint = "&" if urlsplit(provider.authorization_url).query else "?"
    return Authorization(f"{provider.authorization_url}{joint}{urlencode(query)}", state, verifier)


def code_in(pasted: str, authorization: Authorization) -> str:
    """Give the code in what a browser was sent to, or the code itself where it was given alone. Raises GuardError."""
    text = pasted.strip()
    if "://" not in text and "=" not in text:
        return text
    try:
        answer = {name: values[0] for name, values in parse_qs(urlsplit(text).query or text).items()}
    except ValueError as error:  # half an IPv6 address, or more parameters than anybody sends
        raise GuardError("This is no address: paste the whole of it.") from error
    if "error" in answer:
        raise GuardError(f"Access was not allowed ({_printable(answer['error'])}): try again.")
    if not secrets.compare_digest(answer.get("state", "").encode(), authorization.state.encode()):
        raise GuardError("This is not the answer to the request above: paste the address that it led to.")
    if "code" not in answer:
        raise GuardError("There is no code in this address: paste the whole of it.")
    return answer["code"]


def exchange_code(provider: Provider, code: str, authorization: Authorization, now: int) -> Tokens:
    """Exchange a code for tokens at `now` (epoch seconds). Raises a MailServerError."""
    client = WebApplicationClient(provider.client_id)
    body = client.prepare_request_body(
        code=code,
        redirect_uri=provider.redirect_uri,
        code_verifier=authorization.verifier,
        client_secret=provider.client_secret,
    )
    return _ask_for_tokens(provider, body, now, _CODE_GONE)


def refresh_tokens(provider: Provider, refresh_token: str, now: int) -> Tokens:
    """Exchange a refresh token for an access token at `now` (epoch seconds). Raises a MailServerError."""
    client = WebApplicationClient(provider.client_id)
    body = client.prepare_refresh_body(
        refresh_token=refresh_token, client_id=provider.client_id, client_secret=provider.client_secret
    )
    return _ask_for_tokens(provider, body, now, _ACCESS_GONE)


def discover(issuer: str) -> tuple[str, str]:
    """Give authorization and token endpoint of an issuer (OpenID Connect Discovery 1.0, section 4).

    Raises ConnectionFailed, GuardError.
    """
    where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
    status, body = _fetch(where, None)
    answer = _json(body)
    endpoints = [answer.get(name) for name in ("authorization_endpoint", "token_endpoint")]
    if status != _OK or answer.get("issuer") != issuer or not all(isinstance(each, str) for each in endpoints):
        raise ConnectionFailed(f"{where} does not describe {issuer}: give --authorization-url and --token-url.")
    return str(endpoints[0]), str(endpoints[1])


def check_url(url: str) -> str:
    """Give a URL back, or raise GuardError unless it is one over TLS, or of this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # brackets that are not closed, or a port that is no number
        parts, host = urlsplit(""), None
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not is_safe or not host or parts.username is not None or not (url.isascii() and url.isprintable()):
        raise GuardError(f"{url!r} is no https URL: give one.")
    return url


def _ask_for_tokens(provider: Provider, body: str, now: int, what_if_gone: str) -> Tokens:
    status, answer = _fetch(provider.token_url, body.encode())
    known = _json(answer)
    error = known.get("error")
    reason = error if isinstance(error, str) else None
    if status == _OK and isinstance(known.get("access_token"), str):
        return _tokens(known, now)
    if status >= _SERVER_ERRORS or status == _TOO_MANY or reason in _FOR_THE_MOMENT:
        raise ConnectionFailed(f"{provider.name} cannot give an access token now: try later.")
    if reason is None:  # the page of a firewall or of a maintenance, as a rule
        raise ConnectionFailed(f"{provider.name} answered {status} and neither a token nor a reason: try later.")
    raise _refusal(provider.name, reason, what_if_gone)


def _refusal(name: str, error: str, what_if_gone: str) -> MailServerError:
    """Give what is said of a reason (RFC 6749, section 5.2): only some mean that access is no longer allowed."""
    if error in _GONE:
        return AuthenticationFailed(f"{name} {what_if_gone}")
    if error == _CLIENT_UNKNOWN:
        return ProviderRefused(f"{name} does not know the client or its secret ({error}): the secret may have expired.")
    return ProviderRefused(f"{name} gave no access token ({_printable(error)}): check the client there.")


def _tokens(known: Mapping[str, Any], now: int) -> Tokens:
    lifetime = known.get("expires_in", _LIFETIME)
    seconds = int(lifetime) if str(lifetime).isdigit() else _LIFETIME
    refresh = known.get("refresh_token")
    return Tokens(str(known["access_token"]), None if refresh is None else str(refresh), now + seconds)


def _fetch(url: str, form: bytes | None) -> tuple[int, bytes]:
    """Give status and body of an answer; redirects are not followed, since nobody else is to get what was sent."""
    check_url(url)
    headers = {"Accept": "application/json"}
    request = urllib.request.Request(url, form, headers)  # noqa: S310 (https, or this machine)
    parts = urlsplit(url)
    server = Server(parts.hostname or "", parts.port or _PORT, Security.TLS)
    with connection_errors(server), ExitStack() as watched:
        opener = urllib.request.build_opener(_NoRedirects, _Http(watched), _Https(watched))
        try:
            with opener.open(request, timeout=_TIMEOUT) as answer:
                return answer.status, answer.read(_LONGEST_ANSWER)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(_LONGEST_ANSWER)
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from error
        except HTTPException as error:
            raise ConnectionFailed(f"{server} does not speak HTTP as expected: check the URL.") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the answer that it is."""

    def redirect_request(self, *_args: object, **_options: object) -> None:
        """Follow none."""


class _Watched(urllib.request.AbstractHTTPHandler):
    """Lets a connection end, once it stands, when the time for the whole of an answer is over."""

    def __init__(self, watched: ExitStack) -> None:
        super().__init__()
        self._watched = watched

    def do_open(
        self,
        http_class: Callable[..., HTTPConnection],
        req: urllib.request.Request,
        **options: Any,  # noqa: ANN401 (as the library has it)
    ) -> HTTPResponse:
        """Open a connection and send a request over it."""

        def made(host: str, **more: Any) -> HTTPConnection:  # noqa: ANN401 (as the library has it)
            connection = http_class(host, **more)
            connect = connection.connect

            def connect_and_watch() -> None:
                connect()
                self._watched.enter_context(hung_up_after(connection.sock, _ANSWER_SECONDS))

            connection.connect = connect_and_watch  # type: ignore[method-assign]
            return connection

        return super().do_open(made, req, **options)


class _Http(_Watched, urllib.request.HTTPHandler):
    """For providers on this machine."""


class _Https(_Watched, urllib.request.HTTPSHandler):
    """For all others."""


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable())[:100]
