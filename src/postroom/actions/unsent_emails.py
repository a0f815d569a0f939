"""Drafts and scheduled messages as lists show e-mails: each its author's alone, whatever the settings say."""

from collections.abc import Iterator

from sqlalchemy import Connection

from postroom.core.details import VIEWS_OF_UNSENT, Wanted
from postroom.core.emails import CopyOwner, EmailPlace, ListedEmail, Unsent
from postroom.core.model import EmailDraft, Kind, Participant, ParticipantRole
from postroom.core.modules import gathers_mail_of_contacts
from postroom.mail.headers import MAX_HEADER_BYTES
from postroom.mail.parse import parse_message
from postroom.storage.database import Database
from postroom.storage.email_drafts import drafts_behind
from postroom.storage.organisation import organisation_settings
from postroom.storage.outbox import ScheduledMail, scheduled_behind
from postroom.storage.people import users_by_id
from postroom.storage.unsent_emails import UnsentWanted, contacts_with_unsent
from postroom.storage.visible_records import grounds_on

_NO_COPY = 0


def list_unsent(
    database: Database,
    viewer_id: int,
    module_key: str,
    record_id: int,
    wanted: Wanted,
    *,
    place: EmailPlace,
    newer: bool,
    subject: str | None,
    limit: int,
) -> list[ListedEmail]:
    """Give the viewer's own behind a place, or with `newer` those before it, in both cases newest first.

    The viewer sees the record. Nobody else has any.
    """
    if wanted.owner_id not in (None, viewer_id):
        return []
    kind, of_contacts = VIEWS_OF_UNSENT[wanted.view]
    with database.read() as connection:
        records = [record_id]
        if of_contacts and gathers_mail_of_contacts(module_key):
            contacts = contacts_with_unsent(connection, record_id, viewer_id, kind)
            records = list(grounds_on(connection, viewer_id, contacts))
        asked = UnsentWanted(viewer_id, records, place, newer, subject, limit)
        return list(_listed(connection, kind, asked))


def _listed(connection: Connection, kind: Unsent, asked: UnsentWanted) -> Iterator[ListedEmail]:
    if kind == Unsent.DRAFT:
        found = [_draft(draft) for draft in drafts_behind(connection, asked)]
    else:
        found = [_scheduled(mail) for mail in scheduled_behind(connection, asked, MAX_HEADER_BYTES)]
    author, settings = users_by_id(connection)[asked.user_id], organisation_settings(connection)
    owner = CopyOwner(author.id, author.full_name, author.email)
    for place, sender, subject, participants in found:
        yield ListedEmail(
            place=place,
            copy_id=_NO_COPY,
            owner=owner,
            kind=Kind.CRM,
            sender=sender,
            subject=subject,
            is_sent=False,
            deal=None,
            time_zone=settings["time_zone"] if settings else "UTC",
            participants=participants,
            unsent=kind,
        )


_Said = tuple[EmailPlace, str, str, tuple[Participant, ...]]


def _draft(draft: EmailDraft) -> _Said:
    people = {ParticipantRole.TO: draft.to, ParticipantRole.CC: draft.cc, ParticipantRole.BCC: draft.bcc}
    named = [Participant(role, each.address, each.name) for role, some in people.items() for each in some]
    sender = Participant(ParticipantRole.FROM, draft.sender, "")
    place = EmailPlace(draft.modified_at, bytes.fromhex(draft.id))
    return place, draft.sender, draft.subject or "", (sender, *named)


def _scheduled(mail: ScheduledMail) -> _Said:
    participants = parse_message(mail.head, truncated=True).participants
    return EmailPlace(mail.scheduled_at, mail.email_key), mail.sender, mail.subject, participants
