"""Servers that were found are logged in to: by the address, then by what stands before its @, and to send as well."""

import pytest

from postroom.actions.errors import LoginRefused
from postroom.actions.found_servers import connect_found
from postroom.actions.mailboxes import NewMailbox
from postroom.actions.smtp_servers import NewSmtpServer
from postroom.core.model import Mailbox, Security
from postroom.storage.smtp_servers import smtp_server_of
from tests.mail.loopback import Loopback, loopback
from tests.servers.postroom_server import free_port
from tests.servers.smtp import PASSWORD, running_smtp
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALICE = email_of("Alice")


@pytest.fixture
def office(team: Team) -> Team:
    """Alice has no mailbox yet."""
    team.user("Alice", mailbox=None)
    return team


def connect(
    team: Team, imap: Loopback, smtp: NewSmtpServer | None = None, *, is_tried: bool = True, username: str | None = None
) -> tuple[Mailbox, str | None]:
    new = NewMailbox("imap", None, "127.0.0.1", imap.port, Security.NONE, username, PASSWORD)
    return connect_found(team.database, team.box, ALICE, new, smtp, by=OPERATOR, now=NOW, is_tried=is_tried)


class TestReading:
    def test_the_address_is_tried_first(self, office: Team) -> None:
        with loopback({}) as imap:
            mailbox, unsent = connect(office, imap)
        assert (mailbox.username, unsent) == (ALICE, None)
        assert imap.credentials == [(ALICE, PASSWORD)]

    def test_and_then_what_stands_before_its_at_sign(self, office: Team) -> None:
        with loopback({f'LOGIN "{ALICE}"'.encode(): b"NO who is that?"}) as imap:
            mailbox, _ = connect(office, imap)
        assert (mailbox.username, mailbox.address) == ("alice", ALICE)
        assert imap.credentials == [(ALICE, PASSWORD), ("alice", PASSWORD)]

    def test_where_both_are_refused_it_is_said_of_the_address_and_nothing_is_stored(self, office: Team) -> None:
        before = contents(office.database)
        with loopback({b"LOGIN": b"NO who is that?"}) as imap, pytest.raises(LoginRefused, match=f"of {ALICE}: check"):
            connect(office, imap)
        assert len(imap.credentials) == 2
        assert contents(office.database) == before

    def test_a_name_that_is_known_is_the_only_one(self, office: Team) -> None:
        with loopback({b"LOGIN": b"NO who is that?"}) as imap, pytest.raises(LoginRefused, match="of sales: check"):
            connect(office, imap, username="sales")
        assert imap.credentials == [("sales", PASSWORD)]


class TestSending:
    def test_a_server_that_lets_us_in_is_sent_nothing(self, office: Team) -> None:
        with loopback({}) as imap, running_smtp() as smtp:
            mailbox, unsent = connect(office, imap, NewSmtpServer("127.0.0.1", smtp.port, Security.NONE))
        assert (unsent, smtp.script.received) == (None, [])
        assert self.is_set(office, mailbox)

    def test_one_that_does_not_is_named_and_the_mailbox_is_connected(self, office: Team) -> None:
        with loopback({}) as imap, running_smtp() as smtp:
            smtp.script.password_is_refused = True
            mailbox, unsent = connect(office, imap, NewSmtpServer("127.0.0.1", smtp.port, Security.NONE))
        assert unsent is not None
        assert f"refused the user name or the password of {ALICE}" in unsent
        assert PASSWORD not in unsent
        assert self.is_set(office, mailbox)

    def test_one_that_is_away(self, office: Team) -> None:
        with loopback({}) as imap:
            mailbox, unsent = connect(office, imap, NewSmtpServer("127.0.0.1", free_port(), Security.NONE))
        assert "cannot be reached" in str(unsent)
        assert self.is_set(office, mailbox)

    def test_without_a_try_nobody_is_asked(self, office: Team) -> None:
        with loopback({}) as imap:
            outgoing = NewSmtpServer("127.0.0.1", free_port(), Security.NONE)
            mailbox, unsent = connect(office, imap, outgoing, is_tried=False)
        assert (unsent, imap.credentials) == (None, [])
        assert self.is_set(office, mailbox)

    def is_set(self, team: Team, mailbox: Mailbox) -> bool:
        with team.database.read() as connection:
            return smtp_server_of(connection, mailbox.id) is not None
