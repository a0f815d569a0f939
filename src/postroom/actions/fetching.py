"""Fetching the new messages of a folder (RFC 3501): one that does not come keeps no other from coming."""

from collections.abc import Callable, Iterator, Sequence

from postroom.actions.reconnecting import Reconnecting
from postroom.mail.imap import MOST_AT_ONCE, FetchedMessage, FolderFailed, Session
from postroom.mail.server import ConnectionFailed, TimedOut

_MOST_REFUSALS = 200  # one after the other, before it is the folder that fails

Reopen = Callable[[ConnectionFailed], None]
GiveUp = Callable[[int, str], None]  # a UID, and the reason why the message does not come


class Fetching:
    """Fetches over as many connections as that takes; `reopen` opens the folder where one broke.

    What was asked for when something failed is halved, until the messages are found on which it does. They are asked
    for again when all others were. One that fails again is given up only if another message comes just then: a server
    that gives nothing for a while must not make us give up mail that is sound.
    """

    def __init__(
        self, line: Reconnecting[Session], reopen: Reopen, give_up: GiveUp, stored: Callable[[], int | None]
    ) -> None:
        """Fetch through `line`; `stored` gives the UID of a message of the folder that came at another time."""
        self._line, self._reopen, self._give_up, self._stored = line, reopen, give_up, stored
        self._that_came: int | None = None
        self._failures = 0
        self._failed: list[int] = []

    def messages(self, uids: Sequence[int]) -> Iterator[FetchedMessage]:
        """Yield messages, in the order given where nothing fails. Raises FolderFailed, MailServerError."""
        yield from self._all_but_failing(uids)
        again, self._failed = self._failed, []
        for uid in again:
            yield from self._once_more(uid)

    def _all_but_failing(self, uids: Sequence[int]) -> Iterator[FetchedMessage]:
        waiting = [list(uids)]
        while waiting:
            some = waiting.pop()
            came: set[int] = set()
            try:
                for message in self._asked_for(some):
                    came.add(message.uid)
                    yield message
            except (ConnectionFailed, FolderFailed) as error:
                self._after(error)
                waiting += self._parts([uid for uid in some if uid not in came], error)

    def _asked_for(self, uids: Sequence[int]) -> Iterator[FetchedMessage]:
        for message in self._line.session.fetch(uids):
            self._failures = 0
            self._line.got_on()
            if message.raw is not None:
                self._that_came = message.uid
            yield message

    def _after(self, error: ConnectionFailed | FolderFailed) -> None:
        """See to it that the folder is open, or raise the error where too much failed and nothing came."""
        self._failures += 1
        if self._failures > _MOST_REFUSALS:
            raise error
        if isinstance(error, ConnectionFailed):
            self._reopen(error)

    def _parts(self, left: list[int], error: ConnectionFailed | FolderFailed) -> list[list[int]]:
        """Give what is to be asked for next of what did not come; the first part stands last.

        A server that falls silent does so at the first of it. A connection that breaks may take others with it.
        """
        if len(left) > 1 and not isinstance(error, TimedOut):
            return _halves(left)
        self._failed += left[:1]
        return [left[1:]] if left[1:] else []

    def _once_more(self, uid: int) -> Iterator[FetchedMessage]:
        """Yield a message on which something failed, or give it up."""
        try:
            yield from self._asked_for([uid])
        except (ConnectionFailed, FolderFailed) as error:
            self._after(error)
            if not self._comes_another():
                raise FolderFailed(str(error)) from error
            self._give_up(uid, str(error))

    def _comes_another(self) -> bool:
        """Say whether a message comes that came before."""
        another = self._stored() if self._that_came is None else self._that_came
        if another is None:
            return False
        try:
            came = list(self._asked_for([another]))
        except (ConnectionFailed, FolderFailed) as error:
            self._after(error)
            return False
        return any(message.raw is not None for message in came)


def _halves(uids: list[int]) -> list[list[int]]:
    """Part what one command may have asked for, and what came after it; the first part stands last."""
    half = max(1, len(uids[:MOST_AT_ONCE]) // 2)
    parts = (uids[:half], uids[half:MOST_AT_ONCE], uids[MOST_AT_ONCE:])
    return [part for part in reversed(parts) if part]
