"""How long a new address takes to find its old mail, and new mail its records, however many records there are."""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import delete, insert

from bench.databases import empty_beside
from bench.organisation import Size, special_domain
from postroom.actions.actor import Actor, command_line
from postroom.actions.initialising import initialise
from postroom.actions.lookups import get_module
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import NewUser, add_user
from postroom.actions.store_mail import MailReport, RawMessage, read_messages, store_batch
from postroom.actions.write_records import create_records
from postroom.core.model import Kind
from postroom.storage import people
from postroom.storage.database import Database
from postroom.storage.ids import take_ids
from postroom.storage.mail import Source
from postroom.storage.organisation import find_module
from postroom.storage.schema import associations, record_addresses, record_mail, records
from postroom.storage.secrets import SecretBox

_COPIES = 100_000
_ROUNDS, _BATCH = 9, 200
_ROWS = 20_000  # in one statement
_NO_KEY = Path("secret.key")  # a mailbox without a server has no password
_OWNER = "owner@bench.example"


class Matching(NamedTuple):
    """Seconds until a new record has its old copies, and microseconds to store a message, by the number of records."""

    copies: int
    seconds: float
    per_message: dict[int, float]

    @property
    def growth(self) -> float:
        """How much longer a message takes with the most records than with the fewest, as a share of that."""
        return self.per_message[max(self.per_message)] / self.per_message[min(self.per_message)] - 1


def measure_matching(url: str, size: Size, numbers: Sequence[int]) -> Matching:
    """Add a record to the large organisation, and mail to small ones with so many records; all of it is undone."""
    place = min(range(len(size.special)), key=lambda number: abs(size.special[number] - _COPIES))
    database = Database(url)
    try:
        seconds = _add_record(database, f"lead@{special_domain(place)}")
    finally:
        database.close()
    return Matching(size.special[place], seconds, {number: _store(url, number) for number in numbers})


def add_records(database: Database, owner_id: int, addresses: Sequence[str]) -> None:
    """Add a Lead for each address, in bulk, where there is no mail yet."""
    with database.write() as connection:
        leads = find_module(connection, "Leads")
        ids = take_ids(connection, len(addresses))
        for start in range(0, len(ids), _ROWS):
            some = list(zip(ids, addresses, strict=True))[start : start + _ROWS]
            row = {"module_id": leads and leads.id, "owner_id": owner_id, "name": "Lead", "fields": "{}"}
            connection.execute(insert(records), [row | {"id": each, "import_key": str(each)} for each, _ in some])
            named = [{"record_id": each, "address": address} for each, address in some]
            connection.execute(insert(record_addresses), named)


def _add_record(database: Database, address: str) -> float:
    """Create a Lead as over JSON, with all that is committed then, and take it out again; give the seconds it took."""
    with database.read() as connection:
        leads, owner = get_module(connection, "Leads"), next(iter(people.users_by_id(connection)))
    by, given = Actor(owner, is_administrator=True, channel="bench"), {"Last_Name": "New", "Email": address}
    started = time.perf_counter()
    (record_id,) = create_records(database, leads, [given], by=by, now=int(time.time())).results
    seconds = time.perf_counter() - started
    if not isinstance(record_id, int):
        raise SystemExit(f"no record was created: {record_id}")
    with database.write() as connection:
        for table in (associations, record_mail, record_addresses):
            connection.execute(delete(table).where(table.c.record_id == record_id))
        connection.execute(delete(records).where(records.c.id == record_id))
    return seconds


def _store(url: str, number: int) -> float:
    """Store messages that each name two of so many records; give the microseconds of one, the median of the rounds."""
    with empty_beside(url) as fresh:
        database = Database(fresh)
        initialise(database, "Bench")
        source = _mailbox(database)
        add_records(database, source.user_id, [f"lead{each}@customer.example" for each in range(number)])
        seconds = [_store_batch(database, source, number, turn) for turn in range(_ROUNDS)]
        database.close()
    return 1e6 * statistics.median(seconds) / _BATCH


def _mailbox(database: Database) -> Source:
    by, now = command_line("bench"), int(time.time())
    user = add_user(database, NewUser(_OWNER, "Owner"), by=by, now=now)
    mailbox = add_mailbox(database, SecretBox(_NO_KEY), _OWNER, NewMailbox("imap"), by=by, now=now)
    return Source(user.id, Kind.IMAP, mailbox.id, "INBOX", 1)


def _store_batch(database: Database, source: Source, number: int, turn: int) -> float:
    read = read_messages([_message(number, turn * _BATCH + each) for each in range(_BATCH)])
    report = MailReport()
    started = time.perf_counter()
    with database.write() as connection:
        store_batch(connection, source, read, report, now=int(time.time()))
    if report.stored != _BATCH:
        raise SystemExit(f"{report.stored} of {_BATCH} messages were stored")
    return time.perf_counter() - started


def _message(number: int, which: int) -> RawMessage:
    first, second = (f"lead{which * step % number}@customer.example" for step in (7919, 104_729))
    lines = (f"From: {first}", f"To: {second}, {_OWNER}", f"Message-ID: <{which}@bench.example>", "", "Hello.", "")
    return RawMessage(str(which), "\r\n".join(lines).encode(), str(which))
