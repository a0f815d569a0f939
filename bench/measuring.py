"""Measures one database: every answer in turn, round after round, so that what else the machine does hits all alike."""

import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from bench.email_questions import FAR_PAGE, FIRST_PAGE, choose_email_questions
from bench.load import Figures, Question, measure, write_questions
from bench.machine import Cores
from bench.organisation import Size
from bench.processes import Server, running_server
from bench.questions import Questions
from bench.refreshing import REFRESH
from bench.server import CONSTANT

CONSTANT_ANSWER, FULL_ANSWER = "constant", "full"


class Plan(NamedTuple):
    """How often and how long each answer is asked for; the first rounds only warm up."""

    warm_up: int
    rounds: int
    seconds: int


class Results(NamedTuple):
    """What came out: the medians of the rounds, their ratios to the constant answer, the worker's peak memory (MiB).

    The spreads are how far apart the answers are that ought to cost the same: those about few e-mails or many, and
    those of the first page or a far one.
    """

    figures: dict[str, Figures]
    ratios: dict[str, float]
    spread: float
    spread_of_pages: float
    peak_memory: float


def measure_database(url: str, size: Size, questions: Questions, plan: Plan, cores: Cores) -> Results:
    """Measure the constant answer, the full one, that of each special Lead, and those about e-mails and tokens."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with running_server(url, questions.typical_body, folder, cores.worker) as server:
            asked = _asked(questions, choose_email_questions(server, questions.of_special[questions.listed]), folder)
            rounds = _rounds(server, asked, plan, cores.load)
            return _results(rounds, size.lead_names()[: len(size.special)], server.peak_memory())


def _asked(questions: Questions, of_emails: dict[str, list[Question]], folder: Path) -> dict[str, Path]:
    constant = [Question(question.token, CONSTANT) for question in questions.of_all]
    named = {CONSTANT_ANSWER: constant, FULL_ANSWER: questions.of_all}
    named |= questions.of_special | of_emails | {REFRESH: [questions.refresh]}
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
    ratios = {name: _ratio(figures, rounds[CONSTANT_ANSWER]) for name, figures in rounds.items()}
    pages = _spread([medians[name] for name in (FIRST_PAGE, FAR_PAGE)])
    return Results(medians, ratios, _spread([medians[name] for name in alike]), pages, peak_memory)


def _ratio(figures: list[Figures], constant: list[Figures]) -> float:
    pairs = zip(figures, constant, strict=True)
    return statistics.median(each.per_second / of_constant.per_second for each, of_constant in pairs)


def _spread(alike: list[Figures]) -> float:
    rates = [figures.per_second for figures in alike]
    return (max(rates) - min(rates)) / max(rates)
