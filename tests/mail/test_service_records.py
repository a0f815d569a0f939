"""SRV records of mail servers, from a DNS server."""

import pytest

from postroom.core.model import Security
from postroom.mail import service_records
from postroom.mail.autoconfig import Service, Services
from postroom.mail.service_records import Nameserver, ask_records
from tests.servers.dns import running_dns

DOMAIN = "test.example"
IMAPS = Service("imap", "mail.test.example", 993, Security.TLS)


def asked(zone: str) -> Services | None:
    with running_dns(zone) as dns:
        return ask_records(DOMAIN, Nameserver("127.0.0.1", dns.port))


def incoming(zone: str) -> Service | None:
    found = asked(zone)
    return None if found is None else found.incoming


def test_what_is_read_and_where_it_is_sent() -> None:
    found = asked(
        "_imaps._tcp 60 IN SRV 0 1 993 mail\n_imap._tcp 60 IN SRV 0 1 143 mail\n"
        "_submission._tcp 60 IN SRV 0 1 587 smtp\n_pop3s._tcp 60 IN SRV 0 1 995 mail\n"
    )
    outgoing = Service("smtp", "smtp.test.example", 587, Security.STARTTLS)
    assert found == Services(IMAPS, outgoing, "SRV records of test.example")


@pytest.mark.parametrize(
    ("name", "protocol", "security"),
    [
        ("_imaps", "imap", Security.TLS),
        ("_imap", "imap", Security.STARTTLS),
        ("_pop3s", "pop", Security.TLS),
        ("_pop3", "pop", Security.STARTTLS),
    ],
)
def test_each_service(name: str, protocol: str, security: Security) -> None:
    assert incoming(f"{name}._tcp 60 IN SRV 5 1 4711 MAIL") == Service(protocol, "mail.test.example", 4711, security)


def test_the_lowest_priority_comes_first_among_servers_and_protocols() -> None:
    zone = "_imaps._tcp 60 IN SRV 20 9 1 second\n_imaps._tcp 60 IN SRV 10 0 993 mail\n"
    assert incoming(zone) == IMAPS
    assert incoming(f"{zone}_pop3s._tcp 60 IN SRV 5 1 995 pop\n") == Service(
        "pop", "pop.test.example", 995, Security.TLS
    )


def test_weight_shares_the_load() -> None:
    zone = "_imaps._tcp 60 IN SRV 0 60000 993 mail\n_imaps._tcp 60 IN SRV 0 0 993 other\n"
    found = [incoming(zone) for _ in range(5)]
    assert found.count(IMAPS) >= 3


def test_a_dot_says_that_a_service_is_not_offered() -> None:
    assert incoming("_imaps._tcp 60 IN SRV 0 0 0 .") is None
    zone = "_imaps._tcp 60 IN SRV 0 0 0 .\n_imap._tcp 60 IN SRV 9 0 143 mail\n_submissions._tcp 60 IN SRV 0 0 0 .\n"
    found = asked(zone)
    assert found is not None
    assert (found.incoming.port, found.outgoing) == (143, None)


@pytest.mark.parametrize("record", ["0 1 0 mail", r"0 1 993 bad\032name", "0 1 993 -mail", r"0 1 993 a\010b"])
def test_what_is_no_server_is_none(record: str) -> None:
    assert incoming(f"_imaps._tcp 60 IN SRV {record}") is None


@pytest.mark.parametrize(
    ("host", "needs_consent"),
    [
        ("mail.test.example.", False),
        ("test.example.", False),
        ("mail.evil.example.", True),
        ("eviltest.example.", True),
        ("test.example.evil.example.", True),
    ],
)
def test_a_server_of_another_domain_needs_consent(host: str, needs_consent: bool) -> None:
    found = asked(f"_imaps._tcp 60 IN SRV 0 1 993 {host}")
    assert found is not None
    assert found.needs_consent is needs_consent


def test_so_does_one_that_only_sends() -> None:
    found = asked("_imaps._tcp 60 IN SRV 0 1 993 mail\n_submissions._tcp 60 IN SRV 0 1 465 smtp.evil.example.\n")
    assert found is not None
    assert found.needs_consent


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_records, "_LIFETIME", 0.1)
    with running_dns("", silent=True) as dns:
        assert ask_records(DOMAIN, Nameserver("127.0.0.1", dns.port)) is None
        assert "_pop3._tcp.test.example." in dns.asked
