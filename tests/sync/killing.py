"""A worker's turn in a process that is killed, and what a mailbox holds afterwards, ids and times aside."""

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, event, select

from postroom.actions.leases import LEASE_SECONDS, LeaseKeeper
from postroom.actions.mailbox_turns import Reader, sync_now
from postroom.storage.database import Database
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import attached_files, attachments, copies, metadata
from tests.sync.accounts import Account
from tests.team import NOW

# What is another one in each mailbox, whatever is stored of it. Everything else is compared, also what is new.
_OF_THE_ACCOUNT = {"address", "username", "sealed_password", "user_id", "mailbox_id"}
_OF_THE_SERVER = {"uidvalidity", "highestmodseq"}  # numbers that it chose for the folder
_IDS = {"id"}  # in the order of storing; copy_id and thread_id are given as what they stand for
_TIMES = {
    *("gone_at", "reconciled_at", "failed_at", "next_try_at", "passed_at", "complete_at", "lease_until", "sync_since"),
    *("doubted_since", "withheld_at"),
}  # of these only whether there is one
_OF_THE_WAY = {"resets"}  # UIDVALIDITYs in a row: a turn that goes on with the new one ends the row
_ASIDE = _OF_THE_WAY | _OF_THE_ACCOUNT | _OF_THE_SERVER | _IDS


def make_turn(account: Account, attempt: int = 0) -> int:
    """Make a worker's turn to its end; give how many transactions that took.

    Each `attempt` has its time, when the lease of whoever was killed in the one before has run out.
    """
    database = _own_database(account)
    commits = 0

    def count_commit() -> None:
        nonlocal commits
        commits += 1

    before_each_commit(database, count_commit)
    _turn(database, account, attempt)
    database.close()
    return commits


def come_to_the_end(account: Account, attempt: int) -> None:
    """Make turns until no folder waits to be compared again, as one may that was read in another order."""
    make_turn(account, attempt)
    if any("'state': 'reconciling'" in folder for folder in held(account)["folders"]):
        make_turn(account, attempt + 1)


def before_each_commit(database: Database, call: Callable[[], None]) -> None:
    """Call a function when a transaction that may have written is about to be committed."""

    def committing(connection: Connection) -> None:
        if not connection.get_execution_options().get("read_only"):
            call()

    event.listen(database.engine, "commit", committing)


def kill_at_commit(account: Account, number: int) -> None:
    """Make a turn in a child that is killed when it is about to commit a transaction, after all before it."""
    child = _fork(account, number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill_after(account: Account, seconds: float, attempt: int) -> bool:
    """Make a turn in a child that is killed after some time; say whether it was not at its end before."""
    child = _fork(account, 0, attempt)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, -signal.SIGKILL}
    return ended == -signal.SIGKILL


def _fork(account: Account, kill_at: int, attempt: int = 0) -> int:
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        database = _own_database(account)
        left = kill_at

        def kill_when_due() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        before_each_commit(database, kill_when_due)
        _turn(database, account, attempt)
        status = 0
    finally:
        os._exit(status)  # the parent's fixtures are the parent's


def _turn(database: Database, account: Account, attempt: int) -> None:
    """Make a turn as the worker does: take up the mailbox, make the pass, write down what it came to."""

    def clock() -> float:
        return NOW + attempt * (LEASE_SECONDS + 1)

    reader = Reader(database, account.team.box, LeaseKeeper(database, clock), clock, random.Random(1))
    sync_now(reader, account.address, lambda *_: None)


def _own_database(account: Account) -> Database:
    return Database(account.team.database.engine.url.render_as_string(hide_password=False))


def held(account: Account) -> dict[str, list[str]]:
    """Give all that is stored of a mailbox in words that are the same for each mailbox with the same mail."""
    with account.team.database.read() as connection:
        of_mailbox = select(copies).where(copies.c.mailbox_id == account.mailbox_id).order_by(copies.c.id)
        rows = connection.execute(of_mailbox).mappings().all()
        there = {(row["folder"], row["uidvalidity"]) for row in rows if row["gone_at"] is None}
        assert len(there) == len({folder for folder, _ in there})  # nothing is left of a UIDVALIDITY before
        places = {row["id"]: (row["folder"], _uid(row), row["gone_at"] is not None) for row in rows}
        threads: dict[int, list[Any]] = {}
        for row in rows:
            threads.setdefault(row["thread_id"], []).append(places[row["id"]])
        words = {"copy_id": places, "thread_id": {thread: sorted(each) for thread, each in threads.items()}}
        found = {}
        for table in metadata.sorted_tables:
            condition = _of_mailbox(table, account, list(places))
            if condition is not None:
                stored = connection.execute(select(table).where(condition)).mappings()
                found[table.name] = sorted(repr(_in_words(row, words)) for row in stored)
        raws = {str(places[copy_id]): raw_message(connection, copy_id) for copy_id in places}
    return found | {"messages": sorted(map(repr, raws.items()))}


def _of_mailbox(table: Table, account: Account, copy_ids: list[int]) -> ColumnElement[bool] | None:
    """Say which rows of a table belong to a mailbox or its user, None where no row ever does."""
    if table is attached_files:
        used = select(attachments.c.digest).where(attachments.c.copy_id.in_(copy_ids))
        return table.c.digest.in_(used)
    if "copy_id" in table.c:
        return table.c.copy_id.in_(copy_ids)
    if "mailbox_id" in table.c:
        return table.c.mailbox_id == account.mailbox_id
    return table.c.user_id == account.user_id if "user_id" in table.c else None


def _in_words(row: Mapping[str, Any], words: Mapping[str, Mapping[int, Any]]) -> dict[str, Any]:
    """Give a row without what is another one each time, with what its ids stand for."""
    given = {name: value for name, value in row.items() if name not in _ASIDE}
    for name in given.keys() & words.keys():
        given[name] = words[name].get(given[name])
    if "uid" in given:
        given["uid"] = _uid(row)
    return {name: value is not None if name in _TIMES else value for name, value in given.items()}


def _uid(row: Mapping[str, Any]) -> str:
    """Give a message's number; Dovecot writes the UIDVALIDITY of the mailbox behind it over POP3."""
    return str(row["uid"][:8] if row["kind"] == "pop" else row["uid"])
