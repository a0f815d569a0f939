"""When a mailbox is tried again that could not be read, and a message that could not be sent."""

from typing import NamedTuple

from postroom.core.model import Trouble

_MOST_DOUBLINGS = 20


class Waits(NamedTuple):
    """How long to wait the first time, and at most; in seconds."""

    first: int
    longest: int


_AFTER = {
    Trouble.AUTHENTICATION: Waits(10 * 60, 10 * 60),
    Trouble.PERMANENT: Waits(3600, 3600),
    Trouble.THROTTLED: Waits(5 * 60, 2 * 3600),
    Trouble.TRANSIENT: Waits(30, 30 * 60),
}


def wait_after(trouble: Trouble, failures: int, chance: float, *, has_worked: bool) -> int | None:
    """Give the seconds to wait after so many `failures` in a row, at least one.

    None means: not again by itself. A refused password that is sent again and again locks accounts. A login that
    `has_worked` until now is tried once more: servers that are busy or broken refuse logins too, and say no more of it.
    """
    if trouble == Trouble.AUTHENTICATION and not has_worked:
        return None
    return wait(_AFTER[trouble], failures, chance)


def wait(waits: Waits, failures: int, chance: float) -> int:
    """Wait twice as long each time, and not everybody for the same time.

    `chance` is drawn from 0 up to 1, without 1; from it comes between half of the wait and half as much again.
    """
    whole: int = min(waits.first * 2 ** min(failures - 1, _MOST_DOUBLINGS), waits.longest)
    return whole // 2 + int(chance * whole)
