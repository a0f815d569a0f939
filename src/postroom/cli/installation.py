"""The installation that a command works on, and what is said where an action is refused."""

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from postroom.actions.actor import Actor, command_line
from postroom.actions.changes import Change, make
from postroom.actions.errors import ActionError
from postroom.actions.initialising import require_initialised
from postroom.cli.commands import DATA_DIR, DATABASE_URL, PREVIEW, PREVIEW_AS_JSON
from postroom.cli.output import say
from postroom.cli.preview import print_preview
from postroom.config import Config, load_config
from postroom.mail.archive import ArchiveError
from postroom.mail.server import MailServerError
from postroom.storage.database import DatabaseUrlError, DiskFull
from postroom.storage.secrets import SecretKeyError
from postroom.wiring import Installation, open_installation

_REFUSALS = (ActionError, ArchiveError, DatabaseUrlError, DiskFull, MailServerError, SecretKeyError)


class Refused(click.ClickException):
    """An action was refused; the sentence says why and what to do."""


@contextmanager
def opened(*, initialised: bool = True) -> Iterator[Installation]:
    """Open the installation that the command line names; `initialised` demands that 'postroom init' ran."""
    with refusals():
        installation = open_installation(current_config())
        try:
            if initialised:
                require_initialised(installation.database)
            yield installation
        finally:
            installation.database.close()


def operator() -> Actor:
    """Give who runs the command, as the audit names them."""
    try:
        return command_line(getpass.getuser())
    except (KeyError, OSError):  # a login without a name
        return command_line(str(os.getuid()))


def make_change(change: Change, done: str) -> None:
    """Make a change and say what is so now; with --preview say what it would do, and change nothing."""
    meta, now = click.get_current_context().meta, int(time.time())
    if meta[PREVIEW_AS_JSON] and not meta[PREVIEW]:
        raise click.UsageError("--json goes with --preview")
    with opened() as installation:
        if meta[PREVIEW]:
            print_preview(installation, change, operator(), now=now, as_json=meta[PREVIEW_AS_JSON])
            return
        make(installation.database, change, operator(), now=now)
    say(done)


def current_config(public_url: str | None = None) -> Config:
    """Give the settings of the command line that is running."""
    meta = click.get_current_context().meta
    return load_config(meta.get(DATA_DIR), meta.get(DATABASE_URL), public_url)


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what an action refuses into one line and an exit code; a bug keeps its trace."""
    try:
        yield
    except _REFUSALS as error:
        raise Refused(str(error)) from error
    except IntegrityError as error:
        raise Refused("someone else changed this at the same moment; try again") from error
    except OperationalError as error:
        raise Refused(f"the database cannot be reached: {_cause(error)}") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # its subclasses are mistakes of ours
            raise
        raise Refused(f"the database cannot be used: {_cause(error)}") from error


def _cause(error: DatabaseError) -> str:
    """Give the driver's own first line: the rest repeats it or shows the statement."""
    return (str(error.orig).splitlines() or ["no reason given"])[0]
