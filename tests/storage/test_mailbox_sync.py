"""Leases on mailboxes: one at a time reads each, whoever lost one stores nothing, and the longest-waiting is next."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.core.model import Mailbox, MailboxState, MailboxSync
from postroom.storage import mailbox_sync
from postroom.storage.mailboxes import set_mailbox_state
from tests.team import NOW, OPERATOR, Team, email_of

LATER = NOW + 60
MANY = 100


@pytest.fixture
def mailboxes(team: Team) -> dict[str, Mailbox]:
    """Alice, Bob and Charlie have a mailbox on a server; Dora's is fed by import."""
    hosts = {"Alice": "imap.team.example", "Bob": "imap.team.example", "Charlie": "imap.other.example", "Dora": None}
    added = {}
    for name, host in hosts.items():
        team.user(name, mailbox=None)
        new = NewMailbox("imap", host=host, password="secret" if host else None)
        added[name] = add_mailbox(team.database, team.box, email_of(name), new, by=OPERATOR, now=NOW)
    return added


@pytest.fixture
def claim(team: Team) -> Callable[..., str | None]:
    """Give a function that takes up what has been due for longest, and gives the local part of its address."""

    def take(token: str, now: int = NOW, per_host: int = MANY) -> str | None:
        with team.database.write() as connection:
            mailbox = mailbox_sync.claim_due(connection, now, per_host, token, now + 60)
        return None if mailbox is None else mailbox.address.partition("@")[0]

    return take


def stands(team: Team, mailbox: Mailbox) -> MailboxSync:
    with team.database.read() as connection:
        return mailbox_sync.sync_of(connection, [mailbox.id])[mailbox.id]


def write(team: Team, work: Callable[[Connection], Any]) -> Any:
    with team.database.write() as connection:
        return work(connection)


def test_new_mailboxes_are_due_at_once_each_for_one_and_none_that_is_fed_by_import(mailboxes, claim) -> None:
    assert [claim(token) for token in "abcd"] == ["alice", "bob", "charlie", None]
    assert mailboxes


def test_the_one_that_waits_longest_is_next(team, mailboxes, claim) -> None:
    for name, due_at in (("Alice", NOW - 1), ("Bob", NOW - 3), ("Charlie", NOW - 2)):
        write(team, lambda c, n=name, at=due_at: mailbox_sync.ask_for_pass(c, mailboxes[n].id, at))
    assert [claim(token) for token in "abc"] == ["bob", "charlie", "alice"]


def test_what_is_not_due_waits(team, mailboxes, claim) -> None:
    for mailbox in mailboxes.values():
        write(team, lambda c, each=mailbox: mailbox_sync.ask_for_pass(c, each.id, LATER))
    assert claim("a") is None
    assert claim("a", now=LATER) == "alice"


def test_no_more_than_so_many_at_one_host(mailboxes, claim) -> None:
    assert [claim(token, per_host=1) for token in "abc"] == ["alice", "charlie", None]
    assert claim("d", per_host=2) == "bob"
    assert mailboxes


def test_a_look_says_what_a_claim_would_find(team, mailboxes, claim) -> None:
    found = []
    for token in "abcd":
        with team.database.read() as connection:
            found.append(mailbox_sync.is_due(connection, NOW, MANY))
        claim(token)
    assert found == [True, True, True, False]
    assert mailboxes


@pytest.mark.parametrize("state", [MailboxState.PAUSED, MailboxState.DISCONNECTED])
def test_a_mailbox_that_shall_not_be_read_is_not(team, mailboxes, claim, state: MailboxState) -> None:
    write(team, lambda c: set_mailbox_state(c, mailboxes["Alice"].id, state))
    assert [claim(token) for token in "abc"] == ["bob", "charlie", None]


class TestLease:
    def test_it_runs_out_and_then_another_may_take_over(self, team, mailboxes) -> None:
        alices = mailboxes["Alice"].id
        assert write(team, lambda c: mailbox_sync.claim(c, alices, NOW, "first", LATER)) == mailboxes["Alice"]
        assert write(team, lambda c: mailbox_sync.claim(c, alices, LATER - 1, "second", LATER + 60)) is None
        assert write(team, lambda c: mailbox_sync.holds(c, alices, "first"))
        assert write(team, lambda c: mailbox_sync.claim(c, alices, LATER, "second", LATER + 60)) is not None
        assert not write(team, lambda c: mailbox_sync.holds(c, alices, "first"))
        assert not write(team, lambda c: mailbox_sync.renew(c, alices, "first", LATER + 600))
        assert write(team, lambda c: mailbox_sync.renew(c, alices, "second", LATER + 600))
        assert stands(team, mailboxes["Alice"]).lease_until == LATER + 600

    def test_whoever_lost_it_writes_nothing_down(self, team, mailboxes) -> None:
        alices = mailboxes["Alice"].id
        write(team, lambda c: mailbox_sync.claim(c, alices, NOW, "first", LATER))
        write(team, lambda c: mailbox_sync.claim(c, alices, LATER, "second", LATER + 60))
        write(team, lambda c: mailbox_sync.release(c, alices, "first", 0, {"failures": 7}))
        assert (stands(team, mailboxes["Alice"]).failures, stands(team, mailboxes["Alice"]).lease_token) == (
            0,
            "second",
        )

    def test_at_its_end_it_is_free_and_what_came_of_it_is_written_down(self, team, mailboxes) -> None:
        alices = mailboxes["Alice"].id
        write(team, lambda c: mailbox_sync.claim(c, alices, NOW, "first", LATER))
        write(team, lambda c: mailbox_sync.release(c, alices, "first", 0, {"next_try_at": LATER, "failures": 7}))
        after = stands(team, mailboxes["Alice"])
        assert (after.lease_token, after.lease_until, after.next_try_at, after.failures) == (None, None, LATER, 7)

    def test_another_pass_that_was_asked_for_meanwhile_is_not_forgotten(self, team, mailboxes) -> None:
        alices = mailboxes["Alice"].id
        write(team, lambda c: mailbox_sync.claim(c, alices, NOW, "first", LATER))
        write(team, lambda c: mailbox_sync.ask_for_pass(c, alices, NOW))
        write(team, lambda c: mailbox_sync.release(c, alices, "first", 0, {"next_try_at": LATER}))
        assert stands(team, mailboxes["Alice"]).next_try_at == NOW

    def test_it_can_be_taken_away(self, team, mailboxes) -> None:
        alices = mailboxes["Alice"].id
        write(team, lambda c: mailbox_sync.claim(c, alices, NOW, "first", LATER))
        write(team, lambda c: mailbox_sync.end_lease(c, alices))
        assert not write(team, lambda c: mailbox_sync.holds(c, alices, "first"))


class TestHint:
    """Something may have come to a mailbox: it is due at once, where nothing speaks against that."""

    LEAST = 5

    def hint(self, team: Team, mailbox: Mailbox, now: int = NOW) -> set[int]:
        return write(team, lambda c: mailbox_sync.hasten(c, [mailbox.id], now, self.LEAST))

    def end_pass(self, team: Team, mailbox: Mailbox, **values: object) -> None:
        write(team, lambda c: mailbox_sync.claim(c, mailbox.id, NOW, "token", LATER))
        came_of_it = {"next_try_at": LATER, "passed_at": NOW - 60} | values
        write(team, lambda c: mailbox_sync.release(c, mailbox.id, "token", 0, came_of_it))

    def test_it_need_not_wait_for_its_turn(self, team, mailboxes, claim) -> None:
        for mailbox in mailboxes.values():
            self.end_pass(team, mailbox)
        assert self.hint(team, mailboxes["Bob"]) == set()
        assert [claim(token) for token in "ab"] == ["bob", None]

    def test_it_rests_after_a_pass(self, team, mailboxes) -> None:
        self.end_pass(team, mailboxes["Alice"], passed_at=NOW - 2)
        self.hint(team, mailboxes["Alice"])
        assert stands(team, mailboxes["Alice"]).next_try_at == NOW + 3

    def test_nothing_is_later_for_it(self, team, mailboxes) -> None:
        self.end_pass(team, mailboxes["Alice"], passed_at=NOW, next_try_at=NOW + 1)
        self.hint(team, mailboxes["Alice"])
        assert stands(team, mailboxes["Alice"]).next_try_at == NOW + 1

    @pytest.mark.parametrize("next_try_at", [LATER, None], ids=["later", "not again"])
    def test_what_fails_waits_on(self, team, mailboxes, next_try_at: int | None) -> None:
        self.end_pass(team, mailboxes["Alice"], failures=1, next_try_at=next_try_at)
        self.hint(team, mailboxes["Alice"])
        assert stands(team, mailboxes["Alice"]).next_try_at == next_try_at

    def test_what_is_being_read_is_named_and_left_alone(self, team, mailboxes) -> None:
        """If that pass fails, it waits as long as any other that fails."""
        alices = mailboxes["Alice"]
        self.end_pass(team, alices)
        write(team, lambda c: mailbox_sync.claim(c, alices.id, NOW, "token", LATER))
        assert self.hint(team, alices) == {alices.id}
        write(team, lambda c: mailbox_sync.release(c, alices.id, "token", LATER, {"failures": 1, "next_try_at": LATER}))
        assert self.hint(team, alices) == set()
        assert stands(team, alices).next_try_at == LATER


def test_passes_are_told_of_what_is_active(team, mailboxes) -> None:
    alice, bob, charlie, _ = (mailbox.id for mailbox in mailboxes.values())
    write(team, lambda c: mailbox_sync.claim(c, alice, NOW, "token", LATER))
    write(team, lambda c: mailbox_sync.release(c, alice, "token", 0, {"passed_at": NOW}))
    write(team, lambda c: set_mailbox_state(c, charlie, MailboxState.PAUSED))
    assert write(team, lambda c: mailbox_sync.passes_of_active(c, [alice, bob, charlie])) == {alice: NOW, bob: 0}
