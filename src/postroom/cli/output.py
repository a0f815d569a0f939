"""Printing: JSON for scripts, sentences and tables for people, progress bars on standard error."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import TextWrapper
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from postroom.cli.text import printable

_UNLIMITED = 10_000  # columns: nobody reads a pipe, and a script wants whole values


def print_json(value: object) -> None:
    """Print JSON alone on standard output; what could steer a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo("".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text))


def say(sentence: str) -> None:
    """Print one line."""
    click.echo(printable(sentence))


def say_item(text: str, bullet: str = "", *, dim: bool = False) -> None:
    """Print a text after a bullet, on a terminal with line breaks between words; `dim` is for what is beside it."""
    wrapper = TextWrapper(
        _console(sys.stdout).width,
        initial_indent=bullet,
        subsequent_indent=" " * len(bullet),
        break_long_words=False,  # an address or an id is to be copied
        break_on_hyphens=False,
    )
    lines = "\n".join(wrapper.wrap(printable(text)))
    click.echo(click.style(lines, dim=True) if dim else lines)


def say_heading(text: str) -> None:
    """Print a heading with an empty line before it."""
    click.echo()
    click.echo(click.style(printable(text), bold=True))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that is as wide as the terminal at most; in a pipe no value is cut."""
    _console(sys.stdout).print(_table(headings, rows))


def print_entries(headings: Sequence[str], entries: Sequence[Sequence[str]], if_none: str) -> None:
    """Print a table where it is as wide as the terminal at most, else a paragraph for each row without a value cut.

    Without an entry there are no headings either, but the sentence `if_none`.
    """
    if not entries:
        say(if_none)
        return
    console, table = _console(sys.stdout), _table(headings, entries)
    if console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum <= console.width:
        console.print(table)
        return
    for entry in entries:
        say_item("  ".join(entry[:2]))
        for heading, value in zip(headings[2:], entry[2:], strict=True):
            if value:
                say_item(f"{heading}: {value}", "  ")


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(value)) for value in row))
    return table


class Bar:
    """A progress bar on standard error."""

    def __init__(self, progress: Progress, title: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(printable(title), total=total)

    def advance(self, steps: int) -> None:
        """Go on by `steps`."""
        self._progress.advance(self._task, steps)

    def show(self, title: str, done: int, total: int | None) -> None:
        """Say what is being done, and how far it is."""
        self._progress.update(self._task, description=printable(title), completed=done, total=total)

    def show_title(self, title: str, steps: int) -> None:
        """Say what is being done, and go on by `steps`."""
        self._progress.update(self._task, description=printable(title), advance=steps)


@contextmanager
def progress_bar(title: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the block runs, on a terminal only; it is gone afterwards."""
    console = _console(sys.stderr)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, title, total)


def count(number: int, thing: str, things: str | None = None) -> str:
    """Give "1 message" or "2 messages"."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def _console(stream: TextIO) -> Console:
    terminal = stream.isatty()
    return Console(
        file=stream,
        force_terminal=terminal,
        width=None if terminal else _UNLIMITED,
        markup=False,
        highlight=False,
        emoji=False,
    )
