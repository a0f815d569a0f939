"""Drafts of e-mails, and the files that belong to them."""

import json
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, select, update

from postroom.core.model import DraftOrder, EmailDraft, Person, UploadedFile
from postroom.storage.schema import email_draft_files, email_drafts, uploaded_files
from postroom.storage.unsent_emails import UnsentWanted

_COLUMNS = [email_drafts.c[name] for name in EmailDraft.__slots__]
_PEOPLE = ("to", "cc", "bcc")


def save_draft(connection: Connection, draft: EmailDraft, file_ids: Sequence[str]) -> None:
    """Add a draft with its files, or put it in the place of the one with its id."""
    values = {name: getattr(draft, name) for name in draft.__slots__}
    values |= {name: json.dumps(values[name]) for name in _PEOPLE}
    if connection.execute(update(email_drafts).where(email_drafts.c.id == draft.id).values(values)).rowcount == 0:
        connection.execute(insert(email_drafts).values(values))
    connection.execute(delete(email_draft_files).where(email_draft_files.c.draft_id == draft.id))
    rows = [{"draft_id": draft.id, "place": place, "file_id": each} for place, each in enumerate(file_ids)]
    if rows:
        connection.execute(insert(email_draft_files), rows)


def delete_draft(connection: Connection, draft_id: str) -> None:
    """Delete a draft; its files expire as others do."""
    connection.execute(delete(email_draft_files).where(email_draft_files.c.draft_id == draft_id))
    connection.execute(delete(email_drafts).where(email_drafts.c.id == draft_id))


def find_draft(connection: Connection, user_id: int, record_id: int, draft_id: str) -> EmailDraft | None:
    """Give one of a user's own drafts on a record."""
    found = _select(and_(_of(user_id, record_id), email_drafts.c.id == draft_id))
    return next(iter(_drafts(connection, found)), None)


def list_drafts(
    connection: Connection, user_id: int, record_id: int, order: DraftOrder, *, offset: int, limit: int
) -> list[EmailDraft]:
    """Give a user's own drafts on a record, from a place on."""
    keys = (email_drafts.c[order.by], email_drafts.c.id)
    ordered = _select(_of(user_id, record_id)).order_by(*(key.desc() if order.descending else key for key in keys))
    return _drafts(connection, ordered.offset(offset).limit(limit))


def drafts_behind(connection: Connection, wanted: UnsentWanted) -> list[EmailDraft]:
    """Give those that a list wants, the one that was changed last first."""
    drafts = email_drafts.c
    found = _drafts(connection, wanted.of(email_drafts, select(*_COLUMNS), drafts.modified_at, drafts.id))
    return found[::-1] if wanted.newer else found


def count_drafts(connection: Connection, user_id: int) -> int:
    """Give how many drafts a user has."""
    counted = select(func.count()).select_from(email_drafts).where(email_drafts.c.user_id == user_id)
    return int(connection.execute(counted).scalar_one())


def files_of_draft(connection: Connection, draft_id: str) -> list[UploadedFile]:
    """Give the files of a draft, in their order."""
    columns = [uploaded_files.c[name] for name in UploadedFile.__slots__]
    joined = uploaded_files.join(email_draft_files, uploaded_files.c.id == email_draft_files.c.file_id)
    found = select(*columns).select_from(joined).where(email_draft_files.c.draft_id == draft_id)
    rows = connection.execute(found.order_by(email_draft_files.c.place)).mappings()
    return [UploadedFile(**row) for row in rows]


def _select(condition: ColumnElement[bool]) -> Select[*tuple[object, ...]]:
    return select(*_COLUMNS).where(condition)


def _of(user_id: int, record_id: int) -> ColumnElement[bool]:
    return and_(email_drafts.c.user_id == user_id, email_drafts.c.record_id == record_id)


def _drafts(connection: Connection, found: Select[*tuple[object, ...]]) -> list[EmailDraft]:
    rows = (dict(row) for row in connection.execute(found).mappings())
    return [EmailDraft(**(row | {name: _people(row[name]) for name in _PEOPLE})) for row in rows]


def _people(text: str) -> tuple[Person, ...]:
    return tuple(Person(*each) for each in json.loads(text))
