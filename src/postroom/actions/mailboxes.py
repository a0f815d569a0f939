"""Users' mailboxes: connecting, listing, disconnecting."""

from dataclasses import dataclass

from postroom.actions.errors import AlreadyThere, InvalidInput
from postroom.actions.lookups import get_mailbox, get_user, valid_address, valid_name
from postroom.core.model import Mailbox, MailboxState, User
from postroom.mail.server import Security
from postroom.storage import mailboxes, people
from postroom.storage.database import Database
from postroom.storage.ids import take_id
from postroom.storage.secrets import SecretBox

_PORTS = {
    ("imap", Security.TLS): 993,
    ("imap", Security.STARTTLS): 143,
    ("imap", Security.NONE): 143,
    ("pop", Security.TLS): 995,
    ("pop", Security.STARTTLS): 110,
    ("pop", Security.NONE): 110,
}


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A mailbox to be added; without a host it is fed by import alone."""

    protocol: str
    address: str | None = None
    host: str | None = None
    port: int | None = None
    security: Security = Security.TLS
    username: str | None = None
    password: str | None = None


def add_mailbox(database: Database, box: SecretBox, email: str, new: NewMailbox) -> Mailbox:
    """Connect a mailbox to a user, who has one at a time. Raises AlreadyThere, NotFound, InvalidInput."""
    _check_server(new)
    address = valid_address(new.address or email, "address")
    with database.write() as connection:
        user = get_user(connection, email)
        if mailboxes.mailbox_of(connection, user.id) is not None:
            raise AlreadyThere(f"{user.email} has a mailbox already; run 'postroom mailbox disconnect' first")
        if mailboxes.find_mailbox(connection, address) is not None:
            raise AlreadyThere(f"the mailbox {address} is connected already")
        mailbox = _mailbox(take_id(connection), user, address, new, box)
        mailboxes.insert_mailbox(connection, mailbox)
    return mailbox


def list_mailboxes(database: Database) -> list[tuple[Mailbox, str, int]]:
    """Give every mailbox, by address, with its user's e-mail address and its number of copies."""
    with database.read() as connection:
        emails = {user.id: user.email for user in people.users_by_email(connection).values()}
        return [(mailbox, emails[mailbox.user_id], copies) for mailbox, copies in mailboxes.list_mailboxes(connection)]


def disconnect_mailbox(database: Database, address: str) -> Mailbox:
    """Disconnect a mailbox; its mail stays, under the same law. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        mailbox = get_mailbox(connection, address)
        mailboxes.set_mailbox_state(connection, mailbox.id, MailboxState.DISCONNECTED)
    return mailbox


def mailbox_id_of(database: Database, address: str) -> int:
    """Give the id of the connected mailbox with this address. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        return get_mailbox(connection, address).id


def password_context(mailbox_id: int) -> str:
    """Give what a mailbox's password is bound to, so that it opens nowhere else."""
    return f"mailbox {mailbox_id}"


def _check_server(new: NewMailbox) -> None:
    if new.protocol not in ("imap", "pop"):
        raise InvalidInput(f"protocol: expected imap or pop, not {new.protocol!r}")
    if new.host is None:
        if new.port or new.username or new.password:
            raise InvalidInput("host: is missing; a mailbox without one is fed by import and has no port or password")
        return
    valid_name(new.host, "host")
    valid_name(new.username or "x", "username")
    if new.password is None:
        raise InvalidInput("password: is missing; give it with --password-stdin")
    if new.port is not None and not 0 < new.port < 65536:  # noqa: PLR2004 (TCP's ports)
        raise InvalidInput("port: expected a number from 1 to 65535")


def _mailbox(mailbox_id: int, user: User, address: str, new: NewMailbox, box: SecretBox) -> Mailbox:
    if new.host is None:
        return Mailbox(mailbox_id, user.id, new.protocol, address, None, None, None, None, None, MailboxState.ACTIVE)
    port = new.port or _PORTS[new.protocol, new.security]
    sealed = box.seal(new.password or "", password_context(mailbox_id))
    return Mailbox(
        mailbox_id,
        user.id,
        new.protocol,
        address,
        new.host,
        port,
        new.security,
        new.username or address,
        sealed,
        MailboxState.ACTIVE,
    )
