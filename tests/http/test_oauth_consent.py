"""The consent page, used as a browser does: signing in, allowing and denying, and what strangers try."""

from pathlib import Path

import falcon.testing
import httpx
import pytest

from postroom.actions.organisation import SetUserStatus
from postroom.actions.sign_in import MOST_ATTEMPTS
from postroom.core.model import UserStatus
from postroom.http.app import create_app
from tests.actions.test_tokens import everything
from tests.http.oauth_clients import CALLBACK, PASSWORD, SCOPE, Browser, Client, OAuth, give_password, new_pkce
from tests.team import Team, email_of

WRONG = "This address and this password do not belong together."
TOO_MANY = "There were too many attempts with this address."


@pytest.fixture
def alice(oauth: OAuth) -> Browser:
    """Give Alice's browser, in which she is not signed in."""
    give_password(oauth.team, "Alice")
    return Browser(oauth)


@pytest.fixture
def client(oauth: OAuth) -> Client:
    return oauth.client()


class TestFlow:
    def test_a_client_with_a_secret(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        assert "Sign in" in alice.open(client).text
        asked = alice.sign_in()
        assert "read modules.emails of the CRM" in asked.text
        assert email_of("Alice") in asked.text
        sent_back = alice.sent_back(alice.submit("allow"))
        assert set(sent_back) == {"code", "state", "accounts-server"}
        assert sent_back["state"] == "some state"
        assert sent_back["accounts-server"] == oauth.server.base_url
        issued = oauth.tokens(oauth.exchange(client, sent_back["code"], redirect_uri=CALLBACK))
        assert oauth.works(issued["access_token"])
        assert oauth.tokens(oauth.refresh(client, issued["refresh_token"]))["scope"] == SCOPE.replace(",", " ")
        assert oauth.audit()[0] == (
            "consent page",
            "grant",
            None,
            {"user": email_of("Alice"), "scopes": SCOPE.split(",")},
        )

    def test_a_client_without_a_secret_proves_itself(self, oauth: OAuth, alice: Browser) -> None:
        public, pkce = oauth.client("public"), new_pkce()
        alice.open(public, code_challenge=pkce.challenge, code_challenge_method="S256")
        assert "no secret by which it could be told from another" in alice.sign_in().text
        code = alice.sent_back(alice.submit("allow"))["code"]
        form = oauth.exchange(public, code, redirect_uri=CALLBACK)
        for verifier in (None, new_pkce().verifier, pkce.challenge, pkce.verifier[:-1], "ü" * 43, "short"):
            proof = {} if verifier is None else {"code_verifier": verifier}
            assert oauth.refused(form | proof) in ((400, "invalid_code"), (400, "invalid_request"))
        assert oauth.works(oauth.tokens(form | {"code_verifier": pkce.verifier})["access_token"])

    def test_its_refresh_token_is_replaced_each_time(self, oauth: OAuth, alice: Browser) -> None:
        """An old one is known by two, one of whom stole it: nobody can use any of them then (RFC 9700, 4.14.2)."""
        public, tokens = self._public_tokens(oauth, alice)
        first = tokens["refresh_token"]
        second = oauth.tokens(oauth.refresh(public, first))
        third = oauth.tokens(oauth.refresh(public, second["refresh_token"]))
        assert len({first, second["refresh_token"], third["refresh_token"]}) == 3
        assert oauth.works(third["access_token"])
        assert oauth.refused(oauth.refresh(public, first)) == (400, "invalid_code")
        assert oauth.refused(oauth.refresh(public, third["refresh_token"])) == (400, "invalid_code")
        assert [oauth.works(each["access_token"]) for each in (tokens, second, third)] == [False, False, False]
        assert oauth.audit()[0][:2] == (f"client {public.id}", "grant")

    def test_a_secret_from_a_client_that_has_none(self, oauth: OAuth, alice: Browser) -> None:
        public, tokens = self._public_tokens(oauth, alice)
        tokens = oauth.tokens(oauth.refresh(public, tokens["refresh_token"]), auth=(public.id, ""))
        form = oauth.refresh(public, tokens["refresh_token"], client_secret="anything")
        assert oauth.refused(form) == (401, "invalid_client_secret")

    def test_no_refresh_token_for_a_client_that_wants_none(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        """`access_type=online` is Zoho's word for it."""
        alice.open(client, access_type="online")
        alice.sign_in()
        code = alice.sent_back(alice.submit("allow"))["code"]
        assert "refresh_token" not in oauth.tokens(oauth.exchange(client, code, redirect_uri=CALLBACK))

    def test_a_verifier_without_a_challenge(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        """Whoever took the challenge out of the request must not get through (RFC 9700, section 2.1.1)."""
        alice.open(client)
        alice.sign_in()
        code = alice.sent_back(alice.submit("allow"))["code"]
        form = oauth.exchange(client, code, redirect_uri=CALLBACK, code_verifier=new_pkce().verifier)
        assert oauth.refused(form) == (400, "invalid_code")

    def test_the_address_is_compared_again(self, oauth: OAuth, alice: Browser) -> None:
        two = oauth.client("confidential", CALLBACK, f"{CALLBACK}/2")
        alice.open(two)
        alice.sign_in()
        form = oauth.exchange(two, alice.sent_back(alice.submit("allow"))["code"])
        assert oauth.refused(form | {"redirect_uri": f"{CALLBACK}/2"}) == (400, "invalid_redirect_uri")
        assert oauth.refused(form) == (400, "invalid_request")
        assert oauth.tokens(form | {"redirect_uri": CALLBACK})

    def test_a_code_lives_two_minutes(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        alice.open(client)
        alice.sign_in()
        code = alice.sent_back(alice.submit("allow"))["code"]
        oauth.change("UPDATE grants SET code_expires_at = code_expires_at - 121")
        assert oauth.refused(oauth.exchange(client, code, redirect_uri=CALLBACK)) == (400, "invalid_code")

    def test_denying(self, alice: Browser, client: Client) -> None:
        alice.open(client)
        alice.sign_in()
        assert alice.sent_back(alice.submit("deny")) == {"error": "access_denied", "state": "some state"}

    def test_signing_in_as_somebody_else(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        give_password(oauth.team, "Bob", "another good password")
        alice.open(client)
        alice.sign_in()
        assert "Sign in" in alice.submit("sign_out").text
        assert email_of("Bob") in alice.sign_in("Bob", "another good password").text

    def test_nothing_handed_out_is_stored_or_logged(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        alice.open(client)
        alice.sign_in()
        code = alice.sent_back(alice.submit("allow"))["code"]
        oauth.tokens(oauth.exchange(client, code, redirect_uri=CALLBACK))
        cookie = alice.http.cookies["postroom"]
        stored = everything(oauth.team.database, Path(oauth.team.database.engine.url.database or "").parent)
        log = oauth.server.log_file.read_bytes()
        assert len(oauth.handed_out) > 4
        for secret in (*oauth.handed_out, cookie):
            for part in (secret.encode(), secret.rpartition("_")[2][:22].encode()):
                assert part not in stored
                assert part not in log
        assert PASSWORD.encode() not in stored + log
        assert b"$argon2id$" in stored

    @staticmethod
    def _public_tokens(oauth: OAuth, alice: Browser) -> tuple[Client, dict[str, str]]:
        public, pkce = oauth.client("public"), new_pkce()
        alice.open(public, code_challenge=pkce.challenge, code_challenge_method="S256")
        alice.sign_in()
        code = alice.sent_back(alice.submit("allow"))["code"]
        form = oauth.exchange(public, code, redirect_uri=CALLBACK, code_verifier=pkce.verifier)
        return public, oauth.tokens(form)


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestRequests:
    """What a client asks for, before anybody is asked to sign in."""

    @pytest.mark.parametrize(
        "uri",
        [
            "https://evil.example/callback",
            f"{CALLBACK}/",
            f"{CALLBACK}?x=1",
            f"{CALLBACK}#x",
            CALLBACK.upper(),
            "http://reader.example/callback",
            "https://reader.example:444/callback",
            "//reader.example/callback",
            "javascript:alert(1)",
            "\u0000",
            "",
        ],
    )
    def test_nobody_is_sent_to_an_address_that_is_not_registered(
        self, alice: Browser, client: Client, uri: str
    ) -> None:
        _assert_told(alice.open(client, redirect_uri=uri), "invalid_redirect_uri")

    def test_a_client_that_there_is_not(self, oauth: OAuth, alice: Browser) -> None:
        service = oauth.client("service", user="Bob", scopes=SCOPE)
        for client_id in ("8000000000000999999", "x", "1" * 50, "'", "", service.id):
            _assert_told(alice.open(Client(client_id, None)), "invalid_client")

    def test_a_query_that_cannot_be_read(self, alice: Browser, client: Client) -> None:
        for query in (f"client_id={client.id}&client_id=1", "a=%ff", "x", "a=b&" * 30):
            _assert_told(alice.http.get(f"/oauth/v2/auth?{query}"), "invalid_request")

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"response_type": "code token"}, "unsupported_response_type"),
            ({"response_type": ""}, "invalid_request"),
            ({"scope": ""}, "invalid_scope"),
            ({"scope": "everything"}, "invalid_scope"),
            ({"scope": "ZohoCRM.modules.READ,everything"}, "invalid_scope"),
            ({"code_challenge": new_pkce().challenge}, "invalid_request"),
            ({"code_challenge": new_pkce().challenge, "code_challenge_method": "plain"}, "invalid_request"),
            ({"code_challenge_method": "S256"}, "invalid_request"),
            ({"code_challenge": "short", "code_challenge_method": "S256"}, "invalid_request"),
        ],
    )
    def test_what_the_client_is_told(self, alice: Browser, client: Client, query: dict[str, str], error: str) -> None:
        sent_back = alice.sent_back(alice.open(client, **query))
        assert (sent_back["error"], sent_back["state"]) == (error, "some state")
        assert "code" not in sent_back

    def test_a_client_without_a_secret_needs_a_proof(self, oauth: OAuth, alice: Browser) -> None:
        assert alice.sent_back(alice.open(oauth.client("public")))["error"] == "invalid_request"

    def test_the_page_lets_a_browser_do_nothing_else(self, alice: Browser, client: Client) -> None:
        page = alice.open(client)
        policy = page.headers["content-security-policy"]
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self' https://reader.example" in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "http" not in page.text.replace("http-equiv", "")
        cookie = page.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie

    def test_the_cookie_stays_on_tls_where_there_is_tls(self, shared_team: Team, client: Client) -> None:
        http = falcon.testing.TestClient(
            create_app(shared_team.database, shared_team.box, "https://crm.example.com/postroom")
        )
        query = {"client_id": client.id, "redirect_uri": CALLBACK, "scope": SCOPE, "response_type": "code"}
        cookie = http.simulate_get("/oauth/v2/auth", params=query, params_csv=False).headers["set-cookie"]
        assert cookie.startswith("__Host-postroom=")
        assert "Secure" in cookie

    def test_the_name_of_a_client_is_text(self, oauth: OAuth, alice: Browser) -> None:
        from postroom.actions.clients import NewClient, add_client
        from tests.team import NOW, OPERATOR

        new = NewClient("<script>alert(1)</script>", redirect_uris=(CALLBACK,))
        added = add_client(oauth.team.database, new, by=OPERATOR, now=NOW)
        page = alice.open(Client(str(added.client.id), None))
        assert "<script>" not in page.text
        assert "&lt;script&gt;" in page.text

    def test_other_methods(self, oauth: OAuth) -> None:
        for method in ("PUT", "DELETE", "OPTIONS"):
            answer = httpx.request(method, f"{oauth.server.base_url}/oauth/v2/auth", trust_env=False)
            assert answer.json()["code"] == "INVALID_REQUEST_METHOD"


class TestForgery:
    """A form that another page, or another browser, had made."""

    @pytest.mark.parametrize("csrf", [None, "", "0" * 64, "ü"])
    def test_without_the_pages_own_token(self, alice: Browser, client: Client, csrf: str | None) -> None:
        alice.open(client)
        alice.sign_in()
        form = {"action": "allow"} | ({} if csrf is None else {"csrf": csrf})
        answer = alice.http.post(alice.page.url, data=form)
        assert answer.status_code == 403
        assert "was not made by this page" in answer.text

    def test_a_token_of_another_request_or_browser(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        alice.open(client)
        alice.sign_in()
        own = alice.page
        alice.open(client, scope="Postroom.settings.ALL")
        wider, alice.page = alice.page.url, own
        form = {"csrf": _csrf(own), "action": "allow"}
        assert alice.http.post(wider, data=form).status_code == 403
        stranger = Browser(oauth)
        stranger.open(client)
        assert stranger.http.post(own.url, data=form).status_code == 403
        assert Browser(oauth).http.post(own.url, data=form).status_code == 403
        assert alice.submit("allow").status_code == 303

    def test_allowing_without_having_signed_in(self, alice: Browser, client: Client) -> None:
        alice.open(client)
        for action in ("allow", "deny", "", "anything"):
            answer = alice.submit(action)
            assert answer.status_code == 200
            assert "Sign in" in answer.text

    def test_the_cookie_is_another_one_after_signing_in(self, alice: Browser, client: Client) -> None:
        alice.open(client)
        before = alice.http.cookies["postroom"]
        alice.sign_in()
        assert alice.http.cookies["postroom"] != before
        alice.http.cookies.set("postroom", before)
        assert "Sign in" in alice.open(client).text


class TestGuessing:
    def test_a_wrong_password_and_a_stranger_are_answered_alike(
        self, oauth: OAuth, alice: Browser, client: Client
    ) -> None:
        oauth.team.user("Erin", mailbox=None)  # who has no password
        alice.open(client)
        for name, password in (("Alice", "wrong"), ("Nobody", PASSWORD), ("Erin", ""), ("Erin", "wrong"), ("x@", "x")):
            answer = alice.sign_in(name, password)
            assert answer.status_code == 403
            assert WRONG in answer.text

    @pytest.mark.parametrize("name", ["Alice", "Nobody at all"])
    def test_too_many_guesses_of_whomever(self, oauth: OAuth, alice: Browser, client: Client, name: str) -> None:
        oauth.change("DELETE FROM sign_in_attempts")
        alice.open(client)
        for _ in range(MOST_ATTEMPTS):
            assert alice.sign_in(name, "wrong password").status_code == 403
        answer = alice.sign_in(name, PASSWORD)
        assert answer.status_code == 429
        assert TOO_MANY in answer.text
        assert Browser(oauth).open(client).status_code == 200
        oauth.change("UPDATE sign_in_attempts SET since = since - 901")
        again = alice.sign_in(name, PASSWORD)
        assert again.status_code == (200 if name == "Alice" else 403)

    def test_signing_in_forgets_the_guesses(self, oauth: OAuth, client: Client) -> None:
        give_password(oauth.team, "Alice")
        for _ in range(2):
            browser = Browser(oauth)
            browser.open(client)
            for _ in range(MOST_ATTEMPTS - 1):
                browser.sign_in(password="wrong password")
            assert "Allow access?" in browser.sign_in().text

    def test_a_session_ends(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        """After its hour, with another password, and with its user."""
        ends = (
            lambda: oauth.change("UPDATE sessions SET expires_at = 1"),
            lambda: give_password(oauth.team, "Alice", "another good password"),
            lambda: oauth.team.make(SetUserStatus(email_of("Alice"), UserStatus.INACTIVE)),
        )
        for end in ends:
            give_password(oauth.team, "Alice")
            alice.open(client)
            assert "Allow access?" in alice.sign_in().text
            end()
            assert "Sign in" in alice.submit("allow").text
        assert alice.sign_in().status_code == 403
        oauth.team.make(SetUserStatus(email_of("Alice"), UserStatus.ACTIVE))

    def test_what_is_over_is_deleted_in_passing(self, oauth: OAuth, alice: Browser, client: Client) -> None:
        alice.open(client)
        alice.sign_in()
        Browser(oauth).open(client)
        alice.open(client)
        alice.submit("sign_out")
        alice.sign_in("Nobody", "x")
        oauth.change("UPDATE sessions SET expires_at = 1")
        oauth.change("UPDATE sign_in_attempts SET since = 1")
        alice.sign_in()
        assert (oauth.count("sessions"), oauth.count("sign_in_attempts")) == (1, 0)


def _csrf(page: httpx.Response) -> str:
    return page.text.partition('name="csrf" value="')[2].partition('"')[0]


def _assert_told(answer: httpx.Response, word: str) -> None:
    """Check that the person is told, and not sent anywhere."""
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert f"<code>{word}</code>" in answer.text
