"""The audit."""

from collections.abc import Sequence
from dataclasses import asdict
from zoneinfo import ZoneInfo

import click

from postroom.actions.audit import Entry, PageOfEntries, read_audit
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.cli.commands import Command, Id, json_option, limit_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_entries, print_json, say
from postroom.cli.words import in_calendar, in_words

_HEADINGS = ("When", "Who", "Changed", "Of", "From → to")


@click.command(cls=Command, epilog="postroom audit --about alice@example.com")
@click.option("--about", metavar="EMAIL", help="Only what concerns the mail of one user.")
@limit_option(50)
@click.option("--before", metavar="ID", type=Id(), help="Go on where the last list ended.")
@json_option
def audit(about: str | None, limit: int, before: int | None, as_json: bool) -> None:
    """List who changed what decides who sees what, the newest change first."""
    with opened() as installation:
        page = read_audit(installation.database, by=operator(), limit=limit, about=about, before=before)
        time_zone = time_zone_of(installation.database)
    if as_json:
        print_json(_as_json(page, time_zone))
    else:
        _print(page, time_zone)


def _print(page: PageOfEntries, time_zone: ZoneInfo) -> None:
    print_entries(_HEADINGS, [_row(each, time_zone) for each in page.entries], "Nothing was changed.")
    if page.next_before is not None:
        say(f"There may be more: add --before {page.next_before}")


def _row(entry: Entry, time_zone: ZoneInfo) -> Sequence[str]:
    subject = entry.subject
    if entry.owner is not None and entry.owner not in subject:
        subject = f"{subject} ({entry.owner})"
    values = f"{in_words(entry.before)} → {in_words(entry.after)}"
    return in_calendar(entry.at, time_zone), entry.actor or entry.channel, entry.change, subject, values


def _as_json(page: PageOfEntries, time_zone: ZoneInfo) -> dict[str, object]:
    entries = [asdict(each) | {"at": with_offset(each.at, time_zone)} for each in page.entries]
    return {"entries": entries, "next_before": None if page.next_before is None else str(page.next_before)}
