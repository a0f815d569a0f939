"""A user's own mail, and what of it is withheld by hand."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import click

from postroom.actions.changes import Change
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.cli.commands import Callback, Group, Id, json_option, limit_option, preview_option
from postroom.cli.installation import make_change, opened, operator
from postroom.cli.output import print_entries, print_json, say
from postroom.cli.words import in_calendar
from postroom.core.model import OwnEmail

_HEADINGS = ("Date", "From", "Subject", "Withheld", "Thread", "E-mail")


def _what_option(callback: Callback) -> Callback:
    email = click.option("--email", metavar="ID", help="One e-mail, as 'postroom mail list' names it.")
    thread = click.option("--thread", metavar="ID", help="A conversation, with what will come to it.")
    return email(thread(callback))


@click.group(cls=Group, epilog="postroom mail list alice@example.com")
def mail() -> None:
    """Withhold single e-mails and conversations from everyone but their owner."""


@mail.command("list", epilog="postroom mail list alice@example.com --record Leads/3652397000001790004")
@click.argument("user_email", metavar="EMAIL")
@click.option("--record", metavar="RECORD", help="Only mail on one record, such as Leads/3652397000001790004.")
@limit_option(20)
@click.option("--before", metavar="PLACE", type=Id(), help="Go on where the last list ended.")
@json_option
def list_mail(user_email: str, record: str | None, limit: int, before: int | None, as_json: bool) -> None:
    """List a user's own e-mails.

    What came in last is first.
    """
    with opened() as installation:
        database = installation.database
        emails = list_own_emails(database, user_email, record, by=operator(), limit=limit, before=before)
        time_zone = time_zone_of(database)
    next_before = emails[-1].place if len(emails) == limit else None
    if as_json:
        print_json(_as_json(emails, next_before, time_zone))
    else:
        _print(emails, next_before, time_zone)


@mail.command("withhold", epilog="postroom mail withhold alice@example.com --thread 8000000000000000042")
@click.argument("user_email", metavar="EMAIL")
@_what_option
@preview_option
def withhold(user_email: str, email: str | None, thread: str | None) -> None:
    """Withhold an e-mail or a conversation."""
    what = f"e-mail {email}" if email else f"conversation {thread}"
    make_change(_change(user_email, email, thread, withheld=True), f"{user_email} withholds the {what}.")


@mail.command("release", epilog="postroom mail release alice@example.com --thread 8000000000000000042")
@click.argument("user_email", metavar="EMAIL")
@_what_option
@preview_option
def release(user_email: str, email: str | None, thread: str | None) -> None:
    """Release what was withheld by hand.

    What an excluded domain withholds stays withheld.
    """
    what = f"e-mail {email}" if email else f"conversation {thread}"
    done = f"{user_email} does not withhold the {what} by hand."
    make_change(_change(user_email, email, thread, withheld=False), done)


def _change(user_email: str, email: str | None, thread: str | None, *, withheld: bool) -> Change:
    if email is not None and thread is None:
        return WithholdEmail(user_email, email, withheld)
    if thread is not None and email is None:
        return WithholdThread(user_email, thread, withheld)
    raise click.UsageError("name one of --email ID and --thread ID")


def _print(emails: Sequence[OwnEmail], next_before: int | None, time_zone: ZoneInfo) -> None:
    print_entries(_HEADINGS, [_row(each, time_zone) for each in emails], "There is no such mail.")
    if next_before is not None:
        say(f"There may be more: add --before {next_before}")


def _row(each: OwnEmail, time_zone: ZoneInfo) -> tuple[str, ...]:
    date = "no date" if each.sent_at is None else in_calendar(each.sent_at, time_zone)
    withheld = "yes" if each.withheld else ""
    return date, each.sender or "no sender", each.subject, withheld, str(each.thread_id), email_id(each.email_key)


def _as_json(emails: Sequence[OwnEmail], next_before: int | None, time_zone: ZoneInfo) -> dict[str, object]:
    listed = [
        {
            "id": email_id(each.email_key),
            "thread": str(each.thread_id),
            "date": None if each.sent_at is None else with_offset(each.sent_at, time_zone),
            "sender": each.sender,
            "subject": each.subject,
            "automated": each.is_automated,
            "only_headers": each.headers_only,
            "withheld": each.withheld,
        }
        for each in emails
    ]
    return {"emails": listed, "next_before": None if next_before is None else str(next_before)}
