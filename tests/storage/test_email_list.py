"""What it takes to list e-mails, or to find one, does not grow with what the record and the owner hold."""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from postroom.actions.tokens import hash_token
from postroom.mail.parse import parse_message
from postroom.storage.compiled import CompiledStatement, Rows
from postroom.storage.email_list import EmailLists, EmailPlace, ListedEmail
from postroom.storage.mail import IncomingCopy, store_copies
from tests.storage.conftest import source_of
from tests.team import Team, email_of, message

LEAD, ADDRESS = 1001, "carol@customer.example"
NEWEST = EmailPlace(2**62, b"")
PAGE = 10


class Counting:
    """A connection that reads, and counts the steps that the database takes: of its machine, or of the plan."""

    def __init__(self, connection: Any) -> None:
        self._connection, self.steps = connection, 0

    def run(self, statement: CompiledStatement, parameters: dict[str, Any]) -> Rows:
        connection = self._connection._connection
        if isinstance(connection, psycopg.Connection):
            self.steps += _rows_of_plan(connection, statement, parameters)
            return self._connection.run(statement, parameters)
        connection.set_progress_handler(self._step, 1)
        rows = self._connection.run(statement, parameters)
        connection.set_progress_handler(None, 1)
        return rows

    def _step(self) -> None:
        self.steps += 1


def _rows_of_plan(connection: Any, statement: CompiledStatement, parameters: dict[str, Any]) -> int:
    connection.execute(f"PREPARE counted AS {statement.text}")
    values = sql.SQL(", ").join(map(sql.Literal, statement.values(parameters)))
    explain = sql.SQL("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE counted({})").format(values)
    ((found,),) = connection.execute(explain).fetchall()
    connection.execute("DEALLOCATE counted")
    return sum(_rows(found[0]["Plan"]))


def _rows(node: dict[str, Any]) -> Iterator[float]:
    yield (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    for inner in node.get("Plans", ()):
        yield from _rows(inner)


class Asked:
    """Alice's mail on a lead, as Alice lists it."""

    def __init__(self, team: Team) -> None:
        facts = team.reader.read(hash_token(team.token("Alice")), "leads", LEAD)
        assert facts is not None
        self.viewer_id = facts.record.viewer.user_id
        self.holdings = list(facts.record.holdings)
        self.lists = EmailLists(team.database.dialect, PAGE)
        self._team = team

    def page(self, place: EmailPlace, *, newer: bool = False) -> tuple[list[ListedEmail], int]:
        with self._team.database.snapshot() as snapshot:
            counting = Counting(snapshot)
            return self.lists.page(counting, self.viewer_id, self.holdings, place, newer=newer), counting.steps

    def one(self, key: bytes) -> int:
        with self._team.database.snapshot() as snapshot:
            counting = Counting(snapshot)
            assert self.lists.one(counting, self.viewer_id, self.holdings, key) is not None
            return counting.steps


def letter(uid: str) -> IncomingCopy:
    raw = message(ADDRESS, [email_of("Alice")], f"<{uid}@customer.example>")
    return IncomingCopy(uid, raw, parse_message(raw))


def test_with_many_emails_as_with_few(team: Team) -> None:
    team.user("Alice")
    team.record("Leads", "Alice", ADDRESS, record_id=LEAD)
    steps = []
    for count in (3 * PAGE, 20 * PAGE):
        with team.database.write() as connection:
            store_copies(connection, source_of(team.database, "Alice"), [letter(f"{count}.{n}") for n in range(count)])
        asked = Asked(team)
        first, of_first = asked.page(NEWEST)
        far, of_far = asked.page(first[-1].place)
        steps.append((of_first, of_far, asked.page(far[0].place, newer=True)[1], asked.one(far[3].place.email_key)))
    few, many = steps
    assert all(b < 1.3 * a for a, b in zip(few, many, strict=True)), (few, many)
