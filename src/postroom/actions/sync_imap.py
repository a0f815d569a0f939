"""A pass over an IMAP mailbox (RFC 3501): what is new by UID, what moved, what is gone, and which flags changed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from postroom.actions.fetching import Fetching
from postroom.actions.mailbox_folders import LONGEST_FOLDER_NAME
from postroom.actions.mailbox_pass import Comparison, FolderReport, MailboxPass
from postroom.actions.reconnecting import Reconnecting
from postroom.actions.store_mail import RawMessage
from postroom.core.model import Folder, FolderState
from postroom.mail.imap import Changes, Figures, FolderFailed, ListedFolder, Session
from postroom.mail.server import ConnectionFailed
from postroom.storage.places import Place

RECONCILE_SECONDS = 6 * 3600  # after so long everything is compared, even if nothing seems to have changed
MOST_RESETS = 5  # changes of UIDVALIDITY in a row, after which a folder is not read anew again


class ImapPass:
    """A pass through sessions that `connect` opens: another one where a connection breaks."""

    def __init__(self, run: MailboxPass, connect: Callable[[], AbstractContextManager[Session]]) -> None:
        self._run = run
        self._line = Reconnecting(connect)
        self._since = run.mailbox.sync_since or 0

    def sync(self) -> None:
        """Compare every folder, store what is new, and call gone what was found nowhere.

        A folder that fails stops no other. Raises a MailServerError where the server cannot be used any longer; what
        was stored until then stays.
        """
        with self._line:
            comparisons = [comparison for comparison in self._compared() if comparison is not None]
            departed = {copy_id for comparison in comparisons for copy_id in comparison.departed_ids}
            stored = [comparison for comparison in comparisons if self._is_stored(comparison, departed)]
        for comparison in stored:
            self._run.settle(comparison)

    def _compared(self) -> Iterator[Comparison | None]:
        listed = self._line.session.folders()
        for folder in listed:
            report = self._reported(folder)
            if report.skipped is None:
                yield self._compare(self._run.folder(folder.name), folder.figures, report)
            elif folder.name in self._run.known:
                yield self._run.leave(self._run.known[folder.name], report, in_doubt=False)
        for name in self._run.known.keys() - {folder.name for folder in listed}:
            report = FolderReport(name, skipped="it is not on the server any more")
            self._run.report.folders.append(report)
            yield self._run.leave(self._run.known[name], report, in_doubt=True)

    def _reported(self, folder: ListedFolder) -> FolderReport:
        """Begin the report of a folder, which is known from now on if it is read: somebody may just have chosen."""
        if self._why_skipped(folder) is None:
            self._run.folder(folder.name)
        report = FolderReport(folder.name, skipped=self._why_skipped(folder))
        self._run.report.folders.append(report)
        return report

    def _why_skipped(self, folder: ListedFolder) -> str | None:
        known = self._run.known.get(folder.name)
        if known is None and len(folder.name) > LONGEST_FOLDER_NAME:
            return f"its name has more than {LONGEST_FOLDER_NAME} characters"
        if known is None or known.is_read is None:
            return folder.skipped
        return None if known.is_read else "left out by choice"

    def _compare(self, folder: Folder, listed: Figures | None, report: FolderReport) -> Comparison | None:
        """Give what is to be done for a folder, or None where there is nothing, or nothing can be done."""
        comparison = Comparison(folder, folder, report)
        try:
            if self._is_in_agreement(folder, listed):
                report.known = folder.messages or 0
                return None
            figures = self._line.session.select(folder.name)
            comparison.folder = self._begun(folder, figures)
            if comparison.folder.resets > MOST_RESETS:
                self._run.fail(comparison, "its UIDVALIDITY changes again and again; it is read once that stays")
                return None
            if not self._compare_new(comparison, figures):
                self._compare_all(comparison, figures)
        except FolderFailed as error:
            self._run.fail(comparison, str(error))
            return None
        return comparison

    def _is_due(self, folder: Folder) -> bool:
        return self._run.now - (folder.reconciled_at or 0) >= RECONCILE_SECONDS

    def _is_in_agreement(self, folder: Folder, listed: Figures | None) -> bool:
        if folder.state != FolderState.FOLLOWING or self._is_due(folder):
            return False
        return (listed or self._line.session.figures(folder.name)) == _figures(folder)

    def _begun(self, folder: Folder, figures: Figures) -> Folder:
        """Keep that reading of a folder begins, or begins anew because its UIDs mean something else now."""
        if folder.uidvalidity == figures.uidvalidity:
            return replace(folder, resets=0)
        resets = folder.resets + (folder.uidvalidity is not None)
        begun = replace(
            folder,
            state=FolderState.BACKFILLING,
            uidvalidity=figures.uidvalidity,
            uidnext=None,
            messages=None,
            highestmodseq=None,
            watermark=0,
            reconciled_at=None,
            resets=resets,
            error=None,
        )
        self._run.save(begun)
        return begun

    def _compare_new(self, comparison: Comparison, figures: Figures) -> bool:
        """Compare by what came and what went, if that explains the whole difference; say whether it does."""
        folder = comparison.folder
        if folder.state != FolderState.FOLLOWING or self._is_due(folder):
            return False
        above = self._line.session.uids(above=folder.watermark)
        changes = self._changes(folder, figures)
        departed = self._departed(folder, changes.vanished, (folder.messages or 0) + len(above) - figures.messages)
        if departed is None or (folder.highestmodseq is None) != (figures.highestmodseq is None):
            return False
        filtered = bool(above and self._since)
        new = self._line.session.uids(above=folder.watermark, since=self._since) if filtered else above
        comparison.new = [str(uid) for uid in new]
        comparison.flags = {str(uid): each for uid, each in changes.flags.items()}
        comparison.departed = departed
        comparison.lists_nothing = not figures.messages
        comparison.ascends = True
        comparison.report.known = figures.messages - len(above)
        comparison.after = _followed(folder, figures, max(above, default=0))
        return True

    def _changes(self, folder: Folder, figures: Figures) -> Changes:
        """Give what happened below the watermark, if the server knows by modifications that anything did (RFC 7162)."""
        if folder.highestmodseq is None or figures.highestmodseq in (None, folder.highestmodseq):
            return Changes({}, None)
        return self._line.session.changes(folder.watermark, folder.highestmodseq)

    def _departed(self, folder: Folder, vanished: list[int] | None, missing: int) -> list[Place] | None:
        """Give the places of so many messages as are missing; None where the server does not say which those are.

        It may name UIDs that were never there, so as many must be known here, or it names just as many. What it names
        must not be there: a message that is must not be called gone because of a wrong word.
        """
        if missing == 0:
            return []
        departed = self._run.places_at(folder, [str(uid) for uid in vanished or []])
        if missing not in (len(departed), len(vanished or [])):
            return None
        return None if self._line.session.flags([int(place.uid) for place in departed]) else departed

    def _compare_all(self, comparison: Comparison, figures: Figures) -> None:
        """Compare every UID that is there with every one that is stored."""
        folder = comparison.folder = self._reconciling(comparison.folder)
        listed = self._line.session.uids()
        on_server = {str(uid) for uid in listed}
        wanted = [str(uid) for uid in (self._line.session.uids(since=self._since) if self._since else listed)]
        places = self._run.places(folder.name)
        here = {place.uid: place for place in places if place.uidvalidity == figures.uidvalidity}
        comparison.wanted = set(wanted)
        folder = comparison.folder = self._run.announced(folder, len(wanted))
        kept = self._run.kept(folder)
        comparison.new = [uid for uid in wanted if uid not in kept]
        comparison.departed = [
            place
            for place in places
            if not place.is_gone and (place.uidvalidity != figures.uidvalidity or place.uid not in on_server)
        ]
        comparison.returned = [place.copy_id for uid, place in here.items() if place.is_gone and uid in on_server]
        comparison.flags = self._changed_flags(folder, figures, here, on_server)
        comparison.lists_nothing = not listed
        comparison.ascends = folder.state != FolderState.BACKFILLING
        comparison.report.known = len(wanted) - len(comparison.new)
        after = _followed(folder, figures, max(listed, default=0))
        comparison.after = replace(after, reconciled_at=self._run.now)
        if not comparison.ascends:
            comparison.new.reverse()

    def _reconciling(self, folder: Folder) -> Folder:
        if folder.state == FolderState.FOLLOWING:
            folder = replace(folder, state=FolderState.RECONCILING)
            self._run.save(folder)
        return folder

    def _changed_flags(
        self, folder: Folder, figures: Figures, here: dict[str, Place], on_server: set[str]
    ) -> dict[str, str]:
        """Give flags that differ from what is stored, for all or, where the server says which, for those changed."""
        there = sorted(int(uid) for uid in here if uid in on_server)
        if figures.highestmodseq is not None and folder.highestmodseq is not None:
            changes = self._line.session.changes(max(there, default=0), folder.highestmodseq, with_vanished=False)
            flags = changes.flags
        else:
            flags = self._line.session.flags(there)
        by_uid = {str(uid): each for uid, each in flags.items()}
        return {uid: each for uid, each in by_uid.items() if uid in here and here[uid].flags != each}

    def _is_stored(self, comparison: Comparison, departed: set[int]) -> bool:
        """Store what is new in a folder, and say whether that could be done to its end."""
        try:
            if comparison.new:
                self._store(comparison, departed)
        except FolderFailed as error:
            self._run.fail(comparison, str(error))
            return False
        return True

    def _store(self, comparison: Comparison, departed: set[int]) -> None:
        self._open(comparison.folder)
        self._run.store(comparison, self._arriving(comparison), departed)

    def _open(self, folder: Folder) -> None:
        if self._line.session.select(folder.name).uidvalidity != folder.uidvalidity:
            raise FolderFailed(f"The UIDVALIDITY of {folder.name} changed just now: the next pass reads it.")

    def _arriving(self, comparison: Comparison) -> Iterator[RawMessage]:
        """Yield messages; one that was expunged meanwhile is left out, it is no longer mail of the mailbox."""
        name = comparison.folder.name

        def reopen(error: ConnectionFailed) -> None:
            self._line.after(error).folders()  # by which names are known as the server has them
            self._open(comparison.folder)

        def give_up(uid: int, reason: str) -> None:
            self._run.keep_unread(comparison, str(uid), f"{name} message {uid}", reason)

        fetching = Fetching(self._line, reopen, give_up, lambda: self._run.newest(comparison.folder))
        for message in fetching.messages([int(uid) for uid in comparison.new]):
            uid = str(message.uid)
            if message.raw is None:
                comparison.vanished.add(uid)
            else:
                yield RawMessage(uid, message.raw, f"{name} message {uid}", message.truncated, message.flags)


def _figures(folder: Folder) -> Figures:
    return Figures(folder.uidvalidity or 0, folder.uidnext, folder.messages or 0, folder.highestmodseq)


def _followed(folder: Folder, figures: Figures, newest: int) -> Folder:
    """Give a folder as it is once everything up to these figures is stored."""
    return replace(
        folder,
        state=FolderState.FOLLOWING,
        uidnext=figures.uidnext,
        messages=figures.messages,
        highestmodseq=figures.highestmodseq,
        watermark=max(folder.watermark, newest),
        doubted_since=None,
        error=None,
    )
