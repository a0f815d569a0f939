"""What the law must know to answer one request: read in one statement, so from one state of the database.

The statements are built with SQLAlchemy, compiled once, and run on the driver's connection. A
record's mail is read only if the caller sees the record: a record that is not there and one that the
caller may not see cost the same.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    FromClause,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    literal,
    literal_column,
    select,
    union,
)
from sqlalchemy.types import TypeEngine

from postroom.core.details import Holding
from postroom.core.model import UserStatus
from postroom.core.modules import CONTACTS, gathers_mail_of_contacts, module_key
from postroom.core.sharing import Ground, Organisation, Owner, Viewer
from postroom.storage.compiled import CompiledStatement, HotConnection, Rows, compile_statement
from postroom.storage.database import Database
from postroom.storage.fact_columns import (
    GROUNDS,
    HOLDER,
    HOLDER_ROLE,
    OWNER_COLUMNS,
    VIEWER,
    VIEWER_COLUMNS,
    VIEWER_ITSELF,
    VIEWER_ROLE,
    RecordSource,
    ViewerColumns,
    constant,
    number,
    owner_columns,
    owner_in,
    record_source,
    viewer_columns,
    viewer_in,
    viewer_of,
)
from postroom.storage.schema import (
    email_shares,
    mailboxes,
    modules,
    organisation,
    record_links,
    record_mail,
    records,
    tokens,
)


class Token(NamedTuple):
    """What a token is good for, and until when (epoch seconds)."""

    scopes: str
    expires_at: int
    revoked_at: int | None


class RecordFacts(NamedTuple):
    """What the law must know to say what one viewer sees on one record: all of the record's mail is in `holdings`.

    A record that is not there has no grounds.
    """

    viewer: Viewer
    organisation: Organisation
    grounds: tuple[Ground, ...]
    holdings: list[Holding]


class RequestFacts(NamedTuple):
    """Such facts for the holder of a token; `module_has_emails` is None where there is no such module."""

    token: Token
    module_has_emails: bool | None
    record: RecordFacts


class PairFacts(NamedTuple):
    """One viewer, one owner of mail and one record, for an explanation."""

    viewer: Viewer
    owner: Owner
    grounds: tuple[Ground, ...]
    organisation: Organisation
    time_zone: str


_TOKEN = 4  # columns before those of the viewer
_GROUNDS = _TOKEN + VIEWER_COLUMNS  # where the grounds of the record asked about stand
_MAIL = _GROUNDS + 1  # where the columns of mail start: those before are the first of each step
_HOLDER = _MAIL + 6  # where those of its holder start: mail without one is nobody's
_SOURCE = _HOLDER + OWNER_COLUMNS  # where those of a gathered record start


_Run = Callable[[CompiledStatement, Mapping[str, Any]], Rows]


class SharingFactsReader:
    """Reads `RequestFacts`, with the two statements that this needs compiled for one database."""

    def __init__(self, database: Database) -> None:
        self._database, self._statements = database, _compiled(database.dialect)

    def read(self, token_hash: bytes, key: str, record_id: int) -> RequestFacts | None:
        """Give the facts for a token, a module key and a record id; None where there is no such token."""
        return self._read(self._database.fetch_all, token_hash, key, record_id)

    def read_within(self, snapshot: HotConnection, token_hash: bytes, key: str, record_id: int) -> RequestFacts | None:
        """Give the same as they are in a snapshot, in which more is read."""
        return self._read(snapshot.run, token_hash, key, record_id)

    def _read(self, run: _Run, token_hash: bytes, key: str, record_id: int) -> RequestFacts | None:
        gathers = gathers_mail_of_contacts(key)
        parameters = {"token_hash": token_hash, "module_key": key, "record_id": record_id}
        rows = run(self._statements[gathers], parameters)
        return _facts(rows, gathers=gathers) if rows else None


def read_record_facts(
    connection: Connection, key: str, record_id: int, *, viewer_id: int | None = None, owner_id: int | None = None
) -> list[RecordFacts]:
    """Give such facts for every active user or one, with every owner's mail or one's; `key` is the module's."""
    gathers = gathers_mail_of_contacts(key)
    people = {"viewer_id": viewer_id, "owner_id": owner_id}
    named = {name: user_id for name, user_id in people.items() if user_id is not None}
    statement = _viewers_statement(gathers=gathers, named=frozenset(named))
    parameters = {"module_key": key, "record_id": record_id} | named
    by_viewer: dict[int, list[tuple[Any, ...]]] = {}
    for row in connection.execute(statement, parameters):
        by_viewer.setdefault(row[_TOKEN], []).append(tuple(row))
    return [_record_facts(rows, gathers=gathers) for rows in by_viewer.values()]


def linked_contacts(connection: Connection, record_id: int, *, with_mail_of: int) -> list[int]:
    """Give the ids of a record's linked Contacts on which a user's mail is."""
    contacts = _contacts_of(literal(record_id, BigInteger)).subquery("linked")
    of_user = and_(record_mail.c.record_id == contacts.c.record_id, record_mail.c.user_id == with_mail_of)
    found = select(contacts.c.record_id).join(record_mail, of_user).distinct().order_by(contacts.c.record_id)
    return list(connection.execute(found).scalars())


def linked_contacts_among(connection: Connection, record_id: int, among: Select[int]) -> list[int]:
    """Give the ids of a record's linked Contacts that are among some records."""
    contacts = _contacts_of(literal(record_id, BigInteger)).subquery("linked")
    return list(connection.execute(select(contacts.c.record_id).where(contacts.c.record_id.in_(among))).scalars())


def read_pair_facts(connection: Connection, viewer_id: int, owner_id: int, record_id: int) -> PairFacts:
    """Read what the law must know about one viewer and one owner on one record; all three are there."""
    parameters = {"viewer_id": viewer_id, "owner_id": owner_id, "record_id": record_id}
    row = tuple(connection.execute(_pair_statement(), parameters).one())
    viewer, organisation = viewer_in(row[:VIEWER_COLUMNS])
    time_zone, grounds, *owner = row[VIEWER_COLUMNS:]
    return PairFacts(viewer, owner_in(tuple(owner)), GROUNDS[grounds], organisation, time_zone)


def _facts(rows: list[tuple[Any, ...]], *, gathers: bool) -> RequestFacts:
    first = rows[0]
    has_emails = None if first[3] is None else bool(first[3])
    return RequestFacts(Token(*first[0:3]), has_emails, _record_facts(rows, gathers=gathers))


def _record_facts(rows: list[tuple[Any, ...]], *, gathers: bool) -> RecordFacts:
    viewer, organisation = viewer_in(rows[0][_TOKEN:_GROUNDS])
    grounds = GROUNDS[rows[0][_GROUNDS]]
    return RecordFacts(
        viewer=viewer,
        organisation=organisation,
        grounds=grounds,
        holdings=[
            _holding(row, GROUNDS[row[_SOURCE + 1]] if gathers else grounds, through=gathers and bool(row[_SOURCE]))
            for row in rows
            if row[_HOLDER] is not None
        ],
    )


def _holding(row: tuple[Any, ...], grounds: tuple[Ground, ...], *, through: bool) -> Holding:
    kind, associated_by, shareable, name, protocol, record_id = row[_MAIL:_HOLDER]
    owner = owner_in(row[_HOLDER:_SOURCE])
    return Holding(kind, associated_by, shareable, through, grounds, owner, name, protocol, record_id)


@cache
def _compiled(dialect: str) -> dict[bool, CompiledStatement]:
    return {gathers: compile_statement(dialect, _statement(gathers=gathers)) for gathers in (False, True)}


def _statement(*, gathers: bool) -> Select[Any]:
    """Build the statement for the holder of a token: a Lead or Contact, or a record that gathers its Contacts' mail."""
    asked = record_source("asked")
    header = (tokens.c.scopes, tokens.c.expires_at, tokens.c.revoked_at, asked.module.c.has_emails)
    return _facts_statement(_asked(asked, _caller(asked.module), header), gathers=gathers)


@cache
def _viewers_statement(*, gathers: bool, named: frozenset[str]) -> Select[Any]:
    """Build the same for every active user, or for one of any status where the viewer is named."""
    asked = record_source("asked")
    who = VIEWER.c.status == UserStatus.ACTIVE
    if "viewer_id" in named:
        who = VIEWER.c.id == _parameter("viewer_id", BigInteger)
    viewers = _with_module(organisation.join(VIEWER, who), asked.module)
    nothing = [number(0).label(f"unused_{place}") for place in range(_TOKEN)]
    owner_id = _parameter("owner_id", BigInteger) if "owner_id" in named else None
    return _facts_statement(_asked(asked, viewers, nothing), gathers=gathers, owner_id=owner_id)


def _facts_statement(asked: CTE, *, gathers: bool, owner_id: BindParameter[int] | None = None) -> Select[Any]:
    """Add who holds mail. Each record is a step, so that its grounds are found once and not for each holder of mail."""
    if not gathers:
        return _with_mail(asked, asked.c.record_id, asked.c.grounds, owner_id)
    source = _once(_sources(asked), "source")
    mail = _with_mail(source, source.c.source_id, source.c.source_grounds, owner_id)
    return mail.add_columns(source.c.is_contact, source.c.source_grounds)


def _once(step: Select[Any] | CompoundSelect[Any], name: str) -> CTE:
    return step.cte(name).prefix_with("MATERIALIZED")


def _asked(asked: RecordSource, callers: FromClause, header: Sequence[ColumnElement[Any]]) -> CTE:
    """Find the caller, and the record asked for with the grounds on which the caller sees it."""
    columns = (
        *header,
        *viewer_columns(),
        asked.grounds(VIEWER_ITSELF).label("grounds"),
        asked.record.c.id.label("record_id"),
        *VIEWER_ITSELF.labelled(),
    )
    return _once(select(*columns).select_from(asked.join(callers, _is_asked_for(asked))), "asked")


def _sources(asked: CTE) -> CompoundSelect[Any]:
    """Find the records whose mail is read, each with its own grounds: R itself, and its Contacts if R is seen."""
    itself = select(*asked.c, *_source(number(0), asked.c.record_id, asked.c.grounds))
    linked, contact = _contacts_of(_parameter("record_id", BigInteger)).subquery("linked"), record_source("contact")
    tables = contact.join(asked.join(linked, asked.c.grounds > number(0)), contact.record.c.id == linked.c.record_id)
    tables = tables.outerjoin(contact.module, contact.module.c.id == contact.record.c.module_id)
    its_columns = _source(number(1), contact.record.c.id, contact.grounds(viewer_of(asked)))
    return itself.union_all(select(*asked.c, *its_columns).select_from(tables))


def _source(
    is_contact: ColumnElement[int], record_id: ColumnElement[int], grounds: ColumnElement[int]
) -> tuple[ColumnElement[int], ...]:
    return is_contact.label("is_contact"), record_id.label("source_id"), grounds.label("source_grounds")


@cache
def _pair_statement() -> Select[Any]:
    asked = record_source("asked")
    viewer_id, owner_id, record_id = (_parameter(name, BigInteger) for name in ("viewer_id", "owner_id", "record_id"))
    share = and_(email_shares.c.record_id == record_id, email_shares.c.user_id == owner_id)
    tables: FromClause = (
        organisation.join(VIEWER, VIEWER.c.id == viewer_id)
        .outerjoin(VIEWER_ROLE, VIEWER_ROLE.c.id == VIEWER.c.role_id)
        .join(HOLDER, HOLDER.c.id == owner_id)
        .outerjoin(HOLDER_ROLE, HOLDER_ROLE.c.id == HOLDER.c.role_id)
        .outerjoin(email_shares, share)
    )
    tables = asked.join(tables, asked.record.c.id == record_id)
    tables = tables.outerjoin(asked.module, asked.module.c.id == asked.record.c.module_id)
    columns = (*viewer_columns(), organisation.c.time_zone, asked.grounds(VIEWER_ITSELF))
    return select(*columns, *owner_columns(VIEWER_ITSELF)).select_from(tables)


def _caller(asked_module: FromClause) -> FromClause:
    callers = organisation.join(tokens, tokens.c.token_hash == _parameter("token_hash", LargeBinary))
    return _with_module(callers.join(VIEWER, VIEWER.c.id == tokens.c.user_id), asked_module)


def _with_module(viewers: FromClause, asked_module: FromClause) -> FromClause:
    return viewers.outerjoin(VIEWER_ROLE, VIEWER_ROLE.c.id == VIEWER.c.role_id).outerjoin(
        asked_module, asked_module.c.module_key == _parameter("module_key", Text)
    )


def _is_asked_for(asked: RecordSource) -> ColumnElement[bool]:
    return and_(
        asked.record.c.id == _parameter("record_id", BigInteger),
        asked.record.c.module_id == asked.module.c.id,
    )


def _contacts_of(record_id: ColumnElement[int]) -> CompoundSelect[int]:
    """Give the Contacts that a record links to, or that link to it, each once."""
    links = record_links.c
    return union(
        _linked_contacts(links.linked_id, links.record_id == record_id),
        _linked_contacts(links.record_id, links.linked_id == record_id),
    )


def _linked_contacts(contact_id: ColumnElement[int], condition: ColumnElement[bool]) -> Select[int]:
    return (
        select(contact_id.label("record_id"))
        .select_from(record_links)
        .join(records, records.c.id == contact_id)
        .join(modules, modules.c.id == records.c.module_id)
        .where(condition, modules.c.module_key == constant(module_key(CONTACTS)))
    )


def _with_mail(
    step: CTE, record_id: ColumnElement[int], grounds: ColumnElement[int], owner_id: BindParameter[int] | None
) -> Select[Any]:
    """Join to a step who holds mail on its record, if the caller sees that record."""
    is_of_record = and_(record_mail.c.record_id == record_id, grounds > number(0))
    if owner_id is not None:
        is_of_record = and_(is_of_record, record_mail.c.user_id == owner_id)
    is_share = and_(
        email_shares.c.record_id == record_mail.c.record_id, email_shares.c.user_id == record_mail.c.user_id
    )
    tables = (
        step.outerjoin(record_mail, is_of_record)
        .outerjoin(HOLDER, HOLDER.c.id == record_mail.c.user_id)
        .outerjoin(HOLDER_ROLE, HOLDER_ROLE.c.id == HOLDER.c.role_id)
        .outerjoin(email_shares, is_share)
    )
    return select(*list(step.c)[:_MAIL], *_mail_columns(viewer_of(step))).select_from(tables)


def _mail_columns(viewer: ViewerColumns) -> list[ColumnElement[Any]]:
    return [
        record_mail.c.kind,
        record_mail.c.associated_by,
        record_mail.c.shareable,
        HOLDER.c.full_name,
        _mailbox_protocol(),
        record_mail.c.record_id,
        *owner_columns(viewer),
    ]


def _mailbox_protocol() -> ColumnElement[str | None]:
    """Give the protocol of the holder's mailbox, of the last one if it was disconnected."""
    theirs = select(mailboxes.c.protocol).where(mailboxes.c.user_id == HOLDER.c.id)
    last = theirs.order_by(mailboxes.c.id.desc()).limit(literal_column("1")).offset(literal_column("0"))
    return last.correlate(HOLDER).scalar_subquery()


def _parameter(name: str, kind: type[TypeEngine[Any]]) -> BindParameter[Any]:
    """Give what each request fills in; None stands in for it while the statement is compiled."""
    return bindparam(name, None, type_=kind)
