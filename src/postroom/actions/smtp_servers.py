"""Through which servers mailboxes send, and who logs in there."""

from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.errors import InvalidInput, LoginFailed, NotAllowed
from postroom.actions.lookups import get_mailbox, valid_name
from postroom.actions.mail_access import refresh_access
from postroom.actions.mailboxes import TRIED_FOR, stored_login, valid_authority
from postroom.core.model import Mailbox, Security, SmtpServer
from postroom.mail.server import Login, MailServerError, Server
from postroom.mail.smtp import try_login
from postroom.storage.database import Database
from postroom.storage.mailbox_grants import grant_of
from postroom.storage.mailboxes import mailbox_of
from postroom.storage.sealed import SMTP_PASSWORD
from postroom.storage.secrets import SecretBox
from postroom.storage.smtp_servers import set_smtp_server, smtp_server_of

_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 587}  # RFC 8314, section 3.3; RFC 6409
_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class NewSmtpServer:
    """A server to send through; without a user name and a password it is logged in to as the mailbox is.

    `ca_certificates` (PEM) are those of its own authority, which are trusted in place of the system's.
    """

    host: str
    port: int | None = None
    security: Security = Security.TLS
    username: str | None = None
    password: str | None = None
    ca_certificates: str | None = None


def set_mailbox_smtp(database: Database, box: SecretBox, address: str, new: NewSmtpServer) -> SmtpServer:
    """Set the server through which a connected mailbox sends. Raises NotFound, InvalidInput."""
    with database.write() as connection:
        return set_smtp(connection, box, get_mailbox(connection, address), new)


def set_smtp(connection: Connection, box: SecretBox, mailbox: Mailbox, new: NewSmtpServer) -> SmtpServer:
    """Set it within a transaction. Raises InvalidInput."""
    host = valid_name(new.host, "smtp-host")
    if (new.username is None) != (new.password is None):
        raise InvalidInput("username: a login of its own has both a user name and a password")
    if new.username is None and mailbox.sealed_password is None and grant_of(connection, mailbox.id) is None:
        raise InvalidInput("username: is missing; the mailbox has no login that could be used")
    if new.port is not None and not 0 < new.port <= _LARGEST_PORT:
        raise InvalidInput("smtp-port: expected a number from 1 to 65535")
    username = None if new.username is None else valid_name(new.username, "username")
    sealed = None if new.password is None else SMTP_PASSWORD.seal(connection, box, mailbox.id, new.password)
    authority = valid_authority(new.ca_certificates)
    port = new.port or _PORTS[new.security]
    server = SmtpServer(mailbox.id, host, port, new.security, username, sealed, authority)
    set_smtp_server(connection, server)
    return server


def smtp_login(connection: Connection, box: SecretBox, user_id: int) -> tuple[Server, Login]:
    """Give the server of a user's mailbox, and the login. Raises NotAllowed, SecretKeyError."""
    mailbox = mailbox_of(connection, user_id)
    server = None if mailbox is None else smtp_server_of(connection, mailbox.id)
    if mailbox is None or server is None:
        raise NotAllowed("there is no server to send through; 'postroom mailbox smtp' sets one")
    login = _login(connection, box, mailbox, server)
    if login is None:
        raise NotAllowed("there is no login for the server to send through; 'postroom mailbox smtp' sets one")
    where = Server(server.host, server.port, Security(server.security), server.ca_certificates)
    return where, login


def try_smtp(database: Database, box: SecretBox, mailbox: Mailbox, *, now: int) -> None:
    """Log in where a mailbox sends, and send nothing. Raises LoginFailed, NotAllowed, SecretKeyError."""
    try:
        refresh_access(database, box, mailbox.id, now=now)
        with database.read() as connection:
            server, login = smtp_login(connection, box, mailbox.user_id)
        try_login(server, login, TRIED_FOR)
    except MailServerError as error:
        raise LoginFailed(str(error)) from error


def refresh_sending(database: Database, box: SecretBox, user_id: int, *, now: int) -> None:
    """See to it that the access token with which a user's mail is sent, if there is one, lasts for a while.

    Raises MailServerError, SecretKeyError.
    """
    with database.read() as connection:
        mailbox = mailbox_of(connection, user_id)
    if mailbox is not None:
        refresh_access(database, box, mailbox.id, now=now)


def _login(connection: Connection, box: SecretBox, mailbox: Mailbox, server: SmtpServer) -> Login | None:
    if server.username is None or server.sealed_password is None:
        return stored_login(connection, box, mailbox)
    return Login(server.username, SMTP_PASSWORD.open(box, mailbox.id, server.sealed_password))
