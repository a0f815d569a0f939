"""The tables of a run: on the terminal, and as a page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bench import idle
from bench.exclusion import Exclusion
from bench.first_sync import FirstSync
from bench.goals import Verdict
from bench.matching import Matching
from bench.measuring import FULL_ANSWER, Results
from bench.organisation import Size
from bench.steps import Step

_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_INTRODUCTION = """\
# Performance

Measured on {day} by `make bench`, which measures and writes this page anew.

One worker process has a core of the processor to itself. wrk asks on another core, over 32 connections
that stay open; PostgreSQL, where it is measured, shares that core with wrk. The organisation has
{users:,} users, {records:,} records and {emails:,} e-mails, one million of them on one record, and {crowd:,} more
colleagues who each share an e-mail on crowded Leads. Who asks about which record is drawn at random among those
who may see it.

**Full** is the whole answer: token, scopes, record, the sharing law, JSON and the log line. All of it is
read from the database in that very request. **Constant** is a fixed answer as long as a typical full one,
from the same server with the same log. All answers are measured in turn, round after round; the figures
are the medians of the rounds. **The ratio** of an answer is how many of them there are for each constant one in the
same round, so it says what Postroom itself costs, on any machine.

The pages are of the e-mails on the Lead with 100,000 of them. A token refresh writes: it makes an access token.

Where the time goes is measured in one thread without a server: each step less what it holds. Time passes
while the process works or waits for the database; under load other answers fill the wait. The last step is
what remains of the core's time for an answer under load.

Excluding a domain is timed three times on the quiet machine, for the median; then it is excluded and included once more
while callers ask on, and their answers are those of five seconds around it.

The first sync is of mail that was really sent, the public corpus of SpamAssassin, from a Dovecot on the same machine
into an empty database, with a thousand records that the mail names. mbsync pulls the same mailbox into a Maildir, in
turn with it; both write to the disk before they go on. The shares of its time are from one more sync under Python's
profiler, and what they leave is everything else. A new record finds its old mail in the large organisation; new mail is
stored, two hundred messages at a time, in organisations that differ in their number of records alone.

Idle mailboxes are those of users on one Dovecot, over TLS, with {messages} messages in each of {folders} folders. One
worker looks into each every five minutes, and is measured for five minutes after its first passes. It keeps a
connection to each, on which the server would say that mail came; without `--waiting-per-host` it would keep fewer to
one server. The comparison of everything, every six hours, is not in these figures.
"""


class Measured(NamedTuple):
    """Everything that is known of one database after a run."""

    dialect: str
    results: Results
    steps: Sequence[Step]
    exclusion: Exclusion
    matching: Matching
    first_sync: FirstSync
    idle: idle.Idle
    verdicts: Sequence[Verdict]


class _Sheet(NamedTuple):
    """A table before it is printed or written; all columns but the first are numbers or a word."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def show(measured: Measured) -> None:
    """Print the tables of one database."""
    console = Console()
    for sheet in _sheets(measured):
        table = Table(sheet.heads[0], title=f"{_NAMES[measured.dialect]}: {sheet.title}", title_justify="left")
        for head in sheet.heads[1:]:
            table.add_column(head, justify="right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)


def write(path: Path, databases: Sequence[Measured], size: Size, machine: Sequence[str]) -> None:
    """Write the page."""
    day = datetime.now(UTC).date()
    parts = [
        _INTRODUCTION.format(
            day=day,
            users=size.users,
            records=size.records,
            emails=size.emails,
            crowd=max(size.crowds),
            messages=idle.MESSAGES,
            folders=len(idle.FOLDERS),
        )
    ]
    for measured in databases:
        parts.append(f"## {_NAMES[measured.dialect]}\n")
        parts += map(_markdown, _sheets(measured))
    parts.append("## The machine\n")
    parts += [f"- {line}" for line in machine]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(parts) + "\n")


def missed(measured: Measured) -> list[str]:
    """Give a sentence for each goal that had to be reached and was not."""
    return [
        f"{_NAMES[measured.dialect]}: missed: {verdict.goal}; measured {verdict.measured}"
        for verdict in measured.verdicts
        if not verdict.is_reached and not verdict.may_be_missed
    ]


def _sheets(measured: Measured) -> tuple[_Sheet, ...]:
    return (
        _goals(measured.verdicts),
        _answers(measured.results),
        _exclusion(measured.exclusion),
        _matching(measured.matching),
        *_first_sync(measured.first_sync),
        _steps(measured.results, measured.steps),
    )


def _goals(verdicts: Sequence[Verdict]) -> _Sheet:
    rows = [(verdict.goal, verdict.measured, "yes" if verdict.is_reached else "no") for verdict in verdicts]
    return _Sheet("goals", ("goal", "measured", "reached"), rows)


def _answers(results: Results) -> _Sheet:
    rows = [
        (
            name,
            f"{figures.per_second:,.0f}",
            f"{results.ratios[name]:.3f}",
            f"{figures.p50:.2f}",
            f"{figures.p99:.2f}",
            f"{figures.busy:.0%}",
        )
        for name, figures in results.figures.items()
    ]
    return _Sheet("answers", ("answer", "requests/s", "ratio", "p50 (ms)", "p99 (ms)", "worker busy"), rows)


def _exclusion(exclusion: Exclusion) -> _Sheet:
    meanwhile = exclusion.meanwhile
    row = (
        f"{exclusion.copies:,}",
        f"{exclusion.seconds:.2f}",
        f"{meanwhile.per_second:,.0f}",
        f"{meanwhile.p50:.2f}",
        f"{meanwhile.p99:.2f}",
    )
    heads = ("old copies", "seconds, quiet", "answers/s meanwhile", "p50 (ms)", "p99 (ms)")
    return _Sheet("excluding a domain", heads, [row])


def _matching(matching: Matching) -> _Sheet:
    rows = [(f"a new record, seconds until it has {matching.copies:,} old copies", f"{matching.seconds:.2f}")]
    rows += [
        (f"a message among {number:,} records, microseconds to store", f"{each:,.0f}")
        for number, each in matching.per_message.items()
    ]
    return _Sheet("matching mail with records", ("what", "measured"), rows)


def _first_sync(first_sync: FirstSync) -> tuple[_Sheet, _Sheet]:
    rates = [("Postroom", f"{first_sync.ours:,.0f}"), ("mbsync", f"{first_sync.mbsync:,.0f}")]
    shares = [(step, f"{share:.0%}") for step, share in first_sync.shares.items()]
    title = f"first sync of {first_sync.messages:,} messages"
    return (
        _Sheet(title, ("program", "messages/s"), [*rates, ("ratio", f"{first_sync.ratio:.2f}")]),
        _Sheet("where the time of a first sync goes", ("step", "share"), shares),
    )


def _steps(results: Results, steps: Sequence[Step]) -> _Sheet:
    """Give the steps, and beside them what the worker's core spends on an answer in all."""
    full = results.figures[FULL_ANSWER]
    under_load = 1e6 * full.busy / full.per_second
    rest = under_load - sum(step.processor for step in steps)
    rows = [(step.name, f"{step.elapsed:.0f}", f"{step.processor:.0f}") for step in steps]
    rows += [("Granian, kernel, all else under load", "", f"{rest:.0f}"), ("in all", "", f"{under_load:.0f}")]
    return _Sheet("where the time goes", ("step", "passes (µs)", "at work (µs)"), rows)


def _markdown(sheet: _Sheet) -> str:
    alignment = ["---", *("---:" for _ in sheet.heads[1:])]
    rows = [f"| {' | '.join(row)} |" for row in (sheet.heads, alignment, *sheet.rows)]
    return "\n".join((f"### {sheet.title.capitalize()}\n", *rows, ""))
