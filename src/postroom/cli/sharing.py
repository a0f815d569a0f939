"""Who sees whose mail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click

from postroom.actions.change_sharing import SetCrmAccess, SetModuleAccess, ShareEmails, UnshareEmails
from postroom.actions.changes import Change
from postroom.actions.permissions import (
    KEEP,
    AssignPermission,
    ChoosePermission,
    Member,
    NewAudience,
    SetDefaultPermission,
    SetRolePreference,
)
from postroom.actions.read_settings import read_settings, sharing_of
from postroom.cli.commands import Command, Group, json_option, preview_option
from postroom.cli.installation import make_change, opened, operator
from postroom.cli.output import print_json
from postroom.cli.settings import print_settings, print_sharing, settings_as_json, sharing_as_json
from postroom.core.model import CrmAccess, Permission

_UNSET = "unset"
_PERMISSIONS = [each.value for each in Permission]
_CHOICES = [each.value for each in Permission if each != Permission.USERS_CHOICE]
_COMBINATIONS = (
    "name one thing to set: --default PERMISSION, --role NAME --permission PERMISSION, --user EMAIL --permission "
    "PERMISSION, --user EMAIL --choice PERMISSION, --crm-access TYPE, or --module NAME --access public|private; "
    "with a permission also its audience"
)


@click.group(cls=Group, epilog="postroom sharing set --user alice@example.com --choice public")
def sharing() -> None:
    """Set and list who sees what, in general."""


@sharing.command("set", epilog="postroom sharing set --role Sales --permission custom")
@click.option("--default", type=click.Choice(_PERMISSIONS), help="Where neither the role nor the user has one.")
@click.option("--role", metavar="NAME", help="The e-mail preference of a role, with --permission.")
@click.option("--user", metavar="EMAIL", help="A user, with --permission or --choice.")
@click.option("--permission", type=click.Choice([*_PERMISSIONS, _UNSET]), help="As an administrator sets it.")
@click.option("--choice", type=click.Choice([*_CHOICES, _UNSET]), help="The user's own, under users_choice.")
@click.option("--crm-access", type=click.Choice([each.value for each in CrmAccess]), help="Mail sent from the CRM.")
@click.option("--module", metavar="NAME", help="A module, with --access.")
@click.option("--access", type=click.Choice(["public", "private"]), help="Whether all users see its records.")
@click.option("--to-everyone", is_flag=True, help="The permission's audience is everyone, as it is at first.")
@click.option("--to-user", metavar="EMAIL", multiple=True, help="The audience lists a user; may be repeated.")
@click.option("--to-role", metavar="NAME", multiple=True, help="The audience lists a role; may be repeated.")
@click.option("--to-branch", metavar="NAME", multiple=True, help="The same, and the roles below it.")
@preview_option
def set_sharing(
    to_everyone: bool,
    to_user: tuple[str, ...],
    to_role: tuple[str, ...],
    to_branch: tuple[str, ...],
    **options: str | None,
) -> None:
    """Set one thing that decides who sees what.

    It is the default, a role's or a user's permission, a user's choice, the access to mail sent from the CRM, or who
    sees a module's records.
    """
    given = {name: value for name, value in options.items() if value is not None}
    audience = _audience(to_everyone, to_user, to_role, to_branch)
    setting = _SETTINGS.get(frozenset(given))
    if setting is None or (audience is not KEEP and not setting.has_audience):
        raise click.UsageError(_COMBINATIONS)
    make_change(setting.change(given, audience), setting.done.format(**given))


@sharing.command("list", epilog="postroom sharing list")
@json_option
def list_settings(as_json: bool) -> None:
    """List every setting in force.

    These are the permissions with their audiences, the excluded domains of roles, the access to mail sent from the
    CRM, and who sees the records of which module.
    """
    with opened() as installation:
        settings = read_settings(installation.database, by=operator())
    if as_json:
        print_json(settings_as_json(settings))
    else:
        print_settings(settings)


@sharing.command("of", epilog="postroom sharing of alice@example.com")
@click.argument("user_email", metavar="EMAIL")
@json_option
def show_sharing_of(user_email: str, as_json: bool) -> None:
    """Say what holds for one user's mail.

    It is the effective permission, each step that leads there, and the audience.
    """
    with opened() as installation:
        effective = sharing_of(installation.database, user_email, by=operator())
    if as_json:
        print_json(sharing_as_json(effective))
    else:
        print_sharing(effective)


@click.command(cls=Command, epilog="postroom share alice@example.com Leads/3652397000001790004")
@click.argument("user_email")
@click.argument("record")
@preview_option
def share(user_email: str, record: str) -> None:
    """Share a user's mail on a record with everyone in the audience of the user's permission, which must be custom."""
    make_change(ShareEmails(user_email, record), f"{user_email} shares on {record}.")


@click.command(cls=Command, epilog="postroom unshare alice@example.com Leads/3652397000001790004")
@click.argument("user_email")
@click.argument("record")
@preview_option
def unshare(user_email: str, record: str) -> None:
    """Stop sharing a user's mail on a record."""
    make_change(UnshareEmails(user_email, record), f"{user_email} no longer shares on {record}.")


def _audience(
    to_everyone: bool, to_user: tuple[str, ...], to_role: tuple[str, ...], to_branch: tuple[str, ...]
) -> NewAudience:
    members = (
        *(Member(user=email) for email in to_user),
        *(Member(role=name) for name in to_role),
        *(Member(role=name, and_subordinates=True) for name in to_branch),
    )
    if to_everyone and members:
        raise click.UsageError("--to-everyone goes with no other audience")
    return members or (None if to_everyone else KEEP)


def _permission(text: str) -> Permission | None:
    return None if text == _UNSET else Permission(text)


@dataclass(frozen=True, slots=True)
class _Setting:
    """One thing that can be set: the change that does it, and what is so then."""

    change: Callable[[Mapping[str, str], NewAudience], Change]
    done: str
    has_audience: bool = True


_SETTINGS: Mapping[frozenset[str], _Setting] = {
    frozenset({"default"}): _Setting(
        lambda given, audience: SetDefaultPermission(Permission(given["default"]), audience),
        "The default permission is {default}.",
    ),
    frozenset({"role", "permission"}): _Setting(
        lambda given, audience: SetRolePreference(given["role"], _permission(given["permission"]), audience),
        "The e-mail preference of the role {role} is {permission}.",
    ),
    frozenset({"user", "permission"}): _Setting(
        lambda given, audience: AssignPermission(given["user"], _permission(given["permission"]), audience),
        "The permission assigned to {user} is {permission}.",
    ),
    frozenset({"user", "choice"}): _Setting(
        lambda given, audience: ChoosePermission(given["user"], _permission(given["choice"]), audience),
        "The own choice of {user} is {choice}.",
    ),
    frozenset({"crm_access"}): _Setting(
        lambda given, _audience: SetCrmAccess(CrmAccess(given["crm_access"])),
        "The access to mail sent from the CRM is {crm_access}.",
        has_audience=False,
    ),
    frozenset({"module", "access"}): _Setting(
        lambda given, _audience: SetModuleAccess(given["module"], is_public=given["access"] == "public"),
        "The module {module} is {access}.",
        has_audience=False,
    ),
}
