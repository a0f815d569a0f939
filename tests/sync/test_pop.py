"""A POP3 mailbox: everything in it is stored once, nothing is deleted there, and what is taken out stays stored."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from postroom.actions.dead_letters import list_dead_letters, replay_dead_letters
from postroom.actions.mailbox_pass import FolderReport
from postroom.actions.sync import sync_mailbox
from postroom.core.model import FolderState
from postroom.mail import pop
from postroom.mail.server import ConnectionFailed, MailServerError, Throttled
from postroom.storage.schema import raw_messages
from tests.servers import fault_proxy as faults
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import Conversation, Fault, FaultProxy, fault_proxy
from tests.storage.poison import POISON, refusing_poison
from tests.sync.accounts import CUSTOMER, LEAD, Account
from tests.team import NOW, OPERATOR, Team, message

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LONG = "x" * 10_000 + "\r\n.\r\n..\r\n.x"  # what stands alone ends a message, and poplib takes no line so long


@pytest.fixture
def proxy(dovecot: Dovecot) -> Iterator[FaultProxy]:
    with fault_proxy(dovecot.pop_port) as running:
        yield running


@pytest.fixture
def account(team: Team, dovecot: Dovecot, proxy: FaultProxy) -> Account:
    alice = Account(team, dovecot, port=proxy.port, protocol="pop")
    team.user("Bob")
    team.permission("Alice", "public")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    return alice


def uids_on_server(account: Account) -> list[int]:
    with account.client() as client:
        client.select_folder("INBOX", readonly=True)
        return client.search()


def test_everything_is_stored_once_and_nothing_is_deleted(account: Account) -> None:
    for body in ("Hello", LONG):
        account.put("INBOX", body)
    first = account.sync()["INBOX"]
    assert (first.stored, first.known) == (2, 0)
    assert uids_on_server(account) == [1, 2]
    assert account.team.shares("Bob", "Leads", LEAD) == ["Alice"]
    assert account.folder("INBOX").state == FolderState.FOLLOWING
    account.put("INBOX")
    again = account.sync()["INBOX"]
    assert (again.stored, again.known) == (1, 2)
    assert len(account.stored()) == 3


def test_a_message_comes_as_the_server_has_it(account: Account) -> None:
    raw = message(CUSTOMER, ["me@team.example"], "<1@x>", LONG) + b"\r\n"
    account.server.append(account.address, "INBOX", raw)
    account.sync()
    with account.team.database.read() as connection:
        assert connection.execute(select(raw_messages.c.raw)).scalars().all() == [raw]


def test_what_a_mail_program_takes_out_stays(account: Account) -> None:
    uid = account.put("INBOX")
    account.sync()
    account.expunge("INBOX", [uid])
    account.put("INBOX")
    report = account.sync()["INBOX"]
    assert (report.stored, report.gone) == (1, 0)
    assert account.mail_on_lead() == 2


def test_messages_that_get_other_ids_are_known_again(account: Account) -> None:
    for _ in range(3):
        account.put("INBOX")
    account.sync()
    before = [copy.id for copy in account.stored()]
    with account.team.database.write() as connection:
        connection.exec_driver_sql("UPDATE copies SET uid = 'old ' || uid")
    report = account.sync()["INBOX"]
    assert (report.moved, report.stored) == (3, 0)
    assert [copy.id for copy in account.stored()] == before


def test_of_a_message_that_is_too_large_the_headers_come(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pop, "MAX_MESSAGE_BYTES", 1000)
    account.put("INBOX", "x" * 2000)
    assert account.pass_over().problems == [("INBOX message 1", "body: not read, the message is too large")]
    assert account.mail_on_lead() == 1


MANY = 8
BAD = {
    "breaks": faults.cut_after(100),
    "stalls": faults.swallow(),
    "is refused": faults.answer(b"-ERR cannot read it\r\n"),
    "is refused for the moment": faults.answer(b"-ERR [SYS/TEMP] cannot read it\r\n"),
}


def sync(account: Account) -> FolderReport:
    """Make a pass over a server that has a second for each answer."""
    team = account.team
    (report,) = sync_mailbox(team.database, team.box, account.mailbox_id, NOW, timeout=1).folders
    return report


@pytest.mark.parametrize("times", [1, 99], ids=["once", "each time"])
@pytest.mark.parametrize(("bad", "number"), [*((bad, 2) for bad in BAD), ("is refused", 1), ("is refused", 4)])
def test_a_message_that_does_not_come_stops_no_other(
    account: Account, proxy: FaultProxy, bad: str, times: int, number: int
) -> None:
    for _ in range(4):
        account.put("INBOX")
    proxy.fault = Fault(rb"RETR %d" % number, BAD[bad], times)
    report = sync(account)
    letters = list_dead_letters(account.team.database, by=OPERATOR, limit=9)
    if times == 1:
        assert (report.stored, report.dead_letters, letters) == (4, 0, [])
        return
    assert (report.stored, report.dead_letters) == (3, 1)
    assert [(each.letter.place, each.letter.size) for each in letters] == [(f"INBOX message {number}", 0)]
    assert not bad.startswith("is refused") or "cannot read it)" in letters[0].letter.reason
    assert account.sync(after=NOW)["INBOX"].known == 4
    proxy.fault = None
    replay_dead_letters(account.team.database, by=OPERATOR, now=NOW)
    assert (account.sync()["INBOX"].stored, account.mail_on_lead()) == (1, 4)


def test_a_letter_of_what_a_mail_program_took_out_stays(account: Account) -> None:
    raw = message(CUSTOMER, [account.address], "<1@x>").replace(b"Subject: Offer", f"Subject: {POISON}".encode())
    uid = account.server.append(account.address, "INBOX", raw)
    with refusing_poison(account.team.database):
        account.sync()
    account.expunge("INBOX", [uid])
    account.sync()
    assert replay_dead_letters(account.team.database, by=OPERATOR, now=NOW).stored == 1
    account.sync()
    assert account.mail_on_lead() == 1


@pytest.mark.parametrize(
    ("says", "raised"), [(b"-ERR [SYS/TEMP] later\r\n", Throttled), (b"-ERR too much\r\n", ConnectionFailed)]
)
@pytest.mark.parametrize("given", [0, 2], ids=["from the first message", "after some"])
def test_a_server_that_gives_no_more_messages_makes_no_dead_letters(
    account: Account, proxy: FaultProxy, says: bytes, raised: type[MailServerError], given: int
) -> None:
    """What came before is stored, the mailbox is not called healthy, and the next pass takes the rest."""
    for _ in range(MANY):
        account.put("INBOX")
    gave: set[bytes] = set()

    def refuse(conversation: Conversation, tag: bytes, line: bytes) -> None:
        """Give each of the newest once, and nothing after that."""
        if line in gave or len(gave) >= given:
            faults.answer(says)(conversation, tag, line)
        else:
            gave.add(line)
            conversation.server.sendall(line)

    proxy.fault = Fault(rb"RETR", refuse)
    for _ in range(2):
        with pytest.raises(raised):
            sync(account)
        assert (len(account.stored()), list_dead_letters(account.team.database, by=OPERATOR, limit=9)) == (given, [])
    proxy.fault = None
    sync(account)
    assert len(account.stored()) == account.mail_on_lead() == MANY


def test_a_message_that_failed_and_is_taken_out_is_not_missed(account: Account, proxy: FaultProxy) -> None:
    for _ in range(4):
        account.put("INBOX")
    asked: list[bytes] = []

    def fail(conversation: Conversation, tag: bytes, line: bytes) -> None:
        """Hang up, and let a mail program take the message out the second time."""
        asked.append(line)
        if len(asked) == 2:
            account.expunge("INBOX", [2])
        faults.hang_up()(conversation, tag, line)

    proxy.fault = Fault(rb"RETR 2", fail, times=2)
    report = account.sync()["INBOX"]
    assert len(asked) == 2
    assert (report.stored, report.dead_letters, report.failed) == (3, 0, None)


@pytest.mark.parametrize("bad", BAD)
def test_nor_do_several_in_a_row_once_others_are_known(account: Account, proxy: FaultProxy, bad: str) -> None:
    account.put("INBOX")
    sync(account)
    for _ in range(MANY - 1):
        account.put("INBOX")
    proxy.fault = Fault(rb"RETR [4-7]", BAD[bad])
    report = sync(account)
    assert (report.stored, report.dead_letters, report.failed) == (MANY - 5, 4, None)


def test_the_only_message_that_does_not_come_is_said_each_time_until_it_is_known_to_be_the_message(
    account: Account, proxy: FaultProxy
) -> None:
    account.put("INBOX")
    proxy.fault = Fault(rb"RETR 1", BAD["is refused"])
    for _ in range(2):
        with pytest.raises(ConnectionFailed, match="cannot read it"):
            sync(account)
    account.put("INBOX")
    report = sync(account)
    assert (report.stored, report.dead_letters) == (1, 1)


@pytest.mark.parametrize(
    ("command", "act"),
    [
        (rb"RETR", faults.swallow()),
        (rb"UIDL", faults.answer(b"-ERR not today\r\n")),
        (rb"LIST", faults.cut_after(10)),
        (rb"RETR", faults.answer(b"what?\r\n")),
    ],
    ids=["silence", "no ids", "cut within the list", "garbage"],
)
def test_the_next_pass_makes_it_good(account: Account, proxy: FaultProxy, command: bytes, act: faults.Act) -> None:
    for _ in range(3):
        account.put("INBOX")
    proxy.fault = Fault(command, act, times=1)
    account.try_to_sync(timeout=1)
    assert proxy.fault.seen
    account.sync()
    assert len(account.stored()) == account.mail_on_lead() == 3
