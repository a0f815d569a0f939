"""What is to be sent: one attempt at a time, at most once (docs/decisions/0017).

An attempt is made by whoever took the message up. Just before its text goes out, the message is marked as `sending` in
a transaction of its own. Whoever finds such a mark later cannot know whether the server took the text, and sends it
never again by itself.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.errors import InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import get_user, parse_id
from postroom.actions.own_addresses import is_own_address
from postroom.actions.smtp_servers import refresh_sending, smtp_login
from postroom.actions.store_mail import RawMessage, file_message
from postroom.core.model import Kind, OutboxMail, OutboxState, RecipientState, UserStatus
from postroom.core.retries import Waits, wait
from postroom.mail.compose import without_bcc
from postroom.mail.server import DEFAULT_TIMEOUT, ConnectionFailed, Login, MailServerError, Server, Throttled
from postroom.mail.smtp import MessageRefused, Refusal, send_message
from postroom.storage import outbox, people, uploads
from postroom.storage.database import Database
from postroom.storage.mail import Source
from postroom.storage.outbox import Recipient
from postroom.storage.secrets import SecretBox, SecretKeyError

TAKEN_UP_FOR = 15 * 60  # seconds in which an attempt comes to its text; then somebody else may try
_UNKNOWN_AFTER = 2 * 3600  # seconds after which a text that was being sent counts as interrupted
_AT_ONCE = 20  # messages in one pass
_WAITS = Waits(60, 4 * 3600)
_GIVE_UP_AFTER = 5 * 24 * 3600  # RFC 5321, section 4.5.4.1: at least four to five days
_KEYS_KEPT_FOR = 7 * 24 * 3600
_TEXTS_KEPT_FOR = 30 * 24 * 3600  # of what was not sent, so that somebody may send it by hand
_FOLDER, _NO_UIDVALIDITY = "outbox", 0
_INTERRUPTED = (
    "it is not known whether the server took the message: look into the folder of sent mail before sending again"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message; `refused` are those who do not get it, each with the server's words."""

    mail: OutboxMail
    refused: tuple[tuple[str, str], ...]


class _TakenUpElsewhere(Exception):
    """Somebody else sends this message, or it was cancelled, while we prepared to."""


def send_due(database: Database, box: SecretBox, now: int, at_most: int = _AT_ONCE) -> list[Outcome]:
    """Make one pass over the outbox at `now` (epoch seconds): send `at_most` of what is due, and clear what expired.

    What fails stops nothing else: its outcome says why.
    """
    with database.write() as connection:
        uploads.delete_expired(connection, now)
        outbox.forget_requests(connection, now - _KEYS_KEPT_FOR)
        outbox.forget_texts(connection, now - _TEXTS_KEPT_FOR)
        outbox.fail_interrupted(connection, now, _INTERRUPTED)
    outcomes: list[Outcome] = []
    while len(outcomes) < at_most:
        with database.write() as connection:
            mail = outbox.claim_due(connection, now, now + TAKEN_UP_FOR)
        if mail is None:
            break
        outcomes.append(attempt(database, box, mail, now=now))
    return outcomes


def send_now(database: Database, box: SecretBox, reference: str, *, now: int) -> Outcome:
    """Try one message at once, also one that failed: whoever asks has seen to it that it does not go out twice.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    with database.write() as connection:
        mail = _get(connection, reference)
        if mail.state in (OutboxState.SENT, OutboxState.SENDING):
            raise NotAllowed(f"the message {mail.id} is {mail.state}")
        if outbox.raw_of(connection, mail.id) is None:
            raise NotAllowed(f"the text of the message {mail.id} is not kept any more")
        claimed = outbox.claim_again(connection, mail, now + TAKEN_UP_FOR)
        if claimed is None:
            raise NotAllowed(f"somebody else sends the message {mail.id} at this moment")
    return attempt(database, box, claimed, now=now)


def cancel(database: Database, reference: str) -> OutboxMail:
    """Take a message out of the outbox that is scheduled or queued. Raises NotFound, NotAllowed, InvalidInput."""
    with database.write() as connection:
        mail = _get(connection, reference)
        if not outbox.cancel(connection, mail.id, "it was cancelled"):
            raise NotAllowed(f"the message {mail.id} is {mail.state}: only what waits can be cancelled")
    return mail


def list_outbox(
    database: Database, user_email: str | None, state: OutboxState | None, limit: int
) -> list[tuple[Outcome, str]]:
    """Give the newest messages, each with its sender's e-mail address. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        user_id = None if user_email is None else get_user(connection, user_email).id
        emails = people.emails_by_id(connection)
        listed = outbox.list_mail(connection, limit, user_id=user_id, state=state)
        return [(outcome_of(connection, mail.id), emails[mail.user_id]) for mail in listed]


def outcome_of(connection: Connection, mail_id: int) -> Outcome:
    """Give what has become of a message so far."""
    mail = outbox.find_mail(connection, mail_id)
    if mail is None:
        raise NotFound(f"there is no message {mail_id}")
    recipients = outbox.recipients_of(connection, mail_id)
    refused = [(each.address, each.reason or "") for each in recipients if each.state == RecipientState.REFUSED]
    return Outcome(mail, tuple(refused))


def attempt(
    database: Database, box: SecretBox, mail: OutboxMail, *, now: int, timeout: float = DEFAULT_TIMEOUT
) -> Outcome:
    """Try to send a message that the caller took up, and write down what became of it; `timeout` in seconds.

    What others made of the message meanwhile stays as it is.
    """
    try:
        refused = _send(database, box, mail, now, timeout)
    except _TakenUpElsewhere:
        with database.read() as connection:
            return outcome_of(connection, mail.id)
    except (MailServerError, NotAllowed, SecretKeyError) as error:
        return _settle_failure(database, mail, error, now)
    return _settle(database, mail, refused, now)


def _send(database: Database, box: SecretBox, mail: OutboxMail, now: int, timeout: float) -> list[Refusal]:
    refresh_sending(database, box, mail.user_id, now=now)
    with database.read() as connection:
        raw = outbox.raw_of(connection, mail.id)
        if raw is None:
            raise _TakenUpElsewhere
        server, login = _route(connection, box, mail)
        pending = [r.address for r in outbox.recipients_of(connection, mail.id) if r.state == RecipientState.PENDING]

    def start() -> None:
        with database.write() as connection:
            if not outbox.start_sending(connection, mail, now + _UNKNOWN_AFTER):
                raise _TakenUpElsewhere

    return send_message(server, login, mail.sender, pending, without_bcc(raw), start, timeout)


def _route(connection: Connection, box: SecretBox, mail: OutboxMail) -> tuple[Server, Login]:
    """Give where to send, if its sender still may: much can have changed since it was scheduled."""
    user = people.users_by_id(connection)[mail.user_id]
    if user.status != UserStatus.ACTIVE:
        raise NotAllowed("the sender is not active")
    if not is_own_address(connection, user, mail.sender):
        raise NotAllowed(f"{mail.sender} is no address of the sender's any more")
    return smtp_login(connection, box, user.id)


def _settle(database: Database, mail: OutboxMail, refused: Sequence[Refusal], now: int) -> Outcome:
    """Write down who has the message, and file it as sent where somebody has."""
    by_address = {refusal.address: refusal for refusal in refused}
    with database.write() as connection:
        raw = outbox.raw_of(connection, mail.id)
        before = outbox.recipients_of(connection, mail.id)
        after = [_after(each, by_address.get(each.address), is_last=_is_given_up(mail, now)) for each in before]
        is_written = _write_down(connection, mail, after, now)
        if is_written and raw is not None and any(each.state == RecipientState.ACCEPTED for each in after):
            _file(connection, mail, raw)
        return outcome_of(connection, mail.id)


def _write_down(connection: Connection, mail: OutboxMail, after: Sequence[Recipient], now: int) -> bool:
    waiting = [each.reason for each in after if each.state == RecipientState.PENDING]
    if waiting:
        next_try = _next_try(mail, now)
        return outbox.settle(connection, mail, OutboxState.QUEUED, after, next_try_at=next_try, error=waiting[0])
    if any(each.state == RecipientState.ACCEPTED for each in after):
        return outbox.settle(connection, mail, OutboxState.SENT, after)
    return outbox.settle(connection, mail, OutboxState.FAILED, after, error="the server refused every recipient")


def _after(recipient: Recipient, refusal: Refusal | None, *, is_last: bool) -> Recipient:
    if recipient.state != RecipientState.PENDING:
        return recipient
    if refusal is None:
        return Recipient(recipient.address, RecipientState.ACCEPTED, None)
    is_final = is_last or not refusal.is_temporary
    return Recipient(recipient.address, RecipientState.REFUSED if is_final else RecipientState.PENDING, refusal.reason)


def _settle_failure(database: Database, mail: OutboxMail, error: Exception, now: int) -> Outcome:
    """Write down why nobody got the message this time; what may be better later waits."""
    is_temporary = isinstance(error, MessageRefused) and error.is_temporary
    may_be_better = is_temporary or isinstance(error, ConnectionFailed | Throttled)
    with database.write() as connection:
        if may_be_better and not _is_given_up(mail, now):
            next_try = _next_try(mail, now)
            outbox.settle(connection, mail, OutboxState.QUEUED, [], next_try_at=next_try, error=str(error))
        else:
            outbox.settle(connection, mail, OutboxState.FAILED, [], error=str(error))
        return outcome_of(connection, mail.id)


def _is_given_up(mail: OutboxMail, now: int) -> bool:
    return now - (mail.scheduled_at or mail.created_at) > _GIVE_UP_AFTER


def _next_try(mail: OutboxMail, now: int) -> int:
    return now + wait(_WAITS, mail.attempts, secrets.SystemRandom().random())


def _file(connection: Connection, mail: OutboxMail, raw: bytes) -> None:
    """File the sender's copy on the record it was sent from; a second time changes nothing."""
    uid = hashlib.sha256(raw).hexdigest()  # as an import names it
    source = Source(mail.user_id, Kind.CRM, None, _FOLDER, _NO_UIDVALIDITY)
    records = [mail.record_id, *filter(None, [mail.linked_record_id])]
    file_message(connection, source, RawMessage(uid, raw, f"message {mail.id}"), records)


def _get(connection: Connection, reference: str) -> OutboxMail:
    mail_id = parse_id(reference)
    if mail_id is None:
        raise InvalidInput(f"message: {reference!r} is not an id")
    mail = outbox.find_mail(connection, mail_id)
    if mail is None:
        raise NotFound(f"there is no message {reference}; 'postroom outbox list' shows them")
    return mail
