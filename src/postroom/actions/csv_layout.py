"""What the columns of a CSV file of records mean, by the names of Zoho's exports and of its API."""

from collections import Counter
from dataclasses import dataclass

from postroom.actions.errors import InvalidInput
from postroom.core.modules import ACCOUNTS, CONTACTS, module_key

_ID_COLUMNS = ("id", "record_id")
_NAME_COLUMNS = {
    "accounts": (("account_name",),),
    "contacts": (("full_name",), ("first_name", "last_name")),
    "deals": (("deal_name",),),
    "leads": (("full_name",), ("first_name", "last_name")),
}
_OTHER_NAME_COLUMNS = (("subject",), ("name",))
_LINK_COLUMNS = {
    "account": ACCOUNTS,
    "account_name": ACCOUNTS,
    "account_name.id": ACCOUNTS,
    "contact": CONTACTS,
    "contact_name": CONTACTS,
    "contact_name.id": CONTACTS,
    "contacts": CONTACTS,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns by what they mean; each is named as the header names it."""

    header: list[str]
    id: str | None
    owner: str | None
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    links: dict[str, str]  # column: the module that it links to

    def name_of(self, given: dict[str, str]) -> str:
        """Give the record's name; without one it is named by its first address, or not at all."""
        named = " ".join(given[column] for column in self.names if column in given)
        return named or next((given[column] for column in self.addresses if column in given), "")


def read_layout(header: list[str], key: str) -> Layout:
    """Read a header for a module. Raises InvalidInput where it is none."""
    columns, owners = {_folded(name): name for name in header}, _owner_columns(key)
    _check_header(header)
    return Layout(
        header=header,
        id=_first(columns, _ID_COLUMNS),
        owner=_first(columns, owners),
        names=_name_columns(columns, key),
        addresses=tuple(name for folded, name in columns.items() if folded not in owners and _is_address(folded)),
        links={name: _LINK_COLUMNS[folded] for folded, name in columns.items() if _links(folded, key)},
    )


def is_text(value: str) -> bool:
    """Say whether a value was UTF-8 in the file: what was not came as surrogates."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _check_header(header: list[str]) -> None:
    if not any(name.strip() for name in header):
        raise InvalidInput("file: the first line is to name the fields, such as Last_Name,Email,Owner")
    if not all(map(is_text, header)):
        raise InvalidInput("file: the names of the fields in the first line are not UTF-8")
    repeated = [name for name, count in Counter(map(_folded, header)).items() if count > 1 or not name]
    if repeated:
        raise InvalidInput(f"file: the header names {repeated[0]!r} more than once, or not at all")


def _folded(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _first(columns: dict[str, str], candidates: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in candidates if name in columns), None)


def _name_columns(columns: dict[str, str], key: str) -> tuple[str, ...]:
    for names in _NAME_COLUMNS.get(key, _OTHER_NAME_COLUMNS):
        present = tuple(columns[name] for name in names if name in columns)
        if present:
            return present
    return ()


def _owner_columns(key: str) -> tuple[str, ...]:
    """Give the columns that can say whose a record is: `Owner`, or `Lead Owner` as Zoho exports it."""
    of_module = f"{key.removesuffix('s')}_owner"
    return ("owner", "owner_email", of_module, "owner.id", f"{of_module}.id")


def _is_address(folded: str) -> bool:
    return folded.rpartition("_")[2] in ("email", "mail")


def _links(folded: str, key: str) -> bool:
    """Say whether a column links; Account_Name of an Account is its own name."""
    return folded in _LINK_COLUMNS and key != module_key(_LINK_COLUMNS[folded])
