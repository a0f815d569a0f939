"""Keeping each copy's `withheld` mark, and the counts of what is shareable, as the rules of core.withholding say.

Whoever changes a setting that bears on single messages holds the matching lock exclusively, and refreshes the copies
that it could touch in the same transaction: no answer ever reads a mark older than its settings.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, product
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, update

from postroom.core.addresses import domain_key, domain_of_key
from postroom.core.model import Scope
from postroom.core.withholding import CopyToWithhold, Exclusion, withholding
from postroom.storage.associations import names_outsider, reassociate, recount_shareable
from postroom.storage.database import in_portions
from postroom.storage.ids import take_id
from postroom.storage.schema import (
    copies,
    copy_participants,
    excluded_domains,
    internal_domains,
    threads,
    users,
    withheld_emails,
)

_DOMAINS = 400  # in one condition: SQLite takes 1000 alternatives


class ExclusionScope(NamedTuple):
    """Whose exclusions: the organisation's, or those of one role or user."""

    scope: Scope
    id: int | None = None

    def condition(self) -> ColumnElement[bool]:
        """Give what selects the rows of these exclusions."""
        columns = {Scope.ROLE: excluded_domains.c.role_id, Scope.USER: excluded_domains.c.user_id}
        return and_(
            *(column == self.id if scope == self.scope else column.is_(None) for scope, column in columns.items())
        )

    def copies(self) -> ColumnElement[bool]:
        """Give what selects the copies that these exclusions bind."""
        if self.scope == Scope.USER:
            return copies.c.user_id == self.id
        if self.scope == Scope.ROLE:
            return copies.c.user_id.in_(select(users.c.id).where(users.c.role_id == self.id))
        return copies.c.id.is_not(None)


ORGANISATION = ExclusionScope(Scope.ORGANISATION)


def excluded(connection: Connection, scope: ExclusionScope) -> list[str]:
    """Give the excluded domains of a scope."""
    found = select(excluded_domains.c.domain).where(scope.condition())
    return sorted(connection.execute(found).scalars())


def count_excluded_by_users(connection: Connection) -> dict[int, int]:
    """Give how many domains each user excludes who excludes any."""
    user_id = excluded_domains.c.user_id
    counted = select(user_id, func.count()).where(user_id.is_not(None)).group_by(user_id)
    return {row[0]: row[1] for row in connection.execute(counted)}


def set_excluded(connection: Connection, scope: ExclusionScope, domains: Sequence[str]) -> None:
    """Put other excluded domains in place of those of a scope; old mail follows."""
    before, after = set(excluded(connection, scope)), set(domains)
    connection.execute(delete(excluded_domains).where(scope.condition(), excluded_domains.c.domain.in_(before - after)))
    for domain in sorted(after - before):
        role_id, user_id = (scope.id if scope.scope == each else None for each in (Scope.ROLE, Scope.USER))
        row = {"id": take_id(connection), "role_id": role_id, "user_id": user_id, "domain": domain}
        connection.execute(insert(excluded_domains).values(row))
    for some in _portions(before ^ after):
        refresh(connection, and_(scope.copies(), _names_domain(some)))


def internal(connection: Connection) -> list[str]:
    """Give the organisation's own domains."""
    return sorted(connection.execute(select(internal_domains.c.domain)).scalars())


def set_internal(connection: Connection, domains: Sequence[str]) -> None:
    """Put other domains in place of the organisation's own; old mail follows."""
    before, after = set(internal(connection)), set(domains)
    for domain in sorted(after - before):
        connection.execute(insert(internal_domains).values(domain=domain))
    turned = _internal_mail_of(connection, before ^ after)  # as both before and after would have it
    connection.execute(delete(internal_domains).where(internal_domains.c.domain.in_(before - after)))
    reassociate(connection, turned)
    everywhere = set(connection.execute(select(excluded_domains.c.domain)).scalars())
    for some, others in product(_portions(before ^ after), _portions(everywhere)):
        refresh(connection, and_(_names_domain(some), _names_domain(others)))


def _internal_mail_of(connection: Connection, domains: set[str]) -> list[int]:
    """Give the copies that name one of these domains and no outsider."""
    found: set[int] = set()
    for some in _portions(domains):
        statement = select(copies.c.id).where(_names_domain(some), ~names_outsider(connection))
        found.update(connection.execute(statement).scalars())
    return sorted(found)


def refresh_user(connection: Connection, user_id: int) -> None:
    """Let a user's mail follow a change of the user's role."""
    of_roles = select(excluded_domains.c.domain).where(excluded_domains.c.role_id.is_not(None))
    for some in _portions(set(connection.execute(of_roles).scalars())):
        refresh(connection, and_(copies.c.user_id == user_id, _names_domain(some)))


def withhold_email(connection: Connection, user_id: int, email_key: bytes, withheld_at: int | None) -> None:
    """Withhold one e-mail of a user's by hand (epoch seconds), or release it (None)."""
    named = and_(withheld_emails.c.user_id == user_id, withheld_emails.c.email_key == email_key)
    connection.execute(delete(withheld_emails).where(named))
    if withheld_at is not None:
        row = {"user_id": user_id, "email_key": email_key, "withheld_at": withheld_at}
        connection.execute(insert(withheld_emails).values(row))
    refresh(connection, and_(copies.c.user_id == user_id, copies.c.email_key == email_key))


def withhold_thread(connection: Connection, thread_id: int, withheld_at: int | None) -> None:
    """Withhold a thread by hand (epoch seconds), with what will come to it, or release it (None)."""
    connection.execute(update(threads).where(threads.c.id == thread_id).values(withheld_at=withheld_at))
    refresh(connection, copies.c.thread_id == thread_id)


def refresh_new(connection: Connection, copy_ids: Sequence[int], thread_ids: Sequence[int]) -> None:
    """Mark copies that just came in, and those whose thread they joined to one that is withheld."""
    joined = and_(copies.c.thread_id.in_(set(thread_ids)), threads.c.withheld_at.is_not(None), ~copies.c.withheld)
    refresh(connection, or_(copies.c.id.in_(copy_ids), joined))


def refresh(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Bring the marks and counts of the copies that a condition selects up to date."""
    exclusions, own_domains = _exclusions_by_owner(connection), internal(connection)
    decided: dict[object, bool] = {}
    changed: dict[bool, list[int]] = {True: [], False: []}
    for copy_id, is_withheld, owner_id, copy in _copies(connection, condition):
        case = (owner_id, copy)
        if case not in decided:
            decided[case] = bool(withholding(copy, exclusions[owner_id], own_domains))
        if decided[case] != is_withheld:
            changed[decided[case]].append(copy_id)
    for withheld, copy_ids in changed.items():
        _mark(connection, copy_ids, withheld=withheld)


def copy_to_withhold(connection: Connection, copy_id: int) -> tuple[CopyToWithhold, list[Exclusion], list[str]]:
    """Give what core.withholding must know of one copy, for an explanation."""
    _, _, owner_id, copy = next(_copies(connection, copies.c.id == copy_id))
    return copy, _exclusions_by_owner(connection)[owner_id], internal(connection)


def _mark(connection: Connection, copy_ids: list[int], *, withheld: bool) -> None:
    for some in in_portions(copy_ids):
        connection.execute(update(copies).where(copies.c.id.in_(some)).values(withheld=withheld))
        recount_shareable(connection, some, -1 if withheld else 1)


def _copies(connection: Connection, condition: ColumnElement[bool]) -> Iterator[tuple[int, bool, int, CopyToWithhold]]:
    """Give id, mark and owner of each copy, and what the rules must know of it."""
    rows = connection.execute(_statement(condition)).all()
    named: dict[frozenset[str], frozenset[str]] = {}  # the same few participants write again and again
    for copy_id, participants in groupby(rows, key=lambda row: row[0]):
        some = list(participants)
        _, withheld, owner_id, kind, email_withheld, thread_withheld, _ = some[0]
        keys = frozenset(filter(None, (row[6] for row in some)))
        domains = named.get(keys)
        if domains is None:
            domains = named[keys] = frozenset(map(domain_of_key, keys))
        copy = CopyToWithhold(kind, domains, email_withheld is not None, thread_withheld is not None)
        yield copy_id, bool(withheld), owner_id, copy


def _statement(condition: ColumnElement[bool]) -> Select[int, bool, int, str, int | None, int | None, str]:
    of_copy = and_(withheld_emails.c.user_id == copies.c.user_id, withheld_emails.c.email_key == copies.c.email_key)
    columns = (
        copies.c.id,
        copies.c.withheld,
        copies.c.user_id,
        copies.c.kind,
        withheld_emails.c.withheld_at,
        threads.c.withheld_at,
        copy_participants.c.domain_key,
    )
    tables = (
        copies.join(threads, threads.c.id == copies.c.thread_id)
        .outerjoin(withheld_emails, of_copy)
        .outerjoin(copy_participants, copy_participants.c.copy_id == copies.c.id)
    )
    return select(*columns).select_from(tables).where(condition).order_by(copies.c.id)


def _exclusions_by_owner(connection: Connection) -> defaultdict[int, list[Exclusion]]:
    """Give the exclusions that bind each owner, the organisation's first; owners without a row have only those."""
    rows = connection.execute(select(excluded_domains).order_by(excluded_domains.c.domain)).mappings().all()
    of_all = [Exclusion(Scope.ORGANISATION, row["domain"]) for row in rows if not (row["role_id"] or row["user_id"])]
    by_role, by_user = defaultdict(list), defaultdict(list)
    for row in rows:
        if row["role_id"] is not None:
            by_role[row["role_id"]].append(Exclusion(Scope.ROLE, row["domain"]))
        elif row["user_id"] is not None:
            by_user[row["user_id"]].append(Exclusion(Scope.USER, row["domain"]))
    bound: defaultdict[int, list[Exclusion]] = defaultdict(lambda: of_all)
    for user_id, role_id in connection.execute(select(users.c.id, users.c.role_id)):
        bound[user_id] = [*of_all, *by_role[role_id], *by_user[user_id]]
    return bound


def _portions(domains: set[str]) -> Iterator[Sequence[str]]:
    """Give domains in portions that one condition takes."""
    listed = sorted(domains)
    return (listed[start : start + _DOMAINS] for start in range(0, len(listed), _DOMAINS))


def _names_domain(domains: Sequence[str]) -> ColumnElement[bool]:
    """Select the copies of which a participant is at one of the domains, or below it."""
    key = copy_participants.c.domain_key
    below = (and_(key >= domain_key(domain), key < _end(domain_key(domain))) for domain in domains)
    return copies.c.id.in_(select(copy_participants.c.copy_id).where(or_(False, *below)))


def _end(key: str) -> str:
    """Give the first text after all that begin with a key, which ends with a dot."""
    return key[:-1] + chr(ord(".") + 1)
