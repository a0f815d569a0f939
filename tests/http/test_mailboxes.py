"""Mailboxes over JSON: anybody's for administrators, the own one for each user, against a real mail server."""

import json
from typing import Any

import pytest

from tests.http.own_api import ALICE, BOB, CHARLIE, OwnApi
from tests.servers.dovecot import Dovecot
from tests.storage.contents import contents

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PASSWORD = "secret"


@pytest.fixture
def server(dovecot: Dovecot) -> dict[str, Any]:
    """Where everybody has a mailbox at test.example."""
    where = {"host": dovecot.host, "port": dovecot.imaps_port, "ca_certificates": dovecot.ca_file.read_text()}
    return {"protocol": "imap", "password": PASSWORD} | where


@pytest.fixture
def api(own_api: OwnApi) -> OwnApi:
    """Alice and Charlie have no mailbox any more; Root connects those of others."""
    for who in ("Alice", "Charlie"):
        own_api.do(who, "DELETE", "/me/mailbox")
    return own_api


def of(name: str) -> dict[str, str]:
    return {"username": f"{name}@test.example"}


class TestOfOthers:
    def test_an_administrator_connects_lists_and_disconnects(self, api: OwnApi, server: dict[str, Any]) -> None:
        added = api.do("Root", "POST", "/mailboxes", server | of("alice") | {"user": ALICE})
        expected = {
            "id": added["id"],
            "address": ALICE,
            "user": ALICE,
            "protocol": "imap",
            "host": server["host"],
            "port": server["port"],
            "security": "tls",
            "username": "alice@test.example",
            "state": "active",
        }
        assert added == expected
        words = {
            "user": ALICE,
            "protocol": "imap",
            "server": f"{server['host']}:{server['port']} tls",
            "username": "alice@test.example",
        }
        api.assert_audited("Root", "mailbox", f"mailbox {ALICE}", None, words)
        sync = api.get("Root", f"/mailboxes/{added['id']}/sync")
        assert sync["state"] == "new"
        assert added | {"messages": 0, "sync": sync} in api.get("Root", "/mailboxes")["mailboxes"]
        api.do("Root", "DELETE", f"/mailboxes/{added['id']}")
        api.assert_audited("Root", "mailbox", f"mailbox {ALICE}", words, None)
        listed = api.get("Root", "/mailboxes")["mailboxes"]
        sync |= {"state": "disconnected", "next_try_at": None}
        assert added | {"messages": 0, "state": "disconnected", "sync": sync} in listed
        refused = api.refused("Root", "DELETE", f"/mailboxes/{added['id']}")
        assert refused == (404, "NOT_FOUND", f"there is no connected mailbox {added['id']}")

    def test_one_that_is_fed_by_import(self, api: OwnApi) -> None:
        added = api.do("Root", "POST", "/mailboxes", {"user": CHARLIE, "protocol": "pop"})
        assert (added["host"], added["protocol"]) == (None, "pop")

    def test_nobody_else(self, api: OwnApi, server: dict[str, Any]) -> None:
        (bobs,) = [each for each in api.get("Root", "/mailboxes")["mailboxes"] if each["user"] == BOB]
        others = ("Alice", "Bob", "Charlie")
        before = [api.token(who) for who in others] and contents(api.team.database)
        for who in others:
            for user in (ALICE, BOB, "nobody@team.example"):
                body = server | of("alice") | {"user": user}
                assert api.refused(who, "POST", "/mailboxes", body)[:2] == (403, "NO_PERMISSION")
            assert api.refused(who, "GET", "/mailboxes")[:2] == (403, "NO_PERMISSION")
            for mailbox in (bobs["id"], "1"):
                assert api.refused(who, "DELETE", f"/mailboxes/{mailbox}")[:2] == (403, "NO_PERMISSION")
        assert contents(api.team.database) == before


class TestFurtherAddresses:
    def mailbox_of(self, api: OwnApi, user: str) -> str:
        (mailbox,) = [each for each in api.get("Root", "/mailboxes")["mailboxes"] if each["user"] == user]
        return str(mailbox["id"])

    def test_an_administrator_sets_them(self, api: OwnApi) -> None:
        path, subject = f"/mailboxes/{self.mailbox_of(api, BOB)}/aliases", f"mailbox {BOB}"
        assert api.get("Root", path) == {"addresses": []}
        api.do("Root", "PUT", path, {"addresses": ["Sales@Team.Example", "info@team.example"]})
        expected = ["info@team.example", "sales@team.example"]
        assert api.get("Root", path) == {"addresses": expected}
        api.assert_audited("Root", "further addresses", subject, [], expected)
        api.do("Root", "PUT", path, {"addresses": []})
        assert api.get("Root", path) == {"addresses": []}

    def test_nobody_asserts_the_own(self, api: OwnApi) -> None:
        for who in ("Alice", "Bob", "Charlie"):
            for mailbox in (self.mailbox_of(api, BOB), "1"):
                for method, body in (("GET", None), ("PUT", {"addresses": ["ceo@team.example"]})):
                    refused = api.refused(who, method, f"/mailboxes/{mailbox}/aliases", body)
                    assert refused[:2] == (403, "NO_PERMISSION")

    def test_what_is_not_acceptable(self, api: OwnApi) -> None:
        path = f"/mailboxes/{self.mailbox_of(api, BOB)}/aliases"
        for addresses, field in ((["sales"], "addresses"), ([1], "addresses[0]"), ("x", "addresses")):
            assert api.wrong_field("Root", "PUT", path, {"addresses": addresses}) == field
        assert api.refused("Root", "PUT", path, {"addresses": [ALICE]})[:2] == (409, "ALREADY_THERE")
        assert api.refused("Root", "GET", "/mailboxes/1/aliases")[:2] == (404, "NOT_FOUND")


class TestTheOwn:
    def test_where_the_organisation_has_one(self, api: OwnApi, server: dict[str, Any]) -> None:
        own = server | of("alice")
        code, _, reason = api.refused("Alice", "POST", "/me/mailbox", own)[0:3]
        assert (code, "an administrator connects the first one" in reason) == (403, True)
        api.do("Root", "POST", "/mailboxes", server | of("charlie") | {"user": CHARLIE})
        added = api.do("Alice", "POST", "/me/mailbox", own)
        assert api.get("Alice", "/me/mailbox") == {"mailbox": added}
        assert added["address"] == ALICE
        api.do("Alice", "DELETE", "/me/mailbox")
        assert api.get("Alice", "/me/mailbox") == {"mailbox": None}
        assert api.refused("Alice", "DELETE", "/me/mailbox")[:2] == (404, "NOT_FOUND")

    def test_under_the_address_that_logs_in_and_no_other(self, api: OwnApi, server: dict[str, Any]) -> None:
        api.do("Root", "POST", "/mailboxes", server | of("charlie") | {"user": CHARLIE})
        for address in ("ceo@team.example", BOB):
            refused = api.refused("Alice", "POST", "/me/mailbox", server | of("alice") | {"address": address})
            assert refused[:2] == (403, "NO_PERMISSION")
        own = server | of("alice") | {"address": "Alice@Test.Example"}
        assert api.do("Alice", "POST", "/me/mailbox", own)["address"] == "alice@test.example"


class TestRefusals:
    @pytest.mark.parametrize(
        ("values", "sentence"),
        [
            ({"password": "wrong"}, "refused the user name or the password"),
            ({"host": "no-such-host.invalid"}, "was not found: check its name"),
            ({"port": 1}, "cannot be reached"),
            ({"security": "none", "password": "a\r\nb"}, "holds a line break"),
        ],
        ids=str,
    )
    def test_a_server_that_does_not_let_us_in(
        self, api: OwnApi, server: dict[str, Any], values: dict[str, Any], sentence: str
    ) -> None:
        before = api.token("Root") and contents(api.team.database)
        body = server | of("alice") | {"user": ALICE} | values
        status, code, message = api.refused("Root", "POST", "/mailboxes", body)
        assert (status, code) == (400, "LOGIN_FAILED")
        assert sentence in message
        assert body["password"] not in message
        assert contents(api.team.database) == before

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"port": 0}, "port"),
            ({"port": "993"}, "port"),
            ({"security": "ssl"}, "security"),
            ({"protocol": "smtp"}, "protocol"),
            ({"host": ""}, "host"),
            ({"host": None}, "host"),
            ({"ca_certificates": "no"}, "ca_certificates"),
            ({"address": "alice"}, "address"),
            ({"user": "alice"}, "user"),
        ],
        ids=str,
    )
    def test_what_is_not_acceptable(
        self, api: OwnApi, server: dict[str, Any], values: dict[str, Any], field: str
    ) -> None:
        body = server | of("alice") | {"user": ALICE} | values
        assert api.wrong_field("Root", "POST", "/mailboxes", body) == field

    def test_a_second_one(self, api: OwnApi, server: dict[str, Any]) -> None:
        refused = api.refused("Root", "POST", "/mailboxes", server | of("bob") | {"user": BOB})
        assert refused[:2] == (409, "ALREADY_THERE")


def test_the_password_is_in_no_answer_and_in_no_row(api: OwnApi, server: dict[str, Any]) -> None:
    password = server["password"]
    answers = [
        api.ask("Root", "POST", "/mailboxes", server | of("alice") | {"user": ALICE}).text,
        api.ask("Root", "GET", "/mailboxes").text,
        api.ask("Alice", "GET", "/me/mailbox").text,
        api.ask("Root", "GET", "/audit").text,
    ]
    assert all("alice@test.example" in answer for answer in answers)
    stored = json.dumps(contents(api.team.database), default=repr)
    assert "alice@test.example" in stored
    assert not any(f'"{password}"' in text or f": {password}" in text for text in (*answers, stored))
