"""The records of the demo, and who sees which of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

CUSTOM_MODULE = "Installations"

# In this order: a record is there before another links to it.
MODULES = (
    "Leads",
    "Accounts",
    "Contacts",
    "Deals",
    "Quotes",
    "Invoices",
    "Sales_Orders",
    "Purchase_Orders",
    CUSTOM_MODULE,
)
PUBLIC_MODULES = ("Accounts", "Contacts", "Sales_Orders", "Purchase_Orders", CUSTOM_MODULE)


class RecordShare(NamedTuple):
    """A record that is shared with a colleague, or with a role and perhaps the roles below it."""

    reference: str
    user: str | None = None
    role: str | None = None
    and_subordinates: bool = False


class MailShare(NamedTuple):
    """A record on which a colleague whose permission is `custom` shares mail."""

    reference: str
    user: str


RECORD_SHARES = (
    RecordShare("Leads/3652397000001790004", user="clara.whitlock"),
    RecordShare("Leads/3652397000001790014", role="Sales North"),
    RecordShare("Leads/3652397000001790016", role="Head of Sales", and_subordinates=True),
    RecordShare("Leads/3652397000001790017", user="clara.whitlock"),
    RecordShare("Deals/3652397000001793001", user="clara.whitlock"),
    RecordShare("Deals/3652397000001793004", role="Sales North"),
    RecordShare("Quotes/3652397000001794003", role="Sales North"),
    RecordShare("Invoices/3652397000001795001", role="Head of Sales", and_subordinates=True),
    RecordShare("Invoices/3652397000001795003", user="clara.whitlock"),
    RecordShare("Invoices/3652397000001795004", user="clara.whitlock"),
    RecordShare("Invoices/3652397000001795006", user="boyle"),
)

MAIL_SHARES = (
    MailShare("Leads/3652397000001790004", "will.grandon"),
    MailShare("Leads/3652397000001790017", "will.grandon"),
    MailShare("Contacts/3652397000001792006", "will.grandon"),
    MailShare("Contacts/3652397000001792001", "ines.duarte"),
    MailShare("Contacts/3652397000001792015", "ines.duarte"),
    MailShare("Installations/3652397000001798001", "ines.duarte"),
    MailShare("Leads/3652397000001790015", "clara.whitlock"),
)

# What a visitor may ask about as the demo's caller: the API page's sample, then each module.
SHOWN = (
    "Leads/3652397000001790004",
    "Leads/3652397000001790013",
    "Leads/3652397000001790017",
    "Accounts/3652397000001791001",
    "Accounts/3652397000001791013",
    "Contacts/3652397000001792006",
    "Contacts/3652397000001792012",
    "Deals/3652397000001793001",
    "Deals/3652397000001793003",
    "Quotes/3652397000001794003",
    "Quotes/3652397000001794006",
    "Invoices/3652397000001795001",
    "Invoices/3652397000001795003",
    "Sales_Orders/3652397000001796001",
    "Sales_Orders/3652397000001796005",
    "Purchase_Orders/3652397000001797001",
    "Purchase_Orders/3652397000001797004",
    "Installations/3652397000001798001",
    "Installations/3652397000001798003",
)


@contextmanager
def table(module: str) -> Iterator[Path]:
    """Give the CSV file of a module's records, for as long as the block runs."""
    with as_file(files("postroom.demo") / "tables" / f"{module}.csv") as path:
        yield path
