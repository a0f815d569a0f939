"""The facts of the law as columns of a statement, and back: viewer, owner of mail, grounds to see a record."""

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Integer, Text, and_, case, exists, func, literal, or_, select

from postroom.core.model import Profile
from postroom.core.sharing import Ground, Membership, Organisation, Owner, Setting, Viewer
from postroom.storage.schema import (
    audience_members,
    email_shares,
    modules,
    organisation,
    record_shares,
    records,
    roles,
    users,
)

GROUNDS = tuple(Ground)
VIEWER_COLUMNS = 5
OWNER_COLUMNS = 10

VIEWER, VIEWER_ROLE = users.alias("viewer"), roles.alias("viewer_role")
HOLDER, HOLDER_ROLE = users.alias("holder"), roles.alias("holder_role")


def is_superior(above: FromClause, below: FromClause) -> ColumnElement[bool]:
    """Say that one role is a strict ancestor of another: its lineage is where the other's begins."""
    begins_alike = func.substr(below.c.lineage, number(1), func.length(above.c.lineage)) == above.c.lineage
    return and_(begins_alike, below.c.lineage != above.c.lineage)


class RecordSource(NamedTuple):
    """A record in a statement, with the tables that the viewer's grounds to see it are read from."""

    record: FromClause
    module: FromClause
    owner: FromClause
    owner_role: FromClause

    def grounds(self) -> dict[Ground, ColumnElement[bool]]:
        """Say of each ground whether it holds for the viewer."""
        share, share_role = record_shares.alias(), roles.alias()
        with_superior = share.outerjoin(share_role, share_role.c.id == share.c.role_id)
        above = and_(share.c.and_subordinates, is_superior(share_role, VIEWER_ROLE))
        return {
            Ground.MODULE_IS_PUBLIC: self.module.c.is_public,
            Ground.OWNS_RECORD: self.record.c.owner_id == VIEWER.c.id,
            Ground.SUPERIOR_OF_RECORD_OWNER: is_superior(VIEWER_ROLE, self.owner_role),
            Ground.RECORD_SHARED_WITH_USER: self._is_shared(share, share, share.c.user_id == VIEWER.c.id),
            Ground.RECORD_SHARED_WITH_ROLE: self._is_shared(share, share, share.c.role_id == VIEWER.c.role_id),
            Ground.RECORD_SHARED_WITH_ROLE_ABOVE: self._is_shared(share, with_superior, above),
            Ground.ADMINISTRATOR: VIEWER.c.profile == constant(Profile.ADMINISTRATOR),
        }

    def _is_shared(self, share: FromClause, tables: FromClause, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        shared = select(1).select_from(tables).where(share.c.record_id == self.record.c.id, condition)
        return exists(shared.correlate(self.record, VIEWER, VIEWER_ROLE))

    def is_seen(self) -> ColumnElement[bool]:
        """Say that one of the grounds holds, for a record that is there."""
        return and_(self.record.c.id.is_not(None), or_(*self.grounds().values()))

    def join(self, tables: FromClause, condition: ColumnElement[bool]) -> FromClause:
        """Join the record, unless it is in the recycle bin, with its owner."""
        is_there = and_(condition, self.record.c.deleted_at.is_(None))
        return (
            tables.outerjoin(self.record, is_there)
            .outerjoin(self.owner, self.owner.c.id == self.record.c.owner_id)
            .outerjoin(self.owner_role, self.owner_role.c.id == self.owner.c.role_id)
        )


def record_source(name: str) -> RecordSource:
    """Give the tables of a record under names of their own."""
    return RecordSource(*(table.alias(f"{name}_{table.name}") for table in (records, modules, users, roles)))


def viewer_columns() -> list[ColumnElement[Any]]:
    """Give the viewer, and the organisation's settings as they bear on the viewer."""
    return [
        VIEWER.c.id,
        VIEWER.c.status,
        organisation.c.default_permission,
        _membership(organisation.c.default_audience_id),
        organisation.c.crm_access,
    ]


def viewer_in(columns: tuple[Any, ...]) -> tuple[Viewer, Organisation]:
    """Give what `viewer_columns` read."""
    user_id, status, permission, membership, crm_access = columns
    return Viewer(user_id, status), Organisation(Setting(permission, membership), crm_access)


def owner_columns() -> list[ColumnElement[Any]]:
    """Give the holder of mail as the law sees an owner; `email_shares` is joined to the record asked about."""
    return [
        HOLDER.c.id,
        HOLDER.c.status,
        is_superior(VIEWER_ROLE, HOLDER_ROLE),
        email_shares.c.shared_at,
        HOLDER_ROLE.c.email_permission,
        _membership(HOLDER_ROLE.c.audience_id),
        HOLDER.c.assigned_permission,
        _membership(HOLDER.c.assigned_audience_id),
        HOLDER.c.chosen_permission,
        _membership(HOLDER.c.chosen_audience_id),
    ]


def owner_in(columns: tuple[Any, ...]) -> Owner:
    """Give what `owner_columns` read."""
    user_id, status, below_viewer, shared_at, *settings = columns
    by_role, assigned, chosen = (
        None if permission is None else Setting(permission, membership)
        for permission, membership in zip(settings[0::2], settings[1::2], strict=True)
    )
    return Owner(user_id, status, by_role, assigned, chosen, bool(below_viewer), shared_at)


def grounds_in(row: tuple[Any, ...], start: int) -> tuple[Ground, ...]:
    """Give the grounds that hold, of the columns of `RecordSource.grounds` from a place on."""
    return tuple([ground for ground, holds in zip(GROUNDS, row[start:], strict=False) if holds])


def _membership(audience_id: ColumnElement[Any]) -> ColumnElement[str]:
    """Say how the viewer stands to an audience; of several ways the one that is first in the alphabet."""
    member, member_role = audience_members.alias(), roles.alias()
    by_name, by_role = member.c.user_id == VIEWER.c.id, member.c.role_id == VIEWER.c.role_id
    above = and_(member.c.and_subordinates, is_superior(member_role, VIEWER_ROLE))
    way = case(
        (by_name, constant(Membership.LISTED_BY_NAME)),
        (by_role, constant(Membership.LISTED_BY_ROLE)),
        else_=constant(Membership.LISTED_BY_ROLE_ABOVE),
    )
    listed = (
        select(func.min(way))
        .select_from(member.outerjoin(member_role, member_role.c.id == member.c.role_id))
        .where(member.c.audience_id == audience_id, or_(by_name, by_role, above))
        .correlate(organisation, HOLDER, HOLDER_ROLE, VIEWER, VIEWER_ROLE)
        .scalar_subquery()
    )
    return case(
        (audience_id.is_(None), constant(Membership.EVERYONE)),
        else_=func.coalesce(listed, constant(Membership.NOT_LISTED)),
    )


def constant(value: str) -> ColumnElement[str]:
    """Give a value that stands in the statement itself, so that it need not be sent with each request."""
    return literal(value, Text, literal_execute=True)


def number(value: int) -> ColumnElement[int]:
    """Give a number that stands in the statement itself."""
    return literal(value, Integer, literal_execute=True)
