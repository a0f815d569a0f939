"""Finding the mail servers of an address.

For the command line alone: whoever asks makes this machine connect to servers that the domain of the address names.
"""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address

from postroom.actions.errors import InvalidInput, NotFound
from postroom.actions.lookups import valid_address
from postroom.mail.autoconfig import PLACES, Services, ask_place, place_url
from postroom.mail.server import GuardError, MailServerError
from postroom.mail.service_records import Nameserver, ask_records

_DNS_PORT, _LARGEST_PORT = 53, 65535


def find_servers(address: str, places: Sequence[str] = (), resolver: str | None = None) -> Services:
    """Give where the mail of an address is, by the first that knows: each place, then the records of its domain.

    `places` are URLs with the placeholders of the format, in place of the usual ones; `resolver` is the DNS server to
    ask, "ADDRESS" or "ADDRESS#PORT", in place of the system's. Raises NotFound, InvalidInput.
    """
    known = valid_address(address, "address")
    nameserver = None if resolver is None else _nameserver(resolver)
    for place in [_valid_place(each, known) for each in places] or PLACES:
        with suppress(MailServerError):  # nobody there: so nobody who knows
            found = ask_place(place, known)
            if found is not None:
                return found
    domain = known.rpartition("@")[2]
    found = ask_records(domain, nameserver)
    if found is None:
        raise NotFound(
            f"nothing says where the mail of {domain} is: give --protocol and --host, and --port and --security where"
            " they are not the usual ones"
        )
    return found


def _valid_place(place: str, address: str) -> str:
    """Give a place back. Raises InvalidInput where it is no https URL."""
    try:
        place_url(place, address)
    except GuardError as error:
        raise InvalidInput(f"autoconfig-url: {error}") from error
    return place


def _nameserver(text: str) -> Nameserver:
    """Give the DNS server that a text names. Raises InvalidInput."""
    address, _, port = text.partition("#")
    try:
        nameserver = Nameserver(str(ip_address(address)), int(port or _DNS_PORT))
    except ValueError:
        nameserver = None
    if nameserver is None or not 0 < nameserver.port <= _LARGEST_PORT:
        raise InvalidInput(f"resolver: expected an IP address, or one with #PORT, not {text!r}")
    return nameserver
