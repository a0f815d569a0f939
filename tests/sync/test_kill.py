"""A pass that is killed at any moment loses and doubles nothing: the next one makes the database what it would be.

Each kill has a mailbox of its own, with the same mail as the one that is read without interruption.
POSTROOM_MORE_KILLS=20 kills twenty times as often at random moments.
"""

import os
import random
import time
from collections.abc import Callable

import pytest

from postroom.actions import store_mail
from postroom.storage.associations import associate_by_hand
from tests.servers.dovecot import Dovecot
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.sync.killing import held, kill_after, kill_at_commit, sync_and_count_commits
from tests.team import Team, message

RANDOM_KILLS = 6 * int(os.environ.get("POSTROOM_MORE_KILLS", "1"))
FILED = 1002  # a record that knows nothing of the mail, on which some of it is filed by hand
ME = "owner@team.example"


class Mailboxes:
    """Mailboxes with the same mail, each of a user of its own."""

    def __init__(self, team: Team, dovecot: Dovecot, step: Callable[["Mailboxes", Account], None]) -> None:
        self._team, self._dovecot, self._step = team, dovecot, step
        self._number = 0

    def ready(self) -> Account:
        """Give another mailbox, ready for the pass that is killed."""
        self._number += 1
        account = Account(self._team, self._dovecot, f"User {self._number}")
        with account.client() as client:
            for folder in ("Offers", "Sold"):
                client.create_folder(folder)
            for folder, numbers in (("INBOX", range(4)), ("Offers", range(4, 6))):
                for number in numbers:
                    client.append(folder, mail(number))
        self._step(self, account)
        return account


def mail(number: int) -> bytes:
    """Give a message; each third one is an answer to the one before."""
    raw = message(CUSTOMER, [ME], f"<{number}@customer.example>", f"Hello {number}")
    return b"In-Reply-To: <%d@customer.example>\r\n" % (number - 1) + raw if number % 3 == 0 else raw


def first(_mailboxes: Mailboxes, _account: Account) -> None:
    """Nothing was stored yet."""


def incremental(_mailboxes: Mailboxes, account: Account) -> None:
    """Some mail is new, some moved, some is gone, some has other flags; some was filed by hand."""
    sync_and_count_commits(account)
    filed = [copy.id for copy in account.stored() if copy.uid in {"1", "2"}]
    with account.team.database.write() as connection:
        associate_by_hand(connection, FILED, filed)
    with account.client() as client:
        client.select_folder("INBOX")
        client.move([1, 4], "Sold")
        client.add_flags([2], ["\\Answered"])
        client.delete_messages([3])
        client.expunge()
        for number in (6, 7, 8):
            client.append("INBOX", mail(number))


def uidvalidity(_mailboxes: Mailboxes, account: Account) -> None:
    """A folder was made anew, with one message less and one more."""
    sync_and_count_commits(account)
    with account.client() as client:
        client.delete_folder("Offers")
        client.create_folder("Offers")
        for number in (5, 9):
            client.append("Offers", mail(number))


@pytest.fixture(params=[first, incremental, uidvalidity], ids=lambda step: step.__name__)
def mailboxes(
    request: pytest.FixtureRequest, team: Team, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> Mailboxes:
    monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 2)
    team.user("Bob")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    team.record("Leads", "Bob", record_id=FILED)
    return Mailboxes(team, dovecot, request.param)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_killed_at_each_commit(mailboxes: Mailboxes) -> None:
    uninterrupted = mailboxes.ready()
    commits = sync_and_count_commits(uninterrupted)
    expected = held(uninterrupted)
    assert commits >= 4
    for number in range(1, commits + 1):
        account = mailboxes.ready()
        kill_at_commit(account, number)
        account.sync()
        assert held(account) == expected, f"killed at commit {number} of {commits}"


def test_killed_at_random_moments_until_it_is_done(mailboxes: Mailboxes) -> None:
    uninterrupted = mailboxes.ready()
    started = time.perf_counter()
    sync_and_count_commits(uninterrupted)
    took = time.perf_counter() - started
    account = mailboxes.ready()
    seconds = random.Random(0)
    # Early ones first: each leaves the next one less to do.
    moments = sorted(seconds.uniform(0, took) for _ in range(RANDOM_KILLS))
    killed = sum(kill_after(account, moment) for moment in moments)
    account.sync()
    assert killed
    assert held(account) == held(uninterrupted)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_comparison_sees_what_is_missing(mailboxes: Mailboxes) -> None:
    one, other = mailboxes.ready(), mailboxes.ready()
    sync_and_count_commits(one)
    sync_and_count_commits(other)
    assert held(one) == held(other)
    with other.client() as client:
        client.append("INBOX", mail(10))
    other.sync()
    assert held(one) != held(other)
