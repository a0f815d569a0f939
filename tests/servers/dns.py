"""A DNS server on the loopback interface, which answers from a zone file."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.zone


class DnsServer(socketserver.UDPServer):
    """Keeps which names it was asked for; a silent one never answers."""

    def __init__(self, zone: str, origin: str, *, silent: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Question)
        self.zone = dns.zone.from_text(zone, origin, relativize=False, check_origin=False)
        self.silent = silent
        self.asked: list[str] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Question(socketserver.BaseRequestHandler):
    server: DnsServer

    def handle(self) -> None:
        datagram, answering = self.request
        question = dns.message.from_wire(datagram)
        (asked,) = question.question
        self.server.asked.append(asked.name.to_text())
        if self.server.silent:
            return
        answer = dns.message.make_response(question, recursion_available=True)
        found = self.server.zone.get_rrset(asked.name, asked.rdtype)
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            answer.answer.append(found)
        answering.sendto(answer.to_wire(), self.client_address)


@contextmanager
def running_dns(zone: str, origin: str = "test.example", *, silent: bool = False) -> Iterator[DnsServer]:
    """Serve the records of a zone file on a free port."""
    with DnsServer(zone, origin, silent=silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
