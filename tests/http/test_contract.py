"""The contract of Get Email Shared Details, row by row, on both databases."""

from collections.abc import Iterator

import falcon.testing
import pytest
import structlog
from sqlalchemy import text

from postroom.actions.change_sharing import ShareRecord
from postroom.actions.errors import NotAllowed
from postroom.actions.organisation import SetUserStatus, add_module
from postroom.actions.records import delete_record, restore_record
from postroom.actions.tokens import create_token, revoke_token
from postroom.core.model import UserStatus
from postroom.http.app import create_app
from postroom.http.identity import VERSIONS
from tests.team import ALL_SCOPES, NOW, Team, email_of

LEAD = 3652397000001790004
ALL_TYPES = ["emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails"]
INVALID_RECORD = (400, "INVALID_DATA", "the related id given seems to be invalid", {"resource_path_index": 1})
UNKNOWN_MODULE = (400, "INVALID_MODULE", "the module name given seems to be invalid", {"resource_path_index": 0})
INVALID_TOKEN = (401, "INVALID_TOKEN", "invalid oauth token", {})
SCOPE_MISMATCH = (401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", {})


class Api:
    """A client of the application, which asks as one of the team."""

    def __init__(self, team: Team) -> None:
        self.team = team
        self._client = falcon.testing.TestClient(create_app(team.database, team.box))

    def get(self, path: str, *, token: str | None = None, method: str = "GET", **headers: str) -> falcon.testing.Result:
        """Ask, by default with Bob's token."""
        headers.setdefault("Authorization", f"Zoho-oauthtoken {token or self.team.token('Bob')}")
        headers = {name.replace("_", "-"): value for name, value in headers.items() if value}
        return self._client.simulate_request(method, path, headers=headers)

    def details(self, path: str, **options: str) -> object:
        """Give the answer's object, for a request that must succeed."""
        result = self.get(path, **options)
        assert result.status_code == 200, result.text
        return result.json["__emails_sharing_details"]

    def error(self, path: str, **options: str) -> tuple[int, str, str, dict[str, int]]:
        """Give status, code, message and details, for a request that must be refused."""
        result = self.get(path, **options)
        assert result.headers["content-type"] == "application/json;charset=UTF-8"
        assert result.headers["x-request-id"]
        assert result.json["status"] == "error"
        assert set(result.json) == {"code", "details", "message", "status"}
        return result.status_code, result.json["code"], result.json["message"], result.json["details"]


def path(module: str = "Leads", record: object = LEAD, version: str = "v8") -> str:
    return f"/crm/{version}/{module}/{record}/__emails_sharing_details"


@pytest.fixture
def api(team: Team) -> Api:
    """Alice shares her IMAP mailbox with everyone, Will his POP mailbox; Bob owns the lead; Charlie is a stranger."""
    team.user("Alice")
    team.user("Will Grandon", mailbox="pop")
    team.user("Bob", mailbox=None)
    team.user("Charlie")
    team.record("Leads", "Bob", "lead@customer.example", record_id=LEAD)
    for name in ("Alice", "Will Grandon"):
        team.permission(name, "public")
        team.mail(name, "lead@customer.example")
    team.crm_mail("Charlie", "lead@customer.example")
    return Api(team)


class TestAnswer:
    def test_is_the_object_of_the_page(self, api: Api) -> None:
        result = api.get(path())
        assert result.status_code == 200
        assert result.headers["content-type"] == "application/json;charset=UTF-8"
        assert result.headers["vary"] == "X-ZOHO-SDK"
        assert result.headers["cache-control"] == "no-store"
        assert result.json["__emails_sharing_details"]["available_types"] == ALL_TYPES
        users = result.json["__emails_sharing_details"]["share_from_users"]
        assert [(user["name"], user["_type"]) for user in users] == [("Alice", "imap"), ("Will Grandon", "pop")]
        assert all(list(user) == ["id", "name", "_type"] and user["id"].isdigit() for user in users)

    def test_is_a_list_of_one_for_sdks(self, api: Api) -> None:
        answer = api.details(path(), X_ZOHO_SDK="Linux/6/python-8.0/3.11.7:7.0.0")
        assert answer == [api.details(path())]

    @pytest.mark.parametrize("version", sorted(VERSIONS))
    def test_is_the_same_in_every_version(self, api: Api, version: str) -> None:
        assert api.details(path(version=version)) == api.details(path())

    @pytest.mark.parametrize("module", ["leads", "LEADS", "lEaDs"])
    def test_takes_module_names_in_any_case(self, api: Api, module: str) -> None:
        assert api.details(path(module)) == api.details(path())

    def test_nothing_visible_is_two_empty_arrays(self, api: Api) -> None:
        empty = api.team.record("Leads", "Bob", "nobody@customer.example")
        assert api.details(path(record=empty)) == {"available_types": [], "share_from_users": []}

    @pytest.mark.parametrize(
        "module",
        ["Leads", "Accounts", "Contacts", "Deals", "Quotes", "Invoices", "Sales_Orders", "Purchase_Orders", "Projects"],
    )
    def test_is_there_for_every_module_with_emails(self, api: Api, module: str) -> None:
        if module == "Projects":
            add_module(api.team.database, module)
        record = api.team.record(module, "Bob", "someone@customer.example")
        api.team.mail("Alice", "someone@customer.example")
        assert "all_emails" in api.details(path(module, record))["available_types"]


class TestRecordThatMayNotBeSeen:
    """Whatever the reason, the answer is the same, byte for byte."""

    def test_all_reasons_answer_alike(self, api: Api) -> None:
        deal = api.team.record("Deals", "Bob")
        deleted = api.team.record("Leads", "Bob")
        delete_record(api.team.database, f"Leads/{deleted}", now=NOW)
        foreign = api.team.record("Leads", "Charlie")
        wrong = ["abc", "-1", "+1", "1.0", "0", "007", "１２３", "9" * 19, "9" * 5000, LEAD + 1, deal, deleted, foreign]
        answers = [api.get(path(record=record)) for record in wrong]
        assert {answer.text for answer in answers} == {answers[0].text}
        assert all(api.error(path(record=record)) == INVALID_RECORD for record in wrong)

    def test_also_for_an_administrator_where_it_is_not_there(self, api: Api) -> None:
        api.team.user("Root", profile="Administrator")
        assert api.error(path(record=LEAD + 1), token=api.team.token("Root")) == INVALID_RECORD
        assert api.error(path("Deals"), token=api.team.token("Root")) == INVALID_RECORD

    def test_restored_record_is_seen_again(self, api: Api) -> None:
        delete_record(api.team.database, f"Leads/{LEAD}", now=NOW)
        assert api.error(path()) == INVALID_RECORD
        restore_record(api.team.database, f"Leads/{LEAD}")
        assert api.get(path()).status_code == 200

    def test_stranger_sees_it_once_it_is_shared(self, api: Api) -> None:
        charlie = api.team.token("Charlie")
        assert api.error(path(), token=charlie) == INVALID_RECORD
        api.team.make(ShareRecord(f"Leads/{LEAD}", user=email_of("Charlie")))
        assert api.get(path(), token=charlie).status_code == 200


class TestModule:
    @pytest.mark.parametrize("module", ["Nonsense", "Lead", "leads ", "%00", "..", "Sales Orders", "x" * 3000])
    def test_unknown(self, api: Api, module: str) -> None:
        assert api.error(path(module)) == UNKNOWN_MODULE

    @pytest.mark.parametrize("module", ["Tasks", "Calls", "Notes", "events", "PRODUCTS"])
    def test_without_emails(self, api: Api, module: str) -> None:
        message = "the given module is not supported in api"
        assert api.error(path(module)) == (400, "NOT_SUPPORTED", message, {"resource_path_index": 0})


class TestRequest:
    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
    def test_another_method(self, api: Api, method: str) -> None:
        result = api.get(path(), method=method)
        assert result.status_code == 400
        assert result.headers["allow"] == "GET"
        if method != "HEAD":
            message = "The http request method type is not a valid one"
            assert api.error(path(), method=method) == (400, "INVALID_REQUEST_METHOD", message, {})

    @pytest.mark.parametrize("version", ["v1", "v9", "v2.2", "8", "V8", "v08", "%20"])
    def test_unsupported_version(self, api: Api, version: str) -> None:
        message = "the api version given is not supported"
        assert api.error(path(version=version)) == (400, "API_NOT_SUPPORTED", message, {"supported_version": 8})

    @pytest.mark.parametrize(
        "wrong",
        ["/", "/crm", "/crm/v8", f"/crm/v8/Leads/{LEAD}/x", path() + "/", path() + "x", "/crm/v8/" + path()],
    )
    def test_no_such_path(self, api: Api, wrong: str) -> None:
        message = "Please check if the URL trying to access is a correct one"
        assert api.error(wrong) == (404, "INVALID_URL_PATTERN", message, {})

    def test_query_is_ignored(self, api: Api) -> None:
        assert api.details(path() + "?type=user_emails&") == api.details(path())


class TestToken:
    @pytest.mark.parametrize("scheme", ["Zoho-oauthtoken", "zoho-oauthtoken", "Bearer", "BEARER"])
    def test_both_schemes(self, api: Api, scheme: str) -> None:
        assert api.get(path(), Authorization=f"{scheme} {api.team.token('Bob')}").status_code == 200

    @pytest.mark.parametrize("header", ["", "Basic Ym9iOnNlY3JldA==", "Bearer", "Bearer ", "Zoho-oauthtoken", "token"])
    def test_no_token(self, api: Api, header: str) -> None:
        expected = (401, "AUTHENTICATION_FAILURE", "Authentication failed", {})
        assert api.error(path(), Authorization=header) == expected

    @pytest.mark.parametrize("token", ["unknown", "\xff\xfe", "a b", "'; DROP TABLE tokens; --", "x" * 5000])
    def test_unknown(self, api: Api, token: str) -> None:
        assert api.error(path(), Authorization=f"Bearer {token}") == INVALID_TOKEN

    def test_bare_token_is_another_scheme(self, api: Api) -> None:
        assert api.error(path(), Authorization=api.team.token("Bob"))[1] == "AUTHENTICATION_FAILURE"

    def test_expired(self, api: Api) -> None:
        expired = create_token(api.team.database, email_of("Bob"), ALL_SCOPES, now=NOW - 60, expires_in=60)
        assert api.error(path(), token=expired) == INVALID_TOKEN

    def test_revoked(self, api: Api) -> None:
        token = api.team.token("Bob")
        assert api.get(path(), token=token).status_code == 200
        revoke_token(api.team.database, token, now=NOW)
        assert api.error(path(), token=token) == INVALID_TOKEN

    def test_of_a_user_who_is_disabled(self, api: Api) -> None:
        api.team.make(SetUserStatus(email_of("Bob"), UserStatus.INACTIVE))
        assert api.error(path()) == INVALID_TOKEN
        api.team.make(SetUserStatus(email_of("Bob"), UserStatus.ACTIVE))
        assert api.get(path()).status_code == 200

    def test_of_a_user_who_was_deleted(self, api: Api) -> None:
        api.team.make(SetUserStatus(email_of("Bob"), UserStatus.DELETED))
        assert api.error(path()) == INVALID_TOKEN
        with pytest.raises(NotAllowed, match="deleted, which is final"):
            api.team.make(SetUserStatus(email_of("Bob"), UserStatus.ACTIVE))

    def test_says_nothing_of_modules_or_records(self, api: Api) -> None:
        assert api.error(path("Nonsense"), token="unknown") == INVALID_TOKEN
        assert api.error(path(record="abc"), token="unknown") == INVALID_TOKEN


class TestScopes:
    """(ZohoCRM.modules.READ or ZohoCRM.modules.{module}.READ) and ZohoCRM.modules.emails.READ."""

    @pytest.mark.parametrize(
        "scopes",
        [
            "ZohoCRM.modules.ALL",
            "ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ",
            "ZohoCRM.modules.leads.READ,ZohoCRM.modules.emails.READ",
            "ZohoCRM.modules.Leads.ALL,ZohoCRM.modules.emails.ALL",
            "ZohoCRM.users.READ,ZohoCRM.modules.emails.READ,ZohoCRM.modules.leads.READ",
        ],
    )
    def test_enough(self, api: Api, scopes: str) -> None:
        assert api.get(path(), token=api.team.token("Bob", scopes)).status_code == 200

    @pytest.mark.parametrize(
        "scopes",
        [
            "ZohoCRM.modules.READ",
            "ZohoCRM.modules.emails.READ",
            "ZohoCRM.modules.leads.READ",
            "ZohoCRM.modules.leads.ALL",
            "ZohoCRM.modules.contacts.READ,ZohoCRM.modules.emails.READ",
            "ZohoCRM.modules.leads.CREATE,ZohoCRM.modules.emails.READ",
            "ZohoCRM.modules.leads.READ,ZohoCRM.modules.emails.CREATE",
            "ZohoCRM.settings.ALL",
        ],
    )
    def test_short(self, api: Api, scopes: str) -> None:
        assert api.error(path(), token=api.team.token("Bob", scopes)) == SCOPE_MISMATCH

    def test_modules_with_an_underscore_are_written_without_it(self, api: Api) -> None:
        order = api.team.record("Sales_Orders", "Bob")
        token = api.team.token("Bob", "ZohoCRM.modules.salesorders.READ,ZohoCRM.modules.emails.READ")
        assert api.get(path("Sales_Orders", order), token=token).status_code == 200
        assert api.error(path(), token=token) == SCOPE_MISMATCH

    @pytest.mark.parametrize("name", ["custom", "projects"])
    def test_custom_modules(self, api: Api, name: str) -> None:
        add_module(api.team.database, "Projects")
        project = api.team.record("Projects", "Bob")
        token = api.team.token("Bob", f"ZohoCRM.modules.{name}.READ,ZohoCRM.modules.emails.READ")
        assert api.get(path("Projects", project), token=token).status_code == 200
        assert api.error(path(), token=token) == SCOPE_MISMATCH

    def test_short_scopes_learn_nothing_of_records(self, api: Api) -> None:
        token = api.team.token("Bob", "ZohoCRM.modules.READ")
        assert api.error(path(record=LEAD + 1), token=token) == SCOPE_MISMATCH


class TestUnforeseen:
    @pytest.fixture
    def log(self) -> Iterator[list[dict[str, object]]]:
        with structlog.testing.capture_logs() as entries:
            yield entries

    def test_the_caller_learns_nothing_and_the_log_everything(self, api: Api, log: list[dict[str, object]]) -> None:
        _lose_the_tables(api.team)
        result = api.get(path(), token="any")
        assert (result.status_code, result.json["code"]) == (500, "INTERNAL_ERROR")
        assert result.json["message"] == "Internal Server Error"
        assert "organisation" not in result.text
        error = next(entry for entry in log if entry["event"] == "internal error")
        assert error["request_id"] == result.headers["x-request-id"]
        assert error["exc_info"]

    def test_every_request_has_a_line_with_its_id(self, api: Api, log: list[dict[str, object]]) -> None:
        ids = [api.get(wanted).headers["x-request-id"] for wanted in (path(), path(record="abc"), "/nothing")]
        lines = [entry for entry in log if entry["event"] == "request"]
        assert [line["request_id"] for line in lines] == ids
        assert [line["status"] for line in lines] == [200, 400, 404]
        assert len(set(ids)) == 3

    def test_no_token_is_ever_logged(self, api: Api, log: list[dict[str, object]]) -> None:
        api.get(path())
        api.get(path(), Authorization="Bearer not-a-token")
        assert api.team.token("Bob") not in str(log)
        assert "not-a-token" not in str(log)


def _lose_the_tables(team: Team) -> None:
    with team.database.write() as connection:
        connection.execute(text("ALTER TABLE organisation RENAME TO lost"))
