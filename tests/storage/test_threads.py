"""Threads: messages that name one another are one conversation, in whatever order and batches they come in."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from postroom.core.model import Message
from postroom.storage.database import Database
from postroom.storage.schema import thread_messages, threads
from postroom.storage.threads import assign_threads
from tests.properties import examples
from tests.team import Team, wipe

IDS = st.sampled_from("abcdefgh")
MESSAGES = st.builds(
    lambda own, references: Message(own, None, None, "", (), b"", tuple(references), ()),
    st.none() | IDS,
    st.lists(IDS, max_size=3),
)
ALICE, BOB = 1, 2


def named(message: Message) -> set[str]:
    return {*message.references, *filter(None, [message.message_id])}


def conversations(messages: Sequence[Message]) -> set[frozenset[int]]:
    """Say which messages belong together, joining two conversations as long as there are two that share an id."""
    found = [({number}, named(message)) for number, message in enumerate(messages)]
    while True:
        pairs = [(one, two) for one in found for two in found if one is not two and one[1] & two[1]]
        if not pairs:
            return {frozenset(numbers) for numbers, _ in found}
        one, two = pairs[0]
        found = [each for each in found if each is not one and each is not two] + [(one[0] | two[0], one[1] | two[1])]


class TestThreads:
    @given(batches=st.lists(st.lists(MESSAGES, max_size=6), max_size=4))
    @examples(40)
    def test_are_the_conversations(self, erasable_team: Team, batches: list[list[Message]]) -> None:
        """Copies are left out: what is in a thread is followed by the ids that it was joined by."""
        _anew(erasable_team)
        messages = [message for batch in batches for message in batch]
        given_ids = [each for batch in batches for each in _assigned(erasable_team.database, ALICE, batch)]
        now_in = _threads_by_id(erasable_team.database)
        found: dict[int, set[int]] = {}
        for number, (message, thread_id) in enumerate(zip(messages, given_ids, strict=True)):
            ids = named(message)
            thread = now_in[min(ids)] if ids else thread_id
            assert {now_in[each] for each in ids} <= {thread}
            found.setdefault(thread, set()).add(number)
        assert {frozenset(numbers) for numbers in found.values()} == conversations(messages)
        with erasable_team.database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(threads)) == len(found)

    def test_of_two_users_are_never_one(self, erasable_team: Team) -> None:
        _anew(erasable_team)
        message = Message("a", None, None, "", (), b"", ("b",), ())
        of_alice, of_bob = (_assigned(erasable_team.database, user, [message]) for user in (ALICE, BOB))
        assert of_alice != of_bob


def _anew(team: Team) -> None:
    wipe(team.database)
    with team.database.write() as connection:
        for user_id in (ALICE, BOB):
            connection.exec_driver_sql(
                "INSERT INTO users (id, email, full_name, profile, status) "
                f"VALUES ({user_id}, '{user_id}@x', 'x', 'Standard', 'active')"
            )


def _assigned(database: Database, user_id: int, batch: Sequence[Message]) -> list[int]:
    with database.write() as connection:
        return assign_threads(connection, user_id, batch)


def _threads_by_id(database: Database) -> dict[str, int]:
    with database.read() as connection:
        rows = connection.execute(select(thread_messages.c.message_id, thread_messages.c.thread_id))
        return {row.message_id: row.thread_id for row in rows}
