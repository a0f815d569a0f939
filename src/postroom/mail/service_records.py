"""Where the mail of a domain is served, by its SRV records (RFC 6186; RFC 8314, section 5.1)."""

from contextlib import suppress
from typing import NamedTuple

from dns.exception import DNSException
from dns.rdtypes.IN.SRV import SRV
from dns.resolver import Resolver

from postroom.core.model import Security
from postroom.mail.autoconfig import Service, Services, is_host

_LIFETIME = 3  # seconds for each answer; six are asked for
# In the order of preference where the domain has none. What may be plain is used with STARTTLS, or not at all.
_INCOMING = {
    "_imaps": ("imap", Security.TLS),
    "_imap": ("imap", Security.STARTTLS),
    "_pop3s": ("pop", Security.TLS),
    "_pop3": ("pop", Security.STARTTLS),
}
_OUTGOING = {"_submissions": ("smtp", Security.TLS), "_submission": ("smtp", Security.STARTTLS)}


class Nameserver(NamedTuple):
    """A DNS server to ask in place of the system's, by IP address."""

    address: str
    port: int


def ask_records(domain: str, nameserver: Nameserver | None) -> Services | None:
    """Give what the records of a domain (in A-labels) say; None where they say nothing, or nobody answers.

    Nobody signs the answer. So a person has to agree to a server of another domain (RFC 6186, section 6).
    """
    with suppress(DNSException):  # the system has no resolver
        resolver = _resolver(nameserver)
        incoming = _preferred(resolver, domain, _INCOMING)
        if incoming is not None:
            outgoing = _preferred(resolver, domain, _OUTGOING)
            hosts = [each.host for each in (incoming, outgoing) if each is not None]
            is_foreign = not all(host == domain or host.endswith(f".{domain}") for host in hosts)
            return Services(incoming, outgoing, f"SRV records of {domain}", needs_consent=is_foreign)
    return None


def _resolver(nameserver: Nameserver | None) -> Resolver:
    resolver = Resolver(configure=nameserver is None)
    if nameserver is not None:
        resolver.nameservers, resolver.port = [nameserver.address], nameserver.port
    resolver.lifetime = _LIFETIME
    return resolver


def _preferred(resolver: Resolver, domain: str, names: dict[str, tuple[str, Security]]) -> Service | None:
    """Give the service of the lowest priority, which may compare protocols too (RFC 6186, section 3.4)."""
    offered: list[tuple[int, int, Service]] = []
    for name, (protocol, security) in names.items():
        record = _record(resolver, f"{name}._tcp.{domain}.")
        if record is not None:
            service = Service(protocol, _host(record), record.port, security)
            offered.append((record.priority, len(offered), service))
    return min(offered)[2] if offered else None


def _record(resolver: Resolver, name: str) -> SRV | None:
    """Give the record to use, by priority and weight (RFC 2782); None where the service is not offered.

    The target "." says so; whatever else is no host name counts for nothing.
    """
    try:
        answer = resolver.resolve(name, "SRV", search=False)
    except DNSException:
        return None
    records = [each for each in answer.rrset.processing_order() if isinstance(each, SRV)] if answer.rrset else []
    return next((each for each in records if is_host(_host(each)) and each.port), None)


def _host(record: SRV) -> str:
    name: str = record.target.to_text(omit_final_dot=True)
    return name.lower()
