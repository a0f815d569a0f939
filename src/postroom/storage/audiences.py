"""Audiences: who may be shown mail under a setting. A setting without one admits everyone."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from postroom.core.model import Grantee
from postroom.storage.ids import take_id
from postroom.storage.schema import audience_members, audiences


def create_audience(connection: Connection, members: Iterable[Grantee]) -> int:
    """Store an audience and give its id; without members only superiors are in it."""
    audience_id = take_id(connection)
    connection.execute(insert(audiences).values(id=audience_id))
    for member in members:
        row = {"id": take_id(connection), "audience_id": audience_id, **member._asdict()}
        connection.execute(insert(audience_members).values(row))
    return audience_id


def delete_audience(connection: Connection, audience_id: int) -> None:
    """Delete an audience to which no setting refers any more."""
    connection.execute(delete(audience_members).where(audience_members.c.audience_id == audience_id))
    connection.execute(delete(audiences).where(audiences.c.id == audience_id))


def members_of(connection: Connection, audience_id: int) -> list[Grantee]:
    """Give the members of an audience."""
    columns = (audience_members.c.user_id, audience_members.c.role_id, audience_members.c.and_subordinates)
    rows = connection.execute(
        select(*columns).where(audience_members.c.audience_id == audience_id).order_by(audience_members.c.id)
    )
    return [Grantee(row.user_id, row.role_id, bool(row.and_subordinates)) for row in rows]
