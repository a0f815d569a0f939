"""A lead's story, told through real programs alone: a mail server, the command line and the running server."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import message

LEAD = 3652397000001790004
LEAD_PATH = f"/crm/v8/Leads/{LEAD}/__emails_sharing_details"
CUSTOMER = "patricia@customer.example"
TYPES = ["all_contacts_emails", "all_imap_shared_users", "all_emails"]
ALICE, WILL = ("Alice Adams", "imap"), ("Will Grandon", "imap")
NOTHING: tuple[list[str], list[tuple[str, str]]] = ([], [])
ALICE_SHARES, WILL_SHARES, BOTH_SHARE = (TYPES, [ALICE]), (TYPES, [WILL]), (TYPES, [ALICE, WILL])


@dataclass(frozen=True)
class Office:
    """Alice and Will have mailboxes on the mail server, Bob owns the lead and asks."""

    installation: Installation
    dovecot: Dovecot
    server: PostroomServer
    tag: str
    token: str  # Bob's

    def address(self, name: str) -> str:
        """Give an address that no other test uses."""
        return _address(name, self.tag)

    def run(self, *arguments: str) -> str:
        """Run a command as the administrator."""
        return self.installation.run(*arguments)

    def sync(self, name: str) -> None:
        """Pull what is new in a mailbox."""
        self.run("sync", self.address(name))

    def choose(self, name: str, permission: str) -> None:
        """Let a user choose who sees the mail."""
        self.run("sharing", "set", "--user", self.address(name), "--choice", permission)

    def answer(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Give the views that are open to Bob, and who shares with him by which protocol."""
        details = self.server.details(LEAD_PATH, self.token)
        return details["available_types"], [(user["name"], user["_type"]) for user in details["share_from_users"]]

    def refusal(self) -> tuple[int, str]:
        """Give status and code, where Bob must be refused."""
        response = self.server.get(LEAD_PATH, self.token)
        return response.status_code, response.json()["code"]

    def copies(self) -> dict[str, int]:
        """Give the number of messages that are stored of each mailbox."""
        listed: list[dict[str, Any]] = json.loads(self.run("mailbox", "list", "--json"))
        return {mailbox["address"]: mailbox["copies"] for mailbox in listed}

    def receive(self, name: str, sender: str = CUSTOMER) -> None:
        """Let mail arrive as it arrives everywhere."""
        self.dovecot.deliver(self.address(name), self._mail(sender, self.address(name)))

    def put(self, name: str, folder: str) -> None:
        """Let a user's mail program put a message to the customer into a folder."""
        self.dovecot.append(self.address(name), folder, self._mail(self.address(name), CUSTOMER))

    @staticmethod
    def _mail(sender: str, recipient: str) -> bytes:
        return message(sender, [recipient], f"<{uuid.uuid4()}@customer.example>")


@pytest.fixture
def office(installation: Installation, dovecot: Dovecot, tmp_path: Path) -> Iterator[Office]:
    installation = replace(installation, certificates=dovecot.ca_file)
    tag = uuid.uuid4().hex
    _set_up(installation, dovecot, tag)
    _import_lead(installation, tmp_path / "leads.csv", _address("Bob", tag))
    token = installation.run("token", "create", "--user", _address("Bob", tag), "--scope", "ZohoCRM.modules.ALL")
    with installation.serve() as server:
        yield Office(installation, dovecot, server, tag, token.strip())


def _set_up(installation: Installation, dovecot: Dovecot, tag: str) -> None:
    installation.run("init")
    installation.run("role", "add", "Management")
    installation.run("role", "add", "Sales", "--under", "Management")
    for name in ("Alice Adams", "Will Grandon", "Bob"):
        installation.run("user", "add", _address(name, tag), "--name", name, "--role", "Sales")
    server = ("--host", dovecot.host, "--port", str(dovecot.imaps_port), "--security", "tls", "--password-stdin")
    for name in ("Alice", "Will"):
        email = _address(name, tag)
        installation.run("mailbox", "add", email, "--protocol", "imap", *server, stdin=f"{dovecot.password}\n")
        installation.run("sharing", "set", "--user", email, "--choice", "public")


def _import_lead(installation: Installation, file: Path, owner: str) -> None:
    file.write_text(f"Record Id,Last Name,Company,Email,Owner\n{LEAD},Boyle,Customer,{CUSTOMER},{owner}\n")
    installation.run("import", "records", str(file), "--module", "Leads")


def _address(name: str, tag: str) -> str:
    return f"{name.split(maxsplit=1)[0].lower()}.{tag}@test.example"


def test_a_leads_story(office: Office) -> None:
    _unsent_and_unwanted_mail_tells_nothing(office)
    _mail_tells_who_shares(office)
    _a_second_pass_changes_nothing(office)
    _alice_changes_her_mind(office)
    _people_leave_and_come_back(office)


def _unsent_and_unwanted_mail_tells_nothing(office: Office) -> None:
    for folder in ("Drafts", "Trash", "Spam"):
        office.put("Alice", folder)
    office.receive("Alice", sender="somebody.else@customer.example")
    office.sync("Alice")
    assert office.answer() == NOTHING


def _mail_tells_who_shares(office: Office) -> None:
    office.put("Alice", "Sent")
    office.put("Will", "Customers/Größere")
    assert office.answer() == NOTHING
    office.sync("Alice")
    assert office.answer() == ALICE_SHARES
    office.sync("Will")
    assert office.answer() == BOTH_SHARE


def _a_second_pass_changes_nothing(office: Office) -> None:
    office.sync("Alice")
    assert office.copies() == {office.address("Alice"): 2, office.address("Will"): 1}
    assert office.answer() == BOTH_SHARE
    office.receive("Alice")
    office.sync("Alice")
    assert office.copies() == {office.address("Alice"): 3, office.address("Will"): 1}


def _alice_changes_her_mind(office: Office) -> None:
    office.choose("Alice", "private")
    assert office.answer() == WILL_SHARES
    office.choose("Alice", "custom")
    assert office.answer() == WILL_SHARES
    office.run("share", office.address("Alice"), f"Leads/{LEAD}")
    assert office.answer() == BOTH_SHARE
    office.run("unshare", office.address("Alice"), f"Leads/{LEAD}")
    assert office.answer() == WILL_SHARES
    office.choose("Alice", "public")
    assert office.answer() == BOTH_SHARE


def _people_leave_and_come_back(office: Office) -> None:
    office.run("user", "disable", office.address("Will"))
    assert office.answer() == ALICE_SHARES
    office.run("user", "disable", office.address("Bob"))
    assert office.refusal() == (401, "INVALID_TOKEN")
    office.run("user", "enable", office.address("Bob"))
    office.run("user", "enable", office.address("Will"))
    assert office.answer() == BOTH_SHARE
