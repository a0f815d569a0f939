"""Ids: unique and ascending, also where several take them at the same time."""

from itertools import pairwise

from postroom.storage.database import Database
from postroom.storage.ids import FIRST_ID, next_id, set_next_id, take_id, take_ids
from tests.storage.conftest import at_once

BLOCKS = (1, 7, 2, 30, 1, 1, 100, 3)
THREADS = 4


def take_blocks(database: Database) -> list[list[int]]:
    """Take blocks of several sizes, each in a transaction of its own."""
    blocks = []
    for size in BLOCKS:
        with database.write() as connection:
            blocks.append(take_ids(connection, size))
    return blocks


def test_they_have_19_digits_and_fit_where_ids_are_kept() -> None:
    assert len(str(FIRST_ID)) == 19
    assert FIRST_ID < 2**63 - 10**18


def test_each_is_larger_than_the_one_before(database: Database) -> None:
    ids = [new_id for block in take_blocks(database) for new_id in block]
    assert len(ids) == sum(BLOCKS)
    assert all(earlier < later for earlier, later in pairwise([FIRST_ID - 1, *ids]))


def test_taken_by_several_at_once_they_are_unique_and_ascend_for_each(database: Database) -> None:
    taken = at_once(*[lambda: take_blocks(database)] * THREADS)
    each = [[new_id for block in blocks for new_id in block] for blocks in taken]
    assert all(ids == sorted(ids) for ids in each)
    assert len({new_id for ids in each for new_id in ids}) == THREADS * sum(BLOCKS)


def test_no_id_is_none(database: Database) -> None:
    with database.write() as connection:
        before = next_id(connection)
        assert take_ids(connection, 0) == []
        assert take_id(connection) == before


def test_the_next_one_is_known_and_can_be_set(database: Database) -> None:
    with database.write() as connection:
        upcoming = next_id(connection)
        assert take_id(connection) == upcoming
        assert next_id(connection) == upcoming + 1
        set_next_id(connection, upcoming + 1000)
        assert next_id(connection) == upcoming + 1000
        assert take_ids(connection, 2) == [upcoming + 1000, upcoming + 1001]
