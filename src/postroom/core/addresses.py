"""E-mail addresses as they compare: case-insensitively, domains in IDNA form."""

import re
import unicodedata

import idna

MAX_ADDRESS_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, as corrected by erratum 1690
_LONGEST_TEXT = 4 * MAX_ADDRESS_LENGTH  # what is longer is no address in any form, and would take long to fold
_NO_LOCAL_PART = '""'  # an empty quoted string: normalised addresses have no quotes
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f\ud800-\udfff<>,;:\"()\[\]\\@]")
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")


def normalise_address(text: str) -> str | None:
    """Give the form in which an address is compared, or None if `text` is not an address.

    Quoted local parts are refused: no mailbox of a customer has one, and forged mail does.
    """
    if len(text) > _LONGEST_TEXT:
        return None
    local, _, domain = text.strip().rpartition("@")
    local = unicodedata.normalize("NFC", local.lower())  # in this order: lower case can decompose
    if not local or _FORBIDDEN.search(local):
        return None
    ascii_domain = normalise_domain(domain)
    if ascii_domain is None or len(local) + 1 + len(ascii_domain) > MAX_ADDRESS_LENGTH:
        return None
    return f"{local}@{ascii_domain}"


def sendable_address(text: str) -> str | None:
    """Give an address as it is sent to, its local part as it is written; None where it is none, or not in ASCII.

    Few servers take another local part (RFC 6531); a domain has its A-label form.
    """
    local, _, domain = text.strip().rpartition("@")
    if normalise_address(text) is None or not local.isascii():
        return None
    return f"{local}@{normalise_domain(domain)}"


def stand_in(text: str) -> str | None:
    """Give what stands for an address that cannot be compared: it is no record's, and its domain can be excluded.

    None if `text` has no domain either.
    """
    domain = normalise_domain(text.rpartition("@")[2]) if "@" in text else None
    return None if domain is None else f"{_NO_LOCAL_PART}@{domain}"


def is_stand_in(address: str) -> bool:
    """Say whether `stand_in` gave it."""
    return address.startswith(f"{_NO_LOCAL_PART}@")


def normalise_domain(text: str) -> str | None:
    """Give a domain's A-label form in lower case (RFC 5891), or None if `text` is not a domain."""
    if len(text) > _LONGEST_TEXT:
        return None
    domain = text.strip().rstrip(".").lower()
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except UnicodeError:  # idna.IDNAError is one
            return None
    return domain if _DOMAIN.fullmatch(domain) else None


def domain_of(address: str) -> str:
    """Give the domain of a normalised address."""
    return address.rpartition("@")[2]


def domain_key(domain: str) -> str:
    """Give a domain from the top down (`example.mail.`), so that its key begins those of its subdomains."""
    return "".join(f"{label}." for label in reversed(domain.split(".")))


def domain_of_key(key: str) -> str:
    """Give the domain whose key it is."""
    return ".".join(reversed(key.removesuffix(".").split(".")))


def covers(domain: str, other: str) -> bool:
    """Say whether a domain is another one or above it."""
    return other == domain or other.endswith(f".{domain}")
