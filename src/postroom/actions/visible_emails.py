"""The copies of one e-mail that a viewer may read, and those that the viewer may answer or file elsewhere."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.core.details import Holding, decide_holding
from postroom.core.model import AssociatedBy, Kind, Module
from postroom.core.modules import gathers_mail_of_contacts
from postroom.core.sharing import may_edit_crm_mail
from postroom.core.withholding import withholding
from postroom.storage.email_copies import own_copies
from postroom.storage.own_mail import copies_on
from postroom.storage.sharing_facts import linked_contacts, read_pair_facts
from postroom.storage.visible_records import grounds_on
from postroom.storage.withholding import copy_to_withhold


class SeenCopy(NamedTuple):
    """A copy of an owner's e-mail that a viewer sees, and what else the viewer may do with it."""

    id: int
    may_answer: bool
    may_file: bool  # on other records, too


def answerable_copy(
    connection: Connection, viewer_id: int, owner_id: int, email_key: bytes, module: Module, record_id: int
) -> int | None:
    """Give a copy of an owner's e-mail that the viewer may answer from a record, None where there is none.

    Own mail may be answered from anywhere, a colleague's where it can be seen.
    """
    if owner_id == viewer_id:
        return next(iter(own_copies(connection, viewer_id, email_key)), None)
    places = [record_id]
    if gathers_mail_of_contacts(module.module_key):
        places += linked_contacts(connection, record_id, with_mail_of=owner_id)
    seen = seen_copies(connection, viewer_id, owner_id, email_key, places)
    return next((copy.id for copy in seen if copy.may_answer), None)


def seen_copies(
    connection: Connection, viewer_id: int, owner_id: int, email_key: bytes, record_ids: Sequence[int]
) -> list[SeenCopy]:
    """Give the copies of an owner's e-mail that the viewer sees on some records, as the law decides.

    A colleague's mailbox is shared for reading and answering, and filed by its owner alone. What a colleague sent from
    the CRM is answered and filed where the organisation's access type lets it be edited (the law, section 5).
    """
    there = grounds_on(connection, viewer_id, record_ids)
    copies = copies_on(connection, owner_id, email_key, list(there))
    decided = [_seen(connection, viewer_id, owner_id, *copy) for copy in copies]
    return [copy for copy in decided if copy is not None]


def _seen(
    connection: Connection, viewer_id: int, owner_id: int, copy_id: int, record_id: int, kind: str
) -> SeenCopy | None:
    facts = read_pair_facts(connection, viewer_id, owner_id, record_id)
    withheld = withholding(*copy_to_withhold(connection, copy_id))
    shareable = 0 if withheld else 1
    copy = Holding(kind, AssociatedBy.HAND, shareable, False, facts.grounds, facts.owner, "", None, record_id)
    if not decide_holding(copy, facts.viewer, facts.organisation).allowed:
        return None
    if kind == Kind.CRM:
        may_edit = may_edit_crm_mail(facts.viewer, facts.owner, facts.organisation)
        return SeenCopy(copy_id, may_edit, may_edit)
    return SeenCopy(copy_id, may_answer=True, may_file=owner_id == viewer_id)
