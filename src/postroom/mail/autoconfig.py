"""Where the mail of an address is served, by the documents that domains and the ISPDB publish for mail programs.

The format is the one of draft-ietf-mailmaint-autoconfig ("clientConfig", version 1.1). Documents are asked for over
HTTPS alone, with a verified certificate and no password. Whoever writes one is a stranger: its length, its depth and
the time that it takes are limited, and one with a document type, without which there are no entities, is refused.
"""

import re
import socket
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from postroom.core.model import Security
from postroom.mail.server import ConnectionFailed, GuardError, Server, connection_errors, hung_up_after

PLACES = (  # the domain itself before others, who are told the domain alone
    "https://autoconfig.%EMAILDOMAIN%/mail/config-v1.1.xml?emailaddress=%EMAILADDRESS%",
    "https://%EMAILDOMAIN%/.well-known/autoconfig/mail/config-v1.1.xml",
    "https://autoconfig.thunderbird.net/v1.1/%EMAILDOMAIN%",
)
_LONGEST_DOCUMENT = 256 * 1024  # bytes
_DEEPEST = 16  # elements within each other; the format has five
_SILENCE, _ANSWER_SECONDS = 5, 10  # seconds without a byte, and for a whole answer
_REDIRECTS = 3
_PORT = 443
_OK, _MOVED = 200, {301, 302, 303, 307, 308}  # RFC 9110, section 15
_INCOMING = {"imap": "imap", "pop3": "pop"}
_OUTGOING = {"smtp": "smtp"}
_SECURITY = {"SSL": Security.TLS, "STARTTLS": Security.STARTTLS}  # and never "plain": a stranger says it
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PORT_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LARGEST_PORT = 65535


class Service(NamedTuple):
    """A server of one protocol (imap, pop or smtp); without a user name one logs in by the address."""

    protocol: str
    host: str
    port: int
    security: Security
    username: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port} ({self.protocol}, {self.security})"


@dataclass(frozen=True, slots=True)
class Services:
    """Where mail is read, and sent where that is known; `source` says who said so.

    Where it `needs_consent`, a person has to agree before a password goes there.
    """

    incoming: Service
    outgoing: Service | None
    source: str
    needs_consent: bool = False


def ask_place(place: str, address: str) -> Services | None:
    """Give what the document at a place says of an address; None where it says nothing that is usable.

    `place` is a URL in which the placeholders of the format are replaced. Raises a MailServerError.
    """
    url = place_url(place, address)
    document = _fetch(url)
    found = None if document is None else read_document(document, address)
    return None if found is None else Services(*found, source=url.partition("?")[0])


def place_url(place: str, address: str) -> str:
    """Give the URL that a place is for an address. Raises GuardError where that is none over TLS."""
    values = {name: quote(value, safe="") for name, value in _placeholders(address).items()}
    return _check_url(_filled(place, values))


def read_document(document: bytes, address: str) -> tuple[Service, Service | None] | None:
    """Give the incoming server that a document prefers, and the outgoing one with the same login, if there is one.

    None where it names no server that is usable.
    """
    parser = ET.XMLParser(target=_Tree())  # noqa: S314 (_Tree refuses the document type, without which nothing expands)
    try:
        parser.feed(document)
        root = parser.close()
    except (ET.ParseError, LookupError, ValueError):  # LookupError: an encoding that there is not
        return None
    incoming = next(_services(root, "incomingServer", _INCOMING, address), None)
    if incoming is None:
        return None
    outgoing = _services(root, "outgoingServer", _OUTGOING, address)
    return incoming, next((each for each in outgoing if each.username == incoming.username), None)


def is_host(text: str) -> bool:
    """Say whether a text is a host name in ASCII (RFC 1123, section 2.1)."""
    return _HOST.fullmatch(text) is not None


class _Tree(ET.TreeBuilder):
    """Builds the tree of a document that has no type and is not deep."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def doctype(self, *_declared: object) -> None:
        """Refuse what could declare entities. Raises ValueError."""
        raise ValueError("a document type")

    def start(self, tag: str, attrs: dict[str, str], /) -> ET.Element:
        """Begin an element. Raises ValueError."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError("too deep")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> ET.Element:
        """End an element."""
        self._depth -= 1
        return super().end(tag)


def _services(root: ET.Element, kind: str, protocols: Mapping[str, str], address: str) -> Iterator[Service]:
    """Yield the servers that are usable, in the order of the document, which is that of preference."""
    for element in root.iterfind(f"emailProvider/{kind}"):
        protocol = protocols.get(element.get("type", ""))
        security = _SECURITY.get(_text(element, "socketType", address))
        host, port = _text(element, "hostname", address).lower(), _text(element, "port", address)
        if protocol and security and is_host(host) and _PORT_NUMBER.fullmatch(port) and int(port) <= _LARGEST_PORT:
            yield Service(protocol, host, int(port), security, _text(element, "username", address) or address)


def _text(element: ET.Element, name: str, address: str) -> str:
    return _filled(element.findtext(name, "").strip(), _placeholders(address))


def _placeholders(address: str) -> dict[str, str]:
    local, _, domain = address.rpartition("@")
    return {"%EMAILADDRESS%": address, "%EMAILLOCALPART%": local, "%EMAILDOMAIN%": domain}


def _filled(text: str, values: Mapping[str, str]) -> str:
    """Replace the placeholders, once: an address that looks like one stays as it is."""
    return re.sub("%EMAIL[A-Z]+%", lambda found: values.get(found[0], found[0]), text)


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # brackets that are not closed, or a port that is no number
        parts, host = urlsplit(""), ""
    if parts.scheme != "https" or parts.username is not None or not is_host(host) or not url.isascii():
        raise GuardError(f"{url!r} is no https URL: give one.")
    return url


def _moved(url: str, location: str) -> str:
    """Give where a redirect leads. Raises GuardError."""
    try:
        return _check_url(urljoin(url, location))
    except ValueError as error:
        raise GuardError(f"{url} leads to no https URL: ask elsewhere.") from error


def _fetch(url: str) -> bytes | None:
    """Give a document, from where redirects lead; None where there is none. Raises a MailServerError."""
    for _ in range(_REDIRECTS + 1):
        status, location, body = _get(url)
        if status not in _MOVED or location is None:
            return body if status == _OK and len(body) <= _LONGEST_DOCUMENT else None
        url = _moved(url, location)
    return None


def _get(url: str) -> tuple[int, str | None, bytes]:
    """Give status, Location and body of an answer; the body goes one byte beyond the limit at most."""
    parts = urlsplit(url)
    server = Server(parts.hostname or "", parts.port or _PORT, Security.TLS)
    with connection_errors(server):
        plain = socket.create_connection((server.host, server.port), _SILENCE)
        with (
            server.tls().wrap_socket(plain, server_hostname=server.host, do_handshake_on_connect=False) as tls,
            hung_up_after(tls, _ANSWER_SECONDS),
        ):
            tls.do_handshake()
            connection = HTTPSConnection(server.host, server.port)
            connection.sock = tls
            try:
                connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
                with connection.getresponse() as answer:
                    return answer.status, answer.headers["Location"], answer.read(_LONGEST_DOCUMENT + 1)
            except HTTPException as error:
                raise ConnectionFailed(f"{server} does not speak HTTP as expected: check the URL.") from error
