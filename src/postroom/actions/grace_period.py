"""The grace period: what is gone is kept for a while, should it come back, and is then deleted for good."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sqlalchemy import Connection

from postroom.storage.database import Database
from postroom.storage.places import has_copies_to_purge, mailboxes_to_purge, purge_copies

GRACE_SECONDS = 30 * 86400
_AT_ONCE = 500  # copies in one transaction


def purge_gone(database: Database, now: int, should_stop: Callable[[], bool]) -> int:
    """Delete for good what is gone for longer than that at `now` (epoch seconds), of all mailboxes; give how many.

    Also of those that are not read any more. Between two mailboxes it may be stopped.
    """
    purged = 0
    with database.read() as connection:
        mailbox_ids = mailboxes_to_purge(connection, now - GRACE_SECONDS)
    for mailbox_id in mailbox_ids:
        if should_stop():
            break
        purged += purge_mailbox(database.write, mailbox_id, now)
    return purged


def is_purge_due(connection: Connection, mailbox_id: int, now: int) -> bool:
    """Say whether something of one mailbox is gone for longer than that."""
    return has_copies_to_purge(connection, mailbox_id, now - GRACE_SECONDS)


def purge_mailbox(writing: Callable[[], AbstractContextManager[Connection]], mailbox_id: int, now: int) -> int:
    """Delete it of one mailbox, in transactions that `writing` opens; give how many."""
    purged, last = 0, _AT_ONCE
    while last == _AT_ONCE:
        with writing() as connection:
            last = purge_copies(connection, mailbox_id, now - GRACE_SECONDS, _AT_ONCE)
        purged += last
    return purged
