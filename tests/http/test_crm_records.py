"""Records in the form of Zoho CRM: Alice owns a lead, Bob is her superior, Dora has it shared, Charlie is nobody."""

import json
from dataclasses import replace
from typing import Any

import pytest

from postroom.actions.change_sharing import SetModuleAccess, ShareRecord
from postroom.actions.import_records import import_records
from postroom.actions.organisation import SetUserStatus
from postroom.actions.tokens import create_token
from postroom.core.model import UserStatus
from postroom.storage import people
from postroom.storage import records as storage
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, BOB, CUSTOMER, LEAD, OwnApi
from tests.team import NOW, OPERATOR, Team, email_of

LEAD_ID = LEAD.partition("/")[2]
UNKNOWN = {
    "code": "INVALID_DATA",
    "details": {"id": "5"},
    "message": "the id given seems to be invalid",
    "status": "error",
}
INVALID = (400, "INVALID_DATA", {"resource_path_index": 1})
PEOPLE = ("Alice", "Bob", "Charlie", "Dora", "Root")
SEEING, CHANGING = ("Alice", "Bob", "Dora", "Root"), ("Alice", "Bob", "Root")


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    """Give a client for a team that may change; the lead is shared with Dora."""
    return _with_dora(own_api.team)


@pytest.fixture(scope="class")
def unchanged(unchanged_api: OwnApi) -> CrmApi:
    """Give a client to all tests of a class, which change nothing."""
    return _with_dora(unchanged_api.team)


def _with_dora(team: Team) -> CrmApi:
    team.user("Dora")
    team.make(ShareRecord(LEAD, user=email_of("Dora")))
    return CrmApi(team)


def user_of(team: Team, name: str) -> dict[str, object]:
    with team.database.read() as connection:
        user = people.find_user(connection, email_of(name))
    assert user is not None
    return {"name": name, "id": str(user.id), "email": user.email}


def create(crm: CrmApi, who: str, module: str, **fields: object) -> str:
    (created,) = crm.do(who, "POST", f"/{module}", {"data": [fields]}, 201)["data"]
    assert (created["code"], created["message"], created["status"]) == ("SUCCESS", "record added", "success")
    return str(created["details"]["id"])


def record(crm: CrmApi, who: str, module: str, record_id: str) -> dict[str, Any]:
    (found,) = crm.get(who, f"/{module}/{record_id}")["data"]
    return dict(found)


def ids(answer: Any) -> list[str]:
    return [each["id"] for each in answer["data"]] if answer else []


def codes(answer: Any, name: str = "data") -> list[str]:
    return [each["code"] for each in answer[name]]


REQUESTS = [
    ("GET", "/Leads", "READ"),
    ("GET", f"/Leads/search?email={CUSTOMER}", "READ"),
    ("GET", f"/Leads/{LEAD_ID}", "READ"),
    ("POST", "/Leads", "CREATE"),
    ("PUT", "/Leads", "UPDATE"),
    ("PUT", f"/Leads/{LEAD_ID}", "UPDATE"),
    ("DELETE", "/Leads?ids=5", "DELETE"),
    ("DELETE", f"/Leads/{LEAD_ID}", "DELETE"),
]


class TestWhoMayAsk:
    @pytest.mark.parametrize(("method", "path", "operation"), REQUESTS)
    def test_needs_a_token_with_the_scope(self, unchanged: CrmApi, method: str, path: str, operation: str) -> None:
        team = unchanged.team
        body = {"data": [{}]} if method in ("POST", "PUT") else None
        assert unchanged.refused("", method, path, body, token="")[:2] == (401, "AUTHENTICATION_FAILURE")
        expired = create_token(team.database, ALICE, "ZohoCRM.modules.ALL", now=NOW - 10, expires_in=5)
        assert unchanged.refused("Alice", method, path, body, token=expired)[:2] == (401, "INVALID_TOKEN")
        operations = {"CREATE", "DELETE", "READ", "UPDATE"} - {operation}
        wrong = ",".join(f"ZohoCRM.modules.{other}" for other in operations)
        for scopes in (wrong, f"ZohoCRM.modules.contacts.{operation}", "ZohoCRM.settings.ALL", "Postroom.settings.ALL"):
            refused = unchanged.refused("Alice", method, path, body, token=team.token("Alice", scopes))
            assert refused[:2] == (401, "OAUTH_SCOPE_MISMATCH")
        for scopes in (
            f"ZohoCRM.modules.{operation}",
            f"ZohoCRM.modules.leads.{operation}",
            "ZohoCRM.modules.leads.ALL",
        ):
            token = team.token("Charlie", scopes)
            assert unchanged.ask("Charlie", method, path, body, token=token).status_code in (200, 204, 400), scopes

    @pytest.mark.parametrize("module", ["Leads", "leads", "LEADS"])
    @pytest.mark.parametrize("version", ["v2", "v2.1", "v8"])
    def test_in_every_version_and_case(self, unchanged: CrmApi, version: str, module: str) -> None:
        assert ids(unchanged.get("Alice", f"/crm/{version}/{module}")) == [LEAD_ID]

    def test_other_modules(self, unchanged: CrmApi) -> None:
        for path in ("/Nonsense", "/Nonsense/5", "/Nonsense/search?email=a@b.example"):
            assert unchanged.refused("Alice", "GET", path)[:2] == (400, "INVALID_MODULE")
        assert unchanged.refused("Alice", "GET", "/Tasks")[:2] == (400, "NOT_SUPPORTED")


class TestReading:
    def test_only_who_sees_it_reads_it(self, unchanged: CrmApi) -> None:
        search = f"/Leads/search?email={CUSTOMER.upper()}"
        for who in PEOPLE:
            seen = [LEAD_ID] if who in SEEING else []
            assert ids(unchanged.get(who, "/Leads")) == seen, who
            assert ids(unchanged.get(who, search)) == seen, who
            assert ids(unchanged.get(who, f"/Leads?ids={LEAD_ID},5")) == seen, who
            if not seen:
                assert unchanged.refused(who, "GET", f"/Leads/{LEAD_ID}") == INVALID
                assert unchanged.refused(who, "GET", "/Leads/5") == INVALID

    @pytest.mark.parametrize("wrong", ["5", "0", "x", "-1", "9" * 30, "1.5", f"0{LEAD_ID}"])
    def test_an_id_of_no_record(self, unchanged: CrmApi, wrong: str) -> None:
        assert unchanged.refused("Root", "GET", f"/Leads/{wrong}") == INVALID
        assert unchanged.refused("Root", "DELETE", f"/Leads/{wrong}") == INVALID
        assert unchanged.refused("Root", "PUT", f"/Leads/{wrong}", {"data": [{"Company": "X"}]}) == INVALID
        assert unchanged.refused("Root", "GET", f"/Contacts/{LEAD_ID}") == INVALID

    @pytest.mark.parametrize(
        "query",
        ["page=0", "per_page=201", "page=21&per_page=100", "sort_by=Name", "sort_order=up", "page_token=1",
         "page_token=id.asc.1.1", "ids=x", "cvid=1", "fields=id&fields=id"],
    )  # fmt: skip
    def test_a_parameter_that_is_not_acceptable(self, unchanged: CrmApi, query: str) -> None:
        status, code, details = unchanged.refused("Alice", "GET", f"/Leads?{query}")
        assert (status, code) == (400, "INVALID_DATA")
        assert details["param_name"] in (query.partition("=")[0], "query")

    def test_search_is_by_address_alone(self, unchanged: CrmApi) -> None:
        assert unchanged.refused("Alice", "GET", "/Leads/search")[1:] == (
            "MANDATORY_NOT_FOUND",
            {"param_name": "email"},
        )
        for name, value in (("email", "nonsense"), ("criteria", "(Email:equals:a)"), ("word", "a")):
            assert unchanged.refused("Alice", "GET", f"/Leads/search?{name}={value}")[2] == {"param_name": name}

    def test_modified_since(self, unchanged: CrmApi) -> None:
        (lead,) = unchanged.get("Alice", "/Leads")["data"]
        times = {
            lead["Modified_Time"]: 304,
            "2100-01-01T00:00:00Z": 304,
            "2001-01-01T00:00:00+05:30": 200,
            "Wed, 21 Oct 2015 07:28:00 GMT": 200,
        }
        for time, status in times.items():
            for path in ("/Leads", f"/Leads/{LEAD_ID}"):
                result = unchanged.ask("Alice", "GET", path, headers={"If-Modified-Since": time})
                assert (result.status_code, bool(result.text)) == (status, status == 200), (path, time)
        for wrong in ("yesterday", "2001-01-01T00:00:00", "0001-01-01T00:00:00+23:59"):
            refused = unchanged.refused("Alice", "GET", "/Leads", headers={"If-Modified-Since": wrong})
            assert refused == (400, "INVALID_DATA", {"param_name": "If-Modified-Since"})


class TestPages:
    def test_by_number_and_by_token(self, crm: CrmApi) -> None:
        made = [create(crm, "Alice", "Contacts", Last_Name=f"Nr {number}") for number in range(5)]
        create(crm, "Charlie", "Contacts", Last_Name="Not theirs")
        for order, expected in (("asc", made), ("desc", made[::-1])):
            for by in ("id", "Created_Time", "Modified_Time"):
                path = f"/Contacts?per_page=2&sort_by={by}&sort_order={order}"
                pages = [crm.get("Bob", f"{path}&page={page}") for page in (1, 2, 3)]
                assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:]]
                assert [page["info"]["more_records"] for page in pages] == [True, True, False]
                second = crm.get("Bob", f"{path}&page_token={pages[0]['info']['next_page_token']}")
                assert ids(second) == expected[2:4]
                assert pages[2]["info"]["next_page_token"] is None
        assert crm.get("Bob", "/Contacts?page=4&per_page=2") is None

    def test_a_public_module_is_for_everybody_to_read(self, crm: CrmApi) -> None:
        crm.team.make(SetModuleAccess("Leads", is_public=True))
        assert ids(crm.get("Charlie", "/Leads")) == [LEAD_ID]
        (refused,) = crm.do("Charlie", "PUT", f"/Leads/{LEAD_ID}", {"data": [{"Company": "X"}]}, 403)["data"]
        assert refused["code"] == "NO_PERMISSION"


class TestCreating:
    def test_everything_that_was_given_comes_back(self, crm: CrmApi) -> None:
        account = create(crm, "Alice", "Accounts", Account_Name="Acme")
        given = {"First_Name": "Ann", "Last_Name": "Berg", "Email": "Ann@Customer.example", "Account_Name": account}
        custom = {"Colour": "green", "Size": 5, "Tags": ["a", {"b": None}], "Number": 3652397000001790004}
        contact = create(crm, "Alice", "contacts", **given, **custom)
        alice = user_of(crm.team, "Alice")
        found = record(crm, "Bob", "Contacts", contact)
        assert found.pop("Created_Time") == found.pop("Modified_Time")
        assert found == custom | {
            "id": contact,
            "First_Name": "Ann",
            "Last_Name": "Berg",
            "Full_Name": "Ann Berg",
            "Email": "Ann@Customer.example",
            "Secondary_Email": None,
            "Account_Name": {"name": "Acme", "id": account},
            "Owner": alice,
            "Created_By": alice,
            "Modified_By": alice,
        }
        assert crm.get("Bob", f"/Contacts/{contact}?fields=Email,Nothing")["data"] == [
            {"id": contact, "Email": "Ann@Customer.example"}
        ]

    def test_each_stands_for_itself(self, crm: CrmApi) -> None:
        data = [{"Last_Name": "Good"}, {"Email": "a@b.example"}, {"Last_Name": "Good too", "Owner": {"id": 5}}]
        answer = crm.do("Alice", "POST", "/Leads", {"data": data}, 207)
        assert codes(answer) == ["SUCCESS", "MANDATORY_NOT_FOUND", "INVALID_DATA"]
        assert [each["details"] for each in answer["data"][1:]] == [{"api_name": "Last_Name"}, {"api_name": "Owner"}]
        assert len(crm.get("Alice", "/Leads")["data"]) == 2
        assert crm.do("Alice", "POST", "/Leads", {"data": data[1:]}, 400)
        assert len(crm.get("Alice", "/Leads")["data"]) == 2

    @pytest.mark.parametrize("module", ["Accounts", "Deals", "Quotes", "Invoices", "Sales_Orders", "Purchase_Orders"])
    def test_in_every_module(self, crm: CrmApi, module: str) -> None:
        names = {"Accounts": "Account_Name", "Deals": "Deal_Name"}
        created = create(crm, "Alice", module, **{names.get(module, "Subject"): "Thing"})
        assert record(crm, "Root", module, created)[names.get(module, "Subject")] == "Thing"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("Last_Name", 5),
            ("Last_Name", "a\nb"),
            ("Last_Name", "x" * 251),
            ("Email", "nonsense"),
            ("Email", ["a@b.example"]),
            ("Work_Email", "nonsense"),
            ("Owner", True),
            ("Owner", None),
            ("Owner", {"name": "Bob"}),
            ("Owner", "x"),
            ("Company", {}),
            ("Note", "a\x00b"),
            ("Note", [[[[[[1]]]]]]),
            ("id", "7"),
            ("Grün", "x"),
            ("email", "other@b.example"),
        ],
    )
    def test_a_value_that_is_not_acceptable(self, crm: CrmApi, field: str, value: object) -> None:
        data = [{"Last_Name": "Berg", "Email": "a@b.example", field: value}]
        (refused,) = crm.do("Alice", "POST", "/Leads", {"data": data}, 400)["data"]
        assert (refused["code"], refused["details"]["api_name"]) == ("INVALID_DATA", field)

    @pytest.mark.parametrize(
        ("raw", "field"),
        [
            (b"", "body"),
            (b"\xff", "body"),
            (b"{}", "data"),
            (b'{"data": {}}', "data"),
            (b'{"data": []}', "data"),
            (b'{"data": [1]}', "data[0]"),
            (b'{"data": [{"Last_Name": "X"}], "colour": 1}', "colour"),
            (json.dumps({"data": [{"Last_Name": "X"}] * 101}).encode(), "data"),
            (b'{"data": [{"Last_Name": ' + b"[" * 100_000, "body"),
        ],
    )
    def test_a_body_that_is_not_acceptable(self, crm: CrmApi, raw: bytes, field: str) -> None:
        status, _, details = crm.refused("Alice", "POST", "/Leads", raw=raw)
        assert (status, details) == (400, {"api_name": field})

    def test_a_body_that_is_too_large(self, crm: CrmApi) -> None:
        assert crm.refused("Alice", "POST", "/Leads", raw=b" " * (1 << 20) + b"{}")[:2] == (413, "BODY_TOO_LARGE")

    def test_a_link_to_what_the_caller_does_not_see_is_none(self, crm: CrmApi) -> None:
        account = create(crm, "Charlie", "Accounts", Account_Name="Secret")
        for target in (account, "5", LEAD_ID):
            data = [{"Last_Name": "X", "Account_Name": {"id": target}}]
            (refused,) = crm.do("Alice", "POST", "/Contacts", {"data": data}, 400)["data"]
            assert (refused["code"], refused["details"]) == ("INVALID_DATA", {"api_name": "Account_Name"})


class TestMail:
    """A change of a record's addresses and links associates old mail at once."""

    def test_follows_a_new_address(self, crm: CrmApi) -> None:
        crm.team.permission("Alice", "public")
        contact = create(crm, "Bob", "Contacts", Last_Name="Berg")
        assert crm.team.shares("Bob", "Contacts", int(contact)) == []
        crm.do("Bob", "PUT", f"/Contacts/{contact}", {"data": [{"Email": CUSTOMER}]})
        assert crm.team.shares("Bob", "Contacts", int(contact)) == ["Alice"]
        crm.do("Bob", "PUT", f"/Contacts/{contact}", {"data": [{"Email": None}]})
        assert crm.team.shares("Bob", "Contacts", int(contact)) == []

    def test_follows_a_new_link(self, crm: CrmApi) -> None:
        crm.team.permission("Alice", "public")
        contact = create(crm, "Bob", "Contacts", Last_Name="Berg", Email=CUSTOMER)
        deal = create(crm, "Bob", "Deals", Deal_Name="Roaster")
        assert crm.team.shares("Bob", "Deals", int(deal)) == []
        crm.do("Bob", "PUT", "/Deals", {"data": [{"id": int(deal), "Contact_Name": {"id": int(contact)}}]})
        assert crm.team.shares("Bob", "Deals", int(deal)) == ["Alice"]
        crm.do("Bob", "DELETE", f"/Contacts/{contact}")
        assert crm.team.shares("Bob", "Deals", int(deal)) == []


class TestChanging:
    def test_only_who_may_change_it_does(self, crm: CrmApi) -> None:
        for who in PEOPLE:
            change = {"data": [{"Company": f"{who} Ltd"}]}
            if who in CHANGING:
                (done,) = crm.do(who, "PUT", f"/Leads/{LEAD_ID}", change)["data"]
                assert (done["message"], done["details"]["id"]) == ("record updated", LEAD_ID)
                assert done["details"]["Modified_By"]["name"] == who
            elif who in SEEING:
                (refused,) = crm.do(who, "PUT", f"/Leads/{LEAD_ID}", change, 403)["data"]
                assert refused["code"] == "NO_PERMISSION"
            else:
                assert crm.refused(who, "PUT", f"/Leads/{LEAD_ID}", change) == INVALID
        assert record(crm, "Dora", "Leads", LEAD_ID)["Company"] == "Root Ltd"

    def test_what_is_not_given_stays(self, crm: CrmApi) -> None:
        contact = create(crm, "Alice", "Contacts", First_Name="Ann", Last_Name="Berg", Colour="red", Size=1)
        before = record(crm, "Alice", "Contacts", contact)
        change = {"Last_Name": "Adams", "Size": None, "Created_Time": "1999-01-01T00:00:00Z", "$approved": True}
        crm.do("Bob", "PUT", f"/Contacts/{contact}", {"data": [change]})
        after = record(crm, "Alice", "Contacts", contact)
        before.pop("Size")
        before |= {"Last_Name": "Adams", "Full_Name": "Ann Adams", "Modified_By": user_of(crm.team, "Bob")}
        assert after | {"Modified_Time": ""} == before | {"Modified_Time": ""}

    def test_many_at_once(self, crm: CrmApi) -> None:
        own = create(crm, "Dora", "Leads", Last_Name="Own")
        change = [{"id": own, "Company": "X"}, {"id": LEAD_ID, "Company": "X"}, {"id": 5, "Company": "X"}]
        answer = crm.do("Dora", "PUT", "/Leads", {"data": change}, 207)
        assert codes(answer) == ["SUCCESS", "NO_PERMISSION", "INVALID_DATA"]
        assert answer["data"][2] == UNKNOWN
        assert crm.refused("Dora", "PUT", "/Leads", {"data": [{"Company": "X"}]})[1] == "MANDATORY_NOT_FOUND"

    def test_a_name_cannot_be_emptied(self, crm: CrmApi) -> None:
        contact = create(crm, "Alice", "Contacts", Last_Name="Berg")
        (refused,) = crm.do("Alice", "PUT", f"/Contacts/{contact}", {"data": [{"Last_Name": None}]}, 400)["data"]
        assert refused["code"] == "MANDATORY_NOT_FOUND"

    def test_a_new_owner_is_in_the_audit(self, crm: CrmApi) -> None:
        bob = user_of(crm.team, "Bob")
        crm.do("Alice", "PUT", f"/Leads/{LEAD_ID}", {"data": [{"Owner": bob, "Last_Name": "Boyle"}]})
        entry = OwnApi(crm.team).newest_entry()
        assert (entry["change"], entry["subject"], entry["before"], entry["after"]) == (
            "record owner",
            LEAD,
            ALICE,
            BOB,
        )
        assert crm.refused("Alice", "GET", f"/Leads/{LEAD_ID}") == INVALID
        assert record(crm, "Bob", "Leads", LEAD_ID)["Owner"] == bob

    def test_a_link_that_the_caller_does_not_see_is_not_shown_and_stays(self, crm: CrmApi) -> None:
        secret = create(crm, "Charlie", "Accounts", Account_Name="Secret")
        contact = create(crm, "Charlie", "Contacts", Last_Name="X", Account_Name=secret)
        crm.do("Root", "PUT", f"/Contacts/{contact}", {"data": [{"Owner": user_of(crm.team, "Alice")["id"]}]})
        assert "Secret" not in json.dumps(record(crm, "Alice", "Contacts", contact))
        crm.do("Alice", "PUT", f"/Contacts/{contact}", {"data": [{"Account_Name": None}]})
        assert record(crm, "Root", "Contacts", contact)["Account_Name"] == {"name": "Secret", "id": secret}
        own = create(crm, "Alice", "Accounts", Account_Name="Own")
        crm.do("Alice", "PUT", f"/Contacts/{contact}", {"data": [{"Account_Name": own}]})
        assert record(crm, "Root", "Contacts", contact)["Account_Name"] == {"name": "Own", "id": own}
        crm.do("Alice", "PUT", f"/Contacts/{contact}", {"data": [{"Account_Name": None}]})
        assert record(crm, "Root", "Contacts", contact)["Account_Name"] is None


class TestRecycleBin:
    def test_only_who_may_change_it_deletes_and_restores(self, crm: CrmApi) -> None:
        restore = f"/settings/recycle_bin/{LEAD_ID}/actions/restore"
        for who in PEOPLE:
            if who not in CHANGING:
                result = crm.ask(who, "DELETE", f"/Leads/{LEAD_ID}")
                assert result.status_code == (403 if who in SEEING else 400)
                crm.do("Alice", "DELETE", f"/Leads/{LEAD_ID}")
                assert crm.refused(who, "POST", restore) == INVALID
                assert crm.get(who, "/settings/recycle_bin") is None
                crm.do("Alice", "POST", restore)
                continue
            (done,) = crm.do(who, "DELETE", f"/Leads/{LEAD_ID}")["data"]
            assert (done["code"], done["message"]) == ("SUCCESS", "record deleted")
            for other in PEOPLE:
                assert crm.refused(other, "GET", f"/Leads/{LEAD_ID}") == INVALID
                assert crm.get(other, "/Leads") is None
            (found,) = crm.get(who, "/settings/recycle_bin")["recycle_bin"]
            assert (found["id"], found["module"]["api_name"], found["deleted_by"]["name"]) == (LEAD_ID, "Leads", who)
            (done,) = crm.do(who, "POST", restore)["recycle_bin"]
            assert (done["code"], done["message"]) == ("SUCCESS", "record restored")
            assert crm.refused(who, "POST", restore) == INVALID

    def test_many_at_once(self, crm: CrmApi) -> None:
        own = create(crm, "Dora", "Leads", Last_Name="Own")
        answer = crm.do("Dora", "DELETE", f"/Leads?ids={own},{LEAD_ID},5&wf_trigger=false", status=207)
        assert codes(answer) == ["SUCCESS", "NO_PERMISSION", "INVALID_DATA"]
        answer = crm.do("Dora", "POST", "/settings/recycle_bin/actions/restore", {"ids": [int(own), "5"]}, 207)
        assert codes(answer, "recycle_bin") == ["SUCCESS", "INVALID_DATA"]
        assert ids(crm.get("Dora", "/Leads")) == [own, LEAD_ID]

    def test_needs_its_own_scopes(self, crm: CrmApi) -> None:
        token = crm.team.token("Root", "ZohoCRM.modules.ALL,ZohoCRM.settings.recycle_bin.DELETE")
        requests = (("GET", ""), ("POST", "/actions/restore"), ("POST", "/5/actions/restore"))
        for method, path in requests:
            refused = crm.refused("Root", method, f"/settings/recycle_bin{path}", token=token)
            assert refused[:2] == (401, "OAUTH_SCOPE_MISMATCH")


class TestImportedRecords:
    def test_are_the_same_thing(self, crm: CrmApi, tmp_path: Any) -> None:
        def take(module: str, text: str) -> None:
            (tmp_path / "file.csv").write_text(text)
            report = import_records(
                crm.team.database, tmp_path / "file.csv", module, ALICE, print, by=OPERATOR, now=NOW
            )
            assert not report.rejected

        take("Accounts", "Record Id,Account Name\n77,Acme\n")
        take("Contacts", "Record Id,Full Name,Work E-mail,Account,Zip Code\n78,Ann Berg,ann@acme.example,Acme,1010\n")
        found = record(crm, "Alice", "Contacts", "78")
        assert (found["Full_Name"], found["Account_Name"]) == ("Ann Berg", {"name": "Acme", "id": "77"})
        assert (found["Zip_Code"], found["Created_By"]) == ("1010", None)
        crm.do("Alice", "PUT", "/Contacts/78", {"data": [{"Zip_Code": "1020", "Email": "ann@home.example"}]})
        found = record(crm, "Alice", "Contacts", "78")
        assert (found["Full_Name"], found["Account_Name"]["id"], found["Zip_Code"]) == ("Ann Berg", "77", "1020")
        for address in ("ann@acme.example", "ann@home.example"):
            assert ids(crm.get("Alice", f"/Contacts/search?email={address}")) == ["78"]
        take("Contacts", f"Record Id,Full Name,Owner\n78,Ann Berg,{BOB}\n")
        entry = OwnApi(crm.team).newest_entry()
        assert (entry["change"], entry["before"], entry["after"]) == ("record owner", ALICE, BOB)


def take(crm: CrmApi, folder: Any, module: str, text: str) -> None:
    (folder / "file.csv").write_text(text)
    report = import_records(crm.team.database, folder / "file.csv", module, ALICE, print, by=OPERATOR, now=NOW)
    assert not report.rejected


def links(crm: CrmApi, record_id: str) -> frozenset[int]:
    with crm.team.database.read() as connection:
        return storage.records_by_id(connection, [int(record_id)])[int(record_id)].linked_ids


class TestSentBackAsRead:
    """Clients read a record, change a field, and send all of it back."""

    def send_back(self, crm: CrmApi, who: str, module: str, record_id: str) -> None:
        body = {"data": [record(crm, who, module, record_id)]}
        assert codes(crm.do(who, "PUT", f"/{module}/{record_id}", body)) == ["SUCCESS"]

    def test_every_link_stays(self, crm: CrmApi) -> None:
        contacts = [create(crm, who, "Contacts", Last_Name=who) for who in ("Alice", "Alice", "Charlie")]
        deal = create(crm, "Alice", "Deals", Deal_Name="Big", Contact_Name=contacts[0])
        linked = frozenset(map(int, contacts))
        with crm.team.database.write() as connection:
            stored = storage.records_by_id(connection, [int(deal)])[int(deal)]
            storage.save_records(connection, [], [replace(stored, linked_ids=linked)], storage.Stamp(NOW))
        self.send_back(crm, "Alice", "Deals", deal)
        assert links(crm, deal) == linked
        assert record(crm, "Root", "Deals", deal)["Contact_Name"]["id"] == contacts[0]

    def test_a_lookup_that_shows_nothing_stays(self, crm: CrmApi) -> None:
        secret = create(crm, "Charlie", "Contacts", Last_Name="Secret")
        deal = create(crm, "Charlie", "Deals", Deal_Name="Big", Contact_Name=secret)
        crm.do("Root", "PUT", f"/Deals/{deal}", {"data": [{"Owner": user_of(crm.team, "Alice")}]})
        before = record(crm, "Root", "Deals", deal)["Contact_Name"]
        assert record(crm, "Alice", "Deals", deal)["Contact_Name"] is None
        self.send_back(crm, "Alice", "Deals", deal)
        assert record(crm, "Root", "Deals", deal)["Contact_Name"] == before

    def test_an_owner_who_left_stays(self, crm: CrmApi) -> None:
        lead = create(crm, "Dora", "Leads", Last_Name="Berg")
        crm.team.make(SetUserStatus(email_of("Dora"), UserStatus.INACTIVE))
        self.send_back(crm, "Root", "Leads", lead)
        assert record(crm, "Root", "Leads", lead)["Owner"]["name"] == "Dora"

    def test_what_a_file_named_otherwise_stays(self, crm: CrmApi, tmp_path: Any) -> None:
        take(crm, tmp_path, "Leads", "Record Id,Full Name,Umsatz (EUR)\n79,Ann Berg,12\n")
        self.send_back(crm, "Alice", "Leads", "79")
        assert record(crm, "Alice", "Leads", "79")["Umsatz_(EUR)"] == "12"

    def test_an_emptied_first_name_leaves_the_name(self, crm: CrmApi, tmp_path: Any) -> None:
        take(crm, tmp_path, "Leads", "Record Id,Full Name,Email\n80,Ann Berg,ann@acme.example\n")
        crm.do("Alice", "PUT", "/Leads/80", {"data": [{"First_Name": None}]})
        assert record(crm, "Alice", "Leads", "80")["Full_Name"] == "Ann Berg"

    def test_the_last_field_can_be_emptied(self, crm: CrmApi, tmp_path: Any) -> None:
        take(crm, tmp_path, "Leads", "Record Id,Email\n81,ann@acme.example\n")
        crm.do("Alice", "PUT", "/Leads/81", {"data": [{"Email": None}]})
        assert record(crm, "Alice", "Leads", "81")["Email"] is None


class TestLimits:
    @pytest.mark.parametrize(
        "fields",
        [
            {f"Field_{number}": number for number in range(500)},
            {"Note": "x" * 64 * 1024},
            {"Email": "a" + "\u0300\u0316" * 2000 + "@customer.example"},
        ],
        ids=["fields", "characters", "address"],
    )
    def test_a_record_that_is_larger_is_refused(self, crm: CrmApi, fields: dict[str, object]) -> None:
        body = {"data": [{"Last_Name": "Berg"} | fields]}
        assert codes(crm.do("Alice", "POST", "/Leads", body, 400)) == ["INVALID_DATA"]

    def test_ids_may_have_spaces_between_them(self, crm: CrmApi) -> None:
        lead = create(crm, "Alice", "Leads", Last_Name="Berg")
        assert codes(crm.do("Alice", "DELETE", f"/Leads?ids={lead},%20{lead}")) == ["SUCCESS"]
