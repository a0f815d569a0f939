"""Modules."""

import click

from postroom.actions.organisation import add_module, list_modules
from postroom.cli.commands import Group, json_option
from postroom.cli.installation import opened
from postroom.cli.output import print_json, print_table, say
from postroom.core.model import Module


@click.group(cls=Group, epilog="postroom module list")
def module() -> None:
    """Manage the modules of the CRM."""


@module.command("add", epilog="postroom module add Machines")
@click.argument("api_name")
@json_option
def add_module_command(api_name: str, as_json: bool) -> None:
    """Create a custom module; it keeps e-mails."""
    with opened() as installation:
        added = add_module(installation.database, api_name)
    if as_json:
        print_json(_as_json(added))
    else:
        say(f"Added the module {added.api_name}.")


@module.command("list", epilog="postroom module list --json")
@json_option
def list_modules_command(as_json: bool) -> None:
    """List Zoho's modules and the custom ones."""
    with opened() as installation:
        modules = list_modules(installation.database)
    if as_json:
        print_json([_as_json(each) for each in modules])
        return
    rows = [(each.api_name, *map(_yes_or_no, (each.has_emails, each.is_custom, each.is_public))) for each in modules]
    print_table(("Module", "E-mails", "Custom", "Public"), rows)


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"


def _as_json(each: Module) -> dict[str, object]:
    return {
        "id": str(each.id),
        "api_name": each.api_name,
        "has_emails": bool(each.has_emails),
        "is_custom": bool(each.is_custom),
        "is_public": bool(each.is_public),
    }
