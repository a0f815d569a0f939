"""Importing records from CSV: good rows are kept, bad rows are given back with the reason."""

import csv
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.csv_layout import Layout, is_text, read_layout
from postroom.actions.errors import ActionError, InvalidInput
from postroom.actions.lookups import get_module, get_user, parse_id, valid_address
from postroom.actions.write_records import write_owner_down
from postroom.core.addresses import normalise_address
from postroom.core.model import Module, Record, User
from postroom.storage import people, records
from postroom.storage.database import Database, lock_matching
from postroom.storage.ids import FIRST_ID, take_id
from postroom.storage.records import Stamp

_BATCH_ROWS = 500


class Row(NamedTuple):
    """A row of the file, with the line on which it begins; `damage` says why it could not be read."""

    line: int
    values: list[str]
    damage: str | None = None


class Rejected(NamedTuple):
    """A row that was not imported, and why."""

    row: Row
    reason: str


@dataclass(slots=True)
class RecordsReport:
    """What became of the rows of one file."""

    header: list[str]
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: list[Rejected] = field(default_factory=list)


def import_records(
    database: Database,
    path: Path,
    module_name: str,
    default_owner: str | None,
    on_progress: Callable[[int], None],
    *,
    by: Actor,
    now: int,
) -> RecordsReport:
    """Import a CSV file whose header names fields, at `now` (epoch seconds); importing it twice changes nothing.

    A row with an id is that record; a row without one is recognised by its content. `on_progress` hears
    the rows read since last time. Raises InvalidInput, NotFound where the file as a whole is not usable.
    """
    rows = _read_rows(path)
    _, header, damage = next(rows, Row(1, []))
    if damage is not None:
        raise InvalidInput(f"file: {damage}")
    with database.read() as connection:
        module = get_module(connection, module_name)
        owner = None if default_owner is None else get_user(connection, default_owner)
    layout = read_layout(header, module.module_key)
    if layout.owner is None and owner is None:
        raise InvalidInput("owner: the file has no Owner column; say whose the records are with --owner")
    file = _File(module, layout, owner, RecordsReport(header))
    while batch := list(islice(rows, _BATCH_ROWS)):
        with database.write() as connection:
            lock_matching(connection, exclusive=True)
            _RowsImport(Transaction(connection, by, now), file).run(batch)
        on_progress(len(batch))
    return file.report


@dataclass(slots=True)
class _File:
    """What holds for all rows of one file."""

    module: Module
    layout: Layout
    default_owner: User | None
    report: RecordsReport
    seen: dict[str, int] = field(default_factory=dict)  # the line on which each record stands


def _read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file in UTF-8 or UTF-16; a row that cannot be read says so and ends nothing."""
    try:
        with path.open("rb") as file:
            encoding = "utf-16" if file.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        with path.open(encoding=encoding, errors="surrogateescape", newline="") as text:
            yield from _parse_rows(text)
    except OSError as error:
        raise InvalidInput(f"file: {path} cannot be read: {error.strerror}") from error


def _parse_rows(text: TextIO) -> Iterator[Row]:
    reader = csv.reader(text, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, [], f"not CSV up to line {reader.line_num}: {error}")
            continue
        except UnicodeDecodeError as error:  # of UTF-16: in UTF-8, what cannot be decoded comes as it is
            yield Row(line, [], f"nothing from here on was read, it is not UTF-16: {error.reason}")
            return
        if values:
            yield Row(line, values)


def _owners(users: Iterable[User]) -> dict[str, list[User]]:
    """Give the users by everything that a file can name them by: e-mail address, id and full name."""
    found: dict[str, list[User]] = defaultdict(list)
    for user in users:
        for name in {user.email, str(user.id), user.full_name}:
            found[name].append(user)
    return found


class _RowsImport:
    """One batch of rows on its way into one transaction."""

    def __init__(self, transaction: Transaction, file: "_File") -> None:
        self._transaction, connection = transaction, transaction.connection
        self._connection, self._module, self._layout = connection, file.module, file.layout
        self._default_owner, self._seen, self._report = file.default_owner, file.seen, file.report
        self._owners = _owners(people.users_by_email(connection).values())

    def run(self, batch: list[Row]) -> None:
        """Save the rows that are good, and report the others."""
        rows = {
            record.import_key: (row, record) for row in batch if (record := self._record_or_reject(row)) is not None
        }
        stored = records.records_by_import_key(self._connection, self._module.id, rows)
        for key, old in stored.items():
            if old.deleted_at is not None:
                self._reject(rows.pop(key)[0], f"{old.id} is in the recycle bin; restore it first")
        new = [self._with_id(record) for key, (_, record) in rows.items() if key not in stored]
        known = [(record, stored[key]) for key, (_, record) in rows.items() if key in stored]
        changed = [as_stored for record, old in known if (as_stored := replace(record, id=old.id)) != old]
        records.save_records(self._connection, new, changed, Stamp(self._transaction.now, self._transaction.by.user_id))
        for record in changed:
            write_owner_down(self._transaction, self._module, stored[record.import_key], record)
        self._report.created += len(new)
        self._report.updated += len(changed)
        self._report.unchanged += len(known) - len(changed)
        self._report.rejected.sort(key=lambda rejected: rejected.row.line)

    def _record_or_reject(self, row: Row) -> Record | None:
        try:
            return self._record(row)
        except ActionError as error:
            self._reject(row, str(error))
            return None

    def _reject(self, row: Row, reason: str) -> None:
        self._report.rejected.append(Rejected(row, reason))

    def _record(self, row: Row) -> Record:
        given = self._fields(row)
        record_id, import_key = self._identity(given)
        if import_key in self._seen:
            raise InvalidInput(f"the same record as on line {self._seen[import_key]}")
        record = Record(
            id=record_id,
            module_id=self._module.id,
            owner_id=self._owner_id(given),
            name=self._layout.name_of(given),
            fields=json.dumps(given, ensure_ascii=False, sort_keys=True),
            import_key=import_key,
            deleted_at=None,
            addresses=frozenset(self._addresses(given)),
            linked_ids=frozenset(self._linked_ids(given)),
        )
        self._seen[import_key] = row.line
        return record

    def _fields(self, row: Row) -> dict[str, str]:
        """Give the fields that have a value, by the header's names."""
        if row.damage is not None:
            raise InvalidInput(row.damage)
        header = self._layout.header
        if len(row.values) != len(header):
            raise InvalidInput(f"{len(row.values)} values where the header has {len(header)} names")
        given = {name: value.strip() for name, value in zip(header, row.values, strict=True) if value.strip()}
        for name, value in given.items():
            if not is_text(value):
                raise InvalidInput(f"{name}: is not UTF-8")
            if "\x00" in value:
                raise InvalidInput(f"{name}: contains a NUL")
        if not given:
            raise InvalidInput("the row is empty")
        return given

    def _identity(self, given: dict[str, str]) -> tuple[int, str]:
        """Give the record's id (0: to be given) and what it is recognised by when it is imported again."""
        column = self._layout.id
        text = given.get(column, "") if column else ""
        if not text:
            content = json.dumps(given, ensure_ascii=False, sort_keys=True)
            return 0, f"row:{hashlib.sha256(content.encode()).hexdigest()}"
        record_id = parse_id(text.removeprefix("zcrm_"))
        if record_id is None:
            raise InvalidInput(f"{column}: {text!r} is not an id")
        stored = records.records_by_id(self._connection, [record_id]).get(record_id)
        if stored is None:
            return self._new_identity(column, record_id)
        if stored.module_id != self._module.id:
            raise InvalidInput(f"{column}: {text} is a record of another module")
        return record_id, stored.import_key

    @staticmethod
    def _new_identity(column: str | None, record_id: int) -> tuple[int, str]:
        """Keep the id that a record has in another CRM, unless it could be one that Postroom gives."""
        if record_id >= FIRST_ID:
            raise InvalidInput(
                f"{column}: {record_id} is not there yet, and ids from {FIRST_ID} on are given by Postroom"
            )
        return record_id, f"id:{record_id}"

    def _owner_id(self, given: dict[str, str]) -> int:
        text = given.get(self._layout.owner or "")
        if text is None:
            if self._default_owner is None:
                raise InvalidInput(f"{self._layout.owner}: is empty, and no --owner was given")
            return self._default_owner.id
        found = self._owners.get(normalise_address(text) or text.removeprefix("zcrm_"), [])
        if len(found) != 1:
            raise InvalidInput(f"{self._layout.owner}: {'there is no' if not found else 'more than one'} user {text!r}")
        return found[0].id

    def _addresses(self, given: dict[str, str]) -> Iterator[str]:
        for column in self._layout.addresses:
            if column in given:
                yield valid_address(given[column], column)

    def _linked_ids(self, given: dict[str, str]) -> Iterator[int]:
        for column, api_name in self._layout.links.items():
            for part in filter(None, map(str.strip, given.get(column, "").split(";"))):
                yield self._linked_id(column, api_name, part)

    def _linked_id(self, column: str, api_name: str, text: str) -> int:
        """Find a linked record by its id, or by an address or a name that only one has."""
        module = get_module(self._connection, api_name)
        linked_id, address = parse_id(text.removeprefix("zcrm_")), normalise_address(text)
        if linked_id is not None:
            found = [
                r.id for r in records.records_by_id(self._connection, [linked_id]).values() if r.module_id == module.id
            ]
        elif address is not None:
            found = records.ids_by_address(self._connection, module.id, address)
        else:
            found = records.ids_by_name(self._connection, module.id, text)
        if len(found) != 1:
            raise InvalidInput(f"{column}: {'no' if not found else 'more than one'} record in {api_name} is {text!r}")
        return found[0]

    def _with_id(self, record: Record) -> Record:
        return record if record.id else replace(record, id=take_id(self._connection))
