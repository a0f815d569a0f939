"""What reaches the wire: commands of our own alone, and nothing that stands in a message.

A proxy before the real server keeps every line. That the guard itself holds is in tests/mail/test_imap.py.
"""

import re

import pytest

from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import SAYS_WHAT_IT_CAN, Fault, fault_proxy, replace
from tests.sync.accounts import Account
from tests.team import Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
EVIL = ('x"\r\n X1 STORE 1:* +FLAGS (\\Deleted)', "{5}\r\n X1 EXPUNGE", '"\\" X1 DELETE INBOX')
FOLDERS = ('quo"ted', "back\\slash", "50% {10}", "a*b", "blank end ", "Ü & Co", "NIL", "(x)")
FOLDER = rb'(?:[^\s"\\(){%*]+|"(?:[^"\\]|\\.)*")'
NUMBERS = rb"[\d,:*]+"
OUR_COMMANDS = (
    rb"CAPABILITY|NAMESPACE|AUTHENTICATE PLAIN|ENABLE CONDSTORE QRESYNC|LOGOUT|NOOP",
    rb'LIST "" "\*" RETURN \(SPECIAL-USE STATUS \(MESSAGES UIDVALIDITY UIDNEXT HIGHESTMODSEQ\)\)',
    rb'LIST "" "\*"|LIST "" \*',
    rb"(EXAMINE|STATUS) %s( \(MESSAGES UIDVALIDITY UIDNEXT HIGHESTMODSEQ\))?" % FOLDER,
    rb"UID SEARCH %s( UID %s)?( SINCE \d\d?-\w{3}-\d{4})?" % (NUMBERS, NUMBERS),
    rb"UID FETCH %s \((RFC822\.SIZE|FLAGS|BODY\.PEEK\[\] FLAGS)\)( \(CHANGEDSINCE \d+( VANISHED)?\))?" % NUMBERS,
)


@pytest.mark.parametrize("withheld", [b"", b" LIST-STATUS"], ids=["figures with the list", "figures one by one"])
def test_only_commands_of_our_own_are_sent(team: Team, dovecot: Dovecot, withheld: bytes) -> None:
    with fault_proxy(dovecot.imap_port) as proxy:
        proxy.fault = Fault(SAYS_WHAT_IT_CAN, replace(re.escape(withheld), b"")) if withheld else None
        account = Account(team, dovecot, port=proxy.port)
        for number, evil in enumerate(EVIL):
            raw = f"From: {evil} <a@x.example>\r\nTo: b@x.example\r\nMessage-ID: <{evil}@x>\r\nSubject: {evil}\r\n\r\n."
            dovecot.append(account.address, FOLDERS[number], raw.encode())
        for folder in FOLDERS:
            dovecot.append(account.address, folder, b"From: c@x.example\r\n\r\n.")
        for _ in range(3):
            assert not [report.failed for report in account.sync().values() if report.failed]
            account.put("INBOX")
    assert len(account.there()) == len(EVIL) + len(FOLDERS) + 2
    commands = re.compile(rb"[A-Z]+\d+ (%s)\r\n|[A-Za-z0-9+/=]+\r\n" % b"|".join(OUR_COMMANDS))  # or a password
    assert [line for line in proxy.lines if not commands.fullmatch(line)] == []
    assert not [line for line in proxy.lines if b"X1" in line]
    assert [line for line in proxy.lines if b"VANISHED" in line]
    assert bool(withheld) == any(re.match(rb"\S+ STATUS ", line) for line in proxy.lines)


@pytest.mark.parametrize("mail_server", ["dovecot", "cyrus"], indirect=True)
def test_a_mailbox_in_which_nothing_happened_is_asked_for_its_list_alone(
    team: Team, mail_server: Dovecot | Cyrus
) -> None:
    with fault_proxy(mail_server.imap_port) as proxy:
        account = Account(team, mail_server, port=proxy.port)
        for folder in ("INBOX", "Sent", "Customers"):
            account.put(folder)
        account.sync()
        before = len(proxy.lines)
        known = {name: report.known for name, report in account.sync().items() if report.known}
        assert known == {"INBOX": 1, "Sent": 1, "Customers": 1}
    about_mail = re.compile(rb"\S+ (LIST|STATUS|EXAMINE|UID) ")
    assert len([line for line in proxy.lines[before:] if about_mail.match(line)]) == 1
