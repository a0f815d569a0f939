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
from postroom.mail.server import ConnectionFailed, Throttled

_FOLDER = "INBOX"
_UIDVALIDITY = 1  # ids hold for good (RFC 1939, section 7); where a server gives others, messages are known by content
_MOST_IN_A_ROW = 3  # messages that fail, until it is asked whether any comes at all


class PopPass:
    """A pass through sessions that `connect` opens: another one where a connection breaks."""

    def __init__(self, run: MailboxPass, connect: Callable[[], AbstractContextManager[PopSession]]) -> None:
        self._run = run
        self._line = Reconnecting(connect)
        self._listed: dict[str, PopMessage] = {}
        self._given: set[str] = set()  # what the server gave, now or in an earlier pass
        self._failed: list[str] = []

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
        self._run.settle(comparison)

    def _begun(self, folder: Folder) -> Folder:
        if folder.uidvalidity is None:
            folder = replace(folder, uidvalidity=_UIDVALIDITY, state=FolderState.BACKFILLING)
            self._run.save(folder)
        return folder

    def _list(self) -> None:
        self._listed = {message.uid: message for message in self._line.session.messages()}

    def _compared(self, folder: Folder, report: FolderReport) -> Comparison:
        folder = self._run.announced(folder, len(self._listed))
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
        """Yield messages; what fails is asked for again when all others were. Raises a MailServerError."""
        yield from self._all_but_failing(comparison)
        for uid in self._failed:
            yield from self._once_more(comparison, uid)

    def _all_but_failing(self, comparison: Comparison) -> Iterator[RawMessage]:
        in_a_row = 0
        for uid in comparison.new:
            try:
                yield from self._asked_for(comparison, uid)
                in_a_row = 0
            except (ConnectionFailed, Throttled) as error:
                self._failed.append(uid)
                in_a_row += 1
                self._after(error)
                if in_a_row % _MOST_IN_A_ROW == 0 and not self._comes_another():
                    raise

    def _once_more(self, comparison: Comparison, uid: str) -> Iterator[RawMessage]:
        """Yield a message that failed, or keep it as a dead letter if another one comes just then.

        If none does, that is the server's trouble and no message's: raises what went wrong.
        """
        try:
            yield from self._asked_for(comparison, uid)
        except (ConnectionFailed, Throttled) as error:
            self._after(error)
            if not self._comes_another():
                raise
            if uid in self._listed:
                self._run.keep_unread(comparison, uid, _place(self._listed[uid]), str(error))
            else:
                comparison.vanished.add(uid)

    def _asked_for(self, comparison: Comparison, uid: str) -> Iterator[RawMessage]:
        """Yield a message, unless it is gone since the session in which it was listed."""
        message = self._listed.get(uid)
        if message is None:
            comparison.vanished.add(uid)
            return
        raw = self._line.session.fetch(message)
        self._line.got_on()
        self._given.add(uid)
        yield RawMessage(uid, raw, _place(message), is_truncated(message))

    def _comes_another(self) -> bool:
        """Say whether the server gives a message that it gave before: the smallest one."""
        given = [self._listed[uid] for uid in self._given if uid in self._listed]
        if not given:
            return False
        try:
            self._line.session.fetch(min(given, key=lambda message: message.size))
        except (ConnectionFailed, Throttled):
            return False
        self._line.got_on()
        return True

    def _after(self, error: ConnectionFailed | Throttled) -> None:
        if isinstance(error, ConnectionFailed):
            self._reconnect(error)

    def _reconnect(self, error: ConnectionFailed) -> None:
        self._line.after(error)
        self._list()  # numbers hold within one session


def _place(message: PopMessage) -> str:
    return f"{_FOLDER} message {message.number}"
