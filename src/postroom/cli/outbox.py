"""Outbox."""

import time
from collections.abc import Callable

import click

from postroom.actions.organisation import time_zone_of
from postroom.actions.outbox import Outcome, cancel, list_outbox, send_due, send_now
from postroom.actions.times import with_offset
from postroom.cli.commands import Group, json_option, limit_option
from postroom.cli.installation import Refused, opened
from postroom.cli.output import count, print_entries, print_json, say
from postroom.core.model import OutboxState

_HEADINGS = ("Message", "Sender", "Subject", "State", "Tries", "What is wrong")


@click.group(cls=Group, epilog="postroom outbox list --state failed")
def outbox() -> None:
    """See to mail that is sent from records: what waits, and what could not be sent."""


@outbox.command("list", epilog="postroom outbox list --state queued --json")
@click.option("--user", "user_email", metavar="EMAIL", help="Only what this user sends.")
@click.option("--state", type=click.Choice([each.value for each in OutboxState]), help="Only what is in this state.")
@limit_option(20)
@json_option
def list_outbox_command(user_email: str | None, state: str | None, limit: int, as_json: bool) -> None:
    """List messages, the newest first."""
    with opened() as installation:
        listed = list_outbox(installation.database, user_email, None if state is None else OutboxState(state), limit)
        zone = time_zone_of(installation.database)
    if as_json:
        print_json([_as_json(outcome, sender, lambda at: with_offset(at, zone)) for outcome, sender in listed])
        return
    print_entries(_HEADINGS, [_row(outcome, sender) for outcome, sender in listed], "There is no such message.")


@outbox.command("send", epilog="postroom outbox send")
@click.argument("message", required=False)
def send_command(message: str | None) -> None:
    """Send what is due, or one message at once.

    One whose outcome is not known is sent again only so: look first whether it went out.
    """
    now = int(time.time())
    with opened() as installation:
        database, box = installation.database, installation.box
        outcomes = send_due(database, box, now) if message is None else [send_now(database, box, message, now=now)]
    sent = [each for each in outcomes if each.mail.state == OutboxState.SENT]
    say(f"{count(len(sent), 'message')} sent, {len(outcomes) - len(sent)} not.")
    for each in outcomes:
        if each.mail.error is not None:
            say(f"  {each.mail.id}: {each.mail.state}, {each.mail.error}")
    if message is not None and not sent:
        raise Refused(f"the message {message} was not sent")


@outbox.command("cancel", epilog="postroom outbox cancel 8000000000000000042")
@click.argument("message")
def cancel_command(message: str) -> None:
    """Take a message out that is scheduled or queued."""
    with opened() as installation:
        cancel(installation.database, message)
    say(f"{message} will not be sent.")


def _row(outcome: Outcome, sender: str) -> tuple[str, ...]:
    mail = outcome.mail
    return str(mail.id), sender, mail.subject, mail.state, str(mail.attempts), mail.error or ""


def _as_json(outcome: Outcome, sender: str, in_words: Callable[[int], str]) -> dict[str, object]:
    mail = outcome.mail
    times = {"created": mail.created_at, "scheduled": mail.scheduled_at, "next_try": mail.next_try_at}
    return {
        "id": str(mail.id),
        "user": sender,
        "from": mail.sender,
        "record": str(mail.record_id),
        "subject": mail.subject,
        "message_id": mail.message_id,
        "state": mail.state,
        "attempts": mail.attempts,
        "error": mail.error,
        "refused": [{"email": email, "reason": reason} for email, reason in outcome.refused],
        **{name: None if at is None else in_words(at) for name, at in times.items()},
    }
