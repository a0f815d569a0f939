"""What every request of the own API has in common: who is let in, and what may be sent."""

import re
from pathlib import Path
from typing import Any

import pytest

from postroom.actions.organisation import SetUserStatus
from postroom.actions.tokens import create_token, revoke_token
from postroom.core.model import UserStatus
from postroom.core.scopes import Family
from postroom.http.app import methods, routes
from postroom.http.resource import Resource
from postroom.http.sent import MAX_BODY_BYTES
from postroom.storage.database import Database, sqlite_url
from postroom.storage.secrets import SecretBox
from tests.http.own_api import ALICE, LEAD, PREFIX, SCOPES, OwnApi
from tests.team import ALL_SCOPES, NOW, email_of

EMAIL_ID, NO_ID = "0" * 64, "1"
NO_TOKEN = (401, "AUTHENTICATION_FAILURE", "Authentication failed")
INVALID_TOKEN = (401, "INVALID_TOKEN", "invalid oauth token")
SCOPE_MISMATCH = (401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")
WRONG_METHOD = (400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")
NO_PATH = (404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

NAMES = {
    "role": "Sales",
    "user": ALICE,
    "module": "Leads",
    "record_id": LEAD.partition("/")[2],
    "email": EMAIL_ID,
    "thread": NO_ID,
    "client": NO_ID,
    "grant": NO_ID,
    "mailbox": NO_ID,
    "provider": "nobody",
}
MAILBOX = {  # and a port, which is a number
    "protocol": True,
    **dict.fromkeys(("address", "host", "security", "username", "password", "oauth", "ca_certificates"), False),
}
CHOICES = {"read": False, "leave": False, "by_use": False}
# The members of each body, and whether they are needed.
BODIES: dict[str, dict[str, bool]] = {
    "PUT /organisation/default_permission": {"permission": False, "audience": False},
    "PUT /organisation/crm_access": {"access": True},
    "PUT /organisation/excluded_domains": {"domains": True},
    "PUT /organisation/internal_domains": {"domains": True},
    "PUT /modules/{module}/access": {"access": True},
    "POST /roles": {"name": True, "under": False},
    "PUT /roles/{role}/email_preference": {"permission": False, "audience": False},
    "PUT /roles/{role}/excluded_domains": {"domains": True},
    "POST /users": {"email": True, "name": True, "role": False, "profile": False, "id": False},
    "PUT /users/{user}/status": {"status": True},
    "PUT /users/{user}/role": {"role": True},
    "PUT /users/{user}/permission": {"permission": False, "audience": False},
    "PUT /records/{module}/{record_id}/shares": {"user": False, "role": False, "and_subordinates": False},
    "POST /clients": {"name": True, "kind": False, "redirect_uris": False, "user": False, "scopes": False},
    "POST /mailboxes": {"user": True} | MAILBOX,
    "POST /me/mailbox": MAILBOX,
    "PUT /mailboxes/{mailbox}/aliases": {"addresses": True},
    "PUT /mailboxes/{mailbox}/folders": CHOICES,
    "PUT /me/mailbox/folders": CHOICES,
    "PUT /mailboxes/{mailbox}/login": {"password": False, "oauth": False},
    "PUT /me/mailbox/login": {"password": False, "oauth": False},
    "POST /mail_providers": {"name": True, "client_id": True}
    | dict.fromkeys(("client_secret", "issuer", "authorization_url", "token_url", "scopes", "redirect_uri"), False),
    "PUT /mail_providers/{provider}/client_secret": {"client_secret": True},
    "POST /mail_providers/{provider}/authorization": {"username": False},
    "POST /me/mail_providers/{provider}/authorization": {"username": False},
    "PUT /mailboxes/{mailbox}/sync": {"state": True},
    "PUT /me/mailbox/sync": {"state": True},
    "PUT /me/permission": {"permission": False, "audience": False},
    "PUT /me/excluded_domains": {"domains": True},
    "POST /preview": {"change": True},
}
NO_BODIES = ("/me/shares", "withheld", "POST /mailboxes/{mailbox}/sync", "POST /me/mailbox/sync")
NO_OBJECTS = (b"", b"{", b"[]", b"null", b"1", b"\xff", b'"\xff"', b"\xef\xbb\xbf{}", b"[" * 50_000)
NO_PATHS = ("", "/", "/nothing", "/me/", "/roles/Sales", "/users/status", f"/records/{LEAD}", "/me/emails/withheld")
QUERIES = {
    "GET /explain": f"viewer={ALICE}&owner={ALICE}&record={LEAD}&",
    "GET /viewers": f"owner={ALICE}&",
}


def operations() -> dict[str, tuple[str, str, Family]]:
    """Give method, path and family of scopes of everything that the own API answers."""
    found = {}
    for template, resource in routes(Database(sqlite_url(Path("nowhere"))), SecretBox(Path("nowhere"))):
        if isinstance(resource, Resource):
            path = re.sub(r":\w+}", "}", template.removeprefix(PREFIX))
            for method in methods(resource):
                found[f"{method} {path}"] = method, path.format(**NAMES), resource.family
    return found


@pytest.fixture(scope="module")
def every() -> dict[str, tuple[str, str, Family]]:
    return operations()


def test_every_body_is_listed(every: dict[str, Any]) -> None:
    with_body = {name for name in every if name.startswith(("PUT", "POST"))}
    assert set(BODIES) == {name for name in with_body if not any(without in name for without in NO_BODIES)}


class TestToken:
    def test_both_schemes(self, own_api: OwnApi) -> None:
        for scheme in ("Zoho-oauthtoken", "Bearer", "bearer"):
            assert own_api.ask("", "GET", "/me", authorization=f"{scheme} {own_api.token('Alice')}").status_code == 200

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("header", ["", "Basic QWxpY2U6", "Bearer"])
    def test_none(self, own_api: OwnApi, every: dict[str, Any], header: str) -> None:
        for method, path, _ in every.values():
            assert own_api.refused("", method, path, raw=b"not read", authorization=header) == NO_TOKEN, path

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_unknown_expired_or_revoked(self, own_api: OwnApi, every: dict[str, Any]) -> None:
        expired = create_token(own_api.team.database, ALICE, SCOPES, now=NOW - 60, expires_in=60)
        revoked = create_token(own_api.team.database, ALICE, SCOPES, now=NOW)
        revoke_token(own_api.team.database, revoked, now=NOW)
        for token in ("unknown", expired, revoked):
            for method, path, _ in every.values():
                assert own_api.refused("", method, path, authorization=f"Bearer {token}") == INVALID_TOKEN

    @pytest.mark.parametrize("status", [UserStatus.INACTIVE, UserStatus.DELETED])
    def test_of_a_user_who_is_not_active(self, own_api: OwnApi, status: UserStatus) -> None:
        own_api.get("Alice", "/me")
        own_api.team.make(SetUserStatus(ALICE, status))
        assert own_api.refused("Alice", "GET", "/me") == INVALID_TOKEN

    def test_of_an_administrator_who_is_disabled_while_the_body_comes_in(self, own_api: OwnApi) -> None:
        token = own_api.token("Root")
        own_api.client.app = _disabling(own_api)
        refused = own_api.refused("", "PUT", "/organisation/crm_access", {}, authorization=f"Bearer {token}")
        assert refused == INVALID_TOKEN


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestScopes:
    def test_each_operation_needs_its_own(self, unchanged_api: OwnApi, every: dict[str, Any]) -> None:
        tokens = {scope: unchanged_api.team.token("Alice", scope) for scope in SCOPES.split(",")}
        for name, (method, path, family) in every.items():
            operation = "READ" if method == "GET" or path == "/preview" else "UPDATE"
            enough = {f"Postroom.{family}.{operation}", f"Postroom.{family}.ALL"}
            for scope, token in tokens.items():
                answer = unchanged_api.ask("", method, path, authorization=f"Bearer {token}")
                assert (answer.status_code != 401) == (scope in enough), (name, scope)
                assert answer.status_code != 401 or answer.json["code"] == "OAUTH_SCOPE_MISMATCH"

    def test_those_of_zoho_open_nothing_here(self, unchanged_api: OwnApi, every: dict[str, Any]) -> None:
        token = unchanged_api.team.token("Alice", f"{ALL_SCOPES},ZohoCRM.settings.ALL,ZohoCRM.users.ALL")
        for method, path, _ in every.values():
            assert unchanged_api.refused("", method, path, authorization=f"Bearer {token}") == SCOPE_MISMATCH

    def test_the_own_ones_open_nothing_there(self, unchanged_api: OwnApi) -> None:
        path = f"/crm/v8/{LEAD}/__emails_sharing_details"
        headers = {"Authorization": f"Bearer {unchanged_api.token('Alice')}"}
        assert unchanged_api.client.simulate_get(path, headers=headers).json["code"] == "OAUTH_SCOPE_MISMATCH"

    def test_a_token_only_narrows(self, unchanged_api: OwnApi) -> None:
        token = unchanged_api.team.token("Alice", SCOPES)
        refused = unchanged_api.refused("", "GET", "/organisation", authorization=f"Bearer {token}")
        assert refused[:2] == (403, "NO_PERMISSION")


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestRequest:
    def test_another_method(self, unchanged_api: OwnApi, every: dict[str, Any]) -> None:
        for _, path, _ in every.values():
            there = {method for method, other, _ in every.values() if other == path}
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"} - there:
                answer = unchanged_api.ask("Alice", method, path)
                assert set(answer.headers["allow"].split(", ")) == there, (method, path)
                assert unchanged_api.refused("Alice", method, path) == WRONG_METHOD
            assert unchanged_api.ask("Alice", "HEAD", path).status_code == 400

    @pytest.mark.parametrize("path", NO_PATHS)
    def test_no_such_path(self, unchanged_api: OwnApi, path: str) -> None:
        assert unchanged_api.refused("Alice", "GET", path) == NO_PATH

    def test_unknown_parameters(self, unchanged_api: OwnApi, every: dict[str, Any]) -> None:
        for name, (method, path, _) in every.items():
            known = QUERIES.get(f"{method} {path}", "")
            assert unchanged_api.wrong_field("Alice", method, f"{path}?{known}extra=1", {}) == "extra", name

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("owner", "query"),
            (f"owner={ALICE}&owner={ALICE}", "query"),
            ("owner=%ff%fe", "query"),
            ("owner=\xfc@team.example", "query"),
            (f"owner={ALICE}&limit", "query"),
            ("limit=1", "owner"),
            ("owner=", "owner"),
            ("owner=alice", "owner"),
            (f"owner={'a' * 500}@team.example", "owner"),
            (f"owner={ALICE}&limit=", "limit"),
            (f"owner={ALICE}&limit=0", "limit"),
            (f"owner={ALICE}&limit=101", "limit"),
            (f"owner={ALICE}&limit=+1", "limit"),
            (f"owner={ALICE}&limit=1.0", "limit"),
            (f"owner={ALICE}&limit=%EF%BC%91", "limit"),
            (f"owner={ALICE}&after=abc", "after"),
            (f"owner={ALICE}&after=9223372036854775808", "after"),
            (f"owner={ALICE}&record=Leads", "record"),
            (f"owner={ALICE}&record=Leads/007", "record"),
        ],
    )
    def test_parameters_that_are_not_acceptable(self, unchanged_api: OwnApi, query: str, field: str) -> None:
        assert unchanged_api.wrong_field("Alice", "GET", f"/viewers?{query}") == field

    @pytest.mark.parametrize("name", BODIES)
    def test_bodies_that_are_not_acceptable(self, unchanged_api: OwnApi, every: dict[str, Any], name: str) -> None:
        method, path, _ = every[name]
        for raw in NO_OBJECTS:
            assert unchanged_api.wrong_field("Root", method, path, raw=raw) == "body", raw
        for member, is_needed in BODIES[name].items():
            assert unchanged_api.wrong_field("Root", method, path, raw=f'{{"{member}": 1}}'.encode()) == member
            if is_needed:
                others = {other: "x" for other in BODIES[name] if other != member}
                assert unchanged_api.wrong_field("Root", method, path, others) in {member, *others}
        assert unchanged_api.wrong_field("Root", method, path, {"extra": 1}) in {"extra", *BODIES[name]}

    def test_lone_surrogates_and_nul(self, unchanged_api: OwnApi) -> None:
        for raw in (b'{"name": "\\ud800 and more"}', b'{"name": "\\udc00 and more"}'):
            assert unchanged_api.wrong_field("Root", "POST", "/roles", raw=raw) == "body"
        assert unchanged_api.wrong_field("Root", "POST", "/roles", {"name": "a\0b"}) == "role"

    def test_a_body_that_is_too_large(self, unchanged_api: OwnApi, every: dict[str, Any]) -> None:
        for name in BODIES:
            method, path, _ = every[name]
            refused = unchanged_api.refused("Root", method, path, raw=b" " * (MAX_BODY_BYTES + 1))
            assert refused == (413, "BODY_TOO_LARGE", f"a body has at most {MAX_BODY_BYTES} bytes")
            assert unchanged_api.wrong_field("Root", method, path, raw=b" " * MAX_BODY_BYTES) == "body"

    @pytest.mark.parametrize(
        ("audience", "field"),
        [
            ("nobody", "audience"),
            ([{}], "audience"),
            ([{"user": ALICE, "role": "Sales"}], "audience"),
            ([{"user": ALICE, "and_subordinates": True}], "and_subordinates"),
            ([{"user": None}], "audience[0].user"),
            ([{"user": ALICE}, {"role": "Sales", "extra": 1}], "audience[1].extra"),
            ([{"role": "Sales", "and_subordinates": "yes"}], "audience[0].and_subordinates"),
            (["everyone"], "audience[0]"),
        ],
    )
    def test_audiences_that_are_not_acceptable(self, unchanged_api: OwnApi, audience: object, field: str) -> None:
        body = {"permission": "public", "audience": audience}
        assert unchanged_api.wrong_field("Root", "PUT", "/organisation/default_permission", body) == field


def test_a_name_that_no_database_can_hold_is_not_there(own_api: OwnApi) -> None:
    for path in ("/roles/a%00b/email_preference", "/roles/%EF%BF%BF/email_preference"):
        assert own_api.refused("Root", "DELETE", path)[:2] == (404, "NOT_FOUND")
    for body in ({"name": "New", "under": "a\0b"}, {"name": "New", "under": "\ufffe"}):
        assert own_api.refused("Root", "POST", "/roles", body)[:2] == (404, "NOT_FOUND")
    assert own_api.wrong_field("Root", "PUT", "/users/a%00b@team.example/role", {"role": None}) == "user"


def _disabling(own_api: OwnApi) -> Any:
    """Give the application behind a client whose body comes in slowly enough for its user to be disabled meanwhile."""
    application = own_api.client.app

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        return application(environ | {"wsgi.input": Slow()}, start_response)

    class Slow:
        def read(self, _size: int) -> bytes:
            own_api.team.make(SetUserStatus(email_of("Root"), UserStatus.INACTIVE))
            return b'{"access": "private"}'

    return app
