"""Messages to be sent, and what became of each for each recipient."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, LargeBinary, and_, delete, func, insert, select, true, update

from postroom.core.model import OutboxMail, OutboxState, RecipientState
from postroom.storage.schema import idempotency_keys, outbox, outbox_recipients
from postroom.storage.unsent_emails import UnsentWanted

WAITING = (OutboxState.QUEUED, OutboxState.SCHEDULED)
_UNSETTLED = (OutboxState.QUEUED, OutboxState.SENDING, OutboxState.FAILED)
_COLUMNS = [outbox.c[name] for name in OutboxMail.__slots__]


class Recipient(NamedTuple):
    """What became of a message for one address, and the server's words where they were no yes."""

    address: str
    state: str
    reason: str | None


class ScheduledMail(NamedTuple):
    """A message that will be sent at a time (epoch seconds), and its first bytes."""

    email_key: bytes
    scheduled_at: int
    sender: str
    subject: str
    head: bytes


class KeptRequest(NamedTuple):
    """A request that a client may repeat: what it asked for, the message that it made, and its answer so far."""

    request_hash: bytes
    outbox_id: int
    answer: str | None


def insert_mail(connection: Connection, mail: OutboxMail, raw: bytes, addresses: Iterable[str]) -> None:
    """Add a message; each address of the envelope is pending."""
    connection.execute(insert(outbox).values({name: getattr(mail, name) for name in mail.__slots__} | {"raw": raw}))
    rows = [{"outbox_id": mail.id, "address": each, "state": RecipientState.PENDING} for each in addresses]
    connection.execute(insert(outbox_recipients), rows)


def find_mail(connection: Connection, mail_id: int) -> OutboxMail | None:
    """Give a message by id."""
    return next(iter(_find(connection, outbox.c.id == mail_id)), None)


def count_by_state(connection: Connection) -> dict[str, int]:
    """Give how many messages are in each state in which one is."""
    counted = select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state)
    return {row.state: row.number for row in connection.execute(counted)}


def list_mail(
    connection: Connection, limit: int, *, user_id: int | None = None, state: OutboxState | None = None
) -> list[OutboxMail]:
    """Give the newest messages, of all users or one, in any state or one."""
    of_user = true() if user_id is None else outbox.c.user_id == user_id
    in_state = true() if state is None else outbox.c.state == state
    return _find(connection, and_(of_user, in_state), limit)


def scheduled_behind(connection: Connection, wanted: UnsentWanted, head_bytes: int) -> list[ScheduledMail]:
    """Give the scheduled messages that a list wants, the last one first."""
    columns = (outbox.c.email_key, outbox.c.scheduled_at, outbox.c.sender, outbox.c.subject)
    head = func.substr(outbox.c.raw, 1, head_bytes, type_=LargeBinary)
    scheduled = select(*columns, head).where(outbox.c.state == OutboxState.SCHEDULED)
    rows = connection.execute(wanted.of(outbox, scheduled, outbox.c.scheduled_at, outbox.c.email_key))
    found = [ScheduledMail(*row) for row in rows]
    return found[::-1] if wanted.newer else found


def kept_of(connection: Connection, user_id: int) -> tuple[int, int]:
    """Give of how many of a user's messages the text is kept, and how many bytes that is."""
    sizes = select(func.count(), func.coalesce(func.sum(func.length(outbox.c.raw)), 0))
    count, size = connection.execute(sizes.where(outbox.c.user_id == user_id, outbox.c.raw.is_not(None))).one()
    return count, int(size)


def forget_texts(connection: Connection, before: int) -> None:
    """Forget the texts of what was to be sent before a time (epoch seconds), and will not be by itself."""
    is_over = outbox.c.state.in_((OutboxState.FAILED, OutboxState.CANCELLED))
    due_at = func.coalesce(outbox.c.scheduled_at, outbox.c.created_at)
    connection.execute(update(outbox).where(is_over, due_at < before, outbox.c.raw.is_not(None)).values(raw=None))


def raw_of(connection: Connection, mail_id: int) -> bytes | None:
    """Give a message as it was composed, None once nothing of it is left to be sent."""
    raw: bytes | None = connection.execute(select(outbox.c.raw).where(outbox.c.id == mail_id)).scalar_one()
    return raw


def recipients_of(connection: Connection, mail_id: int) -> list[Recipient]:
    """Give the addresses of the envelope, with what became of each."""
    columns = (outbox_recipients.c.address, outbox_recipients.c.state, outbox_recipients.c.reason)
    found = select(*columns).where(outbox_recipients.c.outbox_id == mail_id).order_by(outbox_recipients.c.address)
    return [Recipient(*row) for row in connection.execute(found)]


def claim_due(connection: Connection, now: int, until: int) -> OutboxMail | None:
    """Take up the message that waited longest until `now`, for as long as `until` (epoch seconds).

    Who else looks at the same moment takes another one, or none.
    """
    is_due = and_(outbox.c.state.in_(WAITING), outbox.c.next_try_at <= now)
    first = select(outbox.c.id).where(is_due).order_by(outbox.c.next_try_at, outbox.c.id).limit(1)
    first = first.with_for_update(skip_locked=True)
    return _claim(connection, and_(outbox.c.id == first.scalar_subquery(), is_due), until)


def claim_again(connection: Connection, mail: OutboxMail, until: int) -> OutboxMail | None:
    """Take up one message in the same way, whatever its state, for whoever does not have it yet.

    None where something became of it since it was read.
    """
    as_read = and_(outbox.c.id == mail.id, outbox.c.state == mail.state, outbox.c.attempts == mail.attempts)
    claimed = _claim(connection, as_read, until)
    if claimed is not None:
        undelivered = (outbox_recipients.c.outbox_id == mail.id, outbox_recipients.c.state != RecipientState.ACCEPTED)
        again = update(outbox_recipients).where(*undelivered).values(state=RecipientState.PENDING, reason=None)
        connection.execute(again)
    return claimed


def start_sending(connection: Connection, mail: OutboxMail, until: int) -> bool:
    """Say that a message's text is about to be sent; False where somebody else has taken it up meanwhile."""
    is_ours = and_(outbox.c.id == mail.id, outbox.c.state.in_(WAITING), outbox.c.attempts == mail.attempts)
    values = {"state": OutboxState.SENDING, "next_try_at": until}
    return connection.execute(update(outbox).where(is_ours).values(values)).rowcount == 1


def fail_interrupted(connection: Connection, now: int, error: str) -> None:
    """Give up the messages whose text was being sent when whoever did it came to an end."""
    is_interrupted = and_(outbox.c.state == OutboxState.SENDING, outbox.c.next_try_at <= now)
    values = {"state": OutboxState.FAILED, "next_try_at": None, "error": error}
    connection.execute(update(outbox).where(is_interrupted).values(values))


def settle(
    connection: Connection,
    mail: OutboxMail,
    state: OutboxState,
    recipients: Iterable[Recipient],
    *,
    next_try_at: int | None = None,
    error: str | None = None,
) -> bool:
    """Write down what became of an attempt; the text of a message that is sent goes.

    False, and nothing is written, where the message was cancelled or taken up by somebody else meanwhile. An attempt
    that counted as interrupted may still say how it ended.
    """
    is_ours = and_(outbox.c.id == mail.id, outbox.c.state.in_(_UNSETTLED), outbox.c.attempts == mail.attempts)
    values: dict[str, object] = {"state": state, "next_try_at": next_try_at, "error": error}
    if state == OutboxState.SENT:
        values["raw"] = None
    if connection.execute(update(outbox).where(is_ours).values(values)).rowcount == 0:
        return False
    for each in recipients:
        key = and_(outbox_recipients.c.outbox_id == mail.id, outbox_recipients.c.address == each.address)
        connection.execute(update(outbox_recipients).where(key).values(state=each.state, reason=each.reason))
    return True


def cancel(connection: Connection, mail_id: int, error: str) -> bool:
    """Take a waiting message out; False where it is not waiting."""
    waiting = and_(outbox.c.id == mail_id, outbox.c.state.in_(WAITING))
    values = {"state": OutboxState.CANCELLED, "next_try_at": None, "error": error}
    return connection.execute(update(outbox).where(waiting).values(values)).rowcount == 1


def keep_request(
    connection: Connection, user_id: int, key_hash: bytes, request_hash: bytes, outbox_id: int, now: int
) -> None:
    """Keep a request under the client's key; the caller has looked that there is none."""
    row = {
        "user_id": user_id,
        "key_hash": key_hash,
        "request_hash": request_hash,
        "outbox_id": outbox_id,
        "created_at": now,
    }
    connection.execute(insert(idempotency_keys).values(row))


def kept_request(connection: Connection, user_id: int, key_hash: bytes) -> KeptRequest | None:
    """Give the request that a user's client made with this key."""
    columns = [idempotency_keys.c[name] for name in KeptRequest._fields]
    row = connection.execute(select(*columns).where(_of(user_id, key_hash))).first()
    return None if row is None else KeptRequest(*row)


def keep_answer(connection: Connection, user_id: int, key_hash: bytes, answer: str) -> None:
    """Keep what was answered."""
    connection.execute(update(idempotency_keys).where(_of(user_id, key_hash)).values(answer=answer))


def forget_requests(connection: Connection, before: int) -> None:
    """Forget requests that were made before a time (epoch seconds)."""
    connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))


def _of(user_id: int, key_hash: bytes) -> ColumnElement[bool]:
    return and_(idempotency_keys.c.user_id == user_id, idempotency_keys.c.key_hash == key_hash)


def _claim(connection: Connection, condition: ColumnElement[bool], until: int) -> OutboxMail | None:
    values = {"state": OutboxState.QUEUED, "attempts": outbox.c.attempts + 1, "next_try_at": until}
    claimed = connection.execute(update(outbox).where(condition).values(values).returning(*_COLUMNS)).mappings().first()
    return None if claimed is None else OutboxMail(**claimed)


def _find(connection: Connection, condition: ColumnElement[bool], limit: int | None = None) -> list[OutboxMail]:
    found = select(*_COLUMNS).where(condition).order_by(outbox.c.id.desc()).limit(limit)
    return [OutboxMail(**row) for row in connection.execute(found).mappings()]
