"""Measures one database: every answer in turn, round after round, so that what else the machine does hits all alike."""

import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from bench.load import Figures, Question, measure, write_questions
from bench.machine import Cores
from bench.processes import running_server
from bench.questions import Questions
from bench.server import CONSTANT

BARE, CONSTANT_ANSWER, FULL_ANSWER = "constant, bare Falcon without a log", "constant", "full"
_WARM_UP_SECONDS = 1


class Plan(NamedTuple):
    """How often and how long each answer is asked for."""

    rounds: int
    seconds: int


class Results(NamedTuple):
    """What came out: the medians of the rounds, the ratio to the constant answer, the worker's peak memory (MiB)."""

    figures: dict[str, Figures]
    ratio: float
    spread: float
    peak_memory: float


def measure_database(url: str, questions: Questions, plan: Plan, cores: Cores) -> Results:
    """Measure the constant answers, the full one, and that of each special Lead."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with (
            running_server("full_app", url, questions.typical_body, folder, cores.worker) as server,
            running_server("bare_app", url, questions.typical_body, folder, cores.worker) as bare,
        ):
            asked = _asked(questions, folder)
            ports = dict.fromkeys(asked, server.port) | {BARE: bare.port}
            rounds = _rounds(ports, asked, plan, cores.load)
            return _results(rounds, list(questions.of_special), server.peak_memory())


def special(emails: int) -> str:
    """Name the answer about a Lead of so many e-mails."""
    return f"full, a Lead with {emails:,} e-mails"


def _asked(questions: Questions, folder: Path) -> dict[str, Path]:
    constant = [Question(question.token, CONSTANT) for question in questions.of_all]
    named = {BARE: constant, CONSTANT_ANSWER: constant, FULL_ANSWER: questions.of_all}
    named |= {special(emails): asked for emails, asked in questions.of_special.items()}
    files = {}
    for number, (name, asked) in enumerate(named.items()):
        files[name] = folder / f"questions-{number}"
        write_questions(files[name], asked)
    return files


def _rounds(ports: dict[str, int], asked: dict[str, Path], plan: Plan, core: int) -> dict[str, list[Figures]]:
    measured: dict[str, list[Figures]] = defaultdict(list)
    with Progress() as progress:
        task = progress.add_task("measuring", total=plan.rounds * len(asked))
        for name, questions in asked.items():
            measure(ports[name], questions, _WARM_UP_SECONDS, core, seed=0)
        for number in range(plan.rounds):
            for name, questions in asked.items():
                measured[name].append(measure(ports[name], questions, plan.seconds, core, seed=number + 1))
                progress.advance(task)
    return measured


def _results(rounds: dict[str, list[Figures]], special_numbers: list[int], peak_memory: float) -> Results:
    medians = {
        name: Figures(*(statistics.median(values) for values in zip(*figures, strict=True)))
        for name, figures in rounds.items()
    }
    pairs = zip(rounds[FULL_ANSWER], rounds[CONSTANT_ANSWER], strict=True)
    ratio = statistics.median(full.per_second / constant.per_second for full, constant in pairs)
    rates = [medians[special(emails)].per_second for emails in special_numbers]
    return Results(medians, ratio, (max(rates) - min(rates)) / max(rates), peak_memory)
