"""Storing messages as they come from a source, a batch at a time."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

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
    for batch in _batches(messages):
        incoming = [_incoming(message, report) for message in batch]
        with database.write() as connection:
            stored = _store(connection, source, incoming, [] if by_hand_on is None else [by_hand_on])
        report.stored += len(stored)
        report.known += len(incoming) - len(stored)


def file_message(connection: Connection, source: Source, message: RawMessage, by_hand_on: Collection[int]) -> None:
    """Store one message within a transaction, and associate it by hand with each of these records."""
    _store(connection, source, [_incoming(message, MailReport())], by_hand_on)


def _store(
    connection: Connection, source: Source, incoming: Sequence[IncomingCopy], by_hand_on: Collection[int]
) -> list[int]:
    stored = store_copies(connection, source, incoming)
    if by_hand_on:
        ids = copy_ids(connection, source, [copy.uid for copy in incoming])
        for record_id in by_hand_on:
            associate_by_hand(connection, record_id, ids.values())
    return stored


def _incoming(message: RawMessage, report: MailReport) -> IncomingCopy:
    parsed = parse_message(message.raw, truncated=message.truncated)
    report.problems += [Problem(message.place, sentence) for sentence in parsed.problems]
    return IncomingCopy(message.uid, message.raw, parsed)


def _batches(messages: Iterable[RawMessage]) -> Iterator[list[RawMessage]]:
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
