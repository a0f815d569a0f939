"""Reading mailboxes all the time."""

import os
import random
import resource
import signal
import threading
import time

import click

from postroom.actions.leases import LeaseKeeper
from postroom.actions.mailbox_turns import DEFAULT_INTERVAL, Reader
from postroom.actions.waiting import Places
from postroom.actions.worker import Limits, Worker
from postroom.cli.commands import Command
from postroom.cli.installation import opened
from postroom.cli.metrics import exposed, host_option, port_option
from postroom.log import LOG_FORMATS, configure_log
from postroom.wiring import Installation

_LOOK_EVERY = 0.5  # seconds
_MOST_THREADS = 12  # each may need a connection to the database at the same moment
_OTHER_FILES = 200  # that a worker has open beside the connections that wait
_MOST_WAITING = 30_000  # parameters that a statement takes on any database
_DEFAULT = Places()


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
@click.option(
    "--waiting",
    type=click.IntRange(0, _MOST_WAITING),
    default=_DEFAULT.in_all,
    show_default=True,
    help="Connections kept open to hear at once of new mail.",
)
@click.option(
    "--waiting-per-host",
    type=click.IntRange(0),
    default=_DEFAULT.per_host,
    show_default=True,
    help="Of them, to one server.",
)
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="auto", show_default=True)
@port_option
@host_option
@click.option(
    "--beside", type=int, hidden=True, help="Stop, too, when the program with this id ends, which started it."
)
def worker(
    interval: int,
    threads: int,
    per_host: int,
    waiting: int,
    waiting_per_host: int,
    log_format: str,
    metrics_port: int | None,
    metrics_host: str,
    beside: int | None,
) -> None:
    """Read all mailboxes and send what waits in the outbox, until stopped.

    'postroom serve' runs such a worker beside itself. Any number may run at once; a mailbox is read by one at a time.
    """
    with opened() as installation:
        configure_log(log_format)
        limits = Limits(threads, per_host, _places(waiting, waiting_per_host))
        running = Worker(reader(installation, interval), limits)
        for number in (signal.SIGINT, signal.SIGTERM):
            # In a thread: what is interrupted here may hold the very lock that stop() needs.
            signal.signal(number, lambda *_: threading.Thread(target=running.stop).start())
        if beside is not None:
            threading.Thread(target=_stop_without, args=[beside, running], daemon=True).start()
        with exposed(running.metrics.registry, metrics_host, metrics_port):
            running.run()


def _places(waiting: int, per_host: int) -> Places:
    """Give as many places as files may be open, for which this program's own limit is raised up to the system's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = waiting + _OTHER_FILES
    allowed = max(soft, wanted if hard == resource.RLIM_INFINITY else min(wanted, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return Places(max(0, min(waiting, allowed - _OTHER_FILES)), per_host)


def _stop_without(parent: int, running: Worker) -> None:
    """Stop when the program that started this one is no more, however it ended."""
    while os.getppid() == parent:
        time.sleep(_LOOK_EVERY)
    running.stop()


def reader(installation: Installation, interval: int = DEFAULT_INTERVAL) -> Reader:
    """Give what reads mailboxes, with this machine's clock and chance."""
    database, chance = installation.database, random.SystemRandom()
    return Reader(database, installation.box, LeaseKeeper(database, time.time), time.time, chance, interval)
