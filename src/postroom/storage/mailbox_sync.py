"""How it stands with reading each mailbox, and who is at it.

A lease is a token and a time in the mailbox's row. Whoever works on the mailbox checks the token in every transaction
that writes what was read (docs/decisions/0019).
"""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from postroom.core.model import Mailbox, MailboxState, MailboxSync, SyncState
from postroom.storage.schema import mailbox_sync, mailboxes

_AT_ONCE = 0  # the earliest time there is: due before all that is due since

# What is asked each second and before each turn is built once: that takes longer than the database needs to answer.
_NOW = bindparam("now", type_=BigInteger)
_IS_FREE = or_(mailbox_sync.c.lease_until.is_(None), mailbox_sync.c.lease_until <= _NOW)
_FULL_HOSTS = (
    select(mailboxes.c.host)
    .join(mailbox_sync)
    .where(mailbox_sync.c.lease_until > _NOW)
    .group_by(mailboxes.c.host)
    .having(func.count() >= bindparam("per_host"))
)
_FIRST_DUE = (
    select(mailbox_sync.c.mailbox_id)
    .join(mailboxes)
    .where(
        mailbox_sync.c.next_try_at <= _NOW,
        _IS_FREE,
        mailboxes.c.state == MailboxState.ACTIVE,
        mailboxes.c.host.not_in(_FULL_HOSTS),
    )
    .order_by(mailbox_sync.c.next_try_at, mailbox_sync.c.mailbox_id)
    .limit(1)
)
_CLAIM = (
    update(mailbox_sync)
    .where(_IS_FREE)
    .values(lease_token=bindparam("token"), lease_until=bindparam("until"))
    .returning(mailbox_sync.c.mailbox_id)
)
_CLAIM_FIRST_DUE = _CLAIM.where(
    mailbox_sync.c.mailbox_id == _FIRST_DUE.with_for_update(of=mailbox_sync, skip_locked=True).scalar_subquery()
)
_CLAIM_ONE = _CLAIM.where(mailbox_sync.c.mailbox_id == bindparam("id"))


def insert_sync(connection: Connection, mailbox: Mailbox) -> None:
    """Add the row of a new mailbox: due at once, or never where it is fed by import."""
    connection.execute(
        insert(mailbox_sync).values(
            mailbox_id=mailbox.id,
            state=SyncState.NEW,
            next_try_at=None if mailbox.host is None else _AT_ONCE,
            failures=0,
        )
    )


def sync_of(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, MailboxSync]:
    """Give how it stands with mailboxes, by id."""
    found = select(mailbox_sync).where(mailbox_sync.c.mailbox_id.in_(mailbox_ids))
    return {row["mailbox_id"]: MailboxSync(**row) for row in connection.execute(found).mappings()}


def is_due(connection: Connection, now: int, per_host: int) -> bool:
    """Say whether there is a mailbox that could be taken up (see claim_due)."""
    return connection.execute(_FIRST_DUE, {"now": now, "per_host": per_host}).first() is not None


def claim_due(connection: Connection, now: int, per_host: int, token: str, until: int) -> Mailbox | None:
    """Take up the mailbox that waits longest, until a time (epoch seconds), under a token that nobody else has.

    Mailboxes on a host with `per_host` live leases wait. Who else looks at the same moment takes another one.
    """
    values = {"now": now, "per_host": per_host, "token": token, "until": until}
    return _claimed(connection, connection.execute(_CLAIM_FIRST_DUE, values).scalar_one_or_none())


def claim(connection: Connection, mailbox_id: int, now: int, token: str, until: int) -> Mailbox | None:
    """Take up one mailbox in the same way, due or not; None where somebody is at it."""
    values = {"id": mailbox_id, "now": now, "token": token, "until": until}
    return _claimed(connection, connection.execute(_CLAIM_ONE, values).scalar_one_or_none())


def holds(connection: Connection, mailbox_id: int, token: str) -> bool:
    """Say whether the lease under this token is still that of the mailbox, and keep it so to the transaction's end.

    That it ran out does no harm as long as nobody else took the mailbox up.
    """
    held = select(mailbox_sync.c.mailbox_id).where(_is_held(mailbox_id, token)).with_for_update(read=True)
    return connection.execute(held).first() is not None


def renew(connection: Connection, mailbox_id: int, token: str, until: int) -> bool:
    """Hold a mailbox for longer; False where it is held no more."""
    renewed = update(mailbox_sync).where(_is_held(mailbox_id, token)).values(lease_until=until)
    return connection.execute(renewed).rowcount == 1


def release(
    connection: Connection, mailbox_id: int, token: str, due_at: int | None, values: Mapping[str, object]
) -> None:
    """End a lease and write `values` down, by column; nothing happens where it is held no more.

    Whoever asked meanwhile for another pass, and so changed when it is due from `due_at`, gets it.
    """
    written: dict[str, Any] = {"lease_token": None, "lease_until": None, **values}
    if "next_try_at" in values:
        was_asked = mailbox_sync.c.next_try_at.is_distinct_from(due_at)
        written["next_try_at"] = case((was_asked, mailbox_sync.c.next_try_at), else_=values["next_try_at"])
    connection.execute(update(mailbox_sync).where(_is_held(mailbox_id, token)).values(written))


def ask_for_pass(connection: Connection, mailbox_id: int, now: int, *, login_worked: bool = False) -> None:
    """Let a mailbox be due now, whatever it waits for; one that needs a login is tried again.

    Where a login `login_worked` just now, it counts no more that one was refused before.
    """
    asked = update(mailbox_sync).where(mailbox_sync.c.mailbox_id == mailbox_id).values(next_try_at=now)
    connection.execute(asked.values(trouble=None) if login_worked else asked)


def hasten(connection: Connection, mailbox_ids: Collection[int], now: int, least: int) -> set[int]:
    """Let mailboxes be due now, but not within `least` seconds of their last pass; give those that are being read.

    They are left alone, as are those that fail: what they wait for holds.
    """
    is_meant = mailbox_sync.c.mailbox_id.in_(mailbox_ids)
    being_read = connection.execute(select(mailbox_sync.c.mailbox_id).where(is_meant, not_(_IS_FREE)), {"now": now})
    rested_at = mailbox_sync.c.passed_at + least
    due_at = case((rested_at > _NOW, rested_at), else_=_NOW)
    waits = and_(mailbox_sync.c.failures == 0, mailbox_sync.c.next_try_at > due_at)
    found = set(being_read.scalars())
    connection.execute(update(mailbox_sync).where(is_meant, waits, _IS_FREE).values(next_try_at=due_at), {"now": now})
    return found


def passes_of_active(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """Give those of the mailboxes that are active, by id, and when the last pass over each ended; 0 for none."""
    found = select(mailbox_sync.c.mailbox_id, func.coalesce(mailbox_sync.c.passed_at, 0)).join(mailboxes)
    active = found.where(mailbox_sync.c.mailbox_id.in_(mailbox_ids), mailboxes.c.state == MailboxState.ACTIVE)
    return dict(connection.execute(active).all())


def end_lease(connection: Connection, mailbox_id: int) -> None:
    """Take a mailbox away from whoever works on it: what is not committed yet never will be."""
    ended = update(mailbox_sync).where(mailbox_sync.c.mailbox_id == mailbox_id)
    connection.execute(ended.values(lease_token=None, lease_until=None))


def count_mailboxes(connection: Connection) -> list[tuple[str, bool, str, int]]:
    """Give each state of mailboxes, whether they have a server, what their last pass came to, and how many they are."""
    kinds = (mailboxes.c.state, mailboxes.c.host.is_not(None), mailbox_sync.c.state)
    counted = select(*kinds, func.count()).join_from(mailboxes, mailbox_sync).group_by(*kinds)
    return [(state, bool(is_served), sync, number) for state, is_served, sync, number in connection.execute(counted)]


def oldest_completion(connection: Connection) -> int | None:
    """Give when the mailbox that is furthest behind was complete (epoch seconds), of those that are read.

    None where none ever was complete.
    """
    is_read = and_(mailboxes.c.state == MailboxState.ACTIVE, mailboxes.c.host.is_not(None))
    oldest = select(func.min(mailbox_sync.c.complete_at)).join(mailboxes).where(is_read)
    found: int | None = connection.execute(oldest).scalar_one()
    return found


def _claimed(connection: Connection, mailbox_id: int | None) -> Mailbox | None:
    row = connection.execute(select(mailboxes).where(mailboxes.c.id == mailbox_id)).mappings().first()
    return None if row is None else Mailbox(**row)


def _is_held(mailbox_id: int, token: str) -> ColumnElement[bool]:
    return and_(mailbox_sync.c.mailbox_id == mailbox_id, mailbox_sync.c.lease_token == token)
