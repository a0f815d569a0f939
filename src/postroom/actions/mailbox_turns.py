"""One turn at reading a mailbox: a pass, and what it came to."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from postroom.actions.errors import ActionError
from postroom.actions.leases import Clock, LeaseKeeper, LeaseLost, Turn, end, take
from postroom.actions.mailbox_pass import Progress, SyncReport
from postroom.actions.sync import sync_mailbox
from postroom.actions.waiting import Line
from postroom.core.model import SyncState, Trouble
from postroom.core.retries import wait_after
from postroom.mail.imap import open_session
from postroom.mail.server import MailServerError
from postroom.storage.database import Database, DiskFull
from postroom.storage.folders import folders_of
from postroom.storage.secrets import SecretBox, SecretKeyError

DEFAULT_INTERVAL = 5 * 60  # seconds from the end of a pass to the next one
_FOLDERS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Reader:
    """What a turn needs beside the mailbox: the installation, the time, chance, and how long to wait afterwards."""

    database: Database
    box: SecretBox
    keeper: LeaseKeeper
    clock: Clock
    chance: random.Random
    interval: int = DEFAULT_INTERVAL

    def now(self) -> int:
        """Give the time in whole seconds."""
        return int(self.clock())


class PassStopped(Exception):
    """A pass was stopped between two batches; the next one goes on from there."""


def sync_now(reader: Reader, address: str, on_progress: Progress, since: int | None = None) -> SyncReport:
    """Make one pass over a mailbox, due or not; `since` is as sync_mailbox has it.

    Raises NotFound, InvalidInput, NotAllowed, MailServerError, SecretKeyError, LeaseLost.
    """
    turn = take(reader.database, address, reader.now())
    with reader.keeper.running():
        return run_turn(reader, turn, on_progress, lambda: False, since)


def run_turn(
    reader: Reader,
    turn: Turn,
    on_progress: Progress,
    should_stop: Callable[[], bool],
    since: int | None = None,
    line: Line | None = None,
) -> SyncReport:
    """Make the pass of a turn, write down what it came to, and end the turn.

    On the `line`, where there is one, the server may be listened to afterwards. After each batch the pass may be
    stopped. Raises PassStopped, LeaseLost, and what sync_mailbox raises.
    """
    started = reader.now()
    with reader.keeper.holding(turn) as is_lost:

        def heard(folder: str, done: int, total: int) -> None:
            on_progress(folder, done, total)
            if is_lost():
                raise turn.lost()
            if should_stop():
                raise PassStopped

        with _written_down(reader, turn):
            report = sync_mailbox(
                reader.database,
                reader.box,
                turn.mailbox.id,
                started,
                since=since,
                on_progress=heard,
                check=turn.check,
                connect=open_session if line is None else line.connect,
                clock=reader.now,
            )
            if line is not None:
                line.listen(reader.database)
    end(reader.database, turn, _after_pass(report, started, reader.now(), reader.interval))
    return report


@contextmanager
def _written_down(reader: Reader, turn: Turn) -> Iterator[None]:
    """End the turn of a pass that does not come to its end, and write down why not."""
    try:
        yield
    except LeaseLost:
        raise
    except PassStopped:  # to the end of the line
        end(reader.database, turn, {"next_try_at": reader.now()})
        raise
    except Exception as error:
        end(reader.database, turn, _after_failure(reader, turn, error))
        raise
    except BaseException:  # Ctrl-C
        end(reader.database, turn, {})
        raise


def _after_failure(reader: Reader, turn: Turn, error: Exception) -> dict[str, object]:
    """Say what went wrong and when to try again; a mistake of ours is tried again like a broken line."""
    trouble, sentence = trouble_in(error)
    failures, now = turn.before.failures + 1, reader.now()
    wait = wait_after(trouble, failures, reader.chance.random(), has_worked=_has_login_worked(reader, turn))
    return {
        "state": SyncState.NEEDS_LOGIN if wait is None else SyncState.FAILING,
        "next_try_at": None if wait is None else now + wait,
        "failures": failures,
        "trouble": trouble,
        "error": sentence,
        "passed_at": now,
    }


def _has_login_worked(reader: Reader, turn: Turn) -> bool:
    """Say whether something was read of the mailbox, and its login was not refused the last time."""
    with reader.database.read() as connection:
        was_read = any(folder.uidvalidity is not None for folder in folders_of(connection, turn.mailbox.id).values())
    return was_read and turn.before.trouble != Trouble.AUTHENTICATION


def trouble_in(error: Exception) -> tuple[Trouble, str]:
    """Give what kind of failure it is, and the sentence that says so."""
    if isinstance(error, MailServerError):
        return error.trouble, str(error)
    if isinstance(error, ActionError | SecretKeyError):
        return Trouble.PERMANENT, str(error)
    if isinstance(error, DiskFull):
        return Trouble.TRANSIENT, str(error)
    return Trouble.TRANSIENT, "Something went wrong in Postroom itself: the log has the trace."


def _after_pass(report: SyncReport, started: int, now: int, interval: int) -> dict[str, object]:
    """Say how far a pass came: it is complete if every folder agrees with its server."""
    differ = report.differing
    values: dict[str, object] = {
        "state": SyncState.INCOMPLETE if differ else SyncState.HEALTHY,
        "next_try_at": now + interval,
        "failures": 0,
        "trouble": None,
        "error": _words([f"{folder.name}: {folder.failed or folder.doubted}" for folder in differ]),
        "passed_at": now,
    }
    return values if differ else values | {"complete_at": started}


def _words(sentences: list[str]) -> str | None:
    """Give what is wrong with the first folders, and with how many more."""
    more = [f"{len(sentences) - _FOLDERS_NAMED} more folders differ."] if len(sentences) > _FOLDERS_NAMED else []
    return " ".join(sentences[:_FOLDERS_NAMED] + more) or None
