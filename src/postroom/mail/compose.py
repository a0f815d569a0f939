"""Composing a message (RFC 5322): header fields that say what was meant, and MIME that every mail program reads.

The MIME parts are the standard library's. The header fields are put together here from encoded words and quoted
strings: folded by the standard library, a name with a comma could become another address.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote
from typing import NamedTuple

from postroom.core.model import Person
from postroom.mail.html_text import plain_text
from postroom.mail.server import guard

_POLICY = SMTP.clone(cte_type="7bit")  # not every server takes 8 bits
_LINE = 76  # RFC 2047, section 2
_LONGEST_ID = 900  # a line has at most 998 characters (RFC 5322, section 2.1.1)
_TYPE = re.compile(r"(application|audio|font|image|model|text|video)/[A-Za-z0-9][A-Za-z0-9.+-]{0,99}", re.ASCII)
_UNKNOWN_TYPE = "application/octet-stream"  # also for whole messages, which no transfer encoding may hide
_BCC = re.compile(rb"^Bcc:.*\r\n(?:[ \t].*\r\n)*", re.MULTILINE)


class Attachment(NamedTuple):
    """A file that goes along."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a message shall say. `date` is in epoch seconds; ids have no angle brackets."""

    message_id: str
    date: int
    sender: Person
    to: tuple[Person, ...]
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    reply_to: Person | None = None
    subject: str = ""
    content: str = ""
    is_html: bool = False
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()  # what is answered last (RFC 5322, section 3.6.4)


def compose(message: NewMessage) -> bytes:
    """Give the bytes of a message, in seven bits, with its Bcc. Raises GuardError."""
    return "".join(_header_lines(message)).encode("ascii") + _body(message).as_bytes()


def without_bcc(raw: bytes) -> bytes:
    """Give a composed message as everybody but its sender gets it."""
    head, end, body = raw.partition(b"\r\n\r\n")
    return _BCC.sub(b"", head + b"\r\n") + end.removeprefix(b"\r\n") + body


def _header_lines(message: NewMessage) -> Iterator[str]:
    yield _field("From", _addresses([message.sender]))
    for name, people in (("To", message.to), ("Cc", message.cc), ("Bcc", message.bcc)):
        if people:
            yield _field(name, _addresses(people))
    if message.reply_to is not None:
        yield _field("Reply-To", _addresses([message.reply_to]))
    yield _field("Subject", _words(guard(message.subject, "subject"), "Subject"))
    yield _field("Date", format_datetime(datetime.fromtimestamp(message.date, UTC)))
    yield _field("Message-ID", f"<{guard(message.message_id, 'Message-ID')}>")
    for name, ids in (("In-Reply-To", filter(None, [message.in_reply_to])), ("References", message.references)):
        named = [f"<{guard(each, 'Message-ID')}>" for each in ids if _fits_a_line(each)]
        if named:
            yield _field(name, "\r\n ".join(named))


def _fits_a_line(message_id: str) -> bool:
    """Say whether an id that came with mail can be named: another one is no id (RFC 5322, section 3.6.4)."""
    return message_id.isascii() and len(message_id) <= _LONGEST_ID


def _field(name: str, value: str) -> str:
    return f"{name}: {value}\r\n"


def _addresses(people: Iterable[Person]) -> str:
    return ",\r\n ".join(map(_address, people))


def _address(person: Person) -> str:
    address, name = guard(person.address, "e-mail address"), guard(person.name, "name")
    if not name:
        return address
    phrase = f'"{quote(name)}"' if name.isascii() and "=?" not in name else _words(name, "Reply-To")
    return f"{phrase}\r\n <{address}>" if "\r\n" in phrase else f"{phrase} <{address}>"


def _words(text: str, field: str) -> str:
    """Give text as encoded words (RFC 2047) where it is not ASCII, has no place to fold, or could be taken for one."""
    folds = all(len(f"{field}: {word}") <= _LINE for word in text.split(" "))
    charset = "us-ascii" if text.isascii() and folds and "=?" not in text else "utf-8"
    return Header(text, charset, maxlinelen=_LINE, header_name=field).encode(linesep="\r\n")


def _body(message: NewMessage) -> EmailMessage:
    body = EmailMessage(_POLICY)
    if message.is_html:
        body.set_content(plain_text(message.content), charset="utf-8")
        body.add_alternative(message.content, subtype="html", charset="utf-8")
    else:
        body.set_content(message.content, charset="utf-8")
    for attached in message.attachments:
        kind = attached.content_type if _TYPE.fullmatch(attached.content_type) else _UNKNOWN_TYPE
        maintype, _, subtype = kind.partition("/")
        name = guard(attached.name, "file name")
        body.add_attachment(attached.content, maintype=maintype, subtype=subtype, filename=name)
    return body
