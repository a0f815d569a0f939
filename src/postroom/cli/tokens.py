"""Access tokens."""

import time

import click

from postroom.actions.changes import make
from postroom.actions.grants import EndGrantsOf, revoke_any_token
from postroom.actions.tokens import create_token, revoke_tokens_of
from postroom.cli.commands import Group
from postroom.cli.installation import opened, operator
from postroom.cli.output import count, say
from postroom.cli.secret_input import read_secret

_HOUR = 3600


@click.group(cls=Group, epilog="postroom token create --user alice@example.com --scope ZohoCRM.modules.ALL")
def token() -> None:
    """Manage access tokens for the API."""


@token.command(
    "create",
    epilog="postroom token create --user alice@example.com "
    "--scope ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ --expires-in 86400",
)
@click.option("--user", "email", metavar="EMAIL", required=True, help="In whose name the token asks.")
@click.option("--scope", metavar="A,B", required=True, help="Such as ZohoCRM.modules.ALL.")
@click.option("--expires-in", metavar="SECONDS", type=int, default=_HOUR, show_default=True)
def create(email: str, scope: str, expires_in: int) -> None:
    """Make a token and print it alone, this once: only its hash is stored."""
    with opened() as installation:
        created = create_token(installation.database, email, scope, now=int(time.time()), expires_in=expires_in)
    say(created)


@token.command("revoke", epilog="postroom token revoke --user alice@example.com")
@click.option("--token-stdin", is_flag=True, help="Revoke the token that standard input gives.")
@click.option("--user", "email", metavar="EMAIL", help="Revoke all tokens of a user.")
def revoke(token_stdin: bool, email: str | None) -> None:
    """Revoke one token, or all of a user with whatever the user granted to clients; they stop working at once.

    A refresh token is revoked with all that came of it.
    """
    if token_stdin == (email is not None):
        raise click.UsageError("name one of --token-stdin and --user EMAIL")
    now = int(time.time())
    if email is None:
        secret = read_secret("token").strip()
        with opened() as installation:
            revoke_any_token(installation.database, secret, by=operator(), now=now)
        say("The token is revoked.")
        return
    with opened() as installation:
        revoked = revoke_tokens_of(installation.database, email, now=now)
        make(installation.database, EndGrantsOf(email), operator(), now=now)
    say(f"Revoked {count(revoked, 'token')} of {email}.")
