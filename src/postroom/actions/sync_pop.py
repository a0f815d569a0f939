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
from postroom.mail.server import ConnectionFailed, MailServerError

_FOLDER = "INBOX"
_UIDVALIDITY = 1  # ids hold for good (RFC 1939, section 7); where a server gives others, messages are known by content
MOST_FAILED = 5  # messages in a row that the server does not give, before it is asked for no more of them


class PopPass:
    """A pass through sessions that `connect` opens: another one where a connection breaks."""

    def __init__(self, run: MailboxPass, connect: Callable[[], AbstractContextManager[PopSession]]) -> None:
        self._run = run
        self._line = Reconnecting(connect)
        self._listed: dict[str, PopMessage] = {}
        self._given: set[str] = set()  # what the server gave, now or in an earlier pass
        self._failed: dict[str, ConnectionFailed] = {}  # what it did not give, asked twice, since it gave another one
        self._ended_by: MailServerError | None = None

    def sync(self) -> None:
        """Store what is new, the newest first. Raises a MailServerError; what was stored until then stays."""
        report = FolderReport(_FOLDER)
        self._run.report.folders.append(report)
        folder = self._begun(self._run.folder(_FOLDER))
        with self._line:
            self._list()
            comparison = self._compared(folder, report)
            places = self._run.places(_FOLDER)
            self._given = {place.uid for place in places}
            missing = {place.copy_id for place in places if place.uid not in self._listed}
            self._run.store(comparison, self._arriving(comparison), missing)
            self._judge(comparison)
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
        """Yield messages until the server gives no more; one that is gone since the last session is left out."""
        for uid in comparison.new:
            try:
                raw = self._fetched(uid)
            except MailServerError as error:
                self._ended_by = error  # to be raised once everything is stored that came before
                return
            if raw is not None:
                self._given.add(uid)
                self._line.got_on()
                self._keep_failed(comparison)
                message = self._listed[uid]
                yield RawMessage(uid, raw, _place(message), is_truncated(message))
            elif uid not in self._failed:
                comparison.vanished.add(uid)
            elif len(self._failed) >= MOST_FAILED:
                return

    def _fetched(self, uid: str) -> bytes | None:
        """Give a message, asking twice, each time over another connection: it may break, fall silent or be refused."""
        try:
            return self._fetch(uid)
        except ConnectionFailed as error:
            self._reconnect(error)
        try:
            return self._fetch(uid)
        except ConnectionFailed as error:
            self._failed[uid] = error
            self._reconnect(error)
        return None

    def _fetch(self, uid: str) -> bytes | None:
        message = self._listed.get(uid)
        return None if message is None else self._line.session.fetch(message)

    def _judge(self, comparison: Comparison) -> None:
        """Raise what ended the reading, or say of what failed at its end whether that is the server's trouble.

        It is where the server gives no other message either, not even one that it gave before.
        """
        if self._ended_by is not None:
            raise self._ended_by
        if not self._failed:
            return
        given = [self._listed[uid] for uid in self._given if uid in self._listed]
        if not given:
            raise self._failed.popitem()[1]
        self._line.session.fetch(min(given, key=lambda message: message.size))
        self._keep_failed(comparison)

    def _keep_failed(self, comparison: Comparison) -> None:
        """Keep as dead letters what failed twice, now that the server gave another message."""
        for uid, error in self._failed.items():
            if uid in self._listed:
                self._run.keep_unread(comparison, uid, _place(self._listed[uid]), str(error))
        self._failed.clear()

    def _reconnect(self, error: ConnectionFailed) -> None:
        self._line.after(error)
        self._list()  # numbers hold within one session


def _place(message: PopMessage) -> str:
    return f"{_FOLDER} message {message.number}"
