"""The token endpoint over real HTTP, on both databases: every grant, every refusal, and what ends a grant."""

import threading
from pathlib import Path
from urllib.parse import urlencode

import falcon
import falcon.testing
import httpx
import pytest

from postroom.actions.clients import DeleteClient
from postroom.actions.errors import ActionError, NotAllowed
from postroom.actions.grants import EndGrantsOf
from postroom.actions.organisation import SetUserStatus
from postroom.actions.random_secrets import SecretKind, new_refresh_token, new_secret
from postroom.core.model import UserStatus
from postroom.http.app import create_app
from postroom.http.oauth import REFUSALS
from postroom.http.sent import MAX_BODY_BYTES
from tests.actions.test_tokens import everything
from tests.http.oauth_clients import SCOPE, Client, Encoding, OAuth
from tests.servers.postroom_server import Installation
from tests.team import email_of

ENCODINGS: tuple[Encoding, ...] = ("urlencoded", "multipart")
REVOKE = "/oauth/v2/token/revoke"


@pytest.fixture
def client(oauth: OAuth) -> Client:
    return oauth.client()


class TestGrants:
    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_a_code_is_good_for_both_tokens(self, oauth: OAuth, client: Client, encoding: Encoding) -> None:
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)), encoding=encoding)
        assert set(issued) == {*("access_token", "refresh_token", "expires_in", "api_domain", "token_type", "scope")}
        assert issued["scope"] == SCOPE.replace(",", " ")
        assert oauth.works(issued["access_token"])
        assert not oauth.works(issued["refresh_token"])

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_a_refresh_token_is_good_for_access_tokens_for_ever(
        self, oauth: OAuth, client: Client, encoding: Encoding
    ) -> None:
        """A client with a secret keeps its refresh token, as with Zoho: one that ignores a new one is not shut out."""
        first = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        for _ in range(3):
            issued = oauth.tokens(oauth.refresh(client, first["refresh_token"]), encoding=encoding)
            assert "refresh_token" not in issued
            assert issued["scope"] == first["scope"]
            assert oauth.works(issued["access_token"])
        assert oauth.works(first["access_token"])

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_a_service_asks_in_the_name_of_its_user(self, oauth: OAuth, encoding: Encoding) -> None:
        service = oauth.client("service", user="Bob", scopes=SCOPE)
        issued = oauth.tokens({"grant_type": "client_credentials", **service.form}, encoding=encoding)
        assert "refresh_token" not in issued
        assert issued["scope"] == SCOPE.replace(",", " ")
        assert oauth.works(issued["access_token"])

    @pytest.mark.parametrize("separator", [",", " ", ", "])
    def test_scopes_are_separated_by_commas_or_spaces(self, oauth: OAuth, separator: str) -> None:
        service = oauth.client("service", user="Bob", scopes=f"{SCOPE},ZohoCRM.org.READ")
        wanted = SCOPE.replace(",", separator)
        form = {"grant_type": "client_credentials", "scope": wanted, **service.form}
        assert oauth.tokens(form)["scope"] == SCOPE.replace(",", " ")

    def test_a_refresh_may_ask_for_less(self, oauth: OAuth, client: Client) -> None:
        refresh_token = oauth.tokens(oauth.exchange(client, oauth.code(client)))["refresh_token"]
        less = oauth.tokens(oauth.refresh(client, refresh_token, scope="ZohoCRM.modules.READ"))
        assert less["scope"] == "ZohoCRM.modules.READ"
        assert oauth.tokens(oauth.refresh(client, refresh_token))["scope"] == SCOPE.replace(",", " ")

    def test_client_id_and_secret_may_stand_in_a_header(self, oauth: OAuth, client: Client) -> None:
        assert client.secret is not None
        form = {"grant_type": "authorization_code", "code": oauth.code(client)}
        assert oauth.works(oauth.tokens(form, auth=(client.id, client.secret))["access_token"])

    def test_the_api_domain_is_no_strangers_word(self, oauth: OAuth, client: Client) -> None:
        """An SDK that reads one of Zoho's hosts there moves to Zoho, and takes the token along."""
        answer = httpx.post(
            f"{oauth.server.base_url}/oauth/v2/token",
            data=oauth.exchange(client, oauth.code(client)),
            headers={"Host": "www.zohoapis.com", "X-Forwarded-Host": "www.zohoapis.com"},
            trust_env=False,
        )
        assert answer.json()["api_domain"] == oauth.server.base_url

    def test_the_api_domain_is_the_public_url_that_was_set(self, oauth: OAuth, client: Client) -> None:
        http = falcon.testing.TestClient(
            create_app(oauth.team.database, oauth.team.box, "https://crm.example.com/postroom")
        )
        form = oauth.exchange(client, oauth.code(client))
        answer = http.simulate_post("/oauth/v2/token", body=urlencode(form), content_type=falcon.MEDIA_URLENCODED)
        assert answer.json["api_domain"] == "https://crm.example.com/postroom"

    def test_what_is_not_known_is_ignored(self, oauth: OAuth, client: Client) -> None:
        """Among it the names of what the library keeps, and a refresh token that was not asked for."""
        others = dict.fromkeys(("user", "client", "scopes", "extra_credentials", "expires_in", "claims"), "1")
        chosen = new_refresh_token()
        issued = oauth.tokens(others | oauth.exchange(client, oauth.code(client), refresh_token=chosen))
        assert issued["refresh_token"] != chosen
        assert issued["expires_in"] == 3600

    def test_nothing_handed_out_is_stored_or_logged(self, oauth: OAuth, client: Client) -> None:
        oauth.tokens(oauth.exchange(client, oauth.code(client)))
        oauth.refused(oauth.exchange(client, oauth.code(client), client_secret=new_secret(SecretKind.CLIENT)))
        stored = everything(oauth.team.database, Path(oauth.team.database.engine.url.database or "").parent)
        log = oauth.server.log_file.read_bytes()
        assert len(oauth.handed_out) > 4
        for secret in oauth.handed_out:
            body = secret.rpartition("_")[2].encode()
            for part in (secret.encode(), body, body[:22], body[22:-8]):
                assert part not in stored
                assert part not in log


class TestRefusals:
    """Whoever asks for what was not granted."""

    def test_each_word_is_in_the_table(self, oauth: OAuth, client: Client) -> None:
        service = oauth.client("service", user="Bob", scopes=SCOPE)
        other, code = oauth.client(), oauth.code(client)
        wrong = new_secret(SecretKind.CLIENT)
        seen = {
            oauth.refused({}),
            oauth.refused({"grant_type": "password", **client.form}),
            oauth.refused({"grant_type": "openid", **client.form}),
            oauth.refused({"grant_type": "authorization_code", **client.form}),
            oauth.refused({"grant_type": "refresh_token", **client.form}),
            oauth.refused(oauth.exchange(Client("8000000000000999999", client.secret), code)),
            oauth.refused(oauth.exchange(Client("x", client.secret), code)),
            oauth.refused({"grant_type": "authorization_code", "code": code}),
            oauth.refused(oauth.exchange(Client(client.id, wrong), code)),
            oauth.refused(oauth.exchange(Client(client.id, None), code)),
            oauth.refused(oauth.exchange(other, code)),
            oauth.refused(oauth.exchange(client, "")),
            oauth.refused(oauth.exchange(client, code[:-1])),
            oauth.refused(oauth.exchange(client, new_secret(SecretKind.CODE))),
            oauth.refused(oauth.exchange(service, code)),
            oauth.refused({"grant_type": "client_credentials", **client.form}),
            oauth.refused({"grant_type": "client_credentials", "scope": "Postroom.audit.READ", **service.form}),
            oauth.refused(oauth.refresh(client, new_refresh_token())),
            oauth.refused(oauth.refresh(client, "1000.abc.def")),
        }
        assert seen == {
            (400, "invalid_request"),
            (400, "unsupported_grant_type"),
            (401, "invalid_client"),
            (401, "invalid_client_secret"),
            (400, "invalid_code"),
            (400, "unauthorized_client"),
            (400, "invalid_scope"),
        }
        assert {word: status for status, word in seen} | {"invalid_redirect_uri": 400} == REFUSALS
        assert oauth.tokens(oauth.exchange(client, code))

    def test_a_refresh_may_not_ask_for_more(self, oauth: OAuth, client: Client) -> None:
        refresh_token = oauth.tokens(oauth.exchange(client, oauth.code(client)))["refresh_token"]
        more = f"{SCOPE},Postroom.settings.ALL"
        assert oauth.refused(oauth.refresh(client, refresh_token, scope=more)) == (400, "invalid_scope")

    def test_a_refresh_token_of_another_client(self, oauth: OAuth, client: Client) -> None:
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        assert oauth.refused(oauth.refresh(oauth.client(), issued["refresh_token"])) == (400, "invalid_code")
        assert oauth.works(issued["access_token"])
        assert oauth.tokens(oauth.refresh(client, issued["refresh_token"]))

    def test_a_secret_in_two_places(self, oauth: OAuth, client: Client) -> None:
        form = oauth.exchange(client, oauth.code(client))
        assert oauth.refused(form, auth=(client.id, str(client.secret))) == (400, "invalid_request")


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestForms:
    """What is refused before the database is asked."""

    @pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic !!!", "Basic /w==", "Basic YWJj", "Negotiate x"])
    def test_a_header_that_names_no_client(self, oauth: OAuth, client: Client, header: str) -> None:
        answer = httpx.post(
            f"{oauth.server.base_url}/oauth/v2/token",
            data=oauth.exchange(client, oauth.code(client)),
            headers={"Authorization": header},
            trust_env=False,
        )
        assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})

    @pytest.mark.parametrize("name", ["code", "client_id", "grant_type"])
    def test_a_parameter_twice(self, oauth: OAuth, client: Client, name: str) -> None:
        form = oauth.exchange(client, oauth.code(client))
        assert oauth.refused({**form, name: [form[name], form[name]]}) == (400, "invalid_request")

    def test_nothing_may_stand_in_the_query(self, oauth: OAuth, client: Client) -> None:
        form = oauth.exchange(client, oauth.code(client))
        code = form.pop("code")
        assert oauth.refused(form, path=f"/oauth/v2/token?code={code}") == (400, "invalid_request")
        assert oauth.refused({}, path=f"{REVOKE}?token={code}") == (400, "invalid_request")

    @pytest.mark.parametrize(
        ("content_type", "body", "status"),
        [
            ("application/json", b"{}", 400),
            ("", b"grant_type=refresh_token", 400),
            ("application/x-www-form-urlencoded", b"grant_type", 400),
            ("application/x-www-form-urlencoded", b"grant_type=%ff", 400),
            ("application/x-www-form-urlencoded", b"grant_type=\xff", 400),
            ("application/x-www-form-urlencoded", b"a=b&" * 30, 400),
            ("application/x-www-form-urlencoded", b"grant_type=" + b"x" * MAX_BODY_BYTES, 413),
            ("multipart/form-data", b"", 400),
            ("multipart/form-data; boundary=b", b"", 400),
            ("multipart/form-data; boundary=b", b"--b\r\n\r\nx", 400),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", 400),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="grant_type"; filename="f"\r\n\r\nx\r\n--b--\r\n',
                400,
            ),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="grant_type"\r\n\r\n\xff\r\n--b--\r\n',
                400,
            ),
            (
                "multipart/form-data; boundary=b",
                b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 30 + b"--b--\r\n",
                400,
            ),
        ],
    )
    def test_a_body_that_cannot_be_read(self, oauth: OAuth, content_type: str, body: bytes, status: int) -> None:
        for path in ("/oauth/v2/token", REVOKE):
            headers = {"Content-Type": content_type} if content_type else {}
            answer = httpx.post(f"{oauth.server.base_url}{path}", content=body, headers=headers, trust_env=False)
            assert (answer.status_code, answer.json()) == (status, {"error": "invalid_request"})

    @pytest.mark.parametrize("path", ["/oauth/v2/token", REVOKE])
    def test_only_post(self, oauth: OAuth, path: str) -> None:
        for method in ("GET", "PUT", "DELETE", "OPTIONS"):
            answer = httpx.request(method, f"{oauth.server.base_url}{path}", trust_env=False)
            assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST_METHOD")
            assert answer.headers["allow"] == "POST"

    def test_no_refusal_was_a_mistake_of_ours(self, oauth: OAuth) -> None:
        assert not [line for line in oauth.server.log() if line["level"] == "error"]


class TestEnds:
    def test_a_code_after_its_time(self, oauth: OAuth, client: Client) -> None:
        code = oauth.code(client)
        oauth.change("UPDATE grants SET code_expires_at = 1")
        assert oauth.refused(oauth.exchange(client, code)) == (400, "invalid_code")

    def test_a_code_that_is_used_again_takes_its_tokens_with_it(self, oauth: OAuth, client: Client) -> None:
        """RFC 6749, section 4.1.2: one of the two who have the code stole it."""
        code, other = oauth.code(client), oauth.tokens(oauth.exchange(client, oauth.code(client)))
        issued = oauth.tokens(oauth.exchange(client, code))
        assert oauth.refused(oauth.exchange(client, code)) == (400, "invalid_code")
        assert not oauth.works(issued["access_token"])
        assert oauth.refused(oauth.refresh(client, issued["refresh_token"])) == (400, "invalid_code")
        granted = {"user": email_of("Alice"), "scopes": SCOPE.split(",")}
        assert oauth.audit()[0] == (f"client {client.id}", "grant", granted, None)
        assert oauth.works(other["access_token"])

    def test_another_client_with_the_code_ends_nothing(self, oauth: OAuth, client: Client) -> None:
        code = oauth.code(client)
        issued = oauth.tokens(oauth.exchange(client, code))
        assert oauth.refused(oauth.exchange(oauth.client(), code)) == (400, "invalid_code")
        assert oauth.works(issued["access_token"])

    def test_an_access_token_after_its_hour(self, oauth: OAuth, client: Client) -> None:
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        oauth.change("UPDATE tokens SET expires_at = 1")
        assert not oauth.works(issued["access_token"])
        assert oauth.works(oauth.tokens(oauth.refresh(client, issued["refresh_token"]))["access_token"])

    @pytest.mark.parametrize("encoding", ENCODINGS)
    def test_whoever_holds_a_refresh_token_may_revoke_it(
        self, oauth: OAuth, client: Client, encoding: Encoding
    ) -> None:
        """As the SDKs do, which send nothing but the token."""
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        for _ in range(2):
            answer = oauth.ask({"token": issued["refresh_token"]}, path=REVOKE, encoding=encoding)
            assert (answer.status_code, answer.json()) == (200, {"status": "success"})
        assert not oauth.works(issued["access_token"])
        assert oauth.refused(oauth.refresh(client, issued["refresh_token"])) == (400, "invalid_code")
        assert oauth.audit()[0][:2] == ("token endpoint", "grant")

    def test_an_access_token_is_revoked_alone(self, oauth: OAuth, client: Client) -> None:
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        other = oauth.tokens(oauth.refresh(client, issued["refresh_token"]))
        assert oauth.ask({"token": issued["access_token"], **client.form}, path=REVOKE).json() == {"status": "success"}
        assert not oauth.works(issued["access_token"])
        assert oauth.works(other["access_token"])

    def test_a_client_that_names_itself_revokes_its_own_only(self, oauth: OAuth, client: Client) -> None:
        issued = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        for kind in ("access_token", "refresh_token"):
            answer = oauth.ask({"token": issued[kind], **oauth.client().form}, path=REVOKE)
            assert answer.json() == {"status": "success"}
        assert oauth.works(issued["access_token"])
        assert oauth.tokens(oauth.refresh(client, issued["refresh_token"]))

    def test_what_revocation_refuses(self, oauth: OAuth, client: Client) -> None:
        assert oauth.refused({}, path=REVOKE) == (400, "invalid_request")
        assert oauth.refused({"token": "x", "client_id": "1"}, path=REVOKE) == (401, "invalid_client")
        wrong = Client(client.id, new_secret(SecretKind.CLIENT))
        assert oauth.refused({"token": "x", **wrong.form}, path=REVOKE) == (401, "invalid_client_secret")
        for unknown in ("x", new_secret(SecretKind.ACCESS), new_refresh_token()):
            assert oauth.ask({"token": unknown}, path=REVOKE).json() == {"status": "success"}

    @pytest.mark.parametrize("status", [UserStatus.INACTIVE, UserStatus.DELETED])
    def test_a_user_who_leaves(self, oauth: OAuth, client: Client, status: UserStatus) -> None:
        name = f"Dora {status}"
        oauth.team.user(name, mailbox=None)
        service = oauth.client("service", user=name, scopes=SCOPE)
        issued, unused = oauth.tokens(oauth.exchange(client, oauth.code(client, name))), oauth.code(client, name)
        oauth.team.make(SetUserStatus(email_of(name), status))
        assert not oauth.works(issued["access_token"])
        assert oauth.refused(oauth.refresh(client, issued["refresh_token"])) == (400, "invalid_code")
        assert oauth.refused(oauth.exchange(client, unused)) == (400, "invalid_code")
        asked = {"grant_type": "client_credentials", **service.form}
        assert oauth.refused(asked) == (400, "unauthorized_client")
        with pytest.raises(NotAllowed, match="tokens of such a user do not work"):
            oauth.code(client, name)

    def test_a_client_that_is_deleted(self, oauth: OAuth, client: Client) -> None:
        issued, unused = oauth.tokens(oauth.exchange(client, oauth.code(client))), oauth.code(client)
        oauth.team.make(DeleteClient(client.id))
        assert not oauth.works(issued["access_token"])
        assert oauth.refused(oauth.refresh(client, issued["refresh_token"])) == (401, "invalid_client")
        assert oauth.refused(oauth.exchange(client, unused)) == (401, "invalid_client")

    def test_whatever_a_user_granted(self, oauth: OAuth, client: Client) -> None:
        alices = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        bobs = oauth.tokens(oauth.exchange(client, oauth.code(client, "Bob")))
        oauth.team.make(EndGrantsOf(email_of("Alice")))
        assert (oauth.works(alices["access_token"]), oauth.works(bobs["access_token"])) == (False, True)
        assert oauth.refused(oauth.refresh(client, alices["refresh_token"])) == (400, "invalid_code")

    def test_what_has_passed_is_deleted_in_passing(self, oauth: OAuth, client: Client) -> None:
        oauth.change("DELETE FROM tokens")
        oauth.change("DELETE FROM grants")
        service = oauth.client("service", user="Bob", scopes=SCOPE)
        kept = oauth.tokens(oauth.exchange(client, oauth.code(client)))
        for _ in range(3):
            oauth.tokens({"grant_type": "client_credentials", **service.form})
            oauth.code(client)
        assert (oauth.count("grants"), oauth.count("tokens")) == (7, 4)
        oauth.change("UPDATE grants SET granted_at = 1")
        oauth.change("UPDATE tokens SET expires_at = 2")
        oauth.tokens(oauth.refresh(client, kept["refresh_token"]))
        assert (oauth.count("grants"), oauth.count("tokens")) == (1, 1)

    @pytest.mark.parametrize("expires_in", [0, 601])
    def test_a_code_that_cannot_be(self, oauth: OAuth, client: Client, expires_in: int) -> None:
        with pytest.raises(ActionError, match="expires-in: expected 1 to 600 seconds"):
            oauth.code(client, expires_in=expires_in)
        for kind in ("public", "service"):
            options = {"user": "Bob", "scopes": SCOPE} if kind == "service" else {}
            with pytest.raises(NotAllowed, match="only a confidential one can use such a code"):
                oauth.code(oauth.client(kind, **options))


class TestAtOnce:
    """Several processes on one database, asked at the same moment."""

    def test_one_code_is_used_once(self, oauth: OAuth, client: Client) -> None:
        url = oauth.team.database.engine.url.render_as_string(hide_password=False)
        with Installation(oauth.server.log_file.parent, url).serve() as other:
            servers = (oauth.server, other, oauth.server, other)
            for _ in range(8):
                form = oauth.exchange(client, oauth.code(client))
                statuses = _at_once([f"{server.base_url}/oauth/v2/token" for server in servers], form)
                assert sorted(statuses) == [200, 400, 400, 400]
                assert oauth.count(f"grants WHERE client_id = {client.id}") == 0  # all but the first know it stolen
            for server in servers:
                assert not [line for line in server.log() if line["level"] == "error"]


def _at_once(urls: list[str], form: dict[str, str]) -> list[int]:
    barrier, statuses = threading.Barrier(len(urls)), []

    def ask(url: str) -> None:
        with httpx.Client(trust_env=False) as http:
            barrier.wait()
            statuses.append(http.post(url, data=form).status_code)

    threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
