"""The official SDKs, installed from the indexes as their users install them, work with the running server.

Each of them makes the same journey: what an integration does, from its first token to revoking it.
"""

import csv
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from time import time
from typing import Any

import pytest

from postroom.actions.clients import NewClient, add_client
from postroom.actions.grants import create_grant_code
from postroom.actions.organisation import NewUser, add_user
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.core.model import Security
from postroom.core.modules import MODULES_WITH_EMAILS
from tests.http.crm_api import SCOPES
from tests.sdk.environments import HERE, node_with_sdks, python_with
from tests.servers.postroom_server import Installation, PostroomServer
from tests.servers.smtp import PASSWORD, SmtpServer, running_smtp
from tests.team import NOW, OPERATOR, Team, email_of

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
LEAD, OTHER_LEAD, ODD_LEAD = 3652397000001790004, 3652397000001790007, 3652397000001790009
CUSTOMER = "lead@customer.example"
BOB = email_of("Bob")
NOBODY, NO_SUCH_USER = "nobody@customer.example", "550 No such user"
COLLEAGUES = [
    ["412463000001213019", "Will Grandon", "pop"],
    ["412463000000867017", "Zoë Šimková 山田", "imap"],
]
SYNCED_TYPES = ["all_contacts_emails", "all_imap_shared_users", "all_emails"]
FIELDS = {
    "First_Name": "text",
    "Last_Name": "text",
    "Full_Name": "text",
    "Email": "email",
    "Secondary_Email": "email",
    "Account_Name": "lookup",
    "Owner": "ownerlookup",
    "Created_By": "ownerlookup",
    "Modified_By": "ownerlookup",
    "Created_Time": "datetime",
    "Modified_Time": "datetime",
}
FILE, FILE_TEXT = "Größe.txt", "drei Meter\n"
ORDERS = [f"Order {number}" for number in range(1, 11)]
NEWEST_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def order(subject: str, sent_at: datetime) -> EmailMessage:
    """Give a letter of the customer's."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Cc"] = f"Zoë Lead <{CUSTOMER}>", f"Bob <{BOB}>", "sales@customer.example"
    letter["Subject"], letter["Date"] = subject, sent_at
    letter["Message-ID"] = f"<{subject.replace(' ', '.')}@customer.example>"
    letter.set_content("Good day")
    return letter


THAT_SAYS_NOTHING = {
    "from": [None, None],
    "to": [["odd@customer.example", "odd@customer.example"]],
    "cc": [],
    "subject": "",
    "time": None,
}
NEWEST = order("Colours", NEWEST_AT)
NEWEST["Reply-To"] = "The desk <desk@customer.example>"
NEWEST.add_alternative("<p onclick='x'>Good <b>day</b></p>", subtype="html")
NEWEST.add_attachment("red\n", filename="colours.txt")
COLUMNS = (
    *("id", "user", "client_id", "client_secret", "refresh_token", "access_token", "grant_token", "expiry_time"),
    *("redirect_url", "api_domain"),
)
JOURNEY_SECONDS = 120

INVALID_RECORD = "the related id given seems to be invalid"
INVALID_MODULE = "the module name given seems to be invalid"


def refused(status: int, code: str, message: str, details: dict[str, int]) -> list[Any]:
    return [status, "APIException", code, message, details, "error"]


NO_RECORD = refused(400, "INVALID_DATA", INVALID_RECORD, {"resource_path_index": 1})


def became(code: str, message: str, record: int) -> list[Any]:
    return [code, message, {"id": str(record)}]


RECORD_SHARES = {
    "shared": [["SUCCESS", "record will be shared successfully", {}]],
    "with": [[COLLEAGUES[1][0], "read_only"]],
    "revoked": [became("SUCCESS", "Sharing Revoked", LEAD)],
    "then": 204,
}
SHARED, REVOKED = ("SUCCESS", "Successfully shared"), ("SUCCESS", "Sharing revoked successfully")
ALREADY_SHARED = ("ALREADY_SHARED", "Emails are already shared to the colleagues already")
NOT_SHARED = ("NOT_SHARED", "Emails are not  shared to the colleagues already")
UNKNOWN = ("INVALID_DATA", "the id given seems to be invalid")
SHARES = [
    [200, [became(*SHARED, LEAD)]],
    [400, [became(*ALREADY_SHARED, LEAD)]],
    [207, [became(*ALREADY_SHARED, LEAD), became(*SHARED, OTHER_LEAD), became(*UNKNOWN, 1)]],
    [200, [became(*REVOKED, LEAD)]],
    [400, [became(*NOT_SHARED, LEAD)]],
    [207, [became(*NOT_SHARED, LEAD), became(*REVOKED, OTHER_LEAD), became(*UNKNOWN, 1)]],
    NO_RECORD,
]


@dataclass(frozen=True)
class Sdk:
    """An official SDK, and what it is without."""

    package: str
    without: frozenset[str] = frozenset()

    @property
    def is_python(self) -> bool:
        return self.package.startswith("zohocrmsdk")

    @property
    def command(self) -> list[str]:
        if self.is_python:
            return [str(python_with(self.package)), str(HERE / "python" / "journey.py")]
        return ["node", str(HERE / "javascript" / "journey.mjs"), str(node_with_sdks()), self.package]


@dataclass(frozen=True)
class World:
    """Bob owns the lead; two colleagues share their mail about it, one by POP and one by IMAP."""

    team: Team
    server: PostroomServer
    smtp: SmtpServer
    folder: Path

    def travel(self, sdk: Sdk) -> dict[str, Any]:
        """Give what an SDK parsed on its journey."""
        parsed: dict[str, Any] = json.loads(self.run(*sdk.command, JOURNEY=json.dumps(self.given())))
        return parsed

    def run(self, *command: str, **environment: str) -> str:
        """Give what a program that uses an SDK printed."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            command,
            env=kept | environment | {"NO_PROXY": "127.0.0.1"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=JOURNEY_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def example(self, language: str) -> str:
        """Give the page's first example in a language, with this server and a token of Bob's."""
        first = re.search(f"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
        assert first is not None
        return first[1].replace("http://127.0.0.1:8400", self.server.base_url).replace("TOKEN", self.team.token("Bob"))

    def given(self) -> dict[str, Any]:
        database = self.team.database
        client = add_client(database, NewClient("Report"), by=OPERATOR, now=NOW)
        client_id = str(client.client.id)
        code = create_grant_code(database, client_id, BOB, SCOPES, by=OPERATOR, now=int(time()), expires_in=600)
        return {
            "base_url": self.server.base_url,
            "folder": str(self.folder),
            "client_id": client_id,
            "client_secret": client.secret,
            "grant_token": code,
            "records": [str(each) for each in (LEAD, OTHER_LEAD, ODD_LEAD)],
            "address": BOB,
            "file": str(self.folder / FILE),
            "caller": self.bob,
            "colleague": COLLEAGUES[1][0],
            "recipients": [[CUSTOMER, "Zoë Lead"], [NOBODY, "Nobody"]],
        }

    @property
    def bob(self) -> str:
        return str(self.team.actor("Bob").user_id)

    def tokens(self, name: str) -> dict[str, str]:
        """Give what an SDK wrote into its file of tokens, whose columns have the same order in all of them."""
        (file,) = (self.folder / name).glob("tokens.*")
        with file.open(newline="") as rows:
            _, kept = csv.reader(rows)
        return dict(zip(COLUMNS, kept, strict=True))


@pytest.fixture
def world(team: Team, tmp_path: Path) -> Iterator[World]:
    team.user("Bob")
    team.permission("Bob", "custom")
    team.record("Leads", "Bob", CUSTOMER, record_id=LEAD)
    team.record("Leads", "Bob", "silent@customer.example", record_id=OTHER_LEAD)
    for user_id, name, protocol in COLLEAGUES:
        user = f"user {user_id}"
        add_user(team.database, NewUser(email_of(user), name, user_id=int(user_id)), by=OPERATOR, now=NOW)
        team.mailbox(user, protocol)
        team.permission(user, "public")
        team.mail(user, CUSTOMER)
    for day, subject in enumerate(ORDERS, 3):
        team.raw_mail(user, order(subject, datetime(2026, 11, day, 10, tzinfo=UTC)).as_bytes())
    team.raw_mail("Bob", NEWEST.as_bytes())
    team.record("Leads", "Bob", "odd@customer.example", record_id=ODD_LEAD)
    team.raw_mail("Bob", b"To: odd@customer.example\r\n\r\n")
    folder = tmp_path / "sdk"
    folder.mkdir()
    (folder / FILE).write_text(FILE_TEXT)
    url = team.database.engine.url.render_as_string(hide_password=False)
    with running_smtp() as smtp, Installation(tmp_path, url).serve() as server:
        smtp.script.recipients = {NOBODY: NO_SUCH_USER}
        through = NewSmtpServer("127.0.0.1", smtp.port, Security.NONE, "submitter", PASSWORD)
        set_mailbox_smtp(team.database, team.box, BOB, through)
        yield World(team, server, smtp, folder)


SHARE_EMAILS = "operations to share e-mails"
FILES = "files that pass its own check"
CALLER = "a question who the caller is"
REFUSED_RECIPIENTS = "recipients who were refused"
FILTERS = "filters of e-mails"
HAS_ATTACHMENT = "e-mails that tell whether they have files"
FILE_BY_ID = "downloads of a single file"
SDKS = [
    Sdk("zohocrmsdk5-0", frozenset({SHARE_EMAILS, CALLER, REFUSED_RECIPIENTS, FILTERS, HAS_ATTACHMENT, FILE_BY_ID})),
    Sdk("zohocrmsdk6-0", frozenset({SHARE_EMAILS, FILES, FILTERS})),
    Sdk("zohocrmsdk7-0", frozenset({SHARE_EMAILS, FILES})),
    Sdk("zohocrmsdk8-0"),
    Sdk("@zohocrm/nodejs-sdk-8.0"),
    Sdk("@zohocrm/typescript-sdk-8.0"),
]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.package)
def test_journey(sdk: Sdk, world: World) -> None:
    said = world.travel(sdk)
    account, contact = said["records"]["account"], said["records"]["contact"]
    assert said == {
        "organisation": ["1", "My organisation"],
        "team": {
            "everybody": [BOB, *(email_of(f"user {user_id}") for user_id, _, _ in COLLEAGUES)],
            "caller": [world.bob, "Bob", BOB, "active"],
            "profile": "Standard",
        },
        "settings": {"modules": list(MODULES_WITH_EMAILS), "fields": FIELDS},
        "records": records_of(world.bob, account, contact),
        "record shares": RECORD_SHARES,
        "details": {"available_types": SYNCED_TYPES, "share_from_users": COLLEAGUES},
        "details of nothing": {"available_types": [], "share_from_users": []},
        "no such record": NO_RECORD,
        "no such module": refused(400, "INVALID_MODULE", INVALID_MODULE, {"resource_path_index": 0}),
        "emails": emails_as_told_by(sdk, world.bob),
        "sending": sending_as_told_by(sdk),
        "details after that": {
            "available_types": ["emails_sent_from_crm", *SYNCED_TYPES],
            "share_from_users": COLLEAGUES,
        },
        "shares": None if SHARE_EMAILS in sdk.without else SHARES,
        "revoked": True,
        "refused tokens": {
            "code": "INVALID TOKEN ERROR - invalid_code",
            "secret": "INVALID TOKEN ERROR - invalid_client_secret",
            "client": "INVALID TOKEN ERROR - invalid_client",
            "refresh token": "INVALID TOKEN ERROR - invalid_code",
        },
        "wrong access token": refused(401, "INVALID_TOKEN", "invalid oauth token", {}),
    }
    assert_tokens_were_kept(sdk, world)
    assert_mail_was_sent(world, [] if FILES in sdk.without else [(FILE, FILE_TEXT.encode())])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("language", ["python", "js"])
def test_example_of_the_page(language: str, world: World) -> None:
    """It is for the same lead, and prints the types, the names of the colleagues, and a page of e-mails."""
    program = world.folder / f"example.{'py' if language == 'python' else 'mjs'}"
    program.write_text(world.example(language))
    (world.folder / "sdk").mkdir()
    (world.folder / "node_modules").symlink_to(node_with_sdks() / "node_modules")
    interpreter = str(python_with("zohocrmsdk8-0")) if language == "python" else "node"
    printed = world.run(interpreter, str(program))
    assert re.findall("'([^']+)'", printed) == [*SYNCED_TYPES, *(name for _, name, _ in COLLEAGUES)]
    assert printed.splitlines()[-10:] == ["Bob Colours", *(f"{COLLEAGUES[1][1]} {each}" for each in ORDERS[:0:-1])]


def records_of(owner: str, account: str, contact: str) -> dict[str, Any]:
    read = {
        "id": contact,
        "name": "Berg",
        "email": "berg@customer.example",
        "account": [account, "Acme"],
        "owner": [owner, BOB],
        "colour": "green",
    }
    return {
        "account": account,
        "contact": contact,
        "read": [read],
        "updated": ["record updated"],
        "listed": [read | {"name": "Adams"}],
        "found": [read | {"name": "Adams"}],
        "deleted": ["record deleted"],
        "gone": NO_RECORD,
    }


def emails_as_told_by(sdk: Sdk, bob: str) -> dict[str, Any]:
    """Give what an SDK tells of thirteen e-mails, of which Bob owns the newest one."""
    subjects = ["Colours", *reversed(ORDERS), "Offer", "Offer"]
    newest = {
        "from": [CUSTOMER, "Zoë Lead"],
        "to": [[BOB, "Bob"]],
        "cc": [["sales@customer.example", "sales@customer.example"]],
        "subject": "Colours",
        "time": NEWEST_AT.timestamp(),
        "sent": False,
        "owner": [bob, "Bob", BOB],
        "source": "imap",
        "linked_record": None,
        "status": ["received"],
    }
    return {
        "pages": {
            "info": [[10, 10, True, False], [10, 3, False, True]],
            "subjects": [subjects[:10], subjects[10:]],
            "back is the first": True,
            "each once": 13,
            "newest": newest,
        },
        "opened": opened_as_told_by(sdk),
        "no such email": refused(400, "INVALID_DATA", INVALID_RECORD, {"resource_path_index": 3}),
        "no such file": refused(400, "INVALID_DATA", INVALID_RECORD, {"param_name": "message_id"}),
        "of the colleague": subjects[1:11],
        "with a subject": None if FILTERS in sdk.without else ["Order 3"],
        "sent from the CRM": [],
        "that says nothing": newest | THAT_SAYS_NOTHING,
        "of nothing": 204,
        "of no record": NO_RECORD,
        "of no type": refused(400, "INVALID_DATA", "the type given seems to be invalid", {"param_name": "type"}),
    }


def opened_as_told_by(sdk: Sdk) -> dict[str, Any]:
    """Give what an SDK tells of the newest e-mail, and of its file."""
    archive = ["attachments.zip", {"3-colours.txt": "red\n"}]
    return {
        "as listed": True,
        "content": "<p>Good <b>day</b></p>\n",
        "mail_format": "html",
        "summary": "Good day",
        "reply_to": ["desk@customer.example", "The desk"],
        "sent_time is its time": True,
        "thread_id": True,
        "editable": False,
        "has_attachment": None if HAS_ATTACHMENT in sdk.without else True,
        "attachments": [["colours.txt", "4"]],
        "download": archive if FILE_BY_ID in sdk.without else ["colours.txt", "red\n"],
    }


def sending_as_told_by(sdk: Sdk) -> dict[str, Any]:
    """Give what an SDK tells of three messages, of which one had a recipient who was refused, and of filing one."""
    sent = "Your mail has been sent successfully."
    not_own = "expected one of your own addresses, as from_addresses lists them"
    return {
        "from addresses": [[BOB, "Bob", "primary", True]],
        "uploaded": ["TYPE ERROR"] if FILES in sdk.without else ["SUCCESS", f"{FILE} uploaded successfully", FILE],
        "sent": ["SUCCESS", sent, [] if REFUSED_RECIPIENTS in sdk.without else [[NOBODY, NO_SUCH_USER]], None],
        "replied": ["SUCCESS", sent, [], None],
        "scheduled": ["SUCCESS", "Your mail has been scheduled successfully.", [], None],
        "associated": ["SUCCESS", "Email associated successfully.", None],
        "not from an own address": ["INVALID_DATA", not_own, [], "$.data[0].from.email"],
        "misnamed": ["INVALID_DATA", "expected a Message-ID", "original_message_id"],
        "listed": [["associated", "Kept by hand"], ["replied", "Re: Offer"], ["sent", "Grüße"]],
    }


def assert_tokens_were_kept(sdk: Sdk, world: World) -> None:
    """They are this server's, and so is the domain, which decides where an SDK goes from its second call on."""
    granted, refreshed = world.tokens("granted"), world.tokens("refreshed")
    for kept in (granted, refreshed):
        assert kept["api_domain"] == world.server.base_url
        assert kept["access_token"].startswith("postroom_")
        assert kept["user"] == ("" if CALLER in sdk.without else f"{BOB}:1")
    assert granted["refresh_token"] == refreshed["refresh_token"]
    assert granted["access_token"] != refreshed["access_token"]


def assert_mail_was_sent(world: World, files: list[tuple[str, bytes]]) -> None:
    envelope, reply = world.smtp.script.received
    mail = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
    assert (envelope.mail_from, envelope.rcpt_tos) == (BOB, [CUSTOMER])
    assert (mail["From"], mail["To"]) == (f"Bob <{BOB}>", f"Zoë Lead <{CUSTOMER}>, Nobody <{NOBODY}>")
    html = mail.get_body(("html",))
    assert html is not None
    assert (mail["Subject"], html.get_content().strip()) == ("Grüße", "<p>Good day</p>")
    assert [(file.get_filename(), file.get_payload(decode=True)) for file in mail.iter_attachments()] == files
    answer = message_from_bytes(bytes(reply.content or b""), policy=policy.default)
    assert (answer["In-Reply-To"], answer["References"]) == (NEWEST["Message-ID"], NEWEST["Message-ID"])
