"""The e-mails of a record, newest first, a page at a time: each once, from one of the copies that may be seen.

Which sources of mail a viewer sees is decided before. Of each of them an index gives the next few e-mails behind a
place, so that a page costs the same wherever it stands. Copies of one e-mail were sent at one time and have one key
(`postroom.core.matching`): they stand beside each other, whoever has them.
"""

import json
from collections.abc import Sequence
from functools import cache
from itertools import groupby, product
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.types import TypeEngine

from postroom.core.details import Holding
from postroom.core.emails import CopyOwner, Deal, EmailPlace, ListedEmail, RefusedRecipient
from postroom.core.model import AssociatedBy, Kind, Participant, ParticipantRole, RecipientState
from postroom.core.modules import DEALS, module_key
from postroom.storage.compiled import CompiledStatement, HotConnection, compile_statement
from postroom.storage.encoded_files import EncodedFile, put_back
from postroom.storage.fact_columns import constant
from postroom.storage.raw_messages import files_of, left_of
from postroom.storage.schema import (
    associations,
    copies,
    copy_participants,
    mailbox_aliases,
    mailboxes,
    modules,
    organisation,
    outbox,
    outbox_recipients,
    records,
    users,
)

_SEEN = "\\Seen"  # RFC 9051, section 2.3.2
_OF_EMAIL = 21  # columns before those of a participant


class EmailLists:
    """Reads pages of e-mails, with the statements that this needs compiled for one database."""

    def __init__(self, dialect: str, page_size: int) -> None:
        self.page_size = page_size
        self._statements = _compiled(dialect, page_size + 1)  # one more says whether there are more

    def page(
        self,
        snapshot: HotConnection,
        viewer_id: int,
        holdings: Sequence[Holding],
        place: EmailPlace,
        *,
        newer: bool,
        subject: str | None = None,
    ) -> list[ListedEmail]:
        """Give the first e-mails behind a place, or with `newer` those before it, in both cases newest first.

        They are one more than a page has, where there are as many. The viewer sees the holdings; `subject` is that of
        all e-mails that are wanted.
        """
        parameters = {"sent_at": place.sent_at, "email_key": place.email_key, "subject": subject}
        return _emails(snapshot, self._statements.pages[newer, subject is not None], viewer_id, holdings, parameters)

    def one(
        self, snapshot: HotConnection, viewer_id: int, holdings: Sequence[Holding], email_key: bytes
    ) -> ListedEmail | None:
        """Give an e-mail that the viewer sees in one of these holdings, None where there is none."""
        found = _emails(snapshot, self._statements.one, viewer_id, holdings, {"email_key": email_key})
        return next(iter(found), None)

    def refused(self, snapshot: HotConnection, copy_ids: Sequence[int]) -> dict[int, tuple[RefusedRecipient, ...]]:
        """Give who did not get which of these copies, of which each is of what the viewer sent."""
        rows = snapshot.run(self._statements.refused, {"copies": json.dumps(copy_ids)})
        by_copy = groupby(rows, key=lambda row: row[0])
        return {copy_id: tuple(RefusedRecipient(who, why or "") for _, who, why in some) for copy_id, some in by_copy}

    def raw(self, snapshot: HotConnection, copy_id: int) -> bytes:
        """Give the bytes of a copy that the viewer was found to see."""
        named = {"copy_id": copy_id}
        ((left,),) = snapshot.run(self._statements.left, named)
        return put_back(bytes(left), map(EncodedFile._make, snapshot.run(self._statements.files, named)))


class _Statements(NamedTuple):
    pages: dict[tuple[bool, bool], CompiledStatement]  # by whether they hold newer e-mails, and those of one subject
    one: CompiledStatement
    refused: CompiledStatement
    left: CompiledStatement
    files: CompiledStatement


@cache
def _compiled(dialect: str, size: int) -> _Statements:
    copy_id = _parameter("copy_id", BigInteger)
    pages = {
        (newer, by_subject): _page(dialect, size, newer=newer, by_subject=by_subject)
        for newer, by_subject in product((False, True), repeat=2)
    }
    others = (_one(dialect), _refused(dialect), left_of(copy_id), files_of(copy_id))
    return _Statements(
        {of: compile_statement(dialect, page) for of, page in pages.items()},
        *(compile_statement(dialect, each) for each in others),
    )


def _emails(
    snapshot: HotConnection,
    statement: CompiledStatement,
    viewer_id: int,
    holdings: Sequence[Holding],
    parameters: dict[str, Any],
) -> list[ListedEmail]:
    if not holdings:
        return []
    sources = [(h.record_id, h.owner.user_id, h.kind, h.associated_by) for h in holdings]
    rows = snapshot.run(statement, parameters | {"viewer_id": viewer_id, "sources": json.dumps(sources)})
    return [_email(list(some)) for _, some in groupby(rows, key=lambda row: row[:2])]


def _email(rows: list[tuple[Any, ...]]) -> ListedEmail:
    sent_at, email_key, copy_id, *of_copy = rows[0][:_OF_EMAIL]
    owner, (kind, sender, subject, of_mailbox, is_own), deal = of_copy[:3], of_copy[3:8], of_copy[14:17]
    summary, has_attachment, conversation, flags, is_automated, headers_only = of_copy[8:14]
    named = (row[_OF_EMAIL:] for row in rows if row[_OF_EMAIL] is not None)
    return ListedEmail(
        place=EmailPlace(sent_at, bytes(email_key)),
        copy_id=copy_id,
        owner=CopyOwner(*owner),
        kind=Kind(kind),
        sender=sender,
        subject=subject,
        is_sent=kind == Kind.CRM or bool(of_mailbox) or bool(is_own),
        summary=summary,
        has_attachment=None if has_attachment is None else bool(has_attachment),
        conversation=conversation,
        is_read=None if flags is None else _SEEN in flags.split(),
        is_automated=bool(is_automated),
        headers_only=bool(headers_only),
        deal=None if deal[0] is None else Deal(*deal),
        time_zone=of_copy[17],
        participants=tuple(Participant(ParticipantRole(role), where, who) for role, where, who in named),
    )


class _Source(NamedTuple):
    """A source of mail in a statement, and the columns that name it."""

    table: FromClause
    record_id: ColumnElement[int]
    user_id: ColumnElement[int]
    kind: ColumnElement[str]
    associated_by: ColumnElement[str]

    def holds(self, entry: FromClause) -> ColumnElement[bool]:
        return and_(*(entry.c[name] == getattr(self, name) for name in self._fields[1:]))


def _listed(dialect: str, parameter: BindParameter[Any], name: str) -> FromClause:
    """Give the elements of a list in JSON as rows of text: both databases take one of any length as one parameter."""
    if dialect == "sqlite":
        return func.json_each(parameter).table_valued(column("value", Text)).alias(name)
    elements = func.json_array_elements_text(cast(parameter, JSON))
    return elements.table_valued(column("value", Text)).render_derived(name=name)


def _sources(dialect: str) -> _Source:
    """Give the sources that a list in JSON names."""
    table = _listed(dialect, _parameter("sources", Text), "source")
    if dialect == "sqlite":
        parts = [func.json_extract(table.c.value, constant(f"$[{place}]")) for place in range(4)]
    else:
        source = cast(table.c.value, JSON)
        parts = [func.json_extract_path_text(source, constant(str(place))) for place in range(4)]
    kinds: tuple[type[TypeEngine[Any]], ...] = (BigInteger, BigInteger, Text, Text)
    return _Source(table, *(cast(part, kind) for part, kind in zip(parts, kinds, strict=True)))


def _page(dialect: str, size: int, *, newer: bool, by_subject: bool) -> Select[Any]:
    source, entry, copy = _sources(dialect), associations.alias("entry"), copies.alias("seen")
    place = tuple_(entry.c.sent_at, entry.c.email_key)
    given = tuple_(_parameter("sent_at", BigInteger), _parameter("email_key", LargeBinary))
    behind = (
        select(entry.c.sent_at, entry.c.email_key, func.min(entry.c.copy_id).label("copy_id"))
        .join(copy, copy.c.id == entry.c.copy_id)
        .where(source.holds(entry), place > given if newer else place < given, _may_be_seen(copy))
        .group_by(entry.c.sent_at, entry.c.email_key)
        .order_by(*_in_order(entry, newer=newer))
        .limit(_number(size))
        .offset(_number(0))
    )
    if by_subject:
        behind = behind.where(copy.c.subject == _parameter("subject", Text))
    found = _found_by_key(source, behind) if dialect == "sqlite" else _found(source, behind)
    chosen = _chosen(found).order_by(*_in_order(found, newer=newer)).limit(_number(size)).offset(_number(0))
    return _details(chosen)


def _one(dialect: str) -> Select[Any]:
    source, entry, copy = _sources(dialect), associations.alias("entry"), copies.alias("seen")
    of_email = copy.c.email_key == _parameter("email_key", LargeBinary)
    is_wanted = and_(copy.c.user_id == source.user_id, copy.c.kind == source.kind, of_email, _may_be_seen(copy))
    of_source = and_(entry.c.record_id == source.record_id, entry.c.associated_by == source.associated_by)
    # The copies first, of which there are few, then each one's entry by its key: other entries there are any number of.
    if dialect == "sqlite":
        tables = source.table.join(copy, is_wanted).join(entry, of_source & (entry.c.copy_id == copy.c.id))
        return _details(_chosen(_with_owner(source, entry, tables)))
    wanted = select(copy.c.id).where(is_wanted).offset(_number(0)).lateral("wanted")
    by_key = select(entry).where(of_source, entry.c.copy_id == wanted.c.id).offset(_number(0)).lateral("by_key")
    return _details(_chosen(_with_owner(source, by_key, source.table.join(wanted, true()).join(by_key, true()))))


def _with_owner(source: _Source, entry: FromClause, tables: FromClause) -> FromClause:
    columns = (entry.c.sent_at, entry.c.email_key, entry.c.copy_id, source.user_id.label("user_id"))
    return select(*columns).select_from(tables).subquery("found")


def _found(source: _Source, behind: Select[Any]) -> FromClause:
    """Give the next few e-mails of each source."""
    of_source = behind.lateral("of_source")
    return _with_owner(source, of_source, source.table.join(of_source, true()))


def _found_by_key(source: _Source, behind: Select[Any]) -> FromClause:
    """Give the same where there is no LATERAL: the keys of the rows first, and then the rows."""
    entry = associations.alias("listed")
    is_found = and_(
        entry.c.record_id == source.record_id,
        entry.c.associated_by == source.associated_by,
        entry.c.copy_id.in_(behind.with_only_columns(behind.selected_columns.copy_id).correlate(source.table)),
    )
    columns = (entry.c.sent_at, entry.c.email_key, entry.c.copy_id, entry.c.user_id)
    return select(*columns).select_from(source.table.join(entry, is_found)).subquery("found")


def _flags() -> ColumnElement[str | None]:
    """Give the flags of a copy as the server has them; what was imported has none."""
    is_synced = and_(mailboxes.c.host.is_not(None), copies.c.kind == constant(Kind.IMAP))
    of_mailbox = select(case((is_synced, copies.c.flags))).where(mailboxes.c.id == copies.c.mailbox_id)
    return of_mailbox.correlate(copies).scalar_subquery()


def _refused(dialect: str) -> Select[Any]:
    """Find the recipients who were refused, by what the outbox knows of a copy."""
    table = _listed(dialect, _parameter("copies", Text), "asked")
    is_sent = and_(outbox.c.user_id == copies.c.user_id, outbox.c.email_key == copies.c.email_key)
    to, is_refused = outbox_recipients, outbox_recipients.c.state == constant(RecipientState.REFUSED)
    tables = table.join(copies, copies.c.id == cast(table.c.value, BigInteger)).join(outbox, is_sent)
    found = select(copies.c.id, to.c.address, to.c.reason).select_from(tables.join(to, to.c.outbox_id == outbox.c.id))
    return found.where(is_refused).order_by(copies.c.id, to.c.address)


def _may_be_seen(copy: FromClause) -> ColumnElement[bool]:
    return or_(~copy.c.withheld, copy.c.user_id == _parameter("viewer_id", BigInteger))


def _in_order(table: FromClause, *, newer: bool) -> list[ColumnElement[Any]]:
    columns = (table.c.sent_at, table.c.email_key)
    return [each.asc() if newer else each.desc() for each in columns]


def _chosen(found: FromClause) -> Select[Any]:
    """Choose one copy of each e-mail: the viewer's own, or else the first that came."""
    own = func.min(case((found.c.user_id == _parameter("viewer_id", BigInteger), found.c.copy_id)))
    copy_id = func.coalesce(own, func.min(found.c.copy_id)).label("copy_id")
    return select(found.c.sent_at, found.c.email_key, copy_id).group_by(found.c.sent_at, found.c.email_key)


def _details(found: Select[Any]) -> Select[Any]:
    """Add what is shown of each copy that was chosen, with a row for each participant."""
    chosen = _with_deal(_once(found, "found_once"))
    deal = records.alias("deal")
    of_owner = select(mailboxes.c.address).where(mailboxes.c.user_id == users.c.id).correlate(users)
    further = (
        select(mailbox_aliases.c.address)
        .join(mailboxes, mailboxes.c.id == mailbox_aliases.c.mailbox_id)
        .where(mailboxes.c.user_id == users.c.id)
        .correlate(users)
    )
    named = copy_participants
    tables = (
        chosen.join(copies, copies.c.id == chosen.c.copy_id)
        .join(users, users.c.id == copies.c.user_id)
        .join(organisation, true())
        .outerjoin(deal, deal.c.id == chosen.c.deal_id)
        .outerjoin(named, named.c.copy_id == copies.c.id)
    )
    columns = (
        *(chosen.c.sent_at, chosen.c.email_key, chosen.c.copy_id),
        *(users.c.id, users.c.full_name, users.c.email),
        *(copies.c.kind, copies.c.sender, copies.c.subject),
        *(or_(copies.c.sender.in_(of_owner), copies.c.sender.in_(further)), copies.c.sender == users.c.email),
        *(copies.c.summary, copies.c.has_attachment, copies.c.conversation, _flags()),
        *(copies.c.is_automated, copies.c.headers_only),
        *(deal.c.id, deal.c.name, deal.c.module_id, organisation.c.time_zone),
        *(named.c.role, named.c.address, named.c.name),
    )
    order = (chosen.c.sent_at.desc(), chosen.c.email_key.desc(), named.c.role, named.c.address)
    return select(*columns).select_from(tables).order_by(*order)


def _with_deal(chosen: CTE) -> CTE:
    """Add the first Deal on which each copy was filed by hand, None where there is none."""
    filed = associations.alias("filed")
    tables = filed.join(records, records.c.id == filed.c.record_id).join(modules, modules.c.id == records.c.module_id)
    is_deal = (
        filed.c.copy_id == chosen.c.copy_id,
        filed.c.associated_by == constant(AssociatedBy.HAND),
        modules.c.module_key == constant(module_key(DEALS)),
        records.c.deleted_at.is_(None),
    )
    deal = select(func.min(records.c.id)).select_from(tables).where(*is_deal).correlate(chosen).scalar_subquery()
    return _once(select(*chosen.c, deal.label("deal_id")), "chosen")


def _once(step: Select[Any], name: str) -> CTE:
    return step.cte(name).prefix_with("MATERIALIZED")


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value))


def _parameter(name: str, kind: type[TypeEngine[Any]]) -> BindParameter[Any]:
    """Give what each request fills in; None stands in for it while the statement is compiled."""
    return bindparam(name, None, type_=kind)
