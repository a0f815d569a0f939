"""Reading the audit: all of it for administrators, and for an owner what concerns the own mail."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.lookups import get_user
from postroom.storage import people
from postroom.storage.audit import AuditEntry, read_entries, read_entries_about
from postroom.storage.database import Database

_WITHHELD_BY_HAND, _EXCLUDED_DOMAINS = "withheld by hand", "excluded domains"


@dataclass(frozen=True, slots=True)
class Entry:
    """One change as it is shown: when (epoch seconds), by whom and through what, of what, from what to what.

    `owner` is the user whose mail or record it concerns, where it is one user's.
    """

    id: str
    at: int
    actor: str | None
    channel: str
    change: str
    subject: str
    owner: str | None
    before: object
    after: object


@dataclass(frozen=True, slots=True)
class PageOfEntries:
    """Some entries, the newest first; `next_before` is where the next page starts, None after the last one."""

    entries: list[Entry]
    next_before: int | None


def read_audit(
    database: Database, *, by: Actor, limit: int, about: str | None = None, before: int | None = None
) -> PageOfEntries:
    """Give the newest entries, or those before one: all, or what concerns the mail of one user (`about`, an e-mail).

    Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        if about is None:
            if not by.is_administrator:
                raise NotAllowed("only an administrator may read the whole audit; ask about your own mail")
            entries = read_entries(connection, limit, before_id=before)
        else:
            entries = _about(connection, by, about, limit, before)
        emails = people.emails_by_id(connection)
    shown = [_shown(entry, emails, by) for entry in entries]
    return PageOfEntries(shown, entries[-1].id if len(entries) == limit else None)


def _about(connection: Connection, by: Actor, email: str, limit: int, before: int | None) -> list[AuditEntry]:
    user = get_user(connection, email)
    if not by.is_administrator and not by.acts_for(user.id):
        raise NotAllowed("only the user or an administrator may read what concerns the user's mail")
    return read_entries_about(connection, user.id, user.role_id, limit, before_id=before)


def _shown(entry: AuditEntry, emails: dict[int, str], by: Actor) -> Entry:
    actor, owner = (None if user_id is None else emails[user_id] for user_id in (entry.actor_id, entry.owner_id))
    subject, before, after = entry.subject, _value(entry.before), _value(entry.after)
    if _is_private(entry) and not by.acts_for(entry.owner_id or 0):
        subject, before, after = _covered(entry, before, after, emails)
    return Entry(str(entry.id), entry.at, actor, entry.channel, entry.change, subject, owner, before, after)


def _value(text: str | None) -> object:
    return None if text is None else json.loads(text)


def _is_private(entry: AuditEntry) -> bool:
    """Say whether an entry tells which domains or mail a user withholds: an administrator sees only that it does."""
    return entry.owner_id is not None and entry.change in (_WITHHELD_BY_HAND, _EXCLUDED_DOMAINS)


def _covered(entry: AuditEntry, before: object, after: object, emails: dict[int, str]) -> tuple[str, object, object]:
    subject = f"user {emails[entry.owner_id or 0]}"
    if entry.change == _WITHHELD_BY_HAND:
        return subject, None, None
    return subject, _count(before), _count(after)


def _count(value: object) -> object:
    return len(value) if isinstance(value, list) else None
