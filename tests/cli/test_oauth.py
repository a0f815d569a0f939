"""Allowing access in a browser, as a person does it: the program prints an address and is given another one."""

import subprocess
import sys
from pathlib import Path

import httpx

from tests.cli.conftest import Terminal
from tests.servers.authorization import CLIENT_ID, CLIENT_SECRET, AuthorizationServer
from tests.servers.dovecot import Dovecot

PROGRAM = Path(sys.executable).with_name("postroom")
ALICE, BOB, USERNAME = "alice@team.example", "bob@team.example", "bob@test.example"


def allow(office: Terminal, *arguments: str) -> tuple[int, str, str]:
    """Run a command that asks for access, open the address that it prints, and paste the one to which that leads."""
    command = [PROGRAM, *arguments, "--data-dir", str(office.folder / "data")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stderr is not None
        assert "Open this address" in program.stderr.readline()
        address = program.stderr.readline().strip()
        out, err = program.communicate(httpx.get(address).headers["location"] + "\n", timeout=60)
    return program.returncode, out, err


def test_a_mailbox_is_added_and_allowed_again(
    office: Terminal, authorization_server: AuthorizationServer, dovecot: Dovecot
) -> None:
    url = authorization_server.url
    provider = ("provider", "add", "ours", "--client-id", CLIENT_ID, "--client-secret-stdin", "--scopes", "mail")
    added = office.do(*provider, "--issuer", url, stdin=f"{CLIENT_SECRET}\n".encode())
    assert added.out == "Added the provider ours; register http://localhost there as a redirect URI.\n"
    server = ("--host", dovecot.host, "--port", str(dovecot.imaps_port), "--ca-file", str(dovecot.ca_file))
    mailbox = ("mailbox", "add", BOB, "--protocol", "imap", "--username", USERNAME, *server, "--oauth", "ours")
    code, out, err = allow(office, *mailbox)
    assert (code, err) == (0, "")
    assert out == f"Connected {BOB} (imap, localhost:{dovecot.imaps_port} tls) to {BOB}.\n"
    assert office.do("sync", BOB).err == ""
    assert office.do("provider", "list", "--json").json[0]["token_url"] == f"{url}/token"
    another = ("provider", "secret", "ours", "--client-secret-stdin")
    assert office.do(*another, stdin=b"another\n").out == (
        "The provider ours has another client secret; its mailboxes are read at once.\n"
    )
    assert office.do(*another, stdin=f"{CLIENT_SECRET}\n".encode()).err == ""
    assert "mailboxes are reached by ours" in office.refused("provider", "remove", "ours")
    code, out, err = allow(office, "mailbox", "login", BOB, "--oauth", "ours")
    assert (code, out, err) == (0, f"The server of {BOB} lets us in.\n", "")
    assert office.do("mailbox", "login", BOB, "--password-stdin", stdin=b"secret\n").out == out
    assert "refused the user name" in office.refused("mailbox", "login", BOB, "--password-stdin", stdin=b"wrong\n")


def test_before_there_is_a_provider(office: Terminal) -> None:
    assert office.do("provider", "list").out == "There is no provider.\n"
    assert office.do("provider", "list", "--json").json == []


def test_what_cannot_be_asked_for(office: Terminal) -> None:
    assert "there is no provider 'google'" in office.refused("mailbox", "login", ALICE, "--oauth", "google")
    assert "there is no provider 'google'" in office.refused(
        "provider", "secret", "google", "--client-secret-stdin", stdin=b"another\n"
    )
    assert "there is no connected mailbox" in office.refused("mailbox", "login", BOB, "--oauth", "google")
    assert "give either" in office.refused("mailbox", "login", BOB, code=2)
