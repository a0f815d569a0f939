"""The modules of the CRM: which keep e-mails, and what scopes call them."""

import re

MODULES_WITH_EMAILS = (
    "Leads",
    "Accounts",
    "Contacts",
    "Deals",
    "Quotes",
    "Invoices",
    "Sales_Orders",
    "Purchase_Orders",
)
MODULES_WITHOUT_EMAILS = (
    "Attachments",
    "Calls",
    "Campaigns",
    "Cases",
    "Events",
    "Notes",
    "Price_Books",
    "Products",
    "Solutions",
    "Tasks",
    "Vendors",
)
CONTACTS = "Contacts"
DEALS = "Deals"
ACCOUNTS = "Accounts"

# A custom module of such a name would be confused with a word of the scopes.
RESERVED_NAMES = frozenset({"all", "create", "custom", "delete", "emails", "read", "update", "write"})


MODULE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,49}", re.ASCII)


def module_key(name: str) -> str:
    """Give the form in which module names compare: in any case. What cannot be a name gives "", which none has."""
    return name.lower() if MODULE_NAME.fullmatch(name) else ""


_KEYS_WITH_EMAILS = frozenset(map(module_key, MODULES_WITH_EMAILS))
_KEYS_WITHOUT_EMAILS = frozenset(map(module_key, MODULES_WITHOUT_EMAILS))
_KEYS_OF_PEOPLE = frozenset({"leads", "contacts"})


def gathers_mail_of_contacts(key: str) -> bool:
    """Say whether a record's mail includes its Contacts' mail: not for Leads and Contacts (section 6)."""
    return key not in _KEYS_OF_PEOPLE


def scope_names(key: str) -> tuple[str, ...]:
    """Give the names of a module in scopes, folded: `salesorders`; a custom module is also `custom`."""
    own = key.replace("_", "")
    if key in _KEYS_WITH_EMAILS or key in _KEYS_WITHOUT_EMAILS:
        return (own,)
    return () if own in RESERVED_NAMES else (own, "custom")
