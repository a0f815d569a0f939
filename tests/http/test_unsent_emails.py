"""Lists of what is not sent yet: Alice's drafts and scheduled mail on her lead are hers alone."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from postroom.actions.change_sharing import SetCrmAccess
from postroom.actions.outbox import cancel, list_outbox, send_due
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.core.details import VIEWS, VIEWS_OF_UNSENT
from postroom.core.model import CrmAccess
from postroom.mail.server import Security
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, BOB, CUSTOMER, LEAD, OwnApi
from tests.servers.smtp import PASSWORD, running_smtp
from tests.team import NOW, email_of

LEAD_ID = int(LEAD.partition("/")[2])
DRAFTS, SCHEDULED = "drafts", "scheduled_in_crm"


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    own_api.team.permission("Alice", "public")
    return CrmApi(own_api.team)


def emails(crm: CrmApi, who: str, view: str | None, record: str = f"Leads/{LEAD_ID}", more: str = "") -> list[Any]:
    answer = crm.get(who, f"/{record}/Emails?{'' if view is None else f'type={view}'}{more}")
    return [] if answer is None else list(answer["Emails"])


def subjects(crm: CrmApi, who: str, view: str | None, record: str = f"Leads/{LEAD_ID}", more: str = "") -> list[str]:
    return [email["subject"] for email in emails(crm, who, view, record, more)]


def write(crm: CrmApi, subject: str, *, who: str = "Alice", record: str = f"Leads/{LEAD_ID}", **more: object) -> str:
    draft = {"from": email_of(who), "rich_text": True, "subject": subject} | more
    (result,) = crm.do(who, "POST", f"/{record}/__email_drafts", {"__email_drafts": [draft]}, 201)["__email_drafts"]
    return str(result["details"]["id"])


def schedule(crm: CrmApi, subject: str, *, who: str = "Alice", record: str = f"Leads/{LEAD_ID}", after: int = 1) -> str:
    server = NewSmtpServer("127.0.0.1", 1, Security.NONE, "submitter", PASSWORD)
    set_mailbox_smtp(crm.team.database, crm.team.box, email_of(who), server)
    mail = {
        "from": {"email": email_of(who), "user_name": who},
        "to": [{"email": CUSTOMER, "user_name": "Ms Boyle"}],
        "bcc": [{"email": "hidden@elsewhere.example"}],
        "subject": subject,
        "scheduled_time": datetime.fromtimestamp(NOW + after * 3600, UTC).isoformat(),
    }
    (result,) = crm.do(who, "POST", f"/{record}/actions/send_mail", {"data": [mail]})["data"]
    return str(result["details"]["message_id"])


def test_a_draft_is_shown_as_an_e_mail(crm: CrmApi) -> None:
    draft_id = write(crm, "Not yet", to=[{"email": CUSTOMER, "user_name": "Ms Boyle"}], cc=[{"email": BOB}])
    (draft,) = crm.get("Alice", f"/Leads/{LEAD_ID}/__email_drafts")["__email_drafts"]
    (email,) = emails(crm, "Alice", DRAFTS)
    assert email["status"] == [{"type": "draft", "bounced_time": None, "bounced_reason": None}]
    assert (email["message_id"], email["subject"], email["sent"]) == (draft_id, "Not yet", False)
    assert email["time"] == draft["modified_time"]
    assert email["from"] == {"email": ALICE, "user_name": ALICE}
    assert email["to"] == [{"email": CUSTOMER, "user_name": "Ms Boyle"}]
    assert email["cc"] == [{"email": BOB, "user_name": BOB}]
    assert (email["bcc"], email["source"], email["owner"]["name"]) == ([], "individual", "Alice")
    assert emails(crm, "Alice", SCHEDULED) == []


def test_scheduled_mail_is_shown_until_it_is_sent(crm: CrmApi) -> None:
    message_id = schedule(crm, "Später")
    (email,) = emails(crm, "Alice", SCHEDULED)
    assert (email["message_id"], email["subject"], email["sent"]) == (message_id, "Später", False)
    assert email["status"][0]["type"] == "scheduled"
    assert datetime.fromisoformat(email["time"]).timestamp() == NOW + 3600
    assert email["from"] == {"email": ALICE, "user_name": "Alice"}
    assert email["to"] == [{"email": CUSTOMER, "user_name": "Ms Boyle"}]
    assert email["bcc"] == [{"email": "hidden@elsewhere.example", "user_name": "hidden@elsewhere.example"}]
    assert emails(crm, "Bob", "emails_sent_from_crm") == []
    with running_smtp() as smtp:
        server = NewSmtpServer("127.0.0.1", smtp.port, Security.NONE, "submitter", PASSWORD)
        set_mailbox_smtp(crm.team.database, crm.team.box, ALICE, server)
        send_due(crm.team.database, crm.team.box, NOW + 3600)
    assert emails(crm, "Alice", SCHEDULED) == []
    assert [each["message_id"] for each in emails(crm, "Bob", "emails_sent_from_crm")] == [message_id]


def test_what_is_cancelled_is_scheduled_no_more(crm: CrmApi) -> None:
    schedule(crm, "Never")
    ((outcome, _),) = list_outbox(crm.team.database, ALICE, None, 1)
    cancel(crm.team.database, str(outcome.mail.id))
    assert emails(crm, "Alice", SCHEDULED) == []


def test_nobody_else_sees_any_of_it(crm: CrmApi) -> None:
    """Whoever sees the record, whatever the settings say: neither a superior nor an administrator."""
    crm.team.make(SetCrmAccess(CrmAccess.PUBLIC_READ_WRITE_DELETE))
    before = {(who, view): subjects(crm, who, view) for who in ("Alice", "Bob", "Root") for view in (None, *VIEWS)}
    details = crm.get("Bob", f"/Leads/{LEAD_ID}/__emails_sharing_details")
    write(crm, "Secret")
    schedule(crm, "Secret")
    alice = crm.team.actor("Alice").user_id
    for who in ("Bob", "Root"):
        for view in VIEWS_OF_UNSENT:
            assert emails(crm, who, view) == emails(crm, who, view, more=f"&owner_id={alice}") == []
    assert before == {(who, view): subjects(crm, who, view) for who, view in before}
    assert crm.get("Bob", f"/Leads/{LEAD_ID}/__emails_sharing_details") == details
    refused = crm.ask("Charlie", "GET", f"/Leads/{LEAD_ID}/Emails?type={DRAFTS}")
    assert refused.json == crm.ask("Charlie", "GET", f"/Leads/4000000000000000001/Emails?type={DRAFTS}").json
    assert refused.status_code == 400


def test_each_sees_the_own_ones(crm: CrmApi) -> None:
    write(crm, "Alice's")
    write(crm, "Bob's", who="Bob")
    schedule(crm, "Alice's")
    schedule(crm, "Bob's", who="Bob")
    for who in ("Alice", "Bob"):
        own = crm.team.actor(who).user_id
        for view in VIEWS_OF_UNSENT:
            assert subjects(crm, who, view) == subjects(crm, who, view, more=f"&owner_id={own}") == [f"{who}'s"]


def test_those_of_contacts_are_on_what_links_to_them(crm: CrmApi) -> None:
    contact = crm.team.record("Contacts", "Alice", "contact@customer.example")
    hidden = crm.team.record("Contacts", "Charlie", "hidden@customer.example")
    account = crm.team.record("Accounts", "Alice", links=[contact, hidden])
    for record in (f"Contacts/{contact}", f"Accounts/{account}"):
        write(crm, f"Draft on {record}", record=record)
        schedule(crm, f"Later on {record}", record=record)
    write(crm, "Draft of a stranger", who="Charlie", record=f"Contacts/{hidden}")
    on_account = f"Accounts/{account}"
    assert subjects(crm, "Alice", DRAFTS, on_account) == [f"Draft on {on_account}"]
    assert subjects(crm, "Alice", SCHEDULED, on_account) == [f"Later on {on_account}"]
    people = ("all_contacts_draft_crm_emails", "all_contacts_scheduled_crm_emails")
    for record in (on_account, f"Contacts/{contact}"):
        found = [subjects(crm, "Alice", view, record) for view in people]
        assert found == [[f"Draft on Contacts/{contact}"], [f"Later on Contacts/{contact}"]]
    assert [emails(crm, "Root", view, on_account) for view in people] == [[], []]


def test_what_is_linked_to_a_deal_is_on_it(crm: CrmApi) -> None:
    deal = crm.team.record("Deals", "Alice")
    write(crm, "Both", linked_record={"id": str(deal)})
    assert subjects(crm, "Alice", DRAFTS, f"Deals/{deal}") == subjects(crm, "Alice", DRAFTS) == ["Both"]


@pytest.mark.parametrize("view", [DRAFTS, SCHEDULED])
def test_comes_in_pages_that_stay_right(crm: CrmApi, view: str) -> None:
    add = write if view == DRAFTS else schedule
    for number in range(23):
        add(crm, f"{number}")
    path = f"/Leads/{LEAD_ID}/Emails?type={view}"
    first = crm.get("Alice", path)
    second = crm.get("Alice", f"{path}&index={first['info']['next_index']}")
    new = add(crm, "new")
    third = crm.get("Alice", f"{path}&index={second['info']['next_index']}")
    pages = [[each["message_id"] for each in page["Emails"]] for page in (first, second, third)]
    assert [page["info"]["count"] for page in (first, second, third)] == [10, 10, len(pages[2])]
    assert third["info"]["more_records"] is False
    assert len({each for page in pages for each in page}) == sum(map(len, pages)) >= 23
    back = crm.get("Alice", f"{path}&index={third['info']['prev_index']}")
    assert {each["message_id"] for each in back["Emails"]} - {new} <= {*pages[0], *pages[1]}
    assert crm.refused("Bob", "GET", f"{path}&index={first['info']['next_index']}")[2] == {"param_name": "index"}


@pytest.mark.parametrize("view", [DRAFTS, SCHEDULED])
def test_is_filtered_by_subject(crm: CrmApi, view: str) -> None:
    add = write if view == DRAFTS else schedule
    for subject in ("One", "Two"):
        add(crm, subject)
    criterion = quote('{"comparator":"equal","field":{"api_name":"subject"},"value":"Two"}')
    assert subjects(crm, "Alice", view, more=f"&filter={criterion}") == ["Two"]
