"""Clients of OAuth: programs that may ask for tokens in the name of users."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_user, parse_id, valid_name
from postroom.actions.random_secrets import SecretKind, new_secret
from postroom.actions.tokens import hash_token, valid_scopes
from postroom.core.model import Client, ClientKind
from postroom.storage import clients, people
from postroom.storage.database import Database
from postroom.storage.ids import take_id

_MOST_REDIRECT_URIS = 10
_LONGEST_REDIRECT_URI = 1000
_PATH = r"(/[\w.~!$&'()*+,;=:@%/-]*)?(\?[\w.~!$&'()*+,;=:@%/?-]*)?"
# TLS, or a loopback address, or the private scheme of an installed program (RFC 8252, section 7); never a fragment.
_REDIRECT_URI = re.compile(
    r"(https://([a-z0-9-]+\.)*[a-z0-9-]+(:\d{1,5})?"
    r"|http://(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?"
    r"|[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:)" + _PATH,
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be added. A service names the user in whose name it asks, and the scopes that it may ask for."""

    name: str
    kind: ClientKind = ClientKind.CONFIDENTIAL
    redirect_uris: tuple[str, ...] = ()
    service_user: str | None = None
    scopes: str | None = None


@dataclass(frozen=True, slots=True)
class AddedClient:
    """A client that was added, with its secret, which is known this once; a public client has none."""

    client: Client
    secret: str | None


@dataclass(frozen=True, slots=True)
class ListedClient:
    """A client, the e-mail address of the user in whose name a service asks, and how many grants to it last."""

    client: Client
    service_user: str | None
    grants: int


def add_client(database: Database, new: NewClient, *, by: Actor, now: int) -> AddedClient:
    """Add a client. An administrator's; a service, whoever has the command line's, because it is let in as its user.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    require_administrator(by, "the clients")
    if new.kind is ClientKind.SERVICE and by.user_id is not None:
        raise NotAllowed("only the command line adds a service, because its tokens are in the name of a user")
    _check_kind(new)
    name, redirect_uris = valid_name(new.name, "name"), _valid_redirect_uris(new.redirect_uris)
    scopes = None if new.scopes is None else valid_scopes(new.scopes)
    secret = None if new.kind is ClientKind.PUBLIC else new_secret(SecretKind.CLIENT)
    secret_hash = None if secret is None else hash_token(secret)
    with database.write() as connection:
        user_id = None if new.service_user is None else get_user(connection, new.service_user).id
        client = Client(take_id(connection), name, new.kind, secret_hash, redirect_uris, user_id, scopes, now)
        clients.insert_client(connection, client)
        Transaction(connection, by, now).write_down(
            "client", client_in_words(client), None, _settings(connection, client)
        )
    return AddedClient(client, secret)


def list_clients(database: Database, *, by: Actor) -> list[ListedClient]:
    """Give all clients by name. For administrators. Raises NotAllowed."""
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read the clients")
    with database.read() as connection:
        emails = people.emails_by_id(connection)
        found = clients.list_clients(connection)
    return [ListedClient(client, emails.get(client.user_id or 0), grants) for client, grants in found]


@dataclass(frozen=True, slots=True)
class DeleteClient:
    """Delete a client; whatever was granted to it ends, and its tokens stop working at once. An administrator's."""

    client: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound."""
        require_administrator(transaction.by, "the clients")
        client = get_client(transaction.connection, self.client)
        before = _settings(transaction.connection, client)
        clients.delete_client(transaction.connection, client.id)
        transaction.write_down("client", client_in_words(client), before, None)


def get_client(connection: Connection, client_id: str) -> Client:
    """Give a client by id. Raises NotFound."""
    client = find_client(connection, client_id)
    if client is None:
        raise NotFound(f"there is no client {client_id!r}; 'postroom client list' shows them")
    return client


def find_client(connection: Connection, client_id: str | None) -> Client | None:
    """Give the client of an id as it is written in a request."""
    number = parse_id(client_id or "")
    return None if number is None else clients.find_client(connection, number)


def client_in_words(client: Client) -> str:
    """Give a client as the audit names it."""
    return f"client {client.name} ({client.id})"


def _settings(connection: Connection, client: Client) -> dict[str, object]:
    settings: dict[str, object] = {"kind": client.kind, "redirect URIs": list(client.redirect_uris)}
    if client.user_id is not None:
        settings |= {"user": people.emails_by_id(connection)[client.user_id], "scopes": client.scopes}
    return settings


def _check_kind(new: NewClient) -> None:
    if new.kind is ClientKind.SERVICE:
        if new.service_user is None or new.scopes is None:
            raise InvalidInput("scopes: a service needs a user in whose name it asks, and scopes")
        if new.redirect_uris:
            raise InvalidInput("redirect_uris: a service has none, because nobody is sent back to it")
        return
    if new.service_user is not None or new.scopes is not None:
        raise InvalidInput("service_user: only a service has a user and scopes; others are granted them by users")
    if new.kind is ClientKind.PUBLIC and not new.redirect_uris:
        raise InvalidInput("redirect_uris: a public client needs one, to which users are sent back")


def _valid_redirect_uris(given: Sequence[str]) -> tuple[str, ...]:
    if len(given) > _MOST_REDIRECT_URIS:
        raise InvalidInput(f"redirect_uris: expected at most {_MOST_REDIRECT_URIS}")
    for uri in given:
        if len(uri) > _LONGEST_REDIRECT_URI or not _REDIRECT_URI.fullmatch(uri):
            raise InvalidInput(
                f"redirect_uris: {uri!r} is not of the form https://HOST/PATH, http://127.0.0.1:PORT/PATH or "
                "com.example.program:/PATH; a fragment is not allowed"
            )
    return tuple(dict.fromkeys(given))
