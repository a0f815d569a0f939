"""Every caller of what is sent, filed, drafted and uploaded: who is let in, and what everybody else is told.

Alice owns the lead and the contact, Dora has a share of both, Root administers, and Charlie is a stranger.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import falcon.testing
import pytest

from postroom.actions.change_sharing import ShareRecord
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.tokens import create_token
from postroom.actions.withhold import email_id, list_own_emails
from postroom.mail.server import Security
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, LEAD, OwnApi
from tests.servers.smtp import PASSWORD, running_smtp
from tests.team import NOW, OPERATOR, email_of

HOUR = 3600
LEAD_ID = LEAD.partition("/")[2]
CONTACT, DEAL, NOWHERE = "4000000000000000101", "4000000000000000102", "4000000000000000999"
FORM = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nHello\r\n--b--\r\n'
INVALID_RECORD = {"resource_path_index": 1}


class Endpoint(NamedTuple):
    """A request; MODULE, RECORD, DRAFT, EMAIL and FROM in it stand for what the caller means.

    `answers` has the status for each caller who asks about the record. `needs` are the scopes; `wrong` opens something
    else.
    """

    method: str
    path: str
    needs: str
    wrong: str
    answers: Mapping[str, int]
    body: Any = None
    module: str = "Leads"
    record: str = LEAD_ID


def everybody(status: int) -> dict[str, int]:
    return dict.fromkeys(("Alice", "Dora", "Root", "Charlie"), status)


MAIL = {"data": [{"from": {"email": "FROM"}, "to": [{"email": "boyle@customer.example"}]}]}
DRAFT = {"__email_drafts": [{"from": "FROM", "rich_text": True}]}
EMAIL = {
    "from": {"email": "FROM"},
    "to": [{"email": "boyle@customer.example"}],
    "original_message_id": "<of-CALLER@elsewhere.example>",
    "sent": True,
    "date_time": "2026-11-02T10:00:00Z",
}
LINK = {"message_id": "EMAIL", "owner": {"id": "ALICE"}, "linked_record": {"id": DEAL}}
ONE_LINK = {name: value for name, value in LINK.items() if name != "message_id"}
READ, CREATE, UPDATE, DELETE = (f"ZohoCRM.modules.leads.{each}" for each in ("READ", "CREATE", "UPDATE", "DELETE"))
LINKS = "ZohoCRM.modules.emails.CREATE,ZohoCRM.modules.contacts.CREATE"
EMAILS = "ZohoCRM.modules.emails.CREATE"
ONE_DRAFT = "/MODULE/RECORD/__email_drafts/DRAFT"
LINKED = {"Alice": 200, "Dora": 400, "Root": 400, "Charlie": 400}  # Alice's mail is private

ENDPOINTS = {
    "from addresses": Endpoint(
        "GET",
        "/settings/emails/actions/from_addresses",
        "ZohoCRM.settings.emails.READ",
        "ZohoCRM.settings.fields.READ",
        everybody(200),
    ),
    "send mail": Endpoint(
        "POST",
        "/MODULE/RECORD/actions/send_mail",
        "ZohoCRM.send_mail.leads.CREATE",
        "ZohoCRM.send_mail.contacts.CREATE",
        {**everybody(400), "Alice": 200, "Dora": 200},  # an administrator has no mailbox to send through
        MAIL,
    ),
    "upload": Endpoint("POST", "/files", "ZohoCRM.Files.CREATE", "ZohoCRM.Files.READ", everybody(200)),
    "drafts": Endpoint(
        "GET", "/MODULE/RECORD/__email_drafts", READ, CREATE, {"Alice": 200, "Dora": 204, "Root": 204, "Charlie": 400}
    ),
    "new drafts": Endpoint(
        "POST", "/MODULE/RECORD/__email_drafts", CREATE, UPDATE, {**everybody(201), "Charlie": 400}, DRAFT
    ),
    "changed drafts": Endpoint(
        "PUT",
        "/MODULE/RECORD/__email_drafts",
        UPDATE,
        READ,
        {**everybody(400), "Alice": 200},
        {"__email_drafts": [{"id": "DRAFT", "from": "FROM", "rich_text": True}]},
    ),
    "a draft": Endpoint("GET", ONE_DRAFT, READ, DELETE, {**everybody(400), "Alice": 200}),
    "a changed draft": Endpoint("PUT", ONE_DRAFT, UPDATE, CREATE, {**everybody(400), "Alice": 200}, DRAFT),
    "a deleted draft": Endpoint("DELETE", ONE_DRAFT, DELETE, READ, {**everybody(400), "Alice": 200}),
    "associate an e-mail": Endpoint(
        "POST",
        "/MODULE/RECORD/actions/associate_email",
        EMAILS,
        "ZohoCRM.modules.emails.READ",
        {**everybody(201), "Charlie": 400},
        {"Emails": [EMAIL]},
    ),
    "e-mail available": Endpoint(
        "GET",
        "/actions/email_available?original_message_id=<x@y>",
        "ZohoCRM.modules.emails.READ",
        EMAILS,
        everybody(200),
    ),
    "link e-mails": Endpoint(
        "POST",
        "/MODULE/RECORD/Emails/actions/link_record",
        LINKS,
        EMAILS,
        LINKED,
        {"Emails": [LINK]},
        "Contacts",
        CONTACT,
    ),
    "link an e-mail": Endpoint(
        "POST",
        "/MODULE/RECORD/Emails/EMAIL/actions/link_record",
        LINKS,
        "ZohoCRM.modules.contacts.CREATE",
        LINKED,
        {"Emails": [ONE_LINK]},
        "Contacts",
        CONTACT,
    ),
    "unlink e-mails": Endpoint(
        "DELETE",
        "/MODULE/RECORD/Emails/actions/link_record?owner_id=ALICE&message_ids=EMAIL",
        LINKS,
        EMAILS,
        LINKED,
        module="Contacts",
        record=CONTACT,
    ),
    "unlink an e-mail": Endpoint(
        "DELETE",
        "/MODULE/RECORD/Emails/EMAIL/actions/link_record?owner_id=ALICE",
        LINKS,
        EMAILS,
        LINKED,
        module="Contacts",
        record=CONTACT,
    ),
}
ON_RECORDS = [name for name, endpoint in ENDPOINTS.items() if "RECORD" in endpoint.path]


class Office:
    """Asks for an endpoint as one of the team."""

    def __init__(self, api: OwnApi, port: int) -> None:
        self.crm, self.team = CrmApi(api.team), api.team
        team = api.team
        team.user("Dora")
        team.record("Contacts", "Alice", "contact@customer.example", record_id=int(CONTACT))
        team.record("Deals", "Alice", record_id=int(DEAL))
        for record in (LEAD, f"Contacts/{CONTACT}", f"Deals/{DEAL}"):
            team.make(ShareRecord(record, user=email_of("Dora")))
        team.mail("Alice", "contact@customer.example")
        for name in ("Alice", "Dora", "Charlie"):
            server = NewSmtpServer("127.0.0.1", port, Security.NONE, "submitter", PASSWORD)
            set_mailbox_smtp(team.database, team.box, email_of(name), server)
        newest = list_own_emails(team.database, ALICE, by=OPERATOR, limit=1)[0]
        self.email, self.alice = email_id(newest.email_key), str(team.actor("Alice").user_id)

    def ask(
        self, endpoint: Endpoint, who: str, *, token: str | None = None, version: str = "v8", **other: str
    ) -> falcon.testing.Result:
        said = {"MODULE": endpoint.module, "RECORD": endpoint.record, "CALLER": who, "FROM": email_of(who)} | other
        said |= {"EMAIL": self.email, "ALICE": self.alice}
        if "DRAFT" in endpoint.path or "DRAFT" in repr(endpoint.body):
            said |= {"DRAFT": self.draft()}
        token = self.team.token(who, endpoint.needs) if token is None else token
        path, body = f"/crm/{version}{_filled(endpoint.path, said)}", _filled(endpoint.body, said)
        if endpoint.path == "/files":
            headers = {"Content-Type": "multipart/form-data; boundary=b"}
            return self.crm.ask(who, endpoint.method, path, raw=FORM, token=token, headers=headers)
        return self.crm.ask(who, endpoint.method, path, body, token=token)

    def draft(self) -> str:
        """Give one of Alice's drafts."""
        return self.team.draft("Alice", int(LEAD_ID))


def _filled(template: Any, said: Mapping[str, str]) -> Any:
    if isinstance(template, dict):
        return {name: _filled(value, said) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(each, said) for each in template]
    if isinstance(template, str):
        for name, value in said.items():
            template = template.replace(name, value)
    return template


@pytest.fixture(scope="class")
def office(unchanged_api: OwnApi) -> Iterator[Office]:
    with running_smtp() as smtp:
        yield Office(unchanged_api, smtp.port)


def error(answer: falcon.testing.Result) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.mark.parametrize("name", ENDPOINTS)
class TestEveryEndpoint:
    def test_without_a_token(self, office: Office, name: str) -> None:
        assert error(office.ask(ENDPOINTS[name], "Alice", token="")) == (401, "AUTHENTICATION_FAILURE")

    def test_with_a_token_that_is_none_or_expired(self, office: Office, name: str) -> None:
        needs, database = ENDPOINTS[name].needs, office.team.database
        expired = create_token(database, ALICE, needs, now=NOW - 2 * HOUR, expires_in=HOUR)
        for token in ("unknown", expired):
            assert error(office.ask(ENDPOINTS[name], "Alice", token=token)) == (401, "INVALID_TOKEN")

    def test_with_a_token_for_something_else(self, office: Office, name: str) -> None:
        other = office.team.token("Alice", ENDPOINTS[name].wrong)
        assert error(office.ask(ENDPOINTS[name], "Alice", token=other)) == (401, "OAUTH_SCOPE_MISMATCH")

    def test_in_a_version_that_there_is_not(self, office: Office, name: str) -> None:
        assert error(office.ask(ENDPOINTS[name], "Alice", version="v1")) == (400, "API_NOT_SUPPORTED")

    @pytest.mark.parametrize("who", ["Alice", "Dora", "Root", "Charlie"])
    def test_for_each_caller(self, office: Office, name: str, who: str) -> None:
        answer = office.ask(ENDPOINTS[name], who)
        assert answer.status_code == ENDPOINTS[name].answers[who], answer.text


@pytest.mark.parametrize("name", ON_RECORDS)
class TestOnARecord:
    def test_in_a_module_that_there_is_not(self, office: Office, name: str) -> None:
        token = office.crm.token("Alice")
        answer = office.ask(ENDPOINTS[name], "Alice", token=token, MODULE="Machines")
        assert error(answer) == (400, "INVALID_MODULE")

    def test_a_stranger_is_told_what_is_told_of_no_record(self, office: Office, name: str) -> None:
        told = [office.ask(ENDPOINTS[name], "Charlie", RECORD=each) for each in (ENDPOINTS[name].record, NOWHERE, "x")]
        assert told[0].status_code == 400
        assert INVALID_RECORD in (told[0].json.get("details"), told[0].json.get("Emails", [{}])[0].get("details"))
        assert told[0].json == told[1].json == told[2].json
