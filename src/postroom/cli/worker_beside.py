"""A worker beside a server: a program of its own, which is started again when it ends."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from postroom.config import Config
from postroom.core.retries import Waits, wait

_PROGRAM = (sys.executable, "-m", "postroom.cli.main")
_WAITS = Waits(1, 60)
_IS_WELL_AFTER = 60  # seconds; one that ends later has not failed at its start
_STOP_SECONDS = 15  # a worker gives up by itself after ten
_LOOK_EVERY = 0.5  # seconds

_logger = structlog.get_logger()


@contextmanager
def worker_beside(config: Config, log_format: str, options: Sequence[str] = ()) -> Iterator[None]:
    """Keep a worker of an installation running until the block ends, and let it come to its end then.

    It gets the options of `postroom worker`. It ends by itself when this program is killed.
    """
    where = ("--data-dir", str(config.data_dir), "--database", config.database_url)
    command = (*_PROGRAM, "worker", "--beside", str(os.getpid()), "--log-format", log_format, *where, *options)
    ended = threading.Event()
    keeper = threading.Thread(target=_keep_running, args=[command, _start(command), ended], daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own: Ctrl-C is for the server, which then ends it."""
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603 (our own)


def _keep_running(command: Sequence[str], process: subprocess.Popen[bytes], ended: threading.Event) -> None:
    """Start a program again and again until it is to end; one that fails at its start waits longer each time."""
    failures, started = 0, time.monotonic()
    while not ended.wait(_LOOK_EVERY):
        if process.poll() is None:
            continue
        failures = failures + 1 if time.monotonic() - started < _IS_WELL_AFTER else 1
        seconds = wait(_WAITS, failures, random.random())  # noqa: S311 (no secret)
        _logger.error("the worker ended, and is started again", exit_code=process.returncode, seconds=seconds)
        if ended.wait(seconds):
            return
        process, started = _start(command), time.monotonic()
    _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:  # its leases run out by themselves
        process.kill()
        process.wait()
