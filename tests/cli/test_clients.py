"""Clients, codes and passwords on the command line: secrets are printed once, alone, or not at all."""

import pytest

from postroom.actions.random_secrets import new_refresh_token
from tests.cli.conftest import ALICE, BOB, Terminal

SCOPE = "ZohoCRM.modules.ALL"
URI = "https://reader.example/callback"


def added(office: Terminal, *options: str) -> dict[str, str]:
    client: dict[str, str] = office.do("client", "add", "Mail reader", *options, "--json").json
    return client


def test_a_client_is_listed_without_its_secret(office: Terminal) -> None:
    new = added(office, "--redirect-uri", URI, "--redirect-uri", f"{URI}/2")
    assert new["client_secret"].startswith("postroom_secret_")
    listed = office.do("client", "list", "--json")
    assert listed.json == [
        {
            "client_id": new["client_id"],
            "name": "Mail reader",
            "kind": "confidential",
            "redirect_uris": [URI, f"{URI}/2"],
            "user": None,
            "scopes": None,
            "grants": 0,
        }
    ]
    assert new["client_secret"] not in listed.out + office.do("client", "list").out + office.do("audit").out


def test_the_other_kinds(office: Terminal) -> None:
    assert added(office, "--public", "--redirect-uri", "com.example.reader:/callback")["client_secret"] is None
    assert added(office, "--service-user", BOB, "--scope", SCOPE)["kind"] == "service"
    assert "Client secret: none" in office.do("client", "add", "x", "--public", "--redirect-uri", URI).out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--public",), "a public client needs one"),
        (("--scope", SCOPE), "only a service has a user and scopes"),
        (("--service-user", BOB), "a service needs a user in whose name it asks, and scopes"),
        (("--service-user", BOB, "--scope", "x"), "scope 'x' is not of the form"),
        (("--service-user", "zoe@team.example", "--scope", SCOPE), "there is no user"),
        (("--service-user", BOB, "--scope", SCOPE, "--redirect-uri", URI), "a service has none"),
        *(
            (("--redirect-uri", uri), "is not of the form https://HOST/PATH")
            for uri in (
                *("x", "http://reader.example/", f"{URI}#x", "https://a b/", "https://user@reader.example/"),
                *("javascript:alert(1)", "https:///x", f"{URI}/{'x' * 1000}", "https://reader.example/\n"),
            )
        ),
        (("--redirect-uri", URI) * 11, "expected at most 10"),
    ],
)
def test_a_client_that_cannot_be(office: Terminal, options: tuple[str, ...], why: str) -> None:
    assert why in office.refused("client", "add", "Mail reader", *options)


@pytest.mark.parametrize(
    "uri", [URI, "https://reader.example", "http://127.0.0.1:8080/x?y=z", "http://[::1]/", "http://localhost/cb"]
)
def test_addresses_that_can_be(office: Terminal, uri: str) -> None:
    assert added(office, "--redirect-uri", uri)["client_id"]


def test_a_code_stands_alone(office: Terminal) -> None:
    client = added(office)["client_id"]
    out = office.do("client", "grant-code", client, "--user", ALICE, "--scope", SCOPE).out
    assert out.removesuffix("\n").startswith("postroom_code_")
    assert "\n" not in out.removesuffix("\n")
    assert office.do("client", "list", "--json").json[0]["grants"] == 0
    audit = office.do("audit", "--json").json["entries"][0]
    assert (audit["change"], audit["owner"]) == ("grant", ALICE)
    assert out.strip() not in office.do("audit").out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("8000000000000999999", "--user", ALICE, "--scope", SCOPE), "there is no client"),
        (("x", "--user", ALICE, "--scope", SCOPE), "there is no client 'x'"),
    ],
)
def test_a_code_for_nobody(office: Terminal, arguments: tuple[str, ...], why: str) -> None:
    assert why in office.refused("client", "grant-code", *arguments)


def test_deleting(office: Terminal) -> None:
    client = added(office)["client_id"]
    office.do("client", "grant-code", client, "--user", ALICE, "--scope", SCOPE)
    office.do("client", "delete", client)
    assert office.do("client", "list", "--json").json == []
    assert "there is no client" in office.refused("client", "delete", client)


def test_a_password_is_never_printed(office: Terminal) -> None:
    arguments = ("user", "password", ALICE, "--password-stdin")
    for word in ("set", "set anew"):
        assert office.do(*arguments, stdin=b"correct horse battery\n").out == f"The password of {ALICE} is set.\n"
        entry = office.do("audit", "--json").json["entries"][0]
        assert (entry["change"], entry["after"]) == ("password", word)
    stored = b"".join(path.read_bytes() for path in (office.folder / "data").glob("postroom.sqlite3*"))
    assert b"correct horse" not in stored
    assert b"$argon2id$" in stored


@pytest.mark.parametrize("password", [b"short\n", b"x" * 201 + b"\n"])
def test_what_is_no_password(office: Terminal, password: bytes) -> None:
    sentence = office.refused("user", "password", ALICE, "--password-stdin", stdin=password)
    assert sentence == "password: expected 12 to 200 characters"


def test_a_password_without_a_terminal_to_ask_on(office: Terminal) -> None:
    assert "--password-stdin" in office.refused("user", "password", ALICE, code=2)
    assert "there is no user" in office.refused(
        "user", "password", "zoe@team.example", "--password-stdin", stdin=b"correct horse battery\n"
    )


@pytest.mark.parametrize(
    "url", ["x", "https://crm.example.com/", "https://a b", "ftp://crm.example.com", "https://u@x/"]
)
def test_a_public_url_that_cannot_be(office: Terminal, url: str) -> None:
    assert "public-url: " in office.refused("serve", "--port", "8499", "--public-url", url)


def test_a_token_that_is_not_there(office: Terminal) -> None:
    for token in (new_refresh_token(), "postroom_x"):
        assert "there is no such token" in office.refused("token", "revoke", "--token-stdin", stdin=token.encode())
