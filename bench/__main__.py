"""The command: measure, print, judge, and write the page."""

import sys
from pathlib import Path
from typing import NamedTuple

import click

from bench import report
from bench.databases import DIALECTS, prepared
from bench.exclusion import measure_exclusion
from bench.first_sync import measure_first_sync
from bench.goals import judge
from bench.idle import measure_idle
from bench.machine import Cores, choose_cores, describe, require_programs
from bench.matching import measure_matching
from bench.measuring import Plan, measure_database
from bench.organisation import FULL, QUICK, Size
from bench.processes import pin_this_process
from bench.questions import choose_questions
from bench.steps import measure_steps
from postroom.actions.mailbox_turns import DEFAULT_INTERVAL
from postroom.storage.database import Database

_PROJECT = Path(__file__).parents[1]
_CACHE = _PROJECT / ".cache"
_PAGE = _PROJECT / "docs" / "performance.md"


class _Run(NamedTuple):
    """How large the organisation is, how often and how long is asked, and about how many records."""

    size: Size
    plan: Plan
    questions: int
    records: tuple[int, int]  # among which new mail finds its own
    messages: int  # of a first sync
    syncs: int
    mailboxes: int  # in which nothing happens
    interval: int  # seconds from one look into each to the next


_FULL_RUN = _Run(
    FULL,
    Plan(warm_up=1, rounds=9, seconds=2),
    questions=5_000,
    records=(10_000, 1_000_000),
    messages=10_000,
    syncs=3,
    mailboxes=1_000,
    interval=DEFAULT_INTERVAL,
)
_QUICK_RUN = _Run(
    QUICK,
    Plan(warm_up=0, rounds=1, seconds=1),
    questions=100,
    records=(100, 1_000),
    messages=200,
    syncs=1,
    mailboxes=10,
    interval=10,
)


@click.command()
@click.option("--quick", is_flag=True, help="Measure briefly on a small organisation; judge and write nothing.")
@click.option("--only", type=click.Choice(DIALECTS), help="Measure this database alone; write nothing.")
def main(*, quick: bool, only: str | None) -> None:
    """Measure how fast the answer is, and exit with 1 where a goal is missed.

    A full run of both databases writes docs/performance.md.
    """
    dialects = (only,) if only else DIALECTS
    require_programs(postgresql="postgresql" in dialects)
    run, cores = _QUICK_RUN if quick else _FULL_RUN, choose_cores()
    databases = [_measure(dialect, run, cores) for dialect in dialects]
    if quick:
        return
    if not only:
        report.write(_PAGE, databases, run.size, describe())
    missed = [sentence for measured in databases for sentence in report.missed(measured)]
    if missed:
        sys.exit("\n".join(missed))


def _measure(dialect: str, run: _Run, cores: Cores) -> report.Measured:
    with prepared(dialect, run.size, _CACHE, cores.database) as url:
        database = Database(url)
        questions = choose_questions(database, run.size, run.questions)
        database.close()
        results = measure_database(url, run.size, questions, run.plan, cores)
        exclusion = measure_exclusion(url, run.size, questions.of_all, cores)
        first_sync = measure_first_sync(url, run.messages, run.syncs)
        idle = measure_idle(url, run.mailboxes, run.interval)
        matching = measure_matching(url, run.size, run.records)
        pin_this_process(cores.worker)
        steps = measure_steps(url, questions.of_all)
    verdicts = judge(dialect, results, exclusion, matching, first_sync, idle)
    measured = report.Measured(dialect, results, steps, exclusion, matching, first_sync, idle, verdicts)
    report.show(measured)
    return measured


if __name__ == "__main__":
    main()
