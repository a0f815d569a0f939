"""OAuth scopes: what a token may be used for. A scope only narrows what its user may see and do."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache

from postroom.core.modules import scope_names

_ZOHO_SCOPE = re.compile(r"ZohoCRM(\.[A-Za-z0-9_]+){1,3}\.(ALL|CREATE|DELETE|READ|UPDATE|WRITE)", re.ASCII)
_ALL_MODULES = "zohocrm.modules.all"


class Family(StrEnum):
    """What a scope of the own API is about: the team's settings, who sees whose mail, or what was changed."""

    AUDIT = "audit"
    SETTINGS = "settings"
    SHARING = "sharing"


class Operation(StrEnum):
    """What a scope of the own API allows to do."""

    READ = "READ"
    UPDATE = "UPDATE"


class CrmOperation(StrEnum):
    """What a scope of Zoho CRM allows to do."""

    CREATE = "CREATE"
    DELETE = "DELETE"
    READ = "READ"
    UPDATE = "UPDATE"


# What holds an operation: WRITE is CREATE and UPDATE in one.
_HELD_BY: Mapping[CrmOperation, tuple[str, ...]] = {
    CrmOperation.CREATE: ("create", "write", "all"),
    CrmOperation.DELETE: ("delete", "all"),
    CrmOperation.READ: ("read", "all"),
    CrmOperation.UPDATE: ("update", "write", "all"),
}

_OPERATIONS: Mapping[Family, tuple[Operation, ...]] = {
    Family.AUDIT: (Operation.READ,),
    Family.SETTINGS: (Operation.READ, Operation.UPDATE),
    Family.SHARING: (Operation.READ, Operation.UPDATE),
}
OWN_SCOPES = tuple(
    f"Postroom.{family}.{operation}" for family, known in _OPERATIONS.items() for operation in (*known, "ALL")
)


def parse_scopes(text: str) -> tuple[str, ...]:
    """Give the scopes of a comma-separated list, in order and once each.

    Raises ValueError naming the first that is neither of the form `ZohoCRM.family.OPERATION` nor one of `OWN_SCOPES`.
    """
    scopes = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for scope in scopes:
        if not _ZOHO_SCOPE.fullmatch(scope) and scope not in OWN_SCOPES:
            message = (
                f"scope {scope!r} is not of the form ZohoCRM.modules.READ or ZohoCRM.modules.leads.READ, "
                f"and not one of {', '.join(OWN_SCOPES)}"
            )
            raise ValueError(message)
    return scopes


def with_spaces(text: str) -> str:
    """Give a list of scopes with spaces between them, as RFC 6749 wants it (section 3.3); Zoho wants commas."""
    return " ".join(text.replace(",", " ").split())


@lru_cache(maxsize=4096)
def may_read_emails(scopes: str, key: str) -> bool:
    """Say whether a token's scopes admit reading e-mails of a module (API page, "Scope").

    Needed: ZohoCRM.modules.READ or ZohoCRM.modules.{module}.READ, and ZohoCRM.modules.emails.READ.
    ALL holds READ, and ZohoCRM.modules.ALL holds every scope of modules.
    """
    held = frozenset(scopes.lower().split(","))
    return _ALL_MODULES in held or (
        _holds(held, CrmOperation.READ, *module_families(key)) and _holds(held, CrmOperation.READ, "modules.emails")
    )


def may_use(scopes: str, family: Family, operation: Operation) -> bool:
    """Say whether a token's scopes admit an operation of the own API. ALL holds every operation of its family."""
    return not {f"Postroom.{family}.{operation}", f"Postroom.{family}.ALL"}.isdisjoint(scopes.split(","))


_VERBS = {
    "ALL": "read and change",
    "CREATE": "add",
    "DELETE": "delete",
    "READ": "read",
    "UPDATE": "change",
    "WRITE": "write",
}


def in_words(scope: str) -> str:
    """Say what a scope of the known form is for, to somebody who has to consent: "read modules.emails of the CRM"."""
    product, _, rest = scope.partition(".")
    family, _, operation = rest.rpartition(".")
    where = "Postroom itself" if product == "Postroom" else "the CRM"
    return f"{_VERBS[operation]} {family} of {where}"


def module_families(key: str) -> tuple[str, ...]:
    """Give the families of Zoho's scopes that open the records of a module: `modules` and `modules.leads`."""
    return ("modules", *(f"modules.{name}" for name in scope_names(key)))


def share_families(key: str) -> tuple[str, ...]:
    """Give the families that open the shares of a module's records: `share.leads` (API page, "Share Records")."""
    return tuple(f"share.{name}" for name in scope_names(key))


def send_families(key: str) -> tuple[str, ...]:
    """Give the families that open sending from a module's records: `send_mail.all` and `send_mail.leads`."""
    return ("send_mail.all", *(f"send_mail.{name}" for name in scope_names(key)))


def email_families(key: str) -> tuple[str, ...]:
    """Give the families that open the e-mails of a module's records: `modules.emails` and `modules.emails.leads`."""
    return ("modules.emails", *(f"modules.emails.{name}" for name in scope_names(key)))


def may_call(scopes: str, operation: CrmOperation, *families: str) -> bool:
    """Say whether a token's scopes admit an operation of Zoho CRM's API on one of these families, such as `users`.

    ALL of what a family belongs to holds it: ZohoCRM.settings.ALL holds ZohoCRM.settings.fields.READ.
    """
    held = frozenset(scopes.lower().split(","))
    wholes = {f"zohocrm.{family.partition('.')[0]}.all" for family in families}
    return _holds(held, operation, *families) or not held.isdisjoint(wholes)


def _holds(held: frozenset[str], operation: CrmOperation, *families: str) -> bool:
    return any(f"zohocrm.{family}.{word}" in held for family in families for word in _HELD_BY[operation])
