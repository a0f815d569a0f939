"""Withholding single e-mails and conversations by hand (section 4): the owner's, and nobody else's."""

from dataclasses import dataclass

from postroom.actions.actor import Actor, require_self
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput, NotFound
from postroom.actions.lookups import get_user, parse_id
from postroom.actions.visible_records import get_record_for
from postroom.core.model import OwnEmail, User
from postroom.storage import own_mail
from postroom.storage.database import Database, lock_matching
from postroom.storage.withholding import withhold_email, withhold_thread

_KEY_BYTES = 32
_SHOWN, _WITHHELD = "shown", "withheld"


@dataclass(frozen=True, slots=True)
class WithholdEmail:
    """Withhold one e-mail from everyone but its owner, with every copy that the owner has of it, or release it."""

    user: str
    email: str
    withheld: bool = True

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        user, key = _own(transaction, self.user), parse_email_id(self.email)
        if not own_mail.has_email(connection, user.id, key):
            raise NotFound(f"{user.email} has no e-mail {self.email}; 'postroom mail list' shows them")
        before = own_mail.is_email_withheld(connection, user.id, key)
        if before != self.withheld:
            withhold_email(connection, user.id, key, transaction.now if self.withheld else None)
        _write_down(transaction, f"e-mail {self.email}", user, before, after=self.withheld)


@dataclass(frozen=True, slots=True)
class WithholdThread:
    """Withhold a conversation, with what will come to it, from everyone but its owner, or release it."""

    user: str
    thread: str
    withheld: bool = True

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        user, thread_id = _own(transaction, self.user), parse_id(self.thread)
        if thread_id is None:
            raise InvalidInput(f"thread: {self.thread!r} is not an id")
        before = own_mail.is_thread_withheld(connection, user.id, thread_id)
        if before is None:
            raise NotFound(f"{user.email} has no conversation {self.thread}; 'postroom mail list' shows them")
        if before != self.withheld:
            withhold_thread(connection, thread_id, transaction.now if self.withheld else None)
        _write_down(transaction, f"conversation {self.thread}", user, before, after=self.withheld)


def list_own_emails(
    database: Database,
    user_email: str,
    reference: str | None = None,
    *,
    by: Actor,
    limit: int,
    before: int | None = None,
) -> list[OwnEmail]:
    """Give a user's own e-mails, of all or on one record, the newest first, or those before a place.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        user = get_user(connection, user_email)
        require_self(by, user.id, "or read the own mail")
        record_id = None if reference is None else get_record_for(connection, by, reference)[1].id
        return own_mail.read_own_emails(connection, user.id, limit, record_id=record_id, before=before)


def email_id(key: bytes) -> str:
    """Give an e-mail's id as people and the API write it."""
    return key.hex()


def parse_email_id(text: str) -> bytes:
    """Give the key that an e-mail's id stands for. Raises InvalidInput."""
    if len(text) == 2 * _KEY_BYTES and all(character in "0123456789abcdef" for character in text):
        return bytes.fromhex(text)
    raise InvalidInput(f"email: {text[:80]!r} is not an e-mail's id")


def _own(transaction: Transaction, user_email: str) -> User:
    user = get_user(transaction.connection, user_email)
    require_self(transaction.by, user.id, "what of the own mail is withheld")
    lock_matching(transaction.connection, exclusive=True)
    return user


def _write_down(transaction: Transaction, subject: str, user: User, before: bool, *, after: bool) -> None:
    words = [_WITHHELD if withheld else _SHOWN for withheld in (before, after)]
    transaction.write_down("withheld by hand", subject, *words, owner_id=user.id)
