"""How it stands with reading a mailbox, in words."""

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from postroom.actions.mailbox_status import MailboxStatus
from postroom.actions.times import with_offset
from postroom.cli.words import in_calendar
from postroom.core.model import Mailbox

_HOUR, _MINUTE = 3600, 60  # seconds

HEADINGS = (
    "Mailbox",
    "User",
    "Protocol",
    "Server",
    "State",
    "Messages",
    "Dead letters",
    "Complete as of",
    "Next try",
    "What is wrong",
)


def row_of(status: MailboxStatus, now: int, zone: ZoneInfo) -> tuple[str, ...]:
    """Give a mailbox as a row under HEADINGS."""
    mailbox, sync = status.mailbox, status.sync
    where = (mailbox.address, status.user, mailbox.protocol, server_of(mailbox))
    what = (_state(status, now), _messages(status), str(status.dead_letters or ""))
    return (*where, *what, _time(sync.complete_at, zone), _next_try(status, now, zone), sync.error or "")


def facts_of(status: MailboxStatus, now: int, zone: ZoneInfo) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of a mailbox, each with its name."""
    sync, lag = status.sync, status.lag(now)
    yield "Mailbox", f"{status.mailbox.address}, of {status.user}"
    yield "Server", server_of(status.mailbox)
    yield "State", _state(status, now)
    yield "Messages stored", _stored(status)
    if status.dead_letters:
        yield "Dead letters", f"{status.dead_letters}; 'postroom deadletter list' shows them"
    yield "Folders", f"{status.folders}, of which {status.in_agreement} agree with the server"
    if lag is not None:
        yield "Complete as of", f"{_time(sync.complete_at, zone)}, {_duration(lag)} ago"
    if sync.passed_at is not None:
        yield "Last pass", _time(sync.passed_at, zone)
    yield "Next try", _next_try(status, now, zone) or "not by itself"
    if sync.error is not None:
        kind = "" if sync.trouble is None else f" ({sync.trouble}, {sync.failures} in a row)"
        yield "What is wrong", f"{sync.error}{kind}"


def as_json(status: MailboxStatus, now: int, zone: ZoneInfo) -> dict[str, object]:
    """Give a mailbox as JSON, with how it stands."""
    mailbox = status.mailbox
    return {
        "id": str(mailbox.id),
        "address": mailbox.address,
        "user": status.user,
        "protocol": mailbox.protocol,
        "host": mailbox.host,
        "port": mailbox.port,
        "security": mailbox.security,
        "username": mailbox.username,
        "state": mailbox.state,
        "copies": status.messages,
        "sync": status.as_json(now, lambda at: with_offset(at, zone)),
    }


def server_of(mailbox: Mailbox) -> str:
    """Say where a mailbox is served."""
    return "by import" if mailbox.host is None else f"{mailbox.host}:{mailbox.port} {mailbox.security}"


def _state(status: MailboxStatus, now: int) -> str:
    words = status.state.replace("_", " ")
    return f"{words}, being read" if status.is_being_read(now) else words


def _stored(status: MailboxStatus) -> str:
    headers = f", of {status.headers_only} the headers only" if status.headers_only else ""
    return f"{_messages(status)}{headers}"


def _messages(status: MailboxStatus) -> str:
    """Give how many are stored, and of how many while there are more to come."""
    return f"{status.messages} of {status.messages + status.to_come}" if status.to_come else str(status.messages)


def _next_try(status: MailboxStatus, now: int, zone: ZoneInfo) -> str:
    if not status.is_read or status.sync.next_try_at is None:
        return ""
    return "at once" if status.sync.next_try_at <= now else _time(status.sync.next_try_at, zone)


def _time(at: int | None, zone: ZoneInfo) -> str:
    return "" if at is None else in_calendar(at, zone)


def _duration(seconds: int) -> str:
    """Give a duration in its largest unit."""
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min" if seconds >= _MINUTE else f"{seconds} s"
    return f"{seconds // _HOUR} h"
