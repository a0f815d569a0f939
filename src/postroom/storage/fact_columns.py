"""The facts of the law as columns of a statement, and back: viewer, owner of mail, grounds to see a record."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache, reduce
from itertools import product
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Integer, Text, and_, case, cast, func, literal, select

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

# A statement gives the grounds that hold as the sum of their bits.
_BITS = {ground: 1 << place for place, ground in enumerate(Ground)}
GROUNDS = tuple(tuple(ground for ground in Ground if bits & _BITS[ground]) for bits in range(1 << len(Ground)))
VIEWER_COLUMNS = 5
OWNER_COLUMNS = 8

# How a viewer stands to an audience is an octal digit, where of several ways the first that is named here counts; how
# a viewer stands to several audiences is a number of as many digits, the first audience's last.
_WAYS = (
    Membership.NOT_LISTED,
    Membership.LISTED_BY_ROLE_ABOVE,
    Membership.LISTED_BY_ROLE,
    Membership.LISTED_BY_NAME,
    Membership.EVERYONE,
)
_DIGITS = {way: digit for digit, way in enumerate(_WAYS)}
_MEMBERSHIPS = {
    8**2 * third + 8 * second + first: (_WAYS[first], _WAYS[second], _WAYS[third])
    for first, second, third in product(range(len(_WAYS)), repeat=3)
}

VIEWER, VIEWER_ROLE = users.alias("viewer"), roles.alias("viewer_role")
HOLDER, HOLDER_ROLE = users.alias("holder"), roles.alias("holder_role")


class ViewerColumns(NamedTuple):
    """What of the viewer is compared with records, shares, audiences and holders of mail."""

    viewer_id: ColumnElement[int]
    viewer_role_id: ColumnElement[int | None]
    viewer_profile: ColumnElement[str]
    viewer_lineage: ColumnElement[str | None]

    def labelled(self) -> list[ColumnElement[Any]]:
        """Give the columns under the names by which `viewer_of` finds them; the id stands in `viewer_columns`."""
        return [column.label(name) for name, column in self._asdict().items() if name != "viewer_id"]


VIEWER_ITSELF = ViewerColumns(VIEWER.c.id, VIEWER_ROLE.c.id, VIEWER.c.profile, VIEWER_ROLE.c.lineage)


def viewer_of(step: FromClause) -> ViewerColumns:
    """Give the viewer that a step of a statement has found."""
    return ViewerColumns(*(step.c[name] for name in ViewerColumns._fields))


class RecordSource(NamedTuple):
    """A record in a statement, with the tables that a viewer's grounds to see it are read from."""

    record: FromClause
    module: FromClause
    owner: FromClause
    owner_role: FromClause

    def grounds(self, viewer: ViewerColumns) -> ColumnElement[int]:
        """Give the grounds that hold as the bits of a number, 0 for a record that is not there."""
        own = {
            Ground.MODULE_IS_PUBLIC: self.module.c.is_public,
            Ground.OWNS_RECORD: self.record.c.owner_id == viewer.viewer_id,
            Ground.SUPERIOR_OF_RECORD_OWNER: _is_superior(viewer.viewer_lineage, self.owner_role.c.lineage),
            Ground.ADMINISTRATOR: viewer.viewer_profile == constant(Profile.ADMINISTRATOR),
        }
        bits = reduce(add, (_bit(ground, condition) for ground, condition in own.items()))
        return case((self.record.c.id.is_not(None), bits + self._shares(viewer)), else_=number(0))

    def _shares(self, viewer: ViewerColumns) -> ColumnElement[int]:
        share = record_shares.alias()
        grants = _grants(share, viewer)
        bits = (
            func.max(_bit(Ground.RECORD_SHARED_WITH_USER, grants.by_name))
            + func.max(_bit(Ground.RECORD_SHARED_WITH_ROLE, grants.by_role))
            + func.max(_bit(Ground.RECORD_SHARED_WITH_ROLE_ABOVE, grants.by_role_above))
        )
        shared = select(bits).where(share.c.record_id == self.record.c.id)
        return func.coalesce(shared.correlate_except(share).scalar_subquery(), number(0))

    def join(self, tables: FromClause, condition: ColumnElement[bool]) -> FromClause:
        """Join the record, unless it is in the recycle bin, with its owner."""
        is_there = and_(condition, self.record.c.deleted_at.is_(None))
        return (
            tables.outerjoin(self.record, is_there)
            .outerjoin(self.owner, self.owner.c.id == self.record.c.owner_id)
            .outerjoin(self.owner_role, self.owner_role.c.id == self.owner.c.role_id)
        )


def holds_one_of(grounds: ColumnElement[int], wanted: Collection[Ground]) -> ColumnElement[bool]:
    """Say that one of these grounds is among those that hold."""
    return grounds.bitwise_and(number(sum(_BITS[ground] for ground in wanted))) > number(0)


def record_source(name: str) -> RecordSource:
    """Give the tables of a record under names of their own."""
    return RecordSource(*(table.alias(f"{name}_{table.name}") for table in (records, modules, users, roles)))


def viewer_columns() -> list[ColumnElement[Any]]:
    """Give the viewer, and the organisation's settings as they bear on the viewer."""
    return [
        VIEWER.c.id.label("viewer_id"),
        VIEWER.c.status.label("viewer_status"),
        organisation.c.default_permission,
        _memberships([organisation.c.default_audience_id], VIEWER_ITSELF).label("default_membership"),
        organisation.c.crm_access,
    ]


# The same few viewers and owners are read again and again; what the same columns come to is worked out once.
@lru_cache(maxsize=4096)
def viewer_in(columns: tuple[Any, ...]) -> tuple[Viewer, Organisation]:
    """Give what `viewer_columns` read."""
    user_id, status, permission, membership, crm_access = columns
    return Viewer(user_id, status), Organisation(Setting(permission, _WAYS[membership]), crm_access)


def owner_columns(viewer: ViewerColumns) -> list[ColumnElement[Any]]:
    """Give the holder of mail as the law sees an owner; `email_shares` is joined to the record asked about."""
    return [
        HOLDER.c.id,
        HOLDER.c.status,
        _is_superior(viewer.viewer_lineage, HOLDER_ROLE.c.lineage),
        email_shares.c.shared_at,
        _role_preference(),
        HOLDER.c.assigned_permission,
        HOLDER.c.chosen_permission,
        _memberships([HOLDER_ROLE.c.audience_id, HOLDER.c.assigned_audience_id, HOLDER.c.chosen_audience_id], viewer),
    ]


def _role_preference() -> ColumnElement[str | None]:
    """Give the preference of the holder's role; of a role that is not there, one that the law does not know."""
    is_missing = and_(HOLDER.c.role_id.is_not(None), HOLDER_ROLE.c.id.is_(None))
    return case((is_missing, constant("of a missing role")), else_=HOLDER_ROLE.c.email_permission)


@lru_cache(maxsize=4096)
def owner_in(columns: tuple[Any, ...]) -> Owner:
    """Give what `owner_columns` read."""
    user_id, status, below_viewer, shared_at, by_role, assigned, chosen, memberships = columns
    of_role, of_assigned, of_chosen = _MEMBERSHIPS[memberships]
    return Owner(
        user_id,
        status,
        None if by_role is None else Setting(by_role, of_role),
        None if assigned is None else Setting(assigned, of_assigned),
        None if chosen is None else Setting(chosen, of_chosen),
        bool(below_viewer),
        shared_at,
    )


def constant(value: str) -> ColumnElement[str]:
    """Give a value that stands in the statement itself, so that it need not be sent with each request."""
    return literal(value, Text, literal_execute=True)


def number(value: int) -> ColumnElement[int]:
    """Give a number that stands in the statement itself."""
    return literal(value, Integer, literal_execute=True)


class _Grants(NamedTuple):
    """In which way a row that names a user or a role reaches the viewer."""

    by_name: ColumnElement[bool]
    by_role: ColumnElement[bool]
    by_role_above: ColumnElement[bool]


def _grants(row: FromClause, viewer: ViewerColumns) -> _Grants:
    is_own_role = row.c.role_id == viewer.viewer_role_id
    is_in_lineage = viewer.viewer_lineage.contains(constant("/") + cast(row.c.role_id, Text) + constant("/"))
    return _Grants(
        row.c.user_id == viewer.viewer_id, is_own_role, and_(row.c.and_subordinates, ~is_own_role, is_in_lineage)
    )


def _memberships(audience_ids: Sequence[ColumnElement[Any]], viewer: ViewerColumns) -> ColumnElement[int]:
    """Say how the viewer stands to audiences, as a number of a digit for each; one look-up finds all of them."""
    everyone = (case((each.is_(None), number(_DIGITS[Membership.EVERYONE])), else_=number(0)) for each in audience_ids)
    admits_all = and_(*(each.is_(None) for each in audience_ids))
    return _digits(everyone) + case((admits_all, number(0)), else_=_listed(audience_ids, viewer))


def _listed(audience_ids: Sequence[ColumnElement[Any]], viewer: ViewerColumns) -> ColumnElement[int]:
    member = audience_members.alias()
    grants = _grants(member, viewer)
    way = case(
        (grants.by_name, number(_DIGITS[Membership.LISTED_BY_NAME])),
        (grants.by_role, number(_DIGITS[Membership.LISTED_BY_ROLE])),
        (grants.by_role_above, number(_DIGITS[Membership.LISTED_BY_ROLE_ABOVE])),
        else_=number(_DIGITS[Membership.NOT_LISTED]),
    )
    best = (func.max(case((member.c.audience_id == each, way), else_=number(0))) for each in audience_ids)
    listed = select(_digits(best)).where(member.c.audience_id.in_(audience_ids))
    return func.coalesce(listed.correlate_except(member).scalar_subquery(), number(0))


def _digits(digits: Iterable[ColumnElement[int]]) -> ColumnElement[int]:
    return reduce(add, (digit * number(8**place) for place, digit in enumerate(digits)))


def _is_superior(above: ColumnElement[Any], below: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say that one role is a strict ancestor of another: its lineage is where the other's begins."""
    return and_(func.substr(below, number(1), func.length(above)) == above, below != above)


def _bit(ground: Ground, condition: ColumnElement[Any]) -> ColumnElement[int]:
    return case((condition, number(_BITS[ground])), else_=number(0))
