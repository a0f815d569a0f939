"""What the law must know to answer one request: read in one statement, so from one state of the database.

The statements are built with SQLAlchemy, compiled once, and run on the driver's connection. A
record's mail is read only if the caller sees the record: a record that is not there and one that the
caller may not see cost the same.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import (
    URL,
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeEngine

from postroom.core.details import Holding
from postroom.core.model import Profile
from postroom.core.modules import CONTACTS, gathers_mail_of_contacts, module_key
from postroom.core.sharing import Ground, Organisation, Owner, Viewer
from postroom.storage.database import Database
from postroom.storage.schema import (
    email_shares,
    mailboxes,
    modules,
    organisation,
    record_links,
    record_mail,
    record_shares,
    records,
    roles,
    tokens,
    users,
)


class Token(NamedTuple):
    """What a token is good for, and until when (epoch seconds)."""

    scopes: str
    expires_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The caller, the organisation, the module and record asked about, and who holds mail there.

    `module_has_emails` is None where there is no such module. A record that is not there has no grounds.
    """

    token: Token
    viewer: Viewer
    organisation: Organisation
    module_has_emails: bool | None
    grounds: tuple[Ground, ...]
    holdings: list[Holding]


class PairFacts(NamedTuple):
    """One viewer, one owner of mail and one record, for an explanation."""

    viewer: Viewer
    owner: Owner
    grounds: tuple[Ground, ...]
    organisation: Organisation
    time_zone: str


_GROUNDS = tuple(Ground)
_HEADER = 9  # columns before the record's grounds
_MAIL = _HEADER + len(_GROUNDS)
_SOURCE = _MAIL + 11  # where the grounds of a gathered record start


class SharingFactsReader:
    """Reads `RequestFacts`, with the two statements that this needs compiled for one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statements = {
            gathers: _compile(database.dialect, _statement(gathers=gathers)) for gathers in (False, True)
        }

    def read(self, token_hash: bytes, key: str, record_id: int) -> RequestFacts | None:
        """Give the facts for a token, a module key and a record id; None where there is no such token."""
        gathers = gathers_mail_of_contacts(key)
        parameters = {"token_hash": token_hash, "module_key": key, "record_id": record_id}
        rows = self._database.fetch_all(self._statements[gathers], parameters)
        return _facts(rows, gathers=gathers) if rows else None


def read_pair_facts(connection: Connection, viewer_id: int, owner_id: int, record_id: int) -> PairFacts:
    """Read what the law must know about one viewer and one owner on one record; all three are there."""
    row = tuple(connection.execute(_pair_statement(viewer_id, owner_id, record_id)).one())
    user_id, status, by_role, assigned, chosen, below, shared_at = row[5:12]
    owner = Owner(user_id, status, by_role, assigned, chosen, bool(below), shared_at)
    grounds = () if row[12] is None else _held(row, 13)
    return PairFacts(Viewer(*row[0:2]), owner, grounds, Organisation(*row[2:4]), row[4])


def _facts(rows: list[tuple[Any, ...]], *, gathers: bool) -> RequestFacts:
    first = rows[0]
    has_emails, found_id = first[7:9]
    grounds = () if found_id is None else _held(first, _HEADER)
    return RequestFacts(
        token=Token(*first[0:3]),
        viewer=Viewer(*first[3:5]),
        organisation=Organisation(*first[5:7]),
        module_has_emails=None if has_emails is None else bool(has_emails),
        grounds=grounds,
        holdings=[
            _holding(row, _held(row, _SOURCE + 1) if gathers else grounds, through=gathers and bool(row[_SOURCE]))
            for row in rows
            if row[_MAIL] is not None
        ],
    )


def _held(row: tuple[Any, ...], start: int) -> tuple[Ground, ...]:
    return tuple([ground for ground, holds in zip(_GROUNDS, row[start:], strict=False) if holds])


def _holding(row: tuple[Any, ...], grounds: tuple[Ground, ...], *, through: bool) -> Holding:
    kind, associated_by, name, protocol, user_id, status, by_role, assigned, chosen, below, shared_at = row[
        _MAIL:_SOURCE
    ]
    owner = Owner(user_id, status, by_role, assigned, chosen, bool(below), shared_at)
    return Holding(kind, associated_by, through, grounds, owner, name, protocol)


def _compile(dialect: str, statement: Select[Any]) -> str:
    compiler = (
        URL.create("postgresql+psycopg").get_dialect()()
        if dialect == "postgresql"
        else sqlite.dialect(paramstyle="named")
    )
    return str(statement.compile(dialect=compiler, compile_kwargs={"render_postcompile": True}))


_viewer, _viewer_role = users.alias("viewer"), roles.alias("viewer_role")
_holder, _holder_role = users.alias("holder"), roles.alias("holder_role")
_mailbox = mailboxes.alias("mailbox")


def is_superior(above: FromClause, below: FromClause) -> ColumnElement[bool]:
    """Say that one role is a strict ancestor of another: its lineage is where the other's begins."""
    begins_alike = func.substr(below.c.lineage, _number(1), func.length(above.c.lineage)) == above.c.lineage
    return and_(begins_alike, below.c.lineage != above.c.lineage)


class _RecordSource(NamedTuple):
    """A record in a statement, with the tables that the viewer's grounds to see it are read from."""

    record: FromClause
    module: FromClause
    owner: FromClause
    owner_role: FromClause

    def grounds(self) -> dict[Ground, ColumnElement[bool]]:
        share, share_role = record_shares.alias(), roles.alias()
        with_superior = share.outerjoin(share_role, share_role.c.id == share.c.role_id)
        above = and_(share.c.and_subordinates, is_superior(share_role, _viewer_role))
        return {
            Ground.MODULE_IS_PUBLIC: self.module.c.is_public,
            Ground.OWNS_RECORD: self.record.c.owner_id == _viewer.c.id,
            Ground.SUPERIOR_OF_RECORD_OWNER: is_superior(_viewer_role, self.owner_role),
            Ground.RECORD_SHARED_WITH_USER: self._is_shared(share, share, share.c.user_id == _viewer.c.id),
            Ground.RECORD_SHARED_WITH_ROLE: self._is_shared(share, share, share.c.role_id == _viewer.c.role_id),
            Ground.RECORD_SHARED_WITH_ROLE_ABOVE: self._is_shared(share, with_superior, above),
            Ground.ADMINISTRATOR: _viewer.c.profile == _constant(Profile.ADMINISTRATOR),
        }

    def _is_shared(self, share: FromClause, tables: FromClause, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        shared = select(1).select_from(tables).where(share.c.record_id == self.record.c.id, condition)
        return exists(shared.correlate(self.record, _viewer, _viewer_role))

    def is_seen(self) -> ColumnElement[bool]:
        """Say that one of the grounds holds, for a record that is there."""
        return and_(self.record.c.id.is_not(None), or_(*self.grounds().values()))

    def join(self, tables: FromClause, condition: ColumnElement[bool]) -> FromClause:
        is_there = and_(condition, self.record.c.deleted_at.is_(None))
        return (
            tables.outerjoin(self.record, is_there)
            .outerjoin(self.owner, self.owner.c.id == self.record.c.owner_id)
            .outerjoin(self.owner_role, self.owner_role.c.id == self.owner.c.role_id)
        )


def _record_source(name: str) -> _RecordSource:
    return _RecordSource(*(table.alias(f"{name}_{table.name}") for table in (records, modules, users, roles)))


def _statement(*, gathers: bool) -> Select[Any]:
    """Build the statement for a Lead or Contact, or for a record that gathers its Contacts' mail."""
    asked = _record_source("asked")
    tables = asked.join(_caller(asked.module), _is_asked_for(asked))
    columns = [*_header(asked), *asked.grounds().values()]
    if not gathers:
        return select(*columns, *_mail_columns()).select_from(_join_mail(tables, asked))
    gathered, source = _gathered(), _record_source("source")
    tables = source.join(tables.outerjoin(gathered, asked.is_seen()), source.record.c.id == gathered.c.record_id)
    tables = tables.outerjoin(source.module, source.module.c.id == source.record.c.module_id)
    columns += [*_mail_columns(), gathered.c.is_contact, *source.grounds().values()]
    return select(*columns).select_from(_join_mail(tables, source))


def _pair_statement(viewer_id: int, owner_id: int, record_id: int) -> Select[Any]:
    asked = _record_source("asked")
    share = and_(email_shares.c.record_id == record_id, email_shares.c.user_id == owner_id)
    tables: FromClause = (
        organisation.join(_viewer, _viewer.c.id == viewer_id)
        .outerjoin(_viewer_role, _viewer_role.c.id == _viewer.c.role_id)
        .join(_holder, _holder.c.id == owner_id)
        .outerjoin(_holder_role, _holder_role.c.id == _holder.c.role_id)
        .outerjoin(email_shares, share)
    )
    tables = asked.join(tables, asked.record.c.id == record_id)
    tables = tables.outerjoin(asked.module, asked.module.c.id == asked.record.c.module_id)
    settings = (organisation.c.default_permission, organisation.c.crm_access, organisation.c.time_zone)
    columns = (
        _viewer.c.id,
        _viewer.c.status,
        *settings,
        *_owner_columns(),
        asked.record.c.id,
        *asked.grounds().values(),
    )
    return select(*columns).select_from(tables)


def _caller(asked_module: FromClause) -> FromClause:
    return (
        organisation.join(tokens, tokens.c.token_hash == _parameter("token_hash", LargeBinary))
        .join(_viewer, _viewer.c.id == tokens.c.user_id)
        .outerjoin(_viewer_role, _viewer_role.c.id == _viewer.c.role_id)
        .outerjoin(asked_module, asked_module.c.module_key == _parameter("module_key", Text))
    )


def _is_asked_for(asked: _RecordSource) -> ColumnElement[bool]:
    return and_(
        asked.record.c.id == _parameter("record_id", BigInteger),
        asked.record.c.module_id == asked.module.c.id,
    )


def _gathered() -> FromClause:
    """Give R itself and the Contacts that R links to, or that link to R, as the sources of R's mail."""
    record_id = _parameter("record_id", BigInteger)
    itself = select(record_id.label("record_id"), _number(0).label("is_contact"))
    links = record_links.c
    linked_to = _linked_contacts(links.linked_id, links.record_id == record_id)
    linked_from = _linked_contacts(links.record_id, links.linked_id == record_id)
    return union(itself, linked_to, linked_from).subquery("gathered")


def _linked_contacts(contact_id: ColumnElement[int], condition: ColumnElement[bool]) -> Select[int, int]:
    return (
        select(contact_id, _number(1))
        .select_from(record_links)
        .join(records, records.c.id == contact_id)
        .join(modules, modules.c.id == records.c.module_id)
        .where(condition, modules.c.module_key == _constant(module_key(CONTACTS)))
    )


def _join_mail(tables: FromClause, source: _RecordSource) -> FromClause:
    return (
        tables.outerjoin(record_mail, and_(record_mail.c.record_id == source.record.c.id, source.is_seen()))
        .outerjoin(_holder, _holder.c.id == record_mail.c.user_id)
        .outerjoin(_holder_role, _holder_role.c.id == _holder.c.role_id)
        .outerjoin(_mailbox, _mailbox.c.id == _latest_mailbox())
        .outerjoin(
            email_shares,
            and_(
                email_shares.c.record_id == record_mail.c.record_id,
                email_shares.c.user_id == record_mail.c.user_id,
            ),
        )
    )


def _header(asked: _RecordSource) -> list[ColumnElement[Any]]:
    return [
        tokens.c.scopes,
        tokens.c.expires_at,
        tokens.c.revoked_at,
        _viewer.c.id,
        _viewer.c.status,
        organisation.c.default_permission,
        organisation.c.crm_access,
        asked.module.c.has_emails,
        asked.record.c.id,
    ]


def _mail_columns() -> list[ColumnElement[Any]]:
    return [
        record_mail.c.kind,
        record_mail.c.associated_by,
        _holder.c.full_name,
        _mailbox.c.protocol,
        *_owner_columns(),
    ]


def _owner_columns() -> list[ColumnElement[Any]]:
    return [
        _holder.c.id,
        _holder.c.status,
        _holder_role.c.email_permission,
        _holder.c.assigned_permission,
        _holder.c.chosen_permission,
        is_superior(_viewer_role, _holder_role),
        email_shares.c.shared_at,
    ]


def _latest_mailbox() -> ColumnElement[int]:
    """Give the holder's mailbox, the last one if it was disconnected."""
    latest = select(func.max(mailboxes.c.id)).where(mailboxes.c.user_id == _holder.c.id)
    return latest.correlate(_holder).scalar_subquery()


def _parameter(name: str, kind: type[TypeEngine[Any]]) -> BindParameter[Any]:
    """Give what each request fills in; None stands in for it while the statement is compiled."""
    return bindparam(name, None, type_=kind)


def _constant(value: str) -> ColumnElement[str]:
    """Give a value that stands in the statement itself, so that it need not be sent with each request."""
    return literal(value, Text, literal_execute=True)


def _number(value: int) -> ColumnElement[int]:
    return literal(value, Integer, literal_execute=True)
