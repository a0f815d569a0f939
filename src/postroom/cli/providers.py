"""Providers of mail that are reached by OAuth 2."""

import time

import click

from postroom.actions.mail_providers import (
    DEFAULT_REDIRECT_URI,
    NewProvider,
    add_provider,
    all_providers,
    provider_as_json,
    remove_provider,
    replace_client_secret,
)
from postroom.cli.commands import Group, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_entries, print_json, say
from postroom.cli.secret_input import read_secret


@click.group(cls=Group, epilog="postroom provider list")
def provider() -> None:
    """Manage the providers by which mailboxes are reached with OAuth 2 in place of a password."""


@provider.command("add", epilog="postroom provider add google --client-id ID --client-secret-stdin < client-secret.txt")
@click.argument("name")
@click.option("--client-id", required=True, help="What the provider calls Postroom.")
@click.option("--client-secret-stdin", is_flag=True, help="Read the client's secret from standard input.")
@click.option("--issuer", metavar="URL", help="Who is asked where the two URLs are, for OpenID Connect.")
@click.option("--authorization-url", metavar="URL", help="Where users allow access; google and microsoft are known.")
@click.option("--token-url", metavar="URL", help="Where tokens are given.")
@click.option("--scopes", help="What opens mail there, with blanks between; known for google and microsoft.")
@click.option(
    "--redirect-uri",
    metavar="URL",
    default=DEFAULT_REDIRECT_URI,
    show_default=True,
    help="Where the provider leads browsers, as it is registered there.",
)
def add_provider_command(
    name: str,
    client_id: str,
    client_secret_stdin: bool,
    issuer: str | None,
    authorization_url: str | None,
    token_url: str | None,
    scopes: str | None,
    redirect_uri: str,
) -> None:
    """Add a provider; the client's secret is stored encrypted."""
    secret = read_secret("client secret") if client_secret_stdin else None
    new = NewProvider(name, client_id, secret, issuer, authorization_url, token_url, scopes, redirect_uri)
    with opened() as installation:
        added = add_provider(installation.database, installation.box, new, by=operator(), now=int(time.time()))
    say(f"Added the provider {added.name}; register {added.redirect_uri} there as a redirect URI.")


@provider.command("list", epilog="postroom provider list")
@json_option
def list_providers_command(as_json: bool) -> None:
    """List the providers."""
    with opened() as installation:
        listed = all_providers(installation.database)
    if as_json:
        print_json([provider_as_json(each) for each in listed])
    else:
        rows = [(each.name, each.client_id, each.authorization_url, each.token_url, each.scopes) for each in listed]
        print_entries(("Provider", "Client", "Authorization", "Tokens", "Scopes"), rows, "There is no provider.")


@provider.command("secret", epilog="postroom provider secret google --client-secret-stdin < client-secret.txt")
@click.argument("name")
@click.option(
    "--client-secret-stdin", is_flag=True, required=True, expose_value=False, help="Read it from standard input."
)
def replace_client_secret_command(name: str) -> None:
    """Replace the client's secret at a provider, when it expired or somebody may have read it."""
    secret = read_secret("client secret")
    with opened() as installation:
        replace_client_secret(
            installation.database, installation.box, name, secret, by=operator(), now=int(time.time())
        )
    say(f"The provider {name} has another client secret; its mailboxes are read at once.")


@provider.command("remove", epilog="postroom provider remove google")
@click.argument("name")
def remove_provider_command(name: str) -> None:
    """Remove a provider by which no mailbox is reached."""
    with opened() as installation:
        remove_provider(installation.database, name, by=operator(), now=int(time.time()))
    say(f"Removed the provider {name}.")
