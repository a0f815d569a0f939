"""Mail that arrives is stored within seconds where the server says so, and with the next turn whatever it says."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from postroom.actions import waiting, worker
from postroom.actions.mailbox_status import ask_for_pass, set_paused
from postroom.actions.mailbox_turns import sync_now
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.waiting import Places
from postroom.actions.worker import Limits
from postroom.core.model import Security, SyncState, Trouble
from postroom.mail import imap_idle
from postroom.storage.mailboxes import find_mailbox, set_mailbox_password
from postroom.storage.sealed import MAILBOX_PASSWORD
from tests.servers import fault_proxy as faults
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.servers.postroom_server import Installation
from tests.team import OPERATOR
from tests.worker.reading import Accounts, reader, wait_until, working

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOURS = 6 * 3600  # until the next turn: what is stored before was hinted at


class Office:
    """Alice has an account behind a proxy, by which the test sees what is said."""

    def __init__(self, accounts: Accounts, proxy: FaultProxy) -> None:
        self.accounts, self.proxy = accounts, proxy
        self.alice = accounts.add("Alice", host="127.0.0.1", port=proxy.port)

    def said(self, command: bytes) -> int:
        """Give how often a command was given."""
        return len([line for line in self.proxy.lines if command in line])

    def wait_for_idle(self, times: int = 1) -> None:
        """Wait until the server was asked so often to say when mail comes."""
        wait_until(lambda: self.said(b" IDLE") >= times)

    def is_healthy(self) -> bool:
        return self.accounts.stands(self.alice).state == SyncState.HEALTHY

    def receive(self, already: int) -> None:
        """Let a message arrive, and wait until it is stored."""
        self.accounts.deliver(self.alice)
        wait_until(lambda: self.accounts.stored() == already + 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a worker within the test look often, and mailboxes rest no longer than a test says."""
    monkeypatch.setattr(worker, "_LOOK_EVERY", 0.05)
    monkeypatch.setattr(waiting, "_REVIEW_EVERY", 0)
    monkeypatch.setattr(waiting, "LEAST_SECONDS", 0)


@pytest.fixture
def office(accounts: Accounts, dovecot: Dovecot) -> Iterator[Office]:
    with fault_proxy(dovecot.imap_port) as proxy:
        yield Office(accounts, proxy)


def test_mail_is_stored_when_it_arrives_and_a_stop_ends_the_waiting(
    office: Office, database_url: str, tmp_path: Path
) -> None:
    with Installation(tmp_path, database_url).work("--interval", str(HOURS)) as program:
        office.wait_for_idle()
        office.receive(0)
        office.wait_for_idle(2)
        assert program.stop() == 0
    assert office.said(b"AUTHENTICATE") == 1, "the second pass takes the connection that waited"
    wait_until(lambda: not office.proxy.open)
    assert {line["event"] for line in program.log()} == {"mail stored"}


@on_sqlite
@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_it_is_so_over_tls(
    accounts: Accounts, dovecot: Dovecot, security: Security, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.ca_file))
    alice = accounts.add("Alice", security=security)
    with working(accounts, interval=HOURS):
        wait_until(lambda: accounts.stands(alice).state == SyncState.HEALTHY)
        for already in range(3):
            time.sleep(0.5)  # by then it waits
            accounts.deliver(alice)
            wait_until(lambda more=already + 1: accounts.stored() == more)


@on_sqlite
def test_a_server_without_it_is_read_by_turns(office: Office) -> None:
    office.proxy.fault = Fault(rb"", faults.replace(rb" IDLE", b""))
    with working(office.accounts, interval=1):
        wait_until(office.is_healthy)
        office.receive(0)
    assert office.said(b" IDLE") == 0


@on_sqlite
def test_a_connection_that_dies_silently_is_missed_by_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_idle, "ANSWER_SECONDS", 0.5)
    office.proxy.fault = Fault(rb"IDLE|DONE", faults.fall_silent(), times=2)
    with working(office.accounts, interval=3):
        office.wait_for_idle()
        office.receive(0)
        office.wait_for_idle(2)
    assert [line.split()[-1] for line in office.proxy.fault.seen] == [b"IDLE", b"DONE"]


@on_sqlite
@pytest.mark.parametrize("noise", [b"* OK noise\r\n", b"x"], ids=["lines", "one line without an end"])
def test_a_server_that_floods_is_not_listened_to_and_read_by_turns(office: Office, noise: bytes) -> None:
    flood = noise * (2 * imap_idle.MOST_SAID // len(noise))
    office.proxy.fault = Fault(rb"IDLE", faults.replace(rb"^\+ idling\r\n", b"+ idling\r\n" + flood), times=1)
    with capture_logs() as log, working(office.accounts, interval=3):
        wait_until(lambda: "mailbox not waited for" in [line["event"] for line in log])
        office.receive(0)
    (line,) = [line for line in log if line["event"] == "mailbox not waited for"]
    assert (line["mailbox"], line["log_level"]) == (office.alice, "info")
    assert "says too much" in line["reason"]
    assert office.said(b"AUTHENTICATE") == 2


@on_sqlite
def test_a_server_that_says_it_all_the_time_gets_no_more_than_a_pass_now_and_then(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "LEAST_SECONDS", 100)
    news = rb"+ idling\r\n" + rb"* 99 EXISTS\r\n" * 9
    office.proxy.fault = Fault(rb"IDLE", faults.replace(rb"^\+ idling\r\n", news))

    def rests() -> bool:
        stands = office.accounts.stands(office.alice)
        return stands.next_try_at == (stands.passed_at or 0) + 100

    with working(office.accounts):
        wait_until(rests)
        time.sleep(2)  # some looks more
        assert rests()
    assert office.said(b" IDLE") == 1


@on_sqlite
@pytest.mark.parametrize("how", ["paused", "disconnected", "read elsewhere"])
def test_waiting_ends_with_its_reason(office: Office, how: str) -> None:
    team = office.accounts.team
    now = int(time.time()) + 60
    ways = {
        "paused": lambda: set_paused(team.database, office.alice, paused=True, by=OPERATOR, now=now),
        "disconnected": lambda: disconnect_mailbox(team.database, office.alice, by=OPERATOR, now=now),
        "read elsewhere": lambda: sync_now(replace(reader(team), clock=lambda: now), office.alice, lambda *_: None),
    }
    with working(office.accounts):
        office.wait_for_idle()
        assert office.proxy.open
        ways[how]()
        wait_until(lambda: not office.proxy.open)
        assert office.said(b" IDLE") == 1


@on_sqlite
def test_another_password_is_used_at_once(office: Office) -> None:
    """The connection that waited was let in with the one before, so it will not do."""
    team = office.accounts.team
    with working(office.accounts):
        office.wait_for_idle()
        with team.database.write() as connection:
            mailbox = find_mailbox(connection, office.alice)
            assert mailbox is not None
            sealed = MAILBOX_PASSWORD.seal(connection, team.box, mailbox.id, "not-the-password")
            set_mailbox_password(connection, mailbox.id, sealed)
        ask_for_pass(team.database, office.alice, by=OPERATOR, now=int(time.time()))
        wait_until(lambda: office.accounts.stands(office.alice).trouble == Trouble.AUTHENTICATION)
        wait_until(lambda: not office.proxy.open)


@on_sqlite
def test_mail_that_arrives_before_the_waiting_begins_is_not_overlooked(office: Office) -> None:
    """The folder is opened once more to wait there, after it was read."""
    team = office.accounts.team
    with working(office.accounts):
        office.wait_for_idle()
        arrives = faults.meanwhile(lambda: office.accounts.deliver(office.alice))
        office.proxy.fault = Fault(rb"EXAMINE", arrives, times=1)
        ask_for_pass(team.database, office.alice, by=OPERATOR, now=int(time.time()))
        wait_until(office.accounts.stored)
    assert office.proxy.fault.seen


@on_sqlite
def test_it_waits_anew_before_the_server_hangs_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONGEST_WAIT", 1)
    with working(office.accounts, interval=HOURS):
        office.wait_for_idle(2)
    assert office.said(b"AUTHENTICATE") == 1


@on_sqlite
def test_it_logs_in_anew_now_and_then(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LONGEST_CONNECTION", 0)
    with working(office.accounts, interval=1):
        office.wait_for_idle(2)
    assert office.said(b"AUTHENTICATE") == office.said(b" IDLE")


@on_sqlite
@pytest.mark.parametrize("places", [Places(in_all=1), Places(per_host=1)], ids=["in all", "at one host"])
def test_where_all_places_are_taken_mailboxes_are_read_by_turns(office: Office, places: Places) -> None:
    bob = office.accounts.add("Bob", host="127.0.0.1", port=office.proxy.port)
    with working(office.accounts, Limits(threads=1, places=places), interval=2):
        wait_until(lambda: office.is_healthy() and office.accounts.stands(bob).state == SyncState.HEALTHY)
        for number, address in enumerate((office.alice, bob)):
            office.accounts.deliver(address)
            wait_until(lambda more=number + 1: office.accounts.stored() == more)
        wait_until(lambda: len(office.proxy.open) == 1)


FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 300))
from postroom.cli.worker import _places
print(_places(1000, 50).in_all, _places(20, 50).in_all, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_no_more_wait_than_files_may_be_open() -> None:
    """The program raises its own limit as far as the system lets it, and leaves files for all else."""
    done = subprocess.run([sys.executable, "-c", FEW_FILES], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["100", "20", "300", "300"]
