"""A conversation with a submission server: where it breaks off decides what became of the message."""

import base64
import socket
import time
from pathlib import Path

import pytest

from postroom.core.model import Security
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
from postroom.mail.smtp import MessageRefused, OutcomeUnknown, Refusal, send_message
from tests.mail.smtp_lines import Answer, Conversation, smtp_lines
from tests.servers.certificate import write_certificate
from tests.servers.smtp import PASSWORD, running_smtp

ALICE, CUSTOMER = "alice@team.example", "boyle@customer.example"
LOGIN = Login("alice", PASSWORD)
RAW = b"Subject: Hello\r\n\r\n.\r\n..\r\nText\r\n"


class Sending:
    """Sends one message, and knows whether its text was about to go out."""

    def __init__(self) -> None:
        self.came_to_text = False

    def __call__(
        self,
        port: int,
        *recipients: str,
        security: Security = Security.NONE,
        login: Login = LOGIN,
        raw: bytes = RAW,
        timeout: float = 10,
    ) -> list[Refusal]:
        server = Server("127.0.0.1", port, security)
        return send_message(server, login, ALICE, recipients or [CUSTOMER], raw, self._before_text, timeout)

    def _before_text(self) -> None:
        self.came_to_text = True


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    write_certificate(folder)
    return folder


@pytest.fixture
def send() -> Sending:
    return Sending()


def hang_up(_conversation: Conversation) -> None:
    """Break the connection."""


def drip(conversation: Conversation) -> None:
    """Answer without end."""
    try:
        while True:
            conversation.wfile.write(b"250-wait\r\n")
            time.sleep(0.05)
    except OSError:
        return


class TestText:
    def test_comes_as_it_is(self, send: Sending) -> None:
        with running_smtp() as smtp:
            assert send(smtp.port) == []
            (envelope,) = smtp.script.received
        assert envelope.content == RAW
        assert (envelope.mail_from, envelope.rcpt_tos) == (ALICE, [CUSTOMER])

    @pytest.mark.parametrize("text", [b"x", b"\r\n", b".", b".\r\n", b"a\r\n.\r\nRCPT TO:<evil@x.example>\r\n"])
    def test_cannot_end_before_its_end(self, send: Sending, text: bytes) -> None:
        with smtp_lines() as server:
            send(server.port, raw=text)
        sent = b"".join(server.lines).partition(b"DATA\r\n")[2]
        assert sent.index(b"\r\n.\r\n") == len(sent) - len(b"\r\n.\r\nquit\r\n")

    def test_a_large_one(self, send: Sending) -> None:
        with smtp_lines() as server:
            send(server.port, raw=b"x" * 70 + b"\r\n" + b"y" * 9_000_000)
        assert sum(map(len, server.lines)) > 9_000_000


class TestProtected:
    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
    def test_and_the_certificate_is_looked_at(
        self, send: Sending, certificate: Path, security: Security, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with running_smtp(certificate, tls=security is Security.TLS) as smtp:
            with pytest.raises(CertificateRejected):
                send(smtp.port, security=security)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
            assert send(smtp.port, security=security) == []
        assert len(smtp.script.received) == 1

    def test_no_password_is_sent_without(self, send: Sending, certificate: Path) -> None:
        with running_smtp(certificate) as smtp, pytest.raises(AuthenticationFailed, match="use tls or starttls"):
            send(smtp.port)
        with smtp_lines() as server, pytest.raises(ConnectionFailed, match="no STARTTLS"):
            send(server.port, security=Security.STARTTLS)
        assert not any(line.startswith(b"AUTH") for line in server.lines)


TOKEN = Login("alice", "an-access-token", is_token=True)


class TestAccessToken:
    @pytest.mark.parametrize(
        ("offered", "sent"),
        [
            (b"PLAIN XOAUTH2", b"user=alice\x01auth=Bearer an-access-token\x01\x01"),
            (b"XOAUTH2 OAUTHBEARER", b"n,a=alice,\x01auth=Bearer an-access-token\x01\x01"),
        ],
    )
    def test_is_sent_by_the_best_mechanism(self, send: Sending, offered: bytes, sent: bytes) -> None:
        with smtp_lines({b"EHLO": b"250-x\r\n250 AUTH " + offered + b"\r\n"}) as server:
            assert send(server.port, login=TOKEN) == []
        (line,) = [line for line in server.lines if line.startswith(b"AUTH ")]
        assert base64.b64decode(line.split()[2]) == sent

    def test_that_is_refused_is_told_nowhere(self, send: Sending) -> None:
        why = base64.b64encode(b'{"status": "400"}')
        answers: dict[bytes, Answer] = {
            b"EHLO": b"250-x\r\n250 AUTH XOAUTH2\r\n",
            b"AUTH": b"334 " + why + b"\r\n",
            b"AQ==": b"535 an-access-token is wrong\r\n",
        }
        with smtp_lines(answers) as server, pytest.raises(AuthenticationFailed) as caught:
            send(server.port, login=TOKEN)
        assert "refused the access token of alice" in str(caught.value)
        assert "an-access-token" not in str(caught.value)
        assert not send.came_to_text

    def test_is_not_sent_where_none_is_taken(self, send: Sending) -> None:
        with smtp_lines({b"EHLO": b"250-x\r\n250 AUTH PLAIN\r\n"}) as server, pytest.raises(AuthenticationFailed):
            send(server.port, login=TOKEN)
        assert not [line for line in server.lines if line.startswith(b"AUTH")]


class TestBeforeTheText:
    """Nothing was sent, whatever went wrong."""

    @pytest.mark.parametrize(
        ("answers", "error", "words"),
        [
            ({b"EHLO": hang_up}, ConnectionFailed, "ended the connection"),
            ({b"EHLO": b"hello\r\n"}, MailServerError, ""),
            ({b"EHLO": b"250-x\r\n250 AUTH XOAUTH2\r\n"}, AuthenticationFailed, "takes no password"),
            ({b"EHLO": b"250-x\r\n250 AUTH\r\n"}, AuthenticationFailed, "takes no password"),
            ({b"AUTH": b"535 secret is wrong\r\n"}, AuthenticationFailed, "refused the user name"),
            ({b"AUTH": b"454 later\r\n"}, Throttled, "cannot let alice in now"),
            ({b"AUTH": b"334 ***\r\n"}, MailServerError, ""),
            ({b"AUTH": hang_up}, ConnectionFailed, "ended the connection"),
            (
                {b"EHLO": b"250-x\r\n250 AUTH CRAM-MD5\r\n", b"AUTH": b"334 A\r\n"},
                AuthenticationFailed,
                "",
            ),
            ({b"MAIL": b"550 Not \x00\xff\x1byou\r\n"}, MessageRefused, "550 Not"),
            ({b"MAIL": b"\r\n"}, MessageRefused, ""),
            ({b"MAIL": b"x" * 9000 + b"\r\n"}, ConnectionFailed, "Line too long"),
            ({b"RCPT": hang_up}, ConnectionFailed, "ended the connection"),
        ],
    )
    def test_what_goes_wrong(
        self, send: Sending, answers: dict[bytes, Answer], error: type[MailServerError], words: str
    ) -> None:
        with smtp_lines(answers) as server, pytest.raises(error) as caught:
            send(server.port, timeout=1)
        assert words in str(caught.value)
        assert PASSWORD not in str(caught.value)
        assert str(caught.value).isprintable()
        assert not send.came_to_text
        assert b"DATA\r\n" not in server.lines

    def test_a_server_that_is_away_or_says_nothing(self, send: Sending) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ConnectionFailed):
            send(silent.getsockname()[1], timeout=0.2)
        with pytest.raises(ConnectionFailed, match="cannot be reached"):
            send(1)

    def test_a_server_that_keeps_talking_is_left(self, send: Sending) -> None:
        with smtp_lines({b"RCPT": drip}) as server, pytest.raises(ConnectionFailed):
            send(server.port, timeout=0.2)
        assert not send.came_to_text

    @pytest.mark.parametrize("evil", ["a\r\nRCPT TO:<b@x.example>", "a\nb", "a\0b", "a b", "a>b", "ü@x.example"])
    def test_addresses_cannot_end_a_command(self, send: Sending, evil: str) -> None:
        with smtp_lines() as server, pytest.raises(GuardError):
            send(server.port, evil)
        assert server.lines == []

    def test_a_password_of_other_letters(self, send: Sending) -> None:
        with smtp_lines() as server, pytest.raises(AuthenticationFailed):
            send(server.port, login=Login("alice", "geheimnis-\N{SNOWMAN}"))

    def test_refused_recipients(self, send: Sending) -> None:
        """The text goes out if anybody takes it."""
        with running_smtp() as smtp:
            smtp.script.recipients = {"gone@x.example": "550 No such user", "later@x.example": "451 Later"}
            assert send(smtp.port, "gone@x.example", CUSTOMER, "later@x.example") == [
                Refusal("gone@x.example", "550 No such user", is_temporary=False),
                Refusal("later@x.example", "451 Later", is_temporary=True),
            ]
            assert len(send(smtp.port, "gone@x.example")) == 1
        assert len(smtp.script.received) == 1

    @pytest.mark.parametrize("answer", [b"451 Later\r\n", b"250 OK\r\n", b"hello\r\n"])
    def test_whoever_does_not_ask_for_the_text_has_not_got_it(self, send: Sending, answer: bytes) -> None:
        with smtp_lines({b"DATA": answer}) as server, pytest.raises(MessageRefused):
            send(server.port)
        assert not any(b"Hello" in line for line in server.lines)

    def test_whoever_hangs_up_instead_has_not_got_it(self, send: Sending) -> None:
        with smtp_lines({b"DATA": hang_up}) as server, pytest.raises(ConnectionFailed):
            send(server.port)


class TestAfterTheText:
    def test_a_refusal_is_one(self, send: Sending) -> None:
        for answer, is_temporary in ((b"554 Spam\r\n", False), (b"452 Full\r\n", True)):
            with smtp_lines({b".": answer}) as server, pytest.raises(MessageRefused) as caught:
                send(server.port)
            assert caught.value.is_temporary == is_temporary

    @pytest.mark.parametrize("answer", [hang_up, b"hello\r\n", b"354 more\r\n", b"x" * 9000 + b"\r\n"])
    def test_without_a_clear_answer_nobody_knows(self, send: Sending, answer: Answer) -> None:
        with smtp_lines({b".": answer}) as server, pytest.raises(OutcomeUnknown, match="did not say"):
            send(server.port)

    def test_a_connection_that_breaks_within_the_text_has_sent_nothing(self, send: Sending) -> None:
        """Without its end no server may take a message (RFC 5321, section 4.1.1.4)."""

        def read_a_little(conversation: Conversation) -> None:
            conversation.wfile.write(b"354 Go on\r\n")
            conversation.rfile.read(1000)

        with smtp_lines({b"DATA": read_a_little}) as server, pytest.raises(ConnectionFailed):
            send(server.port, raw=b"y" * 30_000_000)
        assert send.came_to_text
