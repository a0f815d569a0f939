"""Backups."""

from pathlib import Path

import click

from postroom.actions import backup as action
from postroom.cli.commands import Command
from postroom.cli.installation import opened
from postroom.cli.output import count, progress_bar, say


@click.command(cls=Command, epilog="postroom backup postroom-backup.sqlite3")
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write the whole database into a new file, from either kind of database, also while serving."""
    with opened() as installation, progress_bar("Backing up") as bar:
        rows = action.backup(installation.database, file, bar.show_title)
    say(f"{count(rows, 'row')} written to {file}.")
    say("The key of the mailbox passwords is not in it: keep a copy of secret.key elsewhere.")


@click.command(cls=Command, epilog="postroom restore postroom-backup.sqlite3 --data-dir restored")
@click.argument("file", type=click.Path(path_type=Path))
def restore(file: Path) -> None:
    """Fill an empty database, of either kind, from a backup."""
    with opened(initialised=False) as installation, progress_bar("Restoring") as bar:
        rows = action.restore(installation.database, file, bar.show_title)
    say(f"{count(rows, 'row')} restored. For the mailbox passwords put secret.key back into the data folder.")
