"""Dead letters."""

import base64
import time
from zoneinfo import ZoneInfo

import click

from postroom.actions.dead_letters import (
    ListedLetter,
    list_dead_letters,
    replay_dead_letter,
    replay_dead_letters,
    show_dead_letter,
)
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.cli.commands import Group, Id, json_option, limit_option
from postroom.cli.installation import Refused, opened, operator
from postroom.cli.output import count, print_entries, print_json, say, say_heading
from postroom.cli.words import in_calendar

_HEADINGS = ("Letter", "Owner", "Place", "Failed", "Bytes", "Reason")
_SHOWN_BYTES = 16 * 1024


@click.group(cls=Group, epilog="postroom deadletter list")
def deadletter() -> None:
    """See to messages that could not be stored: they are kept as they came, and can be tried again."""


@deadletter.command("list", epilog="postroom deadletter list --user alice@example.com --json")
@click.option("--user", "user_email", metavar="EMAIL", help="Only mail of this user.")
@limit_option(20)
@click.option("--after", metavar="ID", type=Id(), help="Go on where the last list ended.")
@json_option
def list_command(user_email: str | None, limit: int, after: int | None, as_json: bool) -> None:
    """List dead letters, the oldest first."""
    with opened() as installation:
        listed = list_dead_letters(installation.database, user_email, by=operator(), limit=limit, after=after or 0)
        zone = time_zone_of(installation.database)
    if as_json:
        print_json([_as_json(each, zone) for each in listed])
    else:
        print_entries(_HEADINGS, [_row(each, zone) for each in listed], "There is no dead letter.")


@deadletter.command("show", epilog="postroom deadletter show 8000000000000000042 --json")
@click.argument("letter")
@json_option
def show_command(letter: str, as_json: bool) -> None:
    """Show a dead letter with the beginning of the message; --json has all of it, as base64."""
    with opened() as installation:
        found, raw = show_dead_letter(installation.database, letter, by=operator())
        zone = time_zone_of(installation.database)
    if as_json:
        print_json(_as_json(found, zone) | {"message": base64.b64encode(raw).decode("ascii")})
        return
    for heading, value in zip(_HEADINGS, _row(found, zone), strict=True):
        say(f"{heading}: {value}")
    say_heading("As it came")
    for line in raw[:_SHOWN_BYTES].decode("utf-8", "replace").split("\n"):
        say(line.removesuffix("\r"))
    if len(raw) > _SHOWN_BYTES:
        say(f"There are {len(raw) - _SHOWN_BYTES} bytes more: add --json")


@deadletter.command("replay", epilog="postroom deadletter replay")
@click.argument("letter", required=False)
@json_option
def replay_command(letter: str | None, as_json: bool) -> None:
    """Try to store all dead letters again, or one."""
    now, by = int(time.time()), operator()
    with opened() as installation:
        database = installation.database
        if letter is None:
            report = replay_dead_letters(database, by=by, now=now)
        else:
            report = replay_dead_letter(database, letter, by=by, now=now)
    if as_json:
        failed = [{"id": str(each.id), "reason": each.reason} for each in report.failed]
        print_json({"stored": report.stored, "failed": failed})
    else:
        say(f"{count(report.stored, 'message')} stored, {len(report.failed)} not.")
        for each in report.failed:
            say(f"  {each.id}: {each.place}: {each.reason}")
    if letter is not None and report.failed:
        raise Refused(f"the dead letter {letter} was not stored")


def _row(each: ListedLetter, zone: ZoneInfo) -> tuple[str, ...]:
    letter, owner = each
    failed = in_calendar(letter.failed_at, zone)
    return str(letter.id), owner, letter.place, failed, str(letter.size), letter.reason


def _as_json(each: ListedLetter, zone: ZoneInfo) -> dict[str, object]:
    letter, owner = each
    return {
        "id": str(letter.id),
        "user": owner,
        "mailbox": None if letter.mailbox_id is None else str(letter.mailbox_id),
        "folder": letter.folder,
        "uid": letter.uid,
        "place": letter.place,
        "record": None if letter.record_id is None else str(letter.record_id),
        "failed": with_offset(letter.failed_at, zone),
        "bytes": letter.size,
        "only_headers": letter.truncated,
        "reason": letter.reason,
    }
