"""How long a domain takes to exclude that many old copies name, and what callers notice meanwhile."""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from bench.load import Figures, Question, measure, write_questions
from bench.machine import Cores
from bench.organisation import Size, special_domain
from bench.processes import running_server
from postroom.actions.actor import command_line
from postroom.actions.changes import make
from postroom.actions.exclusions import SetExcludedDomains
from postroom.storage.database import Database

_COPIES = 100_000
_QUIET_TIMES = 3


class Exclusion(NamedTuple):
    """What came out: the median of the seconds to exclude without other load, and the answers meanwhile under load."""

    copies: int
    seconds: float
    meanwhile: Figures


def measure_exclusion(url: str, size: Size, questions: list[Question], cores: Cores) -> Exclusion:
    """Exclude the domain of a special Lead's customer, quietly and under load, and include it again each time."""
    place = size.place_of(_COPIES)
    domain, database = special_domain(place), Database(url)
    try:
        seconds = statistics.median(_exclude(database, domain) for _ in range(_QUIET_TIMES))
        meanwhile = _while_asked(database, domain, url, questions, cores)
    finally:
        database.close()
    return Exclusion(size.special[place], seconds, meanwhile)


def _exclude(database: Database, domain: str) -> float:
    by, now = command_line("bench"), int(time.time())
    started = time.perf_counter()
    make(database, SetExcludedDomains(add=(domain,)), by, now=now)
    seconds = time.perf_counter() - started
    make(database, SetExcludedDomains(remove=(domain,)), by, now=now)
    return seconds


def _while_asked(database: Database, domain: str, url: str, questions: list[Question], cores: Cores) -> Figures:
    with tempfile.TemporaryDirectory(prefix="bench-") as name, ThreadPoolExecutor(1) as beside:
        folder = Path(name)
        write_questions(folder / "questions", questions)
        with running_server(url, "{}", folder, cores.worker) as server:
            asking = beside.submit(measure, server, folder / "questions", 5, cores.load, seed=1)
            time.sleep(0.5)
            _exclude(database, domain)
            return asking.result()
