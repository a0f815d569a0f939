"""What goes wrong between us and a server: nothing is lost or doubled, and the next pass makes it good.

A proxy before a real server breaks what passes through it. Each fault is followed by a pass without it, after which
what is stored is what the server has.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from postroom.actions import store_mail
from postroom.actions.dead_letters import list_dead_letters, replay_dead_letters
from postroom.actions.mailbox_pass import FolderReport
from postroom.actions.sync import sync_mailbox
from postroom.actions.sync_imap import RECONCILE_SECONDS
from postroom.core.model import FolderState
from postroom.mail import imap, imap_connection
from postroom.mail.imap import FolderFailed
from postroom.mail.server import ConnectionFailed, Throttled
from postroom.storage.database import DiskFull
from tests.servers import fault_proxy as faults
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import Act, Fault, FaultProxy, fault_proxy
from tests.storage.full_disk import no_more_pages
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import NOW, OPERATOR, Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BODIES = rb"UID FETCH .*BODY.PEEK\[\]"
MAY_BE_RAISED = (ConnectionFailed, FolderFailed, Throttled)  # and not that the login was refused
MESSAGES = 6
SECONDS = 2.0  # that the server has for an answer


class Bad(NamedTuple):
    """A fault, and how often it happens."""

    command: bytes
    act: Act
    times: int = 1


# Each ends a pass, or one folder of it.
FAULTS = {
    "cut at once": Bad(BODIES, faults.cut_after(1)),
    "cut within a literal": Bad(BODIES, faults.cut_after(500)),
    "cut within the list of folders": Bad(rb" LIST ", faults.cut_after(20)),
    "cut within the list of UIDs": Bad(rb"UID SEARCH", faults.cut_after(10)),
    "silence": Bad(BODIES, faults.swallow()),
    "silence on login": Bad(rb"AUTHENTICATE", faults.swallow()),
    "garbage": Bad(BODIES, faults.replace(rb"\* \d+ FETCH \(", b"* \xff\x00 FETCH ((((\r\n")),
    "garbage in place of UIDs": Bad(rb"UID SEARCH", faults.answer(b"* SEARCH one two\r\n@ OK done\r\n")),
    "a literal in place of UIDs": Bad(rb"UID SEARCH", faults.answer(b"* SEARCH {3}\r\n1 2\r\n@ OK done\r\n")),
    "a list of nothing": Bad(rb" LIST ", faults.answer(b"* LIST\r\n@ OK done\r\n")),
    "sizes without numbers": Bad(rb"RFC822.SIZE", faults.replace(rb"UID \d+ RFC822.SIZE \d+", b"UID x RFC822.SIZE ()")),
    "a number in place of a message": Bad(
        BODIES, faults.replace(rb"BODY\[\] (\{\d+\})\r", rb"BODY[] 5 BODY[TEXT] \1\r"), 9
    ),
    "words that are none of IMAP": Bad(rb"EXAMINE", faults.answer(b"\xde\xad\xbe\xef\r\n" * 10 + b"@ OK done\r\n")),
    "a slow drip": Bad(BODIES, faults.drip(0.05)),
    "BYE": Bad(BODIES, faults.hang_up(b"* BYE the server goes down\r\n")),
    "BYE on login": Bad(rb"AUTHENTICATE", faults.hang_up(b"* BYE too many connections\r\n")),
    "NO [THROTTLED]": Bad(BODIES, faults.answer(b"@ NO [THROTTLED] slow down\r\n")),
    "NO [LIMIT]": Bad(rb"EXAMINE", faults.answer(b"@ NO [LIMIT] too many\r\n")),
    "NO on the list": Bad(rb" LIST ", faults.answer(b"@ NO [UNAVAILABLE] no list today\r\n")),
    "BAD": Bad(BODIES, faults.answer(b"@ BAD what?\r\n")),
    "1 GB announced": Bad(BODIES, faults.replace(rb"\{\d+\}", b"{1073741824}")),
}

# Each is survived by the pass itself.
LIES = {
    "a UIDNEXT that is far too high": Bad(rb"EXAMINE", faults.replace(rb"UIDNEXT \d+", b"UIDNEXT 4000000000"), 9),
    "a UIDNEXT that is too low": Bad(rb"EXAMINE|STATUS", faults.replace(rb"UIDNEXT \d+", b"UIDNEXT 1"), 9),
    "no UIDNEXT": Bad(rb"EXAMINE", faults.replace(rb"UIDNEXT \d+", b"UNKNOWN-CODE 1"), 9),
    "UIDs twice": Bad(rb"UID SEARCH", faults.replace(rb"\* SEARCH 1 2", b"* SEARCH 1 1 2 2 1"), 9),
    "UIDs in no order": Bad(rb"UID SEARCH", faults.replace(rb"\* SEARCH 1 2 3", b"* SEARCH 3 1 2"), 9),
    "flags that nobody knows": Bad(BODIES, faults.replace(rb"FLAGS \(\)", rb"FLAGS (\\Odd $x \\Seen)"), 9),
    "messages that were not asked for": Bad(
        BODIES, faults.replace(rb"\* 1 FETCH", b"* 9 FETCH (FLAGS ())\r\n* 1 FETCH"), 9
    ),
}


# What a server may answer when it is asked which messages vanished; it was the first one alone.
WRONG_WORDS = {
    "another, which is there": b"2",
    "one more, which is there": b"1:2",
    "one more, which never was": b"1,4000000000",
    "more than anybody has": b"1:4294967295",
    "no numbers": b"one,two",
    "numbers without an end": b"1,",
    "a number of all": b"*",
}


class Broken:
    """Alice's account behind the proxy."""

    def __init__(self, account: Account, proxy: FaultProxy) -> None:
        self.account, self.proxy = account, proxy

    def sync(self, bad: Bad | None = None) -> dict[str, FolderReport]:
        self.proxy.fault = None if bad is None else Fault(bad.command, bad.act, bad.times)
        team = self.account.team
        report = sync_mailbox(team.database, team.box, self.account.mailbox_id, NOW, timeout=SECONDS)
        return {folder.name: folder for folder in report.folders}

    def on_server(self) -> set[tuple[str, str]]:
        with self.account.client() as client:
            return {(name, str(uid)) for name in ("INBOX", "Offers") for uid in uids_in(client, name)}

    def assert_as_on_server(self) -> None:
        assert self.account.there() == self.on_server()
        assert self.account.mail_on_lead() == len(self.on_server())


def uids_in(client, name):
    client.select_folder(name, readonly=True)
    return client.search()


@pytest.fixture
def broken(team: Team, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broken]:
    monkeypatch.setattr(store_mail, "_BATCH_MESSAGES", 2)
    monkeypatch.setattr(imap, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(imap_connection, "ANSWER_SECONDS", 2 * SECONDS)
    with fault_proxy(dovecot.imap_port) as proxy:
        account = Account(team, dovecot, port=proxy.port)
        team.user("Bob")
        team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
        for number in range(MESSAGES):
            account.put("INBOX" if number % 2 else "Offers")
        yield Broken(account, proxy)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_pass_makes_it_good(broken: Broken, fault: str) -> None:
    with suppress(*MAY_BE_RAISED):
        broken.sync(FAULTS[fault])
    assert broken.proxy.fault.seen
    assert broken.account.there() <= broken.on_server()
    broken.sync()
    broken.assert_as_on_server()
    assert {broken.account.folder(name).state for name in ("INBOX", "Offers")} == {FolderState.FOLLOWING}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_says_odd_things_is_read_all_the_same(broken: Broken, lie: str) -> None:
    for _ in range(2):
        reports = broken.sync(LIES[lie])
        assert broken.proxy.fault.seen
        assert not [report.failed for report in reports.values() if report.failed]
        broken.assert_as_on_server()
        broken.account.put("INBOX")
    broken.sync()
    broken.assert_as_on_server()


@pytest.mark.parametrize(
    "says",
    [
        b"* x FETCH (FLAGS ())",
        b"* 2 FETCH (UID 2 FLAGS 5)",
        b"* 2 FETCH 5",
        b"* FETCH {3}\r\nabc",
        b"* VANISHED {1}\r\n1",
        b"* VANISHED (EARLIER) " + b"9" * 5000,
    ],
)
def test_changes_that_cannot_be_read_are_asked_for_again(broken: Broken, says: bytes) -> None:
    broken.sync()
    broken.account.expunge("INBOX", [1])
    with suppress(*MAY_BE_RAISED):
        broken.sync(Bad(rb"CHANGEDSINCE", faults.answer(says + b"\r\n@ OK done\r\n")))
    assert broken.proxy.fault.seen
    assert broken.account.there() >= broken.on_server()
    broken.sync()
    broken.assert_as_on_server()


@pytest.mark.parametrize("words", [*WRONG_WORDS.values(), None], ids=[*WRONG_WORDS, "nothing"])
def test_what_a_server_says_wrongly_of_what_vanished_hides_no_message(broken: Broken, words: bytes | None) -> None:
    broken.sync()
    broken.account.expunge("INBOX", [1])
    says = b"VANISHED (EARLIER) %s" % words if words else b"OK nothing"
    reports = broken.sync(Bad(rb"CHANGEDSINCE", faults.replace(rb"VANISHED \(EARLIER\) 1(?=\r)", says), 9))
    assert broken.proxy.fault.seen
    assert (reports["INBOX"].gone, reports["INBOX"].failed) == (1, None)
    broken.assert_as_on_server()


def test_a_message_that_is_expunged_while_it_is_fetched(broken: Broken) -> None:
    broken.sync(Bad(BODIES, faults.meanwhile(lambda: broken.account.expunge("Offers", [2]))))
    assert broken.proxy.fault.seen
    broken.sync()
    broken.assert_as_on_server()


def test_a_folder_that_is_renamed_while_it_is_read(broken: Broken) -> None:
    def rename() -> None:
        with broken.account.client() as client:
            if client.folder_exists("Offers"):
                client.rename_folder("Offers", "Sold")

    broken.sync(Bad(BODIES, faults.meanwhile(rename), 9))
    broken.sync()
    with broken.account.client() as client:
        there = {(name, str(uid)) for name in ("INBOX", "Sold") for uid in uids_in(client, name)}
    assert broken.account.there() == there
    assert len(there) == MESSAGES == broken.account.mail_on_lead()


@pytest.mark.parametrize("part", [rb"BODY.PEEK\[\]", rb"BODY.PEEK\["], ids=["its text", "whatever is asked of it"])
def test_a_message_that_breaks_every_connection_stops_no_other(broken: Broken, part: bytes) -> None:
    """Of one the headers come, and are stored; of the other nothing, and it is a dead letter."""
    breaks = Bad(rb"UID FETCH (?=\S*\b2\b).*" + part, faults.hang_up(), 99)
    for _ in range(6):
        broken.account.put("INBOX")
    reports = broken.sync(breaks)
    team = broken.account.team
    letters = list_dead_letters(team.database, by=OPERATOR, limit=9)
    if part.endswith(rb"\]"):
        assert letters == []
        broken.assert_as_on_server()
        return
    assert {(each.letter.folder, each.letter.uid, each.letter.size) for each in letters} == {
        ("INBOX", "2", 0),
        ("Offers", "2", 0),
    }
    assert (reports["INBOX"].dead_letters, reports["INBOX"].failed) == (1, None)
    assert broken.account.there() == broken.on_server() - {("INBOX", "2"), ("Offers", "2")}
    broken.proxy.fault = None
    replay_dead_letters(team.database, by=OPERATOR, now=NOW)
    assert list_dead_letters(team.database, by=OPERATOR, limit=9) == []
    broken.account.sync(after=RECONCILE_SECONDS)
    broken.assert_as_on_server()


def test_a_disk_that_is_full(broken: Broken) -> None:
    for _ in range(4):
        broken.account.put("INBOX", "x" * 20_000)
    with no_more_pages(broken.account.team.database, 12), pytest.raises(DiskFull, match="nothing is lost; make room"):
        broken.sync()
    assert broken.account.there() < broken.on_server()
    broken.sync()
    broken.assert_as_on_server()
