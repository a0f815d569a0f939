"""Where the time goes: one thread of the application, without a server, from the innermost step outwards."""

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from falcon.testing import create_environ

from bench.load import Question
from postroom.actions.lookups import parse_id
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.tokens import hash_token
from postroom.core.modules import gathers_mail_of_contacts, module_key
from postroom.http.app import create_api
from postroom.http.request_log import RequestLog
from postroom.log import configure_log
from postroom.storage.database import Database
from postroom.storage.sharing_facts import SharingFactsReader, statement_for

_REPEATS = 5


class Step(NamedTuple):
    """What one step of an answer costs: time that passes, and this process's own, in microseconds."""

    name: str
    elapsed: float
    processor: float


def measure_steps(database: Database, questions: list[Question]) -> list[Step]:
    """Give the cost of each step: of what holds it, less what it holds."""
    steps, inner = [], Step("", 0, 0)
    for name, call in _nested(database, questions).items():
        outer = _cost(name, call, len(questions))
        steps.append(Step(name, outer.elapsed - inner.elapsed, outer.processor - inner.processor))
        inner = outer
    return [*steps, Step("all without the server", inner.elapsed, inner.processor)]
