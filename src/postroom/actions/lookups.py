"""Finding what a person names, with one sentence for each thing that is not there."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import InvalidInput, NotAllowed, NotFound, NotInitialised
from postroom.core.addresses import normalise_address
from postroom.core.model import Mailbox, Module, Record, Role, User
from postroom.core.modules import module_key
from postroom.storage import mailboxes, organisation, people, records

_ID = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_LARGEST_ID = 2**63 - 1  # what both databases hold
_PUBLIC_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[\w.~-]+)*", re.ASCII)


def parse_id(text: str) -> int | None:
    """Give the number of an id written in its one form: digits, no sign, no leading zero."""
    if not _ID.fullmatch(text):
        return None
    number = int(text)
    return number if number <= _LARGEST_ID else None


def valid_address(text: str, field: str) -> str:
    """Give an address as it compares. Raises InvalidInput naming the field."""
    address = normalise_address(text)
    if address is None:
        raise InvalidInput(f"{field}: {text!r} is not an e-mail address")
    return address


def valid_name(text: str, field: str, longest: int = 250) -> str:
    """Give a name without surrounding space. Raises InvalidInput where it is empty, too long or not one line."""
    name = text.strip()
    if not name or len(name) > longest or not name.isprintable():
        raise InvalidInput(f"{field}: expected one line of 1 to {longest} characters")
    return name


def valid_public_url(text: str) -> str:
    """Give the URL under which callers know this server. Raises InvalidInput where it is none."""
    if not _PUBLIC_URL.fullmatch(text):
        raise InvalidInput(f"public-url: {text!r} is not of the form https://HOST/PATH, without a slash at its end")
    return text


def get_organisation(connection: Connection) -> Mapping[str, Any]:
    """Give the organisation's settings. Raises NotInitialised."""
    settings = organisation.organisation_settings(connection)
    if settings is None:
        raise NotInitialised("there is no organisation yet; run 'postroom init'")
    return dict(settings)


def get_user(connection: Connection, email: str) -> User:
    """Give a user by e-mail address. Raises NotFound, InvalidInput."""
    user = people.find_user(connection, valid_address(email, "user"))
    if user is None:
        raise NotFound(f"there is no user {email}; 'postroom user list' shows them")
    return user


def get_role(connection: Connection, name: str) -> Role:
    """Give a role by name. Raises NotFound."""
    role = people.find_role(connection, name) if name.isprintable() else None  # as the names of all roles are
    if role is None:
        raise NotFound(f"there is no role {name!r}; 'postroom role list' shows them")
    return role


def get_module(connection: Connection, api_name: str) -> Module:
    """Give a module by name, in any case. Raises NotFound."""
    module = organisation.find_module(connection, api_name)
    if module is None:
        raise NotFound(f"there is no module {api_name!r}; 'postroom module list' shows them")
    return module


def get_mailbox(connection: Connection, reference: str) -> Mailbox:
    """Give a connected mailbox by address or id. Raises NotFound, InvalidInput."""
    mailbox_id = parse_id(reference)
    if mailbox_id is None:
        mailbox = mailboxes.find_mailbox(connection, valid_address(reference, "mailbox"))
    else:
        mailbox = mailboxes.find_mailbox_by_id(connection, mailbox_id)
    if mailbox is None:
        raise no_mailbox(reference)
    return mailbox


def get_mailbox_for(connection: Connection, reference: str, by: Actor) -> Mailbox:
    """Give a connected mailbox to its user or an administrator; to others it is like not there.

    Raises NotFound, InvalidInput.
    """
    mailbox = get_mailbox(connection, reference)
    if not (by.is_administrator or by.acts_for(mailbox.user_id)):
        raise no_mailbox(reference)
    return mailbox


def no_mailbox(reference: str) -> NotFound:
    """Give what is said of a mailbox that is not there, or that the caller may not know of."""
    return NotFound(f"there is no connected mailbox {reference}; 'postroom mailbox list' shows them")


def require_server(mailbox: Mailbox) -> None:
    """Raise NotAllowed for a mailbox that is fed by import."""
    if mailbox.host is None:
        raise NotAllowed(f"{mailbox.address} has no server; it is fed by 'postroom import mail'")


def get_record(connection: Connection, reference: str) -> tuple[Module, Record]:
    """Give a record by a reference such as Leads/3652397000001790004. Raises NotFound, InvalidInput."""
    module, record_id, record = find_record(connection, reference)
    if record is None:
        raise no_record(module, record_id)
    return module, record


def find_record(connection: Connection, reference: str) -> tuple[Module, int, Record | None]:
    """Give module and id that a reference names, and the record if it is there. Raises NotFound, InvalidInput."""
    api_name, _, id_text = reference.partition("/")
    record_id = parse_id(id_text)
    if record_id is None:
        raise InvalidInput(f"record: {reference!r} is not of the form Leads/3652397000001790004")
    module = get_module(connection, api_name)
    record = records.records_by_id(connection, [record_id]).get(record_id)
    return module, record_id, record if record is not None and record.module_id == module.id else None


def no_record(module: Module, record_id: int) -> NotFound:
    """Give what is said of a record that is not there."""
    return NotFound(f"there is no record {record_id} in {module.api_name}")


def shares_by_record(module: Module) -> bool:
    """Say whether mail can be shared record by record here: Leads, Contacts and custom modules (section 3)."""
    return module.is_custom or module.module_key in (module_key("Leads"), module_key("Contacts"))
