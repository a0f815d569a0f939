"""One pass over a mailbox: what its server has is compared with what is stored, folder by folder."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from postroom.actions.errors import NotFound
from postroom.actions.mailbox_pass import Check, MailboxPass, Progress, SyncReport
from postroom.actions.mailboxes import mailbox_login
from postroom.actions.sync_imap import ImapPass
from postroom.actions.sync_pop import PopPass
from postroom.core.model import Kind, Mailbox
from postroom.mail.imap import Session, open_session
from postroom.mail.pop import open_pop_session
from postroom.mail.server import DEFAULT_TIMEOUT, Login, Server
from postroom.storage.database import Database
from postroom.storage.folders import begin_history
from postroom.storage.mailboxes import mailbox_by_id
from postroom.storage.secrets import SecretBox

HISTORY_SECONDS = 365 * 86400  # how far the mail goes back that a first pass stores, unless it is told

Connect = Callable[[Server, Login, float], AbstractContextManager[Session]]


def sync_mailbox(
    database: Database,
    box: SecretBox,
    mailbox_id: int,
    now: int,
    *,
    since: int | None = None,
    on_progress: Progress = lambda *_: None,
    timeout: float = DEFAULT_TIMEOUT,
    check: Check = lambda _: None,
    connect: Connect = open_session,
    clock: Callable[[], int] | None = None,
) -> SyncReport:
    """Bring what is stored of a mailbox to what its server has at `now` (epoch seconds).

    `since` (epoch seconds, 0 for all) is how old mail may be from now on; None leaves that as it is, a year at first.
    The server has `timeout` seconds to say something. What `on_progress` raises ends the pass, after which everything
    up to there is stored. `check` is called first in each transaction, and what it raises ends the pass before anything
    more is written. `connect` opens IMAP sessions. `clock` (epoch seconds) tells a long pass the time, so that each
    connection has a login that is good then: access tokens expire after an hour as a rule.
    Raises NotFound, NotAllowed, InvalidInput, MailServerError, SecretKeyError. A folder that fails stops no other.
    """
    mailbox = _begun(database, mailbox_id, now - HISTORY_SECONDS, since)
    run = MailboxPass(database, mailbox, now, on_progress, check)

    def login() -> tuple[Server, Login]:
        return mailbox_login(database, box, mailbox, now=now if clock is None else clock())

    if mailbox.protocol == Kind.POP:
        PopPass(run, lambda: open_pop_session(*login(), timeout)).sync()
    else:
        ImapPass(run, lambda: connect(*login(), timeout)).sync()
    run.purge()
    return run.report


def _begun(database: Database, mailbox_id: int, first_since: int, since: int | None) -> Mailbox:
    """Give the mailbox, with how far its mail goes back."""
    with database.read() as connection:
        mailbox = mailbox_by_id(connection, mailbox_id)
    if mailbox is None:
        raise NotFound("there is no connected mailbox with this id")
    if since is None:
        since = first_since if mailbox.sync_since is None else mailbox.sync_since
    if since != mailbox.sync_since:
        with database.write() as connection:
            begin_history(connection, mailbox, since)
            mailbox = mailbox_by_id(connection, mailbox_id) or mailbox
    return mailbox
