"""Sharing one's own mail on records that are named by their ids, as clients of Zoho CRM name them."""

from collections.abc import Sequence
from functools import partial

from postroom.actions.change_sharing import ShareEmails, UnshareEmails
from postroom.actions.changes import Transaction, each_for_itself
from postroom.actions.errors import (
    ActionError,
    AlreadyThere,
    CustomSharingOff,
    EmailsNotShared,
    EmailsShared,
    FieldTaken,
    InvalidInput,
    ModuleWithoutEmails,
    NoMailbox,
    NotAllowed,
    NotFound,
    NotShared,
    RecordUnknown,
    SharingNotAllowed,
)
from postroom.actions.lookups import shares_by_record
from postroom.actions.tokens import Caller
from postroom.core.model import Module
from postroom.storage.database import Database


def share_emails(
    database: Database, module: Module, record_ids: Sequence[int], *, caller: Caller, now: int
) -> list[int | ActionError]:
    """Share the caller's own mail on records of a module; give each one's id, or what was refused of it.

    Raises ModuleWithoutEmails; SharingNotAllowed where the caller cannot share record by record at all.
    """
    return _each(database, ShareEmails, module, record_ids, caller, now)


def unshare_emails(
    database: Database, module: Module, record_ids: Sequence[int], *, caller: Caller, now: int
) -> list[int | ActionError]:
    """Take such shares back, also on records that the caller does not see any more. Raises ModuleWithoutEmails."""
    return _each(database, UnshareEmails, module, record_ids, caller, now)


def _each(
    database: Database,
    kind: type[ShareEmails | UnshareEmails],
    module: Module,
    record_ids: Sequence[int],
    caller: Caller,
    now: int,
) -> list[int | ActionError]:
    if not shares_by_record(module):
        raise ModuleWithoutEmails
    changes = [kind(caller.email, f"{module.api_name}/{record_id}") for record_id in record_ids]
    works = [
        partial(_make, change=change, record_id=record_id, is_repeated=record_id in record_ids[:place])
        for place, (change, record_id) in enumerate(zip(changes, record_ids, strict=True))
    ]
    with database.write() as connection:
        results = each_for_itself(Transaction(connection, caller.actor, now), works)
        for result in results:
            if isinstance(result, SharingNotAllowed):
                raise result
    return results


def _make(transaction: Transaction, change: ShareEmails | UnshareEmails, record_id: int, *, is_repeated: bool) -> int:
    """Make a change and give its record's id; refuse it in the words of the API page."""
    if is_repeated:
        raise FieldTaken("Duplicate Data", id=str(record_id))
    try:
        change.apply(transaction)
    except NoMailbox as error:
        raise SharingNotAllowed("Email Configuration does not exist") from error
    except CustomSharingOff as error:
        raise SharingNotAllowed("User did not enable custom sharing") from error
    except AlreadyThere as error:
        raise EmailsShared("Emails are already shared to the colleagues already", id=str(record_id)) from error
    except NotShared as error:
        message = "Emails are not  shared to the colleagues already"  # with two spaces, as SDKs know it
        raise EmailsNotShared(message, id=str(record_id)) from error
    except (NotFound, NotAllowed, InvalidInput) as error:  # it is in the recycle bin, or the id cannot be one
        raise RecordUnknown(record_id) from error
    return record_id
