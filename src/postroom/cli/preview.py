"""What a change would open and close, printed before it is made."""

from dataclasses import asdict
from itertools import groupby

from postroom.actions.actor import Actor
from postroom.actions.changes import Change
from postroom.actions.preview import Difference, Effect, Preview, preview
from postroom.cli.output import count, print_json, say, say_heading
from postroom.wiring import Installation

_SHOWN, _IN_JSON = 100, 10_000  # differences


def print_preview(installation: Installation, change: Change, by: Actor, *, now: int, as_json: bool) -> None:
    """Say what a change would do, and change nothing."""
    most = _IN_JSON if as_json else _SHOWN
    previewed = preview(installation.database, change, by, now=now, limit=most + 1)
    if as_json:
        print_json(_as_json(previewed, most))
    else:
        _print(previewed, most)


def _print(previewed: Preview, most: int) -> None:
    say(f"Would open {_effect(previewed.opened)}.")
    say(f"Would close {_effect(previewed.closed)}.")
    _print_differences(previewed.differences[:most])
    if len(previewed.differences) > most:
        say_heading(f"These are the first {most} differences; --json prints up to {_IN_JSON}.")
    say_heading("Nothing was changed.")


def _effect(effect: Effect) -> str:
    if not effect.emails:
        return "nothing"
    return f"{count(effect.emails, 'e-mail')} to {count(effect.users, 'user')} on {count(effect.records, 'record')}"


def _print_differences(differences: list[Difference]) -> None:
    """Print a table for each viewer: how many e-mails, on which record, of whom."""
    width = max((len(each.record) for each in differences), default=0)
    for viewer, seen in groupby(differences, key=lambda each: each.viewer):
        say_heading(f"{viewer}:")
        for each in seen:
            say(f"{_emails(each):>6}  {each.record:<{width}}  of {each.owner}")


def _emails(difference: Difference) -> str:
    signed = (("+", difference.opened), ("-", difference.closed))
    return " ".join(f"{sign}{emails}" for sign, emails in signed if emails)


def _as_json(previewed: Preview, most: int) -> dict[str, object]:
    return {
        "opened": previewed.opened._asdict(),
        "closed": previewed.closed._asdict(),
        "differences": [asdict(each) for each in previewed.differences[:most]],
        "more": len(previewed.differences) > most,
    }
