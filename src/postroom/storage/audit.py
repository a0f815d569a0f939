"""The audit: entries are added and read, and nothing else."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, false, insert, or_, select, true

from postroom.storage.ids import take_id
from postroom.storage.schema import audit_entries


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change: when (epoch seconds), by whom and through what, of what, from what to what.

    `owner_id` or `role_id` says whose mail it concerns, where it is one user's or that of a role's users.
    """

    id: int
    at: int
    actor_id: int | None
    channel: str
    change: str
    subject: str
    owner_id: int | None
    role_id: int | None
    before: str | None
    after: str | None


def add_entry(
    connection: Connection,
    *,
    at: int,
    actor_id: int | None,
    channel: str,
    change: str,
    subject: str,
    owner_id: int | None,
    role_id: int | None,
    before: str | None,
    after: str | None,
) -> None:
    """Write down a change, in the transaction that makes it."""
    entry = AuditEntry(take_id(connection), at, actor_id, channel, change, subject, owner_id, role_id, before, after)
    connection.execute(insert(audit_entries).values(**{name: getattr(entry, name) for name in AuditEntry.__slots__}))


def read_entries(connection: Connection, limit: int, *, before_id: int | None = None) -> list[AuditEntry]:
    """Give the newest entries, or those before an entry."""
    return _read(connection, true(), limit, before_id)


def read_entries_about(
    connection: Connection, user_id: int, role_id: int | None, limit: int, *, before_id: int | None = None
) -> list[AuditEntry]:
    """Give the newest entries that concern an owner's mail: the owner's, the role's and everybody's."""
    entry = audit_entries.c
    of_all = and_(entry.owner_id.is_(None), entry.role_id.is_(None))
    of_role = false() if role_id is None else entry.role_id == role_id
    return _read(connection, or_(entry.owner_id == user_id, of_role, of_all), limit, before_id)


def _read(
    connection: Connection, condition: ColumnElement[bool], limit: int, before_id: int | None
) -> list[AuditEntry]:
    entries = select(audit_entries).where(condition).order_by(audit_entries.c.id.desc()).limit(limit)
    if before_id is not None:
        entries = entries.where(audit_entries.c.id < before_id)
    return [AuditEntry(**row) for row in connection.execute(entries).mappings()]
