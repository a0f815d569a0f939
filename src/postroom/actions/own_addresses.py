"""The addresses from which a user may send."""

from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.errors import FieldRefused
from postroom.core.addresses import normalise_address
from postroom.core.model import User
from postroom.storage import people
from postroom.storage.database import Database
from postroom.storage.mailboxes import aliases_of, mailbox_of


class OwnAddress(NamedTuple):
    """One of them; the default one is that of the mailbox, where there is one."""

    address: str
    name: str
    is_default: bool
    mailbox_id: int | None


def list_own_addresses(database: Database, user_id: int) -> list[OwnAddress]:
    """Give the addresses of an active user."""
    with database.read() as connection:
        return own_addresses(connection, people.users_by_id(connection)[user_id])


def require_own_address(connection: Connection, user: User, address: str, field: str) -> None:
    """Raise FieldRefused, which names the field, unless a user may send from an address."""
    if not is_own_address(connection, user, address):
        raise FieldRefused("expected one of your own addresses, as from_addresses lists them", api_name=field)


def is_own_address(connection: Connection, user: User, address: str) -> bool:
    """Say whether a user may send from an address, however it is spelled."""
    return normalise_address(address) in {each.address for each in own_addresses(connection, user)}


def own_addresses(connection: Connection, user: User) -> list[OwnAddress]:
    """Give a user's addresses: those of the connected mailbox, and the user's own if it is none of them."""
    mailbox = mailbox_of(connection, user.id)
    if mailbox is None:
        return [OwnAddress(user.email, user.full_name, True, None)]
    addresses = [mailbox.address, *aliases_of(connection, mailbox.id)]
    found = [OwnAddress(each, user.full_name, each == mailbox.address, mailbox.id) for each in addresses]
    if user.email not in addresses:
        found.append(OwnAddress(user.email, user.full_name, False, None))
    return found
