"""What mailboxes cost in which nothing happens: the real worker waits for each of them, and looks into it by turns."""

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import NamedTuple

from tests.servers.dovecot import Dovecot, running_dovecot

from bench.databases import empty_beside
from bench.processes import peak_memory_of, processor_seconds_of
from postroom.actions.actor import command_line
from postroom.actions.initialising import initialise
from postroom.actions.mailbox_status import read_statuses
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import NewUser, add_user
from postroom.core.model import SyncState
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox

_STOP_SECONDS = 20
FOLDERS = ("INBOX", "Sent", "Archive", "Customers", "Invoices")
MESSAGES = 4  # in each


class Idle(NamedTuple):
    """The share of a core and the peak memory (MiB) of one worker that looks into each mailbox again and again."""

    mailboxes: int
    share: float
    memory: float


def measure_idle(url: str, mailboxes: int, interval: int) -> Idle:
    """Let a worker look into each of so many mailboxes once in `interval` seconds, over TLS, after the first pass.

    Between two looks it waits for news of each: more of them on one server than without being told to.
    """
    with running_dovecot() as server, empty_beside(url) as fresh, tempfile.TemporaryDirectory(prefix="bench-") as name:
        database = Database(fresh)
        _fill(database, server, Path(name), mailboxes)
        command = [sys.executable, "-m", "postroom.cli.main", "worker", "--interval", str(interval)]
        command += ["--waiting", str(mailboxes), "--waiting-per-host", str(mailboxes)]
        where = ["--data-dir", name, "--database", fresh]
        process = subprocess.Popen([*command, *where], env=os.environ | {"SSL_CERT_FILE": str(server.ca_file)})
        try:
            _wait_for_first_passes(database)
            used = processor_seconds_of(process.pid)
            time.sleep(interval)
            used = processor_seconds_of(process.pid) - used
            return Idle(mailboxes, used / interval, peak_memory_of(process.pid))
        finally:
            process.terminate()
            process.wait(_STOP_SECONDS)
            database.close()


def _fill(database: Database, server: Dovecot, folder: Path, mailboxes: int) -> None:
    by, now, box = command_line("bench"), int(time.time()), SecretBox(folder / "secret.key")
    initialise(database, "Bench")
    there = NewMailbox("imap", host=server.host, port=server.imaps_port, password=server.password)
    for number in range(mailboxes):
        user = add_user(database, NewUser(f"user-{number}@test.example", "User"), by=by, now=now)
        add_mailbox(database, box, user.email, there, by=by, now=now)
        server.fill(user.email, [_message(number, user.email, now) for number in range(MESSAGES)], FOLDERS)


def _message(number: int, address: str, now: int) -> bytes:
    date = format_datetime(datetime.fromtimestamp(now, UTC))
    lines = (
        "From: lead@customer.example",
        f"To: {address}",
        f"Date: {date}",
        f"Subject: Offer {number}",
        "",
        "Hello.",
        "",
    )
    return "\r\n".join(lines).encode()


def _wait_for_first_passes(database: Database) -> None:
    by = command_line("bench")
    while any(each.state != SyncState.HEALTHY for each in read_statuses(database, by=by)):
        time.sleep(1)
