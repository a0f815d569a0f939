"""Storing messages as they come from a source, a batch at a time."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.core.model import Message
from postroom.mail.headers import clean
from postroom.mail.parse import parse_message
from postroom.storage.associations import associate_by_hand
from postroom.storage.database import Database
from postroom.storage.dead_letters import NewLetter, forget_letters, keep_letter
from postroom.storage.mail import IncomingCopy, Source, copy_ids, store_copies

_BATCH_MESSAGES = 200
_BATCH_BYTES = 16 * 1024 * 1024
_REASON_LENGTH = 200


class RawMessage(NamedTuple):
    """A message as it came, or its headers alone if it was `truncated`.

    `uid` names it in its source, `place` names it to a person.
    """

    uid: str
    raw: bytes
    place: str
    truncated: bool = False
    flags: str = ""


class ReadMessage(NamedTuple):
    """What was read of a message, or the reason why nothing was."""

    came: RawMessage
    message: Message | None
    reason: str = ""


class Problem(NamedTuple):
    """What could not be read, and where."""

    place: str
    sentence: str


@dataclass(slots=True)
class MailReport:
    """What became of the messages of one source or several."""

    stored: int = 0
    known: int = 0
    dead_letters: int = 0
    problems: list[Problem] = field(default_factory=list)


def store_messages(
    database: Database,
    source: Source,
    messages: Iterable[RawMessage],
    report: MailReport,
    *,
    now: int,
    by_hand_on: int | None = None,
) -> None:
    """Parse and store messages at `now` (epoch seconds), one transaction a batch.

    What cannot be read is reported, and what cannot be stored is kept as a dead letter; neither stops the others.
    `by_hand_on` is a record with which all of them are associated by hand.
    """
    for batch in batches(messages):
        read = read_messages(batch)
        with database.write() as connection:
            store_batch(connection, source, read, report, now=now, by_hand_on=by_hand_on)


def read_messages(batch: Iterable[RawMessage]) -> list[ReadMessage]:
    """Parse messages; one on which that fails stops no other."""
    return [_read(each) for each in batch]


def store_batch(
    connection: Connection,
    source: Source,
    batch: Sequence[ReadMessage],
    report: MailReport,
    *,
    now: int,
    by_hand_on: int | None = None,
) -> None:
    """Store messages within a transaction, each as a copy or, where that fails, as a dead letter."""
    readable = [each for each in batch if each.message is not None]
    stored, refused = _store_or_refuse(connection, source, readable, [] if by_hand_on is None else [by_hand_on])
    dead = _not_known(connection, source, [*(each for each in batch if each.message is None), *refused])
    for each in dead:
        keep_letter(connection, source, _letter(each, by_hand_on), now)
    forget_letters(connection, source, {each.came.uid for each in batch} - {each.came.uid for each in dead})
    report.stored += stored
    report.dead_letters += len(dead)
    report.known += len(batch) - stored - len(dead)
    report.problems += _problems(readable, dead)


def keep_unread(connection: Connection, source: Source, uid: str, place: str, reason: str, *, now: int) -> Problem:
    """Keep as a dead letter, within a transaction, a message of which nothing came; give what is said of it."""
    letter = NewLetter(uid, place, truncated=True, record_id=None, reason=reason, raw=b"")
    keep_letter(connection, source, letter, now)
    return Problem(place, f"not stored, kept as a dead letter: {reason}")


def file_message(connection: Connection, source: Source, message: RawMessage, by_hand_on: Collection[int]) -> None:
    """Store one message within a transaction, and associate it by hand with each of these records."""
    _store(connection, source, [ReadMessage(message, parse_message(message.raw))], by_hand_on)


def _read(came: RawMessage) -> ReadMessage:
    try:
        return ReadMessage(came, parse_message(came.raw, truncated=came.truncated))
    except Exception as error:  # noqa: BLE001 (whatever it is, it is about this message and no other)
        return ReadMessage(came, None, _reason(error))


def _store_or_refuse(
    connection: Connection, source: Source, batch: Sequence[ReadMessage], by_hand_on: Collection[int]
) -> tuple[int, list[ReadMessage]]:
    """Store all at once; where that fails, halve by halve until those are found on which it does."""
    try:
        with connection.begin_nested():
            return _store(connection, source, batch, by_hand_on), []
    except Exception as error:
        if Database.is_out_of_order(error):
            raise
        if len(batch) == 1:
            return 0, [batch[0]._replace(message=None, reason=_reason(error))]
    half = len(batch) // 2
    first, second = (_store_or_refuse(connection, source, some, by_hand_on) for some in (batch[:half], batch[half:]))
    return first[0] + second[0], first[1] + second[1]


def _store(connection: Connection, source: Source, batch: Sequence[ReadMessage], by_hand_on: Collection[int]) -> int:
    """Store what is not stored yet; give how many those are."""
    incoming = [
        IncomingCopy(each.came.uid, each.came.raw, each.message, each.came.flags)
        for each in batch
        if each.message is not None
    ]
    stored = store_copies(connection, source, incoming)
    if by_hand_on:
        ids = copy_ids(connection, source, [copy.uid for copy in incoming])
        for record_id in by_hand_on:
            associate_by_hand(connection, record_id, ids.values())
    return len(stored)


def _not_known(connection: Connection, source: Source, dead: Sequence[ReadMessage]) -> list[ReadMessage]:
    """Leave out what is stored from an earlier time, and what comes twice."""
    known = copy_ids(connection, source, [each.came.uid for each in dead]) if dead else {}
    return list({each.came.uid: each for each in dead if each.came.uid not in known}.values())


def _letter(dead: ReadMessage, record_id: int | None) -> NewLetter:
    came = dead.came
    return NewLetter(came.uid, came.place, came.truncated, record_id, dead.reason, came.raw)


def _problems(read: Iterable[ReadMessage], dead: Iterable[ReadMessage]) -> list[Problem]:
    noted = [Problem(each.came.place, text) for each in read if each.message for text in each.message.problems]
    return noted + [Problem(each.came.place, f"not stored, kept as a dead letter: {each.reason}") for each in dead]


def _reason(error: Exception) -> str:
    """Say what failed in one line; of a database's error its own first line, without the statement."""
    lines = str(getattr(error, "orig", error)).splitlines()
    return clean(f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}", _REASON_LENGTH)


def batches(messages: Iterable[RawMessage]) -> Iterator[list[RawMessage]]:
    """Group messages so that a transaction stays short, and what is held in memory small.

    Where they break off, what came until then is a batch of its own before the error.
    """
    batch: list[RawMessage] = []
    size = 0
    try:
        for message in messages:
            batch.append(message)
            size += len(message.raw)
            if len(batch) >= _BATCH_MESSAGES or size >= _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except Exception:
        if batch:
            yield batch
        raise
    if batch:
        yield batch
