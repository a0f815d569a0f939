"""The documents that say where mail is served: what is read in them, and what strangers may do to us with them."""

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from postroom.core.model import Security
from postroom.mail import autoconfig
from postroom.mail.autoconfig import Service, Services, ask_place, read_document
from postroom.mail.server import CertificateRejected, ConnectionFailed, GuardError
from tests.servers.https import DRIP, running_https

ALICE = "alice@test.example"


def server(kind: str = "imap", host: str = "mail.test.example", port: str = "993", socket_type: str = "SSL") -> str:
    element = "outgoingServer" if kind == "smtp" else "incomingServer"
    return (
        f'<{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{socket_type}</socketType>'
        f"<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></{element}>"
    )


def document(*servers: str, before: str = "") -> bytes:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<clientConfig version="1.1"><emailProvider id="test.example">'
        f"<domain>test.example</domain>{''.join(servers)}</emailProvider></clientConfig>"
    ).encode()


GOOD = document(server())
MISLEADING = (
    "http://localhost/x",
    "file:///etc/hostname",
    "https://[x/",
    "https://.x/",
    "https://x:y/",
    "https://a@b/",
)
IMAP = Service("imap", "mail.test.example", 993, Security.TLS, ALICE)


class TestDocument:
    def test_the_first_server_of_each_kind_is_preferred(self) -> None:
        found = read_document(
            document(
                server("pop3", port="995"),
                server(),
                server("smtp", port="587", socket_type="STARTTLS"),
                server("smtp", port="465"),
            ),
            ALICE,
        )
        assert found == (
            Service("pop", "mail.test.example", 995, Security.TLS, ALICE),
            Service("smtp", "mail.test.example", 587, Security.STARTTLS, ALICE),
        )

    def test_placeholders_stand_for_the_address(self) -> None:
        name = "<username>%EMAILLOCALPART%+%EMAILDOMAIN%</username>"
        text = document(server(host="imap.%EMAILDOMAIN%")).replace(
            b"<username>%EMAILADDRESS%</username>", name.encode()
        )
        found = read_document(text, ALICE)
        assert found is not None
        assert found[0] == Service("imap", "imap.test.example", 993, Security.TLS, "alice+test.example")

    def test_an_address_is_no_placeholder(self) -> None:
        found = read_document(GOOD, "%EMAILDOMAIN%@test.example")
        assert found is not None
        assert found[0].username == "%EMAILDOMAIN%@test.example"

    def test_a_server_with_another_login_sends_nothing(self) -> None:
        other = server("smtp").replace("%EMAILADDRESS%", "%EMAILLOCALPART%")
        assert read_document(document(server(), other), ALICE) == (IMAP, None)

    @pytest.mark.parametrize(
        "unusable",
        [
            server(socket_type="plain"),
            server(socket_type=""),
            server("exchange"),
            server(port="0"),
            server(port="65536"),
            server(port="٩٩٣"),
            server(host=""),
            server(host="mail test.example"),
            server(host="mail.test.example&#10;x"),
            server(host="-mail.test.example"),
            server(host="a" * 254),
            "<incomingServer/>",
        ],
    )
    def test_what_cannot_be_used_safely_is_passed_over(self, unusable: str) -> None:
        assert read_document(document(unusable, server()), ALICE) == (IMAP, None)
        assert read_document(document(unusable), ALICE) is None

    @pytest.mark.parametrize(
        "hostile",
        [
            b"",
            b"\xff\xfe",
            b"<html><body>Not found</body></html>",
            GOOD[:-5],
            GOOD.replace(b"UTF-8", b"no-such-encoding"),
            document(server(), before="<!DOCTYPE clientConfig>"),
            document(server(host="&file;"), before='<!DOCTYPE c [<!ENTITY file SYSTEM "file:///etc/hostname">]>'),
            document(server(host="&b;"), before='<!DOCTYPE c [<!ENTITY a "mail"><!ENTITY b "&a;&a;&a;">]>'),
            document(server(host="&undeclared;")),
            document("<a>" * 20 + "</a>" * 20, server()),
            b"<a>" * 80_000,
        ],
    )
    def test_hostile_ones_say_nothing(self, hostile: bytes) -> None:
        assert read_document(hostile, ALICE) is None


class TestPlace:
    @pytest.fixture(autouse=True)
    def trusting(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))

    def test_it_is_told_what_its_url_asks_for(self, tmp_path: Path) -> None:
        with running_https(tmp_path, {"/test.example/config": GOOD}) as https:
            place = f"{https.url}/%EMAILDOMAIN%/config"
            assert ask_place(f"{place}?a=%EMAILADDRESS%", "al&ice@test.example") is not None
            assert ask_place(place, ALICE) == Services(IMAP, None, f"{https.url}/test.example/config")
            assert https.asked == ["/test.example/config?a=al%26ice%40test.example", "/test.example/config"]

    def test_it_need_not_know(self, tmp_path: Path) -> None:
        with running_https(tmp_path, {}) as https:
            assert ask_place(f"{https.url}/x", ALICE) is None

    def test_it_may_lead_elsewhere_over_https_three_times(self, tmp_path: Path) -> None:
        moved = {"/3": "/2", "/2": "/1", "/1": "/good", "/4": "/3", "/loop": "/loop", "/good": GOOD}
        with running_https(tmp_path, moved) as https:
            assert ask_place(f"{https.url}/3", ALICE) is not None
            assert ask_place(f"{https.url}/4", ALICE) is None
            assert ask_place(f"{https.url}/loop", ALICE) is None

    @pytest.mark.parametrize("elsewhere", MISLEADING)
    def test_it_leads_nowhere_else(self, tmp_path: Path, elsewhere: str) -> None:
        with running_https(tmp_path, {"/x": elsewhere}) as https, pytest.raises(GuardError):
            ask_place(f"{https.url}/x", ALICE)

    def test_a_long_document_is_not_read(self, tmp_path: Path) -> None:
        with running_https(tmp_path, {"/x": GOOD + b" " * 256 * 1024, "/y": GOOD + b" " * 255 * 1024}) as https:
            assert ask_place(f"{https.url}/x", ALICE) is None
            assert ask_place(f"{https.url}/y", ALICE) is not None

    def test_one_without_an_end_is_given_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autoconfig, "_ANSWER_SECONDS", 0.5)
        began = time.monotonic()
        with running_https(tmp_path, {"/x": DRIP}) as https, suppress(ConnectionFailed):
            assert ask_place(f"{https.url}/x", ALICE) is None
        assert time.monotonic() - began < 30

    def test_a_certificate_that_nobody_trusts_ends_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SSL_CERT_FILE")
        with running_https(tmp_path, {"/x": GOOD}) as https:
            with pytest.raises(CertificateRejected):
                ask_place(f"{https.url}/x", ALICE)
            assert https.asked == []

    def test_one_for_another_name_too(self, tmp_path: Path) -> None:
        with running_https(tmp_path, {"/x": GOOD}) as https, pytest.raises(CertificateRejected):
            ask_place(f"{https.url}/x".replace("localhost", "127.1"), ALICE)

    def test_silence_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(autoconfig, "_SILENCE", 0.2)
        with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ConnectionFailed, match="in time"):
            ask_place(f"https://localhost:{silent.getsockname()[1]}/", ALICE)

    def test_what_is_no_tls_is_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as plain:
            answering = threading.Thread(target=answer_in_the_clear, args=(plain,))
            answering.start()
            with pytest.raises(ConnectionFailed, match="does not speak TLS"):
                ask_place(f"https://localhost:{plain.getsockname()[1]}/", ALICE)
            answering.join()


def answer_in_the_clear(plain: socket.socket) -> None:
    with plain.accept()[0] as connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
