"""Which messages of a user are one conversation: those that refer to one another, however they come in."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update

from postroom.core.matching import thread_ids
from postroom.core.model import Message
from postroom.storage.database import in_portions
from postroom.storage.ids import take_ids
from postroom.storage.schema import copies, thread_messages, threads


def assign_threads(connection: Connection, user_id: int, messages: Sequence[Message]) -> list[int]:
    """Give the thread of each message, in order; threads that a message joins become one.

    The caller holds the user's mail (`lock_mail_of`). A thread of which a part is withheld is withheld.
    """
    named = [thread_ids(message) for message in messages]
    known = _known(connection, user_id, {each for ids in named for each in ids})
    groups = _Groups()
    for ids in named:
        groups.tie([*ids, *(known[each] for each in ids if each in known)])
    threads_of = _threads_of_groups(connection, user_id, groups)
    _insert_messages(
        connection, user_id, {each: threads_of[groups.of(each)] for ids in named for each in ids if each not in known}
    )
    alone = iter(_new_threads(connection, user_id, sum(not ids for ids in named)))
    return [threads_of[groups.of(ids[0])] if ids else next(alone) for ids in named]


class _Groups:
    """What belongs together: messages by their ids, and threads by theirs (a forest of disjoint sets)."""

    def __init__(self) -> None:
        self._above: dict[str | int, str | int] = {}

    def tie(self, members: Sequence[str | int]) -> None:
        """Let all of these be of one group."""
        for each in members:
            self._above.setdefault(each, each)
            self._above[self.of(each)] = self.of(members[0])

    def of(self, member: str | int) -> str | int:
        """Give the member that stands for its whole group."""
        while (above := self._above[member]) != member:
            self._above[member] = self._above[above]  # halves the way for the next one
            member = above
        return member

    def threads(self) -> dict[str | int, list[int]]:
        """Give the threads of each group, ascending, in the order in which groups were first named."""
        found: dict[str | int, list[int]] = {}
        for each in self._above:
            there = found.setdefault(self.of(each), [])
            if isinstance(each, int):
                there.append(each)
        return {group: sorted(threads) for group, threads in found.items()}


def _threads_of_groups(connection: Connection, user_id: int, groups: _Groups) -> dict[str | int, int]:
    """Give the one thread of each group: the oldest that is there, which takes up the others, or a new one."""
    there = groups.threads()
    for first, *others in filter(None, there.values()):
        if others:
            _merge(connection, first, others)
    new = iter(_new_threads(connection, user_id, sum(not found for found in there.values())))
    return {group: found[0] if found else next(new) for group, found in there.items()}


def _known(connection: Connection, user_id: int, ids: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for some in in_portions(sorted(ids)):
        of_user = (thread_messages.c.user_id == user_id, thread_messages.c.message_id.in_(some))
        statement = select(thread_messages.c.message_id, thread_messages.c.thread_id).where(*of_user)
        found |= {row.message_id: row.thread_id for row in connection.execute(statement)}
    return found


def _new_threads(connection: Connection, user_id: int, number: int) -> list[int]:
    if not number:
        return []
    ids = take_ids(connection, number)
    connection.execute(insert(threads), [{"id": each, "user_id": user_id, "withheld_at": None} for each in ids])
    return ids


def _insert_messages(connection: Connection, user_id: int, threads_of: dict[str, int]) -> None:
    rows = [{"user_id": user_id, "message_id": each, "thread_id": thread} for each, thread in threads_of.items()]
    if rows:
        connection.execute(insert(thread_messages), rows)


def _merge(connection: Connection, thread_id: int, others: Sequence[int]) -> None:
    """Let one thread take up others, and the mark of those that are withheld."""
    every = (thread_id, *others)
    withheld_at = connection.execute(select(func.min(threads.c.withheld_at)).where(threads.c.id.in_(every))).scalar()
    connection.execute(update(threads).where(threads.c.id == thread_id).values(withheld_at=withheld_at))
    for table in (copies, thread_messages):
        connection.execute(update(table).where(table.c.thread_id.in_(others)).values(thread_id=thread_id))
    connection.execute(delete(threads).where(threads.c.id.in_(others)))
