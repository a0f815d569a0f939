"""Measures one database: every answer in turn, round after round, so that what else the machine does hits all alike."""

import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from bench.load import Figures, Question, measure, write_questions
from bench.machine import Cores
from bench.organisation import Size
from bench.processes import Server, running_server
from bench.questions import Questions
from bench.server import CONSTANT

CONSTANT_ANSWER, FULL_ANSWER = "constant", "full"


class Plan(NamedTuple):
    """How often and how long each answer is asked for; the first rounds only warm up."""

    warm_up: int
    rounds: int
    seconds: int


class Results(NamedTuple):
    """What came out: the medians of the rounds, the ratio to the constant answer, the worker's peak memory (MiB)."""

    figures: dict[str, Figures]
    ratio: float
    spread: float
    peak_memory: float


def measure_database(url: str, size: Size, questions: Questions, plan: Plan, cores: Cores) -> Results:
    """Measure the constant answer, the full one, and that of each special Lead."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        asked = _asked(questions, folder)
        with running_server(url, questions.typical_body, folder, cores.worker) as server:
            rounds = _rounds(server, asked, plan, cores.load)
            return _results(rounds, size.lead_names()[: len(size.special)], server.peak_memory())


def _asked(questions: Questions, folder: Path) -> dict[str, Path]:
    constant = [Question(question.token, CONSTANT) for question in questions.of_all]
    named = {CONSTANT_ANSWER: constant, FULL_ANSWER: questions.of_all}
    named |= questions.of_special
    files = {}
    for number, (name, asked) in enumerate(named.items()):
        files[name] = folder / f"questions-{number}"
        write_questions(files[name], asked)
    return files


def _rounds(server: Server, asked: dict[str, Path], plan: Plan, core: int) -> dict[str, list[Figures]]:
    measured: dict[str, list[Figures]] = defaultdict(list)
    with Progress() as progress:
        rounds = plan.warm_up + plan.rounds
        task = progress.add_task("measuring", total=rounds * len(asked))
        for number in range(rounds):
            for name, questions in asked.items():
                measured[name].append(measure(server, questions, plan.seconds, core, seed=number))
                progress.advance(task)
    return {name: figures[plan.warm_up :] for name, figures in measured.items()}


def _results(rounds: dict[str, list[Figures]], alike: list[str], peak_memory: float) -> Results:
    medians = {
        name: Figures(*(statistics.median(values) for values in zip(*figures, strict=True)))
        for name, figures in rounds.items()
    }
    pairs = zip(rounds[FULL_ANSWER], rounds[CONSTANT_ANSWER], strict=True)
    ratio = statistics.median(full.per_second / constant.per_second for full, constant in pairs)
    rates = [medians[name].per_second for name in alike]
    return Results(medians, ratio, (max(rates) - min(rates)) / max(rates), peak_memory)
