"""Gmail is unlike others: labels are folders there, and one folder has all mail, drafts too.

It cannot be reached from a test: a proxy lets a real server speak like it, with the extension X-GM-EXT-1.
"""

import re
from collections.abc import Iterator

import pytest

from postroom.actions.sync_imap import RECONCILE_SECONDS
from postroom.core.model import FolderState
from postroom.storage.mail import count_mail
from tests.servers.dovecot import Dovecot
from tests.servers.fault_proxy import Conversation, Fault, fault_proxy
from tests.sync.accounts import Account
from tests.team import Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALL_MAIL = "All Mail"


class Gmail:
    """What makes an account one of Gmail's."""

    def __init__(self) -> None:
        self.drafts: set[bytes] = set()  # UIDs
        self.shows_all_mail = True

    def __call__(self, conversation: Conversation, _tag: bytes, line: bytes) -> None:
        conversation.change = self.translate
        conversation.server.sendall(line.replace(b" X-GM-LABELS", b""))

    def translate(self, answer: bytes) -> bytes:
        answer = answer.replace(b"IMAP4rev1 ", b"IMAP4rev1 X-GM-EXT-1 ")
        if self.shows_all_mail:
            answer = re.sub(rb"LIST \([^)]*\)(?= \S+ \"All Mail\")", rb"LIST (\\All)", answer)
        return re.sub(rb"(UID (\d+) RFC822.SIZE \d+)", self._with_labels, answer)

    def _with_labels(self, match: re.Match[bytes]) -> bytes:
        return match[1] + (rb' X-GM-LABELS ("\\Draft")' if match[2] in self.drafts else rb' X-GM-LABELS ("\\Inbox")')


@pytest.fixture
def gmail() -> Gmail:
    return Gmail()


@pytest.fixture
def account(team: Team, dovecot: Dovecot, gmail: Gmail) -> Iterator[Account]:
    with fault_proxy(dovecot.imap_port) as proxy:
        proxy.fault = Fault(b"", gmail)
        yield Account(team, dovecot, port=proxy.port)


def test_all_mail_is_read_once_whatever_its_labels(account: Account) -> None:
    for folder in ("INBOX", "Customers", ALL_MAIL):
        account.put(folder)
    account.sync()
    assert account.there() == {(ALL_MAIL, "1")}


def test_what_is_not_sent_yet_is_not_stored_until_it_is(account: Account, gmail: Gmail) -> None:
    gmail.drafts = {b"2", b"4"}
    for _ in range(3):
        account.put(ALL_MAIL)
    assert account.sync()[ALL_MAIL].failed is None
    account.put(ALL_MAIL)
    account.put(ALL_MAIL)
    assert account.sync()[ALL_MAIL].failed is None
    assert account.there() == {(ALL_MAIL, "1"), (ALL_MAIL, "3"), (ALL_MAIL, "5")}
    assert account.folder(ALL_MAIL).state == FolderState.FOLLOWING
    gmail.drafts.clear()
    account.sync(after=RECONCILE_SECONDS)
    assert account.there() == {(ALL_MAIL, str(uid)) for uid in range(1, 6)}


def test_where_all_mail_is_hidden_a_message_with_two_labels_is_one_email(account: Account, gmail: Gmail) -> None:
    gmail.shows_all_mail = False
    account.put("INBOX")
    with account.client() as client:
        client.create_folder("Customers")
        client.select_folder("INBOX")
        client.copy([1], "Customers")
    account.sync()
    assert count(account) == (2, 1)
    account.expunge("INBOX", [1])
    account.sync()
    assert count(account) == (1, 1)


def count(account: Account) -> tuple[int, int]:
    """Give how many copies are stored, and how many e-mails they are."""
    with account.team.database.read() as connection:
        return count_mail(connection)
