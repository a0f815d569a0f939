"""A first sync of mail that was really sent, beside mbsync, which pulls the same mailbox into a Maildir."""

import cProfile
import pstats
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tests.real_mail import real_mail
from tests.servers.dovecot import Dovecot, running_dovecot

from bench.databases import empty_beside
from bench.matching import add_records
from postroom.actions.actor import command_line
from postroom.actions.initialising import initialise
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import NewUser, add_user
from postroom.actions.sync import sync_mailbox
from postroom.mail.parse import parse_message
from postroom.mail.server import Security
from postroom.storage.database import Database
from postroom.storage.mail import count_mail
from postroom.storage.secrets import SecretBox

_ADDRESS = "bench@test.example"
_CUSTOMERS = 1000  # records whose addresses the mail names
_MBSYNC = """\
IMAPAccount there
Host {host}
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs LOGIN

IMAPStore there
Account there

MaildirStore here
Path {folder}/mail/
Inbox {folder}/mail/INBOX

Channel all
Far :there:
Near :here:
Patterns INBOX
Sync Pull
Create Near
SyncState *
"""
_STEPS = {  # by the module and the function of which it is the time
    "IMAP": ("imapclient", "fetch"),
    "reading messages": ("parse", "parse_message"),
    "conversations": ("threads", "assign_threads"),
    "copies and participants": ("mail", "_insert_copies"),
    "what is withheld": ("withholding", "refresh_new"),
    "matching with records": ("associations", "associate_new_copies"),
    "commits": ("base", "_commit_impl"),
}


class FirstSync(NamedTuple):
    """Messages a second, the median of the rounds, and the shares of the time of one sync by step."""

    messages: int
    ours: float
    mbsync: float
    ratio: float
    shares: dict[str, float]


def measure_first_sync(url: str, messages: int, rounds: int) -> FirstSync:
    """Sync so many messages from one Dovecot by either program in turn; ours into an empty database beside `url`."""
    mail = list(islice(real_mail().values(), messages))
    with running_dovecot() as server:
        server.fill(_ADDRESS, mail)
        with server.client(_ADDRESS) as client:  # Dovecot writes its index when a mailbox is first opened
            client.select_folder("INBOX", readonly=True)
        rates = [(len(mail) / _sync(url, server, mail), len(mail) / _pull(server)) for _ in range(rounds)]
        profile = cProfile.Profile()
        seconds = _sync(url, server, mail, profile)
    ours, mbsync = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(our / their for our, their in rates)
    return FirstSync(len(mail), ours, mbsync, ratio, _shares(profile, seconds))


def _sync(url: str, server: Dovecot, mail: Sequence[bytes], profile: cProfile.Profile | None = None) -> float:
    """Give the seconds of one sync, after which all of it is stored and on its records."""
    by, now = command_line("bench"), int(time.time())
    with empty_beside(url) as fresh, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database, box = Database(fresh), SecretBox(Path(folder) / "secret.key")
        initialise(database, "Bench")
        user = add_user(database, NewUser(_ADDRESS, "Alice"), by=by, now=now)
        add_records(database, user.id, _addresses(mail))
        there = NewMailbox("imap", host=server.host, port=server.imap_port, security=Security.NONE, password="secret")
        mailbox = add_mailbox(database, box, _ADDRESS, there, by=by, now=now)
        started = time.perf_counter()
        with profile or nullcontext():
            sync_mailbox(database, box, mailbox.id, now, since=0)
        seconds = time.perf_counter() - started
        with database.read() as connection:
            stored = count_mail(connection)[0]
        database.close()
    if stored != len(mail):
        raise SystemExit(f"{stored} of {len(mail)} messages were stored")
    return seconds


def _addresses(mail: Sequence[bytes]) -> list[str]:
    found = dict.fromkeys(p.address for raw in mail for p in parse_message(raw).participants)
    return list(found)[:_CUSTOMERS]


def _pull(server: Dovecot) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "mail").mkdir()
        values = {"host": server.host, "port": server.imap_port, "user": _ADDRESS, "password": server.password}
        (folder / "mbsyncrc").write_text(_MBSYNC.format(folder=folder, **values))
        started = time.perf_counter()
        subprocess.run(["mbsync", "--quiet", "--config", str(folder / "mbsyncrc"), "all"], check=True)
        return time.perf_counter() - started


def _shares(profile: cProfile.Profile, seconds: float) -> dict[str, float]:
    """Give the share of each step; what is left is everything else, and what the profile itself costs."""
    spent: dict[tuple[str, str], float] = dict.fromkeys(_STEPS.values(), 0.0)
    for (file, _, function), (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        step = (Path(file).stem, function)
        if step in spent:
            spent[step] += cumulative / seconds
    return {name: spent[step] for name, step in _STEPS.items()}
