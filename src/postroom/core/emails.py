"""E-mails as lists show them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from postroom.core.model import Kind, Participant


class EmailPlace(NamedTuple):
    """Where an e-mail stands in a list: when it was sent (epoch seconds, 0 where it does not say), then its key.

    All copies of one e-mail stand at one place, whoever has them.
    """

    sent_at: int
    email_key: bytes


NEWEST = EmailPlace(1 << 60, b"")  # before every e-mail of a list


class Unsent(StrEnum):
    """What an e-mail is that is not sent yet."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"


class CopyOwner(NamedTuple):
    """Whose copy it is."""

    user_id: int
    name: str
    address: str


class Deal(NamedTuple):
    """A Deal on which a copy was filed by hand. Who sees the copy may not see it there."""

    record_id: int
    name: str
    module_id: int


class RefusedRecipient(NamedTuple):
    """Who did not get an e-mail that was sent, and the words of the server that refused them."""

    address: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListedEmail:
    """An e-mail as a list shows it: what one copy says. `is_sent` where its owner wrote it.

    `is_automated` where a program sent it, `headers_only` where it is too large for more to be read of it. `time_zone`
    is the organisation's. What is `unsent` has no copy yet; its time says when it will be sent, or was written. What
    nobody looked for when the copy came is None. `refused` is for the sender alone: it may name whom nobody else may
    know of.
    """

    place: EmailPlace
    copy_id: int
    owner: CopyOwner
    kind: Kind
    sender: str | None
    subject: str
    is_sent: bool
    deal: Deal | None
    time_zone: str
    participants: tuple[Participant, ...]
    unsent: Unsent | None = None
    summary: str | None = None
    has_attachment: bool | None = None
    conversation: int | None = None
    is_read: bool | None = None
    is_automated: bool = False
    headers_only: bool = False
    refused: tuple[RefusedRecipient, ...] = ()
