"""A turn at reading a mailbox: what it comes to is written down, and whoever lost the lease stores nothing."""

import socket

import pytest

from postroom.actions import store_mail
from postroom.actions.errors import NotAllowed
from postroom.actions.leases import LEASE_SECONDS, LeaseLost, end, take, take_next
from postroom.actions.mailbox_turns import DEFAULT_INTERVAL, PassStopped, run_turn, sync_now
from postroom.actions.mailboxes import renew_login
from postroom.core.model import SyncState, Trouble
from postroom.mail.server import AuthenticationFailed, ConnectionFailed, Throttled
from postroom.storage.database import Database, DiskFull
from tests.mail.loopback import loopback
from tests.storage.full_disk import no_more_pages
from tests.team import NOW, OPERATOR
from tests.worker.reading import Accounts, Clock, reader

MANY = 100
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each message be a batch of its own."""
    monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 1)


def nobody(*_: object) -> None:
    """Hear of the progress, and do nothing."""


def never() -> bool:
    return False


class TestOutcomes:
    def test_a_mailbox_that_was_read_to_its_end_is_healthy_until_the_next_pass(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        assert (accounts.stands(alice).state, accounts.stands(alice).complete_at) == (SyncState.NEW, None)
        accounts.fill(alice, 3)
        sync_now(reader(accounts.team), alice, nobody)
        after = accounts.stands(alice)
        assert (after.state, after.failures, accounts.stored()) == (SyncState.HEALTHY, 0, 3)
        assert (after.complete_at, after.passed_at, after.next_try_at) == (NOW, NOW, NOW + DEFAULT_INTERVAL)
        assert after.lease_token is None

    @on_sqlite
    def test_everything_from_before_a_complete_pass_began_is_here(self, accounts: Accounts) -> None:
        alice, clock = accounts.add("Alice"), Clock()
        accounts.fill(alice, 1)

        def time_goes_on(*_: object) -> None:
            clock.seconds += 7

        sync_now(reader(accounts.team, clock=clock), alice, time_goes_on)
        after = accounts.stands(alice)
        assert (after.complete_at, after.passed_at) == (NOW, NOW + 7)

    @on_sqlite
    def test_a_full_disk_is_said_and_loses_nothing(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        accounts.fill(alice, 200)
        with no_more_pages(accounts.team.database, 2), pytest.raises(DiskFull):
            sync_now(reader(accounts.team), alice, nobody)
        stands = accounts.stands(alice)
        assert (stands.state, stands.trouble, stands.lease_token) == (SyncState.FAILING, Trouble.TRANSIENT, None)
        assert str(stands.error).startswith("the disk of the database is full: nothing")
        assert accounts.stored() == 0
        sync_now(reader(accounts.team), alice, nobody)
        assert accounts.stored() == 200

    @on_sqlite
    def test_a_folder_that_failed_leaves_it_incomplete_and_is_named(self, accounts: Accounts) -> None:
        listing = b'* LIST () "/" INBOX\r\n* LIST () "/" Other\r\n'
        answers = {b"LIST": listing, b'EXAMINE "INBOX"': b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n"}
        with loopback(answers | {b'EXAMINE "Other"': b"NO it is broken"}) as server:
            alice = accounts.add("Alice", host="127.0.0.1", port=server.port)
            sync_now(reader(accounts.team), alice, nobody)
        after = accounts.stands(alice)
        assert (after.state, after.complete_at) == (SyncState.INCOMPLETE, None)
        assert "Other: " in str(after.error)
        assert after.next_try_at == NOW + DEFAULT_INTERVAL

    @on_sqlite
    def test_a_refused_password_is_not_sent_again(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice", password="wrong")
        with pytest.raises(AuthenticationFailed):
            sync_now(reader(accounts.team), alice, nobody)
        after = accounts.stands(alice)
        assert (after.state, after.trouble, after.next_try_at) == (
            SyncState.NEEDS_LOGIN,
            Trouble.AUTHENTICATION,
            None,
        )
        assert "check both" in str(after.error)
        assert take_next(accounts.team.database, NOW + 10**9, MANY) is None

    @on_sqlite
    def test_a_login_that_worked_is_tried_once_more_after_some_minutes(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        sync_now(reader(accounts.team), alice, nobody)
        with loopback({b"LOGIN": b"NO [AUTHENTICATIONFAILED] no"}) as server:
            serve_at(accounts, "127.0.0.1", server.port)
            assert 300 <= wait_of(accounts, alice, AuthenticationFailed) < 900
            first = accounts.stands(alice)
            with pytest.raises(AuthenticationFailed):
                sync_now(reader(accounts.team), alice, nobody)
        assert (first.state, first.trouble) == (SyncState.FAILING, Trouble.AUTHENTICATION)
        second = accounts.stands(alice)
        assert (second.state, second.next_try_at) == (SyncState.NEEDS_LOGIN, None)
        serve_at(accounts, "localhost", accounts.dovecot.imap_port)
        sync_now(reader(accounts.team), alice, nobody)
        assert accounts.stands(alice).state == SyncState.HEALTHY

    @on_sqlite
    def test_one_that_was_renewed_is_tried_once_more_too(self, accounts: Accounts) -> None:
        alice, team = accounts.add("Alice"), accounts.team
        sync_now(reader(team), alice, nobody)
        with loopback({b"LOGIN": b"NO [AUTHENTICATIONFAILED] no"}) as server:
            serve_at(accounts, "127.0.0.1", server.port)
            for _ in range(2):
                with pytest.raises(AuthenticationFailed):
                    sync_now(reader(team), alice, nobody)
            serve_at(accounts, "localhost", accounts.dovecot.imap_port)
            renew_login(team.database, team.box, alice, accounts.dovecot.password, by=OPERATOR, now=NOW)
            serve_at(accounts, "127.0.0.1", server.port)
            assert 300 <= wait_of(accounts, alice, AuthenticationFailed) < 900

    @on_sqlite
    @pytest.mark.parametrize(
        "words",
        [
            b"[ALERT] Too many simultaneous connections. (Failure)",
            b"[ALERT] Account exceeded command or bandwidth limits. (Failure)",
        ],
    )
    def test_a_provider_that_limits_logins_refused_no_password(self, accounts: Accounts, words: bytes) -> None:
        with loopback({b"LOGIN": b"NO " + words}) as server:
            alice = accounts.add("Alice", host="127.0.0.1", port=server.port)
            assert 150 <= wait_of(accounts, alice, Throttled) < 450
        assert "(ALERT): wait" in str(accounts.stands(alice).error)

    @on_sqlite
    def test_an_alert_of_another_kind_is_a_refusal(self, accounts: Accounts) -> None:
        with loopback({b"LOGIN": b"NO [ALERT] Application-specific password required"}) as server:
            alice = accounts.add("Alice", host="127.0.0.1", port=server.port)
            with pytest.raises(AuthenticationFailed):
                sync_now(reader(accounts.team), alice, nobody)
        assert accounts.stands(alice).state == SyncState.NEEDS_LOGIN

    @on_sqlite
    def test_a_busy_server_is_left_alone_longer_each_time(self, accounts: Accounts) -> None:
        with loopback({b"LIST": b"NO [THROTTLED] slow down"}) as server:
            alice = accounts.add("Alice", host="127.0.0.1", port=server.port)
            waits = [wait_of(accounts, alice, Throttled) for _ in range(4)]
        assert accounts.stands(alice).trouble == Trouble.THROTTLED
        for wait, whole in zip(waits, (300, 600, 1200, 2400), strict=True):
            assert whole / 2 <= wait < whole * 3 / 2

    @on_sqlite
    def test_a_broken_line_is_tried_again_soon_and_success_forgets_it(self, accounts: Accounts) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            free = listener.getsockname()[1]
        alice = accounts.add("Alice", host="127.0.0.1", port=free)
        assert 15 <= wait_of(accounts, alice, ConnectionFailed) < 45
        assert (accounts.stands(alice).state, accounts.stands(alice).failures) == (SyncState.FAILING, 1)
        serve_at(accounts, "localhost", accounts.dovecot.imap_port)
        sync_now(reader(accounts.team), alice, nobody)
        after = accounts.stands(alice)
        assert (after.state, after.failures, after.trouble, after.error) == (SyncState.HEALTHY, 0, None, None)

    @on_sqlite
    def test_a_mistake_of_ours_is_kept_and_tried_again(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        accounts.fill(alice, 1)
        with pytest.raises(ZeroDivisionError):
            sync_now(reader(accounts.team), alice, lambda *_: 1 // 0)
        after = accounts.stands(alice)
        assert (after.state, after.trouble) == (SyncState.FAILING, Trouble.TRANSIENT)
        assert "the log has the trace" in str(after.error)

    @on_sqlite
    def test_ctrl_c_ends_the_turn_and_says_nothing_about_the_mailbox(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        accounts.fill(alice, 1)
        before = accounts.stands(alice)

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            sync_now(reader(accounts.team), alice, interrupt)
        assert accounts.stands(alice) == before


def serve_at(accounts: Accounts, host: str, port: int) -> None:
    """Let the mailboxes be somewhere else from now on."""
    with accounts.team.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE mailboxes SET host = '{host}', port = {port}")


def wait_of(accounts: Accounts, address: str, refusal: type[Exception]) -> int:
    """Let a pass fail, and give the seconds until the next try."""
    with pytest.raises(refusal):
        sync_now(reader(accounts.team), address, nobody)
    next_try_at = accounts.stands(address).next_try_at
    assert next_try_at is not None
    return next_try_at - NOW


class TestLeases:
    def test_one_at_a_time_reads_a_mailbox(self, accounts: Accounts) -> None:
        alice, database = accounts.add("Alice"), accounts.team.database
        turn = take(database, alice, NOW)
        assert take_next(database, NOW, MANY) is None
        with pytest.raises(NotAllowed, match="is being read at this moment"):
            sync_now(reader(accounts.team), alice, nobody)
        end(database, turn, {})
        sync_now(reader(accounts.team), alice, nobody)
        assert accounts.stands(alice).state == SyncState.HEALTHY

    @pytest.mark.usefixtures("small_batches")
    def test_whose_mailbox_was_taken_over_stores_nothing_more(self, accounts: Accounts) -> None:
        """The first worker was frozen for longer than its lease, and wakes up with two batches to come."""
        alice, database, clock = accounts.add("Alice"), accounts.team.database, Clock()
        accounts.fill(alice, 3)
        turn = take(database, alice, clock.seconds)

        def freeze(*_: object) -> None:
            clock.seconds += LEASE_SECONDS
            assert take_next(database, clock.seconds, MANY) is not None

        with pytest.raises(LeaseLost, match="another worker"):
            run_turn(reader(accounts.team, clock=clock), turn, freeze, never)
        assert accounts.stored() == 1
        after = accounts.stands(alice)
        assert (after.state, after.lease_until) == (SyncState.NEW, clock.seconds + LEASE_SECONDS)

    def test_without_anybody_else_a_late_one_may_still_store(self, accounts: Accounts) -> None:
        alice, clock = accounts.add("Alice"), Clock()
        accounts.fill(alice, 1)

        def sleep(*_: object) -> None:
            clock.seconds += 10 * LEASE_SECONDS

        sync_now(reader(accounts.team, clock=clock), alice, sleep)
        assert accounts.stored() == 1

    def test_a_lease_is_renewed_while_somebody_works(self, accounts: Accounts) -> None:
        alice, clock = accounts.add("Alice"), Clock()
        work = reader(accounts.team, clock=clock)
        turn = take(accounts.team.database, alice, clock.seconds)
        with work.keeper.holding(turn) as is_lost:
            for _ in range(5):
                clock.seconds += LEASE_SECONDS - 1
                assert take_next(accounts.team.database, clock.seconds, MANY) is None
                work.keeper.renew()
            assert not is_lost()
            clock.seconds += LEASE_SECONDS
            assert take_next(accounts.team.database, clock.seconds, MANY) is not None
            work.keeper.renew()
            assert is_lost()

    @pytest.mark.usefixtures("small_batches")
    def test_whoever_hears_that_the_lease_is_lost_stops(self, accounts: Accounts) -> None:
        alice, clock = accounts.add("Alice"), Clock()
        accounts.fill(alice, 3)
        work, heard = reader(accounts.team, clock=clock), []
        turn = take(accounts.team.database, alice, clock.seconds)

        def lose(_folder: str, done: int, _total: int) -> None:
            heard.append(done)
            clock.seconds += LEASE_SECONDS
            take_next(accounts.team.database, clock.seconds, MANY)
            work.keeper.renew()

        with pytest.raises(LeaseLost):
            run_turn(work, turn, lose, never)
        assert (heard, accounts.stored()) == ([1], 1)


class TestStopping:
    @pytest.mark.usefixtures("small_batches")
    def test_what_is_in_hand_is_stored_and_the_rest_comes_later_and_once(self, accounts: Accounts) -> None:
        alice = accounts.add("Alice")
        accounts.fill(alice, 10)
        database, done = accounts.team.database, 0

        def count(*_: object) -> None:
            nonlocal done
            done += 1

        turn = take(database, alice, NOW)
        with pytest.raises(PassStopped):
            run_turn(reader(accounts.team), turn, count, lambda: done == 4)
        after = accounts.stands(alice)
        assert accounts.stored() == 4
        assert (after.state, after.next_try_at, after.lease_token) == (SyncState.NEW, NOW, None)
        sync_now(reader(accounts.team), alice, nobody)
        assert accounts.stored() == 10
        assert accounts.stands(alice).state == SyncState.HEALTHY

    @on_sqlite
    def test_one_that_was_stopped_goes_to_the_end_of_the_line(self, accounts: Accounts) -> None:
        alice, bob = accounts.add("Alice"), accounts.add("Bob")
        accounts.fill(alice, 1)
        database = accounts.team.database
        first = take_next(database, NOW, MANY)
        assert first is not None
        assert first.mailbox.address == alice
        with pytest.raises(PassStopped):
            run_turn(reader(accounts.team), first, nobody, lambda: True)
        assert addresses(database, 2) == [bob, alice]


def addresses(database: Database, number: int) -> list[str]:
    """Give which mailboxes are next."""
    turns = [take_next(database, NOW, MANY) for _ in range(number)]
    return [turn.mailbox.address for turn in turns if turn is not None]
