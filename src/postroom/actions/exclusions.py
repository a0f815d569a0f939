"""Excluded domains, whose mail is seen by its owner alone, and the organisation's own domains (section 4)."""

from collections.abc import Iterable
from dataclasses import dataclass

from postroom.actions.actor import Actor, require_administrator, require_self
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_role, get_user
from postroom.core.addresses import normalise_domain
from postroom.core.model import Scope
from postroom.storage import people
from postroom.storage.database import Database, lock_matching
from postroom.storage.withholding import (
    ORGANISATION,
    ExclusionScope,
    count_excluded_by_users,
    excluded,
    internal,
    set_excluded,
    set_internal,
)

_MOST = 1000  # domains in one list


@dataclass(frozen=True, slots=True)
class SetExcludedDomains:
    """Set the excluded domains of a role's preference, of a user, or without either of the organisation.

    They become `domains`, or stay where that is None; then `add` and `remove` apply. A user's own are the
    user's to set, the others an administrator's. A domain covers its subdomains.
    """

    domains: tuple[str, ...] | None = None
    role: str | None = None
    user: str | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def apply(self, transaction: Transaction) -> None:
        """Make the change; old mail follows within it. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        scope, subject = self._scope(transaction)
        lock_matching(connection, exclusive=True)
        before = excluded(connection, scope)
        after = _changed(before, self.domains, self.add, self.remove)
        set_excluded(connection, scope, after)
        owner_id, role_id = (scope.id if scope.scope == each else None for each in (Scope.USER, Scope.ROLE))
        transaction.write_down("excluded domains", subject, before, after, owner_id=owner_id, role_id=role_id)

    def _scope(self, transaction: Transaction) -> tuple[ExclusionScope, str]:
        if self.user is not None and self.role is not None:
            raise InvalidInput("user: name either a role or a user")
        if self.user is not None:
            user = get_user(transaction.connection, self.user)
            require_self(transaction.by, user.id, "the own excluded domains")
            return ExclusionScope(Scope.USER, user.id), f"user {user.email}"
        require_administrator(transaction.by, "excluded domains of others")
        if self.role is None:
            return ORGANISATION, "the organisation"
        role = get_role(transaction.connection, self.role)
        if role.email_permission is None and (self.domains or self.add):
            raise InvalidInput(f"role: {role.name!r} has no e-mail preference to exclude domains in; set one first")
        return ExclusionScope(Scope.ROLE, role.id), f"role {role.name}"


@dataclass(frozen=True, slots=True)
class SetInternalDomains:
    """Set the organisation's own domains, which never hide a customer's mail, as above. An administrator's."""

    domains: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def apply(self, transaction: Transaction) -> None:
        """Make the change; old mail follows within it. Raises NotAllowed, NotFound, InvalidInput."""
        require_administrator(transaction.by, "the organisation's own domains")
        connection = transaction.connection
        lock_matching(connection, exclusive=True)
        before = internal(connection)
        after = _changed(before, self.domains, self.add, self.remove)
        set_internal(connection, after)
        transaction.write_down("internal domains", "the organisation", before, after)


@dataclass(frozen=True, slots=True)
class Domains:
    """The organisation's own domains, and the excluded ones of the organisation and of each role that has any.

    Which domains a user excludes is the user's own affair: `users` says how many they are.
    """

    internal: list[str]
    organisation: list[str]
    roles: dict[str, list[str]]
    users: dict[str, int]


def list_domains(database: Database, *, by: Actor) -> Domains:
    """Give the domains that are set. For administrators. Raises NotAllowed."""
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read all excluded domains")
    with database.read() as connection:
        roles = {role.name: ExclusionScope(Scope.ROLE, role.id) for role in people.list_roles(connection)}
        by_role = {name: excluded(connection, scope) for name, scope in roles.items()}
        emails, counts = people.emails_by_id(connection), count_excluded_by_users(connection)
        return Domains(
            internal(connection),
            excluded(connection, ORGANISATION),
            {name: domains for name, domains in by_role.items() if domains},
            dict(sorted((emails[user_id], count) for user_id, count in counts.items())),
        )


def list_own_domains(database: Database, user_email: str, *, by: Actor) -> list[str]:
    """Give the domains that a user excludes. The user's own. Raises NotAllowed, NotFound, InvalidInput."""
    with database.read() as connection:
        user = get_user(connection, user_email)
        require_self(by, user.id, "or read the own excluded domains")
        return excluded(connection, ExclusionScope(Scope.USER, user.id))


def _changed(
    before: list[str], domains: tuple[str, ...] | None, add: tuple[str, ...], remove: tuple[str, ...]
) -> list[str]:
    there, removed = {*(before if domains is None else _valid(domains)), *_valid(add)}, set(_valid(remove))
    if missing := sorted(removed - there):
        raise NotFound(f"domains: not on this list: {', '.join(missing)}; 'postroom domain list' shows what is")
    if len(there - removed) > _MOST:
        raise InvalidInput(f"domains: more than {_MOST}")
    return sorted(there - removed)


def _valid(domains: Iterable[str]) -> list[str]:
    """Give domains as they compare, once each. Raises InvalidInput."""
    found: set[str] = set()
    for text in domains:
        domain = normalise_domain(text)
        if domain is None:
            raise InvalidInput(f"domains: {text!r} is not a domain such as example.com")
        found.add(domain)
    return sorted(found)
