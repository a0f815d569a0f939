"""What users write on a record and do not send yet, in the form of Zoho CRM (API pages, "Email Drafts").

A draft is its author's alone, whatever the settings say and whoever sees the record: nobody has sent it to anybody.
"""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypedDict

from sqlalchemy import Connection

from postroom.actions.errors import DraftInvalid, FieldRefused, NotAllowed
from postroom.actions.own_addresses import require_own_address
from postroom.actions.send_mail import address, one_line, people, require_deal, require_record, text
from postroom.actions.uploads import files_named
from postroom.core.model import DraftOrder, EmailDraft, Module, Person, UploadedFile
from postroom.mail.html_text import plain_text
from postroom.storage import email_drafts
from postroom.storage.database import Database
from postroom.storage.mail import lock_mail_of
from postroom.storage.people import users_by_id

MOST_DRAFTS = 1000  # of one user
_ID_BYTES = 32
_SUMMARY = 250  # characters


class OwnDrafts(NamedTuple):
    """Where a user's own drafts are."""

    module: Module
    record_id: int
    user_id: int


class Written(TypedDict, total=False):
    """What is written into a draft; what is not named stays as it is. `scheduled_at` is in epoch seconds."""

    sender: str
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    reply_to: str | None
    subject: str | None
    content: str | None
    is_html: bool
    scheduled_at: int | None
    time_zone: str | None
    source: str | None
    linked_record_id: int | None  # a Deal


class ShownDraft(NamedTuple):
    """A draft with its files, its author's name and its first words."""

    draft: EmailDraft
    files: list[UploadedFile]
    author: str
    summary: str | None


def create_draft(
    database: Database, own: OwnDrafts, written: Written, file_ids: Sequence[str], *, sender: str, now: int
) -> str:
    """Write a draft on a record, and give its id. Raises RecordInvalid, FieldRefused, NotAllowed."""
    draft = EmailDraft(secrets.token_hex(_ID_BYTES), own.user_id, own.record_id, now, now, sender)
    with database.write() as connection:
        lock_mail_of(connection, own.user_id)  # so that none is counted past
        require_record(connection, own.user_id, own.module, own.record_id)
        if email_drafts.count_drafts(connection, own.user_id) >= MOST_DRAFTS:
            raise NotAllowed(f"nobody has more than {MOST_DRAFTS} drafts: delete some")
        _save(connection, replace(draft, **written), file_ids, now)
    return draft.id


def change_draft(
    database: Database, own: OwnDrafts, draft_id: str, written: Written, file_ids: Sequence[str] | None, *, now: int
) -> None:
    """Write something else into a draft; None leaves its files. Raises RecordInvalid, DraftInvalid, FieldRefused."""
    with database.write() as connection:
        lock_mail_of(connection, own.user_id)  # one change after the other
        draft = replace(_find(connection, own, draft_id), modified_at=now)
        if file_ids is None:
            file_ids = [file.id for file in email_drafts.files_of_draft(connection, draft.id)]
        _save(connection, replace(draft, **written), file_ids, now)


def delete_draft(database: Database, own: OwnDrafts, draft_id: str) -> None:
    """Delete a draft. Raises RecordInvalid, DraftInvalid."""
    with database.write() as connection:
        lock_mail_of(connection, own.user_id)
        email_drafts.delete_draft(connection, _find(connection, own, draft_id).id)


def read_draft(database: Database, own: OwnDrafts, draft_id: str) -> ShownDraft:
    """Give a draft. Raises RecordInvalid, DraftInvalid."""
    with database.read() as connection:
        return _shown(connection, [_find(connection, own, draft_id)])[0]


def list_drafts(database: Database, own: OwnDrafts, order: DraftOrder, *, offset: int, limit: int) -> list[ShownDraft]:
    """Give the drafts on a record, from a place on. Raises RecordInvalid."""
    with database.read() as connection:
        require_record(connection, own.user_id, own.module, own.record_id)
        start = min(offset, MOST_DRAFTS)
        found = email_drafts.list_drafts(connection, own.user_id, own.record_id, order, offset=start, limit=limit)
        return _shown(connection, found)


def _find(connection: Connection, own: OwnDrafts, draft_id: str) -> EmailDraft:
    require_record(connection, own.user_id, own.module, own.record_id)
    draft = email_drafts.find_draft(connection, own.user_id, own.record_id, draft_id)
    if draft is None:
        raise DraftInvalid
    return draft


def _save(connection: Connection, draft: EmailDraft, file_ids: Sequence[str], now: int) -> None:
    if len(set(file_ids)) < len(file_ids):
        raise FieldRefused("a file is attached once", api_name="attachments")
    files_named(connection, draft.user_id, file_ids, now)
    if draft.linked_record_id is not None:
        require_deal(connection, draft.user_id, draft.linked_record_id)
    email_drafts.save_draft(connection, _checked(connection, draft), file_ids)


def _checked(connection: Connection, draft: EmailDraft) -> EmailDraft:
    """Give a draft that could be sent, once it says to whom."""
    sender = address(draft.sender, "from")
    require_own_address(connection, users_by_id(connection)[draft.user_id], sender, "from")
    return replace(
        draft,
        sender=sender,
        to=people(draft.to, "to"),
        cc=people(draft.cc, "cc"),
        bcc=people(draft.bcc, "bcc"),
        reply_to=None if draft.reply_to is None else address(draft.reply_to, "reply_to"),
        subject=None if draft.subject is None else one_line(draft.subject, "subject"),
        content=None if draft.content is None else text(draft.content, "content"),
        time_zone=None if draft.time_zone is None else one_line(draft.time_zone, "schedule_details.timezone"),
        source=None if draft.source is None else one_line(draft.source, "source"),
    )


def _shown(connection: Connection, drafts: Sequence[EmailDraft]) -> list[ShownDraft]:
    names = {user_id: user.full_name for user_id, user in users_by_id(connection).items()}
    return [
        ShownDraft(each, email_drafts.files_of_draft(connection, each.id), names[each.user_id], _summary(each))
        for each in drafts
    ]


def _summary(draft: EmailDraft) -> str | None:
    words = plain_text(draft.content or "") if draft.is_html else draft.content or ""
    return " ".join(words.split())[:_SUMMARY] or None
