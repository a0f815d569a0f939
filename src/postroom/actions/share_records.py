"""Sharing a record with users and roles who are named by their ids, as clients of Zoho CRM name them."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import ShareRecord, UnshareRecord, require_sharer
from postroom.actions.changes import Transaction, each_for_itself
from postroom.actions.errors import ActionError, FieldRefused, FieldTaken, RecordInvalid
from postroom.core.model import Grantee, Module, Record
from postroom.storage import people, records
from postroom.storage.database import Database
from postroom.storage.visible_records import grounds_on

_NOBODY = 0


class Share(NamedTuple):
    """A user or a role whom a record is shared with."""

    is_role: bool
    id: int
    name: str
    and_subordinates: bool


def list_shares(database: Database, module: Module, record_id: int, *, by: Actor) -> list[Share]:
    """Give whom a record is shared with. The record owner's or an administrator's. Raises RecordInvalid, NotAllowed."""
    with database.read() as connection:
        record = _record(connection, by, module, record_id)
        require_sharer(by, record)
        users, roles = people.users_by_id(connection), people.role_names(connection)
        return [
            Share(is_role=True, id=share.role_id, name=roles[share.role_id], and_subordinates=share.and_subordinates)
            if share.role_id is not None
            else Share(False, share.user_id or _NOBODY, users[share.user_id or _NOBODY].full_name, False)
            for share in records.shares_of(connection, record_id)
        ]


def share_record(
    database: Database, module: Module, record_id: int, grantees: Sequence[Grantee], *, by: Actor, now: int
) -> list[ActionError | None]:
    """Share a record with each of some users and roles; say what was refused of each.

    Raises RecordInvalid, NotAllowed.
    """
    with database.write() as connection:
        record = _record(connection, by, module, record_id)
        require_sharer(by, record)
        reference = f"{module.api_name}/{record_id}"
        works = [partial(_share, reference=reference, record=record, grantee=grantee) for grantee in grantees]
        return each_for_itself(Transaction(connection, by, now), works)


def revoke_shares(database: Database, module: Module, record_id: int, *, by: Actor, now: int) -> None:
    """Take back every share of a record. Raises RecordInvalid, NotAllowed, FieldRefused where there is none."""
    with database.write() as connection:
        record = _record(connection, by, module, record_id)
        require_sharer(by, record)
        shares = records.shares_of(connection, record_id)
        if not shares:
            raise FieldRefused("the record is not shared", id=str(record_id))
        for share in shares:
            user, role = _names(connection, share)
            UnshareRecord(f"{module.api_name}/{record_id}", user, role).apply(Transaction(connection, by, now))


def _share(transaction: Transaction, reference: str, record: Record, grantee: Grantee) -> None:
    connection = transaction.connection
    user, role = _names(connection, grantee)
    if user is None and role is None:
        raise FieldRefused("the id given seems to be invalid", api_name="shared_with")
    if records.find_share(connection, record.id, user_id=grantee.user_id, role_id=grantee.role_id) is not None:
        raise FieldTaken("the record is shared already", api_name="shared_with")
    ShareRecord(reference, user, role).apply(transaction)


def _names(connection: Connection, grantee: Grantee) -> tuple[str | None, str | None]:
    """Give the address of a user or the name of a role, neither where it is not there."""
    if grantee.role_id is not None:
        return None, people.role_names(connection).get(grantee.role_id)
    return people.emails_by_id(connection).get(grantee.user_id or _NOBODY), None


def _record(connection: Connection, by: Actor, module: Module, record_id: int) -> Record:
    seen = grounds_on(connection, by.user_id or _NOBODY, [record_id])
    record = records.records_by_id(connection, [record_id]).get(record_id)
    if record is None or not seen or record.module_id != module.id:
        raise RecordInvalid
    return record
