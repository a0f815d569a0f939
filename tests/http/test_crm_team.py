"""Users, the organisation, roles and profiles, in the form of Zoho CRM."""

from typing import Any

import pytest

from postroom.actions.organisation import SetUserStatus
from postroom.actions.tokens import create_token
from postroom.core.model import UserStatus
from postroom.storage import people
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, BOB, CHARLIE, ROOT, OwnApi
from tests.team import NOW, Team, email_of

INVALID_ID = (400, "INVALID_DATA", {"resource_path_index": 1})
VERSIONS = ("v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8")
READS = {
    "/users": "ZohoCRM.users.READ",
    "/org": "ZohoCRM.org.READ",
    "/settings/roles": "ZohoCRM.settings.roles.READ",
    "/settings/profiles": "ZohoCRM.settings.profiles.READ",
}


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    """Give a client for a team that may change."""
    return CrmApi(own_api.team)


@pytest.fixture(scope="class")
def unchanged(unchanged_api: OwnApi) -> CrmApi:
    """Give a client to all tests of a class, which change nothing."""
    return CrmApi(unchanged_api.team)


def id_of(team: Team, name: str) -> str:
    with team.database.read() as connection:
        user = people.find_user(connection, email_of(name))
    assert user is not None
    return str(user.id)


def role_id(crm: CrmApi, name: str) -> str:
    (found,) = [role["id"] for role in crm.get("Alice", "/settings/roles")["roles"] if role["name"] == name]
    return str(found)


def emails(answer: Any) -> list[str]:
    return [user["email"] for user in answer["users"]] if answer else []


class TestReading:
    @pytest.mark.parametrize("path", READS)
    def test_needs_a_valid_token_of_an_active_user_with_the_scope(self, unchanged: CrmApi, path: str) -> None:
        team = unchanged.team
        assert unchanged.refused("", "GET", path, token="")[:2] == (401, "AUTHENTICATION_FAILURE")
        expired = create_token(team.database, ALICE, READS[path], now=NOW - 10, expires_in=5)
        assert unchanged.refused("Alice", "GET", path, token=expired)[:2] == (401, "INVALID_TOKEN")
        others = ",".join(scope for scope in READS.values() if scope != READS[path])
        for scopes in (others, READS[path].replace("READ", "CREATE"), "ZohoCRM.modules.ALL", "Postroom.settings.ALL"):
            refused = unchanged.refused("Alice", "GET", path, token=team.token("Alice", scopes))
            assert refused[:2] == (401, "OAUTH_SCOPE_MISMATCH")
        for scopes in (READS[path], READS[path].replace("READ", "ALL")):
            token = team.token("Charlie", scopes)
            assert unchanged.ask("Charlie", "GET", path, token=token).status_code == 200

    @pytest.mark.parametrize("version", VERSIONS)
    def test_answers_in_every_version(self, unchanged: CrmApi, version: str) -> None:
        assert emails(unchanged.get("Bob", f"/crm/{version}/users?type=CurrentUser")) == [BOB]
        assert unchanged.refused("Bob", "GET", "/crm/v9/users")[1] == "API_NOT_SUPPORTED"

    def test_the_caller(self, unchanged: CrmApi) -> None:
        assert unchanged.get("Alice", "/users?type=CurrentUser&") == {
            "users": [
                {
                    "id": id_of(unchanged.team, "Alice"),
                    "full_name": "Alice",
                    "first_name": None,
                    "last_name": "Alice",
                    "email": ALICE,
                    "status": "active",
                    "confirm": True,
                    "role": {"name": "Sales", "id": role_id(unchanged, "Sales")},
                    "profile": {"name": "Standard", "id": "2"},
                    "time_zone": "UTC",
                    "type__s": "Regular User",
                }
            ],
            "info": {"per_page": 200, "count": 1, "page": 1, "more_records": False},
        }

    def test_pages(self, unchanged: CrmApi) -> None:
        pages = [unchanged.get("Charlie", f"/users?per_page=3&page={page}") for page in (1, 2, 3)]
        assert [emails(page) for page in pages] == [[ALICE, BOB, CHARLIE], [ROOT], []]
        assert [page["info"]["more_records"] for page in pages[:2]] == [True, False]

    def test_some_by_id_and_one(self, unchanged: CrmApi) -> None:
        alice, root = id_of(unchanged.team, "Alice"), id_of(unchanged.team, "Root")
        assert emails(unchanged.get("Bob", f"/users?ids={root},{alice},5")) == [ALICE, ROOT]
        assert emails(unchanged.get("Bob", f"/users/{root}")) == [ROOT]

    @pytest.mark.parametrize("wrong", ["5", "0", "x", "-1", "9" * 30])
    def test_an_id_of_nobody(self, unchanged: CrmApi, wrong: str) -> None:
        assert unchanged.refused("Bob", "GET", f"/users/{wrong}") == INVALID_ID
        assert unchanged.refused("Root", "DELETE", f"/users/{wrong}")[:2] == INVALID_ID[:2]

    @pytest.mark.parametrize(
        "query", ["type=Everybody", "page=0", "per_page=201", "per_page=x", "ids=1,,2", "ids=x", "colour=red"]
    )
    def test_a_parameter_that_is_not_acceptable(self, unchanged: CrmApi, query: str) -> None:
        details = {"param_name": query.partition("=")[0]}
        assert unchanged.refused("Bob", "GET", f"/users?{query}") == (400, "INVALID_DATA", details)

    def test_the_organisation_by_a_get_that_has_an_empty_body(self, unchanged: CrmApi) -> None:
        result = unchanged.ask("Charlie", "GET", "/org", headers={"Content-Length": "0"})
        assert result.json == {
            "org": [
                {
                    "id": "1",
                    "zgid": "1",
                    "company_name": "My organisation",
                    "time_zone": "UTC",
                    "type": "production",
                }
            ]
        }

    def test_roles_and_profiles(self, unchanged: CrmApi) -> None:
        management, sales = unchanged.get("Charlie", "/settings/roles")["roles"]
        above = {"name": "Management", "id": management["id"]}
        assert (management["reporting_to"], sales["reporting_to"]) == (None, above)
        assert unchanged.get("Charlie", f"/settings/roles/{sales['id']}") == {"roles": [sales]}
        wrong = (400, "INVALID_DATA", {"resource_path_index": 2})
        assert unchanged.refused("Charlie", "GET", "/settings/roles/5") == wrong
        profiles = unchanged.get("Charlie", "/settings/profiles")["profiles"]
        assert [profile["name"] for profile in profiles] == ["Administrator", "Standard"]
        assert unchanged.get("Charlie", "/settings/profiles/2") == {"profiles": profiles[1:]}
        assert unchanged.refused("Charlie", "GET", "/settings/profiles/3") == wrong


class TestTypes:
    def test_whom_each_type_lists(self, crm: CrmApi) -> None:
        crm.team.make(SetUserStatus(BOB, UserStatus.INACTIVE))
        crm.team.make(SetUserStatus(CHARLIE, UserStatus.DELETED))
        listed = {
            "AllUsers": [ALICE, BOB, ROOT],
            "ActiveUsers": [ALICE, ROOT],
            "DeactiveUsers": [BOB],
            "ConfirmedUsers": [ALICE, BOB, ROOT],
            "NotConfirmedUsers": [],
            "DeletedUsers": [CHARLIE],
            "ActiveConfirmedUsers": [ALICE, ROOT],
            "AdminUsers": [ROOT],
            "ActiveConfirmedAdmins": [ROOT],
            "CurrentUser": [ALICE],
        }
        assert {kind: emails(crm.get("Alice", f"/users?type={kind}")) for kind in listed} == listed
        found = crm.get("Alice", "/users?type=DeactiveUsers")["users"]
        assert found[0]["status"] == "disabled"
        assert crm.refused("Bob", "GET", "/users", token=crm.token("Bob"))[:2] == (401, "INVALID_TOKEN")


class TestEditing:
    def test_an_administrator_adds_one(self, crm: CrmApi) -> None:
        sales = role_id(crm, "Sales")
        dora = {"first_name": "Dora", "last_name": "de Wit", "email": "Dora@team.example", "role": sales}
        created = crm.do("Root", "POST", "/users", {"users": [dora | {"profile": {"id": 1}}]}, 201)["users"][0]
        assert (created["code"], created["message"], created["status"]) == ("SUCCESS", "User added", "success")
        (found,) = crm.get("Dora", f"/users/{created['details']['id']}")["users"]
        assert (found["full_name"], found["email"]) == ("Dora de Wit", "dora@team.example")
        assert (found["role"]["name"], found["profile"]["name"]) == ("Sales", "Administrator")
        assert OwnApi(crm.team).newest_entry()["after"]["role"] == "Sales"
        taken = (400, "DUPLICATE_DATA", {"api_name": "email"})
        assert crm.refused("Root", "POST", "/users", {"users": [dora]}) == taken

    def test_an_administrator_edits_one(self, crm: CrmApi) -> None:
        alice, management = id_of(crm.team, "Alice"), role_id(crm, "Management")
        edited = {"first_name": "Alice", "last_name": "Adams", "role": {"id": int(management)}, "status": "inactive"}
        done = {"code": "SUCCESS", "details": {"id": alice}, "message": "User updated", "status": "success"}
        assert crm.do("Root", "PUT", f"/users/{alice}", {"users": [edited]}) == {"users": [done]}
        (found,) = crm.get("Root", f"/users/{alice}")["users"]
        assert (found["full_name"], found["role"]["name"], found["status"]) == ("Alice Adams", "Management", "disabled")
        assert OwnApi(crm.team).newest_entry()["change"] == "status"
        assert crm.do("Root", "PUT", "/users", {"users": [{"id": alice, "role": None}]}) == {"users": [done]}
        (found,) = crm.get("Root", f"/users/{alice}")["users"]
        assert (found["full_name"], found["role"], found["status"]) == ("Alice Adams", None, "disabled")

    def test_what_is_refused_changes_nothing(self, crm: CrmApi) -> None:
        alice = id_of(crm.team, "Alice")
        before = crm.get("Root", "/users")
        for edited, field in (
            ({"last_name": "New", "role": "5"}, "role"),
            ({"last_name": "New", "email": "other@team.example"}, "email"),
            ({"last_name": "New", "email": "no address"}, "email"),
            ({"last_name": "New", "profile": "1"}, "profile"),
            ({"last_name": "New", "profile": "3"}, "profile"),
            ({"last_name": "a\nb"}, "last_name"),
            ({"last_name": "x" * 300}, "last_name"),
            ({"last_name": None}, "last_name"),
            ({"status": "deleted"}, "users[0].status"),
            ({"country": "Austria"}, "users[0].country"),
            ({"id": "5"}, "id"),
        ):
            status, code, details = crm.refused("Root", "PUT", f"/users/{alice}", {"users": [edited]})
            assert (status, details) == (400, {"api_name": field}), edited
            assert code in ("INVALID_DATA", "MANDATORY_NOT_FOUND")
        assert crm.get("Root", "/users") == before

    def test_an_administrator_deletes_one(self, crm: CrmApi) -> None:
        token, alice = crm.token("Alice"), id_of(crm.team, "Alice")
        done = {"code": "SUCCESS", "details": {"id": alice}, "message": "User deleted", "status": "success"}
        assert crm.do("Root", "DELETE", f"/users/{alice}") == {"users": [done]}
        assert crm.refused("Alice", "GET", "/org", token=token)[:2] == (401, "INVALID_TOKEN")
        again = {"users": [{"status": "active"}]}
        assert crm.refused("Root", "PUT", f"/users/{alice}", again)[:2] == (403, "NO_PERMISSION")

    def test_administrators_keep_their_own_user(self, crm: CrmApi) -> None:
        root = id_of(crm.team, "Root")
        assert crm.refused("Root", "DELETE", f"/users/{root}")[:2] == (403, "NO_PERMISSION")
        inactive = {"users": [{"status": "inactive"}]}
        assert crm.refused("Root", "PUT", f"/users/{root}", inactive)[:2] == (403, "NO_PERMISSION")

    @pytest.mark.parametrize("who", ["Alice", "Bob", "Charlie"])
    def test_nobody_else_does(self, crm: CrmApi, who: str) -> None:
        own = id_of(crm.team, who)
        denied = (403, "NO_PERMISSION")
        assert crm.refused(who, "POST", "/users", {"users": [{"email": "x@y.example", "last_name": "X"}]})[:2] == denied
        assert crm.refused(who, "PUT", f"/users/{own}", {"users": [{"last_name": "X"}]})[:2] == denied
        assert crm.refused(who, "PUT", "/users", {"users": [{"id": "5", "last_name": "X"}]})[:2] == denied
        assert crm.refused(who, "DELETE", f"/users/{own}")[:2] == denied
        assert crm.refused(who, "DELETE", "/users/5")[:2] == denied

    def test_with_the_scope_of_the_operation_alone(self, crm: CrmApi) -> None:
        token, alice = crm.team.token("Root", "ZohoCRM.users.READ,ZohoCRM.users.CREATE"), id_of(crm.team, "Alice")
        for method, path in (("PUT", f"/users/{alice}"), ("PUT", "/users"), ("DELETE", f"/users/{alice}")):
            assert crm.refused("Root", method, path, {}, token=token)[:2] == (401, "OAUTH_SCOPE_MISMATCH")

    @pytest.mark.parametrize(
        ("raw", "field"),
        [
            (b"", "body"),
            (b"{", "body"),
            (b"[]", "body"),
            (b"{}", "users"),
            (b'{"users": []}', "users"),
            (b'{"users": [{}]}', "users[0].email"),
            (b'{"users": [{"email": 5}]}', "users[0].email"),
            (b'{"users": [{"email": "x@y.example"}]}', "users[0].last_name"),
            (b'{"users": [{"email": "x", "last_name": "X"}]}', "email"),
            (b'{"users": [{"email": "x@y.example", "last_name": "X", "role": true}]}', "users[0].role"),
            (b'{"users": [{"email": "x@y.example", "last_name": "X", "role": "07"}]}', "role"),
            (b"[" * 100_000, "body"),
        ],
    )
    def test_a_body_that_is_not_acceptable(self, crm: CrmApi, raw: bytes, field: str) -> None:
        status, code, details = crm.refused("Root", "POST", "/users", raw=raw)
        assert (status, code in ("INVALID_DATA", "MANDATORY_NOT_FOUND")) == (400, True)
        assert str(details["api_name"]).removeprefix("users[...].") in (field, field.removeprefix("users[0].")), details

    def test_a_body_that_is_too_large(self, crm: CrmApi) -> None:
        assert crm.refused("Root", "POST", "/users", raw=b" " * (1 << 20) + b"{}")[:2] == (413, "BODY_TOO_LARGE")
