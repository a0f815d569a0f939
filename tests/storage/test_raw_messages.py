"""Messages are kept byte for byte; a file that several bring along is kept once, and as long as one does."""

import pytest
from sqlalchemy import delete, func, select

from postroom.mail.parse import parse_message
from postroom.storage.mail import IncomingCopy, store_copies
from postroom.storage.places import lose_copies, purge_copies
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import attached_files, attachments, copies, raw_messages
from tests.attached import with_files
from tests.storage.conftest import Background, at_once, source_of
from tests.team import NOW, Team

PRICES, PLAN = bytes(range(256)) * 50, b"plan " * 3000


@pytest.fixture
def office(team: Team) -> Team:
    team.user("Alice")
    team.user("Bob")
    return team


def store(office: Team, name: str, *some: bytes) -> list[int]:
    with office.database.write() as connection:
        incoming = [IncomingCopy(str(NOW + i), raw, parse_message(raw)) for i, raw in enumerate(some)]
        return store_copies(connection, source_of(office.database, name), incoming)


def raw_of(office: Team, copy_id: int) -> bytes:
    with office.database.read() as connection:
        return raw_message(connection, copy_id)


def purge(office: Team, name: str) -> None:
    source = source_of(office.database, name)
    assert source.mailbox_id is not None
    with office.database.write() as connection:
        there = connection.execute(select(copies.c.id).where(copies.c.user_id == source.user_id)).scalars().all()
        lose_copies(connection, source.user_id, there, NOW)
        purge_copies(connection, source.mailbox_id, NOW, 1000)


def files_kept(office: Team) -> list[bytes]:
    with office.database.read() as connection:
        return sorted(bytes(each) for each in connection.execute(select(attached_files.c.content)).scalars())


def test_a_file_in_messages_of_several_users_is_kept_once(office: Team) -> None:
    to_alice, again, to_bob = (
        with_files("Alice", PRICES),
        with_files("Alice", PLAN, PRICES, PRICES),
        with_files("Bob", PRICES, line_end="\n"),
    )
    first, second = store(office, "Alice", to_alice, again)
    (third,) = store(office, "Bob", to_bob)
    assert files_kept(office) == sorted([PRICES, PLAN])
    assert [raw_of(office, copy_id) for copy_id in (first, second, third)] == [to_alice, again, to_bob]


def test_it_takes_its_size_once(office: Team) -> None:
    large = bytes(range(256)) * 4000
    store(office, "Alice", *(with_files("Alice", large) for _ in range(5)))
    store(office, "Bob", with_files("Bob", large))
    with office.database.read() as connection:
        left = connection.execute(select(func.sum(func.length(raw_messages.c.raw)))).scalar_one()
    assert left < 10_000
    assert files_kept(office) == [large]


def test_it_goes_with_the_last_message_that_brings_it(office: Team) -> None:
    store(office, "Alice", with_files("Alice", PRICES, PLAN))
    to_bob = with_files("Bob", PRICES)
    (of_bob,) = store(office, "Bob", to_bob)
    purge(office, "Alice")
    assert files_kept(office) == [PRICES]
    assert raw_of(office, of_bob) == to_bob
    purge(office, "Bob")
    assert files_kept(office) == []
    with office.database.read() as connection:
        assert not connection.execute(select(attachments)).all()
        assert not connection.execute(select(raw_messages)).all()


def test_however_many_files_there_are(office: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postroom.storage.raw_messages._AT_ONCE", 2)
    several = [bytes([number]) * 5000 for number in range(5)]
    store(office, "Alice", with_files("Alice", *several))
    to_bob = with_files("Bob", *several[3:], PLAN)
    (of_bob,) = store(office, "Bob", to_bob)
    assert files_kept(office) == sorted([*several, PLAN])
    purge(office, "Alice")
    assert files_kept(office) == sorted([*several[3:], PLAN])
    assert raw_of(office, of_bob) == to_bob


def test_two_who_store_the_same_files_at_the_same_time(office: Team) -> None:
    to_alice, to_bob = with_files("Alice", PRICES, PLAN), with_files("Bob", PLAN, PRICES)
    (first,), (second,) = at_once(lambda: store(office, "Alice", to_alice), lambda: store(office, "Bob", to_bob))
    assert (raw_of(office, first), raw_of(office, second)) == (to_alice, to_bob)
    assert files_kept(office) == sorted([PRICES, PLAN])


def test_a_file_that_is_stored_again_while_the_last_message_with_it_goes(office: Team, background: Background) -> None:
    store(office, "Alice", with_files("Alice", PRICES))
    to_bob = with_files("Bob", PRICES)
    with office.database.write() as connection:
        source = source_of(office.database, "Bob")
        (of_bob,) = store_copies(connection, source, [IncomingCopy("1", to_bob, parse_message(to_bob))])
        purging = background.start(lambda: purge(office, "Alice"))
    purging.result(60)
    assert raw_of(office, of_bob) == to_bob
    assert files_kept(office) == [PRICES]


def test_a_file_that_goes_while_a_message_with_it_is_stored(office: Team, background: Background) -> None:
    (of_alice,) = store(office, "Alice", with_files("Alice", PRICES))
    source, to_bob = source_of(office.database, "Alice"), with_files("Bob", PRICES)
    assert source.mailbox_id is not None
    with office.database.write() as connection:
        lose_copies(connection, source.user_id, [of_alice], NOW)
        purge_copies(connection, source.mailbox_id, NOW, 1000)
        storing = background.start(lambda: store(office, "Bob", to_bob))
    (of_bob,) = storing.result(60)
    assert raw_of(office, of_bob) == to_bob
    assert files_kept(office) == [PRICES]


def test_a_file_is_never_taken_from_a_message_that_has_it(office: Team) -> None:
    store(office, "Alice", with_files("Alice", PRICES))
    with pytest.raises(Exception, match=r"(?i)foreign key"), office.database.write() as connection:
        connection.execute(delete(attached_files))
