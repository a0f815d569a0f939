"""Sent through a real Exim, read back from a real Dovecot: what was meant is what arrives, and is there once."""

import email.policy
import time
import uuid
from email import message_from_bytes
from email.message import EmailMessage

import pytest

from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.outbox import send_due
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.sync import sync_mailbox
from postroom.actions.withhold import email_id, list_own_emails
from postroom.core.model import Security
from postroom.storage.mail import count_mail
from tests.http.crm_api import CrmApi
from tests.servers.dovecot import Dovecot
from tests.servers.exim import Exim
from tests.team import NOW, OPERATOR, Team, email_of

FILES = {"Angebot für Bö.pdf": bytes(range(256)) * 500, "empty.txt": b"", "dots.txt": b".\r\n..\r\n.\n\r" * 300}
HTML = "<p>Sehr geehrte Frau B\u00f6hm,</p>\n<p>.</p>" + "<p>" + "x" * 2000 + "</p>"
ARRIVES_WITHIN = 20  # seconds


class Office:
    """Alice sends from her Lead through Exim and keeps her mailbox on Dovecot, as her customer does."""

    def __init__(self, team: Team, dovecot: Dovecot, exim: Exim) -> None:
        self.team, self.dovecot = team, dovecot
        self.crm = CrmApi(team)
        self.address, self.customer = (f"{uuid.uuid4().hex}@test.example" for _ in range(2))
        team.user("Alice", mailbox=None)
        authority = dovecot.ca_file.read_text()
        account = (
            self.address,
            dovecot.host,
            dovecot.imaps_port,
            Security.TLS,
            self.address,
            dovecot.password,
            authority,
        )
        mailbox = NewMailbox("imap", *account)
        self.mailbox_id = add_mailbox(team.database, team.box, email_of("Alice"), mailbox, by=OPERATOR, now=NOW).id
        through = NewSmtpServer(exim.host, exim.port, Security.STARTTLS, ca_certificates=exim.ca_file.read_text())
        set_mailbox_smtp(team.database, team.box, self.address, through)
        self.path = f"/Leads/{team.record('Leads', 'Alice', self.customer)}/actions/send_mail"

    def send(self, **changed: object) -> str:
        """Send to the customer, with a copy to the own mailbox; give the e-mail's id."""
        people = {
            "from": self.person(self.address),
            "to": [self.person(self.customer)],
            "cc": [{"email": self.address}],
        }
        mail = people | {"subject": "Angebot: G\u00fcltig bis \u2026", "content": HTML} | changed
        (result,) = self.crm.do("Alice", "POST", self.path, {"data": [mail]})["data"]
        return str(result["details"]["message_id"])

    def person(self, address: str) -> dict[str, str]:
        return {"email": address, "user_name": 'B\u00f6hm, Ada "Lady"'}

    def upload(self) -> list[dict[str, str]]:
        parts = b"".join(
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in FILES.items()
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = self.crm.ask("Alice", "POST", "/files", raw=parts + b"--b--\r\n", headers=headers)
        return [{"id": each["details"]["id"]} for each in answer.json["data"]]

    def arrived(self, address: str, count: int = 1) -> list[EmailMessage]:
        """Wait until so many messages are in an INBOX, and give them."""
        deadline = time.monotonic() + ARRIVES_WITHIN
        while True:
            with self.dovecot.client(address) as client:
                client.select_folder("INBOX", readonly=True)
                there = client.fetch(client.search("ALL"), ["BODY.PEEK[]"])
            if len(there) >= count or time.monotonic() > deadline:
                found = [message_from_bytes(each[b"BODY[]"], policy=email.policy.default) for each in there.values()]
                assert len(found) == count
                return found  # type: ignore[return-value]
            time.sleep(0.05)

    def sync(self) -> None:
        report = sync_mailbox(self.team.database, self.team.box, self.mailbox_id, NOW)
        assert report.problems == []

    def own_emails(self) -> dict[str, str]:
        """Give the subjects of Alice's e-mails by id."""
        listed = list_own_emails(self.team.database, email_of("Alice"), by=OPERATOR, limit=50)
        return {email_id(each.email_key): each.subject for each in listed}

    def copies_and_emails(self) -> tuple[int, int]:
        with self.team.database.read() as connection:
            return count_mail(connection)


@pytest.fixture
def office(team: Team, dovecot: Dovecot, exim: Exim) -> Office:
    return Office(team, dovecot, exim)


def test_what_arrives_is_what_was_meant(office: Office) -> None:
    office.send(attachments=office.upload(), bcc=[{"email": f"hidden-{office.customer}"}])
    (received,) = office.arrived(office.customer)
    assert received["Subject"] == "Angebot: G\u00fcltig bis \u2026"
    for field, address in (("From", office.address), ("To", office.customer)):
        (person,) = received[field].addresses
        assert (person.addr_spec, person.display_name) == (address, 'B\u00f6hm, Ada "Lady"')
    assert received["Bcc"] is None
    assert received["Message-ID"].endswith("@test.example>")
    html = received.get_body(("html",))
    assert html is not None
    assert html.get_content().replace("\r\n", "\n").strip() == HTML
    files = {part.get_filename(): part.get_payload(decode=True) for part in received.iter_attachments()}
    assert files == FILES
    (hidden,) = office.arrived(f"hidden-{office.customer}")
    assert hidden["To"] == received["To"]
    assert "hidden" not in hidden["To"] + hidden["Cc"]


def test_an_answer_refers_to_what_it_answers(office: Office) -> None:
    question = f"From: {office.customer}\r\nTo: {office.address}\r\nMessage-ID: <question@test.example>\r\n"
    references = "References: <first@test.example>\r\n <second@test.example>\r\n"
    office.dovecot.deliver(office.address, f"{question}{references}Subject: Price?\r\n\r\nPlease.\r\n".encode())
    office.sync()
    ((asked, _),) = office.own_emails().items()
    office.send(in_reply_to={"message_id": asked}, cc=[])
    (received,) = office.arrived(office.customer)
    assert received["In-Reply-To"] == "<question@test.example>"
    ids = ["<first@test.example>", "<second@test.example>", "<question@test.example>"]
    assert received["References"].split() == ids


def test_what_comes_back_from_the_mailbox_is_the_same_e_mail(office: Office) -> None:
    """The copy that was filed when it was sent, and the one that the mailbox got, are one e-mail."""
    sent = office.send(attachments=office.upload())
    assert office.copies_and_emails() == (1, 1)
    office.arrived(office.address)
    office.sync()
    assert office.copies_and_emails() == (2, 1)
    assert list(office.own_emails()) == [sent]
    office.sync()
    assert office.copies_and_emails() == (2, 1)


def test_a_recipient_whom_the_server_does_not_know(office: Office) -> None:
    nobody = {"email": "nobody@elsewhere.example"}
    mail = {"from": {"email": office.address}, "to": [{"email": office.customer}, nobody]}
    (result,) = office.crm.do("Alice", "POST", office.path, {"data": [mail]})["data"]
    blocked = [{"email": "nobody@elsewhere.example", "reason": "550 Unrouteable address"}]
    assert result["details"]["blocked_email_addresses"] == blocked
    assert len(office.arrived(office.customer)) == 1
    assert send_due(office.team.database, office.team.box, NOW + 7 * 24 * 3600) == []
