"""Synchronising."""

from dataclasses import asdict
from datetime import UTC, datetime

import click

from postroom.actions.mailbox_pass import FolderReport, SyncReport
from postroom.actions.mailbox_turns import sync_now
from postroom.cli.commands import Command, json_option
from postroom.cli.imports import print_dead_letters, print_problems, problems_as_json
from postroom.cli.installation import Refused, opened
from postroom.cli.output import count, print_json, progress_bar, say
from postroom.cli.worker import reader


class _Since(click.ParamType[int]):
    """A day, or `all`, as epoch seconds."""

    name = "DATE|all"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Give the beginning of the day in UTC, 0 for all."""
        if value == "all":
            return 0
        try:
            return max(int(datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC).timestamp()), 0)
        except ValueError:
            self.fail(f"expected a day like 2025-11-03, or all, not {value!r}", param, ctx)


@click.command(cls=Command, epilog="postroom sync alice@example.com --since 2024-01-01")
@click.argument("address")
@click.option("--since", type=_Since(), help="How old mail may be from now on; a year at first.")
@json_option
def sync(address: str, since: int | None, as_json: bool) -> None:
    """Bring what is stored of a mailbox to what its server has; drafts, junk and trash are left alone."""
    with opened() as installation, progress_bar(f"Reading {address}") as bar:
        report = sync_now(reader(installation), address, bar.show, since=since)
    if as_json:
        folders = [asdict(folder) for folder in report.folders]
        problems = problems_as_json(report.problems)
        print_json({"folders": folders, "purged": report.purged, "problems": problems})
    else:
        _print_report(report)
    failed = sum(folder.failed is not None for folder in report.folders)
    if failed:
        raise Refused(f"{count(failed, 'folder')} of {address} could not be read to the end; run it again")


def _print_report(report: SyncReport) -> None:
    stored, known, moved, gone = (
        sum(getattr(each, name) for each in report.folders) for name in ("stored", "known", "moved", "gone")
    )
    say(f"{count(stored, 'message')} stored, {known} known already, in {count(len(report.folders), 'folder')}.")
    if moved or gone:
        say(f"{count(moved, 'message')} moved, {gone} gone from the server.")
    print_dead_letters(sum(folder.dead_letters for folder in report.folders))
    for folder in report.folders:
        _print_what_was_left(folder)
    print_problems(report.problems)


def _print_what_was_left(folder: FolderReport) -> None:
    for what, sentence in (("not read", folder.skipped), ("doubted", folder.doubted), ("failed", folder.failed)):
        if sentence is not None:
            say(f"  {folder.name}: {what}, {sentence}")
