"""Reading a secret that must stand neither on the command line nor in the shell's history."""

import sys

import click

_LONGEST = 10_000  # bytes: far above any password or token, far below what could fill the memory


def read_secret(what: str) -> str:
    """Read one line from standard input; on a terminal ask for it without showing it. Raises UsageError."""
    if sys.stdin.isatty():
        typed: str = click.prompt(what.capitalize(), hide_input=True, err=True)
        return typed
    line = sys.stdin.buffer.readline(_LONGEST + 1)
    if len(line) > _LONGEST:
        raise click.UsageError(f"the {what} on standard input is longer than {_LONGEST} bytes")
    secret = line.removesuffix(b"\n").removesuffix(b"\r")
    if not secret:
        raise click.UsageError(f"there is no {what} on standard input")
    try:
        return secret.decode()
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the {what} on standard input is not UTF-8") from error
