"""Which copies are one e-mail, and which addresses tie a message to a record."""

import hashlib

from postroom.core.model import Message


def email_key(message: Message, copy_id: int) -> bytes:
    """Give the key that copies of one e-mail share (the law, section 1).

    A Message-ID can be forged, so From, Date and body must agree as well; a message without one
    groups with nothing, which its own copy id ensures.
    """
    identity: tuple[object, ...] = (
        message.message_id,
        message.sender,
        message.date,
        message.body_digest.hex(),
    )
    if message.message_id is None:
        identity = (None, copy_id)
    return hashlib.sha256(repr(identity).encode()).digest()


def addresses_of(message: Message) -> frozenset[str]:
    """Give the addresses by which a message associates with records: those of all participants."""
    return frozenset(participant.address for participant in message.participants)
