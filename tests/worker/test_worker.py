"""The worker within this process: what goes on beside a stuck server or a large mailbox, and what a stop leaves."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Column, select, update
from structlog.testing import capture_logs

from postroom.actions import store_mail, worker
from postroom.actions.grace_period import GRACE_SECONDS
from postroom.actions.mailbox_status import set_paused
from postroom.actions.mailbox_turns import sync_now
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.worker import Limits
from postroom.core.model import Security, SyncState, Trouble
from postroom.storage.places import lose_copies
from postroom.storage.schema import copies, mailbox_sync, raw_messages
from tests.mail.loopback import loopback
from tests.servers.smtp import PASSWORD, running_smtp
from tests.team import NOW, OPERATOR, email_of
from tests.worker.reading import Accounts, reader, wait_until, working

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@contextmanager
def silent_server() -> Iterator[int]:
    """Give the port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def pause(accounts: Accounts, address: str) -> None:
    set_paused(accounts.team.database, address, paused=True, by=OPERATOR, now=NOW)


def disconnect(accounts: Accounts, address: str) -> None:
    disconnect_mailbox(accounts.team.database, address, by=OPERATOR, now=NOW)


def fail(accounts: Accounts, _address: str) -> None:
    """Let the login be refused from now on."""
    with accounts.team.database.write() as connection:
        connection.execute(update(mailbox_sync).values(state=SyncState.NEEDS_LOGIN, next_try_at=None))


def left(accounts: Accounts, column: Column[int]) -> list[int]:
    with accounts.team.database.read() as connection:
        return sorted(connection.execute(select(column)).scalars())


def test_it_reads_what_there_is_and_what_comes_later(accounts: Accounts) -> None:
    alice = accounts.add("Alice")
    accounts.fill(alice, 2)
    with working(accounts, interval=1):
        wait_until(lambda: accounts.stands(alice).state == SyncState.HEALTHY)
        assert accounts.stored() == 2
        bob = accounts.add("Bob")
        wait_until(lambda: accounts.stands(bob).state == SyncState.HEALTHY)
        accounts.fill(alice, 1)
        wait_until(lambda: accounts.stored() == 3)
    assert {accounts.stands(each).lease_token for each in (alice, bob)} == {None}


def test_a_stuck_server_stops_nobody_else_and_no_stop(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three mailboxes are on a host that never answers; of them only two may take a thread."""
    monkeypatch.setattr(worker, "_GRACE", 0.2)
    with silent_server() as port:
        stuck = [accounts.add(name, host="127.0.0.1", port=port) for name in ("Alice", "Bob", "Charlie")]
        dora = accounts.add("Dora")
        with working(accounts, Limits(threads=3, per_host=2)):
            wait_until(lambda: accounts.stands(dora).state == SyncState.HEALTHY)
            held = [accounts.stands(each).lease_token is not None for each in stuck]
            assert held == [True, True, False]
        assert {accounts.stands(each).lease_token for each in stuck} == {None}
        assert {accounts.stands(each).state for each in stuck} == {SyncState.NEW}


def test_each_failure_is_kept_where_its_owner_looks_and_stops_no_other(accounts: Accounts) -> None:
    with loopback({b"LOGIN": b"NO [LIMIT] later"}) as server:
        alice = accounts.add("Alice", password="wrong")
        bob = accounts.add("Bob", host="127.0.0.1", port=server.port)
        charlie = accounts.add("Charlie")
        with capture_logs() as log, working(accounts):
            wait_until(lambda: accounts.stands(charlie).state == SyncState.HEALTHY)
            wait_until(lambda: accounts.stands(bob).state == SyncState.FAILING)
            wait_until(lambda: accounts.stands(alice).state == SyncState.NEEDS_LOGIN)
            wait_until(lambda: len([line for line in log if line["event"] == "mailbox not read"]) == 2)
        assert accounts.stands(bob).trouble == Trouble.THROTTLED
    assert {(line["mailbox"], line["log_level"]) for line in log} == {(alice, "warning"), (bob, "warning")}


def test_a_large_mailbox_lets_others_have_a_turn(accounts: Accounts, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one thread. Each turn ends at once because the other one waits, with what was in hand then."""
    monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 1)
    monkeypatch.setattr(worker, "_LONGEST_TURN", 0)
    monkeypatch.setattr(worker, "_LOOK_EVERY", 0.01)
    alice, bob = accounts.add("Alice"), accounts.add("Bob")
    accounts.fill(alice, 3)
    accounts.fill(bob, 3)
    with capture_logs() as log, working(accounts, Limits(threads=1)):
        wait_until(lambda: accounts.stored() == 6)
    read = [line["mailbox"] for line in log if line["event"] == "mail stored"]
    assert read[:2] == [alice, bob]
    assert {alice, bob} <= set(read[2:])


def test_a_database_that_is_away_for_a_while_ends_nothing(accounts: Accounts) -> None:
    alice = accounts.add("Alice")
    with accounts.team.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE mailbox_sync RENAME TO elsewhere")
    with capture_logs() as log, working(accounts):
        wait_until(lambda: log)
        with accounts.team.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO mailbox_sync")
        wait_until(lambda: accounts.stands(alice).state == SyncState.HEALTHY)
    assert log[0]["event"] == "the worker could not look at the database"


@pytest.mark.parametrize("stop_reading", [pause, disconnect, fail])
def test_it_deletes_for_good_what_was_gone_for_long_also_where_nothing_is_read(
    accounts: Accounts, stop_reading: Callable[[Accounts, str], object]
) -> None:
    alice, now = accounts.add("Alice"), int(time.time())
    accounts.fill(alice, 3)
    sync_now(reader(accounts.team), alice, lambda *_: None)
    with accounts.team.database.write() as connection:
        first, second, third = sorted(connection.execute(select(copies.c.id)).scalars())
        user_id = accounts.team.actor("Alice").user_id or 0
        lose_copies(connection, user_id, [first], now - GRACE_SECONDS - 1)
        lose_copies(connection, user_id, [second], now - GRACE_SECONDS + 900)
    stop_reading(accounts, alice)
    with working(accounts):
        wait_until(lambda: left(accounts, copies.c.id) == [second, third])
    assert left(accounts, raw_messages.c.copy_id) == [second, third]


def test_it_sends_what_is_due(accounts: Accounts) -> None:
    team = accounts.team
    team.user("Alice")
    lead = team.record("Leads", "Alice", "lead@customer.example")
    team.scheduled_mail("Alice", lead, "lead@customer.example")
    with running_smtp() as server:
        here = NewSmtpServer("127.0.0.1", server.port, Security.NONE, "submitter", PASSWORD)
        set_mailbox_smtp(team.database, team.box, email_of("Alice"), here)
        with working(accounts, clock=lambda: time.time() + 3600):
            wait_until(lambda: server.script.received)
            wait_until(lambda: "emails_sent_from_crm" in team.types("Alice", "Leads", lead))
