"""Importing records and mail."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from postroom.actions.import_mail import Destination, import_mail
from postroom.actions.import_records import RecordsReport, import_records
from postroom.actions.store_mail import MailReport, Problem
from postroom.cli.commands import Group, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import count, print_json, progress_bar, say
from postroom.cli.rejects import rejects_path, replace_rejects, require_replaceable, without_reasons
from postroom.mail.archive import archive_size

_CHUNK = 1024 * 1024


@click.group("import", cls=Group, epilog="postroom import mail archive.mbox --mailbox alice@example.com")
def import_group() -> None:
    """Import records and mail from files; importing the same file twice changes nothing."""


@import_group.command("records", epilog="postroom import records leads.csv --module Leads --owner bob@example.com")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--module", metavar="NAME", required=True, help="Such as Leads.")
@click.option("--owner", metavar="EMAIL", help="Whose the records are where the file does not say it.")
@click.option("--rejects", type=click.Path(path_type=Path), help="Else FILE.rejects.csv, beside the file.")
@json_option
def import_records_command(file: Path, module: str, owner: str | None, rejects: Path | None, as_json: bool) -> None:
    """Import a CSV file whose first line names the fields, as Zoho exports it.

    Rows that cannot be imported are written to a file of rejects, each with its line and the reason;
    correct them there and import that file. The exit code is 0 when the whole file was read.
    """
    rejects = rejects or rejects_path(file)
    if file.exists():
        require_replaceable(rejects, file)
    title = f"Importing {file.name}"
    with opened() as installation, without_reasons(file) as rows, progress_bar(title, _line_breaks(rows)) as bar:
        report = import_records(
            installation.database, rows, module, owner, bar.advance, by=operator(), now=int(time.time())
        )
    replace_rejects(rejects, report)
    if as_json:
        print_json(_records_as_json(report, rejects))
    else:
        _print_records(report, rejects)


@import_group.command("mail", epilog="postroom import mail archive.mbox --mailbox alice@example.com")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--mailbox", metavar="ADDRESS", help="The mailbox that the mail is from.")
@click.option("--sent-by", metavar="EMAIL", help="The user who sent the mail from a CRM.")
@click.option("--record", help="Associate all of it with a record, such as Leads/3652397000001790004.")
@json_option
def import_mail_command(
    path: Path, mailbox: str | None, sent_by: str | None, record: str | None, as_json: bool
) -> None:
    """Import an mbox file, a Maildir, a folder of .eml files or one of them.

    What cannot be read is kept and listed, and stops nothing.
    """
    if (mailbox is None) == (sent_by is None):
        raise click.UsageError("name one of --mailbox ADDRESS and --sent-by EMAIL")
    destination = Destination(mailbox, sent_by, record)
    with opened() as installation, progress_bar(f"Importing {path.name}", archive_size(path)) as bar:
        report = import_mail(installation.database, path, destination, bar.advance, now=int(time.time()))
    if as_json:
        print_json(_mail_as_json(report))
    else:
        say(f"{count(report.stored, 'message')} stored, {report.known} known already.")
        print_dead_letters(report.dead_letters)
        print_problems(report.problems)


def print_dead_letters(number: int) -> None:
    """Say how many messages could not be stored, and how to see them."""
    if number:
        say(f"{count(number, 'message')} could not be stored; 'postroom deadletter list' shows them.")


def print_problems(problems: Sequence[Problem]) -> None:
    """List what could not be read in whole, and where it is."""
    if problems:
        say(f"{count(len(problems), 'problem')}; what could be read is kept:")
    for problem in problems:
        say(f"  {problem.place}: {problem.sentence}")


def problems_as_json(problems: Sequence[Problem]) -> list[dict[str, str]]:
    """Give problems as JSON has them."""
    return [{"place": problem.place, "sentence": problem.sentence} for problem in problems]


def _print_records(report: RecordsReport, rejects: Path) -> None:
    say(f"{count(report.created, 'record')} created, {report.updated} updated, {report.unchanged} unchanged.")
    if report.rejected:
        say(f"{count(len(report.rejected), 'row')} rejected; correct them in {rejects} and import that file.")


def _records_as_json(report: RecordsReport, rejects: Path) -> dict[str, object]:
    return {
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "rejected": [{"line": each.row.line, "reason": each.reason} for each in report.rejected],
        "rejects_file": str(rejects) if report.rejected else None,
    }


def _mail_as_json(report: MailReport) -> dict[str, object]:
    return {
        "stored": report.stored,
        "known": report.known,
        "dead_letters": report.dead_letters,
        "problems": problems_as_json(report.problems),
    }


def _line_breaks(file: Path) -> int | None:
    """Count what are about the rows, for a bar; None where there is nothing to count."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(_CHUNK), b""))
