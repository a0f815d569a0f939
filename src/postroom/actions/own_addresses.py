"""The addresses from which a user may send."""

from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.errors import FieldRefused
from postroom.core.addresses import normalise_address
from postroom.core.model import User
from postroom.storage import people
from postroom.storage.database import Database
from postroom.storage.mailboxes import mailbox_of


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
    if normalise_address(address) not in {each.address for each in own_addresses(connection, user)}:
        raise FieldRefused("expected one of your own addresses, as from_addresses lists them", api_name=field)


def own_addresses(connection: Connection, user: User) -> list[OwnAddress]:
    """Give a user's addresses: that of the connected mailbox, and the user's own if it is another one."""
    mailbox = mailbox_of(connection, user.id)
    found = [] if mailbox is None else [OwnAddress(mailbox.address, user.full_name, True, mailbox.id)]
    if mailbox is None or mailbox.address != user.email:
        found.append(OwnAddress(user.email, user.full_name, mailbox is None, None))
    return found
