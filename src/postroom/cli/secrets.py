"""Secrets."""

import time

import click

from postroom.actions.rotate_key import rotate_key
from postroom.cli.commands import Group
from postroom.cli.installation import opened, operator
from postroom.cli.output import count, say


@click.group(cls=Group, epilog="postroom secrets rotate")
def secrets() -> None:
    """Manage the key of the mailbox passwords."""


@secrets.command("rotate", epilog="postroom secrets rotate")
def rotate_command() -> None:
    """Replace the key in secret.key, and seal every password with the new one, also while serving."""
    with opened() as installation:
        sealed = rotate_key(installation.database, installation.box, by=operator(), now=int(time.time()))
    say(f"{count(sealed, 'secret')} sealed with a new key. Keep a copy of secret.key apart from the backups.")
