"""What goes wrong between us and a server: nothing is lost or doubled, and the next pass makes it good.

A proxy before a real server breaks what passes through it. Each fault is followed by a pass without it, after which
what is stored is what the server has.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest
from imapclient import IMAPClient

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
from tests.servers.fault_proxy import Act, Conversation, Fault, FaultProxy, fault_proxy
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
    "cut within a literal": Bad(BODIES, faults.cut_after(20, behind=b"}\r\n")),
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
    "no UIDNEXT": Bad(rb"EXAMINE|STATUS", faults.replace(rb"UIDNEXT \d+", b"UNKNOWN-CODE 1"), 9),
    "UIDs twice": Bad(rb"UID SEARCH", faults.replace(rb"\* SEARCH ([\d ]+)", rb"* SEARCH \1 \1"), 9),
    "UIDs in no order": Bad(rb"UID SEARCH", faults.replace(rb"\* SEARCH (\d+) ([\d ]+)", rb"* SEARCH \2 \1"), 9),
    "flags that nobody knows": Bad(BODIES, faults.replace(rb"FLAGS \([^)]*\)", rb"FLAGS (\\Odd $x \\Seen)"), 9),
    "messages that were not asked for": Bad(
        BODIES, faults.replace(rb"\* (\d+) FETCH", rb"* 9 FETCH (FLAGS ())\r\n* \1 FETCH"), 9
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

    def sync(self, bad: Bad | None = None, seconds: float = SECONDS) -> dict[str, FolderReport]:
        self.proxy.fault = None if bad is None else Fault(bad.command, bad.act, bad.times)
        team = self.account.team
        report = sync_mailbox(team.database, team.box, self.account.mailbox_id, NOW, timeout=seconds)
        return {folder.name: folder for folder in report.folders}

    def on_server(self) -> dict[tuple[str, str], bytes]:
        with self.account.client() as client:
            return {key: text for name in ("INBOX", "Offers") for key, text in texts_in(client, name).items()}

    def assert_as_on_server(self) -> None:
        there = self.on_server()
        assert self.account.texts() == there
        assert self.account.mail_on_lead() == len(there)

    def letters(self) -> set[tuple[str, str, int]]:
        """Give folder, UID and size of each dead letter."""
        listed = list_dead_letters(self.account.team.database, by=OPERATOR, limit=99)
        return {(each.letter.folder, each.letter.uid, each.letter.size) for each in listed}


def texts_in(client: IMAPClient, name: str) -> dict[tuple[str, str], bytes]:
    client.select_folder(name, readonly=True)
    texts = client.fetch(client.search(), ["BODY.PEEK[]"])
    return {(name, str(uid)): answer[b"BODY[]"] for uid, answer in texts.items()}


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
    assert broken.proxy.fault.acted
    assert broken.account.there() <= broken.on_server().keys()
    broken.sync()
    broken.assert_as_on_server()
    assert {broken.account.folder(name).state for name in ("INBOX", "Offers")} == {FolderState.FOLLOWING}


@pytest.mark.parametrize("lie", LIES)
def test_a_server_that_says_odd_things_is_read_all_the_same(broken: Broken, lie: str) -> None:
    for _ in range(2):
        reports = broken.sync(LIES[lie])
        assert broken.proxy.fault.acted
        assert not [report.failed for report in reports.values() if report.failed]
        broken.assert_as_on_server()
        for _ in range(2):
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
    assert broken.proxy.fault.acted
    assert broken.account.there() >= broken.on_server().keys()
    broken.sync()
    broken.assert_as_on_server()


@pytest.mark.parametrize("words", [*WRONG_WORDS.values(), None], ids=[*WRONG_WORDS, "nothing"])
def test_what_a_server_says_wrongly_of_what_vanished_hides_no_message(broken: Broken, words: bytes | None) -> None:
    broken.sync()
    broken.account.expunge("INBOX", [1])
    says = b"VANISHED (EARLIER) %s" % words if words else b"OK nothing"
    reports = broken.sync(Bad(rb"CHANGEDSINCE", faults.replace(rb"VANISHED \(EARLIER\) 1(?=\r)", says), 9))
    assert broken.proxy.fault.acted
    assert (reports["INBOX"].gone, reports["INBOX"].failed) == (1, None)
    broken.assert_as_on_server()


def test_a_message_that_is_expunged_while_it_is_fetched(broken: Broken) -> None:
    broken.sync(Bad(BODIES, faults.meanwhile(lambda: broken.account.expunge("Offers", [2]))))
    assert broken.proxy.fault.acted
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
        there = texts_in(client, "INBOX") | texts_in(client, "Sold")
    assert broken.account.texts() == there
    assert len(there) == MESSAGES == broken.account.mail_on_lead()


# What may happen each time that one message is asked for.
ALWAYS = {
    "it hangs up": faults.hang_up(),
    "it refuses": faults.answer(b"@ NO cannot be converted\r\n"),
    "it has a bug": faults.answer(b"@ NO [SERVERBUG] internal error\r\n"),
    "it does not understand": faults.answer(b"@ BAD what?\r\n"),
    "it falls silent": faults.swallow(),
    "it talks nonsense": faults.answer(b"* 2 FETCH (UID 2 BODY[] (((\r\n@ OK done\r\n"),
    "it gives no text": faults.replace(rb"BODY\[\] \{(\d+)\}\r\n", rb"BODY[] NIL X-TEXT {\1}\r\n"),
}


@pytest.mark.parametrize("act", ALWAYS)
def test_a_message_that_never_comes_stops_no_other(broken: Broken, act: str) -> None:
    """It is a dead letter, and comes whole once the server gives it."""
    for _ in range(6):
        broken.account.put("INBOX")
    reports = broken.sync(Bad(rb"UID FETCH (?=\S*\b2\b).*BODY", ALWAYS[act], 999), seconds=SECONDS / 2)
    failing = {("INBOX", "2", 0), ("Offers", "2", 0)}
    assert broken.letters() == failing
    assert (reports["INBOX"].dead_letters, reports["INBOX"].failed) == (1, None)
    assert broken.account.there() == broken.on_server().keys() - {(name, uid) for name, uid, _ in failing}
    replay_dead_letters(broken.account.team.database, by=OPERATOR, now=NOW)
    assert broken.letters() == set()
    broken.proxy.fault = None
    broken.account.sync(after=RECONCILE_SECONDS)
    broken.assert_as_on_server()


def test_a_message_that_failed_once_comes_whole(broken: Broken) -> None:
    broken.sync()
    broken.account.put("INBOX")
    broken.sync(Bad(BODIES, faults.cut_after(20, behind=b"}\r\n")))
    assert broken.proxy.fault.acted
    broken.assert_as_on_server()


def test_one_that_never_comes_is_given_up_if_older_ones_come(broken: Broken) -> None:
    broken.sync()
    uid = broken.account.put("INBOX")
    reports = broken.sync(Bad(rb"UID FETCH %d .*BODY" % uid, faults.hang_up(), 999))
    assert (reports["INBOX"].dead_letters, broken.letters()) == (1, {("INBOX", str(uid), 0)})


@pytest.mark.parametrize("code", [b"", b"[UNAVAILABLE] "])
def test_a_server_that_gives_no_text_for_a_while_makes_no_dead_letters(broken: Broken, code: bytes) -> None:
    reports = broken.sync(Bad(BODIES, faults.answer(b"@ NO %snot now\r\n" % code), 999))
    assert all(reports[name].failed for name in ("INBOX", "Offers"))
    assert (broken.letters(), broken.account.there()) == (set(), set())
    broken.sync()
    broken.assert_as_on_server()


def test_many_that_never_come_hold_up_nothing_that_does(broken: Broken) -> None:
    for _ in range(40):
        broken.account.put("INBOX")
    reports = broken.sync(Bad(rb"UID FETCH (?=\S*\b(1[1-9]|3[1-4])\b).*BODY", faults.hang_up(), 999))
    assert (reports["INBOX"].dead_letters, reports["INBOX"].failed) == (13, None)
    assert len(broken.account.there()) == MESSAGES + 40 - 13


def test_what_came_before_the_server_is_gone_is_kept(broken: Broken) -> None:
    def end(conversation: Conversation, tag: bytes, line: bytes) -> None:
        broken.proxy.fault = Fault(rb"AUTHENTICATE", faults.hang_up())
        faults.hang_up()(conversation, tag, line)

    for _ in range(8):
        broken.account.put("INBOX")
    with pytest.raises(ConnectionFailed):
        broken.sync(Bad(rb"UID FETCH (?=\S*\b5\b)", end))
    assert broken.account.there()
    broken.sync()
    broken.assert_as_on_server()


def test_a_folder_that_is_damaged_stops_no_other(broken: Broken) -> None:
    reports = broken.sync(Bad(rb"EXAMINE .*Offers", faults.answer(b"@ NO [SERVERBUG] internal error\r\n"), 9))
    assert "SERVERBUG" in reports["Offers"].failed
    assert broken.account.there() == {key for key in broken.on_server() if key[0] == "INBOX"}


def test_a_disk_that_is_full(broken: Broken) -> None:
    for _ in range(4):
        broken.account.put("INBOX", "x" * 20_000)
    with no_more_pages(broken.account.team.database, 12), pytest.raises(DiskFull, match="nothing is lost; make room"):
        broken.sync()
    assert broken.account.there() < broken.on_server().keys()
    broken.sync()
    broken.assert_as_on_server()
