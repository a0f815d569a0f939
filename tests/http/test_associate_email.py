"""Filing e-mails by hand: Alice owns mail with a Contact, Bob sees the Contact and the Deal, Charlie neither."""

from typing import Any

import pytest

from postroom.actions.change_sharing import SetCrmAccess
from postroom.actions.withhold import email_id, list_own_emails
from postroom.core.model import CrmAccess
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, LEAD, OwnApi
from tests.team import OPERATOR

LEAD_ID = LEAD.partition("/")[2]
PATH = f"/Leads/{LEAD_ID}/actions/associate_email"


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    return CrmApi(own_api.team)


def email(**changed: object) -> dict[str, Any]:
    given = {
        "from": {"email": "somebody@elsewhere.example", "user_name": "Zoë"},
        "to": [{"email": ALICE}],
        "subject": "Hello",
        "content": "Hello",
        "original_message_id": "<42@elsewhere.example>",
        "sent": False,
        "date_time": "2026-10-10T14:00:00Z",
    }
    return {"Emails": [{name: value for name, value in (given | changed).items() if value is not None}]}


def types(crm: CrmApi, who: str) -> list[str]:
    return crm.get(who, f"/Leads/{LEAD_ID}/__emails_sharing_details")["__emails_sharing_details"]["available_types"]


class TestAssociating:
    def test_files_a_copy_of_the_caller_on_the_record(self, crm: CrmApi) -> None:
        (result,) = crm.do("Alice", "POST", PATH, email(), 201)["Emails"]
        assert types(crm, "Bob") == ["emails_sent_from_crm", "all_emails"]
        assert crm.do("Alice", "POST", PATH, {"data": email()["Emails"]}, 201)["Emails"] == [result]
        newest = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)[0]
        assert (email_id(newest.email_key), newest.subject) == (result["details"]["message_id"], "Hello")

    def test_takes_the_copy_that_the_caller_has(self, crm: CrmApi) -> None:
        other = crm.team.record("Leads", "Alice")
        crm.team.mail("Alice", "x@elsewhere.example", message_id="<42@elsewhere.example>")
        crm.do("Alice", "POST", PATH.replace(LEAD_ID, str(other)), email(), 201)
        assert crm.team.types("Alice", "Leads", other) == ["all_emails"]

    def test_never_takes_the_copy_of_another(self, crm: CrmApi) -> None:
        crm.team.mail("Bob", "x@elsewhere.example", message_id="<42@elsewhere.example>")
        crm.do("Alice", "POST", PATH, email(), 201)
        assert "Bob" not in crm.team.shares("Alice", "Leads", int(LEAD_ID))
        assert types(crm, "Alice")[0] == "emails_sent_from_crm"

    def test_says_where_an_own_e_mail_is_filed(self, crm: CrmApi) -> None:
        crm.do("Alice", "POST", PATH, email(), 201)
        record = {"module": {"api_name": "Leads"}, "id": LEAD_ID}
        for name in ("original_message_id", "orginal_message_id"):
            path = f"/actions/email_available?{name}=42@elsewhere.example"
            assert crm.get("Alice", path) == {"available": True, "record": record}
            assert crm.get("Bob", path) == {"available": False, "record": None}
        assert crm.refused("Alice", "GET", "/actions/email_available")[1] == "MANDATORY_NOT_FOUND"
        for wrong in ("orginal_message_id=", "original_message_id=a@b&orginal_message_id=a@b"):
            refused = crm.refused("Alice", "GET", f"/actions/email_available?{wrong}")
            assert refused == (400, "INVALID_DATA", {"param_name": "orginal_message_id"})

    @pytest.mark.parametrize(
        ("changed", "code", "path"),
        [
            ({"from": None}, "MANDATORY_NOT_FOUND", "from"),
            ({"original_message_id": None}, "MANDATORY_NOT_FOUND", "original_message_id"),
            ({"original_message_id": "a b"}, "INVALID_DATA", "original_message_id"),
            ({"original_message_id": "a\r\nX: y"}, "INVALID_DATA", "original_message_id"),
            ({"subject": "x" * 501}, "INVALID_DATA", "subject"),
            ({"subject": "x\r\nX: y"}, "INVALID_DATA", "subject"),
            ({"date_time": "yesterday"}, "INVALID_DATA", "date_time"),
            ({"to": [{"email": "nobody"}]}, "INVALID_DATA", "to[0].email"),
            (
                {"linked_record": {"id": 1, "module": {"api_name": "Deals", "id": 2**63}}},
                "INVALID_DATA",
                "linked_record.module.id",
            ),
        ],
    )
    def test_names_the_field(self, crm: CrmApi, changed: Any, code: str, path: str) -> None:
        answer = crm.ask("Alice", "POST", PATH, email(**changed))
        error = answer.json["Emails"][0] if "Emails" in answer.json else answer.json
        assert (answer.status_code, error["code"], error["details"]["json_path"]) == (400, code, f"$.Emails[0].{path}")

    def test_takes_the_email_once(self, crm: CrmApi) -> None:
        twice = email() | {"data": email()["Emails"]}
        details = {"api_name": "data", "json_path": "$.data"}
        assert crm.refused("Alice", "POST", PATH, twice) == (400, "INVALID_DATA", details)

    def test_a_stranger_and_other_tokens(self, crm: CrmApi) -> None:
        assert crm.refused("Charlie", "POST", PATH, email()) == (400, "INVALID_DATA", {"resource_path_index": 1})
        assert crm.refused("", "POST", PATH, email(), token="")[1] == "AUTHENTICATION_FAILURE"
        token = crm.team.token("Alice", "ZohoCRM.modules.leads.CREATE")
        assert crm.refused("", "POST", PATH, email(), token=token)[1] == "OAUTH_SCOPE_MISMATCH"


class TestDeals:
    @pytest.fixture
    def deal(self, crm: CrmApi) -> dict[str, Any]:
        team = crm.team
        contact, deal = team.record("Contacts", "Alice", "contact@c.example"), team.record("Deals", "Alice")
        team.mail("Alice", "contact@c.example")
        (newest,) = list_own_emails(team.database, ALICE, by=OPERATOR, limit=1)
        return {"contact": contact, "deal": deal, "email": email_id(newest.email_key)}

    def link(self, crm: CrmApi, deal: Any, who: str = "Alice", to: int | None = None) -> Any:
        owner, module = {"id": crm.team.actor("Alice").user_id}, {"api_name": "Deals"}
        linked = {"id": str(to or deal["deal"]), "module": module}
        body = {"Emails": [{"message_id": deal["email"], "owner": owner, "linked_record": linked}]}
        return crm.ask(who, "POST", f"/Contacts/{deal['contact']}/Emails/actions/link_record", body)

    def unlink(self, crm: CrmApi, deal: Any, who: str = "Alice") -> Any:
        owner = crm.team.actor("Alice").user_id
        path = f"/Contacts/{deal['contact']}/Emails/{deal['email']}/actions/link_record?owner_id={owner}"
        return crm.ask(who, "DELETE", path)

    def test_an_own_e_mail_is_linked_and_unlinked(self, crm: CrmApi, deal: Any) -> None:
        assert self.link(crm, deal).status_code == 200
        assert crm.team.types("Alice", "Deals", deal["deal"]) == ["all_emails"]
        assert self.unlink(crm, deal).status_code == 200
        assert crm.team.types("Alice", "Deals", deal["deal"]) == []
        assert crm.team.types("Alice", "Contacts", deal["contact"]) == ["all_contacts_emails", "all_emails"]

    def test_it_is_on_one_deal_at_a_time(self, crm: CrmApi, deal: Any) -> None:
        other = crm.team.record("Deals", "Alice")
        self.link(crm, deal)
        self.link(crm, deal, to=other)
        assert crm.team.types("Alice", "Deals", deal["deal"]) == []
        assert crm.team.types("Alice", "Deals", other) == ["all_emails"]

    def test_nobody_links_the_mailbox_of_another(self, crm: CrmApi, deal: Any) -> None:
        crm.team.permission("Alice", "public")
        (error,) = self.link(crm, deal, "Bob").json["Emails"]
        assert error["code"] == "NO_PERMISSION"
        crm.team.permission("Alice", "private")
        (error,) = self.link(crm, deal, "Bob").json["Emails"]
        assert (error["code"], error["details"]["json_path"]) == ("INVALID_DATA", "$.Emails[0].message_id")
        assert self.link(crm, deal, "Charlie").json["Emails"][0]["details"] == {"resource_path_index": 1}

    @pytest.mark.parametrize(
        ("access", "may"), [(CrmAccess.PUBLIC_READ_ONLY, False), (CrmAccess.PUBLIC_READ_WRITE, True)]
    )
    def test_what_was_sent_from_the_crm_where_it_may_be_edited(
        self, crm: CrmApi, deal: Any, access: CrmAccess, *, may: bool
    ) -> None:
        crm.team.make(SetCrmAccess(access))
        crm.team.crm_mail("Alice", "contact@c.example")
        newest = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)[0]
        sent = deal | {"email": email_id(newest.email_key)}
        assert (self.link(crm, sent, "Bob").status_code == 200) == may

    def test_only_to_a_deal_that_is_seen(self, crm: CrmApi, deal: Any) -> None:
        for wrong in (crm.team.record("Deals", "Charlie"), int(LEAD_ID), 4000000000000000001):
            (error,) = self.link(crm, deal, to=wrong).json["Emails"]
            assert error["details"]["json_path"] == "$.Emails[0].linked_record.id"

    def test_scopes(self, crm: CrmApi, deal: Any) -> None:
        path = f"/Contacts/{deal['contact']}/Emails/actions/link_record"
        for scope in ("ZohoCRM.modules.emails.ALL", "ZohoCRM.modules.contacts.ALL"):
            token = crm.team.token("Alice", scope)
            assert crm.refused("", "POST", path, {}, token=token)[1] == "OAUTH_SCOPE_MISMATCH"
