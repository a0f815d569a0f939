"""What a worker counts for Prometheus, and how it stands with the installation whenever somebody asks.

No label names a mailbox, a person or a server: those are in the log and in 'postroom mailbox list'.
"""

from collections import Counter as Count
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from postroom.actions.mailbox_status import MAILBOX_STATES, state_in_a_word
from postroom.core.model import OutboxState
from postroom.storage import dead_letters, mailbox_sync, outbox
from postroom.storage.database import Database

_BUCKETS = (0.1, 0.5, 1, 5, 10, 60, 600)  # seconds

_logger = structlog.get_logger()


class WorkerMetrics:
    """What one worker counts; `now` gives the time in whole seconds, `waiting` how many connections wait for news."""

    def __init__(self, database: Database, now: Callable[[], int], waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._passes = Histogram(
            "postroom_pass_seconds",
            "How long passes over a mailbox took, by what they came to.",
            ("protocol", "result"),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        self._stored = Counter(
            "postroom_messages_stored", "Messages stored by passes.", ("protocol",), registry=self.registry
        )
        connections = Gauge(
            "postroom_connections_waiting",
            "Connections on which a server says when mail comes.",
            registry=self.registry,
        )
        connections.set_function(waiting)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Installation(database, now))

    def passed(self, protocol: str, result: str, seconds: float) -> None:
        """Count a pass: `result` is what it came to, a Trouble where it failed."""
        self._passes.labels(protocol, result).observe(seconds)

    def stored(self, protocol: str, messages: int) -> None:
        """Count messages that a pass stored."""
        self._stored.labels(protocol).inc(messages)


@dataclass(frozen=True, slots=True)
class _Installation(Collector):
    """Reads from the database what is so at the moment; every worker of an installation says the same."""

    database: Database
    now: Callable[[], int]

    def collect(self) -> Iterator[Metric]:
        """Yield what the database says, and whether it says anything."""
        found: list[Metric] = []
        try:
            with self.database.read() as connection:
                found = [_mailboxes(connection), _lag(connection, self.now()), *_waiting(connection)]
        except Exception:  # it was restarted, or is away for a while
            _logger.exception("the database could not be asked for metrics")
        yield GaugeMetricFamily("postroom_database_up", "Whether the database answers: 1 or 0.", int(bool(found)))
        yield from found


def _mailboxes(connection: Connection) -> Metric:
    counted = Count[str]()
    for state, is_served, sync_state, number in mailbox_sync.count_mailboxes(connection):
        counted[state_in_a_word(state, sync_state, is_served=is_served)] += number
    metric = GaugeMetricFamily("postroom_mailboxes", "Mailboxes, by how it stands with them.", labels=("state",))
    for word in MAILBOX_STATES:
        metric.add_metric((word,), counted[word])
    return metric


def _lag(connection: Connection, now: int) -> Metric:
    oldest = mailbox_sync.oldest_completion(connection)
    metric = GaugeMetricFamily(
        "postroom_mailbox_lag_seconds_max",
        "For how long the mailbox that is furthest behind has not been known to agree with its server.",
    )
    if oldest is not None:
        metric.add_metric((), max(now - oldest, 0))
    return metric


def _waiting(connection: Connection) -> Iterator[Metric]:
    letters = dead_letters.count_letters(connection)
    yield GaugeMetricFamily("postroom_dead_letters", "Messages that could not be stored.", letters)
    counted = outbox.count_by_state(connection)
    metric = GaugeMetricFamily("postroom_outbox_messages", "Messages sent from the CRM, by state.", labels=("state",))
    for state in OutboxState:
        metric.add_metric((state,), counted.get(state, 0))
    yield metric
