"""Importing mail from archives: mbox, Maildir, folders of .eml, single files."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import get_mailbox, get_record, get_user
from postroom.actions.store_mail import MailReport, Problem, RawMessage, store_messages
from postroom.core.model import Kind
from postroom.mail.archive import ArchiveError, read_archive
from postroom.storage.database import Database
from postroom.storage.mail import Source
from postroom.storage.places import NO_UIDVALIDITY

_FOLDER = "imported"


@dataclass(frozen=True, slots=True)
class Destination:
    """Whose mail an archive is: a mailbox's, or what a user sent from a CRM.

    `record` (Leads/3652397000001790004) is one with which all of it is associated by hand.
    """

    mailbox: str | None = None
    sent_by: str | None = None
    record: str | None = None


def import_mail(
    database: Database, path: Path, destination: Destination, on_progress: Callable[[int], None], *, now: int
) -> MailReport:
    """Import an archive at `now` (epoch seconds); importing it twice changes nothing.

    `on_progress` hears the bytes read since last time. Raises InvalidInput, NotFound; a message that cannot be read
    is in the report instead.
    """
    with database.read() as connection:
        source = _source(connection, destination)
        record_id = None if destination.record is None else get_record(connection, destination.record)[1].id
    report = MailReport()
    try:
        store_messages(database, source, _messages(path, report, on_progress), report, now=now, by_hand_on=record_id)
    except ArchiveError as error:
        raise InvalidInput(f"path: {error}") from error
    return report


def _source(connection: Connection, destination: Destination) -> Source:
    if (destination.mailbox is None) == (destination.sent_by is None):
        raise InvalidInput("name either the mailbox or the user who sent the mail from a CRM")
    if destination.mailbox is not None:
        mailbox = get_mailbox(connection, destination.mailbox)
        return Source(mailbox.user_id, Kind(mailbox.protocol), mailbox.id, _FOLDER, NO_UIDVALIDITY)
    user = get_user(connection, str(destination.sent_by))
    return Source(user.id, Kind.CRM, None, _FOLDER, NO_UIDVALIDITY)


def _messages(path: Path, report: MailReport, on_progress: Callable[[int], None]) -> Iterator[RawMessage]:
    for archived in read_archive(path):
        on_progress(archived.size)
        if archived.raw is None:
            report.problems.append(Problem(archived.source, archived.problem or "cannot be read"))
            continue
        yield RawMessage(hashlib.sha256(archived.raw).hexdigest(), archived.raw, archived.source)
