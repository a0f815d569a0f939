"""The worker: reads every mailbox again and again, sends what waits in the outbox, and deletes what is gone for long.

It looks at the database each second, so a mailbox that was added, resumed or asked for is read at once, and a message
that is due is sent, whoever made it so. Each mailbox has its turn in a thread of its own, and the one that has waited
longest is next. Neither a stuck server nor a mailbox with much to read stops the others: at most so many are read from
one host, and once others wait a long turn ends after the batch in hand, and goes to the end of the line.

Beside them it sends, and once an hour deletes for good what is gone for long enough, of all mailboxes.

Between two turns it waits for news of a mailbox, which makes it due at once (waiting.py).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from postroom.actions.errors import ActionError
from postroom.actions.grace_period import purge_gone
from postroom.actions.leases import LeaseLost, Turn, end, take_next, waits_anybody
from postroom.actions.mailbox_turns import PassStopped, Reader, run_turn, trouble_in
from postroom.actions.outbox import send_due
from postroom.actions.waiting import Places, WaitingRoom
from postroom.actions.worker_metrics import WorkerMetrics
from postroom.mail.server import MailServerError
from postroom.storage.database import DiskFull
from postroom.storage.secrets import SecretKeyError

_LOOK_EVERY = 1  # seconds
_SEND_EVERY = 10  # seconds: a first try is made when the message is accepted
_PURGE_EVERY = 3600  # seconds
_LONGEST_TURN = 60  # seconds, when others wait
_GRACE = 10  # seconds for what is in hand when the worker is to stop: a server that is stuck must not hold it up

_logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How many mailboxes are read at the same time, in all and from one host, and how many connections wait."""

    threads: int = 8
    per_host: int = 4
    places: Places = field(default_factory=Places)


@dataclass(slots=True)
class _Chore:
    """What is done beside the mailboxes, in a thread of its own, once in so many seconds."""

    work: Callable[[], None]
    every: int
    thread: threading.Thread = field(default_factory=threading.Thread)
    begun_at: float = 0.0

    def look(self, now: float) -> None:
        """Begin it where it is due and not in hand."""
        if not self.thread.is_alive() and now >= self.begun_at + self.every:
            self.thread, self.begun_at = _start(self.work), now


class Worker:
    """Reads mailboxes and sends mail until it is stopped."""

    def __init__(self, reader: Reader, limits: Limits) -> None:
        self._reader, self._limits = reader, limits
        self._room = WaitingRoom(reader.database, reader.clock, limits.places)
        self.metrics = WorkerMetrics(reader.database, reader.now, self._room.count)
        self._stopping = threading.Event()
        self._turns: dict[threading.Thread, Turn] = {}
        self._others_wait = False
        self._chores = _Chore(self._send_due, _SEND_EVERY), _Chore(self._purge, _PURGE_EVERY)

    def stop(self) -> None:
        """Let run() come to its end: each batch in hand is stored, and nothing new is begun."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stop(). Whatever goes wrong is logged, and tried again."""
        with self._reader.keeper.running():
            while not self._stopping.wait(_LOOK_EVERY):
                try:
                    self._look()
                except Exception:  # the database was restarted, or is away for a while
                    _logger.exception("the worker could not look at the database")
            self._finish()

    def _look(self) -> None:
        """Start what is due, as far as there is room."""
        self._turns = {thread: turn for thread, turn in self._turns.items() if thread.is_alive()}
        for chore in self._chores:
            chore.look(self._reader.clock())
        self._room.look()
        self._others_wait = self._waits_anybody()
        while self._others_wait and len(self._turns) < self._limits.threads and not self._stopping.is_set():
            turn = take_next(self._reader.database, self._reader.now(), self._limits.per_host)
            if turn is None:  # another worker was quicker
                return
            self._others_wait = self._waits_anybody()
            self._turns[_start(self._read, turn)] = turn

    def _waits_anybody(self) -> bool:
        return waits_anybody(self._reader.database, self._reader.now(), self._limits.per_host)

    def _read(self, turn: Turn) -> None:
        """Make a turn, and log what came of it."""
        log = _logger.bind(mailbox=turn.mailbox.address)
        protocol, started, done_in = turn.mailbox.protocol, self._reader.clock(), dict[str, int]()

        def heard(folder: str, done: int, _total: int) -> None:
            self.metrics.stored(protocol, done - done_in.get(folder, 0))
            done_in[folder] = done

        def should_stop() -> bool:
            is_long = self._reader.clock() > started + _LONGEST_TURN
            return self._stopping.is_set() or (is_long and self._others_wait)

        try:
            with self._room.line(turn.mailbox) as line:
                report = run_turn(self._reader, turn, heard, should_stop, line=line)
                result = "incomplete" if report.differing else "complete"
                line.wait()
        except PassStopped:
            result = "stopped"
            log.info("mailbox to be read on later")
        except LeaseLost:
            result = "lost"
            log.info("mailbox left to others")
        except (MailServerError, ActionError, SecretKeyError, DiskFull) as error:
            result = trouble_in(error)[0]
            log.warning("mailbox not read", reason=str(error))
        except Exception as error:
            result = trouble_in(error)[0]
            log.exception("mailbox not read")
        self.metrics.passed(protocol, result, self._reader.clock() - started)
        if done_in:
            log.info("mail stored", messages=sum(done_in.values()))

    def _send_due(self) -> None:
        try:
            while not self._stopping.is_set() and send_due(
                self._reader.database, self._reader.box, self._reader.now(), at_most=1
            ):
                pass
        except Exception:
            _logger.exception("the outbox could not be sent")

    def _purge(self) -> None:
        try:
            if purged := purge_gone(self._reader.database, self._reader.now(), self._stopping.is_set):
                _logger.info("mail deleted for good", messages=purged)
        except Exception:
            _logger.exception("what is gone could not be deleted")

    def _finish(self) -> None:
        """Hang up where it waits, wait for what is in hand, and give up the leases of what takes too long."""
        self._room.close()
        deadline = self._reader.clock() + _GRACE
        for thread in (*self._turns, *(chore.thread for chore in self._chores)):
            if thread.is_alive():
                thread.join(max(0, deadline - self._reader.clock()))
        for thread, turn in self._turns.items():
            if thread.is_alive():
                end(self._reader.database, turn, {})


def _start(work: Callable[..., None], *arguments: object) -> threading.Thread:
    """Run a function in a thread that holds nothing up when the program ends."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
