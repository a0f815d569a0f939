"""With whom a record is shared, in the form of Zoho CRM."""

import pytest

from tests.http.crm_api import CrmApi
from tests.http.own_api import LEAD, OwnApi
from tests.http.test_crm_team import id_of, role_id

LEAD_ID = LEAD.partition("/")[2]
PATH = f"/Leads/{LEAD_ID}/actions/share"
DONE = {"code": "SUCCESS", "details": {}, "message": "record will be shared successfully", "status": "success"}


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    """Give a client for a team that may change."""
    return CrmApi(own_api.team)


def with_user(crm: CrmApi, name: str) -> dict[str, object]:
    return {"shared_with": {"id": id_of(crm.team, name), "type": "users"}, "permission": "read_only"}


@pytest.mark.parametrize("who", ["Alice", "Root"])
def test_the_owner_and_administrators_share(crm: CrmApi, who: str) -> None:
    sales = {"shared_with": {"id": int(role_id(crm, "Sales")), "type": "roles"}}
    assert crm.get(who, PATH) is None
    assert crm.do(who, "POST", PATH, {"share": [with_user(crm, "Charlie"), sales]}) == {"share": [DONE, DONE]}
    assert OwnApi(crm.team).newest_entry()["change"] == "record share"
    shares = [each["shared_with"] for each in crm.get(who, PATH)["share"]]
    assert [(each["name"], each["type"]) for each in shares] == [("Charlie", "users"), ("Sales", "roles")]
    assert len(crm.get("Charlie", "/Leads")["data"]) == 1
    revoked = {"code": "SUCCESS", "details": {"id": LEAD_ID}, "message": "Sharing Revoked", "status": "success"}
    assert crm.do(who, "DELETE", PATH) == {"share": revoked}
    assert crm.get("Charlie", "/Leads") is None
    assert crm.refused(who, "DELETE", PATH)[:2] == (400, "INVALID_DATA")


def test_nobody_else_does(crm: CrmApi) -> None:
    body = {"share": [with_user(crm, "Charlie")]}
    for method in ("GET", "POST", "DELETE"):
        sent = body if method == "POST" else None
        assert crm.refused("Bob", method, PATH, sent)[:2] == (403, "NO_PERMISSION")
        for path in (PATH, "/Leads/5/actions/share"):
            assert crm.refused("Charlie", method, path, sent) == (400, "INVALID_DATA", {"resource_path_index": 1})
    crm.do("Alice", "POST", PATH, body)
    assert crm.refused("Charlie", "GET", PATH)[:2] == (403, "NO_PERMISSION")


def test_each_stands_for_itself(crm: CrmApi) -> None:
    nobody = {"user": {"id": "5"}}
    answer = crm.do(
        "Alice", "POST", PATH, {"share": [nobody, with_user(crm, "Charlie"), with_user(crm, "Charlie")]}, 207
    )
    assert [each["code"] for each in answer["share"]] == ["INVALID_DATA", "SUCCESS", "DUPLICATE_DATA"]


@pytest.mark.parametrize("change", [{"permission": "full_access"}, {"share_related_records": True}, {"colour": 1}])
def test_a_share_is_for_reading_one_record(crm: CrmApi, change: dict[str, object]) -> None:
    share = with_user(crm, "Charlie") | change
    assert crm.refused("Alice", "POST", PATH, {"share": [share]})[:2] == (400, "INVALID_DATA")


def test_needs_a_token_with_the_scope(crm: CrmApi) -> None:
    body = {"share": [with_user(crm, "Charlie")]}
    for method, operation in (("GET", "READ"), ("POST", "CREATE"), ("DELETE", "DELETE")):
        sent = body if method == "POST" else None
        assert crm.refused("", method, PATH, sent, token="")[:2] == (401, "AUTHENTICATION_FAILURE")
        for scopes in ("ZohoCRM.modules.ALL", f"ZohoCRM.share.contacts.{operation}", "ZohoCRM.share.leads.UPDATE"):
            token = crm.team.token("Alice", scopes)
            assert crm.refused("Alice", method, PATH, sent, token=token)[:2] == (401, "OAUTH_SCOPE_MISMATCH")
        token = crm.team.token("Bob", f"ZohoCRM.share.leads.{operation}")
        assert crm.refused("Bob", method, PATH, sent, token=token)[:2] == (403, "NO_PERMISSION")
