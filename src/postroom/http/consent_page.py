"""The page on which a user signs in and allows a client what it asks for, or does not."""

import base64
import hashlib
import hmac
from importlib.resources import files
from urllib.parse import urlsplit

import falcon
from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from postroom.actions.consent import ConsentRefused, SentBack, Wish, grant_wish, read_wish, refuse_wish
from postroom.actions.errors import InvalidInput
from postroom.actions.random_secrets import SecretKind, new_secret
from postroom.actions.sign_in import SESSION_LIFE, SignInRefused, TooManyAttempts, end_session, start_session
from postroom.actions.sign_in import user_of_session as find_user
from postroom.actions.tokens import hash_token
from postroom.core.model import ClientKind, User
from postroom.core.scopes import in_words
from postroom.http.forms import read_form, read_query_form
from postroom.http.problems import BodyTooLarge
from postroom.http.resource import now
from postroom.storage.database import Database

AUTHORIZATION_PATH = "/oauth/v2/auth"
_SENTENCES = {
    "forgery": "This form was not made by this page in this browser. Cookies must be allowed; go back and try again.",
    "invalid_client": "The program that sent you here is not registered with Postroom.",
    "invalid_redirect_uri": "The program that sent you here wants you sent back to an address that is not registered.",
    "invalid_request": "The program that sent you here sent something that cannot be read.",
}


class ConsentPage:
    """The authorization endpoint (RFC 6749, section 3.1).

    A cookie holds a random secret, with which a user is signed in or not; the forms carry a hash of it and of what
    the client asks for, by which they are known to come from this page.
    """

    def __init__(self, database: Database, public_url: str) -> None:
        self._database, self._public_url = database, public_url
        self._is_secure = public_url.startswith("https://")
        self._cookie = "__Host-postroom" if self._is_secure else "postroom"
        self._pages = _Pages()

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Show the form: to sign in, or to consent."""
        try:
            wish = read_wish(self._database, read_query_form(request))
            self._show(request, response, wish, self._secret(request) or self._give_secret(response))
        except (ConsentRefused, InvalidInput) as error:
            self._pages.refuse(response, str(error) if isinstance(error, ConsentRefused) else "invalid_request")
        except SentBack as error:
            _send(response, error.location)

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Sign in or out, allow or deny."""
        try:
            query, form = read_query_form(request), read_form(request)
            wish, secret = read_wish(self._database, query), self._secret(request)
            if secret is None or not _is_from_here(form.get("csrf", ""), secret, request):
                self._pages.refuse(response, "forgery", falcon.HTTP_FORBIDDEN)
                return
            self._act(request, response, wish, query, form, secret)
        except (ConsentRefused, InvalidInput, BodyTooLarge) as error:
            self._pages.refuse(response, str(error) if isinstance(error, ConsentRefused) else "invalid_request")
        except SentBack as error:
            _send(response, error.location)

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself."""
        raise falcon.HTTPMethodNotAllowed(["GET", "POST"])

    def _act(
        self,
        request: falcon.Request,
        response: falcon.Response,
        wish: Wish,
        query: dict[str, str],
        form: dict[str, str],
        secret: str,
    ) -> None:
        user = find_user(self._database, secret, now=now())
        match form.get("action"):
            case "sign_in":
                self._sign_in(request, response, wish, form, secret)
            case "sign_out":
                end_session(self._database, secret)
                _send(response, f"?{request.query_string}")
            case "allow" if user is not None:
                _send(response, grant_wish(self._database, query, user, public_url=self._public_url, now=now()))
            case "deny" if user is not None:
                _send(response, refuse_wish(self._database, query))
            case _:  # the session is over: the form to sign in comes again
                self._show(request, response, wish, secret)

    def _sign_in(
        self, request: falcon.Request, response: falcon.Response, wish: Wish, form: dict[str, str], secret: str
    ) -> None:
        email = form.get("email", "")
        try:
            session = start_session(self._database, email, form.get("password", ""), now=now())
        except SignInRefused as error:
            self._show(request, response, wish, secret, refusal=str(error), email=email)
            response.status = 429 if isinstance(error, TooManyAttempts) else 403
        else:
            self._set_cookie(response, session)
            _send(response, f"?{request.query_string}")

    def _show(
        self,
        request: falcon.Request,
        response: falcon.Response,
        wish: Wish,
        secret: str,
        *,
        refusal: str = "",
        email: str = "",
    ) -> None:
        user = find_user(self._database, secret, now=now())
        csrf = _csrf(secret, request)
        if user is None:
            self._pages.show_sign_in(response, wish, csrf, refusal, email)
        else:
            self._pages.show_consent(response, wish, csrf, user)

    def _secret(self, request: falcon.Request) -> str | None:
        found = request.get_cookie_values(self._cookie) or []
        return found[0] if len(found) == 1 else None

    def _give_secret(self, response: falcon.Response) -> str:
        secret = new_secret(SecretKind.SESSION)
        self._set_cookie(response, secret)
        return secret

    def _set_cookie(self, response: falcon.Response, secret: str) -> None:
        response.set_cookie(
            self._cookie,
            secret,
            max_age=SESSION_LIFE,
            path="/",
            secure=self._is_secure,
            http_only=True,
            same_site="Lax",
        )


class _Pages:
    """Renders the pages, each with headers that let a browser do no more than they need."""

    def __init__(self) -> None:
        style = files("postroom.http").joinpath("pages/style.css").read_text()
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self._policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"
        self._environment = Environment(loader=PackageLoader("postroom.http", "pages"), autoescape=True)
        self._environment.globals["style"] = Markup(style)  # noqa: S704 (a file of ours)

    def show_sign_in(self, response: falcon.Response, wish: Wish, csrf: str, refusal: str, email: str) -> None:
        """Show the form to sign in."""
        self._render(
            response, "sign_in.html", wish, client_name=wish.client.name, csrf=csrf, refusal=refusal, email=email
        )

    def show_consent(self, response: falcon.Response, wish: Wish, csrf: str, user: User) -> None:
        """Show what the client asks for."""
        self._render(
            response,
            "consent.html",
            wish,
            client_name=wish.client.name,
            csrf=csrf,
            user=user,
            scopes=[(scope, in_words(scope)) for scope in wish.scopes],
            destination=_origin(wish.redirect_uri),
            is_public=wish.client.kind == ClientKind.PUBLIC,
        )

    def refuse(self, response: falcon.Response, word: str, status: str = falcon.HTTP_BAD_REQUEST) -> None:
        """Say why there is no form."""
        self._render(response, "refused.html", None, word=word, sentence=_SENTENCES[word])
        response.status = status

    def _render(self, response: falcon.Response, template: str, wish: Wish | None, **values: object) -> None:
        response.content_type = "text/html; charset=utf-8"
        response.text = self._environment.get_template(template).render(values)
        # Browsers apply it to the redirect that follows a form, too.
        target = "'none'" if wish is None else f"'self' {_source(wish.redirect_uri)}"
        response.set_header("Content-Security-Policy", f"{self._policy}; form-action {target}")
        response.set_header("Referrer-Policy", "no-referrer")
        response.set_header("X-Content-Type-Options", "nosniff")
        response.set_header("X-Frame-Options", "DENY")


def _source(uri: str) -> str:
    """Give where a URI leads as a Content-Security-Policy names it, which knows no addresses of IPv6."""
    return "http:" if uri.startswith("http://[") else _origin(uri)


def _origin(uri: str) -> str:
    """Give where a URI leads, as a person names it."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _csrf(secret: str, request: falcon.Request) -> str:
    return hash_token(f"{secret} {request.query_string}").hex()


def _is_from_here(given: str, secret: str, request: falcon.Request) -> bool:
    return hmac.compare_digest(given.encode(), _csrf(secret, request).encode())


def _send(response: falcon.Response, location: str) -> None:
    """Send the browser on by GET, whatever it just sent (RFC 9700, section 4.12)."""
    response.status = falcon.HTTP_SEE_OTHER
    response.set_header("Location", location)
