"""Clients over JSON, for administrators; and what users granted, for each of them alone."""

import pytest

from postroom.actions.grants import create_grant_code
from postroom.actions.token_endpoint import TokenRequest, issue_tokens
from tests.http.own_api import ALICE, BOB, CHARLIE, OwnApi
from tests.team import NOW, OPERATOR

URI = "https://reader.example/callback"
NEW = {"name": "Mail reader", "redirect_uris": [URI]}
SCOPE = "ZohoCRM.modules.ALL"


def granted(own_api: OwnApi, client: dict[str, str], email: str) -> None:
    database, client_id = own_api.team.database, client["client_id"]
    code = create_grant_code(database, client_id, email, SCOPE, by=OPERATOR, now=NOW, expires_in=60)
    form = {"grant_type": "authorization_code", "code": code, "client_id": client_id}
    issue_tokens(database, TokenRequest(form | {"client_secret": client["client_secret"]}), now=NOW)


class TestClients:
    def test_an_administrator_adds_lists_and_deletes(self, own_api: OwnApi) -> None:
        added = own_api.do("Root", "POST", "/clients", NEW)
        secret = added.pop("client_secret")
        assert secret.startswith("postroom_secret_")
        shown = {
            *("client_id", "name", "kind", "redirect_uris", "user", "scopes"),
        }
        assert set(added) == shown
        settings = {"kind": "confidential", "redirect URIs": [URI]}
        subject = f"client Mail reader ({added['client_id']})"
        own_api.assert_audited("Root", "client", subject, None, settings)
        assert own_api.get("Root", "/clients") == {"clients": [added | {"grants": 0}]}
        own_api.do("Root", "DELETE", f"/clients/{added['client_id']}")
        own_api.assert_audited("Root", "client", subject, settings, None)
        assert own_api.get("Root", "/clients") == {"clients": []}
        refused = own_api.refused("Root", "DELETE", f"/clients/{added['client_id']}")
        assert refused == (404, "NOT_FOUND", f"there is no client '{added['client_id']}'")

    def test_the_other_kinds(self, own_api: OwnApi) -> None:
        public = own_api.do("Root", "POST", "/clients", NEW | {"kind": "public"})
        assert public["client_secret"] is None

    def test_a_service_is_let_in_as_its_user_so_no_administrator_adds_one(self, own_api: OwnApi) -> None:
        service = {"name": "Nightly", "kind": "service", "user": BOB, "scopes": SCOPE}
        refused = "only the command line adds a service, because its tokens are in the name of a user"
        assert own_api.refused("Root", "POST", "/clients", service) == (403, "NO_PERMISSION", refused)
        assert own_api.get("Root", "/clients") == {"clients": []}

    def test_nobody_else(self, own_api: OwnApi) -> None:
        client = own_api.do("Root", "POST", "/clients", NEW)["client_id"]
        for method, path, body in (
            ("GET", "/clients", None),
            ("POST", "/clients", NEW),
            ("DELETE", "/clients/1", None),
        ):
            assert own_api.refused("Alice", method, path, body)[:2] == (403, "NO_PERMISSION")
        assert own_api.refused("Alice", "DELETE", f"/clients/{client}")[:2] == (403, "NO_PERMISSION")
        assert len(own_api.get("Root", "/clients")["clients"]) == 1

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "name"),
            (NEW | {"name": ""}, "name"),
            (NEW | {"kind": "other"}, "kind"),
            (NEW | {"redirect_uris": ["http://reader.example/"]}, "redirect_uris"),
            (NEW | {"kind": "public", "redirect_uris": []}, "redirect_uris"),
            (NEW | {"user": BOB}, "service_user"),
        ],
    )
    def test_a_client_that_cannot_be(self, own_api: OwnApi, body: object, field: str) -> None:
        assert own_api.wrong_field("Root", "POST", "/clients", body) == field


class TestOwnGrants:
    def test_users_see_and_revoke_their_own(self, own_api: OwnApi) -> None:
        client = own_api.do("Root", "POST", "/clients", NEW)
        granted(own_api, client, ALICE)
        granted(own_api, client, CHARLIE)
        ((alices,), (charlies,)) = (own_api.get(name, "/me/grants")["grants"] for name in ("Alice", "Charlie"))
        assert alices["client"] == {"client_id": client["client_id"], "name": "Mail reader"}
        assert alices["scopes"] == [SCOPE]
        assert own_api.get("Root", "/me/grants") == {"grants": []}
        for grant in (alices["id"], "1", "x"):
            refused = own_api.refused("Charlie", "DELETE", f"/me/grants/{grant}")
            assert refused == (404, "NOT_FOUND", f"there is no grant '{grant}'")
        own_api.do("Charlie", "DELETE", f"/me/grants/{charlies['id']}")
        subject = f"client Mail reader ({client['client_id']})"
        own_api.assert_audited("Charlie", "grant", subject, {"user": CHARLIE, "scopes": [SCOPE]}, None)
        assert own_api.get("Charlie", "/me/grants") == {"grants": []}
        assert own_api.get("Root", "/clients")["clients"][0]["grants"] == 1
