"""OAuth scopes: what a token may be used for. A scope only narrows what its user may see."""

import re
from functools import lru_cache

from postroom.core.modules import scope_names

_SCOPE = re.compile(r"ZohoCRM(\.[A-Za-z0-9_]+){1,3}\.(ALL|CREATE|DELETE|READ|UPDATE|WRITE)", re.ASCII)
_ALL_MODULES = "zohocrm.modules.all"


def parse_scopes(text: str) -> tuple[str, ...]:
    """Give the scopes of a comma-separated list, in order and once each.

    Raises ValueError naming the first that has not the form `ZohoCRM.family.OPERATION`.
    """
    scopes = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for scope in scopes:
        if not _SCOPE.fullmatch(scope):
            message = f"scope {scope!r} is not of the form ZohoCRM.modules.READ or ZohoCRM.modules.leads.READ"
            raise ValueError(message)
    return scopes


@lru_cache(maxsize=4096)
def may_read_emails(scopes: str, key: str) -> bool:
    """Say whether a token's scopes admit reading e-mails of a module (API page, "Scope").

    Needed: ZohoCRM.modules.READ or ZohoCRM.modules.{module}.READ, and ZohoCRM.modules.emails.READ.
    ALL holds READ, and ZohoCRM.modules.ALL holds every scope of modules.
    """
    held = frozenset(scopes.lower().split(","))
    return _ALL_MODULES in held or (
        _holds_read(held, "modules", *(f"modules.{name}" for name in scope_names(key)))
        and _holds_read(held, "modules.emails")
    )


def _holds_read(held: frozenset[str], *families: str) -> bool:
    return any(f"zohocrm.{family}.{operation}" in held for family in families for operation in ("read", "all"))
