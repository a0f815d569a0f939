"""Reading mailboxes all the time."""

import os
import random
import signal
import threading
import time

import click

from postroom.actions.leases import LeaseKeeper
from postroom.actions.mailbox_turns import DEFAULT_INTERVAL, Reader
from postroom.actions.worker import Limits, Worker
from postroom.cli.commands import Command
from postroom.cli.installation import opened
from postroom.log import LOG_FORMATS, configure_log
from postroom.wiring import Installation

_LOOK_EVERY = 0.5  # seconds
_MOST_THREADS = 12  # each may need a connection to the database at the same moment


@click.command(cls=Command, epilog="postroom worker --interval 60")
@click.option(
    "--interval",
    type=click.IntRange(1, 24 * 3600),
    default=DEFAULT_INTERVAL,
    show_default=True,
    help="Seconds from one look at a mailbox to the next.",
)
@click.option(
    "--threads", type=click.IntRange(1, _MOST_THREADS), default=8, show_default=True, help="Mailboxes at the same time."
)
@click.option("--per-host", type=click.IntRange(1), default=4, show_default=True, help="Of them, from one server.")
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="auto", show_default=True)
@click.option(
    "--beside", type=int, hidden=True, help="Stop, too, when the program with this id ends, which started it."
)
def worker(interval: int, threads: int, per_host: int, log_format: str, beside: int | None) -> None:
    """Read all mailboxes and send what waits in the outbox, until stopped.

    'postroom serve' runs such a worker beside itself. Any number may run at once; a mailbox is read by one at a time.
    """
    with opened() as installation:
        configure_log(log_format)
        running = Worker(reader(installation, interval), Limits(threads, per_host))
        for number in (signal.SIGINT, signal.SIGTERM):
            # In a thread: what is interrupted here may hold the very lock that stop() needs.
            signal.signal(number, lambda *_: threading.Thread(target=running.stop).start())
        if beside is not None:
            threading.Thread(target=_stop_without, args=[beside, running], daemon=True).start()
        running.run()


def _stop_without(parent: int, running: Worker) -> None:
    """Stop when the program that started this one is no more, however it ended."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    running.stop()


def reader(installation: Installation, interval: int = DEFAULT_INTERVAL) -> Reader:
    """Give what reads mailboxes, with this machine's clock and chance."""
    database, chance = installation.database, random.SystemRandom()
    return Reader(database, installation.box, LeaseKeeper(database, time.time), time.time, chance, interval)
