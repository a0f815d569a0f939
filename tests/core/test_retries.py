"""When a mailbox is tried again: longer each time, not all at once, and a refused login seldom."""

import pytest

from postroom.core.model import Trouble
from postroom.core.retries import Waits, wait, wait_after

MIDDLE = 0.5  # the chance by which a wait is neither shorter nor longer


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [
        (Trouble.TRANSIENT, [30, 60, 120, 240, 480, 960, 1800, 1800]),
        (Trouble.THROTTLED, [300, 600, 1200, 2400, 4800, 7200, 7200, 7200]),
        (Trouble.PERMANENT, [3600] * 8),
        (Trouble.AUTHENTICATION, [600] * 8),
    ],
)
def test_each_trouble_waits_longer_each_time_up_to_its_longest(trouble: Trouble, waits: list[int | None]) -> None:
    assert [wait_after(trouble, failures, MIDDLE, has_worked=True) for failures in range(1, 9)] == waits


@pytest.mark.parametrize("trouble", Trouble)
def test_a_login_that_did_not_work_before_is_not_tried_again(trouble: Trouble) -> None:
    assert (wait_after(trouble, 1, MIDDLE, has_worked=False) is None) == (trouble == Trouble.AUTHENTICATION)


def test_chance_spreads_a_wait_from_half_of_it_to_half_as_much_again() -> None:
    assert [wait(Waits(100, 1000), 1, chance) for chance in (0, 0.25, 0.5, 0.999)] == [50, 75, 100, 149]


def test_whatever_failed_for_years_waits_no_longer_and_costs_nothing() -> None:
    assert wait(Waits(1, 10**9), 10**6, MIDDLE) == 2**20
