"""Who could see what, in bulk: every active user beside every source of mail on the records that the user sees."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, true

from postroom.core.model import UserStatus
from postroom.core.sharing import Ground, Organisation, Owner, Viewer
from postroom.storage.database import in_portions
from postroom.storage.fact_columns import (
    GROUNDS,
    HOLDER,
    HOLDER_ROLE,
    VIEWER,
    VIEWER_COLUMNS,
    VIEWER_ITSELF,
    VIEWER_ROLE,
    RecordSource,
    constant,
    number,
    owner_columns,
    owner_in,
    record_source,
    viewer_columns,
    viewer_in,
)
from postroom.storage.schema import associations, copies, email_shares, organisation, record_mail, users


class Concerned(NamedTuple):
    """What a change can touch: what any of these select, everything where none is given."""

    owner_id: int | None = None
    owner_role_id: int | None = None
    viewer_id: int | None = None
    record_owner_id: int | None = None
    record_id: int | None = None
    module_id: int | None = None

    def sightings(self, record: RecordSource) -> ColumnElement[bool]:
        """Give what selects the sightings."""
        columns = {
            "owner_id": record_mail.c.user_id,
            "owner_role_id": HOLDER.c.role_id,
            "viewer_id": VIEWER.c.id,
            "record_owner_id": record.record.c.owner_id,
            "record_id": record.record.c.id,
            "module_id": record.record.c.module_id,
        }
        given = [columns[name] == value for name, value in self._asdict().items() if value is not None]
        return or_(*given) if given else true()

    def copies(self) -> ColumnElement[bool]:
        """Give what selects the copies whose mark can change."""
        if self.owner_id is not None:
            return copies.c.user_id == self.owner_id
        if self.owner_role_id is not None:
            return copies.c.user_id.in_(select(users.c.id).where(users.c.role_id == self.owner_role_id))
        return true()


class Source(NamedTuple):
    """An owner's copies of one kind on one record, associated in one way."""

    owner_id: int
    record_id: int
    kind: str
    associated_by: str


class Sighting(NamedTuple):
    """A viewer beside a source of mail on a record that the viewer sees, with what the law must know of both."""

    viewer: Viewer
    organisation: Organisation
    source: Source
    shareable: int
    owner: Owner
    grounds: tuple[Ground, ...]


class WithheldCopy(NamedTuple):
    """A copy that is withheld, on one of its records."""

    copy_id: int
    owner_id: int
    record_id: int


def read_sightings(connection: Connection, concerned: Concerned) -> Iterator[Sighting]:
    """Give every such pair that is concerned."""
    for row in connection.execute(_statement(concerned), execution_options={"yield_per": 1000}):
        yield _sighting(tuple(row))


def withheld_copies(connection: Connection, concerned: Concerned) -> set[WithheldCopy]:
    """Give the copies that are withheld now, of those whose mark can change."""
    columns = (copies.c.id, copies.c.user_id, associations.c.record_id)
    statement = select(*columns).join(associations, associations.c.copy_id == copies.c.id)
    return {WithheldCopy(*row) for row in connection.execute(statement.where(copies.c.withheld, concerned.copies()))}


def shareable_emails(connection: Connection, places: Collection[tuple[int, int]]) -> dict[Source, frozenset[bytes]]:
    """Give the keys of the e-mails that are not withheld, of the sources of each pair of an owner and a record."""
    found: dict[Source, set[bytes]] = defaultdict(set)
    record_ids = sorted({record_id for _, record_id in places})
    columns = (copies.c.user_id, associations.c.record_id, copies.c.kind, associations.c.associated_by)
    statement = select(*columns, copies.c.email_key).join(associations, associations.c.copy_id == copies.c.id)
    for some in in_portions(record_ids):
        of_records = associations.c.record_id.in_(some)
        for row in connection.execute(statement.where(of_records, ~copies.c.withheld)):
            if (row.user_id, row.record_id) in places:
                found[Source(*row[:-1])].add(row.email_key)
    return {source: frozenset(keys) for source, keys in found.items()}


def _sighting(row: tuple[Any, ...]) -> Sighting:
    viewer, organisation_ = viewer_in(row[:VIEWER_COLUMNS])
    owner_id, record_id, kind, associated_by, shareable, *rest = row[VIEWER_COLUMNS:]
    source = Source(owner_id, record_id, kind, associated_by)
    grounds, *owner = rest
    return Sighting(viewer, organisation_, source, shareable, owner_in(tuple(owner)), GROUNDS[grounds])


def _statement(concerned: Concerned) -> Select[Any]:
    source = record_source("source")
    mail = record_mail.c
    columns = (*viewer_columns(), mail.user_id, mail.record_id, mail.kind, mail.associated_by, mail.shareable)
    share = and_(email_shares.c.record_id == mail.record_id, email_shares.c.user_id == mail.user_id)
    viewers = organisation.join(VIEWER, VIEWER.c.status == constant(UserStatus.ACTIVE))
    tables = source.join(viewers.join(record_mail, true()), source.record.c.id == mail.record_id)
    tables = (
        tables.outerjoin(VIEWER_ROLE, VIEWER_ROLE.c.id == VIEWER.c.role_id)
        .outerjoin(source.module, source.module.c.id == source.record.c.module_id)
        .join(HOLDER, HOLDER.c.id == mail.user_id)
        .outerjoin(HOLDER_ROLE, HOLDER_ROLE.c.id == HOLDER.c.role_id)
        .outerjoin(email_shares, share)
    )
    grounds = source.grounds(VIEWER_ITSELF)
    sightings = select(*columns, grounds, *owner_columns(VIEWER_ITSELF)).select_from(tables)
    return sightings.where(grounds > number(0), concerned.sightings(source))
