"""Records: who sees them, and the recycle bin."""

import time

import click

from postroom.actions.change_sharing import ShareRecord, UnshareRecord
from postroom.actions.records import delete_record, restore_record
from postroom.cli.commands import Group, preview_option
from postroom.cli.installation import make_change, opened
from postroom.cli.output import say


@click.group(cls=Group, epilog="postroom record share Leads/3652397000001790004 --with-user bob@example.com")
def record() -> None:
    """Let colleagues see a record; put records in the recycle bin."""


@record.command("share", epilog="postroom record share Leads/3652397000001790004 --with-role Sales --and-subordinates")
@click.argument("reference", metavar="RECORD")
@click.option("--with-user", metavar="EMAIL")
@click.option("--with-role", metavar="NAME")
@click.option("--and-subordinates", is_flag=True, help="Also with the roles below that role.")
@preview_option
def share(reference: str, with_user: str | None, with_role: str | None, and_subordinates: bool) -> None:
    """Let a user or a role see a record. RECORD is written as Leads/3652397000001790004."""
    _require_one(with_user, with_role)
    if and_subordinates and with_role is None:
        raise click.UsageError("--and-subordinates goes with --with-role")
    grantee = f"{with_user or with_role}{' and the roles below it' if and_subordinates else ''}"
    make_change(
        ShareRecord(reference, with_user, with_role, and_subordinates), f"{reference} is shared with {grantee}."
    )


@record.command("unshare", epilog="postroom record unshare Leads/3652397000001790004 --with-role Sales")
@click.argument("reference", metavar="RECORD")
@click.option("--with-user", metavar="EMAIL")
@click.option("--with-role", metavar="NAME")
@preview_option
def unshare(reference: str, with_user: str | None, with_role: str | None) -> None:
    """Take back what 'postroom record share' did."""
    _require_one(with_user, with_role)
    grantee = with_user or with_role
    make_change(UnshareRecord(reference, with_user, with_role), f"{reference} is no longer shared with {grantee}.")


@record.command("delete", epilog="postroom record delete Leads/3652397000001790004")
@click.argument("reference", metavar="RECORD")
def delete(reference: str) -> None:
    """Put a record in the recycle bin; its mail stays stored."""
    with opened() as installation:
        delete_record(installation.database, reference, now=int(time.time()))
    say(f"{reference} is in the recycle bin; 'postroom record restore {reference}' takes it out.")


@record.command("restore", epilog="postroom record restore Leads/3652397000001790004")
@click.argument("reference", metavar="RECORD")
def restore(reference: str) -> None:
    """Take a record out of the recycle bin."""
    with opened() as installation:
        restore_record(installation.database, reference)
    say(f"{reference} is restored.")


def _require_one(with_user: str | None, with_role: str | None) -> None:
    if (with_user is None) == (with_role is None):
        raise click.UsageError("name one of --with-user EMAIL and --with-role NAME")
