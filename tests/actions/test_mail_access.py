"""Mailboxes reached by OAuth 2: allowed in a browser, logged in to with an access token, and that token kept fresh."""

from typing import Any

import httpx
import pytest

from postroom.actions.audit import read_audit
from postroom.actions.errors import AlreadyThere, InvalidInput, LoginFailed, NotAllowed, NotFound
from postroom.actions.mail_access import Asked, Granted, accept_access, ask_for_access, refresh_access
from postroom.actions.mail_providers import NewProvider, add_provider, all_providers, remove_provider
from postroom.actions.mailbox_turns import sync_now
from postroom.actions.mailboxes import (
    NewMailbox,
    connect_mailbox,
    disconnect_mailbox,
    mailbox_login,
    renew_login,
)
from postroom.actions.smtp_servers import NewSmtpServer, refresh_sending, set_mailbox_smtp, smtp_login
from postroom.core.model import Mailbox, Security, Trouble
from postroom.mail import oauth_client
from postroom.mail.imap_connection import imap_connection
from postroom.mail.pop_connection import pop_connection
from postroom.mail.server import AuthenticationFailed, ConnectionFailed, MailServerError
from postroom.storage.mailboxes import find_mailbox
from tests.mail.loopback import KEEP_SAYING, loopback
from tests.servers.authorization import CLIENT_ID, CLIENT_SECRET, LIFETIME, AuthorizationServer
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import Conversation, Fault, fault_proxy
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of, message
from tests.worker.reading import Clock, reader

ALICE, USERNAME = email_of("Alice"), "alice@test.example"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def server(authorization_server: AuthorizationServer) -> AuthorizationServer:
    authorization_server.answer_in_place = None
    authorization_server.requests.clear()
    return authorization_server


@pytest.fixture
def office(team: Team, server: AuthorizationServer) -> Team:
    """Alice has no mailbox yet; the provider is known."""
    team.user("Alice", mailbox=None)
    new = NewProvider(
        "ours",
        CLIENT_ID,
        CLIENT_SECRET,
        authorization_url=f"{server.url}/authorize",
        token_url=f"{server.url}/token",
        scopes="mail",
    )
    add_provider(team.database, team.box, new, by=OPERATOR, now=NOW)
    return team


def asked(team: Team, username: str = USERNAME) -> Asked:
    return ask_for_access(team.database, team.box, "ours", username)


def allow(request: Asked) -> str:
    """Let a browser open the address, and give the one to which it is led."""
    return httpx.get(request.authorization.url).headers["location"]


def granted(team: Team) -> Granted:
    request = asked(team)
    return accept_access(request, allow(request), now=NOW)


def connect(team: Team, dovecot: Dovecot, protocol: str = "imap", **values: Any) -> Mailbox:
    port = dovecot.imaps_port if protocol == "imap" else dovecot.pops_port
    known: dict[str, Any] = {"host": dovecot.host, "port": port, "username": USERNAME, "granted": granted(team)}
    new = NewMailbox(protocol, **known | {"ca_certificates": dovecot.ca_file.read_text()} | values)
    return connect_mailbox(team.database, team.box, ALICE, new, by=OPERATOR, now=NOW)


def token(team: Team, mailbox: Mailbox, now: int = NOW) -> str:
    _, login = mailbox_login(team.database, team.box, mailbox, now=now)
    assert login.is_token
    return login.password


class TestLoggingIn:
    @pytest.mark.parametrize("protocol", ["imap", "pop"])
    def test_a_real_server_lets_the_token_in(self, office: Team, dovecot: Dovecot, protocol: str) -> None:
        mailbox = connect(office, dovecot, protocol)
        assert mailbox.sealed_password is None
        server, login = mailbox_login(office.database, office.box, mailbox, now=NOW)
        connection = imap_connection if protocol == "imap" else pop_connection
        with connection(server, login, 10) as client:
            assert client is not None

    @on_sqlite
    @pytest.mark.parametrize("protocol", ["imap", "pop"])
    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_by_both_mechanisms(
        self, office: Team, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, protocol: str, mechanism: str
    ) -> None:
        for module in ("imap_connection", "pop_connection"):
            monkeypatch.setattr(f"postroom.mail.{module}.mechanism_for_token", lambda *_: mechanism)
        assert connect(office, dovecot, protocol).username == USERNAME

    @on_sqlite
    @pytest.mark.parametrize("protocol", ["imap", "pop"])
    @pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
    def test_a_token_that_is_none_any_more_is_refused_and_told_nowhere(
        self,
        office: Team,
        server: AuthorizationServer,
        dovecot: Dovecot,
        monkeypatch: pytest.MonkeyPatch,
        protocol: str,
        mechanism: str,
    ) -> None:
        for module in ("imap_connection", "pop_connection"):
            monkeypatch.setattr(f"postroom.mail.{module}.mechanism_for_token", lambda *_: mechanism)
        request = asked(office, "revoked@test.example")
        given = accept_access(request, allow(request), now=NOW)
        server.revoke("revoked@test.example")
        before = contents(office.database)
        with pytest.raises(LoginFailed, match="refused the access token of revoked") as caught:
            connect(office, dovecot, protocol, granted=given, username="revoked@test.example")
        assert given.tokens.access_token not in str(caught.value)
        assert contents(office.database) == before

    @on_sqlite
    def test_a_server_that_takes_no_tokens_gets_none(self, office: Team) -> None:
        given = granted(office)
        with loopback({}) as imap:
            new = NewMailbox("imap", host="127.0.0.1", port=imap.port, security=Security.NONE, granted=given)
            with pytest.raises(LoginFailed, match="takes no access tokens"):
                connect_mailbox(office.database, office.box, ALICE, new, by=OPERATOR, now=NOW)
        assert not [line for line in imap.lines if b"AUTHENTICATE" in line]


class TestKeepingFresh:
    def test_a_token_is_replaced_before_it_expires_and_so_is_its_refresh_token(
        self, office: Team, server: AuthorizationServer, dovecot: Dovecot
    ) -> None:
        mailbox = connect(office, dovecot)
        first = token(office, mailbox)
        assert token(office, mailbox, NOW + LIFETIME - 600) == first
        second = token(office, mailbox, NOW + LIFETIME - 60)
        assert second != first
        assert token(office, mailbox, NOW + 2 * LIFETIME) not in (first, second)
        assert [each["grant_type"] for each in server.requests] == ["authorization_code", *["refresh_token"] * 2]
        assert len({each.get("refresh_token") for each in server.requests}) == 3
        assert server.access_tokens[token(office, mailbox, NOW + 2 * LIFETIME)] == USERNAME

    @on_sqlite
    def test_access_that_is_no_longer_allowed_is_said_to_its_owner(
        self, office: Team, server: AuthorizationServer, dovecot: Dovecot
    ) -> None:
        mailbox = connect(office, dovecot)
        server.revoke(USERNAME)
        before = contents(office.database)
        with pytest.raises(AuthenticationFailed, match="ours no longer allows access: allow it with 'postroom mailbox"):
            token(office, mailbox, NOW + LIFETIME)
        assert contents(office.database) == before

    @on_sqlite
    def test_what_another_process_refreshed_meanwhile_is_used(
        self, office: Team, server: AuthorizationServer, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mailbox, real = connect(office, dovecot), oauth_client.refresh_tokens

        def late(*arguments: Any) -> Any:
            monkeypatch.undo()
            refresh_access(office.database, office.box, mailbox.id, now=NOW + LIFETIME)
            return real(*arguments)

        monkeypatch.setattr("postroom.actions.mail_access.refresh_tokens", late)
        assert server.access_tokens[token(office, mailbox, NOW + LIFETIME)] == USERNAME

    @pytest.mark.parametrize("given", ["another authorization", "a password", "nothing"])
    def test_what_its_owner_did_meanwhile_stays(
        self, office: Team, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, given: str
    ) -> None:
        mailbox, real, after = connect(office, dovecot), oauth_client.refresh_tokens, []

        def late(*arguments: Any) -> Any:
            tokens = real(*arguments)
            if given == "nothing":
                disconnect_mailbox(office.database, ALICE, by=OPERATOR, now=NOW)
            else:
                login = "secret" if given == "a password" else granted(office)
                renew_login(office.database, office.box, ALICE, login, by=OPERATOR, now=NOW)
            after.append(contents(office.database))
            return tokens

        monkeypatch.setattr("postroom.actions.mail_access.refresh_tokens", late)
        refresh_access(office.database, office.box, mailbox.id, now=NOW + LIFETIME)
        assert after == [contents(office.database)]

    @on_sqlite
    @pytest.mark.parametrize(
        ("status", "body", "trouble", "words"),
        [
            (503, b"", Trouble.TRANSIENT, "cannot give an access token now"),
            (503, b'{"error": "invalid_grant"}', Trouble.TRANSIENT, "cannot give an access token now"),
            (429, b"{}", Trouble.TRANSIENT, "cannot give an access token now"),
            (400, b'{"error": "temporarily_unavailable"}', Trouble.TRANSIENT, "cannot give an access token now"),
            (200, b"no JSON", Trouble.TRANSIENT, "answered 200 and neither a token nor a reason: try later"),
            (200, b"[1]", Trouble.TRANSIENT, "neither a token nor a reason"),
            (200, b'{"token_type": "Bearer"}', Trouble.TRANSIENT, "neither a token nor a reason"),
            (200, b"[" * 100_000, Trouble.TRANSIENT, "neither a token nor a reason"),
            (400, b'{"error": ["invalid_grant"]}', Trouble.TRANSIENT, "neither a token nor a reason"),
            (302, b"", Trouble.TRANSIENT, "answered 302"),
            (403, b"<html>blocked", Trouble.TRANSIENT, "answered 403"),
            (
                401,
                b'{"error": "invalid_client"}',
                Trouble.PERMANENT,
                "invalid_client.: the secret may have expired",
            ),
            (400, b'{"error": "unauthorized_client"}', Trouble.PERMANENT, "unauthorized_client.: check the client"),
            (400, b'{"error": "\\u001b[31mred"}', Trouble.PERMANENT, r"\(\[31mred\)"),
            (400, b'{"error": "invalid_grant"}', Trouble.AUTHENTICATION, "no longer allows access"),
            (400, b'{"error": "consent_required"}', Trouble.AUTHENTICATION, "no longer allows access"),
        ],
    )
    def test_what_a_provider_can_answer(
        self,
        office: Team,
        server: AuthorizationServer,
        dovecot: Dovecot,
        status: int,
        body: bytes,
        trouble: Trouble,
        words: str,
    ) -> None:
        mailbox = connect(office, dovecot)
        server.answer_in_place = (status, body)
        with pytest.raises(MailServerError, match=words) as caught:
            token(office, mailbox, NOW + LIFETIME)
        assert caught.value.trouble == trouble
        server.answer_in_place = None
        assert token(office, mailbox, NOW + LIFETIME)

    def test_a_provider_whose_answer_does_not_end_is_hung_up_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(oauth_client, "_ANSWER_SECONDS", 0.5)
        with loopback({b"greeting": KEEP_SAYING + b"H"}) as dripping, pytest.raises(ConnectionFailed):
            oauth_client.discover(f"http://127.0.0.1:{dripping.port}")
        assert not dripping.was_heard_out

    @on_sqlite
    @pytest.mark.parametrize(("protocol", "command"), [("imap", rb"BODY.PEEK\[\]"), ("pop", rb"RETR")])
    def test_one_that_expires_during_a_pass_is_replaced_where_the_connection_breaks(
        self, office: Team, server: AuthorizationServer, dovecot: Dovecot, protocol: str, command: bytes
    ) -> None:
        username = f"{protocol}-expiring@test.example"
        dovecot.deliver(username, message("lead@customer.example", [ALICE], "<expiring@x>"))
        clock = Clock()

        def an_hour_passes(conversation: Conversation, *_: bytes) -> None:
            clock.seconds += LIFETIME
            server.access_tokens.clear()
            conversation.close()

        with fault_proxy(dovecot.imap_port if protocol == "imap" else dovecot.pop_port) as proxy:
            proxy.fault = Fault(command, an_hour_passes, times=1)
            request = asked(office, username)
            given = accept_access(request, allow(request), now=NOW)
            values = {"host": "127.0.0.1", "port": proxy.port, "security": Security.NONE, "ca_certificates": None}
            mailbox = connect(office, dovecot, protocol, granted=given, username=username, **values)
            report = sync_now(reader(office, clock=clock), mailbox.address, lambda *_: None)
        assert proxy.fault.seen
        assert [folder.stored for folder in report.folders if folder.name == "INBOX"] == [1]

    @on_sqlite
    def test_mail_is_sent_with_it_too(self, office: Team, dovecot: Dovecot) -> None:
        mailbox = connect(office, dovecot)
        set_mailbox_smtp(office.database, office.box, mailbox.address, NewSmtpServer("smtp.team.example"))
        first = token(office, mailbox)
        refresh_sending(office.database, office.box, mailbox.user_id, now=NOW + LIFETIME)
        with office.database.read() as connection:
            _, login = smtp_login(connection, office.box, mailbox.user_id)
        assert (login.username, login.is_token) == (USERNAME, True)
        assert login.password != first


@on_sqlite
class TestAllowing:
    def test_nothing_but_the_answer_to_the_request_is_taken(self, office: Team) -> None:
        mine, others = asked(office), asked(office)
        for pasted, words in (
            (allow(others), "not the answer to the request above"),
            ("http://localhost/?error=access_denied", "was not allowed .access_denied."),
            (f"http://localhost/?state={mine.authorization.state}", "no code in this address"),
        ):
            with pytest.raises(LoginFailed, match=words):
                accept_access(mine, pasted, now=NOW)

    def test_a_code_alone_is_enough_and_good_once(self, office: Team) -> None:
        request = asked(office)
        code = httpx.URL(allow(request)).params["code"]
        assert accept_access(request, f" {code}\n", now=NOW).tokens.refresh_token
        with pytest.raises(LoginFailed, match="ours does not know this code, or no longer"):
            accept_access(request, code, now=NOW)

    def test_the_code_of_one_request_is_worth_nothing_in_another(self, office: Team) -> None:
        mine, others = asked(office), asked(office)
        with pytest.raises(LoginFailed):
            accept_access(mine, httpx.URL(allow(others)).params["code"], now=NOW)

    def test_without_a_refresh_token_it_would_end_soon(self, office: Team, server: AuthorizationServer) -> None:
        request = asked(office)
        server.answer_in_place = (200, b'{"access_token": "a", "token_type": "Bearer"}')
        with pytest.raises(InvalidInput, match="no refresh token"):
            accept_access(request, "code", now=NOW)

    def test_a_password_can_follow_and_access_be_allowed_again(self, office: Team, dovecot: Dovecot) -> None:
        mailbox = connect(office, dovecot)
        renew_login(office.database, office.box, ALICE, "secret", by=OPERATOR, now=NOW)
        _, login = mailbox_login(office.database, office.box, _again(office), now=NOW)
        assert (login.password, login.is_token) == ("secret", False)
        with pytest.raises(LoginFailed):
            renew_login(office.database, office.box, ALICE, "wrong", by=OPERATOR, now=NOW)
        renew_login(office.database, office.box, str(mailbox.id), granted(office), by=OPERATOR, now=NOW)
        assert _again(office).sealed_password is None
        changes = [each for each in read_audit(office.database, by=OPERATOR, limit=9).entries if "login" in each.change]
        assert [each.after for each in changes] == ["another access token", "another password"]

    def test_it_goes_with_the_mailbox(self, office: Team, dovecot: Dovecot) -> None:
        connect(office, dovecot)
        disconnect_mailbox(office.database, ALICE, by=OPERATOR, now=NOW)
        assert contents(office.database)["mailbox_grants"] == []


def _again(team: Team) -> Mailbox:
    with team.database.read() as connection:
        found = find_mailbox(connection, ALICE)
    assert found is not None
    return found


@on_sqlite
class TestProviders:
    def add(self, team: Team, name: str = "other", **values: Any) -> None:
        add_provider(team.database, team.box, NewProvider(name, "client", **values), by=OPERATOR, now=NOW)

    @pytest.mark.parametrize("name", ["google", "microsoft"])
    def test_known_ones_need_a_client_alone(self, office: Team, name: str) -> None:
        self.add(office, name)
        found = next(each for each in all_providers(office.database) if each.name == name)
        assert found.authorization_url.startswith("https://")
        assert found.token_url.startswith("https://")
        url = ask_for_access(office.database, office.box, name, USERNAME).authorization.url
        assert httpx.URL(url).params["code_challenge_method"] == "S256"
        assert httpx.URL(url).params["login_hint"] == USERNAME

    def test_an_issuer_says_where_it_is(self, office: Team, server: AuthorizationServer) -> None:
        self.add(office, issuer=server.url, scopes="mail")
        found = next(each for each in all_providers(office.database) if each.name == "other")
        assert (found.authorization_url, found.token_url) == (f"{server.url}/authorize", f"{server.url}/token")
        with pytest.raises(InvalidInput, match=r"issuer: .* does not describe"):
            self.add(office, "third", issuer=f"{server.url}/", scopes="mail")

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({}, "issuer: is missing, or both URLs"),
            ({"authorization_url": "https://a.example"}, "issuer: is missing"),
            ({"authorization_url": "https://a.example", "token_url": "https://a.example"}, "scopes: is missing"),
            ({"issuer": "http://a.example", "scopes": "mail"}, "issuer: .* is no https URL"),
            ({"issuer": "file:///etc/passwd", "scopes": "mail"}, "issuer: .* is no https URL"),
            ({"issuer": "https://user@a.example", "scopes": "mail"}, "issuer: .* is no https URL"),
            ({"issuer": "https://[a.example", "scopes": "mail"}, "issuer: .* is no https URL"),
            ({"name": "a/b", "issuer": "https://a.example", "scopes": "mail"}, "name: .* without a slash"),
            ({"issuer": "https://", "scopes": "mail"}, "issuer: .* is no https URL"),
        ],
        ids=str,
    )
    def test_what_is_none(self, office: Team, values: dict[str, Any], words: str) -> None:
        before = contents(office.database)
        with pytest.raises(InvalidInput, match=words):
            self.add(office, **values)
        assert contents(office.database) == before

    def test_one_is_added_once_and_removed_when_nothing_needs_it(
        self, office: Team, server: AuthorizationServer, dovecot: Dovecot
    ) -> None:
        with pytest.raises(AlreadyThere):
            self.add(office, "ours", issuer=server.url, scopes="mail")
        connect(office, dovecot)
        with pytest.raises(NotAllowed, match="disconnect them first"):
            remove_provider(office.database, "ours", by=OPERATOR, now=NOW)
        disconnect_mailbox(office.database, ALICE, by=OPERATOR, now=NOW)
        remove_provider(office.database, "ours", by=OPERATOR, now=NOW)
        with pytest.raises(NotFound):
            remove_provider(office.database, "ours", by=OPERATOR, now=NOW)
        entries = read_audit(office.database, by=OPERATOR, limit=99).entries
        audited = [(each.before is None, each.after is None) for each in entries if each.change == "mail provider"]
        assert audited == [(False, True), (True, False)]

    def test_nobody_else_adds_or_removes_one(self, office: Team) -> None:
        by = office.actor("Alice")
        with pytest.raises(NotAllowed):
            add_provider(office.database, office.box, NewProvider("google", "client"), by=by, now=NOW)
        with pytest.raises(NotAllowed):
            remove_provider(office.database, "ours", by=by, now=NOW)

    def test_no_secret_is_stored_as_it_is(self, office: Team, server: AuthorizationServer, dovecot: Dovecot) -> None:
        connect(office, dovecot)
        stored = repr(contents(office.database))
        assert CLIENT_ID in stored
        assert CLIENT_SECRET not in stored
        assert not [each for each in (*server.access_tokens, *server.refresh_tokens) if each in stored]
