"""Sharing own mail on records, in the form of Zoho CRM: Alice owns mail, Bob sees the Lead, Charlie does not."""

from typing import Any

import pytest

from postroom.core.model import Permission
from tests.http.crm_api import CrmApi
from tests.http.own_api import LEAD, OwnApi

LEAD_ID = LEAD.partition("/")[2]
SHARE, UNSHARE = f"/Leads/{LEAD_ID}/actions/share_emails", f"/Leads/{LEAD_ID}/actions/unshare_emails"
NOWHERE = "4000000000000000001"
INVALID = (400, "INVALID_DATA", {"resource_path_index": 1})


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    """Give a client for a team in which Alice may share her mail record by record."""
    own_api.team.permission("Alice", Permission.CUSTOM)
    return CrmApi(own_api.team)


def done(message: str, record_id: str = LEAD_ID) -> dict[str, Any]:
    return {"code": "SUCCESS", "details": {"id": record_id}, "message": message, "status": "success"}


def refused(code: str, message: str, record_id: str = LEAD_ID) -> dict[str, Any]:
    return {"code": code, "details": {"id": record_id}, "message": message, "status": "error"}


SHARED, REVOKED = done("Successfully shared"), done("Sharing revoked successfully")
ALREADY = refused("ALREADY_SHARED", "Emails are already shared to the colleagues already")
NOT_SHARED = refused("NOT_SHARED", "Emails are not  shared to the colleagues already")


def sharers(crm: CrmApi, viewer: str) -> list[str]:
    details = crm.get(viewer, f"/Leads/{LEAD_ID}/__emails_sharing_details")["__emails_sharing_details"]
    return [user["name"] for user in details["share_from_users"]]


def test_what_is_shared_is_seen_at_once_and_what_is_taken_back_is_not(crm: CrmApi) -> None:
    assert sharers(crm, "Bob") == []
    assert crm.do("Alice", "POST", SHARE) == {"data": [SHARED]}
    assert sharers(crm, "Bob") == ["Alice"]
    assert crm.do("Alice", "POST", UNSHARE) == {"data": [REVOKED]}
    assert sharers(crm, "Bob") == []


def test_it_is_written_down_once(crm: CrmApi) -> None:
    crm.do("Alice", "POST", SHARE)
    entry = OwnApi(crm.team).newest_entry()
    assert (entry["change"], entry["after"]) == ("mail on a record", "shared")


def test_a_second_time_is_refused(crm: CrmApi) -> None:
    assert crm.do("Alice", "POST", UNSHARE, status=400) == {"data": [NOT_SHARED]}
    crm.do("Alice", "POST", SHARE)
    assert crm.do("Alice", "POST", SHARE, status=400) == {"data": [ALREADY]}


def test_a_body_says_nothing(crm: CrmApi) -> None:
    assert crm.do("Alice", "POST", SHARE, {"ids": [NOWHERE]}) == {"data": [SHARED]}


@pytest.mark.parametrize("path", [f"/Leads/{NOWHERE}/actions/share_emails", "/Leads/abc/actions/share_emails"])
def test_a_record_that_is_not_there(crm: CrmApi, path: str) -> None:
    assert crm.refused("Alice", "POST", path) == INVALID


@pytest.mark.parametrize("path", [SHARE, UNSHARE])
def test_a_stranger_is_told_of_no_record(crm: CrmApi, path: str) -> None:
    assert crm.refused("Charlie", "POST", path) == INVALID


def test_another_permission_than_custom(crm: CrmApi) -> None:
    crm.team.permission("Alice", Permission.PUBLIC)
    result = crm.ask("Alice", "POST", SHARE)
    assert (result.status_code, result.json["code"], result.json["message"], result.json["details"]) == (
        400,
        "NOT_ALLOWED",
        "User did not enable custom sharing",
        {},
    )


def test_whoever_has_no_mailbox(crm: CrmApi) -> None:
    result = crm.ask("Root", "POST", SHARE)
    assert (result.status_code, result.json["message"]) == (400, "Email Configuration does not exist")


@pytest.mark.parametrize(
    ("module", "code"), [("Accounts", "NOT_SUPPORTED"), ("Tasks", "NOT_SUPPORTED"), ("Nothing", "INVALID_MODULE")]
)
def test_only_where_mail_is_shared_record_by_record(crm: CrmApi, module: str, code: str) -> None:
    for path in (f"/{module}/{LEAD_ID}/actions/share_emails", f"/{module}/actions/unshare_emails"):
        body = None if LEAD_ID in path else {"ids": [LEAD_ID]}
        assert crm.refused("Alice", "POST", path, body) == (400, code, {"resource_path_index": 0})


class TestSeveralRecords:
    def test_ids_come_as_numbers_or_as_digits(self, crm: CrmApi) -> None:
        assert crm.do("Alice", "POST", "/Leads/actions/share_emails", {"ids": [int(LEAD_ID)]}) == {"data": [SHARED]}
        assert crm.do("Alice", "POST", "/leads/actions/unshare_emails", {"ids": [LEAD_ID]}) == {"data": [REVOKED]}

    def test_each_stands_for_itself(self, crm: CrmApi) -> None:
        answer = crm.do("Alice", "POST", "/Leads/actions/share_emails", {"ids": [NOWHERE, LEAD_ID, LEAD_ID]}, 207)
        assert answer["data"] == [
            refused("INVALID_DATA", "the id given seems to be invalid", NOWHERE),
            SHARED,
            refused("DUPLICATE_DATA", "Duplicate Data"),
        ]
        assert sharers(crm, "Bob") == ["Alice"]

    def test_where_nothing_was_done(self, crm: CrmApi) -> None:
        assert crm.do("Alice", "POST", "/Leads/actions/unshare_emails", {"ids": [LEAD_ID]}, 400) == {
            "data": [NOT_SHARED]
        }

    def test_custom_sharing_that_is_off_is_said_once(self, crm: CrmApi) -> None:
        crm.team.permission("Alice", Permission.PRIVATE)
        wanted = {"ids": [NOWHERE, LEAD_ID]}
        assert crm.refused("Alice", "POST", "/Leads/actions/share_emails", wanted) == (400, "NOT_ALLOWED", {})

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({}, "MANDATORY_NOT_FOUND"),
            ({"ids": []}, "INVALID_DATA"),
            ({"ids": ["x"]}, "INVALID_DATA"),
            ({"ids": [-1]}, "INVALID_DATA"),
            ({"ids": LEAD_ID}, "INVALID_DATA"),
            ({"ids": [5] * 201}, "INVALID_DATA"),
        ],
    )
    def test_a_body_that_is_wrong_names_the_field(self, crm: CrmApi, body: object, code: str) -> None:
        status, given, details = crm.refused("Alice", "POST", "/Leads/actions/share_emails", body)
        assert (status, given) == (400, code)
        assert details["api_name"].startswith("ids")

    def test_a_body_that_is_too_long(self, crm: CrmApi) -> None:
        answer = crm.ask("Alice", "POST", "/Leads/actions/share_emails", raw=b" " * (64 * 1024 + 1))
        assert answer.status_code == 413


@pytest.mark.parametrize(
    ("scope", "opens_sharing", "opens_taking_back"),
    [
        ("ZohoCRM.modules.ALL", True, True),
        ("ZohoCRM.modules.leads.CREATE", True, True),
        ("ZohoCRM.modules.leads.DELETE", False, True),
        ("ZohoCRM.modules.leads.READ", False, False),
        ("ZohoCRM.modules.contacts.ALL", False, False),
        ("ZohoCRM.modules.emails.ALL", False, False),
    ],
)
def test_scopes(crm: CrmApi, scope: str, *, opens_sharing: bool, opens_taking_back: bool) -> None:
    token = crm.team.token("Alice", scope)
    for path, opens in ((SHARE, opens_sharing), (UNSHARE, opens_taking_back)):
        result = crm.ask("Alice", "POST", path, token=token)
        assert (result.status_code == 401) == (not opens)
        assert opens or result.json["code"] == "OAUTH_SCOPE_MISMATCH"


def test_without_a_token(crm: CrmApi) -> None:
    for token, code in (("", "AUTHENTICATION_FAILURE"), ("unknown", "INVALID_TOKEN")):
        for path in (SHARE, "/Leads/actions/share_emails"):
            assert crm.refused("Alice", "POST", path, token=token) == (401, code, {})
