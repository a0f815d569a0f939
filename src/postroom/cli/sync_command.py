"""Synchronising."""

from dataclasses import asdict

import click

from postroom.actions.mailbox_turns import sync_now
from postroom.actions.sync import FolderReport, SyncReport
from postroom.cli.commands import Command, json_option
from postroom.cli.imports import print_dead_letters, print_problems, problems_as_json
from postroom.cli.installation import Refused, opened
from postroom.cli.output import count, print_json, progress_bar, say
from postroom.cli.worker import reader


@click.command(cls=Command, epilog="postroom sync alice@example.com")
@click.argument("address")
@json_option
def sync(address: str, as_json: bool) -> None:
    """Read what is new in a mailbox's folders; drafts, junk and trash are left alone."""
    with opened() as installation, progress_bar(f"Reading {address}") as bar:
        report = sync_now(reader(installation), address, bar.show)
    if as_json:
        folders = [asdict(folder) for folder in report.folders]
        print_json({"folders": folders, "problems": problems_as_json(report.problems)})
    else:
        _print_report(report)
    failed = sum(folder.failed is not None for folder in report.folders)
    if failed:
        raise Refused(f"{count(failed, 'folder')} of {address} could not be read to the end; run it again")


def _print_report(report: SyncReport) -> None:
    stored, known = (sum(getattr(each, name) for each in report.folders) for name in ("stored", "known"))
    say(f"{count(stored, 'message')} stored, {known} known already, in {count(len(report.folders), 'folder')}.")
    print_dead_letters(sum(folder.dead_letters for folder in report.folders))
    for folder in report.folders:
        _print_what_was_left(folder)
    print_problems(report.problems)


def _print_what_was_left(folder: FolderReport) -> None:
    if folder.skipped is not None:
        say(f"  {folder.name}: not read, {folder.skipped}")
    if folder.failed is not None:
        say(f"  {folder.name}: failed, {folder.failed}")
