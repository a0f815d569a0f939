"""Explaining."""

from dataclasses import asdict

import click

from postroom.actions import explain as action
from postroom.actions.explain import Explanation, Step
from postroom.cli.commands import Command, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_json, say, say_heading, say_item


@click.command(
    cls=Command,
    epilog="postroom explain --viewer bob@example.com --owner alice@example.com --record Leads/3652397000001790004",
)
@click.option("--viewer", metavar="EMAIL", required=True, help="Who asks.")
@click.option("--owner", metavar="EMAIL", required=True, help="Whose mail it is.")
@click.option("--record", metavar="RECORD", required=True, help="Such as Leads/3652397000001790004.")
@click.option("--email", metavar="ID", help="One e-mail on the record, as 'postroom mail list' names it.")
@json_option
def explain(viewer: str, owner: str, record: str, email: str | None, as_json: bool) -> None:
    """Say whether a colleague sees an owner's mail on a record, and each step that leads there.

    First what the viewer sees, as the API answers. Then what the viewer may see, which the law decides: it is not
    seen where there is no such mail.
    """
    with opened() as installation:
        explanation = action.explain(installation.database, viewer, owner, record, by=operator(), email=email)
    if as_json:
        print_json(asdict(explanation))
        return
    _print(explanation)
    if email is not None and not explanation.answers:
        say_heading(f"{owner} has no e-mail {email} on this record.")


def print_steps(steps: list[Step]) -> None:
    """List the steps of a decision, each with who can change what it read."""
    for step in steps:
        say_item(step.text, "  - ")
        if step.changed_by:
            say_item(f"Changed by {step.changed_by}.", "    ", dim=True)


def _print(explanation: Explanation) -> None:
    say_item(f"{explanation.viewer} asks about mail of {explanation.owner} on {explanation.record}.")
    say(f"  Sees mail in the owner's mailbox: {_yes_or_no(explanation.sees_mailbox)}")
    say(f"  Sees mail that the owner sent from the CRM: {_yes_or_no(explanation.sees_crm)}")
    for answer in explanation.answers:
        say_heading(f"{'May' if answer.allowed else 'May not'} see {answer.about}, on {answer.record}:")
        print_steps(answer.steps)


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
