"""Passwords and tokens: never on the command line, shown once or not at all."""

import pytest

from tests.cli.conftest import Terminal

SERVER = ("--host", "imap.team.example", "--password-stdin", "--no-try")


def add_mailbox(office: Terminal, password: bytes) -> tuple[str, ...]:
    office.do("mailbox", "disconnect", "alice@team.example")
    arguments = ("mailbox", "add", "alice@team.example", "--protocol", "imap", *SERVER)
    return (office.do(*arguments, stdin=password).out, office.do("mailbox", "list").out)


def test_a_password_is_never_printed_or_stored_as_it_is(office: Terminal) -> None:
    printed = add_mailbox(office, b"correct horse \n")
    assert "Connected alice@team.example (imap, imap.team.example:993 tls)" in printed[0]
    assert "correct horse" not in "".join(printed)
    listed = office.do("mailbox", "list", "--json")
    assert "correct horse" not in listed.out
    assert set(listed.json[-1]) == {
        *("id", "address", "user", "protocol", "host", "port", "security", "username", "state", "copies", "sync")
    }
    stored = b"".join(path.read_bytes() for path in (office.folder / "data").glob("postroom.sqlite3*"))
    assert b"correct horse" not in stored


def test_a_mailbox_by_import_says_so(office: Terminal) -> None:
    (mailbox,) = office.do("mailbox", "list", "--json").json
    assert (mailbox["user"], mailbox["host"], mailbox["copies"]) == ("alice@team.example", None, 0)
    assert "by import" in office.do("mailbox", "list").out


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"", "there is no password on standard input"),
        (b"\n", "there is no password on standard input"),
        (b"\xff\xfe\n", "the password on standard input is not UTF-8"),
        (b"x" * 20_000, "the password on standard input is longer than 10000 bytes"),
    ],
)
def test_what_is_no_password(office: Terminal, given: bytes, why: str) -> None:
    arguments = ("mailbox", "add", "bob@team.example", "--protocol", "imap", *SERVER)
    assert why in office.refused(*arguments, code=2, stdin=given)


def test_a_host_needs_a_password(office: Terminal) -> None:
    arguments = ("mailbox", "add", "bob@team.example", "--protocol", "imap", "--host", "imap.team.example")
    assert office.refused(*arguments).startswith("password: is missing; give it with --password-stdin")


def test_a_token_stands_alone_and_can_be_revoked_once(office: Terminal) -> None:
    out = office.do("token", "create", "--user", "bob@team.example", "--scope", "ZohoCRM.modules.ALL").out
    token = out.removesuffix("\n")
    assert token.startswith("postroom_")
    assert token.isascii()
    assert not any(character.isspace() for character in token)
    assert token not in office.do("token", "revoke", "--token-stdin", stdin=out.encode()).out
    assert "revoked already" in office.refused("token", "revoke", "--token-stdin", stdin=out.encode())


def test_all_tokens_of_a_user(office: Terminal) -> None:
    for _ in range(2):
        office.do("token", "create", "--user", "bob@team.example", "--scope", "ZohoCRM.modules.ALL")
    assert office.do("token", "revoke", "--user", "bob@team.example").out == "Revoked 2 tokens of bob@team.example.\n"
    assert office.do("token", "revoke", "--user", "bob@team.example").out == "Revoked 0 tokens of bob@team.example.\n"


@pytest.mark.parametrize("options", [("--scope", "nonsense"), ("--scope", "ZohoCRM.modules.ALL", "--expires-in", "0")])
def test_a_token_that_cannot_be(office: Terminal, options: tuple[str, ...]) -> None:
    office.refused("token", "create", "--user", "bob@team.example", *options)
