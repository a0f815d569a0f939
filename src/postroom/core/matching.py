"""Which copies are one e-mail, and which messages are of one thread."""

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


def conversation_id(message: Message, copy_id: int) -> int:
    """Give the id of a conversation for whoever sees a message: what its first message is called, as a number.

    It tells nothing of other mail, as the id of a thread would, in which the messages of one mailbox are tied together.
    """
    first = next(iter((*message.references, *filter(None, [message.message_id]))), f"copy {copy_id}")
    return int.from_bytes(hashlib.sha256(first.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def thread_ids(message: Message) -> tuple[str, ...]:
    """Give the ids that tie a message to others of its thread: its own and those that it refers to."""
    own = () if message.message_id is None else (message.message_id,)
    return tuple(dict.fromkeys((*own, *message.references)))
