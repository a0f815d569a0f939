"""Users' mailboxes: connecting, listing, disconnecting."""

from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.errors import AlreadyThere, InvalidInput, LoginFailed, LoginRefused, NotAllowed
from postroom.actions.lookups import get_mailbox, get_mailbox_for, get_user, valid_address, valid_name
from postroom.actions.mail_access import Granted, access_token, refresh_access, store_access
from postroom.core.addresses import normalise_address
from postroom.core.model import Kind, Mailbox, MailboxState, Security, User
from postroom.mail.imap_connection import imap_connection
from postroom.mail.pop_connection import pop_connection
from postroom.mail.server import AuthenticationFailed, GuardError, Login, MailServerError, Server, check_arguments
from postroom.storage import mailboxes, people
from postroom.storage.database import Database
from postroom.storage.ids import take_id
from postroom.storage.mailbox_grants import delete_grant
from postroom.storage.mailbox_sync import ask_for_pass, end_lease
from postroom.storage.sealed import MAILBOX_PASSWORD
from postroom.storage.secrets import SecretBox
from postroom.storage.smtp_servers import delete_smtp_server

_PORTS = {
    ("imap", Security.TLS): 993,
    ("imap", Security.STARTTLS): 143,
    ("imap", Security.NONE): 143,
    ("pop", Security.TLS): 995,
    ("pop", Security.STARTTLS): 110,
    ("pop", Security.NONE): 110,
}
_CONNECTIONS = {Kind.IMAP: imap_connection, Kind.POP: pop_connection}
_NO_CERTIFICATES = "ca_certificates: expected certificates in PEM form"
TRIED_FOR = 20  # seconds for each answer: somebody waits


@dataclass(frozen=True, slots=True)
class NewMailbox:
    """A mailbox to be added; without a host it is fed by import alone.

    `ca_certificates` (PEM) are those of the server's own authority, which are trusted in place of the system's.
    `granted` is what its provider allowed, in place of a password.
    """

    protocol: str
    address: str | None = None
    host: str | None = None
    port: int | None = None
    security: Security = Security.TLS
    username: str | None = None
    password: str | None = None
    ca_certificates: str | None = None
    granted: Granted | None = None


def connect_mailbox(database: Database, box: SecretBox, email: str, new: NewMailbox, *, by: Actor, now: int) -> Mailbox:
    """Log in to a mailbox, and connect it to a user if that succeeds.

    Raises LoginFailed with what to do, and what `add_mailbox` raises.
    """
    with database.read() as connection:
        user = _require_allowed(connection, email, new, by)
        _require_none_yet(connection, user)
        if by.is_administrator:  # to others it would say which addresses are connected, before they are let in there
            _require_unconnected(connection, valid_address(new.address or email, "address"))
    if new.host is not None:
        _try(new.protocol, _server(new, new.host), _login(new, valid_address(new.address or email, "address")))
    return add_mailbox(database, box, email, new, by=by, now=now)


def add_mailbox(database: Database, box: SecretBox, email: str, new: NewMailbox, *, by: Actor, now: int) -> Mailbox:
    """Connect a mailbox to a user, who has one at a time, without logging in.

    Raises NotAllowed, AlreadyThere, NotFound, InvalidInput.
    """
    with database.write() as connection:
        user = _require_allowed(connection, email, new, by)
        address = valid_address(new.address or email, "address")
        _require_none_yet(connection, user)
        _require_unconnected(connection, address)
        mailbox = _mailbox(connection, user, address, new, box)
        mailboxes.insert_mailbox(connection, mailbox)
        if new.granted is not None:
            store_access(connection, box, mailbox.id, new.granted)
        Transaction(connection, by, now).write_down(
            "mailbox", f"mailbox {address}", None, _in_words(mailbox, user), owner_id=user.id
        )
    return mailbox


def require_room(database: Database, email: str, address: str | None, *, by: Actor) -> None:
    """Raise what `add_mailbox` raises of a user and an address, before servers are looked up and passwords asked for.

    For administrators: it says which addresses are connected. Raises NotAllowed, AlreadyThere, NotFound, InvalidInput.
    """
    if not by.is_administrator:
        raise NotAllowed("only an administrator may connect mailboxes of others")
    with database.read() as connection:
        _require_none_yet(connection, get_user(connection, email))
        _require_unconnected(connection, valid_address(address or email, "address"))


def list_mailboxes(database: Database) -> list[tuple[Mailbox, str, int]]:
    """Give every mailbox, by address, with its user's e-mail address and its number of copies."""
    with database.read() as connection:
        emails = {user.id: user.email for user in people.users_by_email(connection).values()}
        return [(mailbox, emails[mailbox.user_id], copies) for mailbox, copies in mailboxes.list_mailboxes(connection)]


def own_mailbox(database: Database, email: str) -> Mailbox | None:
    """Give a user's connected mailbox. Raises NotFound."""
    with database.read() as connection:
        return mailboxes.mailbox_of(connection, get_user(connection, email).id)


def disconnect_mailbox(database: Database, reference: str, *, by: Actor, now: int) -> Mailbox:
    """Disconnect a mailbox, named by address or id; its mail stays, under the same law, and no secret does.

    A user's own; anybody's for administrators. Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.write() as connection:
        mailbox = get_mailbox(connection, reference)
        _require_owner_or_administrator(by, mailbox.user_id)
        mailboxes.set_mailbox_state(connection, mailbox.id, MailboxState.DISCONNECTED)
        end_lease(connection, mailbox.id)
        delete_grant(connection, mailbox.id)
        mailboxes.set_mailbox_password(connection, mailbox.id, None)
        delete_smtp_server(connection, mailbox.id)
        before = _in_words(mailbox, people.users_by_id(connection)[mailbox.user_id])
        Transaction(connection, by, now).write_down(
            "mailbox", f"mailbox {mailbox.address}", before, None, owner_id=mailbox.user_id
        )
    return mailbox


def renew_login(
    database: Database, box: SecretBox, reference: str, secret: str | Granted, *, by: Actor, now: int
) -> Mailbox:
    """Give a mailbox that is there another password, or what its provider allowed, if its server lets us in with it.

    A user's own; anybody's for administrators; to others it is like not there. Raises NotFound, InvalidInput,
    LoginFailed.
    """
    with database.read() as connection:
        mailbox = get_mailbox_for(connection, reference, by)
    server = _server_of(mailbox)
    login = _login_with(mailbox.username or mailbox.address, secret)
    _try(mailbox.protocol, server, login)
    with database.write() as connection:
        mailbox = get_mailbox(connection, str(mailbox.id))
        _store_login(connection, box, mailbox, secret)
        ask_for_pass(connection, mailbox.id, now, login_worked=True)
        what = "password" if isinstance(secret, str) else "access token"
        Transaction(connection, by, now).write_down(
            "login of a mailbox", f"mailbox {mailbox.address}", None, f"another {what}", owner_id=mailbox.user_id
        )
    return mailbox


def login_name(database: Database, reference: str) -> str:
    """Give who logs in to a connected mailbox, named by address or id. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        mailbox = get_mailbox(connection, reference)
    return mailbox.username or mailbox.address


def mailbox_login(database: Database, box: SecretBox, mailbox: Mailbox, *, now: int) -> tuple[Server, Login]:
    """Give where a mailbox is served, and who logs in there at `now` (epoch seconds), with an access token that lasts.

    Raises InvalidInput, SecretKeyError, MailServerError.
    """
    server = _server_of(mailbox)
    refresh_access(database, box, mailbox.id, now=now)
    with database.read() as connection:
        login = stored_login(connection, box, mailbox)
    if login is None:
        raise InvalidInput(f"mailbox: {mailbox.address} has no login; give one with 'postroom mailbox login'")
    return server, login


def stored_login(connection: Connection, box: SecretBox, mailbox: Mailbox) -> Login | None:
    """Give who logs in to a mailbox, None where it is fed by import. Raises SecretKeyError."""
    username = mailbox.username or mailbox.address
    token = access_token(connection, box, mailbox.id)
    if token is not None:
        return Login(username, token, is_token=True)
    if mailbox.sealed_password is None:
        return None
    return Login(username, MAILBOX_PASSWORD.open(box, mailbox.id, mailbox.sealed_password))


def _store_login(connection: Connection, box: SecretBox, mailbox: Mailbox, secret: str | Granted) -> None:
    if isinstance(secret, str):
        delete_grant(connection, mailbox.id)
        sealed = MAILBOX_PASSWORD.seal(connection, box, mailbox.id, secret)
        mailboxes.set_mailbox_password(connection, mailbox.id, sealed)
    else:
        store_access(connection, box, mailbox.id, secret)
        mailboxes.set_mailbox_password(connection, mailbox.id, None)


def _server_of(mailbox: Mailbox) -> Server:
    if mailbox.host is None or mailbox.port is None:
        raise InvalidInput(f"mailbox: {mailbox.address} has no server; it is fed by 'postroom import mail'")
    return Server(mailbox.host, mailbox.port, Security(mailbox.security or ""), mailbox.ca_certificates)


def valid_authority(certificates: str | None) -> str | None:
    """Give the certificates (PEM) of a server's own authority. Raises InvalidInput where they are none."""
    try:
        Server("", 0, Security.TLS, certificates).tls()
    except GuardError as error:
        raise InvalidInput(_NO_CERTIFICATES) from error
    if certificates == "":  # which ssl would take for none
        raise InvalidInput(_NO_CERTIFICATES)
    return certificates


def _require_allowed(connection: Connection, email: str, new: NewMailbox, by: Actor) -> User:
    """Give the user to whom the actor may connect a mailbox as it is. Raises an ActionError."""
    _check_server(new)
    user = get_user(connection, email)
    address = valid_address(new.address or email, "address")
    _require_owner_or_administrator(by, user.id)
    if not by.is_administrator:
        _require_confirmed(connection, user, address, new)
    return user


def _require_none_yet(connection: Connection, user: User) -> None:
    if mailboxes.mailbox_of(connection, user.id) is not None:
        raise AlreadyThere(f"{user.email} has a mailbox already; disconnect it first")


def _require_unconnected(connection: Connection, address: str) -> None:
    if mailboxes.find_mailbox(connection, address) is not None:
        raise AlreadyThere(f"the mailbox {address} is connected already")


def _require_owner_or_administrator(by: Actor, user_id: int) -> None:
    """Raise NotAllowed unless the actor acts for this user, or administers."""
    if not (by.is_administrator or by.acts_for(user_id)):
        raise NotAllowed("only the user or an administrator may change a mailbox")


def _require_confirmed(connection: Connection, user: User, address: str, new: NewMailbox) -> None:
    """Raise NotAllowed where a user asserts what only an administrator can know.

    A server that any user could name would be one through which users reach into the network of this machine; and
    an address is the user's own because an administrator says so, or because its password was right.
    """
    if new.host is None:
        raise NotAllowed("only an administrator adds a mailbox that is fed by import")
    server = _server(new, new.host)
    known = (new.protocol, server.host, server.port, server.security, server.ca_certificates)
    if not mailboxes.is_server_known(connection, *known):
        raise NotAllowed(
            f"no mailbox of the organisation is at {server} ({new.protocol}, {server.security}) yet; an administrator"
            " connects the first one"
        )
    if address not in (user.email, normalise_address(new.username or address)):
        raise NotAllowed("the address is neither yours nor the one that logs in; an administrator can connect it")


def _check_server(new: NewMailbox) -> None:
    if new.protocol not in ("imap", "pop"):
        raise InvalidInput(f"protocol: expected imap or pop, not {new.protocol!r}")
    if new.host is None:
        if new.port or new.username or new.password or new.ca_certificates or new.granted:
            raise InvalidInput("host: is missing; a mailbox without one is fed by import and has no port or password")
        return
    valid_name(new.host, "host")
    valid_name(new.username or "x", "username")
    valid_authority(new.ca_certificates)
    if (new.password is None) == (new.granted is None):
        raise InvalidInput("password: is missing; give it with --password-stdin, or a provider with --oauth")
    if new.port is not None and not 0 < new.port < 65536:  # noqa: PLR2004 (TCP's ports)
        raise InvalidInput("port: expected a number from 1 to 65535")


def _server(new: NewMailbox, host: str) -> Server:
    return Server(host, new.port or _PORTS[new.protocol, new.security], new.security, new.ca_certificates)


def _login(new: NewMailbox, address: str) -> Login:
    return _login_with(new.username or address, new.granted or new.password or "")


def _login_with(username: str, secret: str | Granted) -> Login:
    if isinstance(secret, str):
        return Login(username, secret)
    return Login(username, secret.tokens.access_token, is_token=True)


def _try(protocol: str, server: Server, login: Login) -> None:
    try:
        check_arguments(server, login)
        with _CONNECTIONS[Kind(protocol)](server, login, TRIED_FOR):
            pass
    except AuthenticationFailed as error:
        raise LoginRefused(str(error)) from error
    except MailServerError as error:
        raise LoginFailed(str(error)) from error


def _mailbox(connection: Connection, user: User, address: str, new: NewMailbox, box: SecretBox) -> Mailbox:
    mailbox_id, state = take_id(connection), MailboxState.ACTIVE
    if new.host is None:
        return Mailbox(mailbox_id, user.id, new.protocol, address, None, None, None, None, None, state, None)
    server, login = _server(new, new.host), _login(new, address)
    return Mailbox(
        mailbox_id,
        user.id,
        new.protocol,
        address,
        server.host,
        server.port,
        server.security,
        login.username,
        None if login.is_token else MAILBOX_PASSWORD.seal(connection, box, mailbox_id, login.password),
        state,
        server.ca_certificates,
    )


def _in_words(mailbox: Mailbox, user: User) -> dict[str, object]:
    """Give a mailbox as the audit shows it."""
    server = None if mailbox.host is None else f"{mailbox.host}:{mailbox.port} {mailbox.security}"
    return {"user": user.email, "protocol": mailbox.protocol, "server": server, "username": mailbox.username}
