"""Making a change of who sees what: in one transaction with its entry in the audit."""

import json
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import ActionError
from postroom.storage.audit import add_entry
from postroom.storage.database import Database

ResultT = TypeVar("ResultT")


class Transaction(NamedTuple):
    """A change as it is being made: where, by whom, and when (epoch seconds)."""

    connection: Connection
    by: Actor
    now: int

    def write_down(
        self,
        change: str,
        subject: str,
        before: object,
        after: object,
        *,
        owner_id: int | None = None,
        role_id: int | None = None,
    ) -> None:
        """Add an entry to the audit; what stays as it was is no change.

        `owner_id` or `role_id` says whose mail it concerns, where it is one user's or that of a role's users.
        """
        if before == after:
            return
        add_entry(
            self.connection,
            at=self.now,
            actor_id=self.by.user_id,
            channel=self.by.channel,
            change=change,
            subject=subject,
            owner_id=owner_id,
            role_id=role_id,
            before=None if before is None else json.dumps(before, ensure_ascii=False),
            after=None if after is None else json.dumps(after, ensure_ascii=False),
        )


def each_for_itself(
    transaction: Transaction, works: Iterable[Callable[[Transaction], ResultT]]
) -> list[ResultT | ActionError]:
    """Do some works in one transaction; what one of them refuses takes nothing of the others back."""
    results: list[ResultT | ActionError] = []
    for work in works:
        try:
            with transaction.connection.begin_nested():
                results.append(work(transaction))
        except ActionError as error:
            results.append(error)
    return results


class Change(Protocol):
    """A change that can be made, or tried in a transaction that is taken back."""

    def apply(self, transaction: Transaction) -> None:
        """Make it, or raise an ActionError."""


def make(database: Database, change: Change, by: Actor, *, now: int) -> None:
    """Make a change at `now` (epoch seconds): it is in the next answer of every process. Raises an ActionError."""
    with database.write() as connection:
        change.apply(Transaction(connection, by, now))
