"""What the columns of a CSV file of records mean, by the names of Zoho's exports and of its API."""

from collections import Counter
from dataclasses import dataclass

from postroom.actions.errors import InvalidInput
from postroom.core.fields import ID_NAMES, folded, is_address, links_to, name_choices, owner_names


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
    columns, owners = {folded(name): name for name in header}, owner_names(key)
    _check_header(header)
    return Layout(
        header=header,
        id=_first(columns, ID_NAMES),
        owner=_first(columns, owners),
        names=_name_columns(columns, key),
        addresses=tuple(name for plain, name in columns.items() if plain not in owners and is_address(plain)),
        links={name: module for plain, name in columns.items() if (module := links_to(plain, key)) is not None},
    )


def is_text(value: str) -> bool:
    """Say whether a value was UTF-8 in the file: what was not came as surrogates."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _check_header(header: list[str]) -> None:
    if not any(name.strip() for name in header):
        raise InvalidInput("file: the first line is to name the fields, such as Last_Name,Email,Owner")
    if not all(map(is_text, header)):
        raise InvalidInput("file: the names of the fields in the first line are not UTF-8")
    repeated = [name for name, count in Counter(map(folded, header)).items() if count > 1 or not name]
    if repeated:
        raise InvalidInput(f"file: the header names {repeated[0]!r} more than once, or not at all")


def _first(columns: dict[str, str], candidates: tuple[str, ...]) -> str | None:
    return next((columns[name] for name in candidates if name in columns), None)


def _name_columns(columns: dict[str, str], key: str) -> tuple[str, ...]:
    for names in name_choices(key):
        present = tuple(columns[name] for name in names if name in columns)
        if present:
            return present
    return ()
