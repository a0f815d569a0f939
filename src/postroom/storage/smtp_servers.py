"""Through which servers mailboxes send."""

from sqlalchemy import Connection, delete, insert, select

from postroom.core.model import SmtpServer
from postroom.storage.schema import smtp_servers


def set_smtp_server(connection: Connection, server: SmtpServer) -> None:
    """Set a mailbox's server, in place of the one before."""
    delete_smtp_server(connection, server.mailbox_id)
    connection.execute(insert(smtp_servers).values({name: getattr(server, name) for name in server.__slots__}))


def delete_smtp_server(connection: Connection, mailbox_id: int) -> None:
    """Forget a mailbox's server, and its login there."""
    connection.execute(delete(smtp_servers).where(smtp_servers.c.mailbox_id == mailbox_id))


def smtp_server_of(connection: Connection, mailbox_id: int) -> SmtpServer | None:
    """Give a mailbox's server."""
    found = connection.execute(select(smtp_servers).where(smtp_servers.c.mailbox_id == mailbox_id)).mappings()
    return next((SmtpServer(**row) for row in found), None)
