"""A pass that is killed at any moment loses and doubles nothing: the next one makes the database what it would be.

Each kill has a mailbox of its own, with the same mail as the one that is read without interruption.
POSTROOM_MORE_KILLS=20 kills twenty times as often at random moments.
"""

import os
import random
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.policy import SMTP

import pytest

from postroom.actions import store_mail
from postroom.storage.associations import associate_by_hand
from tests.servers.dovecot import Dovecot
from tests.storage.poison import POISON, refusing_poison
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.sync.killing import come_to_the_end, held, kill_after, kill_at_commit, make_turn
from tests.team import Team, message

RANDOM_KILLS = 6 * int(os.environ.get("POSTROOM_MORE_KILLS", "1"))
FILED = 1002  # a record that knows nothing of the mail, on which some of it is filed by hand
ME = "owner@team.example"


class Mailboxes:
    """Mailboxes with the same mail, each of a user of its own."""

    def __init__(self, team: Team, dovecot: Dovecot, step: Callable[[Account], None]) -> None:
        self._team, self._dovecot, self._step = team, dovecot, step
        self._number = 0

    def ready(self) -> Account:
        """Give another mailbox, ready for the pass that is killed."""
        self._number += 1
        is_pop = self._step is first_pop
        port, protocol = (self._dovecot.pop_port, "pop") if is_pop else (None, "imap")
        account = Account(self._team, self._dovecot, f"User {self._number}", port, protocol)
        with account.client() as client:
            for folder in ("Offers", "Sold"):
                client.create_folder(folder)
            for folder, numbers in (("INBOX", range(4)), ("Offers", range(4, 6))):
                for number in numbers:
                    client.append(folder, mail(number))
            for raw in (REFUSED, WITH_FILE):
                client.append("INBOX", raw)
        self._step(account)
        return account


def mail(number: int) -> bytes:
    """Give a message; each third one is an answer to the one before."""
    raw = message(CUSTOMER, [ME], f"<{number}@customer.example>", f"Hello {number}")
    return b"In-Reply-To: <%d@customer.example>\r\n" % (number - 1) + raw if number % 3 == 0 else raw


def with_file() -> bytes:
    """Give a message with a file that is stored by its content."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"], letter["Message-ID"] = CUSTOMER, ME, "Prices", "<file@x>"
    letter["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    letter.set_content("See the file.")
    content = bytes(range(256)) * 64
    letter.add_attachment(content, maintype="image", subtype="png", filename="prices.png")
    return letter.as_bytes(policy=SMTP)


WITH_FILE = with_file()
REFUSED = message(CUSTOMER, [ME], "<refused@x>").replace(b"Offer", POISON.encode())  # it becomes a dead letter


def first(_account: Account) -> None:
    """Nothing was stored yet."""


def first_pop(_account: Account) -> None:
    """Nothing was stored yet, and the mailbox is read over POP3."""


def incremental(account: Account) -> None:
    """Some mail is new, some moved, some is gone, some has other flags; some was filed by hand."""
    make_turn(account)
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


def uidvalidity(account: Account) -> None:
    """A folder was made anew, with one message less and one more."""
    make_turn(account)
    with account.client() as client:
        client.delete_folder("Offers")
        client.create_folder("Offers")
        for number in (5, 9):
            client.append("Offers", mail(number))


@pytest.fixture(params=[first, first_pop, incremental, uidvalidity], ids=lambda step: step.__name__)
def mailboxes(
    request: pytest.FixtureRequest, team: Team, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mailboxes]:
    monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 2)
    team.user("Bob")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    team.record("Leads", "Bob", record_id=FILED)
    with refusing_poison(team.database):
        yield Mailboxes(team, dovecot, request.param)


def test_killed_at_each_commit(mailboxes: Mailboxes, team: Team) -> None:
    """On PostgreSQL at each third: every one makes a mailbox anew."""
    uninterrupted = mailboxes.ready()
    commits = make_turn(uninterrupted)
    come_to_the_end(uninterrupted, attempt=1)
    expected = held(uninterrupted)
    assert commits >= 6
    assert all(expected[table] for table in ("dead_letters", "attachments", "attached_files", "record_mail"))
    for number in range(1, commits + 1, 1 if team.database.dialect == "sqlite" else 3):
        account = mailboxes.ready()
        kill_at_commit(account, number)
        come_to_the_end(account, attempt=1)
        assert held(account) == expected, f"killed at commit {number} of {commits}"


def test_killed_at_random_moments_until_it_is_done(mailboxes: Mailboxes) -> None:
    uninterrupted = mailboxes.ready()
    started = time.perf_counter()
    make_turn(uninterrupted)
    took = time.perf_counter() - started
    account = mailboxes.ready()
    seconds = random.Random(0)
    # Early ones first, and more of them: each leaves the next one less to do, and another turn may be much faster.
    moments = sorted(took * seconds.random() ** 2 for _ in range(RANDOM_KILLS))
    killed = sum(kill_after(account, moment, attempt) for attempt, moment in enumerate(moments))
    come_to_the_end(account, attempt=len(moments))
    come_to_the_end(uninterrupted, attempt=1)
    assert killed
    assert held(account) == held(uninterrupted)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_comparison_sees_what_is_missing(mailboxes: Mailboxes) -> None:
    one, other = mailboxes.ready(), mailboxes.ready()
    make_turn(one)
    make_turn(other)
    assert held(one) == held(other)
    with other.client() as client:
        client.append("INBOX", mail(10))
    make_turn(other)
    assert held(one) != held(other)
