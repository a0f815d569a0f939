"""The reverse of explaining: who sees an owner's mail."""

from collections.abc import Iterable
from dataclasses import asdict

import click

from postroom.actions.explain import Step
from postroom.actions.viewers import (
    PageOfRecords,
    RecordWithViewers,
    ViewerOfMail,
    viewers_on_all_records,
    viewers_on_record,
)
from postroom.cli.commands import Command, Id, json_option, limit_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_json, say, say_heading, say_item


@click.command(cls=Command, epilog="postroom viewers --owner alice@example.com --record Leads/3652397000001790004")
@click.option("--owner", metavar="EMAIL", required=True, help="Whose mail it is.")
@click.option(
    "--record", metavar="RECORD", help="Such as Leads/3652397000001790004; else all on which the owner's mail is."
)
@limit_option(20)
@click.option("--after", metavar="ID", type=Id(), help="Go on after the last record of a list.")
@json_option
def viewers(owner: str, record: str | None, limit: int, after: int | None, as_json: bool) -> None:
    """Say which colleagues see an owner's mail, and why, on one record or on all of them.

    Mail that reaches a record through a Contact is listed on the Contact, unless one record is named.
    """
    with opened() as installation:
        database, by = installation.database, operator()
        if record is not None:
            page = PageOfRecords([viewers_on_record(database, owner, record, by=by)], None)
        else:
            page = viewers_on_all_records(database, owner, by=by, limit=limit, after=after or 0)
    if as_json:
        print_json(_as_json(page))
    else:
        _print(page, owner)


def _print(page: PageOfRecords, owner: str) -> None:
    if not page.records:
        say(f"There is no record with mail of {owner}.")
    for each in page.records:
        _print_record(each)
    if page.next_after is not None:
        say_heading(f"There may be more: add --after {page.next_after}")


def _print_record(each: RecordWithViewers) -> None:
    say_heading(each.record)
    if not each.viewers:
        say("Nobody but the owner sees mail here.")
    for seen_by in _by_reasons(each.viewers):
        say("")
        for viewer in seen_by:
            say(f"{viewer.name} <{viewer.email}>")
        _print_steps("sees mail in the mailbox", seen_by[0].mailbox)
        _print_steps("sees mail sent from the CRM", seen_by[0].crm)


def _by_reasons(found: list[ViewerOfMail]) -> Iterable[list[ViewerOfMail]]:
    """Give those together who see for the same reasons."""
    groups: dict[str, list[ViewerOfMail]] = {}
    for viewer in found:
        groups.setdefault(repr((viewer.mailbox, viewer.crm)), []).append(viewer)
    return groups.values()


def _print_steps(title: str, steps: list[Step]) -> None:
    if steps:
        say(f"  {title}:")
    for step in steps:
        say_item(step.text, "  - ")


def _as_json(page: PageOfRecords) -> dict[str, object]:
    return asdict(page) | {"next_after": None if page.next_after is None else str(page.next_after)}
