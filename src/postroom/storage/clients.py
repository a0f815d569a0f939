"""Clients of OAuth, and what users granted them."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, delete, func, insert, select, update

from postroom.core.model import Client, Grant
from postroom.storage.schema import clients, grants, tokens
from postroom.storage.tokens import delete_tokens_of_grants

_LONGEST_WITHOUT_REFRESH = 7200  # seconds: a code lives minutes, and its access token an hour


def insert_client(connection: Connection, client: Client) -> None:
    """Add a client."""
    row = _columns(client) | {"redirect_uris": "\n".join(client.redirect_uris)}
    connection.execute(insert(clients).values(row))


def find_client(connection: Connection, client_id: int) -> Client | None:
    """Give the client of that id."""
    row = connection.execute(select(clients).where(clients.c.id == client_id)).mappings().first()
    return None if row is None else _client(row)


def list_clients(connection: Connection) -> list[tuple[Client, int]]:
    """Give every client by name and id, each with the number of its grants that last."""
    lasting = (
        select(func.count())
        .where(grants.c.client_id == clients.c.id, grants.c.family_hash.is_not(None))
        .scalar_subquery()
    )
    counts = {row.id: row.grants for row in connection.execute(select(clients.c.id, lasting.label("grants")))}
    found = [(_client(row), counts[row["id"]]) for row in connection.execute(select(clients)).mappings()]
    return sorted(found, key=lambda each: (each[0].name, each[0].id))


def delete_client(connection: Connection, client_id: int) -> None:
    """Delete a client with all its grants and tokens; whoever is granting it something at this moment waits."""
    connection.execute(select(clients.c.id).where(clients.c.id == client_id).with_for_update())
    found = select(grants.c.id).where(grants.c.client_id == client_id).order_by(grants.c.id).with_for_update()
    _delete_grants(connection, list(connection.execute(found).scalars()))
    connection.execute(delete(clients).where(clients.c.id == client_id))


def insert_grant(connection: Connection, grant: Grant) -> None:
    """Add a grant."""
    connection.execute(insert(grants).values(_columns(grant)))


def lock_grant_of_code(connection: Connection, code_hash: bytes, client_id: int) -> Grant | None:
    """Give the grant that a code of a client fetches; another process that asks waits until this transaction ends."""
    return _lock_grant(connection, grants.c.code_hash == code_hash, grants.c.client_id == client_id)


def lock_grant_of_family(connection: Connection, family_hash: bytes) -> Grant | None:
    """Give the grant of which refresh tokens begin so, in the same way."""
    return _lock_grant(connection, grants.c.family_hash == family_hash)


def mark_code_used(connection: Connection, grant_id: int, used_at: int) -> None:
    """Note when (epoch seconds) a code was used: it cannot be used again."""
    connection.execute(update(grants).where(grants.c.id == grant_id).values(code_used_at=used_at))


def set_refresh_token(connection: Connection, grant_id: int, family_hash: bytes, refresh_hash: bytes) -> None:
    """Set the one refresh token of a grant that can be used."""
    values = {"family_hash": family_hash, "refresh_hash": refresh_hash}
    connection.execute(update(grants).where(grants.c.id == grant_id).values(values))


def delete_grant(connection: Connection, grant_id: int) -> None:
    """Delete a grant that is locked, with its tokens: none is issued any more."""
    _delete_grants(connection, [grant_id])


def lasting_grants_of(connection: Connection, user_id: int) -> list[tuple[Client, Grant]]:
    """Give every grant of a user that has a refresh token with its client, the newest first."""
    lasting = select(grants).where(grants.c.user_id == user_id, grants.c.family_hash.is_not(None))
    return _with_clients(connection, lasting.order_by(grants.c.granted_at.desc(), grants.c.id.desc()))


def lock_grants_of(connection: Connection, user_id: int) -> list[tuple[Client, Grant]]:
    """Give every grant of a user with its client; another process that asks for one waits."""
    locked = select(grants).where(grants.c.user_id == user_id).order_by(grants.c.id).with_for_update()
    return _with_clients(connection, locked)


def delete_passed_grants(connection: Connection, now: int, most: int) -> None:
    """Delete some of the grants without a refresh token whose code and tokens expired before `now` (epoch seconds).

    Their tokens are deleted before, by whoever deletes expired ones: to wait for that here could block both.
    """
    is_over = and_(grants.c.family_hash.is_(None), grants.c.granted_at <= now - _LONGEST_WITHOUT_REFRESH)
    has_tokens = select(tokens.c.token_hash).where(tokens.c.grant_id == grants.c.id).exists()
    passed = select(grants.c.id).where(is_over, ~has_tokens).order_by(grants.c.granted_at).limit(most)
    some = connection.execute(passed.with_for_update(skip_locked=True)).scalars().all()
    connection.execute(delete(grants).where(grants.c.id.in_(some)))


def _delete_grants(connection: Connection, grant_ids: list[int]) -> None:
    delete_tokens_of_grants(connection, grant_ids)
    connection.execute(delete(grants).where(grants.c.id.in_(grant_ids)))


def _lock_grant(connection: Connection, *conditions: ColumnElement[bool]) -> Grant | None:
    row = connection.execute(select(grants).where(*conditions).with_for_update()).mappings().first()
    return None if row is None else Grant(**row)


def _with_clients(connection: Connection, some: Select[*tuple[Any, ...]]) -> list[tuple[Client, Grant]]:
    found = [Grant(**row) for row in connection.execute(some).mappings()]
    known = {row["id"]: _client(row) for row in connection.execute(select(clients)).mappings()}
    return [(known[grant.client_id], grant) for grant in found]


def _client(row: RowMapping) -> Client:
    return Client(**dict(row) | {"redirect_uris": tuple(row["redirect_uris"].split())})


def _columns(thing: Client | Grant) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in thing.__slots__}
