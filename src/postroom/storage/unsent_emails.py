"""What of drafts and scheduled messages a list wants: one user's, newest first, a page at a time."""

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, Table, or_, select, true, tuple_

from postroom.core.emails import EmailPlace, Unsent
from postroom.storage.schema import email_drafts, outbox
from postroom.storage.sharing_facts import linked_contacts_among

_TABLES: dict[Unsent, Table] = {Unsent.DRAFT: email_drafts, Unsent.SCHEDULED: outbox}


class UnsentWanted(NamedTuple):
    """Whose, on which records, behind a place or with `newer` before it, and with which subject, if with one."""

    user_id: int
    record_ids: Collection[int]
    place: EmailPlace
    newer: bool
    subject: str | None
    limit: int

    def of(
        self, table: Table, found: Select[*tuple[Any, ...]], at: ColumnElement[int], key: ColumnElement[Any]
    ) -> Select[*tuple[Any, ...]]:
        """Narrow what is found in a table to what is wanted; those of one time are ordered by a key."""
        place = (self.place.sent_at, self.place.email_key if table is outbox else self.place.email_key.hex())
        keys, ids = tuple_(at, key), self.record_ids
        order = (at.asc(), key.asc()) if self.newer else (at.desc(), key.desc())
        return (
            found.where(table.c.user_id == self.user_id)
            .where(or_(table.c.record_id.in_(ids), table.c.linked_record_id.in_(ids)))
            .where(keys > place if self.newer else keys < place)
            .where(true() if self.subject is None else table.c.subject == self.subject)
            .order_by(*order)
            .limit(self.limit)
        )


def contacts_with_unsent(connection: Connection, record_id: int, user_id: int, kind: Unsent) -> list[int]:
    """Give the ids of a record's linked Contacts on which a user has something of a kind."""
    table = _TABLES[kind]
    return linked_contacts_among(connection, record_id, select(table.c.record_id).where(table.c.user_id == user_id))
