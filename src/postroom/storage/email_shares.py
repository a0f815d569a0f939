"""On which records owners shared their mail."""

from sqlalchemy import Connection, delete

from postroom.storage.database import upsert
from postroom.storage.schema import email_shares


def share_emails(connection: Connection, record_id: int, user_id: int, shared_at: int) -> bool:
    """Remember that a user shared on a record (epoch seconds); say whether that is new."""
    share = upsert(connection, email_shares).values(record_id=record_id, user_id=user_id, shared_at=shared_at)
    # RETURNING, because SQLAlchemy gives no count of inserted rows on PostgreSQL.
    return connection.execute(share.on_conflict_do_nothing().returning(email_shares.c.user_id)).first() is not None


def unshare_emails(connection: Connection, record_id: int, user_id: int) -> bool:
    """Take back a share; say whether there was one."""
    share = delete(email_shares).where(email_shares.c.record_id == record_id, email_shares.c.user_id == user_id)
    return connection.execute(share).rowcount > 0
