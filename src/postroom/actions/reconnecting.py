"""A session with a mail server, and another one where the connection breaks, up to a limit."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Generic, TypeVar

from postroom.mail.server import ConnectionFailed, TimedOut

# So many one after the other, while nothing comes, end a pass for now. A time-out takes a minute.
_MOST_BREAKS = 50
_MOST_TIME_OUTS = 3

Session = TypeVar("Session")


class Reconnecting(Generic[Session]):
    """Has one `session` open while its block runs."""

    session: Session

    def __init__(self, connect: Callable[[], AbstractContextManager[Session]]) -> None:
        self._connect = connect
        self._connection = ExitStack()
        self._breaks = self._time_outs = 0

    def __enter__(self) -> "Reconnecting[Session]":
        self.session = self._connection.enter_context(self._connect())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def after(self, error: ConnectionFailed) -> Session:
        """Open another session after a connection broke; raise the error where too many did."""
        self._breaks += 1
        self._time_outs += isinstance(error, TimedOut)
        if self._breaks > _MOST_BREAKS or self._time_outs > _MOST_TIME_OUTS:
            raise error
        self._connection.close()
        self.session = self._connection.enter_context(self._connect())
        return self.session

    def got_on(self) -> None:
        """Note that something came."""
        self._breaks = self._time_outs = 0
