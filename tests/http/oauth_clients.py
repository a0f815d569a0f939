"""Clients of OAuth and browsers, which ask a running server as those of anybody would."""

import base64
import hashlib
import html
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any, Literal, NamedTuple

import httpx
from sqlalchemy import text

from postroom.actions.clients import NewClient, add_client
from postroom.actions.grants import create_grant_code
from postroom.actions.sign_in import set_password
from postroom.core.model import ClientKind
from tests.servers.postroom_server import PostroomServer
from tests.team import NOW, OPERATOR, Team, email_of

CALLBACK = "https://reader.example/callback"
SCOPE = "ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ"
PASSWORD = "correct horse battery"
Encoding = Literal["urlencoded", "multipart"]


class Client(NamedTuple):
    """What a client knows of itself."""

    id: str
    secret: str | None

    @property
    def form(self) -> dict[str, str]:
        return {"client_id": self.id} | ({} if self.secret is None else {"client_secret": self.secret})


class Pkce(NamedTuple):
    """The two sides of a proof (RFC 7636)."""

    verifier: str
    challenge: str


def new_pkce() -> Pkce:
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return Pkce(verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


@dataclass
class OAuth:
    """A server, its team, and every secret that it handed out."""

    team: Team
    server: PostroomServer
    handed_out: list[str] = field(default_factory=list)

    def client(
        self, kind: str = "confidential", *uris: str, user: str | None = None, scopes: str | None = None
    ) -> Client:
        """Register a client; one without a URI gets the usual one, and a service none."""
        redirect_uris = () if kind == "service" else uris or (CALLBACK,)
        service_user = None if user is None else email_of(user)
        new = NewClient("Mail reader", ClientKind(kind), redirect_uris, service_user, scopes)
        added = add_client(self.team.database, new, by=OPERATOR, now=NOW)
        return Client(str(added.client.id), self._keep(added.secret))

    def code(self, client: Client, user: str = "Alice", scope: str = SCOPE, expires_in: int = 600) -> str:
        """Make a code on the command line."""
        made = create_grant_code(
            self.team.database, client.id, email_of(user), scope, by=OPERATOR, now=int(time()), expires_in=expires_in
        )
        self.handed_out.append(made)
        return made

    def ask(
        self,
        form: Mapping[str, str | list[str]],
        *,
        encoding: Encoding = "urlencoded",
        path: str = "/oauth/v2/token",
        auth: tuple[str, str] | None = None,
    ) -> httpx.Response:
        """Send a form; note what secrets came back."""
        sent: dict[str, Any] = {"data": form}
        if encoding == "multipart":
            sent = {"files": [(name, (None, value)) for name, value in form.items()]}
        answer = httpx.post(f"{self.server.base_url}{path}", auth=auth, trust_env=False, verify=False, **sent)
        assert answer.headers["content-type"] == "application/json;charset=UTF-8", answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["pragma"] == "no-cache"
        for name in ("access_token", "refresh_token"):
            self._keep(answer.json().get(name))
        return answer

    def tokens(self, form: Mapping[str, str], **options: Any) -> dict[str, Any]:
        """Give what must be issued."""
        answer = self.ask(form, **options)
        assert answer.status_code == 200, answer.text
        issued: dict[str, Any] = answer.json()
        assert issued["token_type"] == "Bearer"
        assert issued["expires_in"] == 3600
        assert issued["api_domain"] == self.server.base_url
        return issued

    def refused(self, form: Mapping[str, str | list[str]], **options: Any) -> tuple[int, str]:
        """Give status and word of what must be refused, with nothing beside."""
        answer = self.ask(form, **options)
        assert set(answer.json()) == {"error"}
        assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
        return answer.status_code, answer.json()["error"]

    def exchange(self, client: Client, code: str, **others: str) -> dict[str, str]:
        """Give the form that turns a code into tokens."""
        return {"grant_type": "authorization_code", "code": code, **client.form, **others}

    def refresh(self, client: Client, refresh_token: str, **others: str) -> dict[str, str]:
        """Give the form that turns a refresh token into an access token."""
        return {"grant_type": "refresh_token", "refresh_token": refresh_token, **client.form, **others}

    def works(self, access_token: str) -> bool:
        """Say whether a token is let in by the endpoint that reads tokens on the way of every answer."""
        answer = self.server.get("/crm/v8/Leads/1/__emails_sharing_details", access_token)
        code: str = answer.json()["code"]
        assert code in ("INVALID_DATA", "INVALID_TOKEN"), answer.text
        return code == "INVALID_DATA"

    def audit(self) -> list[tuple[str, str, object, object]]:
        """Give the newest entries: through what, what, from what to what."""
        with self.team.database.read() as connection:
            query = "SELECT channel, change, before, after FROM audit_entries ORDER BY id DESC LIMIT 3"
            found = connection.execute(text(query)).all()
        return [(row[0], row[1], *(None if each is None else json.loads(each) for each in row[2:])) for row in found]

    def change(self, statement: str) -> None:
        """Change the database behind the server's back, as time does."""
        with self.team.database.write() as connection:
            connection.execute(text(statement))

    def count(self, table: str) -> int:
        with self.team.database.read() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def _keep(self, secret: str | None) -> str | None:
        if secret is not None:
            self.handed_out.append(secret)
        return secret


class Browser:
    """A browser of somebody's, which keeps cookies and follows forms, and redirects only when told to."""

    def __init__(self, oauth: OAuth) -> None:
        self.oauth = oauth
        no_connection_stays = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(
            base_url=oauth.server.base_url, trust_env=False, verify=False, limits=no_connection_stays
        )
        self.page = httpx.Response(200)

    def open(self, client: Client, **query: str) -> httpx.Response:
        """Go where a client sends the browser."""
        usual = {"response_type": "code", "client_id": client.id, "redirect_uri": CALLBACK, "scope": SCOPE}
        wanted = {name: value for name, value in (usual | {"state": "some state"} | query).items() if value}
        self.page = self.http.get("/oauth/v2/auth", params=wanted)
        return self.page

    def submit(self, action: str, **fields: str) -> httpx.Response:
        """Submit the form of the page, with what is hidden in it."""
        hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.page.text)
        form = {name: html.unescape(value) for name, value in hidden} | fields | {"action": action}
        answer = self.http.post(self.page.url, data=form)
        if answer.status_code == 303 and answer.headers["location"].startswith("?"):
            answer = self.http.get(self.page.url.join(answer.headers["location"]))
        if answer.status_code != 303:
            self.page = answer
        return answer

    def sign_in(self, name: str = "Alice", password: str = PASSWORD) -> httpx.Response:
        """Sign in as somebody."""
        return self.submit("sign_in", email=email_of(name), password=password)

    def sent_back(self, answer: httpx.Response) -> dict[str, str]:
        """Give what the client learns by the redirect to it."""
        assert answer.status_code == 303, answer.text
        url = httpx.URL(answer.headers["location"])
        assert str(url.copy_with(query=None)) == CALLBACK
        found = dict(url.params)
        self.oauth.handed_out += [found["code"]] if "code" in found else []
        return found


def give_password(team: Team, name: str, password: str = PASSWORD) -> None:
    set_password(team.database, email_of(name), password, by=OPERATOR, now=NOW)
