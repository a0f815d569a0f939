"""What users grant to clients: how it begins, and how it ends."""

from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction, make
from postroom.actions.clients import client_in_words, get_client
from postroom.actions.errors import InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_user, parse_id
from postroom.actions.random_secrets import SecretKind, family_of, is_well_formed, new_secret
from postroom.actions.tokens import hash_token, revoke_token, valid_scopes
from postroom.core.model import Client, ClientKind, Grant, UserStatus
from postroom.storage import clients, people
from postroom.storage.database import Database
from postroom.storage.ids import take_id

LONGEST_CODE_LIFE = 600  # seconds: RFC 6749, section 4.1.2


def create_grant_code(
    database: Database, client_id: str, email: str, scopes: str, *, by: Actor, now: int, expires_in: int
) -> str:
    """Make a code by which a client fetches tokens of a user, without a browser; it lives `expires_in` seconds.

    An administrator's. Raises NotAllowed, NotFound, InvalidInput.
    """
    require_administrator(by, "what is granted without the user's consent")
    if not 1 <= expires_in <= LONGEST_CODE_LIFE:
        raise InvalidInput(f"expires-in: expected 1 to {LONGEST_CODE_LIFE} seconds")
    listed, code = valid_scopes(scopes), new_secret(SecretKind.CODE)
    with database.write() as connection:
        client, user = get_client(connection, client_id), get_user(connection, email)
        if client.kind != ClientKind.CONFIDENTIAL:
            raise NotAllowed(f"{client.name} is a {client.kind} client; only a confidential one can use such a code")
        if user.status != UserStatus.ACTIVE:
            raise NotAllowed(f"{user.email} is {user.status}; tokens of such a user do not work")
        grant = Grant(
            take_id(connection),
            client.id,
            user.id,
            listed,
            granted_at=now,
            code_hash=hash_token(code),
            code_expires_at=now + expires_in,
            is_offline=True,
        )
        begin_grant(Transaction(connection, by, now), client, grant)
    return code


def begin_grant(transaction: Transaction, client: Client, grant: Grant) -> None:
    """Store what a user granted, and write it down."""
    clients.insert_grant(transaction.connection, grant)
    _write_down(transaction, client, grant, begins=True)


def end_grant(transaction: Transaction, client: Client, grant: Grant) -> None:
    """Revoke a grant with all its tokens, at once, and write it down."""
    clients.delete_grant(transaction.connection, grant.id)
    _write_down(transaction, client, grant, begins=False)


@dataclass(frozen=True, slots=True)
class OwnGrant:
    """What a user granted, and to which client."""

    grant: Grant
    client: Client


def list_grants(database: Database, email: str, *, by: Actor) -> list[OwnGrant]:
    """Give what a user granted to clients and still lasts, the newest first. The user's own, or an administrator's.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        user = get_user(connection, email)
        _require_own(by, user.id)
        return [OwnGrant(grant, client) for client, grant in clients.lasting_grants_of(connection, user.id)]


@dataclass(frozen=True, slots=True)
class EndGrant:
    """Revoke one of the things that a user granted. The user's own, or an administrator's."""

    user: str
    grant: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        user = get_user(transaction.connection, self.user)
        _require_own(transaction.by, user.id)
        for client, grant in clients.lock_grants_of(transaction.connection, user.id):
            if grant.id == parse_id(self.grant):
                end_grant(transaction, client, grant)
                return
        raise NotFound(f"there is no grant {self.grant!r}")


@dataclass(frozen=True, slots=True)
class EndGrantsOf:
    """Revoke whatever a user granted to clients. The user's own, or an administrator's."""

    user: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        user = get_user(transaction.connection, self.user)
        _require_own(transaction.by, user.id)
        for client, grant in clients.lock_grants_of(transaction.connection, user.id):
            end_grant(transaction, client, grant)


@dataclass(frozen=True, slots=True)
class EndGrantOfToken:
    """Revoke the grant of a refresh token, whichever of the grant's it is. Whoever holds the token may."""

    refresh_token: str
    client_id: int | None = None  # whose token it must be

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotFound."""
        grant = clients.lock_grant_of_family(transaction.connection, hash_token(family_of(self.refresh_token)))
        if grant is None or self.client_id not in (None, grant.client_id):
            raise NotFound("there is no such token, or it is revoked already")
        end_grant(transaction, client_of(transaction.connection, grant), grant)


def revoke_any_token(database: Database, token: str, *, by: Actor, now: int, client_id: int | None = None) -> None:
    """Revoke an access token, or a refresh token with all that came of it (RFC 7009, section 2.1).

    Raises NotFound where there is none that could be revoked, or none of that client's.
    """
    if is_well_formed(token, SecretKind.REFRESH):
        make(database, EndGrantOfToken(token, client_id), by, now=now)
    else:
        revoke_token(database, token, now=now, client_id=client_id)


def client_of(connection: Connection, grant: Grant) -> Client:
    """Give the client of a grant, which is there as long as the grant is."""
    return get_client(connection, str(grant.client_id))


def _require_own(by: Actor, user_id: int) -> None:
    if not by.is_administrator and not by.acts_for(user_id):
        raise NotAllowed("only the user or an administrator may see or revoke what the user granted")


def _write_down(transaction: Transaction, client: Client, grant: Grant, *, begins: bool) -> None:
    email = people.emails_by_id(transaction.connection)[grant.user_id]
    granted = {"user": email, "scopes": grant.scopes.split(",")}
    before, after = (None, granted) if begins else (granted, None)
    transaction.write_down("grant", client_in_words(client), before, after, owner_id=grant.user_id)
