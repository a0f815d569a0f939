"""A client of Zoho CRM's API, which asks as one of the team."""

import json
from typing import Any

import falcon.testing

from postroom.http.app import create_app
from tests.http.own_api import Refusal
from tests.team import Team

PREFIX = "/crm/v8"
SCOPES = (
    "ZohoCRM.modules.ALL,ZohoCRM.settings.ALL,ZohoCRM.users.ALL,ZohoCRM.org.ALL,ZohoCRM.share.ALL,"
    "ZohoCRM.send_mail.all.CREATE,ZohoCRM.Files.CREATE"
)


class CrmApi:
    """Asks with each user's token, which has every scope that these requests need."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.client = falcon.testing.TestClient(create_app(team.database, team.box))
        self._tokens: dict[str, str] = {}

    def token(self, name: str) -> str:
        """Give a user's token, made once."""
        if name not in self._tokens:
            self._tokens[name] = self.team.token(name, SCOPES)
        return self._tokens[name]

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> falcon.testing.Result:
        """Ask for what is under the prefix, as the SDKs do: without a Content-Type."""
        path, _, query = path.partition("?")
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        authorization = f"Zoho-oauthtoken {self.token(who) if token is None else token}"
        known = {"Authorization": authorization} if authorization != "Zoho-oauthtoken " else {}
        path = path if path.startswith("/crm/") else PREFIX + path
        return self.client.simulate_request(
            method, path, query_string=query, headers=known | (headers or {}), body=sent
        )

    def get(self, who: str, path: str, **headers: str) -> Any:
        """Give what is answered to a GET that must succeed; None for no content."""
        result = self.ask(who, "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        assert result.status_code in (200, 204), result.text
        assert bool(result.text) == (result.status_code == 200)
        return result.json if result.text else None

    def do(self, who: str, method: str, path: str, body: object = None, status: int = 200) -> Any:
        """Give what is answered to a request that must have this status."""
        result = self.ask(who, method, path, body)
        assert result.status_code == status, result.text
        return result.json

    def refused(self, who: str, method: str, path: str, body: object = None, **asked: Any) -> Refusal:
        """Give status, code and details of what must be refused as a whole."""
        result = self.ask(who, method, path, body, **asked)
        error = result.json
        assert set(error) == {"code", "details", "message", "status"}, error
        assert error["status"] == "error"
        return result.status_code, error["code"], error["details"]
