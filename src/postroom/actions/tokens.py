"""Access tokens: made once, shown once, stored as a hash."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass

from postroom.actions.actor import Actor
from postroom.actions.errors import InvalidInput, NotFound, ScopeMismatch, TokenInvalid
from postroom.actions.lookups import get_user
from postroom.actions.random_secrets import SecretKind, new_secret
from postroom.core.model import Profile, UserStatus
from postroom.core.scopes import Family, Operation, may_use, parse_scopes
from postroom.storage import tokens
from postroom.storage.database import Database
from postroom.storage.sharing_facts import Token

_LONGEST_LIFE = 10 * 366 * 24 * 3600
_NAMED_BY = 12  # hexadecimal digits of a hash by which the audit names a token


@dataclass(frozen=True, slots=True)
class Caller:
    """Who holds a token: the user's e-mail address, and the actor that the user is."""

    email: str
    actor: Actor


def hash_token(secret: str) -> bytes:
    """Give what is stored of a token or another random secret.

    It is random through and through, so a plain SHA-256 cannot be guessed back.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def matches(secret: str, stored: bytes) -> bool:
    """Say whether a secret is the one of which the hash is stored, in constant time."""
    return hmac.compare_digest(hash_token(secret), stored)


def is_valid(token: Token, user_status: str, now: int) -> bool:
    """Say whether a token can be used at `now` (epoch seconds): its user must be active, too."""
    return token.revoked_at is None and now < token.expires_at and user_status == UserStatus.ACTIVE


def authenticate(database: Database, token: str, family: Family, operation: Operation, *, now: int) -> Caller:
    """Give who holds a token that admits an operation of the own API. Raises TokenInvalid, ScopeMismatch."""
    return admit(database, token, lambda scopes: may_use(scopes, family, operation), now=now)


def admit(database: Database, token: str, is_admitted: Callable[[str], bool], *, now: int) -> Caller:
    """Give who holds a valid token with scopes that `is_admitted` accepts. Raises TokenInvalid, ScopeMismatch."""
    token_hash = hash_token(token)
    with database.read() as connection:
        holder = tokens.find_holder(connection, token_hash)
    if holder is None or not is_valid(holder.token, holder.status, now):
        raise TokenInvalid
    if not is_admitted(holder.token.scopes):
        raise ScopeMismatch
    is_administrator = holder.profile == Profile.ADMINISTRATOR
    channel = f"token {token_hash.hex()[:_NAMED_BY]}"
    return Caller(holder.email, Actor(holder.user_id, is_administrator, channel))


def create_token(database: Database, email: str, scopes: str, *, now: int, expires_in: int = 3600) -> str:
    """Make a token for a user, valid for `expires_in` seconds from `now` (epoch seconds); only its hash is stored.

    Raises InvalidInput, NotFound.
    """
    if not 1 <= expires_in <= _LONGEST_LIFE:
        raise InvalidInput(f"expires-in: expected 1 to {_LONGEST_LIFE} seconds")
    listed = valid_scopes(scopes)
    token = new_secret(SecretKind.ACCESS)
    with database.write() as connection:
        user = get_user(connection, email)
        tokens.insert_token(connection, hash_token(token), user.id, listed, created_at=now, expires_at=now + expires_in)
    return token


def valid_scopes(text: str) -> str:
    """Give a comma-separated list of scopes as it is stored. Raises InvalidInput naming the first that is unknown."""
    try:
        return ",".join(parse_scopes(text))
    except ValueError as error:
        raise InvalidInput(f"scope: {error}") from error


def revoke_token(database: Database, token: str, *, now: int, client_id: int | None = None) -> None:
    """Revoke one token. Raises NotFound where there is none that could be revoked, or none of that client's."""
    with database.write() as connection:
        if not tokens.revoke_token(connection, hash_token(token), now, client_id):
            raise NotFound("there is no such token, or it is revoked already")


def revoke_tokens_of(database: Database, email: str, *, now: int) -> int:
    """Revoke all tokens of a user; give how many. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        return tokens.revoke_tokens_of(connection, get_user(connection, email).id, now)
