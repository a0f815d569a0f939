"""What a pass does with the folders of a mailbox, whatever the protocol is.

A pass has three steps, in this order because mail moves between folders: compare every folder with what is stored of
it, store what is new, and only then call gone what was found nowhere. A copy that is missing in one folder and arrives
in another keeps its id, and with it everything that is tied to it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from postroom.actions.grace_period import is_purge_due, purge_mailbox
from postroom.actions.store_mail import (
    MailReport,
    Problem,
    RawMessage,
    batches,
    keep_unread,
    read_messages,
    store_batch,
)
from postroom.core.model import Folder, FolderState, Kind, Mailbox
from postroom.storage.database import Database
from postroom.storage.folders import add_folder, folders_of, forget_folder, save_folder
from postroom.storage.mail import Source, digest_of, stored_uids
from postroom.storage.places import (
    Arrival,
    Place,
    forget_other_letters,
    has_letters,
    lose_copies,
    move_copies,
    places_at,
    places_in,
    return_copies,
    set_flags,
    still_there,
)

DOUBT_SECONDS = 3600  # how long a folder must list empty until that is believed
DOUBTED_FROM = 10  # copies that would be gone with it: fewer are deleted by hand every day

Progress = Callable[[str, int, int], None]  # folder, messages done, messages to do
Check = Callable[[Connection], None]


@dataclass(slots=True)
class FolderReport:
    """What became of one folder: `skipped`, `doubted` and `failed` say why it was not read to its end."""

    name: str
    stored: int = 0
    known: int = 0
    dead_letters: int = 0
    moved: int = 0
    gone: int = 0
    skipped: str | None = None
    doubted: str | None = None
    failed: str | None = None


@dataclass(slots=True)
class SyncReport:
    """What became of one pass."""

    folders: list[FolderReport] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    purged: int = 0

    @property
    def differing(self) -> list[FolderReport]:
        """Give the folders that do not agree with the server; a pass without one is complete."""
        return [folder for folder in self.folders if folder.failed is not None or folder.doubted is not None]


@dataclass(slots=True)
class Comparison:
    """A folder as its server has it, beside what is stored of it.

    `after` is the folder as it will be once all of this is done. `wanted` are the UIDs that must be stored then; None
    where only what is new was listed. `departed` are places of copies that the server has there no more.
    """

    folder: Folder
    after: Folder
    report: FolderReport
    new: list[str] = field(default_factory=list)
    wanted: set[str] | None = None
    departed: list[Place] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=dict)
    lists_nothing: bool = False
    is_missing: bool = False
    ascends: bool = False  # what is new is stored in the order of UIDs, and the watermark moves with it
    vanished: set[str] = field(default_factory=set)  # listed, and gone before they could be fetched

    @property
    def departed_ids(self) -> set[int]:
        """The copies that may turn up in another folder."""
        return {place.copy_id for place in self.departed}


def _unsettled(folder: Folder) -> Folder:
    """Give a folder whose numbers explain nothing until it is settled: a pass that breaks off has all compared."""
    is_followed = folder.state == FolderState.FOLLOWING
    return replace(folder, state=FolderState.RECONCILING) if is_followed else folder


class MailboxPass:
    """One pass over one mailbox at `now` (epoch seconds).

    `check` is called first in each transaction that writes, and raises where nothing must be written any more.
    """

    def __init__(self, database: Database, mailbox: Mailbox, now: int, on_progress: Progress, check: Check) -> None:
        self.database = database
        self.mailbox = mailbox
        self.now = now
        self.report = SyncReport()
        self._on_progress = on_progress
        self._check = check
        with database.read() as connection:
            self.known = folders_of(connection, mailbox.id)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self.database.write() as connection:
            self._check(connection)
            yield connection

    def folder(self, name: str) -> Folder:
        """Give a folder as it is known, or add it."""
        if name not in self.known:
            with self._writing() as connection:
                self.known[name] = add_folder(connection, self.mailbox.id, name)
        return self.known[name]

    def save(self, folder: Folder) -> None:
        """Keep how far a folder was read."""
        with self._writing() as connection:
            save_folder(connection, folder)

    def announced(self, folder: Folder, messages: int) -> Folder:
        """Keep how many messages a folder is to have that is read for the first time: that may take hours."""
        if folder.state == FolderState.BACKFILLING:
            folder = replace(folder, messages=messages)
            self.save(folder)
        return folder

    def places(self, name: str) -> list[Place]:
        """Give where the copies of a folder are, or were."""
        with self.database.read() as connection:
            return places_in(connection, self.mailbox.id, name)

    def places_at(self, folder: Folder, uids: Sequence[str]) -> list[Place]:
        """Give where the copies with these UIDs are that are not gone."""
        with self.database.read() as connection:
            return places_at(connection, self.source(folder), uids)

    def newest(self, folder: Folder) -> int | None:
        """Give the highest UID of what is stored of a folder, under its present UIDVALIDITY, and not gone."""
        places = (place for place in self.places(folder.name) if place.uidvalidity == folder.uidvalidity)
        return max((int(place.uid) for place in places if not place.is_gone), default=None)

    def kept(self, folder: Folder) -> frozenset[str]:
        """Give the UIDs of what is stored of a folder under its present UIDVALIDITY, or is a dead letter."""
        with self.database.read() as connection:
            return stored_uids(connection, self.source(folder))

    def leave(self, folder: Folder, report: FolderReport, *, in_doubt: bool) -> Comparison:
        """Compare with nothing a folder that is no longer there (`in_doubt`), or is no longer read."""
        departed = [place for place in self.places(folder.name) if not place.is_gone]
        after = replace(folder, state=FolderState.NEW)
        return Comparison(folder, after, report, departed=departed, lists_nothing=in_doubt, is_missing=True)

    def store(self, comparison: Comparison, messages: Iterable[RawMessage], departed: set[int]) -> None:
        """Store messages of a folder, each batch with how far the folder is read then in one transaction.

        What takes up a copy that is missing elsewhere is taken out of `departed`.
        """
        done = 0
        for batch in batches(messages):
            self._store_batch(comparison, batch, departed)
            done += len(batch)
            self._on_progress(comparison.folder.name, done, max(done, len(comparison.new)))

    def _store_batch(self, comparison: Comparison, batch: Sequence[RawMessage], departed: set[int]) -> None:
        source = self.source(comparison.folder)
        mail = MailReport()
        read = read_messages(batch)
        arrivals = [Arrival(each.uid, digest_of(each.raw), each.flags) for each in batch]
        advanced = comparison.folder
        if comparison.ascends:
            advanced = replace(_unsettled(advanced), watermark=max(advanced.watermark, int(batch[-1].uid)))
        with self._writing() as connection:
            moved = move_copies(connection, source, arrivals, departed)
            store_batch(connection, source, read, mail, now=self.now)
            save_folder(connection, advanced)
        comparison.folder = advanced
        departed.difference_update(moved)  # what one folder took up is not for the next
        comparison.report.moved += len(moved)
        comparison.report.stored += mail.stored
        comparison.report.dead_letters += mail.dead_letters
        self.report.problems += mail.problems

    def keep_unread(self, comparison: Comparison, uid: str, place: str, reason: str) -> None:
        """Keep as a dead letter a message of which nothing comes, so that the others are not asked for in vain."""
        source = self.source(comparison.folder)
        with self._writing() as connection:
            problem = keep_unread(connection, source, uid, place, reason, now=self.now)
        comparison.report.dead_letters += 1
        self.report.problems.append(problem)

    def source(self, folder: Folder) -> Source:
        """Give the source of what a folder holds under its present UIDVALIDITY."""
        kind, validity = Kind(self.mailbox.protocol), folder.uidvalidity
        if validity is None:
            raise ValueError(f"nothing was read yet of {folder.name}")
        return Source(self.mailbox.user_id, kind, self.mailbox.id, folder.name, validity)

    def settle(self, comparison: Comparison) -> None:
        """Do what is left once all that is new is stored: what is gone, what came back, flags, the folder itself."""
        with self._writing() as connection:
            return_copies(connection, self.mailbox.user_id, comparison.returned)
            if comparison.flags:
                set_flags(connection, self.source(comparison.after), comparison.flags)
            gone = still_there(connection, comparison.departed)
            after = self._after(comparison, gone)
            if after.state != FolderState.DOUBTED:
                lose_copies(connection, self.mailbox.user_id, [place.copy_id for place in gone], self.now)
                comparison.report.gone = len(gone)
                after = self._proved(connection, comparison, self._without_letters(connection, comparison, after))
            if not comparison.is_missing or after.state == FolderState.DOUBTED:
                save_folder(connection, after)
            else:
                forget_folder(connection, after)

    def _without_letters(self, connection: Connection, comparison: Comparison, after: Folder) -> Folder:
        """Forget the dead letters of what the server has no more; what was taken out of a POP3 mailbox stays.

        Which those are is known where all was compared. Where it was not, and more went than the copies that are known
        to be gone, the next pass compares all.
        """
        if self.mailbox.protocol == Kind.POP:
            return after
        wanted, folder = (set() if comparison.is_missing else comparison.wanted), comparison.folder
        if wanted is not None:
            forget_other_letters(connection, self.mailbox.id, folder.name, after.uidvalidity, wanted)
            return after
        went = (folder.messages or 0) - comparison.report.known
        if went > len(comparison.departed) and has_letters(connection, self.source(after)):
            return replace(after, state=FolderState.RECONCILING)
        return after

    def _after(self, comparison: Comparison, gone: Sequence[Place]) -> Folder:
        """Give the folder as it is now, and doubt what a server says that suddenly has nothing."""
        after = replace(comparison.after, watermark=max(comparison.after.watermark, comparison.folder.watermark))
        if not comparison.lists_nothing or len(gone) <= DOUBTED_FROM:
            return after
        since = comparison.folder.doubted_since
        if since is not None and self.now - since >= DOUBT_SECONDS:
            return after
        comparison.report.doubted = f"it lists nothing, and {len(gone)} messages were there: believed in an hour"
        return replace(comparison.folder, state=FolderState.DOUBTED, doubted_since=self.now if since is None else since)

    def _proved(self, connection: Connection, comparison: Comparison, after: Folder) -> Folder:
        """Look whether everything that was listed is stored now: a folder where it is not is not called following."""
        if comparison.wanted is None:
            return after
        missing = comparison.wanted - comparison.vanished - stored_uids(connection, self.source(after))
        if not missing:
            return after
        comparison.report.failed = f"{len(missing)} messages are on the server and not here; the next pass tries again"
        return replace(after, state=FolderState.RECONCILING, error=comparison.report.failed)

    def fail(self, comparison: Comparison, sentence: str) -> None:
        """Keep the reason why a folder could not be read to its end; nothing of it is called gone."""
        comparison.report.failed = sentence
        self.save(replace(comparison.folder, error=sentence))

    def purge(self) -> None:
        """Delete for good what was gone for longer than the grace period."""
        with self.database.read() as connection:
            is_due = is_purge_due(connection, self.mailbox.id, self.now)
        if is_due:
            self.report.purged = purge_mailbox(self._writing, self.mailbox.id, self.now)
