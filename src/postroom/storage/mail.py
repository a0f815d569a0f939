"""Copies of messages, as their sources hold them."""

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, func, insert, select, union

from postroom.core.addresses import domain_key, domain_of
from postroom.core.matching import conversation_id, email_key
from postroom.core.model import FolderState, Kind, Message
from postroom.storage.associations import associate_new_copies
from postroom.storage.database import lock_matching
from postroom.storage.ids import take_ids
from postroom.storage.raw_messages import store_raw_messages
from postroom.storage.schema import copies, copy_participants, dead_letters, folders, users
from postroom.storage.threads import assign_threads
from postroom.storage.withholding import refresh_new


@dataclass(frozen=True, slots=True)
class Source:
    """Where copies come from: a folder of a user's mailbox, or what the user sent from the CRM."""

    user_id: int
    kind: Kind
    mailbox_id: int | None
    folder: str
    uidvalidity: int


@dataclass(frozen=True, slots=True)
class IncomingCopy:
    """A message as a source holds it; `uid` names it there."""

    uid: str
    raw: bytes
    message: Message
    flags: str = ""


def store_copies(connection: Connection, source: Source, incoming: Sequence[IncomingCopy]) -> list[int]:
    """Store the copies that are not there yet, and associate them with records; give the new copies' ids.

    Copies, participants, associations and counts are all there after the transaction, or none is.
    """
    hold_mail_of(connection, source.user_id)
    known = copy_ids(connection, source, [copy.uid for copy in incoming])
    new = list({copy.uid: copy for copy in incoming if copy.uid not in known}.values())
    if not new:
        return []
    thread_ids = assign_threads(connection, source.user_id, [copy.message for copy in new])
    ids = take_ids(connection, len(new))
    _insert_copies(connection, source, dict(zip(ids, new, strict=True)), thread_ids)
    refresh_new(connection, ids, thread_ids)
    associate_new_copies(connection, ids)
    return ids


def digest_of(raw: bytes) -> bytes:
    """Give the digest by which a message is known again in another place of its mailbox."""
    return hashlib.sha256(raw).digest()


def hold_mail_of(connection: Connection, user_id: int) -> None:
    """Keep out, until the transaction ends, whatever else stores, files, withholds or loses mail of a user.

    What is changed is read after this, and not before: it could be gone meanwhile, or be counted by somebody else.
    """
    lock_matching(connection, exclusive=False)
    lock_mail_of(connection, user_id)


def holds_message(connection: Connection, mailbox_id: int, digest: bytes) -> bool:
    """Say whether a message with these bytes is stored of a mailbox, and not gone."""
    there = (copies.c.mailbox_id == mailbox_id, copies.c.digest == digest, copies.c.gone_at.is_(None))
    return connection.execute(select(copies.c.id).where(*there).limit(1)).first() is not None


def lock_mail_of(connection: Connection, user_id: int) -> None:
    """Let one transaction at a time store a user's mail: two that read the same mailbox do not collide."""
    connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))


def copy_ids(connection: Connection, source: Source, uids: Collection[str]) -> dict[str, int]:
    """Give the ids of the copies of a source that are stored, by uid."""
    stored = select(copies.c.uid, copies.c.id).where(*rows_of(source, copies), copies.c.uid.in_(uids))
    return {row.uid: row.id for row in connection.execute(stored)}


def stored_uids(connection: Connection, source: Source) -> frozenset[str]:
    """Give the uids of all of a source that is kept already, as copies or as dead letters."""
    kept = union(*(select(table.c.uid).where(*rows_of(source, table)) for table in (copies, dead_letters)))
    return frozenset(connection.execute(kept).scalars())


def count_mail(connection: Connection) -> tuple[int, int]:
    """Give how many copies are stored, and how many e-mails they are."""
    there = select(func.count(), func.count(copies.c.email_key.distinct())).where(copies.c.gone_at.is_(None))
    row = connection.execute(there).one()
    return row[0], row[1]


def count_headers_only(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """Give of how many messages only the headers are here, for each of these mailboxes that has any."""
    counted = select(copies.c.mailbox_id, func.count()).group_by(copies.c.mailbox_id)
    there = (copies.c.mailbox_id.in_(mailbox_ids), copies.c.headers_only, copies.c.gone_at.is_(None))
    return dict(connection.execute(counted.where(*there)).all())


def messages_to_come(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """Give how many messages are still to be stored of those mailboxes that are read for the first time."""
    is_stored = and_(
        copies.c.mailbox_id == folders.c.mailbox_id,
        copies.c.folder == folders.c.name,
        copies.c.uidvalidity == folders.c.uidvalidity,
    )
    stored = select(func.count()).select_from(copies).where(is_stored).correlate(folders).scalar_subquery()
    read = and_(folders.c.state == FolderState.BACKFILLING, folders.c.messages.is_not(None))
    missing = select(folders.c.mailbox_id, folders.c.messages - stored).where(read)
    found: Counter[int] = Counter()
    for mailbox_id, number in connection.execute(missing.where(folders.c.mailbox_id.in_(mailbox_ids))):
        found[mailbox_id] += max(0, number)
    return found


def count_letters_of(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """Give the number of letters of each of these mailboxes that has any."""
    counted = select(dead_letters.c.mailbox_id, func.count()).group_by(dead_letters.c.mailbox_id)
    return dict(connection.execute(counted.where(dead_letters.c.mailbox_id.in_(mailbox_ids))).all())


def rows_of(source: Source, table: Table) -> tuple[ColumnElement[bool], ...]:
    """Give what selects the rows of a source in a table that keeps its messages by uid."""
    if source.mailbox_id is None:
        return (table.c.user_id == source.user_id, table.c.kind == Kind.CRM)
    return (
        table.c.mailbox_id == source.mailbox_id,
        table.c.folder == source.folder,
        table.c.uidvalidity == source.uidvalidity,
    )


def _insert_copies(
    connection: Connection, source: Source, new: dict[int, IncomingCopy], thread_ids: Sequence[int]
) -> None:
    rows = [
        _copy_row(copy_id, source, copy, thread_id)
        for (copy_id, copy), thread_id in zip(new.items(), thread_ids, strict=True)
    ]
    connection.execute(insert(copies), rows)
    store_raw_messages(connection, {copy_id: copy.raw for copy_id, copy in new.items()})
    participants = [
        {
            "copy_id": copy_id,
            "role": p.role,
            "address": p.address,
            "domain_key": domain_key(domain_of(p.address)),
            "name": p.name,
        }
        for copy_id, copy in new.items()
        for p in copy.message.participants
    ]
    if participants:
        connection.execute(insert(copy_participants), participants)


def _copy_row(copy_id: int, source: Source, copy: IncomingCopy, thread_id: int) -> dict[str, object]:
    message = copy.message
    return {
        "id": copy_id,
        "user_id": source.user_id,
        "kind": source.kind,
        "mailbox_id": source.mailbox_id,
        "folder": source.folder,
        "uidvalidity": source.uidvalidity,
        "uid": copy.uid,
        "email_key": email_key(message, copy_id),
        "message_id": message.message_id,
        "sender": message.sender,
        "sent_at": message.date,
        "subject": message.subject,
        "problems": "; ".join(message.problems) or None,
        "thread_id": thread_id,
        "is_automated": message.is_automated,
        "headers_only": message.headers_only,
        "withheld": True,  # until the rules have spoken
        "digest": digest_of(copy.raw),
        "flags": copy.flags,
        "summary": message.summary,
        "has_attachment": message.has_attachment,
        "conversation": conversation_id(message, copy_id),
    }
