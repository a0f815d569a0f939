"""The program `postroom`: its commands, and one line for everything that goes wrong."""

import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar

import click

from postroom.cli.commands import Entry, LazyGroup
from postroom.cli.text import printable

_CLI = "postroom.cli"


class _Postroom(LazyGroup):
    entries: ClassVar[Mapping[str, Entry]] = {
        "demo": Entry(f"{_CLI}.setup", "demo", "Create a small company to look around in."),
        "init": Entry(f"{_CLI}.setup", "init", "Create the organisation, or upgrade the database."),
        "serve": Entry(f"{_CLI}.serve", "serve", "Answer the API, and read all mailboxes."),
        "role": Entry(f"{_CLI}.people", "role", "The tree of roles."),
        "user": Entry(f"{_CLI}.people", "user", "The members of the team."),
        "module": Entry(f"{_CLI}.modules", "module", "The modules of the CRM."),
        "mailbox": Entry(f"{_CLI}.mailboxes", "mailbox", "The users' mail accounts."),
        "provider": Entry(f"{_CLI}.providers", "provider", "Providers of mail that are reached by OAuth 2."),
        "sharing": Entry(f"{_CLI}.sharing", "sharing", "Who sees what, in general."),
        "share": Entry(f"{_CLI}.sharing", "share", "Share a user's mail on one record."),
        "unshare": Entry(f"{_CLI}.sharing", "unshare", "Stop sharing a user's mail on one record."),
        "domain": Entry(f"{_CLI}.domains", "domain", "Mail that is withheld by its domain."),
        "mail": Entry(f"{_CLI}.mail", "mail", "A user's own mail, and what of it is withheld by hand."),
        "record": Entry(f"{_CLI}.records", "record", "Who sees a record, and the recycle bin."),
        "client": Entry(f"{_CLI}.clients", "client", "Programs that may ask for tokens by OAuth 2."),
        "token": Entry(f"{_CLI}.tokens", "token", "Access tokens for the API."),
        "import": Entry(f"{_CLI}.imports", "import_group", "Import records and mail from files."),
        "sync": Entry(f"{_CLI}.sync_command", "sync", "Read what is new in a mailbox."),
        "worker": Entry(f"{_CLI}.worker", "worker", "Read all mailboxes, again and again."),
        "deadletter": Entry(f"{_CLI}.deadletters", "deadletter", "Mail that could not be stored."),
        "outbox": Entry(f"{_CLI}.outbox", "outbox", "Mail that is to be sent from records."),
        "explain": Entry(f"{_CLI}.explain", "explain", "Say why somebody sees mail, or why not."),
        "viewers": Entry(f"{_CLI}.viewers", "viewers", "Say who sees a user's mail, and why."),
        "secrets": Entry(f"{_CLI}.secrets", "secrets", "The key of the mailbox passwords."),
        "audit": Entry(f"{_CLI}.audit", "audit", "Who changed which setting, and when."),
        "backup": Entry(f"{_CLI}.backups", "backup", "Write everything into one file, while serving."),
        "restore": Entry(f"{_CLI}.backups", "restore", "Fill an empty database from a backup."),
    }


@click.group(cls=_Postroom, epilog="postroom demo && postroom serve")
@click.version_option(package_name="postroom", message="%(prog)s %(version)s")
def postroom() -> None:
    """Say who may see whose mail on a customer's record, and answer it over HTTP."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; give the exit code: 0, 1 where something was refused, 2 where it cannot be understood."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path need not be UTF-8
    try:
        result = postroom.main(arguments, prog_name="postroom", standalone_mode=False)
    except click.UsageError as error:
        return _fail(_usage(error), error.exit_code)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{os.fsdecode(error.filename)}: {error.strerror}", 1)
    return result if isinstance(result, int) else 0


def _usage(error: click.UsageError) -> str:
    """Say what was not understood, in which command, and where its help is."""
    words = ["postroom"] if error.ctx is None else error.ctx.command_path.split()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        message = "missing command"
    else:
        message = error.format_message().strip().rstrip(".")
        message = message[:1].lower() + message[1:]
    return ": ".join(filter(None, (" ".join(words[1:]), f"{message} (see '{' '.join([*words, '--help'])}')")))


def _fail(sentence: str, exit_code: int) -> int:
    click.echo(f"postroom: {printable(' '.join(sentence.split()))}", err=True)
    return exit_code


if __name__ == "__main__":  # 'postroom serve' starts its worker so, wherever the program is installed
    sys.exit(main())
