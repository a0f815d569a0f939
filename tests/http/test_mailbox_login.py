"""Access to mailboxes by OAuth 2 over JSON, against a real authorization server and a real mail server."""

import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from postroom.actions.errors import InvalidInput
from postroom.actions.mail_access import KEPT_FOR, ask_for_access, keep_request, take_request_up
from postroom.actions.mailboxes import mailbox_login
from postroom.core.model import Mailbox
from postroom.storage.mailboxes import find_mailbox
from tests.http.own_api import ALICE, BOB, CHARLIE, OwnApi
from tests.servers.authorization import CLIENT_ID, CLIENT_SECRET, AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.storage.contents import contents

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PROVIDER = {"name": "ours", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "scopes": "mail"}
OURS, OWN_OURS = "/mail_providers/ours/authorization", "/me/mail_providers/ours/authorization"


@pytest.fixture
def api(own_api: OwnApi, authorization_server: AuthorizationServer) -> OwnApi:
    """Alice and Charlie have no mailbox any more; the provider is known."""
    authorization_server.requests.clear()
    for who in ("Alice", "Charlie"):
        own_api.do(who, "DELETE", "/me/mailbox")
    own_api.do("Root", "POST", "/mail_providers", PROVIDER | {"issuer": authorization_server.url})
    return own_api


@pytest.fixture
def server(dovecot: Dovecot) -> dict[str, Any]:
    """Where everybody has a mailbox at test.example."""
    where = {"host": dovecot.host, "port": dovecot.imaps_port, "ca_certificates": dovecot.ca_file.read_text()}
    return {"protocol": "imap"} | where


def username(name: str) -> str:
    return f"{name.lower()}@test.example"


def allowed(api: OwnApi, who: str, path: str = OWN_OURS, of: str | None = None) -> dict[str, str]:
    """Begin, let a browser open the address, and give what there is to be given back."""
    begun = api.do(who, "POST", path, {"username": username(of or who)})
    assert begun["expires_in"] == KEPT_FOR
    return {"authorization": begun["authorization"], "answer": httpx.get(begun["url"]).headers["location"]}


def connected(api: OwnApi, server: dict[str, Any], name: str, user: str, **login: Any) -> dict[str, Any]:
    body = server | {"user": user, "username": username(name)} | login
    added: dict[str, Any] = api.do("Root", "POST", "/mailboxes", body)
    return added


def stored(api: OwnApi, address: str) -> Mailbox:
    with api.team.database.read() as connection:
        found = find_mailbox(connection, address)
    assert found is not None
    return found


def has_token(api: OwnApi, address: str) -> bool:
    _, login = mailbox_login(api.team.database, api.team.box, stored(api, address), now=int(time.time()))
    return login.is_token


class TestProviders:
    def test_an_administrator_adds_lists_and_removes_them(
        self, api: OwnApi, authorization_server: AuthorizationServer
    ) -> None:
        url = authorization_server.url
        ours = {
            "name": "ours",
            "client_id": CLIENT_ID,
            "authorization_url": f"{url}/authorize",
            "token_url": f"{url}/token",
            "scopes": "mail",
            "redirect_uri": "http://localhost",
        }
        assert api.get("Root", "/mail_providers") == {"mail_providers": [ours]}
        google = api.do("Root", "POST", "/mail_providers", {"name": "google", "client_id": "x"})
        assert google["token_url"].startswith("https://")
        assert api.get("Charlie", "/me/mail_providers") == {"mail_providers": ["google", "ours"]}
        api.do("Root", "PUT", "/mail_providers/ours/client_secret", {"client_secret": "another"})
        api.assert_audited("Root", "client secret of a mail provider", "provider ours", None, "another client secret")
        nobody = "/mail_providers/nobody/client_secret"
        assert api.refused("Root", "PUT", nobody, {"client_secret": "another"})[:2] == (404, "NOT_FOUND")
        api.do("Root", "DELETE", "/mail_providers/ours")
        assert api.refused("Root", "DELETE", "/mail_providers/ours")[:2] == (404, "NOT_FOUND")
        assert api.refused("Root", "POST", OURS, {})[:2] == (404, "NOT_FOUND")

    def test_what_is_not_acceptable(self, api: OwnApi, authorization_server: AuthorizationServer) -> None:
        for values, field in (
            ({"issuer": "http://a.example"}, "issuer"),
            ({"issuer": f"{authorization_server.url}/other"}, "issuer"),
            ({"authorization_url": "https://a.example", "token_url": "ftp://a.example"}, "token_url"),
            ({"issuer": authorization_server.url, "redirect_uri": "javascript:"}, "redirect_uri"),
            ({"name": "a/b", "issuer": authorization_server.url}, "name"),
            ({}, "issuer"),
        ):
            assert api.wrong_field("Root", "POST", "/mail_providers", PROVIDER | {"name": "new"} | values) == field
        secret = "/mail_providers/ours/client_secret"
        assert api.wrong_field("Root", "PUT", secret, {"client_secret": ""}) == "client_secret"
        again = PROVIDER | {"issuer": authorization_server.url}
        assert api.refused("Root", "POST", "/mail_providers", again)[:2] == (409, "ALREADY_THERE")

    def test_nobody_else_makes_the_server_ask_anybody(
        self, api: OwnApi, authorization_server: AuthorizationServer
    ) -> None:
        others = ("Alice", "Bob", "Charlie")
        before = [api.token(who) for who in others] and contents(api.team.database)
        for who in others:
            new = PROVIDER | {"name": "mine", "issuer": f"{authorization_server.url}/mine"}
            assert api.refused(who, "POST", "/mail_providers", new)[:2] == (403, "NO_PERMISSION")
            assert api.refused(who, "GET", "/mail_providers")[:2] == (403, "NO_PERMISSION")
            for name in ("ours", "nobody"):
                assert api.refused(who, "DELETE", f"/mail_providers/{name}")[:2] == (403, "NO_PERMISSION")
                secret = f"/mail_providers/{name}/client_secret"
                assert api.refused(who, "PUT", secret, {"client_secret": "x"})[:2] == (403, "NO_PERMISSION")
            api.do(who, "POST", OWN_OURS, {})
        assert contents(api.team.database) == before
        assert authorization_server.requests == []

    def test_one_that_a_mailbox_needs_stays(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "charlie", CHARLIE, oauth=allowed(api, "Root", OURS, "Charlie"))
        assert api.refused("Root", "DELETE", "/mail_providers/ours")[:2] == (403, "NO_PERMISSION")


class TestConnecting:
    def test_an_administrator_connects_the_first_one_and_users_their_own(
        self, api: OwnApi, server: dict[str, Any]
    ) -> None:
        own = server | {"username": username("Alice")}
        refused = api.refused("Alice", "POST", "/me/mailbox", own | {"oauth": allowed(api, "Alice")})
        assert refused[:2] == (403, "NO_PERMISSION")
        added = connected(api, server, "charlie", CHARLIE, oauth=allowed(api, "Root", OURS, "Charlie"))
        assert (added["user"], added["username"]) == (CHARLIE, username("Charlie"))
        added = api.do("Alice", "POST", "/me/mailbox", own | {"oauth": allowed(api, "Alice")})
        assert api.get("Alice", "/me/mailbox") == {"mailbox": added}
        assert stored(api, ALICE).sealed_password is None
        assert has_token(api, ALICE)

    def test_what_was_granted_for_another_name_opens_no_mailbox(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "charlie", CHARLIE, password="secret")
        own = server | {"username": username("Bob"), "oauth": allowed(api, "Alice")}
        before = contents(api.team.database)
        assert api.refused("Alice", "POST", "/me/mailbox", own)[:2] == (400, "LOGIN_FAILED")
        assert contents(api.team.database) == before

    def test_a_user_who_is_not_there_burns_no_code(self, api: OwnApi, server: dict[str, Any]) -> None:
        oauth = allowed(api, "Root", OURS, "Charlie")
        body = server | {"user": "zoe@team.example", "username": username("Charlie"), "oauth": oauth}
        assert api.refused("Root", "POST", "/mailboxes", body)[:2] == (404, "NOT_FOUND")
        connected(api, server, "charlie", CHARLIE, oauth=oauth)

    def test_either_a_password_or_access(self, api: OwnApi, server: dict[str, Any]) -> None:
        for login in ({}, {"password": "secret", "oauth": allowed(api, "Root", OURS, "Charlie")}):
            body = server | {"user": CHARLIE, "username": username("Charlie")} | login
            assert api.wrong_field("Root", "POST", "/mailboxes", body) == "password"

    def test_nobody_learns_which_addresses_are_connected(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        told = []
        for address in (ALICE, "zoe@team.example"):
            body = server | {"address": address, "username": address, "password": "wrong"}
            told.append(str(api.refused("Charlie", "POST", "/me/mailbox", body)).replace(address, "it"))
        assert told[0] == told[1]
        assert "LOGIN_FAILED" in told[0]


class TestAnotherLogin:
    @pytest.fixture
    def mailbox(self, api: OwnApi, server: dict[str, Any]) -> str:
        """Alice's, which has a password."""
        return str(connected(api, server, "alice", ALICE, password="secret")["id"])

    def test_its_owner_and_an_administrator_give_it_one(self, api: OwnApi, mailbox: str) -> None:
        for who, path, begin in (
            ("Alice", "/me/mailbox/login", OWN_OURS),
            ("Alice", f"/mailboxes/{mailbox}/login", OURS),
            ("Root", f"/mailboxes/{mailbox}/login", OURS),
        ):
            api.do(who, "PUT", path, {"oauth": allowed(api, who, begin, "Alice")})
            assert has_token(api, ALICE)
            api.assert_audited(who, "login of a mailbox", f"mailbox {ALICE}", None, "another access token")
            api.do(who, "PUT", path, {"password": "secret"})
            assert not has_token(api, ALICE)
        assert api.refused("Alice", "PUT", "/me/mailbox/login", {"password": "wrong"})[:2] == (400, "LOGIN_FAILED")

    def test_to_others_it_is_like_not_there(self, api: OwnApi, mailbox: str) -> None:
        before = [api.token("Charlie")] and contents(api.team.database)
        for reference in (mailbox, ALICE, "1"):
            refused = api.refused("Charlie", "PUT", f"/mailboxes/{reference}/login", {"password": "secret"})
            assert refused == (404, "NOT_FOUND", f"there is no connected mailbox {reference}")
        assert contents(api.team.database) == before

    def test_what_is_not_acceptable(self, api: OwnApi, mailbox: str) -> None:
        oauth = allowed(api, "Alice")
        for login, field in (
            ({}, "password"),
            ({"password": "secret", "oauth": oauth}, "password"),
            ({"oauth": {"answer": "x"}}, "oauth.authorization"),
            ({"oauth": oauth | {"authorization": "x"}}, "authorization"),
            ({"oauth": oauth | {"authorization": "\u00e4"}}, "authorization"),
        ):
            assert api.wrong_field("Alice", "PUT", f"/mailboxes/{mailbox}/login", login) == field

    def test_one_fed_by_import_has_none(self, api: OwnApi) -> None:
        assert api.wrong_field("Bob", "PUT", "/me/mailbox/login", {"password": "secret"}) == "mailbox"


class TestTheRequestThatIsKept:
    def test_it_is_good_for_whoever_began_it_alone(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        connected(api, server, "charlie", CHARLIE, password="secret")
        oauth = allowed(api, "Charlie", of="Alice")
        assert api.wrong_field("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth}) == "authorization"
        assert api.refused("Charlie", "PUT", "/me/mailbox/login", {"oauth": oauth})[:2] == (400, "LOGIN_FAILED")

    def test_it_is_good_once(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        oauth = allowed(api, "Alice")
        api.do("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth})
        refused = api.refused("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth})
        assert refused == (400, "LOGIN_FAILED", "ours does not know this code, or no longer: allow access anew.")

    def test_only_its_own_answer_is_taken(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        first, second = allowed(api, "Alice"), allowed(api, "Alice")
        refused = api.refused("Alice", "PUT", "/me/mailbox/login", {"oauth": first | {"answer": second["answer"]}})
        assert "not the answer to the request above" in refused[2]

    def test_it_says_nothing_and_ends(self, api: OwnApi) -> None:
        """A client keeps it, so it must not hold what proves whose the answer is."""
        team, by, now = api.team, api.team.actor("Alice"), 1_000_000
        asked = ask_for_access(team.database, team.box, "ours", username("Alice"))
        kept = keep_request(team.box, asked, by=by, now=now)
        assert asked.authorization.verifier not in kept
        opened = replace(asked, authorization=asked.authorization._replace(url=""))  # its address is of no more use
        assert take_request_up(team.database, team.box, kept, by=by, now=now + KEPT_FOR - 1) == opened
        with pytest.raises(InvalidInput, match="too old"):
            take_request_up(team.database, team.box, kept, by=by, now=now + KEPT_FOR)

    def test_however_long_the_addresses_of_its_provider_are(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        where = {"authorization_url": f"https://login.example/{'t' * 900}", "token_url": "https://login.example/token"}
        new = {"name": "long", "client_id": "c" * 36, "scopes": "mail", "redirect_uri": f"http://localhost/{'r' * 900}"}
        api.do("Root", "POST", "/mail_providers", new | where)
        begun = api.do("Alice", "POST", "/me/mail_providers/long/authorization", {})
        oauth = {"authorization": begun["authorization"], "answer": "http://localhost/?error=access_denied"}
        refused = api.refused("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth})
        assert refused == (400, "LOGIN_FAILED", "Access was not allowed (access_denied): try again.")

    def test_what_is_no_address_is_no_answer(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        for answer in ("http://[", "http://localhost/?" + "&".join(["a=1"] * 400)):
            oauth = allowed(api, "Alice") | {"answer": answer}
            assert api.refused("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth})[:2] == (400, "LOGIN_FAILED")

    def test_its_provider_may_be_gone(self, api: OwnApi, server: dict[str, Any]) -> None:
        connected(api, server, "alice", ALICE, password="secret")
        oauth = allowed(api, "Alice")
        api.do("Root", "DELETE", "/mail_providers/ours")
        assert api.wrong_field("Alice", "PUT", "/me/mailbox/login", {"oauth": oauth}) == "authorization"


def test_the_address_of_the_caller_is_asked_for_where_none_is_named(api: OwnApi) -> None:
    begun = api.do("Bob", "POST", OWN_OURS, {})
    assert httpx.URL(begun["url"]).params["login_hint"] == BOB
    for username in ("", "a\nb"):
        assert api.wrong_field("Bob", "POST", OWN_OURS, {"username": username}) == "username"
    assert api.refused("Bob", "POST", "/me/mail_providers/nobody/authorization", {})[:2] == (404, "NOT_FOUND")
