"""Clients of OAuth."""

import time

import click

from postroom.actions.changes import make
from postroom.actions.clients import AddedClient, DeleteClient, ListedClient, NewClient, add_client, list_clients
from postroom.actions.grants import LONGEST_CODE_LIFE, create_grant_code
from postroom.cli.commands import Group, json_option
from postroom.cli.installation import opened, operator
from postroom.cli.output import print_entries, print_json, say
from postroom.core.model import ClientKind


@click.group(cls=Group, epilog="postroom client list")
def client() -> None:
    """Manage the programs that may ask for tokens by OAuth 2."""


@client.command("add", epilog="postroom client add 'Mail reader' --redirect-uri https://reader.example.com/callback")
@click.argument("name")
@click.option("--redirect-uri", "redirect_uris", metavar="URI", multiple=True, help="Where users are sent back to.")
@click.option("--public", is_flag=True, help="It can keep no secret, as in a browser or on a phone; it needs PKCE.")
@click.option("--service-user", metavar="EMAIL", help="It is a service, and asks in the name of this user.")
@click.option("--scope", metavar="A,B", help="What a service may ask for.")
@json_option
def add_client_command(
    name: str,
    redirect_uris: tuple[str, ...],
    public: bool,
    service_user: str | None,
    scope: str | None,
    as_json: bool,
) -> None:
    """Add a client, and print its id and its secret, this once: only the hash of the secret is stored.

    One without a redirect URI gets its codes by 'postroom client grant-code'.
    """
    if public and service_user is not None:
        raise click.UsageError("name one of --public and --service-user")
    kind = ClientKind.PUBLIC if public else ClientKind.CONFIDENTIAL if service_user is None else ClientKind.SERVICE
    new = NewClient(name, kind, redirect_uris, service_user, scope)
    with opened() as installation:
        added = add_client(installation.database, new, by=operator(), now=int(time.time()))
    if as_json:
        print_json(_added_as_json(added))
        return
    say(f"Client id:     {added.client.id}")
    say(f"Client secret: {added.secret or 'none; it is a public client'}")


@client.command("list", epilog="postroom client list --json")
@json_option
def list_clients_command(as_json: bool) -> None:
    """List the clients by name, with the number of users' grants that last."""
    with opened() as installation:
        listed = list_clients(installation.database, by=operator())
    if as_json:
        print_json([_listed_as_json(each) for each in listed])
        return
    rows = [
        (
            each.client.name,
            str(each.client.id),
            each.client.kind,
            each.service_user or " ".join(each.client.redirect_uris),
            str(each.grants),
        )
        for each in listed
    ]
    print_entries(("Client", "Id", "Kind", "Asks for, or sends back to", "Grants"), rows, "There is no client.")


@client.command("delete", epilog="postroom client delete 8000000000000000042")
@click.argument("client_id", metavar="CLIENT")
def delete_client_command(client_id: str) -> None:
    """Delete a client; whatever was granted to it ends, and its tokens stop working at once."""
    with opened() as installation:
        make(installation.database, DeleteClient(client_id), operator(), now=int(time.time()))
    say(f"The client {client_id} is deleted.")


@client.command(
    "grant-code",
    epilog="postroom client grant-code 8000000000000000042 --user alice@example.com "
    "--scope ZohoCRM.modules.ALL,ZohoCRM.modules.emails.READ",
)
@click.argument("client_id", metavar="CLIENT")
@click.option("--user", "email", metavar="EMAIL", required=True, help="In whose name the client asks.")
@click.option("--scope", metavar="A,B", required=True, help="Such as ZohoCRM.modules.ALL.")
@click.option("--expires-in", metavar="SECONDS", type=int, default=LONGEST_CODE_LIFE, show_default=True)
def grant_code(client_id: str, email: str, scope: str, expires_in: int) -> None:
    """Make a code and print it alone: the client exchanges it for tokens, once, without a browser."""
    with opened() as installation:
        code = create_grant_code(
            installation.database,
            client_id,
            email,
            scope,
            by=operator(),
            now=int(time.time()),
            expires_in=expires_in,
        )
    say(code)


def _added_as_json(added: AddedClient) -> dict[str, object]:
    return {"client_id": str(added.client.id), "client_secret": added.secret, "kind": added.client.kind}


def _listed_as_json(each: ListedClient) -> dict[str, object]:
    return {
        "client_id": str(each.client.id),
        "name": each.client.name,
        "kind": each.client.kind,
        "redirect_uris": each.client.redirect_uris,
        "user": each.service_user,
        "scopes": None if each.client.scopes is None else each.client.scopes.split(","),
        "grants": each.grants,
    }
