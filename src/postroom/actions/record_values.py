"""The values of a record's fields under their API names, and the records that it links to."""

import json
from collections.abc import Mapping

from postroom.actions.lookups import parse_id
from postroom.core.addresses import normalise_address
from postroom.core.fields import api_name_of
from postroom.core.model import Record


def values_of(record: Record, key: str) -> dict[str, object]:
    """Give every value that was given for a record, by the API name of its field; `key` is its module's."""
    given: dict[str, object] = json.loads(record.fields)
    return {api_name_of(name, key): value for name, value in given.items()}


def as_fields(values: Mapping[str, object]) -> str:
    """Give what is stored of them."""
    return json.dumps(values, ensure_ascii=False, sort_keys=True)


def is_named(record: Record, value: object) -> bool:
    """Say whether the value of a link names a record: by its id, its name or an address, as files do."""
    if isinstance(value, Mapping):
        return value.get("id") == str(record.id)
    if not isinstance(value, str):
        return False
    named = {part.strip() for part in value.split(";")} | {value}
    ids = {parse_id(part.removeprefix("zcrm_")) for part in named}
    return record.id in ids or record.name in named or not record.addresses.isdisjoint(map(normalise_address, named))
