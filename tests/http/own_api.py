"""A client of the own API, which asks as one of the team."""

import json
from typing import Any

import falcon.testing

from postroom.actions.tokens import hash_token
from postroom.core.scopes import OWN_SCOPES
from postroom.http.app import create_app
from tests.team import Team, email_of

PREFIX = "/postroom/v1"
SCOPES = ",".join(OWN_SCOPES)
LEAD = "Leads/3652397000001790004"
CUSTOMER = "boyle@customer.example"

ALICE, BOB, CHARLIE, ROOT = map(email_of, ("Alice", "Bob", "Charlie", "Root"))

Refusal = tuple[int, str, str]


class OwnApi:
    """Asks with each user's token, which has every scope of the own API."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self.client = falcon.testing.TestClient(create_app(team.database, team.box))
        self._tokens: dict[str, str] = {}

    def token(self, name: str) -> str:
        """Give a user's token, made once."""
        if name not in self._tokens:
            self._tokens[name] = self.team.token(name, SCOPES)
        return self._tokens[name]

    def token_hash(self, name: str) -> str:
        """Give the hash of a user's token, by whose first digits the audit names it."""
        return hash_token(self.token(name)).hex()

    def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        authorization: str | None = None,
    ) -> falcon.testing.Result:
        """Ask for what is under the prefix; `raw` is a body that is not JSON, or not of this API."""
        path, _, query = path.partition("?")
        sent = raw if raw is not None else None if body is None else json.dumps(body)
        authorization = f"Bearer {self.token(who)}" if authorization is None else authorization
        headers = {"Authorization": authorization} if authorization else {}
        return self.client.simulate_request(method, PREFIX + path, query_string=query, headers=headers, body=sent)

    def get(self, who: str, path: str) -> Any:
        """Give what is answered to a GET that must succeed."""
        result = self.ask(who, "GET", path)
        assert result.status_code == 200, result.text
        return result.json

    def do(self, who: str, method: str, path: str, body: object = None) -> Any:
        """Make a change, which must succeed; give what is answered."""
        result = self.ask(who, method, path, body)
        assert result.status_code in (200, 201, 204), result.text
        assert bool(result.text) == (result.status_code != 204)
        return result.json if result.text else None

    def refused(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        authorization: str | None = None,
    ) -> Refusal:
        """Give status, code and message of what must be refused."""
        result = self.ask(who, method, path, body, raw=raw, authorization=authorization)
        error = result.json
        assert result.headers["content-type"] == "application/json;charset=UTF-8"
        assert result.headers["x-request-id"]
        assert set(error) == {"code", "details", "message", "status"}
        assert error["status"] == "error"
        return result.status_code, error["code"], error["message"]

    def wrong_field(self, who: str, method: str, path: str, body: object = None, *, raw: bytes | None = None) -> str:
        """Give the member or parameter that must be refused as not acceptable."""
        result = self.ask(who, method, path, body, raw=raw)
        assert (result.status_code, result.json["code"]) == (400, "INVALID_DATA"), result.text
        assert list(result.json["details"]) == ["field"]
        return str(result.json["details"]["field"])

    def newest_entry(self) -> dict[str, Any]:
        """Give the newest entry of the audit, as an administrator reads it."""
        entry: dict[str, Any] = self.get("Root", "/audit?limit=1")["entries"][0]
        return entry

    def assert_audited(self, who: str, change: str, subject: str, before: object, after: object) -> None:
        """Check that the newest entry is this change, made with this user's token, as the user reads it."""
        about = "" if who == "Root" else f"&about={email_of(who)}"
        entry = self.get(who, f"/audit?limit=1{about}")["entries"][0]
        assert (entry["change"], entry["subject"]) == (change, subject)
        assert (entry["before"], entry["after"]) == (before, after)
        assert (entry["actor"], entry["channel"]) == (email_of(who), f"token {self.token_hash(who)[:12]}")
