"""Synchronising in a process that is killed, and what a mailbox holds afterwards, ids and times aside."""

import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import Connection, event, select

from postroom.actions.sync import sync_mailbox
from postroom.storage.database import Database
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import (
    associations,
    copies,
    copy_participants,
    folders,
    record_mail,
    set_aside,
)
from tests.sync.accounts import Account
from tests.team import NOW

Place = tuple[str, str, bool]


def sync_and_count_commits(account: Account) -> int:
    """Synchronise to the end; give how many transactions that took."""
    database = _own_database(account)
    commits = 0

    def count_commit() -> None:
        nonlocal commits
        commits += 1

    before_each_commit(database, count_commit)
    sync_mailbox(database, account.team.box, account.mailbox_id, NOW)
    database.close()
    return commits


def before_each_commit(database: Database, call: Callable[[], None]) -> None:
    """Call a function when a transaction that may have written is about to be committed."""

    def committing(connection: Connection) -> None:
        if not connection.get_execution_options().get("read_only"):
            call()

    event.listen(database.engine, "commit", committing)


def kill_at_commit(account: Account, number: int) -> None:
    """Synchronise in a child that is killed when it is about to commit a transaction, after all before it."""
    child = _fork(account, number)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill_after(account: Account, seconds: float) -> bool:
    """Synchronise in a child that is killed after some time; say whether it was not at its end before."""
    child = _fork(account, 0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in {0, -signal.SIGKILL}
    return ended == -signal.SIGKILL


def _fork(account: Account, kill_at: int) -> int:
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
        sync_mailbox(database, account.team.box, account.mailbox_id, NOW)
        status = 0
    finally:
        os._exit(status)  # the parent's fixtures are the parent's


def _own_database(account: Account) -> Database:
    return Database(account.team.database.engine.url.render_as_string(hide_password=False))


def held(account: Account) -> dict[str, object]:
    """Give all that is stored of a mailbox in words that are the same for each mailbox with the same mail."""
    with account.team.database.read() as connection:
        of_mailbox = copies.c.mailbox_id == account.mailbox_id
        rows = connection.execute(select(copies).where(of_mailbox)).mappings().all()
        user_id = rows[0]["user_id"]
        there = {(row["folder"], row["uidvalidity"]) for row in rows if row["gone_at"] is None}
        place = {row["id"]: (row["folder"], row["uid"], row["gone_at"] is not None) for row in rows}
        assert len(there) == len({folder for folder, _ in there})  # nothing is left of a UIDVALIDITY before

        def beside_places(*columns: object) -> list[object]:
            table = columns[0].table
            found = select(*columns).join(copies, copies.c.id == table.c.copy_id).where(of_mailbox)
            return sorted((place[row[0]], *row[1:]) for row in connection.execute(found))

        threads = defaultdict(set)
        for row in rows:
            threads[row["thread_id"]].add(place[row["id"]])
        kept = ("email_key", "message_id", "sender", "sent_at", "subject", "problems", "withheld", "digest", "flags")
        participants = copy_participants.c
        names = ("name", "state", "uidnext", "messages", "watermark", "doubted_since", "error")
        of_folders = select(*(folders.c[name] for name in names)).where(folders.c.mailbox_id == account.mailbox_id)
        counts = (record_mail.c.record_id, record_mail.c.associated_by, record_mail.c.copies, record_mail.c.shareable)
        return {
            "copies": sorted((place[row["id"]], *(row[name] for name in kept)) for row in rows),
            "threads": sorted(sorted(each) for each in threads.values()),
            "raw": sorted((place[row["id"]], raw_message(connection, row["id"])) for row in rows),
            "participants": beside_places(participants.copy_id, participants.role, participants.address),
            "records": beside_places(associations.c.copy_id, associations.c.record_id, associations.c.associated_by),
            "set aside": beside_places(set_aside.c.copy_id, set_aside.c.record_id),
            "counts": sorted(map(tuple, connection.execute(select(*counts).where(record_mail.c.user_id == user_id)))),
            "folders": sorted(map(tuple, connection.execute(of_folders))),
        }
