"""From the bytes of a message to what the law needs of it. Never raises, whatever the bytes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TypeVar

from postroom.core.addresses import is_stand_in, normalise_address, stand_in
from postroom.core.model import Message, Participant, ParticipantRole
from postroom.mail.automated import is_automated
from postroom.mail.body import Part, digest_headers_only, digest_parts, read_parts
from postroom.mail.content import is_attached, summary_of
from postroom.mail.headers import (
    MAX_FIELD_BYTES,
    MAX_HEADER_BYTES,
    clean,
    decode_words,
    header_text,
    read_fields,
    split_addresses,
    split_head,
)

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_ADDRESSES = 2000
MAX_SUBJECT_LENGTH = 1000
MAX_NAME_LENGTH = 200
MAX_ID_BYTES = 998  # a line (RFC 5322, section 2.1.1); and far below what an index of PostgreSQL takes
MAX_REFERENCES = 100
MAX_REFERENCES_BYTES = 64 * 1024
MAX_DATE_BYTES = 200
LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z

_ROLES = (ParticipantRole.FROM, ParticipantRole.TO, ParticipantRole.CC, ParticipantRole.BCC)
_BODY = "body: not readable"
_Fields = dict[str, list[bytes]]
_T = TypeVar("_T")


def parse_message(raw: bytes, *, truncated: bool = False) -> Message:
    """Read a message (RFC 5322) and list in `problems` what could not be read.

    Of a message above MAX_MESSAGE_BYTES, or one that the caller knows to be `truncated`, only the
    headers are read. The body digest depends on no header field that transport adds or changes.
    """
    problems: list[str] = []
    headers_only = truncated or len(raw) > MAX_MESSAGE_BYTES
    if headers_only:
        problems.append("body: not read, the message is too large")
        raw = raw[:MAX_HEADER_BYTES]
    head, body = split_head(raw)
    fields: _Fields = _fenced(lambda: read_fields(head, problems), {}, "headers: not readable", problems)
    if not fields:
        problems.append("headers: none found")
    participants = _participants(fields, problems)
    parts = None if headers_only else _fenced(lambda: list(read_parts(fields, body, problems)), None, _BODY, problems)
    sender = _sender(participants)
    return Message(
        message_id=_fenced(lambda: _message_id(fields, problems), None, "Message-ID: not readable", problems),
        sender=sender,
        date=_fenced(lambda: _date(fields, problems), None, "Date: not a date", problems),
        subject=_fenced(lambda: _subject(fields, problems), "", "Subject: not readable", problems),
        participants=participants,
        body_digest=_digest(fields, parts, problems),
        references=_fenced(lambda: _references(fields), (), "References: not readable", problems),
        problems=tuple(dict.fromkeys(problems)),
        summary=_fenced(lambda: summary_of(parts or []), "", _BODY, problems),
        has_attachment=any(map(is_attached, parts or [])),
        is_automated=is_automated(fields, sender),
        headers_only=headers_only,
    )


def _fenced(read: Callable[[], _T], default: _T, problem: str, problems: list[str]) -> _T:
    """Read one thing; if that fails, for whatever reason, the rest of the message must not suffer."""
    with suppress(Exception):
        return read()
    problems.append(problem)
    return default


def _digest(fields: _Fields, parts: list[Part] | None, problems: list[str]) -> bytes:
    by_headers = digest_headers_only(fields)
    if parts is None:
        return by_headers
    return _fenced(lambda: digest_parts(parts, problems), by_headers, _BODY, problems)


def _first(fields: _Fields, name: str, problems: list[str]) -> bytes | None:
    values = fields.get(name.lower(), [])
    if len(values) > 1:
        problems.append(f"{name}: more than one, the first was read")
    return values[0] if values else None


def _message_id(fields: _Fields, problems: list[str]) -> str | None:
    """Give the id without its angle brackets, which are no part of it (RFC 5322, section 3.6.4)."""
    value = _first(fields, "Message-ID", problems)
    if value is None:
        return None
    opening, _, rest = header_text(value[:MAX_FIELD_BYTES]).partition("<")
    identity = next(_identities(f"<{rest}"), None)
    if opening.strip() or identity is None:
        problems.append("Message-ID: not an id")
        return None
    return identity


def _references(fields: _Fields) -> tuple[str, ...]:
    """Give the ids of References and In-Reply-To (RFC 5322, section 3.6.4); of too many the first and the last."""
    values = [*fields.get("references", [])[:1], *fields.get("in-reply-to", [])[:1]]
    found = list(dict.fromkeys(i for value in values for i in _identities(header_text(value[:MAX_REFERENCES_BYTES]))))
    if len(found) > MAX_REFERENCES:
        found = found[:1] + found[1 - MAX_REFERENCES :]
    return tuple(found)


def _identities(text: str) -> Iterator[str]:
    """Give what stands in angle brackets and can be a message's id."""
    for part in text.split("<")[1:]:
        inside, closing, _ = part.partition(">")
        identity = "".join(inside.split())
        if closing and 0 < len(identity.encode()) <= MAX_ID_BYTES and identity.isprintable():
            yield identity


def _date(fields: _Fields, problems: list[str]) -> int | None:
    """Give the date in seconds since the epoch; without a time zone it counts as UTC."""
    value = _first(fields, "Date", problems)
    if value is None:
        return None
    moment = parsedate_to_datetime(header_text(value[:MAX_DATE_BYTES]))
    seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    if not 0 <= seconds <= LAST_SECOND:
        problems.append("Date: outside 1970 to 9999")
        return None
    return seconds


def _subject(fields: _Fields, problems: list[str]) -> str:
    value = _first(fields, "Subject", problems) or b""
    text = clean(decode_words(header_text(value[:MAX_FIELD_BYTES])), MAX_SUBJECT_LENGTH + 1)
    if len(value) > MAX_FIELD_BYTES or len(text) > MAX_SUBJECT_LENGTH:
        problems.append("Subject: cut to length")
    return text[:MAX_SUBJECT_LENGTH].strip()


def _sender(participants: tuple[Participant, ...]) -> str | None:
    senders = (p.address for p in participants if p.role is ParticipantRole.FROM)
    return next((address for address in senders if not is_stand_in(address)), None)


def _participants(fields: _Fields, problems: list[str]) -> tuple[Participant, ...]:
    found: dict[tuple[ParticipantRole, str], Participant] = {}
    for role in _ROLES:
        label = role.value.title()
        read = partial(_read_role, role, fields, found, problems)
        _fenced(read, None, f"{label}: not readable", problems)
        if role is ParticipantRole.FROM and _sender(tuple(found.values())) is None:
            problems.append("From: no address")
    return tuple(found.values())


def _read_role(
    role: ParticipantRole,
    fields: _Fields,
    found: dict[tuple[ParticipantRole, str], Participant],
    problems: list[str],
) -> None:
    label = role.value.title()
    for value in fields.get(role.value, []):
        for name, spec in split_addresses(header_text(value), label, problems):
            if len(found) >= MAX_ADDRESSES:
                problems.append(f"{label}: addresses beyond the first {MAX_ADDRESSES} were not read")
                return
            address = normalise_address(spec[:MAX_FIELD_BYTES])
            if address is None:
                problems.append(f"{label}: not an address")
                address = stand_in(spec[:MAX_FIELD_BYTES])
            if address is not None and (role, address) not in found:
                found[role, address] = Participant(role, address, _name(name))


def _name(text: str) -> str:
    return clean(decode_words(text[: 4 * MAX_NAME_LENGTH]), MAX_NAME_LENGTH)
