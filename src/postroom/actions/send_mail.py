"""Sending a message from a record, in the form of Zoho CRM (API page, "Send Mail").

Whoever sees a record may send a new message from it. What a message answers must be visible to its sender, and mail
that a colleague sent from the CRM is answered only where the access type allows it (the law, section 5).
"""

import hashlib
import json
import secrets
import unicodedata
from dataclasses import asdict, dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.errors import FieldRefused, FieldTaken, RecordInvalid, SendingRefused
from postroom.actions.outbox import TAKEN_UP_FOR, Outcome, attempt, outcome_of
from postroom.actions.own_addresses import require_own_address
from postroom.actions.tokens import Caller, hash_token
from postroom.actions.uploads import attachments_of
from postroom.actions.visible_emails import answerable_copy
from postroom.core.addresses import domain_of, normalise_address, sendable_address
from postroom.core.matching import email_key
from postroom.core.model import Module, OutboxMail, OutboxState, Person, User
from postroom.mail.compose import NewMessage, compose
from postroom.mail.parse import MAX_MESSAGE_BYTES, parse_message
from postroom.storage import outbox
from postroom.storage.database import Database
from postroom.storage.ids import take_id
from postroom.storage.mail import lock_mail_of
from postroom.storage.organisation import find_module
from postroom.storage.people import users_by_id
from postroom.storage.raw_messages import raw_message
from postroom.storage.records import records_by_id
from postroom.storage.secrets import SecretBox
from postroom.storage.visible_records import grounds_on

_ANSWER_WITHIN = 20  # seconds: whoever sends waits for the server's answers
_LATEST = 366 * 24 * 3600  # seconds ahead
_EMAIL_ID_CHARACTERS = 64
_MOST_KEPT = 1000  # messages of one user that wait, or could not be sent
_MOST_KEPT_BYTES = 1024 * 1024 * 1024
_NOBODY = 0


class Answered(NamedTuple):
    """The e-mail that is answered, by its id, and whose copy of it; the sender's own where nobody is named."""

    email: str
    owner_id: int | None = None


@dataclass(frozen=True, slots=True)
class MailToSend:
    """What shall be sent. `scheduled_at` is in epoch seconds; `attachments` are ids of uploaded files."""

    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    reply_to: Person | None = None
    subject: str = ""
    content: str = ""
    is_html: bool = True
    scheduled_at: int | None = None
    attachments: tuple[str, ...] = ()
    answered: Answered | None = None
    linked_record_id: int | None = None  # a Deal


@dataclass(frozen=True, slots=True)
class Sent:
    """What is answered: the e-mail's id, how far it is, who is refused, and why it is not sent yet or at all."""

    email: str
    state: str
    refused: list[list[str]]
    error: str | None


def send_mail(
    database: Database,
    box: SecretBox,
    module: Module,
    record_id: int,
    mail: MailToSend,
    *,
    caller: Caller,
    now: int,
    key: str | None = None,
) -> Sent:
    """Send a message, schedule it, or keep it for later where the server cannot take it now.

    A repeated `key` with the same content is answered as the first time, and sends nothing. Raises RecordInvalid,
    FieldRefused, FieldTaken, and SendingRefused where it can never be sent like this.
    """
    user_id = caller.actor.user_id or _NOBODY
    key_hash, request_hash = None if key is None else hash_token(key), _hash_of(module, record_id, mail)
    with database.write() as connection:
        lock_mail_of(connection, user_id)  # one repetition after the other
        require_record(connection, user_id, module, record_id)
        kept = None if key_hash is None else outbox.kept_request(connection, user_id, key_hash)
        if kept is not None:
            return _repeated(connection, kept, request_hash)
        accepted = _accept(connection, user_id, module, record_id, mail, now)
        if key_hash is not None:
            outbox.keep_request(connection, user_id, key_hash, request_hash, accepted.id, now)
    if accepted.state == OutboxState.SCHEDULED:
        sent = _answer(Outcome(accepted, ()))
    else:
        sent = _answer(attempt(database, box, accepted, now=now, timeout=_ANSWER_WITHIN))
    if key_hash is not None:
        with database.write() as connection:
            outbox.keep_answer(connection, user_id, key_hash, json.dumps(asdict(sent)))
    return _unless_failed(sent)


def _hash_of(module: Module, record_id: int, mail: MailToSend) -> bytes:
    asked = json.dumps([module.id, record_id, asdict(mail)], sort_keys=True)
    return hashlib.sha256(asked.encode()).digest()


def _repeated(connection: Connection, kept: outbox.KeptRequest, request_hash: bytes) -> Sent:
    if kept.request_hash != request_hash:
        raise FieldTaken("the key was used for another request", param_name="Idempotency-Key")
    if kept.answer is not None:
        return _unless_failed(Sent(**json.loads(kept.answer)))
    return _unless_failed(_answer(outcome_of(connection, kept.outbox_id)))


def _answer(outcome: Outcome) -> Sent:
    mail, refused = outcome.mail, [list(each) for each in outcome.refused]
    return Sent(mail.email_key.hex(), mail.state, refused, mail.error)


def _unless_failed(sent: Sent) -> Sent:
    if sent.state in (OutboxState.FAILED, OutboxState.CANCELLED):
        blocked = [{"email": email, "reason": reason} for email, reason in sent.refused]
        details = {"blocked_email_addresses": blocked} if blocked else {}
        raise SendingRefused(sent.error or "the message was not sent", **details)
    return sent


def require_record(connection: Connection, user_id: int, module: Module, record_id: int) -> None:
    """Raise RecordInvalid unless a user sees a record of a module."""
    record = records_by_id(connection, [record_id]).get(record_id)
    seen = grounds_on(connection, user_id, [record_id])
    if record is None or not seen or record.module_id != module.id:
        raise RecordInvalid


def _accept(
    connection: Connection, user_id: int, module: Module, record_id: int, mail: MailToSend, now: int
) -> OutboxMail:
    """Put a message into the outbox, in one transaction with what keeps it from being sent twice."""
    user = users_by_id(connection)[user_id]
    require_own_address(connection, user, mail.sender.address, "from.email")
    if mail.scheduled_at is not None and not now < mail.scheduled_at <= now + _LATEST:
        raise FieldRefused("expected a time in the future, within a year", api_name="scheduled_time")
    if mail.linked_record_id is not None:
        require_deal(connection, user_id, mail.linked_record_id)
    raw = compose(_message(connection, user, module, record_id, mail, now))
    if len(raw) > MAX_MESSAGE_BYTES:
        raise FieldRefused("the message is too large with its attachments", api_name="attachments")
    count, size = outbox.kept_of(connection, user_id)
    if count >= _MOST_KEPT or size + len(raw) > _MOST_KEPT_BYTES:
        raise SendingRefused("too many of your messages wait, or could not be sent: try later")
    parsed = parse_message(raw)
    accepted = OutboxMail(
        id=take_id(connection),
        user_id=user_id,
        record_id=record_id,
        linked_record_id=mail.linked_record_id,
        email_key=email_key(parsed, _NOBODY),
        message_id=parsed.message_id or "",
        sender=person(mail.sender, "from.email").address,
        subject=parsed.subject,
        state=OutboxState.QUEUED if mail.scheduled_at is None else OutboxState.SCHEDULED,
        attempts=1 if mail.scheduled_at is None else 0,
        created_at=now,
        scheduled_at=mail.scheduled_at,
        next_try_at=mail.scheduled_at or now + TAKEN_UP_FOR,
        error=None,
    )
    outbox.insert_mail(connection, accepted, raw, _envelope(mail))
    return accepted


def require_deal(connection: Connection, user_id: int, deal_id: int) -> None:
    """Raise FieldRefused unless a user sees a Deal."""
    deals = find_module(connection, "Deals")
    record = records_by_id(connection, [deal_id]).get(deal_id)
    seen = grounds_on(connection, user_id, [deal_id])
    if deals is None or record is None or not seen or record.module_id != deals.id:
        raise FieldRefused("the id given seems to be invalid", api_name="linked_record.id")


def _message(
    connection: Connection, user: User, module: Module, record_id: int, mail: MailToSend, now: int
) -> NewMessage:
    sender = person(mail.sender, "from")
    in_reply_to, references = _answered(connection, user.id, module, record_id, mail.answered)
    return NewMessage(
        message_id=f"{secrets.token_hex(16)}@{domain_of(sender.address)}",
        date=now if mail.scheduled_at is None else mail.scheduled_at,
        sender=Person(sender.address, sender.name or user.full_name),
        to=people(mail.to, "to"),
        cc=people(mail.cc, "cc"),
        bcc=people(mail.bcc, "bcc"),
        reply_to=None if mail.reply_to is None else person(mail.reply_to, "reply_to"),
        subject=one_line(mail.subject, "subject"),
        content=text(mail.content, "content"),
        is_html=mail.is_html,
        attachments=attachments_of(connection, user.id, mail.attachments, now),
        in_reply_to=in_reply_to,
        references=references,
    )


def _answered(
    connection: Connection, user_id: int, module: Module, record_id: int, answered: Answered | None
) -> tuple[str | None, tuple[str, ...]]:
    """Give In-Reply-To and References of an answer (RFC 5322, section 3.6.4)."""
    if answered is None:
        return None, ()
    copy_id = None
    key = parse_email(answered.email)
    if key is not None:
        owner_id = answered.owner_id or user_id
        copy_id = answerable_copy(connection, user_id, owner_id, key, module, record_id)
    if copy_id is None:
        raise FieldRefused("there is no such e-mail that you may answer here", api_name="in_reply_to.message_id")
    original = parse_message(raw_message(connection, copy_id))
    if original.message_id is None:
        return None, ()
    others = [each for each in original.references if each != original.message_id]
    return original.message_id, (*others, original.message_id)


def parse_email(given: str) -> bytes | None:
    """Give the key that an e-mail's id stands for, None where it is none."""
    is_id = len(given) == _EMAIL_ID_CHARACTERS and all(each in "0123456789abcdef" for each in given)
    return bytes.fromhex(given) if is_id else None


def people(given: tuple[Person, ...], field: str) -> tuple[Person, ...]:
    """Give several people as mail names them. Raises FieldRefused."""
    return tuple(person(each, f"{field}[{place}]") for place, each in enumerate(given))


def person(given: Person, field: str) -> Person:
    """Give somebody as mail names one. Raises FieldRefused."""
    return Person(address(given.address, f"{field}.email"), one_line(given.name, f"{field}.user_name"))


def address(value: str, field: str) -> str:
    """Give an address that can be sent to. Raises FieldRefused."""
    sendable = sendable_address(one_line(value, field))
    if sendable is None:
        raise FieldRefused("invalid email", api_name=field)
    return sendable


def one_line(value: str, field: str) -> str:
    """Give a text that stands in a header field. Raises FieldRefused where it could end one."""
    if any(unicodedata.category(each) in {"Cc", "Cs", "Zl", "Zp"} for each in value):
        raise FieldRefused("expected one line without control characters", api_name=field)
    return value.strip()


def text(value: str, field: str) -> str:
    """Give a text of several lines. Raises FieldRefused where it is none."""
    if any(each == "\0" or "\ud800" <= each <= "\udfff" for each in value):
        raise FieldRefused("expected text without NUL characters", api_name=field)
    return value


def _envelope(mail: MailToSend) -> list[str]:
    """Give every recipient's address once."""
    named = [person(each, "to") for each in (*mail.to, *mail.cc, *mail.bcc)]
    return list({normalise_address(each.address): each.address for each in named}.values())
