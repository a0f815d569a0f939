"""Access tokens, of which only hashes are stored."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Update, delete, insert, select, update

from postroom.storage.schema import grants, tokens, users
from postroom.storage.sharing_facts import Token


@dataclass(frozen=True, slots=True)
class Holder:
    """A token, and the user in whose name it asks."""

    token: Token
    user_id: int
    email: str
    profile: str
    status: str


def insert_token(
    connection: Connection,
    token_hash: bytes,
    user_id: int,
    scopes: str,
    *,
    created_at: int,
    expires_at: int,
    grant_id: int | None = None,
) -> None:
    """Store a token's hash, whose it is, what it is good for, until when (epoch seconds), and of which grant it is."""
    row = {"token_hash": token_hash, "user_id": user_id, "scopes": scopes, "grant_id": grant_id}
    connection.execute(insert(tokens).values(**row, created_at=created_at, expires_at=expires_at))


def find_holder(connection: Connection, token_hash: bytes) -> Holder | None:
    """Give a token and its user; None where there is no such token."""
    columns = (tokens.c.scopes, tokens.c.expires_at, tokens.c.revoked_at)
    user = (users.c.id, users.c.email, users.c.profile, users.c.status)
    found = select(*columns, *user).join(users, users.c.id == tokens.c.user_id).where(tokens.c.token_hash == token_hash)
    row = connection.execute(found).first()
    return None if row is None else Holder(Token(*row[:3]), *row[3:])


def revoke_token(connection: Connection, token_hash: bytes, revoked_at: int, client_id: int | None = None) -> bool:
    """Revoke a token, of a client if one is named; say whether there was one that was not revoked yet."""
    statement = update(tokens).where(tokens.c.token_hash == token_hash)
    if client_id is not None:
        statement = statement.where(tokens.c.grant_id.in_(select(grants.c.id).where(grants.c.client_id == client_id)))
    return _revoke(connection, statement, revoked_at) > 0


def revoke_tokens_of(connection: Connection, user_id: int, revoked_at: int) -> int:
    """Revoke every token of a user; give how many were not revoked yet."""
    return _revoke(connection, update(tokens).where(tokens.c.user_id == user_id), revoked_at)


def delete_tokens_of_grants(connection: Connection, grant_ids: Iterable[int]) -> None:
    """Delete the tokens of grants that end."""
    connection.execute(delete(tokens).where(tokens.c.grant_id.in_(grant_ids)))


def delete_expired_tokens(connection: Connection, now: int, most: int) -> None:
    """Delete some of the tokens that are of no use at `now` (epoch seconds): they answer like unknown ones anyway."""
    expired = select(tokens.c.token_hash).where(tokens.c.expires_at <= now).order_by(tokens.c.expires_at).limit(most)
    found = connection.execute(expired.with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(tokens).where(tokens.c.token_hash.in_(found)))


def _revoke(connection: Connection, statement: Update, revoked_at: int) -> int:
    valid = statement.where(tokens.c.revoked_at.is_(None))
    return connection.execute(valid.values(revoked_at=revoked_at)).rowcount
