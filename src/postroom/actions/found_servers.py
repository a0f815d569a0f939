"""Connecting a mailbox to the servers that were found for it."""

from contextlib import suppress
from dataclasses import replace

from postroom.actions.actor import Actor
from postroom.actions.errors import LoginFailed, LoginRefused
from postroom.actions.mailboxes import NewMailbox, add_mailbox, connect_mailbox
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp, try_smtp
from postroom.core.model import Mailbox
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox


def connect_found(
    database: Database,
    box: SecretBox,
    email: str,
    new: NewMailbox,
    smtp: NewSmtpServer | None,
    *,
    by: Actor,
    now: int,
    is_tried: bool,
) -> tuple[Mailbox, str | None]:
    """Connect a mailbox to the server that was found, and give why it cannot send through `smtp`, if it cannot.

    With `is_tried` both are logged in to, by the user name that was found, or else by the address and then by what
    stands before its @ (RFC 6186, section 4). Raises what connect_mailbox and add_mailbox raise.
    """
    connect = _connect if is_tried else add_mailbox
    mailbox = connect(database, box, email, new, by=by, now=now)
    if smtp is None:
        return mailbox, None
    set_mailbox_smtp(database, box, mailbox.address, smtp)
    try:
        if is_tried:
            try_smtp(database, box, mailbox, now=now)
    except LoginFailed as error:
        return mailbox, str(error)
    return mailbox, None


def _connect(database: Database, box: SecretBox, email: str, new: NewMailbox, *, by: Actor, now: int) -> Mailbox:
    try:
        return connect_mailbox(database, box, email, new, by=by, now=now)
    except LoginRefused as refused:
        local_part, _, _ = (new.address or email).rpartition("@")
        if new.username is not None or new.granted is not None:
            raise
        with suppress(LoginRefused):
            return connect_mailbox(database, box, email, replace(new, username=local_part), by=by, now=now)
        raise refused from None
