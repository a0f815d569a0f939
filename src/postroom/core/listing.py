"""Which records of a module a list shall hold, in which order, and where a page of it starts."""

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Where a record stands in a list: by what the list is sorted, then by id."""

    value: int
    id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records of a module are wanted, in which order; `after` is the place before the first one."""

    module_id: int
    ids: frozenset[int] | None = None
    address: str | None = None
    modified_after: int | None = None
    sorted_by: str = "id"
    descending: bool = True
    after: Place | None = None
    skipped: int = 0
