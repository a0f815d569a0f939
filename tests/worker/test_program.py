"""The program `postroom worker`: stopped, killed or started beside another, it loses and doubles no message."""

import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from postroom.actions.mailbox_turns import sync_now
from postroom.core.model import MailboxSync, SyncState
from tests.servers.postroom_server import Installation
from tests.worker.reading import Accounts, reader, wait_until

MANY = 400
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Office:
    """An installation whose Alice has an account on the Dovecot."""

    def __init__(self, accounts: Accounts, installation: Installation) -> None:
        self.accounts, self.installation = accounts, installation
        self.stored = accounts.stored
        self.alice = accounts.add("Alice")

    def stands(self) -> MailboxSync:
        return self.accounts.stands(self.alice)

    def is_complete(self) -> bool:
        return self.stands().state == SyncState.HEALTHY

    def let_leases_run_out(self) -> None:
        """Do what a minute does."""
        with self.accounts.team.database.write() as connection:
            connection.execute(text("UPDATE mailbox_sync SET lease_until = 1 WHERE lease_token <> ''"))


@pytest.fixture
def office(accounts: Accounts, database_url: str, tmp_path: Path) -> Office:
    return Office(accounts, Installation(tmp_path, database_url))


def test_killed_at_any_moment_it_loses_and_doubles_nothing(office: Office) -> None:
    office.accounts.fill(office.alice, MANY)
    with office.installation.work() as worker:
        wait_until(office.stored)
        worker.stop(signal.SIGKILL)
    assert 0 < office.stored() < MANY
    assert office.stands().lease_token is not None
    with office.installation.work() as worker:
        time.sleep(2)  # it has looked, and lets the lease be
        assert not office.is_complete()
        office.let_leases_run_out()
        wait_until(office.is_complete)
    assert office.stored() == MANY


@on_sqlite
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_finishes_what_is_in_hand_and_leaves_no_lease(office: Office, number: int) -> None:
    office.accounts.fill(office.alice, MANY)
    with office.installation.work() as worker:
        wait_until(office.stored)
        assert worker.stop(number) == 0
    assert office.stands().lease_token is None
    assert [line["messages"] for line in worker.log() if line["event"] == "mail stored"] == [office.stored()]
    sync_now(reader(office.accounts.team), office.alice, lambda *_: None)
    assert office.stored() == MANY


def test_two_of_them_do_not_read_a_mailbox_twice(office: Office) -> None:
    office.accounts.fill(office.alice, 50)
    with office.installation.work("--interval", "1") as first, office.installation.work("--interval", "1") as second:
        wait_until(office.is_complete)
        for already in (50, 100, 150):
            office.accounts.fill(office.alice, 50)
            wait_until(lambda more=already + 50: office.stored() >= more)
        assert (first.stop(), second.stop()) == (0, 0)
    assert office.stored() == 200
    logged = [*first.log(), *second.log()]
    assert {line["event"] for line in logged} == {"mail stored"}
    assert sum(line["messages"] for line in logged) == 200


@on_sqlite
def test_the_log_names_mailbox_and_reason_and_no_password(office: Office) -> None:
    bob = office.accounts.add("Bob", password="not-the-password")
    with office.installation.work() as worker:
        wait_until(lambda: office.accounts.stands(bob).state == SyncState.NEEDS_LOGIN)
        wait_until(lambda: b"not read" in worker.log_file.read_bytes())
    (line,) = [line for line in worker.log() if line["event"] == "mailbox not read"]
    assert (line["mailbox"], line["level"]) == (bob, "warning")
    assert "refused the user name or the password" in line["reason"]
    assert b"not-the-password" not in worker.log_file.read_bytes()
