"""How it stands with mailboxes, on the command line: what a person reads, and what a person does about it."""

import os
import pty
import re
import subprocess
import sys
import uuid
from typing import Any

import pytest

from postroom.mail import imap
from postroom.storage.database import Database, sqlite_url
from tests.cli.conftest import ALICE, BOB, Terminal
from tests.servers.dovecot import Dovecot
from tests.storage.poison import POISON, refusing_poison


@pytest.fixture
def login() -> str:
    """Give Alice's account on the Dovecot."""
    return f"{uuid.uuid4().hex}@test.example"


@pytest.fixture
def office(office: Terminal, dovecot: Dovecot, login: str) -> Terminal:
    """Alice's mailbox is on the Dovecot, with one message."""
    office.do("mailbox", "disconnect", ALICE)
    dovecot.append(login, "INBOX", b"Subject: Offer\r\n\r\nHello")
    server = ("--host", dovecot.host, "--port", str(dovecot.imap_port), "--security", "none", "--password-stdin")
    office.do("mailbox", "add", ALICE, "--protocol", "imap", *server, "--username", login, stdin=b"secret\n")
    return office


def test_a_first_reading_shows_its_progress_on_a_terminal(office: Terminal) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "postroom.cli.main", "sync", ALICE, "--data-dir", str(office.folder / "data")]
    done = subprocess.run(command, stdin=theirs, stdout=theirs, stderr=theirs, check=False, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0, shown
    assert re.search(rf"Reading {re.escape(ALICE)}.* 1/1|Reading {re.escape(ALICE)}.*100%", shown), shown


def sync_of(office: Terminal) -> dict[str, Any]:
    sync: dict[str, Any] = office.do("mailbox", "status", ALICE, "--json").json["sync"]
    return sync


def test_before_and_after_the_first_pass(office: Terminal) -> None:
    before = sync_of(office)
    assert (before["state"], before["complete_at"], before["lag_seconds"], before["messages"]) == ("new", None, None, 0)
    office.do("sync", ALICE)
    after = sync_of(office)
    assert (after["state"], after["is_being_read"], after["messages"], after["error"]) == ("healthy", False, 1, None)
    assert after["folders"] == after["folders_in_agreement"] > 0
    assert 0 <= after["lag_seconds"] < 60
    shown = office.do("mailbox", "status", ALICE).out
    assert "State: healthy\nMessages stored: 1\n" in shown
    assert " ago\n" in shown


def test_what_is_not_here_as_a_whole_is_counted(
    office: Terminal, dovecot: Dovecot, login: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.do("sync", ALICE)
    assert whole(office) == (1, 0, 0)
    assert "Dead letters" not in office.do("mailbox", "status", ALICE).out
    dovecot.append(login, "INBOX", f"Subject: {POISON}\r\n\r\nHello".encode())
    database = Database(sqlite_url(office.folder / "data" / "postroom.sqlite3"))
    with refusing_poison(database):
        office.do("sync", ALICE)
    database.close()
    dovecot.append(login, "INBOX", b"Subject: Long\r\n\r\n" + b"x" * 2000)
    monkeypatch.setattr(imap, "MAX_MESSAGE_BYTES", 1000)
    office.do("sync", ALICE)
    assert (whole(office), sync_of(office)["state"]) == ((2, 1, 1), "healthy")
    shown = office.do("mailbox", "status", ALICE).out
    assert (
        "Messages stored: 2, of 1 the headers only\nDead letters: 1; 'postroom deadletter list' shows them\n" in shown
    )
    assert "Dead letters" in office.do("mailbox", "list").out
    office.do("deadletter", "replay")
    assert whole(office) == (3, 1, 0)


def whole(office: Terminal) -> tuple[int, ...]:
    """Give how many messages are stored, how many of them without their text, and how many could not be stored."""
    sync = sync_of(office)
    return tuple(sync[name] for name in ("messages", "messages_with_headers_only", "dead_letters"))


def test_the_list_says_it_for_each_and_for_those_that_are_not_read(office: Terminal) -> None:
    listed = office.do("mailbox", "list", "--json").json
    assert sorted((each["state"], each["sync"]["state"]) for each in listed) == [
        ("active", "new"),
        ("disconnected", "disconnected"),
    ]
    shown = office.do("mailbox", "list").out
    assert "at once" in shown
    assert "by import" in shown


def test_the_status_of_all_is_that_of_each_that_is_connected(office: Terminal) -> None:
    office.do("sync", ALICE)
    office.do("mailbox", "add", BOB, "--protocol", "pop")
    both = office.do("mailbox", "status", "--json").json
    assert [(each["address"], each["state"]) for each in both] == [(ALICE, "active"), (BOB, "active")]
    assert both[1] == office.do("mailbox", "status", BOB, "--json").json
    shown = [without_age(office.do("mailbox", "status", address).out) for address in (ALICE, BOB)]
    assert without_age(office.do("mailbox", "status").out) == "\n".join(shown)
    for address in (ALICE, BOB):
        office.do("mailbox", "disconnect", address)
    assert office.do("mailbox", "status").out == "There is no connected mailbox.\n"
    assert office.do("mailbox", "status", "--json").json == []


def without_age(shown: str) -> str:
    """Give what is shown without how long ago it was, which goes on meanwhile."""
    return re.sub(r", \d+ s ago", "", shown)


def test_pause_and_resume(office: Terminal) -> None:
    office.do("sync", ALICE)
    assert "is paused" in office.do("mailbox", "pause", ALICE).out
    paused = sync_of(office)
    assert (paused["state"], paused["next_try_at"]) == ("paused", None)
    assert "is paused; resume it first" in office.refused("mailbox", "sync-now", ALICE)
    office.do("mailbox", "resume", ALICE)
    resumed = sync_of(office)
    assert resumed["state"] == "healthy"
    assert resumed["next_try_at"] is not None
    changes = [each["after"] for each in office.do("audit", "--json").json["entries"][:2]]
    assert changes == [{"state": "active"}, {"state": "paused"}]


def test_a_refused_password_is_said_until_there_is_a_new_one(office: Terminal, dovecot: Dovecot) -> None:
    office.do("mailbox", "disconnect", ALICE)
    login = f"{uuid.uuid4().hex}@test.example"
    server = ("--host", dovecot.host, "--port", str(dovecot.imap_port), "--security", "none", "--password-stdin")
    named = ("--username", login, "--no-try")
    office.do("mailbox", "add", ALICE, "--protocol", "imap", *server, *named, stdin=b"wrong\n")
    assert "refused the user name or the password" in office.refused("sync", ALICE)
    refused = sync_of(office)
    assert (refused["state"], refused["trouble"], refused["next_try_at"]) == ("needs_login", "authentication", None)
    shown = office.do("mailbox", "status", ALICE).out
    assert "Next try: not by itself\n" in shown
    assert "(authentication, 1 in a row)" in shown
    assert "refused" in office.refused("mailbox", "login", ALICE, "--password-stdin", stdin=b"as wrong\n")
    assert sync_of(office) == refused
    office.do("mailbox", "login", ALICE, "--password-stdin", stdin=b"secret\n")
    assert sync_of(office)["next_try_at"] is not None
    office.do("sync", ALICE)
    assert sync_of(office)["state"] == "healthy"
    assert "secret" not in office.do("audit", "--json").out


def test_sync_now_lets_it_be_due_whatever_it_waits_for(office: Terminal) -> None:
    office.do("sync", ALICE)
    waits = sync_of(office)["next_try_at"]
    office.do("mailbox", "sync-now", ALICE)
    assert sync_of(office)["next_try_at"] < waits


@pytest.mark.parametrize("words", ["pause", "resume", "sync-now", "status"])
def test_a_mailbox_that_is_not_there(office: Terminal, words: str) -> None:
    command, *options = words.split()
    refused = office.refused("mailbox", command, "zoe@team.example", *options, stdin=b"x\n")
    assert refused == "there is no connected mailbox zoe@team.example; 'postroom mailbox list' shows them"


@pytest.mark.parametrize("words", ["pause", "resume", "sync-now"])
def test_a_mailbox_that_is_fed_by_import_is_not_read(office: Terminal, words: str) -> None:
    office.do("user", "add", "dora@team.example", "--name", "Dora")
    office.do("mailbox", "add", "dora@team.example", "--protocol", "imap")
    command, *options = words.split()
    assert "has no server" in office.refused("mailbox", command, "dora@team.example", *options, stdin=b"x\n")
    assert office.do("mailbox", "status", "dora@team.example", "--json").json["sync"]["state"] == "fed_by_import"
