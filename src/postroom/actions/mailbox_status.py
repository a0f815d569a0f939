"""How it stands with reading mailboxes, and what a person does about it: pause, resume, read at once.

A user's own mailbox, and anybody's for administrators; to others it is like not there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.errors import NotAllowed, NotFound
from postroom.actions.lookups import get_mailbox_for, get_user, require_server
from postroom.core.model import Mailbox, MailboxState, MailboxSync, SyncState
from postroom.storage import mailbox_sync, mailboxes, people
from postroom.storage.database import Database
from postroom.storage.folders import count_folders
from postroom.storage.mail import count_headers_only, count_letters_of, messages_to_come

_FED_BY_IMPORT = "fed_by_import"
MAILBOX_STATES = (*SyncState, MailboxState.PAUSED, MailboxState.DISCONNECTED, _FED_BY_IMPORT)


def state_in_a_word(state: str, sync_state: str, *, is_served: bool) -> str:
    """Give one of MAILBOX_STATES: what a person decided, else what the last pass came to."""
    if state != MailboxState.ACTIVE:
        return state
    return sync_state if is_served else _FED_BY_IMPORT


@dataclass(frozen=True, slots=True)
class MailboxStatus:
    """How it stands with a mailbox.

    `messages` are those stored, `folders` those that are read, and of them `in_agreement` those that hold what the
    server has, as of their last reading. `headers_only` are those of `messages` of which only the headers are here;
    `dead_letters` are not among them, because they could not be stored. `to_come` are those that a first reading has
    found on the server and not stored yet.
    """

    mailbox: Mailbox
    user: str
    messages: int
    sync: MailboxSync
    folders: int
    in_agreement: int
    headers_only: int
    dead_letters: int
    to_come: int

    @property
    def state(self) -> str:
        """Give the state in one word."""
        return state_in_a_word(self.mailbox.state, self.sync.state, is_served=self.mailbox.host is not None)

    @property
    def is_read(self) -> bool:
        """Say whether a worker reads it at all."""
        return self.mailbox.state == MailboxState.ACTIVE and self.mailbox.host is not None

    def is_being_read(self, now: int) -> bool:
        """Say whether somebody is at it at `now` (epoch seconds)."""
        return self.sync.lease_until is not None and self.sync.lease_until > now

    def lag(self, now: int) -> int | None:
        """Give for how many seconds it has not been known to agree with its server; None where it never did."""
        return None if self.sync.complete_at is None else now - self.sync.complete_at

    def as_json(self, now: int, in_words: Callable[[int], str]) -> dict[str, object]:
        """Give it as every API shows it, with times as `in_words` writes them."""
        sync = self.sync
        next_try_at = sync.next_try_at if self.is_read else None
        times = {"complete_at": sync.complete_at, "passed_at": sync.passed_at, "next_try_at": next_try_at}
        return {
            "state": self.state,
            "is_being_read": self.is_being_read(now),
            "lag_seconds": self.lag(now),
            **{name: None if at is None else in_words(max(at, 0)) for name, at in times.items()},
            "failures": sync.failures,
            "trouble": sync.trouble,
            "error": sync.error,
            "messages": self.messages,
            "messages_to_come": self.to_come,
            "messages_with_headers_only": self.headers_only,
            "dead_letters": self.dead_letters,
            "folders": self.folders,
            "folders_in_agreement": self.in_agreement,
        }


def read_statuses(database: Database, *, by: Actor) -> list[MailboxStatus]:
    """Give how it stands with every mailbox, by address, also those disconnected. For administrators.

    Raises NotAllowed.
    """
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read how it stands with the mailboxes of others")
    with database.read() as connection:
        return _statuses(connection, mailboxes.list_mailboxes(connection))


def read_status(database: Database, reference: str, *, by: Actor) -> MailboxStatus:
    """Give how it stands with a connected mailbox, named by address or id. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        mailbox = get_mailbox_for(connection, reference, by)
        (status,) = _statuses(connection, mailboxes.list_mailboxes(connection, mailbox.id))
        return status


def own_reference(database: Database, email: str) -> str:
    """Give the id by which a user's connected mailbox is named here. Raises NotFound."""
    with database.read() as connection:
        mailbox = mailboxes.mailbox_of(connection, get_user(connection, email).id)
    if mailbox is None:
        raise NotFound(f"{email} has no connected mailbox")
    return str(mailbox.id)


def set_paused(database: Database, reference: str, *, paused: bool, by: Actor, now: int) -> MailboxStatus:
    """Pause the reading of a mailbox, or resume it at `now`; a pass in hand stores nothing more.

    Raises NotFound, NotAllowed, InvalidInput.
    """
    state = MailboxState.PAUSED if paused else MailboxState.ACTIVE
    with database.write() as connection:
        mailbox = get_mailbox_for(connection, reference, by)
        require_server(mailbox)
        mailboxes.set_mailbox_state(connection, mailbox.id, state)
        if paused:
            mailbox_sync.end_lease(connection, mailbox.id)
        else:
            mailbox_sync.ask_for_pass(connection, mailbox.id, now)
        if state != mailbox.state:
            before, after = {"state": mailbox.state}, {"state": state}
            Transaction(connection, by, now).write_down(
                "mailbox", f"mailbox {mailbox.address}", before, after, owner_id=mailbox.user_id
            )
    return read_status(database, str(mailbox.id), by=by)


def ask_for_pass(database: Database, reference: str, *, by: Actor, now: int) -> MailboxStatus:
    """Let a worker read a mailbox at once, whatever it waits for. Raises NotFound, NotAllowed, InvalidInput."""
    with database.write() as connection:
        mailbox = get_mailbox_for(connection, reference, by)
        require_server(mailbox)
        if mailbox.state == MailboxState.PAUSED:
            raise NotAllowed(f"{mailbox.address} is paused; resume it first")
        mailbox_sync.ask_for_pass(connection, mailbox.id, now)
    return read_status(database, str(mailbox.id), by=by)


def _statuses(connection: Connection, listed: list[tuple[Mailbox, int]]) -> list[MailboxStatus]:
    ids = [mailbox.id for mailbox, _ in listed]
    emails, syncs = people.emails_by_id(connection), mailbox_sync.sync_of(connection, ids)
    folders, letters = count_folders(connection, ids), count_letters_of(connection, ids)
    headers_only, to_come = count_headers_only(connection, ids), messages_to_come(connection, ids)
    return [
        MailboxStatus(
            each,
            emails[each.user_id],
            messages,
            syncs[each.id],
            *folders.get(each.id, (0, 0)),
            headers_only=headers_only.get(each.id, 0),
            dead_letters=letters.get(each.id, 0),
            to_come=to_come.get(each.id, 0),
        )
        for each, messages in listed
    ]
