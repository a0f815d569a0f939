"""Roles and users."""

import sys
import time

import click

from postroom.actions.organisation import (
    NewUser,
    SetUserRole,
    SetUserStatus,
    add_role,
    add_user,
    list_roles,
    list_users,
)
from postroom.actions.sign_in import set_password
from postroom.cli.commands import Group, json_option, preview_option
from postroom.cli.installation import make_change, opened, operator
from postroom.cli.output import print_entries, print_json, print_table, say
from postroom.cli.secret_input import read_secret
from postroom.core.model import Profile, Role, User, UserStatus


@click.group(cls=Group, epilog="postroom role add Sales --under Management")
def role() -> None:
    """Manage the tree of roles: whoever has a role above an owner's is the owner's superior."""


@role.command("add", epilog="postroom role add Sales --under Management")
@click.argument("name")
@click.option("--under", metavar="NAME", help="The role above it.")
@json_option
def add_role_command(name: str, under: str | None, as_json: bool) -> None:
    """Add a role."""
    with opened() as installation:
        added = add_role(installation.database, name, under, by=operator(), now=int(time.time()))
    if as_json:
        print_json(_role_as_json(added))
    else:
        say(f"Added the role {added.name}{f' under {under}' if under else ''}.")


@role.command("list", epilog="postroom role list")
@json_option
def list_roles_command(as_json: bool) -> None:
    """List the roles, each below the one above it."""
    with opened() as installation:
        roles = list_roles(installation.database)
    if as_json:
        print_json([_role_as_json(each) for each in roles])
        return
    rows = [(f"{'  ' * _depth(each)}{each.name}", each.email_permission or "") for each in roles]
    print_table(("Role", "E-mail preference"), rows)


@click.group(cls=Group, epilog="postroom user list")
def user() -> None:
    """Manage the members of the team."""


@user.command("add", epilog="postroom user add alice@example.com --name 'Alice Adams' --role Sales")
@click.argument("email")
@click.option("--name", required=True, help="The full name.")
@click.option("--role", "role_name", metavar="ROLE", help="A role that is there.")
@click.option("--profile", type=click.Choice([each.value for each in Profile]), default=Profile.STANDARD.value)
@click.option("--id", "user_id", type=int, help="The id that the user has in another CRM.")
@json_option
def add_user_command(
    email: str, name: str, role_name: str | None, profile: str, user_id: int | None, as_json: bool
) -> None:
    """Add an active user. An Administrator sees every record, and nobody's mail for that."""
    with opened() as installation:
        new = NewUser(email, name, role_name, Profile(profile), user_id)
        added = add_user(installation.database, new, by=operator(), now=int(time.time()))
    if as_json:
        print_json(_user_as_json(added, role_name))
    else:
        say(f"Added {added.full_name} <{added.email}>, id {added.id}.")


@user.command("list", epilog="postroom user list --json")
@json_option
def list_users_command(as_json: bool) -> None:
    """List the users by name."""
    with opened() as installation:
        users = list_users(installation.database)
    if as_json:
        print_json([_user_as_json(each, role_name) for each, role_name in users])
        return
    rows = [(each.full_name, each.email, role_name or "", each.profile, each.status) for each, role_name in users]
    print_entries(("Name", "E-mail", "Role", "Profile", "Status"), rows, "There is no user.")


@user.command("disable", epilog="postroom user disable alice@example.com")
@click.argument("email")
@preview_option
def disable_user(email: str) -> None:
    """Disable a user, who then sees nothing and shares nothing; tokens stop working at once."""
    make_change(SetUserStatus(email, UserStatus.INACTIVE), f"{email} is disabled.")


@user.command("enable", epilog="postroom user enable alice@example.com")
@click.argument("email")
@preview_option
def enable_user(email: str) -> None:
    """Enable a user who was disabled."""
    make_change(SetUserStatus(email, UserStatus.ACTIVE), f"{email} is enabled.")


@user.command("delete", epilog="postroom user delete alice@example.com")
@click.argument("email")
@preview_option
def delete_user(email: str) -> None:
    """Delete a user for good, who then sees nothing and shares nothing; what was sent from the CRM stays."""
    make_change(SetUserStatus(email, UserStatus.DELETED), f"{email} is deleted.")


@user.command("move", epilog="postroom user move alice@example.com --role Sales")
@click.argument("email")
@click.option("--role", "role_name", metavar="NAME", help="The role that the user has from now on; none without it.")
@preview_option
def move_user(email: str, role_name: str | None) -> None:
    """Move a user to another role, or out of the tree of roles."""
    make_change(SetUserRole(email, role_name), f"{email} has {f'the role {role_name}' if role_name else 'no role'}.")


@user.command("password", epilog="postroom user password alice@example.com --password-stdin < new-password.txt")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, and do not ask for it.")
def set_password_command(email: str, password_stdin: bool) -> None:
    """Set the password with which a user signs in to allow a client access; only its hash is stored."""
    if not password_stdin and not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; give the password with --password-stdin")
    password = read_secret("password")
    with opened() as installation:
        set_password(installation.database, email, password, by=operator(), now=int(time.time()))
    say(f"The password of {email} is set.")


def _depth(each: Role) -> int:
    return each.lineage.count("/") - 2


def _role_as_json(each: Role) -> dict[str, object]:
    return {
        "id": str(each.id),
        "name": each.name,
        "under": None if each.parent_id is None else str(each.parent_id),
        "email_preference": each.email_permission,
    }


def _user_as_json(each: User, role_name: str | None) -> dict[str, object]:
    return {
        "id": str(each.id),
        "email": each.email,
        "name": each.full_name,
        "role": role_name,
        "profile": each.profile,
        "status": each.status,
        "assigned_permission": each.assigned_permission,
        "chosen_permission": each.chosen_permission,
    }
