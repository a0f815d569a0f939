"""Logging in to a POP3 server: with TLS or as asked, never by a second command, and no secret is told."""

import base64
import logging
import re
import socket
import traceback
import uuid

import pytest

from postroom.core.model import Security
from postroom.mail.pop_connection import pop_connection
from postroom.mail.server import (
    AuthenticationFailed,
    CertificateRejected,
    ConnectionFailed,
    GuardError,
    Login,
    MailServerError,
    Server,
    Throttled,
)
from tests.mail.pop_loopback import pop_loopback
from tests.servers.dovecot import Dovecot

MAIL = b"From: lead@customer.example\r\nTo: alice@test.example\r\nSubject: Offer\r\n\r\nHello\r\n"
SASL = b"+OK\r\nSASL PLAIN LOGIN\r\nUSER\r\nUIDL\r\n."


@pytest.fixture
def alice() -> str:
    """Alice has a fresh mailbox in each test."""
    return f"alice-{uuid.uuid4().hex}@test.example"


@pytest.fixture
def authority(dovecot: Dovecot) -> str:
    """The server's own authority."""
    return dovecot.ca_file.read_text()


def refusal(server: Server, username: str, password: str, timeout: float = 5) -> MailServerError:
    with pytest.raises(MailServerError) as caught, pop_connection(server, Login(username, password), timeout):
        pass
    return caught.value


@pytest.mark.parametrize(
    ("port", "security"),
    [("pops_port", Security.TLS), ("pop_port", Security.STARTTLS), ("pop_port", Security.NONE)],
)
def test_mail_is_there_behind_each_security(
    dovecot: Dovecot, authority: str, alice: str, port: str, security: Security
) -> None:
    dovecot.deliver(alice, MAIL)
    server = Server(dovecot.host, getattr(dovecot, port), security, authority)
    with pop_connection(server, Login(alice, "secret"), 10) as client:
        assert client.stat()[0] == 1
        _, lines, _ = client.retr(1)
        assert b"Hello" in lines
    with pop_connection(server, Login(alice, "secret"), 10) as client:
        assert client.stat()[0] == 1


@pytest.mark.parametrize(("port", "security"), [("pops_port", Security.TLS), ("pop_port", Security.STARTTLS)])
def test_a_certificate_of_an_unknown_authority_is_refused(
    dovecot: Dovecot, alice: str, monkeypatch: pytest.MonkeyPatch, port: str, security: Security
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    error = refusal(Server(dovecot.host, getattr(dovecot, port), security), alice, "secret")
    assert isinstance(error, CertificateRejected)
    assert "--ca-file" in str(error)


def test_a_certificate_for_another_name_is_refused(dovecot: Dovecot, authority: str, alice: str) -> None:
    error = refusal(Server("127.1", dovecot.pops_port, Security.TLS, authority), alice, "secret")
    assert isinstance(error, CertificateRejected)


def test_a_wrong_password_is_refused_and_told_nowhere(
    dovecot: Dovecot, authority: str, alice: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = uuid.uuid4().hex
    error = refusal(Server(dovecot.host, dovecot.pops_port, Security.TLS, authority), alice, password)
    assert isinstance(error, AuthenticationFailed)
    assert alice in str(error)
    assert password not in caplog.text + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("command", [b"PASS", b"AUTH"])
def test_a_server_that_repeats_the_password_is_not_quoted(command: bytes) -> None:
    password = uuid.uuid4().hex
    answers = {command: b"-ERR no such password: " + password.encode()}
    with pop_loopback(answers | ({b"CAPA": SASL} if command == b"AUTH" else {})) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", password)
    assert isinstance(error, AuthenticationFailed)
    assert password not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("password", ['with blank and "quotes" and \\', "Straße", "p" * 2000])
def test_any_name_and_password_reach_the_server_whole(password: str) -> None:
    name = "al ice é"
    with pop_loopback({b"CAPA": SASL, b"AUTH PLAIN\r": b"+ "}) as server:
        here = Server("127.0.0.1", server.port, Security.NONE)
        with pop_connection(here, Login(name, password), 2):
            pass
    sent = server.lines[server.lines.index(b"AUTH PLAIN\r\n") + 1]
    assert base64.b64decode(sent).decode() == f"\0{name}\0{password}"
    assert server.lines[-1] == b"QUIT\r\n"


def test_an_old_server_gets_user_and_pass() -> None:
    with pop_loopback({}) as server:
        here = Server("127.0.0.1", server.port, Security.NONE)
        with pop_connection(here, Login("alice", "Straße"), 2):
            pass
    assert server.lines[1:3] == [b"USER alice\r\n", "PASS Straße\r\n".encode()]


@pytest.mark.parametrize(
    ("answer", "kind", "sentence"),
    [
        (b"-ERR [IN-USE] locked", Throttled, "cannot let alice in now: try later"),
        (b"-ERR [LOGIN-DELAY] wait", Throttled, "cannot let alice in now: try later"),
        (b"-ERR [sys/temp] wait", Throttled, "cannot let alice in now: try later"),
        (b"-ERR [SYS/PERM] not enabled for POP", AuthenticationFailed, "enable it in the settings"),
        (b"-ERR [AUTH] no", AuthenticationFailed, "refused the user name or the password of alice"),
        (b"-ERR", AuthenticationFailed, "refused the user name or the password of alice"),
        (b"\xff\xfe", ConnectionFailed, "ended the connection"),
        (b"hang up", ConnectionFailed, "ended the connection"),
        (b"-ERR " + b"x" * 5000, ConnectionFailed, "ended the connection"),
    ],
)
def test_what_a_refusal_means_is_said(answer: bytes, kind: type[MailServerError], sentence: str) -> None:
    with pop_loopback({b"PASS": answer}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert isinstance(error, kind), error
    assert re.search(sentence, str(error))


@pytest.mark.parametrize(
    ("port_of", "security", "sentence"),
    [
        ("pop_port", Security.TLS, "does not speak TLS as expected"),
        ("pops_port", Security.NONE, "did not answer in time"),
        ("nobody", Security.TLS, "cannot be reached \\(Connection refused\\)"),
    ],
)
def test_a_wrong_port_or_security_says_what_to_check(
    dovecot: Dovecot, alice: str, port_of: str, security: Security, sentence: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        free = nobody.getsockname()[1]
    error = refusal(Server("localhost", getattr(dovecot, port_of, free), security), alice, "secret", timeout=0.5)
    assert isinstance(error, ConnectionFailed)
    assert re.search(sentence + ".*: check .*port", str(error))


def test_a_host_that_does_not_exist() -> None:
    error = refusal(Server("no-such-host.invalid", 995, Security.TLS), "alice", "secret")
    assert isinstance(error, ConnectionFailed)
    assert "was not found" in str(error)


def test_a_greeting_that_is_none() -> None:
    with pop_loopback({}, greeting=b"* OK this is IMAP") as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert isinstance(error, ConnectionFailed)
    assert "this is IMAP" in str(error)


def test_a_server_without_stls_gets_no_password() -> None:
    with pop_loopback({b"CAPA": SASL}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.STARTTLS), "alice", "secret")
    assert isinstance(error, ConnectionFailed)
    assert "STLS" in str(error)
    assert server.lines == [b"CAPA\r\n"]


def test_a_server_that_wants_encryption_gets_no_password_without() -> None:
    with pop_loopback({b"CAPA": b"+OK\r\nSTLS\r\nSASL\r\n."}) as server:
        error = refusal(Server("127.0.0.1", server.port, Security.NONE), "alice", "secret")
    assert isinstance(error, AuthenticationFailed)
    assert "use tls or starttls" in str(error)
    assert server.lines == [b"CAPA\r\n"]


@pytest.mark.parametrize("text", ["\r\nDELE 1", "\nDELE 1", "\rDELE 1", "\x00"])
@pytest.mark.parametrize("place", ["host", "username", "password"])
def test_no_argument_can_carry_a_second_command(text: str, place: str) -> None:
    with pop_loopback({}) as server:
        values = {"host": "127.0.0.1", "username": "alice", "password": "secret"}
        values[place] += text
        error = refusal(Server(values["host"], server.port, Security.NONE), values["username"], values["password"])
    assert isinstance(error, GuardError)
    assert server.lines == []
