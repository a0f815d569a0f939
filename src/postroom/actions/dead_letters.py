"""Dead letters: messages that could not be stored, until they can be."""

from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import InvalidInput, NotFound
from postroom.actions.lookups import get_user, parse_id
from postroom.actions.store_mail import MailReport, RawMessage, read_messages, store_batch
from postroom.core.model import DeadLetter, Kind
from postroom.storage import dead_letters, people
from postroom.storage.database import Database
from postroom.storage.folders import compare_whole
from postroom.storage.mail import Source, digest_of, holds_message
from postroom.storage.places import NO_UIDVALIDITY


class ListedLetter(NamedTuple):
    """A dead letter and the e-mail address of the user whose mail it is."""

    letter: DeadLetter
    owner: str


@dataclass(slots=True)
class ReplayReport:
    """What became of the letters that were tried again; `failed` have their new reason."""

    stored: int
    failed: list[DeadLetter]


def list_dead_letters(
    database: Database, user_email: str | None = None, *, by: Actor, limit: int, after: int = 0
) -> list[ListedLetter]:
    """Give the letters that the actor may know of, of all users or of one, the oldest first, or those after an id.

    Raises NotFound, InvalidInput.
    """
    with database.read() as connection:
        user_id = None if user_email is None else get_user(connection, user_email).id
        if not by.is_administrator:
            if user_id not in (None, by.user_id):
                return []
            user_id = by.user_id
        emails = people.emails_by_id(connection)
        found = dead_letters.list_letters(connection, limit, user_id=user_id, after=after)
        return [ListedLetter(letter, emails[letter.user_id]) for letter in found]


def show_dead_letter(database: Database, reference: str, *, by: Actor) -> tuple[ListedLetter, bytes]:
    """Give a letter and the message as it came: to its owner, whose mail it is, and to the command line.

    Raises NotFound, InvalidInput.
    """
    with database.read() as connection:
        letter = _get(connection, reference)
        if not by.acts_for(letter.user_id):
            raise _no_letter(reference)
        owner = people.emails_by_id(connection)[letter.user_id]
        return ListedLetter(letter, owner), dead_letters.raw_of(connection, letter.id)


def replay_dead_letter(database: Database, reference: str, *, by: Actor, now: int) -> ReplayReport:
    """Try to store one letter again at `now` (epoch seconds). Raises NotFound, InvalidInput."""
    with database.write() as connection:
        letter = _get(connection, reference)
        if not (by.is_administrator or by.acts_for(letter.user_id)):
            raise _no_letter(reference)
        return _replay(connection, letter, now)


def replay_dead_letters(database: Database, *, by: Actor, now: int) -> ReplayReport:
    """Try to store all letters again that the actor may know of, each in a transaction of its own."""
    report, after = ReplayReport(0, []), 0
    while listed := list_dead_letters(database, by=by, limit=1, after=after):
        after = listed[0].letter.id
        with database.write() as connection:
            again = dead_letters.find_letter(connection, after)
            one = ReplayReport(0, []) if again is None else _replay(connection, again, now)
        report.stored += one.stored
        report.failed += one.failed
    return report


def _replay(connection: Connection, letter: DeadLetter, now: int) -> ReplayReport:
    """Store a letter, or keep it with the reason of this time.

    The next pass compares all of its folder: what is there no more is called gone then, and what did not come at all is
    asked for again. A letter that is stored in another place of its mailbox already is forgotten.
    """
    source = Source(letter.user_id, Kind(letter.kind), letter.mailbox_id, letter.folder, letter.uidvalidity)
    raw = dead_letters.raw_of(connection, letter.id)
    if letter.mailbox_id is not None and letter.uidvalidity != NO_UIDVALIDITY:
        compare_whole(connection, letter.mailbox_id, letter.folder)
        is_stored = holds_message(connection, letter.mailbox_id, digest_of(raw))
        if is_stored or letter.size == 0:
            dead_letters.forget_letters(connection, source, [letter.uid])
            return ReplayReport(int(is_stored), [])
    came = RawMessage(letter.uid, raw, letter.place, letter.truncated)
    report = MailReport()
    store_batch(connection, source, read_messages([came]), report, now=now, by_hand_on=letter.record_id)
    kept = dead_letters.find_letter(connection, letter.id)
    return ReplayReport(report.stored + report.known, [] if kept is None else [kept])


def _get(connection: Connection, reference: str) -> DeadLetter:
    letter_id = parse_id(reference)
    if letter_id is None:
        raise InvalidInput(f"letter: {reference!r} is not an id")
    letter = dead_letters.find_letter(connection, letter_id)
    if letter is None:
        raise _no_letter(reference)
    return letter


def _no_letter(reference: str) -> NotFound:
    return NotFound(f"there is no dead letter {reference}; 'postroom deadletter list' shows them")
