"""Where the time goes: one thread of the application, without a server, from the innermost step outwards."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, NamedTuple

from falcon.testing import create_environ

from bench.load import Question
from postroom.actions.lookups import parse_id
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.tokens import hash_token
from postroom.core.modules import module_key
from postroom.http.app import create_api
from postroom.http.request_log import RequestLog
from postroom.log import configure_log
from postroom.storage.compiled import CompiledStatement, Rows
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox
from postroom.storage.sharing_facts import SharingFactsReader

_REPEATS = 5


class Step(NamedTuple):
    """What one step of an answer costs: time that passes, and this process's own, in microseconds."""

    name: str
    elapsed: float
    processor: float


class _Calls(NamedTuple):
    """A function, and what it is called with: once for each question."""

    function: Callable[..., object]
    arguments: Sequence[tuple[Any, ...]]


class _Recorder(Database):
    """Keeps what would be asked of the database, and finds nothing."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked: list[tuple[CompiledStatement, Mapping[str, Any]]] = []

    def fetch_all(self, statement: CompiledStatement, parameters: Mapping[str, Any]) -> Rows:
        self.asked.append((statement, parameters))
        return []


def measure_steps(url: str, questions: Sequence[Question]) -> list[Step]:
    """Give the cost of each step: of what holds it, less what it holds."""
    steps, inner = [], Step("", 0, 0)
    with _log_beside():
        for name, calls in _nested(url, questions).items():
            outer = _cost(name, calls)
            steps.append(Step(name, outer.elapsed - inner.elapsed, outer.processor - inner.processor))
            inner = outer
    return steps


def _nested(url: str, questions: Sequence[Question]) -> dict[str, _Calls]:
    database, now = Database(url), int(time.time())
    reader, api = SharingFactsReader(database), create_api(database, SecretBox(Path(os.devnull)))
    named = [(question.token, *question.path.split("/")[3:5]) for question in questions]
    parsed = [(hash_token(token), module_key(module), parse_id(record)) for token, module, record in named]
    requests = [(_environ(question), _start_response) for question in questions]
    return {
        "the statement and its driver": _Calls(database.fetch_all, _statements(url, parsed)),
        "rows made into facts": _Calls(reader.read, parsed),
        "token, scopes and the law": _Calls(lambda *asked: read_sharing_details(reader, *asked, now=now), named),
        "Falcon, routing, rendering": _Calls(api, requests),
        "request id and log line": _Calls(RequestLog(api), requests),
    }


def _statements(url: str, parsed: Sequence[tuple[Any, ...]]) -> list[tuple[CompiledStatement, Mapping[str, Any]]]:
    recorder = _Recorder(url)
    reader = SharingFactsReader(recorder)
    for arguments in parsed:
        reader.read(*arguments)
    return recorder.asked


def _environ(question: Question) -> dict[str, Any]:
    return create_environ(question.path, headers={"Authorization": f"Bearer {question.token}"})


def _start_response(_status: str, _headers: list[tuple[str, str]], *_exc_info: object) -> None:
    """Take what a server would send."""


@contextmanager
def _log_beside() -> Iterator[None]:
    """Log into a file, as the servers that are measured do."""
    with tempfile.TemporaryFile("w") as log, redirect_stderr(log):
        configure_log("json")
        yield


def _cost(name: str, calls: _Calls) -> Step:
    """Give the mean cost of a call, the median of several rounds."""
    rounds = [_round(calls) for _ in range(_REPEATS)]
    elapsed, processor = (statistics.median(costs) for costs in zip(*rounds, strict=True))
    return Step(name, elapsed, processor)


def _round(calls: _Calls) -> tuple[float, float]:
    function, started, used = calls.function, time.perf_counter(), time.process_time()
    for arguments in calls.arguments:
        function(*arguments)
    costs = time.perf_counter() - started, time.process_time() - used
    microseconds = 1e6 / len(calls.arguments)
    return costs[0] * microseconds, costs[1] * microseconds
