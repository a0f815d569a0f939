"""Where in a mailbox its copies are: messages that move, that come back, and that are gone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, bindparam, delete, select, update

from postroom.storage.associations import associate_by_hand, bring_back, put_aside
from postroom.storage.database import in_portions
from postroom.storage.mail import Source, copy_ids, hold_mail_of, rows_of
from postroom.storage.raw_messages import forget_raw_messages
from postroom.storage.schema import copies, copy_participants, dead_letters, mailboxes, set_aside

NO_UIDVALIDITY = 0  # a server's folder never has it (RFC 9051, section 2.3.1.1): what was imported clashes with none


class Place(NamedTuple):
    """Where a copy is, or was until it was gone."""

    copy_id: int
    folder: str
    uidvalidity: int
    uid: str
    flags: str
    is_gone: bool


def places_in(connection: Connection, mailbox_id: int, folder: str) -> list[Place]:
    """Give the places of all copies that came from a server's folder, of those too that are gone."""
    synced = copies.c.uidvalidity != NO_UIDVALIDITY
    return _places(connection, copies.c.mailbox_id == mailbox_id, copies.c.folder == folder, synced)


def places_at(connection: Connection, source: Source, uids: Collection[str]) -> list[Place]:
    """Give the places of a source's copies that are not gone, by UID."""
    return _places(connection, *rows_of(source, copies), copies.c.uid.in_(uids), copies.c.gone_at.is_(None))


def _places(connection: Connection, *which: ColumnElement[bool]) -> list[Place]:
    columns = (copies.c.id, copies.c.folder, copies.c.uidvalidity, copies.c.uid, copies.c.flags, copies.c.gone_at)
    found = connection.execute(select(*columns).where(*which))
    return [Place(*row[:5], is_gone=row.gone_at is not None) for row in found]


class Arrival(NamedTuple):
    """A message that a folder holds now: its UID, the digest of its bytes, and its flags."""

    uid: str
    digest: bytes
    flags: str


def move_copies(
    connection: Connection, source: Source, arrivals: Collection[Arrival], departed: Collection[int]
) -> list[int]:
    """Know messages again that arrived in a folder; give the ids of their copies, which are no longer free.

    Each takes up a copy with the same bytes that is gone, or `departed`: it is missing where it was, and
    nobody has called it gone yet. What is tied to a copy stays tied: its id, records, shares.
    """
    hold_mail_of(connection, source.user_id)
    known = copy_ids(connection, source, [each.uid for each in arrivals])
    free = _free_copies(connection, source, {each.digest for each in arrivals}, departed)
    moves: list[dict[str, Any]] = [
        {"copy_id": free[each.digest].pop(), "to_uid": each.uid, "to_flags": each.flags}
        for each in arrivals
        if each.uid not in known and free.get(each.digest)
    ]
    if moves:
        place = {"folder": source.folder, "uidvalidity": source.uidvalidity, "uid": bindparam("to_uid")}
        values = {**place, "flags": bindparam("to_flags")}
        connection.execute(update(copies).where(copies.c.id == bindparam("copy_id")).values(values), moves)
        return_copies(connection, source.user_id, [move["copy_id"] for move in moves])
    return [move["copy_id"] for move in moves]


def _free_copies(
    connection: Connection, source: Source, digests: Collection[bytes], departed: Collection[int]
) -> dict[bytes, list[int]]:
    """Give the copies that a message may take up, by digest; the last is the best, one that is not gone."""
    same = (copies.c.mailbox_id == source.mailbox_id, copies.c.digest.in_(digests))
    found = select(copies.c.id, copies.c.digest, copies.c.gone_at).where(*same).order_by(copies.c.id.desc())
    gone: dict[bytes, list[int]] = {}
    missing: dict[bytes, list[int]] = {}
    for row in connection.execute(found):
        if row.gone_at is not None:
            gone.setdefault(row.digest, []).append(row.id)
        elif row.id in departed:
            missing.setdefault(row.digest, []).append(row.id)
    return {digest: gone.get(digest, []) + missing.get(digest, []) for digest in gone.keys() | missing.keys()}


def set_flags(connection: Connection, source: Source, flags: Mapping[str, str]) -> None:
    """Set the flags of a source's copies, by UID."""
    rows = [{"of_uid": uid, "to_flags": each} for uid, each in flags.items()]
    if rows:
        at_place = (*rows_of(source, copies), copies.c.uid == bindparam("of_uid"))
        connection.execute(update(copies).where(*at_place).values(flags=bindparam("to_flags")), rows)


def still_there(connection: Connection, places: Sequence[Place]) -> list[Place]:
    """Give those places at which their copies still are: not moved meanwhile, and not gone."""
    return [place for some in in_portions(places) for place in _still_there(connection, some)]


def _still_there(connection: Connection, places: Sequence[Place]) -> Iterator[Place]:
    columns = (copies.c.id, copies.c.folder, copies.c.uidvalidity, copies.c.uid)
    found = select(*columns).where(copies.c.id.in_([place.copy_id for place in places]), copies.c.gone_at.is_(None))
    there = {row.id: tuple(row) for row in connection.execute(found)}
    return (place for place in places if there.get(place.copy_id) == tuple(place[:4]))


def lose_copies(connection: Connection, user_id: int, copy_ids: Sequence[int], gone_at: int) -> None:
    """Call copies of a user gone (epoch seconds): they are in no view from now on, and come back if they reappear.

    Where the mailbox holds the same message once more, that copy takes over what was filed by hand.
    """
    hold_mail_of(connection, user_id)
    for some in in_portions(copy_ids):
        put_aside(connection, some)
        connection.execute(update(copies).where(copies.c.id.in_(some)).values(gone_at=gone_at))
        _hand_over(connection, some)


def _hand_over(connection: Connection, copy_ids: Sequence[int]) -> None:
    twin = copies.alias("twin")
    found = (
        select(set_aside.c.record_id, twin.c.id)
        .join(copies, copies.c.id == set_aside.c.copy_id)
        .join(twin, (twin.c.mailbox_id == copies.c.mailbox_id) & (twin.c.digest == copies.c.digest))
        .where(copies.c.id.in_(copy_ids), twin.c.gone_at.is_(None))
        .distinct()
        .order_by(set_aside.c.record_id, twin.c.id)
    )
    for record_id, twin_id in connection.execute(found).all():
        associate_by_hand(connection, record_id, [twin_id])


def return_copies(connection: Connection, user_id: int, copy_ids: Sequence[int]) -> None:
    """Let copies of a user that are gone be there again, with all that was tied to them."""
    hold_mail_of(connection, user_id)
    for some in in_portions(copy_ids):
        gone = select(copies.c.id).where(copies.c.id.in_(some), copies.c.gone_at.is_not(None))
        returned = list(connection.execute(gone).scalars())
        connection.execute(update(copies).where(copies.c.id.in_(returned)).values(gone_at=None))
        bring_back(connection, returned)


def forget_other_letters(
    connection: Connection, mailbox_id: int, folder: str, uidvalidity: int | None, uids: Collection[str]
) -> None:
    """Forget the letters of a server's folder, but for those of these UIDs under this UIDVALIDITY."""
    columns = (dead_letters.c.id, dead_letters.c.uidvalidity, dead_letters.c.uid)
    of_folder = (dead_letters.c.mailbox_id == mailbox_id, dead_letters.c.folder == folder)
    found = select(*columns).where(*of_folder, dead_letters.c.uidvalidity != NO_UIDVALIDITY)
    others = [
        {"letter_id": row.id}
        for row in connection.execute(found)
        if row.uidvalidity != uidvalidity or row.uid not in uids
    ]
    if others:
        connection.execute(delete(dead_letters).where(dead_letters.c.id == bindparam("letter_id")), others)


def has_letters(connection: Connection, source: Source) -> bool:
    """Say whether there are letters of a source."""
    found = select(dead_letters.c.id).where(*rows_of(source, dead_letters))
    return connection.execute(found.limit(1)).first() is not None


def mailboxes_to_purge(connection: Connection, before: int) -> list[int]:
    """Give the ids of the mailboxes with copies that were gone by then (epoch seconds)."""
    found = select(copies.c.mailbox_id).where(copies.c.gone_at <= before).distinct().order_by(copies.c.mailbox_id)
    return list(connection.execute(found).scalars())


def has_copies_to_purge(connection: Connection, mailbox_id: int, before: int) -> bool:
    """Say whether a mailbox has copies that were gone by then (epoch seconds)."""
    return connection.execute(_gone_by(mailbox_id, before).limit(1)).first() is not None


def purge_copies(connection: Connection, mailbox_id: int, before: int, limit: int) -> int:
    """Delete copies of a mailbox for good that were gone by then (epoch seconds), some of them; give how many.

    One that is on a record all the same is taken from it first: it must not keep the others from being deleted.
    """
    owner = connection.execute(select(mailboxes.c.user_id).where(mailboxes.c.id == mailbox_id)).scalar_one()
    hold_mail_of(connection, owner)
    copy_ids = list(connection.execute(_gone_by(mailbox_id, before).limit(limit)).scalars())
    put_aside(connection, copy_ids)
    forget_raw_messages(connection, copy_ids)
    for table in (set_aside, copy_participants):
        connection.execute(delete(table).where(table.c.copy_id.in_(copy_ids)))
    connection.execute(delete(copies).where(copies.c.id.in_(copy_ids)))
    return len(copy_ids)


def _gone_by(mailbox_id: int, before: int) -> Select[int]:
    return select(copies.c.id).where(copies.c.mailbox_id == mailbox_id, copies.c.gone_at <= before)
