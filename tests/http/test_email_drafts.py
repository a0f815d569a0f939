"""Drafts: Alice writes them on her lead; Bob, who sees it, Root, who administers, and Charlie see none of them."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from postroom.actions import email_drafts
from postroom.actions.outbox import send_due
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.mail.server import Security
from postroom.storage.schema import uploaded_files
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, BOB, CUSTOMER, LEAD, ROOT, OwnApi
from tests.servers.smtp import PASSWORD, running_smtp
from tests.team import NOW

LEAD_ID = LEAD.partition("/")[2]
PATH = f"/Leads/{LEAD_ID}/__email_drafts"
INVALID_RECORD = (400, "INVALID_DATA", {"resource_path_index": 1})
INVALID_DRAFT = (400, "INVALID_DATA", {"resource_path_index": 3})
DAY = 24 * 3600


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    return CrmApi(own_api.team)


@pytest.fixture(scope="class")
def shared_crm(unchanged_api: OwnApi) -> CrmApi:
    return CrmApi(unchanged_api.team)


def draft(**changed: object) -> dict[str, Any]:
    return {"from": ALICE, "rich_text": True} | changed


def body(*drafts: dict[str, Any]) -> dict[str, Any]:
    return {"__email_drafts": list(drafts)}


def results(crm: CrmApi, method: str, *drafts: dict[str, Any], status: int, path: str = PATH) -> list[Any]:
    return list(crm.do("Alice", method, path, body(*drafts), status)["__email_drafts"])


def create(crm: CrmApi, **changed: object) -> str:
    (result,) = results(crm, "POST", draft(**changed), status=201)
    assert (result["code"], result["message"]) == ("SUCCESS", "Draft created Successfully")
    return str(result["details"]["id"])


def read(crm: CrmApi, draft_id: str) -> dict[str, Any]:
    (found,) = crm.get("Alice", f"{PATH}/{draft_id}")["__email_drafts"]
    return dict(found)


def upload(crm: CrmApi, who: str = "Alice", content: str = "Hello") -> str:
    part = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n{content}\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return str(crm.ask(who, "POST", "/files", raw=part.encode(), headers=headers).json["data"][0]["details"]["id"])


class TestWriting:
    def test_what_is_written_is_read(self, crm: CrmApi) -> None:
        deal = crm.team.record("Deals", "Alice")
        file = upload(crm)
        given = {
            "to": [{"email": CUSTOMER, "user_name": "Ms Böyle"}],
            "cc": [{"email": "c@customer.example"}],
            "bcc": [{"email": "b@customer.example", "user_name": None}],
            "reply_to": "office@team.example",
            "subject": "Angebot",
            "content": "<p>Sehr <b>geehrte</b></p><p>Frau Böyle</p>",
            "schedule_details": {"time": "2030-01-01T10:00:00+02:00", "timezone": "Europe/Vienna", "source": "upTime"},
            "source": "campaign",
            "linked_record": {"id": str(deal), "module": {"api_name": "Deals"}},
            "attachments": [{"id": file, "file_name": "a.txt", "file_size": "5", "service_name": "ZFSAttached"}],
            "inventory_details": None,
        }
        draft_id = create(crm, **given)
        found = read(crm, draft_id)
        assert found.pop("created_time") == found.pop("modified_time")
        assert found == {
            **given,
            "id": draft_id,
            "from": ALICE,
            "rich_text": True,
            "cc": [{"email": "c@customer.example", "user_name": None}],
            "summary": "Sehr geehrte Frau Böyle",
            "schedule_details": {"time": "2030-01-01T08:00:00+00:00", "timezone": "Europe/Vienna"},
            "owner": {"id": str(crm.team.actor("Alice").user_id), "name": "Alice"},
            "$sharing_permission": "full_access",
        }

    def test_a_draft_may_be_all_but_empty(self, crm: CrmApi) -> None:
        found = read(crm, create(crm, rich_text=False))
        empty = {name for name, value in found.items() if value is None}
        assert empty == {
            *("to", "cc", "bcc", "reply_to", "subject", "content", "summary", "schedule_details", "source"),
            *("inventory_details", "attachments", "linked_record"),
        }

    def test_plain_text_has_a_member_of_its_own(self, crm: CrmApi) -> None:
        found = read(crm, create(crm, rich_text=False, plainTextContent="a < b\n\nc"))
        assert (found["content"], found["summary"], found["rich_text"]) == ("a < b\n\nc", "a < b c", False)

    def test_what_is_not_named_stays_and_what_is_null_goes(self, crm: CrmApi) -> None:
        file = upload(crm)
        to = [{"email": CUSTOMER, "user_name": None}]
        draft_id = create(crm, to=to, cc=to, subject="One", content="x", source="s", attachments=[{"id": file}])
        (result,) = results(crm, "PUT", draft(id=draft_id, subject="Two", cc=[], source=None), status=200)
        assert result["message"] == "Draft updated Successfully"
        found = read(crm, draft_id)
        assert (found["to"], found["cc"], found["subject"], found["source"]) == (to, None, "Two", None)
        assert [each["id"] for each in found["attachments"]] == [file]
        (result,) = results(crm, "PUT", draft(attachments=None), status=200, path=f"{PATH}/{draft_id}")
        assert result["details"]["id"] == draft_id
        assert read(crm, draft_id)["attachments"] is None

    def test_what_is_deleted_is_gone(self, crm: CrmApi) -> None:
        draft_id, other = create(crm), create(crm)
        (result,) = crm.do("Alice", "DELETE", f"{PATH}/{draft_id}")["__email_drafts"]
        assert (result["message"], result["details"]) == ("Draft deleted Successfully", {"id": draft_id})
        for method, sent in (("GET", None), ("DELETE", None)):
            assert crm.refused("Alice", method, f"{PATH}/{draft_id}", sent) == INVALID_DRAFT
        assert [each["id"] for each in crm.get("Alice", PATH)["__email_drafts"]] == [other]
        crm.do("Alice", "DELETE", f"{PATH}/{other}")
        assert crm.get("Alice", PATH) is None

    def test_each_draft_stands_for_itself(self, crm: CrmApi) -> None:
        first, second, third = results(crm, "POST", draft(), {"rich_text": True}, draft(subject="Three"), status=207)
        assert (first["code"], third["code"]) == ("SUCCESS", "SUCCESS")
        assert (second["code"], second["details"]) == (
            "MANDATORY_NOT_FOUND",
            {"api_name": "from", "json_path": "$.__email_drafts[1].from"},
        )
        assert len(crm.get("Alice", PATH)["__email_drafts"]) == 2

    def test_nobody_has_too_many(self, crm: CrmApi, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(email_drafts, "MOST_DRAFTS", 1)
        first, second = results(crm, "POST", draft(), draft(), status=207)
        assert (first["code"], second["code"]) == ("SUCCESS", "NO_PERMISSION")


class TestPrivate:
    """In every case: whatever the settings say, and whoever sees the record."""

    def test_nobody_else_sees_or_touches_a_draft(self, crm: CrmApi) -> None:
        crm.team.permission("Alice", "public")
        draft_id = create(crm, subject="Secret", to=[{"email": CUSTOMER}])
        for who, address in (("Bob", BOB), ("Root", ROOT)):
            assert crm.get(who, PATH) is None
            changed = body(draft(**{"from": address}))
            for method, sent in (("GET", None), ("PUT", changed), ("DELETE", None)):
                assert crm.refused(who, method, f"{PATH}/{draft_id}", sent) == INVALID_DRAFT
                assert crm.refused(who, method, f"{PATH}/{'0' * 64}", sent) == INVALID_DRAFT
            answers = [
                crm.do(who, "PUT", PATH, body(draft(**{"from": address}, id=each)), 400) for each in (draft_id, "0")
            ]
            assert answers[0] == answers[1]
        assert read(crm, draft_id)["subject"] == "Secret"

    def test_a_stranger_is_told_of_no_record(self, crm: CrmApi) -> None:
        draft_id = create(crm)
        for method, path, sent in (
            ("GET", PATH, None),
            ("POST", PATH, body(draft())),
            ("PUT", PATH, body(draft(id=draft_id))),
            ("GET", f"{PATH}/{draft_id}", None),
            ("PUT", f"{PATH}/{draft_id}", body(draft())),
            ("DELETE", f"{PATH}/{draft_id}", None),
        ):
            found = crm.ask("Charlie", method, path, sent)
            away = crm.ask("Charlie", method, path.replace(LEAD_ID, "4000000000000000001"), sent)
            assert found.json == away.json
            assert found.status_code == 400
            assert "resource_path_index" in json.dumps(found.json)

    def test_a_draft_is_on_its_record_alone(self, crm: CrmApi) -> None:
        draft_id = create(crm)
        other = crm.team.record("Leads", "Alice", "other@customer.example")
        assert crm.refused("Alice", "GET", f"/Leads/{other}/__email_drafts/{draft_id}") == INVALID_DRAFT
        assert crm.refused("Alice", "GET", f"/Contacts/{LEAD_ID}/__email_drafts/{draft_id}") == INVALID_RECORD

    def test_whoever_no_longer_sees_the_record_sees_no_draft_on_it(self, crm: CrmApi) -> None:
        (result,) = crm.do("Bob", "POST", PATH, body(draft(**{"from": BOB})), 201)["__email_drafts"]
        path = f"{PATH}/{result['details']['id']}"
        assert crm.get("Bob", path)["__email_drafts"][0]["from"] == BOB
        crm.do("Root", "DELETE", f"/Leads/{LEAD_ID}")
        assert crm.refused("Bob", "GET", path) == INVALID_RECORD
        assert crm.refused("Bob", "GET", PATH) == INVALID_RECORD

    def test_a_draft_is_no_e_mail_yet(self, crm: CrmApi) -> None:
        before = crm.get("Bob", f"/Leads/{LEAD_ID}/__emails_sharing_details")
        create(crm, to=[{"email": CUSTOMER}], schedule_details={"time": "2020-01-01T00:00:00Z"})
        assert crm.get("Bob", f"/Leads/{LEAD_ID}/__emails_sharing_details") == before
        assert send_due(crm.team.database, crm.team.box, NOW + DAY) == []


class TestListing:
    def test_comes_in_pages_in_the_order_that_is_asked_for(self, crm: CrmApi) -> None:
        ids = [create(crm, subject=str(number)) for number in range(3)]
        newest_first = crm.get("Alice", f"{PATH}?sort_by=modified_time&sort_order=desc")["__email_drafts"]
        oldest_first = crm.get("Alice", PATH)["__email_drafts"]
        assert {each["id"] for each in oldest_first} == set(ids)
        assert [each["id"] for each in newest_first] == [each["id"] for each in reversed(oldest_first)]
        page = crm.get("Alice", f"{PATH}?page=2&per_page=2&")
        assert page["info"] == {"page": 2, "per_page": 2, "count": 1, "more_records": False}
        assert page["__email_drafts"] == oldest_first[2:]
        assert crm.get("Alice", f"{PATH}?page=1&per_page=2")["info"]["more_records"] is True
        assert crm.get("Alice", f"{PATH}?page=3&per_page=2") is None

    def test_nobody_waits_for_a_page_that_is_far_away(self, crm: CrmApi) -> None:
        assert crm.get("Alice", f"{PATH}?page=9223372036854775807") is None

    @pytest.mark.parametrize("query", ["sort_by=subject", "sort_order=up", "page=0", "per_page=201", "colour=red"])
    def test_a_parameter_that_is_wrong_is_named(self, crm: CrmApi, query: str) -> None:
        named = {"param_name": query.partition("=")[0]}
        assert crm.refused("Alice", "GET", f"{PATH}?{query}") == (400, "INVALID_DATA", named)


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("changed", "code", "path"),
        [
            ({"from": "bob@team.example"}, "INVALID_DATA", "from"),
            ({"from": "nobody"}, "INVALID_DATA", "from"),
            ({"from": {"email": ALICE}}, "INVALID_DATA", "from"),
            ({"rich_text": "yes"}, "INVALID_DATA", "rich_text"),
            ({"id": "0" * 64}, "INVALID_DATA", "id"),
            ({"to": [{}]}, "MANDATORY_NOT_FOUND", "to[0].email"),
            ({"to": [{"email": CUSTOMER}, {"email": "x"}]}, "INVALID_DATA", "to[1].email"),
            ({"cc": [{"email": f"a@x.example{chr(10)}b"}]}, "INVALID_DATA", "cc[0].email"),
            ({"bcc": [{"email": CUSTOMER, "user_name": "a\r\nb"}]}, "INVALID_DATA", "bcc[0].user_name"),
            ({"bcc": [{"email": CUSTOMER}] * 51}, "INVALID_DATA", "bcc"),
            ({"reply_to": "x"}, "INVALID_DATA", "reply_to"),
            ({"subject": "a\nb"}, "INVALID_DATA", "subject"),
            ({"subject": "a" * 1001}, "INVALID_DATA", "subject"),
            ({"content": "a\0"}, "INVALID_DATA", "content"),
            ({"plainTextContent": "a"}, "INVALID_DATA", "plainTextContent"),
            ({"rich_text": False, "content": "a", "plainTextContent": "a"}, "INVALID_DATA", "plainTextContent"),
            ({"schedule_details": {}}, "MANDATORY_NOT_FOUND", "schedule_details.time"),
            ({"schedule_details": {"time": "soon"}}, "INVALID_DATA", "schedule_details.time"),
            ({"schedule_details": {"time": "2030-01-01T00:00:00"}}, "INVALID_DATA", "schedule_details.time"),
            ({"source": "a\tb"}, "INVALID_DATA", "source"),
            ({"linked_record": {"id": LEAD_ID}}, "INVALID_DATA", "linked_record.id"),
            ({"linked_record": {"id": "1", "module": {"api_name": "Leads"}}}, "INVALID_DATA", None),
            ({"attachments": [{}]}, "MANDATORY_NOT_FOUND", "attachments[0].id"),
            ({"attachments": [{"id": "0" * 64}]}, "INVALID_DATA", "attachments[0].id"),
            ({"inventory_details": {"paper_type": "A4"}}, "NOT_SUPPORTED", "inventory_details"),
            ({"colour": "red"}, "INVALID_DATA", "colour"),
        ],
    )
    def test_names_the_field(self, shared_crm: CrmApi, changed: Any, code: str, path: str | None) -> None:
        _, error = results(shared_crm, "POST", draft(), draft(**changed), status=207)
        assert error["code"] == code
        if path is not None:
            assert error["details"]["json_path"] == f"$.__email_drafts[1].{path}"

    @pytest.mark.parametrize(
        ("sent", "path"),
        [
            ({}, "$.__email_drafts"),
            ({"__email_drafts": []}, "$.__email_drafts"),
            ({"__email_drafts": [{}] * 101}, "$.__email_drafts"),
            ({"__email_drafts": {}}, "$.__email_drafts"),
            ({"__email_drafts": [draft()], "data": []}, "$.data"),
        ],
    )
    def test_names_what_is_no_list_of_drafts(self, shared_crm: CrmApi, sent: object, path: str) -> None:
        for method in ("POST", "PUT"):
            answer = shared_crm.ask("Alice", method, PATH, sent)
            assert answer.status_code == 400
            assert answer.json["details"]["api_name"] == path.removeprefix("$.")

    def test_no_draft_but_an_object(self, shared_crm: CrmApi) -> None:
        for wrong in ("x", 5, None, [], {"from": ALICE, "rich_text": True, "to": "x"}):
            (error,) = shared_crm.do("Alice", "POST", PATH, {"__email_drafts": [wrong]}, 400)["__email_drafts"]
            assert error["code"] == "INVALID_DATA"

    def test_one_draft_and_no_other_is_changed_by_its_path(self, shared_crm: CrmApi) -> None:
        draft_id, other = create(shared_crm), create(shared_crm)
        (error,) = results(shared_crm, "PUT", draft(id=other), status=400, path=f"{PATH}/{draft_id}")
        assert error["details"]["json_path"] == "$.__email_drafts[0].id"
        assert shared_crm.ask("Alice", "PUT", f"{PATH}/{draft_id}", body(draft(), draft())).status_code == 400
        (error,) = results(shared_crm, "PUT", draft(), status=400)
        assert (error["code"], error["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "id")


class TestFiles:
    def test_stay_as_long_as_the_draft_and_are_sent_from_it(self, crm: CrmApi) -> None:
        """A file of its own expires after a day; that of a draft can still be sent."""
        kept, alone = upload(crm), upload(crm)
        draft_id = create(crm, attachments=[{"id": kept}], to=[{"email": CUSTOMER}], content="Hello")
        with crm.team.database.write() as connection:
            connection.execute(update(uploaded_files).values(expires_at=NOW - DAY))
        with running_smtp() as smtp:
            server = NewSmtpServer("127.0.0.1", smtp.port, Security.NONE, "submitter", PASSWORD)
            set_mailbox_smtp(crm.team.database, crm.team.box, ALICE, server)
            send_due(crm.team.database, crm.team.box, NOW)
            found = read(crm, draft_id)
            mail = {"from": {"email": found["from"]}, "to": found["to"], "content": found["content"]}
            mail["attachments"] = [{"id": each["id"]} for each in found["attachments"]]
            crm.do("Alice", "POST", f"/Leads/{LEAD_ID}/actions/send_mail", {"data": [mail]})
        assert b'filename="a.txt"' in bytes(smtp.script.received[0].content or b"")
        (error,) = results(crm, "POST", draft(attachments=[{"id": alone}]), status=400)
        assert error["details"]["json_path"] == "$.__email_drafts[0].attachments[0].id"
        crm.do("Alice", "DELETE", f"{PATH}/{draft_id}")
        (error,) = results(crm, "POST", draft(attachments=[{"id": kept}]), status=400)
        assert error["details"]["json_path"] == "$.__email_drafts[0].attachments[0].id"

    def test_are_the_authors_own_and_attached_once(self, crm: CrmApi) -> None:
        (error,) = results(crm, "POST", draft(attachments=[{"id": upload(crm, "Bob")}]), status=400)
        assert error["details"]["json_path"] == "$.__email_drafts[0].attachments[0].id"
        file = upload(crm)
        (error,) = results(crm, "POST", draft(attachments=[{"id": file}, {"id": file}]), status=400)
        assert error["details"]["json_path"] == "$.__email_drafts[0].attachments"
