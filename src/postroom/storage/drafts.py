"""Drafts, each of which is its author's alone."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from postroom.core.model import Draft
from postroom.storage.schema import drafts


def insert_draft(connection: Connection, draft: Draft) -> None:
    """Add a draft."""
    connection.execute(insert(drafts).values({name: getattr(draft, name) for name in draft.__slots__}))


def find_draft(connection: Connection, author_id: int, record_id: int, draft_id: int) -> Draft | None:
    """Give an author's draft on a record."""
    own = (drafts.c.user_id == author_id, drafts.c.record_id == record_id, drafts.c.id == draft_id)
    rows = connection.execute(select(drafts).where(*own)).mappings()
    return next((Draft(**row) for row in rows), None)


def drafts_on(
    connection: Connection,
    author_id: int,
    record_ids: Collection[int],
    *,
    sorted_by: Literal["created_at", "modified_at"] = "modified_at",
    descending: bool = True,
    skipped: int = 0,
    limit: int | None = None,
) -> list[Draft]:
    """Give an author's drafts on some records, the newest first unless said otherwise."""
    key = (drafts.c[sorted_by], drafts.c.id)
    order = [column.desc() if descending else column for column in key]
    own = select(drafts).where(drafts.c.user_id == author_id, drafts.c.record_id.in_(record_ids))
    rows = connection.execute(own.order_by(*order).offset(skipped).limit(limit)).mappings()
    return [Draft(**row) for row in rows]


def change_draft(connection: Connection, draft_id: int, fields: str, modified_at: int) -> None:
    """Put other fields in place of those before (epoch seconds)."""
    values = {"fields": fields, "modified_at": modified_at}
    connection.execute(update(drafts).where(drafts.c.id == draft_id).values(values))


def delete_draft(connection: Connection, draft_id: int) -> None:
    """Delete a draft, which holds no files any more."""
    connection.execute(delete(drafts).where(drafts.c.id == draft_id))
