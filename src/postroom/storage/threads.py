"""Which messages of a user are one conversation: those that refer to one another, however they come in."""

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from postroom.core.matching import thread_ids
from postroom.core.model import Message
from postroom.storage.ids import take_id
from postroom.storage.schema import copies, thread_messages, threads


def assign_threads(connection: Connection, user_id: int, messages: Sequence[Message]) -> list[int]:
    """Give the thread of each message, in order; threads that a message joins become one.

    The caller holds the user's mail (`lock_mail_of`). A thread of which a part is withheld is withheld.
    """
    known = _known(connection, user_id, {i for message in messages for i in thread_ids(message)})
    for message in messages:
        _tie(connection, user_id, thread_ids(message), known)
    return [_thread_of(connection, user_id, thread_ids(message), known) for message in messages]


def _tie(connection: Connection, user_id: int, ids: Sequence[str], known: dict[str, int]) -> None:
    """Put the ids that one message names into one thread."""
    if not ids:
        return
    found = sorted({known[i] for i in ids if i in known})
    new = [i for i in ids if i not in known]
    thread_id = found[0] if found else _new_thread(connection, user_id)
    if found[1:]:
        _merge(connection, thread_id, found[1:])
        known.update({i: thread_id for i, other in known.items() if other in found})
    if new:
        rows = [{"user_id": user_id, "message_id": i, "thread_id": thread_id} for i in new]
        connection.execute(insert(thread_messages), rows)
        known.update(dict.fromkeys(new, thread_id))


def _thread_of(connection: Connection, user_id: int, ids: Sequence[str], known: dict[str, int]) -> int:
    """Give a message's thread once all are tied; one that names no id is a thread by itself."""
    return known[ids[0]] if ids else _new_thread(connection, user_id)


def _known(connection: Connection, user_id: int, ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in _chunks(sorted(ids)):
        of_user = (thread_messages.c.user_id == user_id, thread_messages.c.message_id.in_(some))
        statement = select(thread_messages.c.message_id, thread_messages.c.thread_id).where(*of_user)
        found |= {row.message_id: row.thread_id for row in connection.execute(statement)}
    return found


def _new_thread(connection: Connection, user_id: int) -> int:
    thread_id = take_id(connection)
    connection.execute(insert(threads).values(id=thread_id, user_id=user_id, withheld_at=None))
    return thread_id


def _merge(connection: Connection, thread_id: int, others: Sequence[int]) -> None:
    """Let one thread take up others, and the mark of those that are withheld."""
    every = (thread_id, *others)
    withheld_at = connection.execute(select(func.min(threads.c.withheld_at)).where(threads.c.id.in_(every))).scalar()
    connection.execute(update(threads).where(threads.c.id == thread_id).values(withheld_at=withheld_at))
    for table in (copies, thread_messages):
        connection.execute(update(table).where(table.c.thread_id.in_(others)).values(thread_id=thread_id))
    connection.execute(delete(threads).where(threads.c.id.in_(others)))


def _chunks(ids: Sequence[str], size: int = 5000) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
