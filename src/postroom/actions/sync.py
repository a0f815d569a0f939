"""One pass over an IMAP mailbox: every folder, every message that is not stored yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from postroom.actions.errors import InvalidInput
from postroom.actions.mailboxes import mailbox_login
from postroom.actions.store_mail import MailReport, Problem, RawMessage, store_messages
from postroom.core.model import Kind, Mailbox
from postroom.mail.imap import Folder, FolderFailed, Session, open_session
from postroom.storage.database import Database
from postroom.storage.mail import Source, stored_uids
from postroom.storage.secrets import SecretBox

Progress = Callable[[str, int, int], None]  # folder, messages done, messages to do


@dataclass(frozen=True, slots=True)
class Course:
    """How a pass is watched and steered.

    It hears of the pass's progress. Between two messages it may stop the pass, which then stores what it has in hand.
    In each transaction it may refuse what was read, because somebody else reads the mailbox now.
    """

    on_progress: Progress
    should_stop: Callable[[], bool]
    check: Callable[[Connection], None]


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What became of one folder: `skipped` and `failed` say why it was not read to its end."""

    name: str
    stored: int = 0
    known: int = 0
    dead_letters: int = 0
    skipped: str | None = None
    failed: str | None = None


@dataclass(slots=True)
class SyncReport:
    """What became of one pass; `stopped` says that it was not let to its end."""

    folders: list[FolderReport] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    stopped: bool = False


def sync_mailbox(database: Database, box: SecretBox, mailbox: Mailbox, course: Course, *, now: int) -> SyncReport:
    """Store at `now` (epoch seconds) what a mailbox's folders hold and is not stored yet.

    Drafts, junk and trash are left alone. Raises InvalidInput, MailServerError, SecretKeyError, and what the course
    raises. A folder that fails stops no other, unless its server is busy.
    """
    if mailbox.protocol != Kind.IMAP:
        raise InvalidInput(f"mailbox: {mailbox.address} is a POP mailbox; only IMAP can be synchronised so far")
    server, login = mailbox_login(mailbox, box)
    report = SyncReport()
    with open_session(server, login) as session:
        for folder in session.folders():
            report.folders.append(_sync_folder(database, mailbox, session, folder, report.problems, course, now))
            if course.should_stop():
                report.stopped = True
                break
    return report


def _sync_folder(
    database: Database,
    mailbox: Mailbox,
    session: Session,
    folder: Folder,
    problems: list[Problem],
    course: Course,
    now: int,
) -> FolderReport:
    if folder.skipped is not None:
        return FolderReport(folder.name, skipped=folder.skipped)
    report = MailReport()
    try:
        state = session.select(folder.name)
        source = Source(mailbox.user_id, Kind.IMAP, mailbox.id, folder.name, state.uidvalidity)
        new = _not_stored(database, source, state.uids)
        messages = _fetch(session, folder.name, new, course)
        store_messages(database, source, messages, report, now=now, check=course.check)
    except FolderFailed as error:
        return FolderReport(folder.name, report.stored, dead_letters=report.dead_letters, failed=str(error))
    finally:
        problems += report.problems
    return FolderReport(folder.name, report.stored, len(state.uids) - len(new), report.dead_letters)


def _not_stored(database: Database, source: Source, uids: Sequence[int]) -> list[int]:
    with database.read() as connection:
        stored = stored_uids(connection, source)
    return [uid for uid in uids if str(uid) not in stored]


def _fetch(session: Session, folder: str, uids: Sequence[int], course: Course) -> Iterator[RawMessage]:
    """Yield messages until the course stops; one that was expunged meanwhile is no longer mail of the mailbox."""
    for done, fetched in enumerate(session.fetch(uids), start=1):
        if fetched.raw is not None:
            yield RawMessage(str(fetched.uid), fetched.raw, f"{folder} message {fetched.uid}", fetched.truncated)
        course.on_progress(folder, done, len(uids))
        if course.should_stop():
            return
