"""A user's own copies of one e-mail."""

from sqlalchemy import Connection, select

from postroom.storage.schema import copies, thread_messages


def own_copies(connection: Connection, user_id: int, email_key: bytes) -> list[int]:
    """Give the ids of a user's own copies of an e-mail."""
    there = (copies.c.user_id == user_id, copies.c.gone_at.is_(None))
    own = select(copies.c.id).where(*there, copies.c.email_key == email_key)
    return list(connection.execute(own.order_by(copies.c.id)).scalars())


def own_copies_named(connection: Connection, user_id: int, message_id: str) -> dict[int, bytes]:
    """Give the ids of a user's own copies with this Message-ID, each with the key of its e-mail.

    The index of threads finds them: there is none of message ids.
    """
    named = (thread_messages.c.user_id == user_id, thread_messages.c.message_id == message_id)
    own = (
        select(copies.c.id, copies.c.email_key)
        .join(thread_messages, thread_messages.c.thread_id == copies.c.thread_id)
        .where(*named, copies.c.user_id == user_id, copies.c.message_id == message_id, copies.c.gone_at.is_(None))
    )
    return {row.id: row.email_key for row in connection.execute(own.order_by(copies.c.id))}
