"""Sending at most once, whatever others do to the message at the same moment."""

from collections.abc import Iterator

import pytest

from postroom.actions.errors import NotAllowed
from postroom.actions.outbox import Outcome, cancel, list_outbox, send_due, send_now
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.core.model import OutboxMail, OutboxState, Security
from postroom.storage.outbox import claim_again, claim_due, settle, start_sending
from tests.servers.smtp import PASSWORD, SmtpServer, running_smtp
from tests.team import NOW, Team, email_of

CUSTOMER = "boyle@customer.example"
DUE = NOW + 3600
LATER = DUE + 8 * 24 * 3600


class Alice:
    """Has scheduled one message from her Lead; the server's script says what becomes of it."""

    def __init__(self, team: Team, smtp: SmtpServer) -> None:
        self.team = team
        self.script = smtp.script
        team.user("Alice")
        self.lead = team.record("Leads", "Alice", CUSTOMER)
        team.scheduled_mail("Alice", self.lead, CUSTOMER)
        server = NewSmtpServer("127.0.0.1", smtp.port, Security.NONE, "submitter", PASSWORD)
        set_mailbox_smtp(team.database, team.box, email_of("Alice"), server)

    def mail(self) -> OutboxMail:
        ((outcome, _),) = list_outbox(self.team.database, email_of("Alice"), None, 10)
        return outcome.mail

    def cancel(self) -> None:
        cancel(self.team.database, str(self.mail().id))

    def send(self, now: int = DUE) -> list[Outcome]:
        return send_due(self.team.database, self.team.box, now)

    def send_now(self, now: int = DUE) -> Outcome:
        return send_now(self.team.database, self.team.box, str(self.mail().id), now=now)

    def got(self) -> int:
        """Give how often the customer got the message."""
        return len(self.script.received)

    def is_filed(self) -> bool:
        return "emails_sent_from_crm" in self.team.types("Alice", "Leads", self.lead)


@pytest.fixture
def alice(team: Team) -> Iterator[Alice]:
    with running_smtp() as smtp:
        yield Alice(team, smtp)


@pytest.mark.parametrize("answer", ["451 Try later", "550 Not you"])
def test_what_is_cancelled_while_the_server_is_asked_stays_cancelled(alice: Alice, answer: str) -> None:
    alice.script.meanwhile["MAIL"] = alice.cancel
    alice.script.sender = answer
    (outcome,) = alice.send()
    assert (outcome.mail.state, outcome.mail.error) == (OutboxState.CANCELLED, "it was cancelled")
    alice.script.sender = "250 OK"
    assert alice.send(LATER) == []
    assert alice.got() == 0


def test_what_is_cancelled_before_its_text_goes_out_is_not_sent(alice: Alice) -> None:
    alice.script.meanwhile["MAIL"] = alice.cancel
    (outcome,) = alice.send()
    assert (outcome.mail.state, alice.got(), alice.is_filed()) == (OutboxState.CANCELLED, 0, False)


def test_what_somebody_else_sent_meanwhile_is_not_sent_again(alice: Alice) -> None:
    """The first attempt is refused for now, and knows nothing of the second one."""

    def send_elsewhere() -> None:
        alice.send_now()
        alice.script.sender = "451 Try later"

    alice.script.meanwhile["MAIL"] = send_elsewhere
    (outcome,) = alice.send()
    assert (outcome.mail.state, outcome.mail.error) == (OutboxState.SENT, None)
    alice.script.sender = "250 OK"
    assert alice.send(LATER) == []
    assert (alice.got(), alice.is_filed()) == (1, True)


def test_two_who_send_at_the_same_moment_send_once(alice: Alice) -> None:
    alice.script.meanwhile["MAIL"] = alice.send_now
    (outcome,) = alice.send()
    assert (outcome.mail.state, alice.got()) == (OutboxState.SENT, 1)


def test_what_was_sent_since_it_was_read_is_not_taken_up_again(alice: Alice) -> None:
    read = alice.mail()
    alice.send()
    with alice.team.database.write() as connection:
        assert claim_again(connection, read, LATER) is None
        assert not settle(connection, read, OutboxState.QUEUED, [], next_try_at=DUE)
    assert alice.mail().state == OutboxState.SENT
    with pytest.raises(NotAllowed, match="is sent"):
        alice.send_now()


class TestInterrupted:
    def test_what_was_being_sent_is_never_sent_again_by_itself(self, alice: Alice) -> None:
        with alice.team.database.write() as connection:
            mail = claim_due(connection, DUE, DUE + 60)
            assert mail is not None
            assert start_sending(connection, mail, DUE + 3600)
        assert alice.send(DUE + 3599) == []
        assert alice.mail().state == OutboxState.SENDING
        assert alice.send(DUE + 3600) == []
        assert alice.mail().state == OutboxState.FAILED
        assert "it is not known" in (alice.mail().error or "")
        assert alice.send(LATER) == []
        assert (alice.send_now(LATER).mail.state, alice.got()) == (OutboxState.SENT, 1)

    def test_an_answer_that_comes_late_is_written_down(self, alice: Alice) -> None:
        alice.script.meanwhile["DATA"] = lambda: alice.send(DUE + 3 * 3600)
        (outcome,) = alice.send()
        assert (outcome.mail.state, outcome.mail.error) == (OutboxState.SENT, None)
        assert (alice.got(), alice.is_filed()) == (1, True)
