"""Storing messages as they come from a source, a batch at a time."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.core.model import Message
from postroom.mail.parse import parse_message
from postroom.storage.associations import associate_by_hand
from postroom.storage.database import Database
from postroom.storage.mail import IncomingCopy, Source, copy_ids, store_copies

_BATCH_MESSAGES = 200
_BATCH_BYTES = 16 * 1024 * 1024


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
    """What was read of a message."""

    came: RawMessage
    message: Message


class Problem(NamedTuple):
    """What could not be read, and where."""

    place: str
    sentence: str


@dataclass(slots=True)
class MailReport:
    """What became of the messages of one source or several."""

    stored: int = 0
    known: int = 0
    problems: list[Problem] = field(default_factory=list)


def store_messages(
    database: Database,
    source: Source,
    messages: Iterable[RawMessage],
    report: MailReport,
    *,
    by_hand_on: int | None = None,
) -> None:
    """Parse and store messages, one transaction a batch; what cannot be read is kept and reported.

    `by_hand_on` is a record with which all of them are associated by hand.
    """
    for batch in batches(messages):
        read = read_messages(batch)
        with database.write() as connection:
            store_batch(connection, source, read, report, by_hand_on=by_hand_on)


def read_messages(batch: Iterable[RawMessage]) -> list[ReadMessage]:
    """Parse messages."""
    return [ReadMessage(each, parse_message(each.raw, truncated=each.truncated)) for each in batch]


def store_batch(
    connection: Connection,
    source: Source,
    batch: Sequence[ReadMessage],
    report: MailReport,
    *,
    by_hand_on: int | None = None,
) -> None:
    """Store messages within a transaction."""
    stored = _store(connection, source, batch, [] if by_hand_on is None else [by_hand_on])
    report.stored += len(stored)
    report.known += len(batch) - len(stored)
    report.problems += [Problem(each.came.place, sentence) for each in batch for sentence in each.message.problems]


def file_message(connection: Connection, source: Source, message: RawMessage, by_hand_on: Collection[int]) -> None:
    """Store one message within a transaction, and associate it by hand with each of these records."""
    _store(connection, source, read_messages([message]), by_hand_on)


def _store(
    connection: Connection, source: Source, batch: Sequence[ReadMessage], by_hand_on: Collection[int]
) -> list[int]:
    incoming = [IncomingCopy(each.came.uid, each.came.raw, each.message, each.came.flags) for each in batch]
    stored = store_copies(connection, source, incoming)
    if by_hand_on:
        ids = copy_ids(connection, source, [copy.uid for copy in incoming])
        for record_id in by_hand_on:
            associate_by_hand(connection, record_id, ids.values())
    return stored


def batches(messages: Iterable[RawMessage]) -> Iterator[list[RawMessage]]:
    """Group messages so that a transaction stays short, and what is held in memory small."""
    batch: list[RawMessage] = []
    size = 0
    for message in messages:
        batch.append(message)
        size += len(message.raw)
        if len(batch) >= _BATCH_MESSAGES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
