"""Users' mailboxes."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, true, update

from postroom.core.model import Mailbox, MailboxState
from postroom.storage.mailbox_sync import insert_sync
from postroom.storage.schema import copies, mailbox_aliases, mailboxes


def insert_mailbox(connection: Connection, mailbox: Mailbox) -> None:
    """Add a mailbox, to be read at once; the database refuses a second one that is connected."""
    connection.execute(insert(mailboxes).values(**{name: getattr(mailbox, name) for name in mailbox.__slots__}))
    insert_sync(connection, mailbox)


def find_mailbox(connection: Connection, address: str) -> Mailbox | None:
    """Give the connected mailbox of that address (normalised)."""
    return _connected(connection, mailboxes.c.address == address)


def find_mailbox_by_id(connection: Connection, mailbox_id: int) -> Mailbox | None:
    """Give the connected mailbox of that id."""
    return _connected(connection, mailboxes.c.id == mailbox_id)


def mailbox_of(connection: Connection, user_id: int) -> Mailbox | None:
    """Give a user's connected mailbox."""
    return _connected(connection, mailboxes.c.user_id == user_id)


def mailbox_by_id(connection: Connection, mailbox_id: int) -> Mailbox | None:
    """Give the connected mailbox with that id."""
    return _connected(connection, mailboxes.c.id == mailbox_id)


def is_server_known(
    connection: Connection, protocol: str, host: str, port: int, security: str, ca_certificates: str | None
) -> bool:
    """Say whether a connected mailbox is at this server, in the same way."""
    known = select(mailboxes.c.id).where(
        mailboxes.c.protocol == protocol,
        mailboxes.c.host == host,
        mailboxes.c.port == port,
        mailboxes.c.security == security,
        mailboxes.c.ca_certificates.is_not_distinct_from(ca_certificates),
        mailboxes.c.state != MailboxState.DISCONNECTED,
    )
    return connection.execute(known.limit(1)).first() is not None


def list_mailboxes(connection: Connection, mailbox_id: int | None = None) -> list[tuple[Mailbox, int]]:
    """Give every mailbox, by address, or one, with the number of copies that came from it."""
    there = (copies.c.mailbox_id == mailboxes.c.id, copies.c.gone_at.is_(None))
    count = select(func.count()).where(*there).scalar_subquery()
    is_asked = true() if mailbox_id is None else mailboxes.c.id == mailbox_id
    rows = connection.execute(select(mailboxes, count.label("copies")).where(is_asked)).mappings()
    found = [(Mailbox(**{name: row[name] for name in Mailbox.__slots__}), row["copies"]) for row in rows]
    return sorted(found, key=lambda pair: (pair[0].address, pair[0].id))


def set_mailbox_password(connection: Connection, mailbox_id: int, sealed: bytes | None) -> None:
    """Set the sealed password of a mailbox, or that it has none."""
    connection.execute(update(mailboxes).where(mailboxes.c.id == mailbox_id).values(sealed_password=sealed))


def aliases_of(connection: Connection, mailbox_id: int) -> list[str]:
    """Give the further addresses of a mailbox, in order."""
    column = mailbox_aliases.c.address
    return sorted(connection.execute(select(column).where(mailbox_aliases.c.mailbox_id == mailbox_id)).scalars())


def set_aliases(connection: Connection, mailbox_id: int, addresses: Sequence[str]) -> None:
    """Set the further addresses (normalised) of a mailbox, in place of those before."""
    connection.execute(delete(mailbox_aliases).where(mailbox_aliases.c.mailbox_id == mailbox_id))
    if addresses:
        rows = [{"mailbox_id": mailbox_id, "address": address} for address in addresses]
        connection.execute(insert(mailbox_aliases), rows)


def set_mailbox_state(connection: Connection, mailbox_id: int, state: MailboxState) -> None:
    """Set what becomes of a mailbox."""
    connection.execute(update(mailboxes).where(mailboxes.c.id == mailbox_id).values(state=state))


def _connected(connection: Connection, condition: ColumnElement[bool]) -> Mailbox | None:
    connected = select(mailboxes).where(condition, mailboxes.c.state != MailboxState.DISCONNECTED)
    return next((Mailbox(**row) for row in connection.execute(connected).mappings()), None)
