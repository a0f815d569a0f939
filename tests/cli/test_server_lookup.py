"""Connecting a mailbox without naming its server: who is asked, what is said, and when a person has to agree."""

import os
import pty
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Outcome, Terminal
from tests.mail.test_autoconfig import document, server
from tests.servers.dns import running_dns
from tests.servers.dovecot import Dovecot
from tests.servers.https import HttpsServer, running_https
from tests.servers.postroom_server import PROGRAM

ALICE, BOB, ADDRESS = "alice@team.example", "bob@team.example", "bob.looked.up@test.example"
UNSENT = (
    "Mail cannot be sent yet: The host smtp.test.example was not found: check its name."
    f" 'postroom mailbox smtp {ADDRESS}' names another server.\n"
)
FOREIGN = "DNS names a server of another domain, and nobody vouches for the answer: give --yes where it is right"


def add(office: Terminal, dovecot: Dovecot, https: HttpsServer, *more: str) -> Outcome:
    """Connect Bob's mailbox by what the server of documents or DNS says."""
    given = ("--address", ADDRESS, "--password-stdin", "--ca-file", str(dovecot.ca_file))
    place = ("--autoconfig-url", f"{https.url}/v1.1/%EMAILDOMAIN%")
    return office.run("mailbox", "add", BOB, *given, *place, *more, stdin=f"{dovecot.password}\n".encode())


@pytest.fixture(autouse=True)
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the server of documents as if a public authority had seen to it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))


def test_by_a_document(office: Terminal, dovecot: Dovecot, tmp_path: Path) -> None:
    here = document(server("pop3", "localhost", str(dovecot.pops_port)), server("smtp", "smtp.test.example", "465"))
    with running_https(tmp_path, {"/v1.1/test.example": here}) as https:
        added = add(office, dovecot, https)
    port = dovecot.pops_port
    assert added == (
        0,
        f"Connected {ADDRESS} (pop, localhost:{port} tls) to {BOB}.\n",
        f"Found localhost:{port} (pop, tls) and smtp.test.example:465 (smtp, tls) by {https.url}/v1.1/test.example.\n"
        + UNSENT,
    )
    assert https.asked == ["/v1.1/test.example"]
    assert office.do("sync", ADDRESS).err == ""
    with closing(sqlite3.connect(office.folder / "data" / "postroom.sqlite3")) as database:
        sending = database.execute("SELECT host, port, security, username FROM smtp_servers").fetchall()
    assert sending == [("smtp.test.example", 465, "tls", None)]


def test_by_dns_which_somebody_has_to_confirm(office: Terminal, dovecot: Dovecot, tmp_path: Path) -> None:
    zone = f"_imap._tcp 60 IN SRV 0 1 {dovecot.imap_port} localhost.\n"
    with running_https(tmp_path, {}) as https, running_dns(zone) as dns:
        resolver = ("--resolver", f"127.0.0.1#{dns.port}")
        refused = add(office, dovecot, https, *resolver)
        assert (refused.code, refused.out) == (1, "")
        assert FOREIGN in refused.err
        assert office.do("mailbox", "list", "--json").json[0]["address"] != ADDRESS
        added = add(office, dovecot, https, *resolver, "--yes", "--json")
    assert (added.code, added.json["security"], added.json["port"]) == (0, "starttls", dovecot.imap_port)
    assert f"localhost:{dovecot.imap_port} (imap, starttls) by SRV records of test.example" in added.err


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("y", 0)])
def test_a_person_at_a_terminal_is_asked(
    office: Terminal, dovecot: Dovecot, tmp_path: Path, answer: str, code: int
) -> None:
    zone = f"_imaps._tcp 60 IN SRV 0 1 {dovecot.imaps_port} localhost.\n"
    terminal, inside = pty.openpty()
    with running_https(tmp_path, {}) as https, running_dns(zone) as dns:
        command = ["mailbox", "add", BOB, "--address", ADDRESS, "--password-stdin", "--ca-file", dovecot.ca_file]
        where = ["--autoconfig-url", f"{https.url}/x", "--resolver", f"127.0.0.1#{dns.port}"]
        with subprocess.Popen(
            [PROGRAM, *command, *where, "--data-dir", office.folder / "data"],
            stdin=inside,
            stdout=inside,
            stderr=inside,
            start_new_session=True,
        ) as program:
            os.close(inside)
            said = read_until(terminal, b"[y/N]: ")
            os.write(terminal, f"{answer}\n".encode())
            if code == 0:
                read_until(terminal, b"Password: ")
                os.write(terminal, f"{dovecot.password}\n".encode())
            assert program.wait(timeout=60) == code
    os.close(terminal)
    assert b"Found localhost:" in said
    assert (ADDRESS in office.do("mailbox", "list").out) is (code == 0)


def read_until(terminal: int, end: bytes) -> bytes:
    said = b""
    while not said.endswith(end):
        said += os.read(terminal, 1000)
    return said


def test_nobody_knows(office: Terminal, dovecot: Dovecot, tmp_path: Path) -> None:
    with running_https(tmp_path, {}) as https, running_dns("") as dns:
        refused = add(office, dovecot, https, "--resolver", f"127.0.0.1#{dns.port}")
    nothing = (
        "nothing says where the mail of test.example is: give --protocol and --host, and --port and --security where"
    )
    assert refused == (1, "", f"postroom: {nothing} they are not the usual ones\n")
    assert ADDRESS not in office.do("mailbox", "list").out


def test_a_wrong_password_stores_nothing(office: Terminal, dovecot: Dovecot, tmp_path: Path) -> None:
    here = document(server("imap", "localhost", str(dovecot.imaps_port)))
    with running_https(tmp_path, {"/v1.1/test.example": here}) as https:
        place = ("--autoconfig-url", f"{https.url}/v1.1/%EMAILDOMAIN%", "--ca-file", str(dovecot.ca_file))
        added = office.run("mailbox", "add", BOB, "--address", ADDRESS, "--password-stdin", *place, stdin=b"wrong\n")
    assert added.code == 1
    assert "refused the user name or the password" in added.err
    assert ADDRESS not in office.do("mailbox", "list").out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--autoconfig-url", "http://localhost/x"), 1, "autoconfig-url: 'http://localhost/x' is no https URL"),
        (("--autoconfig-url", "%EMAILDOMAIN%"), 1, "autoconfig-url: 'team.example' is no https URL"),
        (("--resolver", "dns.test.example"), 1, "resolver: expected an IP address"),
        (("--resolver", "127.0.0.1#x"), 1, "resolver: expected an IP address"),
        (("--resolver", "127.0.0.1#65536"), 1, "resolver: expected an IP address"),
        (("--resolver", "[::1"), 1, "resolver: expected an IP address"),
        (("--address", "x"), 1, "address: 'x' is not an e-mail address"),
        (("--host", "mail.test.example"), 2, "--host goes with --protocol"),
        (("--port", "993"), 2, "--port goes with --protocol"),
        (("--security", "tls"), 2, "--security goes with --protocol"),
    ],
)
def test_what_is_refused_before_anybody_is_asked(
    office: Terminal, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    refused = office.refused("mailbox", "add", BOB, "--password-stdin", *arguments, code=code, stdin=b"secret\n")
    assert sentence in refused


@pytest.mark.parametrize(
    ("user", "address", "sentence"),
    [
        ("zoe@team.example", ADDRESS, "there is no user zoe@team.example; 'postroom user list' shows them"),
        (ALICE, ADDRESS, f"{ALICE} has a mailbox already; disconnect it first"),
        (BOB, ALICE, f"the mailbox {ALICE} is connected already"),
    ],
)
def test_nobody_is_asked_for_a_user_who_cannot_have_it(
    office: Terminal, tmp_path: Path, user: str, address: str, sentence: str
) -> None:
    with running_https(tmp_path, {}) as https:
        place = ("--autoconfig-url", f"{https.url}/x", "--password-stdin")
        assert office.refused("mailbox", "add", user, "--address", address, *place, stdin=b"secret\n") == sentence
    assert https.asked == []


def test_what_only_a_lookup_has_goes_with_one(office: Terminal) -> None:
    add = ("mailbox", "add", BOB, "--protocol", "imap")
    assert "--resolver goes without --protocol" in office.refused(*add, "--resolver", "127.0.0.1", code=2)
