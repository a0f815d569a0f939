"""Access tokens, of which only hashes are stored."""

from dataclasses import dataclass

from sqlalchemy import Connection, Update, insert, select, update

from postroom.storage.schema import tokens, users
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
    connection: Connection, token_hash: bytes, user_id: int, scopes: str, *, created_at: int, expires_at: int
) -> None:
    """Store a token's hash, whose it is, what it is good for and until when (epoch seconds)."""
    row = {"token_hash": token_hash, "user_id": user_id, "scopes": scopes}
    connection.execute(insert(tokens).values(**row, created_at=created_at, expires_at=expires_at))


def find_holder(connection: Connection, token_hash: bytes) -> Holder | None:
    """Give a token and its user; None where there is no such token."""
    columns = (tokens.c.scopes, tokens.c.expires_at, tokens.c.revoked_at)
    user = (users.c.id, users.c.email, users.c.profile, users.c.status)
    found = select(*columns, *user).join(users, users.c.id == tokens.c.user_id).where(tokens.c.token_hash == token_hash)
    row = connection.execute(found).first()
    return None if row is None else Holder(Token(*row[:3]), *row[3:])


def revoke_token(connection: Connection, token_hash: bytes, revoked_at: int) -> bool:
    """Revoke a token; say whether there was one that was not revoked yet."""
    return _revoke(connection, update(tokens).where(tokens.c.token_hash == token_hash), revoked_at) > 0


def revoke_tokens_of(connection: Connection, user_id: int, revoked_at: int) -> int:
    """Revoke every token of a user; give how many were not revoked yet."""
    return _revoke(connection, update(tokens).where(tokens.c.user_id == user_id), revoked_at)


def _revoke(connection: Connection, statement: Update, revoked_at: int) -> int:
    valid = statement.where(tokens.c.revoked_at.is_(None))
    return connection.execute(valid.values(revoked_at=revoked_at)).rowcount
