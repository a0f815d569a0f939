"""A pass over a POP3 mailbox (RFC 1939): what is not stored yet is fetched, and nothing is deleted anywhere.

POP3 knows one folder, and mail programs take mail out of it as a rule: what the server has no more stays stored.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace

from postroom.actions.mailbox_pass import Comparison, FolderReport, MailboxPass
from postroom.actions.reconnecting import Reconnecting
from postroom.actions.store_mail import RawMessage
from postroom.core.model import Folder, FolderState
from postroom.mail.pop import PopMessage, PopSession, is_truncated
from postroom.mail.server import ConnectionFailed, TimedOut

_FOLDER = "INBOX"
_UIDVALIDITY = 1  # ids hold for good (RFC 1939, section 7); where a server gives others, messages are known by content


class PopPass:
    """A pass through sessions that `connect` opens: another one where a connection breaks."""

    def __init__(self, run: MailboxPass, connect: Callable[[], AbstractContextManager[PopSession]]) -> None:
        self._run = run
        self._line = Reconnecting(connect)
        self._listed: dict[str, PopMessage] = {}

    def sync(self) -> None:
        """Store what is new, the newest first. Raises a MailServerError; what was stored until then stays."""
        report = FolderReport(_FOLDER)
        self._run.report.folders.append(report)
        folder = self._begun(self._run.folder(_FOLDER))
        with self._line:
            self._list()
            comparison = self._compared(folder, report)
            missing = {place.copy_id for place in self._run.places(_FOLDER) if place.uid not in self._listed}
            self._run.store(comparison, self._arriving(comparison), missing)
        self._run.settle(comparison)

    def _begun(self, folder: Folder) -> Folder:
        if folder.uidvalidity is None:
            folder = replace(folder, uidvalidity=_UIDVALIDITY, state=FolderState.BACKFILLING)
            self._run.save(folder)
        return folder

    def _list(self) -> None:
        self._listed = {message.uid: message for message in self._line.session.messages()}

    def _compared(self, folder: Folder, report: FolderReport) -> Comparison:
        kept = self._run.kept(folder)
        new = [uid for uid in reversed(self._listed) if uid not in kept]
        report.known = len(self._listed) - len(new)
        after = replace(
            folder,
            state=FolderState.FOLLOWING,
            messages=len(self._listed),
            reconciled_at=self._run.now,
            error=None,
        )
        return Comparison(folder, after, report, new=new, wanted=set(self._listed))

    def _arriving(self, comparison: Comparison) -> Iterator[RawMessage]:
        """Yield messages; one that is gone meanwhile is left out."""
        for uid in comparison.new:
            raw = self._fetched(comparison, uid)
            if raw is None:
                comparison.vanished.add(uid)
            else:
                message = self._listed[uid]
                yield RawMessage(uid, raw, _place(message), is_truncated(message))

    def _fetched(self, comparison: Comparison, uid: str) -> bytes | None:
        """Give a message; one on which the connection breaks twice is kept as a dead letter, and stops no other."""
        try:
            return self._fetch(uid)
        except TimedOut:
            raise
        except ConnectionFailed as error:
            self._reconnect(error)
        try:
            return self._fetch(uid)
        except TimedOut:
            raise
        except ConnectionFailed as error:
            self._run.keep_unread(comparison, uid, _place(self._listed[uid]), str(error))
            self._reconnect(error)
        return None

    def _fetch(self, uid: str) -> bytes | None:
        message = self._listed.get(uid)
        return None if message is None else self._line.session.fetch(message)

    def _reconnect(self, error: ConnectionFailed) -> None:
        self._line.after(error)
        self._list()  # numbers hold within one session


def _place(message: PopMessage) -> str:
    return f"{_FOLDER} message {message.number}"
