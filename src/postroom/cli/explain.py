"""Explaining."""

from dataclasses import asdict

import click

from postroom.actions import explain as action
from postroom.cli.commands import Command, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_json, say


@click.command(
    cls=Command,
    epilog="postroom explain --viewer bob@example.com --owner alice@example.com --record Leads/3652397000001790004",
)
@click.option("--viewer", metavar="EMAIL", required=True, help="Who asks.")
@click.option("--owner", metavar="EMAIL", required=True, help="Whose mail it is.")
@click.option("--record", required=True, help="Such as Leads/3652397000001790004.")
@click.option("--email", metavar="ID", help="One e-mail on the record, as 'postroom mail list' names it.")
@json_option
def explain(viewer: str, owner: str, record: str, email: str | None, as_json: bool) -> None:
    """Say whether a colleague sees an owner's mail on a record, and each step that leads there."""
    with opened() as installation:
        explanation = action.explain(installation.database, viewer, owner, record, by=operator(), email=email)
    if as_json:
        print_json(asdict(explanation))
        return
    say(f"{explanation.viewer} asks about {explanation.owner} on {explanation.record}:")
    for answer in explanation.answers:
        say(f"{'Sees' if answer.allowed else 'Does not see'} {answer.about}, on {answer.record}:")
        for step in answer.steps:
            say(f"  - {step.text}")
            if step.changed_by:
                say(f"    Changed by {step.changed_by}.")
