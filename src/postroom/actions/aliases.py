"""Further addresses of mailboxes: an administrator says that they are their owner's, never the owner alone."""

from collections.abc import Iterable

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction
from postroom.actions.errors import AlreadyThere, InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_mailbox, valid_address
from postroom.core.model import Mailbox
from postroom.storage import mailboxes, people
from postroom.storage.database import Database

_MOST = 100


def list_aliases(database: Database, mailbox: str, *, by: Actor) -> list[str]:
    """Give the further addresses of a mailbox, named by address or id. For administrators.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read the further addresses of mailboxes")
    with database.read() as connection:
        return mailboxes.aliases_of(connection, get_mailbox(connection, mailbox).id)


def set_aliases(database: Database, mailbox: str, addresses: Iterable[str], *, by: Actor, now: int) -> list[str]:
    """Set all further addresses of a mailbox, from which its owner may send. An administrator's.

    Raises NotAllowed, NotFound, AlreadyThere, InvalidInput.
    """
    require_administrator(by, "the further addresses of mailboxes")
    with database.write() as connection:
        return _set(Transaction(connection, by, now), get_mailbox(connection, mailbox), _valid(addresses))


def add_aliases(database: Database, mailbox: str, addresses: Iterable[str], *, by: Actor, now: int) -> list[str]:
    """Add further addresses to a mailbox, as `set_aliases` does; give all."""
    require_administrator(by, "the further addresses of mailboxes")
    with database.write() as connection:
        found = get_mailbox(connection, mailbox)
        there = set(mailboxes.aliases_of(connection, found.id))
        return _set(Transaction(connection, by, now), found, there | _valid(addresses))


def remove_aliases(database: Database, mailbox: str, addresses: Iterable[str], *, by: Actor, now: int) -> list[str]:
    """Take further addresses from a mailbox, each of which it must have, as `set_aliases` does; give those left."""
    require_administrator(by, "the further addresses of mailboxes")
    with database.write() as connection:
        found = get_mailbox(connection, mailbox)
        there, removed = set(mailboxes.aliases_of(connection, found.id)), _valid(addresses)
        if missing := sorted(removed - there):
            raise NotFound(f"{missing[0]} is no further address of {found.address}")
        return _set(Transaction(connection, by, now), found, there - removed)


def _valid(addresses: Iterable[str]) -> set[str]:
    return {valid_address(each, "addresses") for each in addresses}


def _set(transaction: Transaction, mailbox: Mailbox, addresses: set[str]) -> list[str]:
    if len(addresses) > _MOST:
        raise InvalidInput(f"addresses: expected at most {_MOST}")
    before, after = mailboxes.aliases_of(transaction.connection, mailbox.id), sorted(addresses)
    for address in addresses - set(before):
        _require_free(transaction.connection, mailbox, address)
    mailboxes.set_aliases(transaction.connection, mailbox.id, after)
    transaction.write_down("further addresses", f"mailbox {mailbox.address}", before, after, owner_id=mailbox.user_id)
    return after


def _require_free(connection: Connection, mailbox: Mailbox, address: str) -> None:
    """Raise AlreadyThere where an address is another user's own, in whose name nobody else shall send."""
    user, other = people.find_user(connection, address), mailboxes.find_mailbox(connection, address)
    if user is not None and user.id != mailbox.user_id:
        raise AlreadyThere(f"{address} is the address of another user")
    if other is not None:
        whose = "this mailbox itself" if other.id == mailbox.id else "another mailbox"
        raise AlreadyThere(f"{address} is the address of {whose}")
