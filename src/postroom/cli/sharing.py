"""Who sees whose mail."""

import time
from collections.abc import Callable, Mapping

import click

from postroom.actions import change_sharing
from postroom.actions.organisation import set_module_access
from postroom.cli.commands import Command, Group
from postroom.cli.installation import opened
from postroom.cli.output import say
from postroom.core.model import CrmAccess, Permission
from postroom.storage.database import Database

_UNSET = "unset"
_PERMISSIONS = [each.value for each in Permission]
_CHOICES = [each.value for each in Permission if each != Permission.USERS_CHOICE]
_COMBINATIONS = (
    "name one thing to set: --default PERMISSION, --role NAME --permission PERMISSION, --user EMAIL --permission "
    "PERMISSION, --user EMAIL --choice PERMISSION, --crm-access TYPE, or --module NAME --access public|private"
)


@click.group(cls=Group, epilog="postroom sharing set --user alice@example.com --choice public")
def sharing() -> None:
    """Set who sees what, in general."""


@sharing.command("set", epilog="postroom sharing set --role Sales --permission custom")
@click.option("--default", type=click.Choice(_PERMISSIONS), help="Where neither the role nor the user has one.")
@click.option("--role", metavar="NAME", help="The e-mail preference of a role, with --permission.")
@click.option("--user", metavar="EMAIL", help="A user, with --permission or --choice.")
@click.option("--permission", type=click.Choice([*_PERMISSIONS, _UNSET]), help="As an administrator sets it.")
@click.option("--choice", type=click.Choice(_CHOICES), help="The user's own; it holds under users_choice.")
@click.option("--crm-access", type=click.Choice([each.value for each in CrmAccess]), help="Mail sent from the CRM.")
@click.option("--module", metavar="NAME", help="A module, with --access.")
@click.option("--access", type=click.Choice(["public", "private"]), help="Whether all users see its records.")
def set_sharing(**options: str | None) -> None:
    """Set one thing: the default, a role's or a user's permission, a user's choice, or who sees a module's records."""
    given = {name: value for name, value in options.items() if value is not None}
    change = _CHANGES.get(frozenset(given))
    if change is None:
        raise click.UsageError(_COMBINATIONS)
    with opened() as installation:
        said = change(installation.database, given)
    say(said)


@click.command(cls=Command, epilog="postroom share alice@example.com Leads/3652397000001790004")
@click.argument("user_email")
@click.argument("record")
def share(user_email: str, record: str) -> None:
    """Share a user's mail on a record with everyone who sees the record; the user's permission must be custom."""
    with opened() as installation:
        change_sharing.share_emails(installation.database, user_email, record, now=int(time.time()))
    say(f"{user_email} shares on {record}.")


@click.command(cls=Command, epilog="postroom unshare alice@example.com Leads/3652397000001790004")
@click.argument("user_email")
@click.argument("record")
def unshare(user_email: str, record: str) -> None:
    """Stop sharing a user's mail on a record."""
    with opened() as installation:
        change_sharing.unshare_emails(installation.database, user_email, record)
    say(f"{user_email} no longer shares on {record}.")


def _set_default(database: Database, given: Mapping[str, str]) -> str:
    change_sharing.set_default_permission(database, Permission(given["default"]))
    return f"The default permission is {given['default']}."


def _set_role(database: Database, given: Mapping[str, str]) -> str:
    change_sharing.set_role_permission(database, given["role"], _permission(given))
    return f"The e-mail preference of the role {given['role']} is {given['permission']}."


def _assign(database: Database, given: Mapping[str, str]) -> str:
    change_sharing.assign_permission(database, given["user"], _permission(given))
    return f"The permission assigned to {given['user']} is {given['permission']}."


def _choose(database: Database, given: Mapping[str, str]) -> str:
    change_sharing.choose_permission(database, given["user"], Permission(given["choice"]))
    return f"The own choice of {given['user']} is {given['choice']}."


def _set_crm_access(database: Database, given: Mapping[str, str]) -> str:
    change_sharing.set_crm_access(database, CrmAccess(given["crm_access"]))
    return f"The access to mail sent from the CRM is {given['crm_access']}."


def _set_module(database: Database, given: Mapping[str, str]) -> str:
    changed = set_module_access(database, given["module"], is_public=given["access"] == "public")
    return f"The module {changed.api_name} is {given['access']}."


def _permission(given: Mapping[str, str]) -> Permission | None:
    return None if given["permission"] == _UNSET else Permission(given["permission"])


_CHANGES: Mapping[frozenset[str], Callable[[Database, Mapping[str, str]], str]] = {
    frozenset({"default"}): _set_default,
    frozenset({"role", "permission"}): _set_role,
    frozenset({"user", "permission"}): _assign,
    frozenset({"user", "choice"}): _choose,
    frozenset({"crm_access"}): _set_crm_access,
    frozenset({"module", "access"}): _set_module,
}
