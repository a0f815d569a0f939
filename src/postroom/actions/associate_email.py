"""Filing an e-mail by hand: on a record, and a Contact's e-mails on a Deal (API pages, "Associate Email", "Link Deal").

Nobody files another's mailbox: what is filed is a user's own, or was sent from the CRM where the access type lets it
be edited (the law, section 5).
"""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.errors import FieldRefused, NotAllowed
from postroom.actions.send_mail import one_line, parse_email, people, person, require_deal, require_record, text
from postroom.actions.store_mail import RawMessage, file_message
from postroom.actions.visible_emails import seen_copies
from postroom.core.matching import email_key
from postroom.core.model import Kind, Module, Person
from postroom.mail.compose import NewMessage, compose
from postroom.mail.parse import parse_message
from postroom.storage.associations import associate_by_hand, dissociate_by_hand
from postroom.storage.database import Database
from postroom.storage.email_copies import own_copies, own_copies_named
from postroom.storage.mail import Source, hold_mail_of
from postroom.storage.organisation import find_module
from postroom.storage.own_mail import records_of_copies
from postroom.storage.records import references_of
from postroom.storage.visible_records import grounds_on

_FOLDER, _NO_UIDVALIDITY, _NOBODY = "associated", 0, 0


@dataclass(frozen=True, slots=True)
class EmailToAssociate:
    """An e-mail as its user describes it, whose Message-ID is `original_id`. `date` is in epoch seconds."""

    original_id: str
    date: int
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    subject: str = ""
    content: str = ""
    is_html: bool = False
    linked_record_id: int | None = None  # a Deal


class Found(NamedTuple):
    """Where an e-mail of the user's own is filed."""

    record_id: int
    module: str


def associate_email(
    database: Database, module: Module, record_id: int, email: EmailToAssociate, *, user_id: int
) -> str:
    """Associate an e-mail with a record by hand; give its id. Raises RecordInvalid, FieldRefused.

    Where the user has it already it is that one, else it is filed as the user's, as if sent from the CRM.
    """
    original_id = _bare(one_line(email.original_id, "original_message_id"))
    with database.write() as connection:
        require_record(connection, user_id, module, record_id)
        if email.linked_record_id is not None:
            require_deal(connection, user_id, email.linked_record_id)
        on_records = [record_id, *filter(None, [email.linked_record_id])]
        hold_mail_of(connection, user_id)
        found = _own(connection, user_id, original_id)
        if found:
            for each in on_records:
                associate_by_hand(connection, each, found)
            return next(iter(found.values())).hex()
        raw = compose(_message(original_id, email))
        source = Source(user_id, Kind.CRM, None, _FOLDER, _NO_UIDVALIDITY)
        file_message(connection, source, RawMessage(hashlib.sha256(raw).hexdigest(), raw, original_id), on_records)
    return email_key(parse_message(raw), _NOBODY).hex()


def find_own_email(database: Database, original_id: str, *, user_id: int) -> Found | None:
    """Say on which record an e-mail of the user's own is filed that the user sees; None where there is none."""
    with database.read() as connection:
        copies = _own(connection, user_id, _bare(original_id))
        records = records_of_copies(connection, list(copies))
        seen = [each for each in records if each in grounds_on(connection, user_id, records)]
        references = references_of(connection, seen[:1])
        return next((Found(record_id, module) for record_id, (module, _) in references.items()), None)


def link_to_deal(database: Database, contact_id: int, deal_id: int, email: str, owner_id: int, *, user_id: int) -> None:
    """File an owner's e-mail with a Contact on a Deal, and on no other one any more.

    Raises RecordInvalid, FieldRefused, NotAllowed.
    """
    with database.write() as connection:
        copies = _filable(connection, user_id, contact_id, email, owner_id)
        require_deal(connection, user_id, deal_id)
        _unlink(connection, copies)
        associate_by_hand(connection, deal_id, copies)


def unlink_from_deals(database: Database, contact_id: int, email: str, owner_id: int, *, user_id: int) -> None:
    """Take such an e-mail from the Deal to which it was linked by hand. Raises as above."""
    with database.write() as connection:
        copies = _filable(connection, user_id, contact_id, email, owner_id)
        _unlink(connection, copies)


def _unlink(connection: Connection, copies: list[int]) -> None:
    references = references_of(connection, records_of_copies(connection, copies))
    for record_id in (each for each, (module, _) in references.items() if module == "Deals"):
        dissociate_by_hand(connection, record_id, copies)


def _filable(connection: Connection, user_id: int, contact_id: int, email: str, owner_id: int) -> list[int]:
    """Give the copies that the user may file, which stay there until the transaction ends."""
    contacts = find_module(connection, "Contacts")
    if contacts is not None:
        require_record(connection, user_id, contacts, contact_id)
    hold_mail_of(connection, owner_id)
    key = parse_email(email)
    seen = [] if key is None else seen_copies(connection, user_id, owner_id, key, [contact_id])
    if not seen:
        raise FieldRefused("invalid data", api_name="message_id")
    copies = [copy.id for copy in seen if copy.may_file]
    if not copies:
        raise NotAllowed("only whoever has the e-mail may link it")
    return copies


def _own(connection: Connection, user_id: int, original_id: str) -> dict[int, bytes]:
    """Give the user's own copies of the e-mail that an id names: a Message-ID, or an id of ours."""
    key = parse_email(original_id)
    if key is not None:
        return dict.fromkeys(own_copies(connection, user_id, key), key)
    return own_copies_named(connection, user_id, original_id)


def _bare(original_id: str) -> str:
    return original_id.removeprefix("<").removesuffix(">")


def _message(original_id: str, email: EmailToAssociate) -> NewMessage:
    if not original_id or not original_id.isascii() or set(original_id) & set(" <>"):
        raise FieldRefused("expected a Message-ID", api_name="original_message_id")
    return NewMessage(
        message_id=original_id,
        date=email.date,
        sender=person(email.sender, "from"),
        to=people(email.to, "to"),
        cc=people(email.cc, "cc"),
        bcc=people(email.bcc, "bcc"),
        subject=one_line(email.subject, "subject"),
        content=text(email.content, "content"),
        is_html=email.is_html,
    )
