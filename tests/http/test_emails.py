"""The e-mails of a record: Alice owns a lead and mail on it, Bob sees the lead, Charlie neither."""

import base64
import io
import json
import zipfile
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from postroom.actions.aliases import add_aliases
from postroom.actions.change_sharing import ShareRecord
from postroom.actions.tokens import create_token
from postroom.actions.withhold import WithholdEmail, email_id, list_own_emails
from postroom.core.details import VIEWS
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, CHARLIE, CUSTOMER, LEAD, OwnApi
from tests.team import ALL_SCOPES, NOW, OPERATOR, email_of, message

LEAD_ID = int(LEAD.partition("/")[2])
PATH = f"/Leads/{LEAD_ID}/Emails"
NO_EMAIL = (400, "INVALID_DATA", {"resource_path_index": 3})
LETTER = f"""\
From: Customer <{CUSTOMER}>
To: {ALICE}
Reply-To: The desk <desk@customer.example>
Subject: Drawing
Date: Tue, 03 Nov 2026 10:00:00 +0000
Message-ID: <drawing@customer.example>
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

See the *drawing*
--a
Content-Type: text/html

<p onclick=x>See the <b>drawing</b></p><script>x</script>
--a--
--m
Content-Type: image/svg+xml; name=drawing.svg
Content-Disposition: attachment

<svg/>
--m--
""".replace("\n", "\r\n").encode()
SUBJECT = '{"comparator":"equal","field":{"api_name":"subject"},"value":"VALUE"}'


@pytest.fixture
def crm(own_api: OwnApi) -> CrmApi:
    own_api.team.permission("Alice", "public")
    return CrmApi(own_api.team)


@pytest.fixture(scope="class")
def unchanged(unchanged_api: OwnApi) -> CrmApi:
    """Give the same to all tests of a class, which change nothing."""
    unchanged_api.team.permission("Alice", "public")
    return CrmApi(unchanged_api.team)


@pytest.fixture(scope="class")
def busy(unchanged: CrmApi) -> CrmApi:
    """Let Paula have a POP mailbox, and Alice and Bob send from the CRM."""
    team = unchanged.team
    team.user("Paula", mailbox="pop")
    team.permission("Paula", "public")
    team.mail("Paula", CUSTOMER)
    team.crm_mail("Alice", CUSTOMER)
    team.crm_mail("Bob", "x@elsewhere.example", by_hand_on=LEAD_ID)
    return unchanged


def emails(crm: CrmApi, who: str, path: str = PATH, **query: object) -> list[dict[str, Any]]:
    """Give a page, which is empty where there is no content."""
    answer = crm.get(who, f"{path}?{urlencode(query)}")
    return [] if answer is None else answer["Emails"]


def all_pages(crm: CrmApi, who: str, path: str = PATH, **query: object) -> list[list[str]]:
    """Give the ids of the e-mails of every page."""
    pages, index = [], "0"
    while index is not None:
        answer = crm.get(who, f"{path}?{urlencode({**query, 'index': index})}")
        pages.append([email["message_id"] for email in answer["Emails"]])
        index = answer["info"]["next_index"]
    return pages


class TestList:
    def test_shows_what_the_copy_says(self, crm: CrmApi) -> None:
        alice = crm.team.actor("Alice").user_id
        (email,) = emails(crm, "Bob")
        (own,) = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)
        assert email == {
            "message_id": own.email_key.hex(),
            "subject": "Offer",
            "from": {"user_name": ALICE, "email": ALICE},
            "to": [{"user_name": CUSTOMER, "email": CUSTOMER}],
            "cc": [],
            "time": "2026-11-02T10:00:00+00:00",
            "sent": True,
            "read": None,
            "owner": {"id": str(alice), "name": "Alice", "email": ALICE},
            "source": "imap",
            "linked_record": None,
            "status": [{"type": "sent", "bounced_time": None, "bounced_reason": None}],
            "summary": "Hello",
            "has_attachment": False,
            "has_thread_attachment": False,
            "thread_id": email["thread_id"],
            "automated": False,
            "only_headers": False,
            "activity_info": None,
            "emotion": None,
            "intent": None,
            "sentiment_info": None,
        }

    def test_marks_what_a_program_sent_and_of_what_nothing_but_the_headers_was_read(self, crm: CrmApi) -> None:
        raw = message(CUSTOMER, [ALICE], "<news@customer.example>").replace(b"Subject:", b"List-Id: x\r\nSubject:")
        crm.team.raw_mail("Alice", raw, truncated=True)
        for who in ("Alice", "Bob"):
            marks = {each["sent"]: (each["automated"], each["only_headers"]) for each in emails(crm, who)}
            assert marks == {True: (False, False), False: (True, True)}
            (found,) = [each for each in emails(crm, who) if each["automated"]]
            (whole,) = emails(crm, who, f"{PATH}/{found['message_id']}")
            assert (whole["automated"], whole["only_headers"]) == (True, True)

    def test_a_conversation_is_one_for_whoever_sees_it(self, crm: CrmApi) -> None:
        crm.team.letter("Alice", CUSTOMER, ALICE, message_id="<first@customer.example>")
        crm.team.raw_mail("Alice", _answer("<first@customer.example>"))
        ids = [email["thread_id"] for email in emails(crm, "Bob")]
        assert len(ids) == 3
        assert len(set(ids)) == 2
        assert all(each.isdigit() and int(each) < 2**63 for each in ids)

    def test_tells_the_owner_alone_who_got_it_in_secret(self, crm: CrmApi) -> None:
        assert emails(crm, "Alice")[0]["bcc"] == []
        assert "bcc" not in emails(crm, "Bob")[0]

    def test_an_email_in_several_mailboxes_is_given_once_from_the_own_copy(self, crm: CrmApi) -> None:
        for name in ("Alice", "Bob"):
            crm.team.permission(name, "public")
        crm.team.make(ShareRecord(LEAD, user=CHARLIE))
        for name in ("Alice", "Bob"):
            crm.team.letter(name, CUSTOMER, email_of("Bob"), message_id="<both@customer.example>")
        for who, owner in (("Alice", "Alice"), ("Bob", "Bob"), ("Charlie", "Alice")):
            found = [email for email in emails(crm, who) if not email["sent"]]
            assert [email["owner"]["name"] for email in found] == [owner]
        bob = crm.team.actor("Bob").user_id
        (email,) = emails(crm, "Charlie", type="user_emails", owner_id=bob)
        assert email["owner"]["name"] == "Bob"

    def test_a_copy_that_is_withheld_is_passed_over(self, crm: CrmApi) -> None:
        (own,) = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)
        crm.team.mail("Alice", CUSTOMER)
        crm.team.make(WithholdEmail(ALICE, email_id(own.email_key)))
        assert len(emails(crm, "Alice")) == 2
        assert [email["message_id"] for email in emails(crm, "Bob")] != [own.email_key.hex()]
        assert len(emails(crm, "Bob")) == 1

    def test_mail_from_a_further_address_of_the_owner_was_sent(self, crm: CrmApi) -> None:
        crm.team.letter("Alice", "sales@team.example", CUSTOMER)
        assert [email["sent"] for email in emails(crm, "Bob") if email["from"]["email"] == "sales@team.example"] == [
            False
        ]
        add_aliases(crm.team.database, ALICE, ["sales@team.example"], by=OPERATOR, now=NOW)
        assert [email["sent"] for email in emails(crm, "Bob")] == [True, True]

    def test_an_address_that_cannot_be_read_is_not_made_up(self, crm: CrmApi) -> None:
        crm.team.letter("Alice", '"odd one"@customer.example', CUSTOMER)
        (email,) = [each for each in emails(crm, "Bob") if not each["sent"]]
        assert email["from"] == {"user_name": None, "email": None}

    def test_the_deal_is_named_where_the_copy_is_seen_there(self, crm: CrmApi) -> None:
        team = crm.team
        contact = team.record("Contacts", "Alice", "contact@c.example")
        deal = team.record("Deals", "Alice")
        team.permission("Alice", "custom")
        team.share("Alice", f"Contacts/{contact}")
        team.mail("Alice", "contact@c.example", by_hand_on=deal)
        team.make(ShareRecord(f"Contacts/{contact}", user=CHARLIE))
        path = f"/Contacts/{contact}/Emails"
        linked = emails(crm, "Alice", path)[0]["linked_record"]
        assert linked["module"]["api_name"] == "Deals"
        assert (linked["id"], linked["name"]) == (str(deal), f"Deals {deal}")
        assert [emails(crm, who, path)[0]["linked_record"] for who in ("Bob", "Charlie")] == [None, None]
        team.permission("Alice", "public")
        assert [emails(crm, who, path)[0]["linked_record"] for who in ("Bob", "Charlie")] == [linked, None]


def _answer(to: str) -> bytes:
    lines = (f"From: {ALICE}", f"To: {CUSTOMER}", "Message-ID: <second@team.example>", f"References: {to}", "", "Yes")
    return "\r\n".join(lines).encode()


class TestTypes:
    @pytest.mark.parametrize(
        ("view", "expected"),
        [
            (None, ["crm", "crm", "imap", "pop"]),
            ("all_emails", ["crm", "crm", "imap", "pop"]),
            ("emails_sent_from_crm", ["crm", "crm"]),
            ("sent_from_crm", ["crm", "crm"]),
            ("all_contacts_emails", ["crm", "imap", "pop"]),
            ("all_contacts_sent_crm_emails", ["crm"]),
            ("all_imap_shared_users", ["imap"]),
            ("user_emails", []),
        ],
    )
    def test_each_holds_what_it_says(self, busy: CrmApi, view: str | None, expected: list[str]) -> None:
        found = emails(busy, "Bob", **({} if view is None else {"type": view}))
        assert sorted(email["source"].replace("individual", "crm") for email in found) == expected

    def test_user_emails_are_the_callers_own_or_those_of_an_owner(self, busy: CrmApi) -> None:
        alice = busy.team.actor("Alice").user_id
        assert [each["source"] for each in emails(busy, "Alice", type="user_emails")] == ["imap"]
        assert [each["source"] for each in emails(busy, "Bob", type="user_emails", owner_id=alice)] == ["imap"]
        assert emails(busy, "Bob", type="user_emails", owner_id=4000000000000000001) == []

    def test_an_owner_narrows_every_type(self, busy: CrmApi) -> None:
        alice = busy.team.actor("Alice").user_id
        assert {each["owner"]["name"] for each in emails(busy, "Bob", owner_id=alice)} == {"Alice"}
        assert len(emails(busy, "Bob", type="sent_from_crm", owner_id=alice)) == 1

    def test_the_two_agree(self, busy: CrmApi) -> None:
        details = busy.get("Bob", f"/Leads/{LEAD_ID}/__emails_sharing_details")["__emails_sharing_details"]
        assert details["available_types"] == [
            view for view in VIEWS if view in details["available_types"] and emails(busy, "Bob", type=view)
        ]
        for user in details["share_from_users"]:
            assert emails(busy, "Bob", type="user_emails", owner_id=user["id"])

    def test_a_subject_filters(self, busy: CrmApi) -> None:
        for value, count in (("Offer", 4), ("offer", 0), ("' OR 1=1 --", 0)):
            criterion = {"comparator": "equal", "field": {"api_name": "subject"}, "value": value}
            assert len(emails(busy, "Bob", filter=json.dumps(criterion))) == count


class TestPages:
    @pytest.fixture
    def long(self, crm: CrmApi) -> CrmApi:
        """Let a list have three pages; all but the last e-mails were sent in the same second."""
        for _ in range(24):
            crm.team.mail("Alice", CUSTOMER)
        return crm

    def test_each_email_is_on_one_page(self, long: CrmApi) -> None:
        pages = all_pages(long, "Bob")
        assert [len(page) for page in pages] == [10, 10, 5]
        assert len({each for page in pages for each in page}) == 25

    def test_info_says_where_a_page_stands(self, long: CrmApi) -> None:
        first = long.get("Bob", PATH)
        info = first["info"]
        assert info == {
            "per_page": 10, "count": 10, "next_index": info["next_index"], "prev_index": "0", "more_records": True
        }  # fmt: skip
        second = long.get("Bob", f"{PATH}?index={info['next_index']}")
        third = long.get("Bob", f"{PATH}?index={second['info']['next_index']}")
        assert (third["info"]["count"], third["info"]["next_index"], third["info"]["more_records"]) == (5, None, False)
        back = long.get("Bob", f"{PATH}?index={third['info']['prev_index']}")
        assert back["Emails"] == second["Emails"]
        assert long.get("Bob", f"{PATH}?index={back['info']['prev_index']}")["Emails"] == first["Emails"]

    def test_mail_that_arrives_moves_and_doubles_nothing(self, long: CrmApi) -> None:
        expected = all_pages(long, "Bob")
        first = long.get("Bob", PATH)
        long.team.letter("Alice", CUSTOMER, ALICE, date="Tue, 03 Nov 2026 10:00:00 +0000")
        long.team.letter("Alice", CUSTOMER, ALICE, date="Sun, 01 Nov 2026 10:00:00 +0000")
        second = long.get("Bob", f"{PATH}?index={first['info']['next_index']}")
        assert [email["message_id"] for email in second["Emails"]] == expected[1]
        third = long.get("Bob", f"{PATH}?index={second['info']['next_index']}")
        assert [email["message_id"] for email in third["Emails"]][:5] == expected[2]
        assert third["info"]["count"] == 6
        back = long.get("Bob", f"{PATH}?index={second['info']['prev_index']}")
        assert [email["message_id"] for email in back["Emails"]] == expected[0]
        newest = long.get("Bob", f"{PATH}?index={back['info']['prev_index']}")
        assert (newest["info"]["count"], newest["info"]["prev_index"]) == (1, "0")
        assert newest["Emails"][0]["time"] == "2026-11-03T10:00:00+00:00"

    def test_what_says_no_time_comes_last(self, long: CrmApi) -> None:
        long.team.letter("Alice", CUSTOMER, ALICE, date="never")
        (last, *_) = reversed(long.get("Bob", f"{PATH}?index={self.last_index(long)}")["Emails"])
        assert last["time"] is None

    def last_index(self, crm: CrmApi) -> str:
        second = crm.get("Bob", f"{PATH}?index={crm.get('Bob', PATH)['info']['next_index']}")
        return str(second["info"]["next_index"])

    def test_an_index_is_good_for_its_caller_record_and_parameters_alone(self, long: CrmApi) -> None:
        other = long.team.record("Leads", "Alice", CUSTOMER)
        index = long.get("Bob", PATH)["info"]["next_index"]
        alice = long.team.actor("Alice").user_id
        criterion = json.dumps({"comparator": "equal", "field": {"api_name": "subject"}, "value": "Offer"})
        refused = (400, "INVALID_DATA", {"param_name": "index"})
        assert long.refused("Alice", "GET", f"{PATH}?index={index}") == refused
        assert long.refused("Bob", "GET", f"/Leads/{other}/Emails?index={index}") == refused
        for query in ({"type": "sent_from_crm"}, {"owner_id": alice}, {"filter": criterion}):
            assert long.refused("Bob", "GET", f"{PATH}?{urlencode({**query, 'index': index})}") == refused
        assert long.get("Bob", f"{PATH}?type=all_emails&index={index}")  # which is what is meant without a type

    def test_no_character_of_an_index_can_be_changed(self, long: CrmApi) -> None:
        index = long.get("Bob", PATH)["info"]["next_index"]
        changed = [f"{index[:at]}{'A' if index[at] != 'A' else 'B'}{index[at + 1 :]}" for at in range(len(index))]
        for wrong in (*changed, index[:-4], f"{index}AAAA", "1", "", "00", "%00", "ä", "=" * 8):
            asked = long.ask("Bob", "GET", f"{PATH}?{urlencode({'index': wrong})}")
            assert (asked.status_code, asked.json["details"]) == (400, {"param_name": "index"}), wrong

    def test_an_index_shows_nothing_that_is_no_longer_open(self, long: CrmApi) -> None:
        index = long.get("Bob", PATH)["info"]["next_index"]
        long.team.permission("Alice", "private")
        assert long.get("Bob", f"{PATH}?index={index}") is None


class TestOneEmail:
    @pytest.fixture
    def letter(self, crm: CrmApi) -> dict[str, Any]:
        """Let Alice have a letter with a file; Bob sees it."""
        crm.team.raw_mail("Alice", LETTER)
        (found,) = [email for email in emails(crm, "Bob") if email["subject"] == "Drawing"]
        return found

    def read(self, crm: CrmApi, who: str, email: dict[str, Any], **query: object) -> dict[str, Any]:
        (found,) = crm.get(who, f"{PATH}/{email['message_id']}?{urlencode(query)}")["Emails"]
        return dict(found)

    def test_says_what_the_list_says_and_more(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        email = self.read(crm, "Bob", letter)
        assert email == letter | {
            "content": "<p>See the <b>drawing</b></p>",
            "plain_text": "See the *drawing*",
            "mail_format": "html",
            "sent_time": letter["time"],
            "editable": False,
            "reply_to": {"user_name": "The desk", "email": "desk@customer.example"},
            "attachments": [{"id": "3", "name": "drawing.svg", "size": "6"}],
        }
        assert (email["has_attachment"], email["summary"]) == (True, "See the *drawing*")

    def test_text_alone_is_shown_as_html_too(self, crm: CrmApi) -> None:
        (listed,) = emails(crm, "Bob")
        email = self.read(crm, "Bob", listed)
        assert (email["content"], email["plain_text"], email["mail_format"]) == ("<pre>Hello</pre>", "Hello", "text")
        assert email["reply_to"] == {"user_name": None, "email": None}

    def test_the_owner_may_be_named_in_both_ways(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        alice, bob = crm.team.actor("Alice").user_id, crm.team.actor("Bob").user_id
        for query in ({"owner_id": alice}, {"user_id": alice}, {"owner_id": alice, "type": "user_emails"}):
            assert self.read(crm, "Bob", letter, **query)["owner"]["name"] == "Alice"
        path = f"{PATH}/{letter['message_id']}"
        assert crm.refused("Bob", "GET", f"{path}?owner_id={bob}") == NO_EMAIL
        assert crm.refused("Bob", "GET", f"{path}?owner_id={alice}&user_id={bob}")[2] == {"param_name": "user_id"}
        assert crm.refused("Bob", "GET", f"{path}?user_id=x")[2] == {"param_name": "owner_id"}

    def test_only_in_the_views_that_hold_it(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        assert self.read(crm, "Bob", letter, type="all_imap_shared_users")
        for view in ("sent_from_crm", "user_emails", "drafts"):
            assert crm.refused("Bob", "GET", f"{PATH}/{letter['message_id']}?type={view}") == NO_EMAIL

    def test_what_may_not_be_seen_is_not_there(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        other = crm.team.record("Leads", "Bob", "nobody@customer.example")
        crm.team.permission("Bob", "private")
        crm.team.mail("Bob", CUSTOMER)
        (own,) = [email for email in emails(crm, "Bob") if email["owner"]["name"] == "Bob"]
        assert self.read(crm, "Bob", own)
        asked = [
            *(crm.ask("Alice", "GET", f"{PATH}/{each}") for each in (own["message_id"], "0" * 64, "x", "F" * 64)),
            crm.ask("Bob", "GET", f"/Leads/{other}/Emails/{letter['message_id']}"),
        ]
        assert {answer.text for answer in asked} == {asked[0].text}
        assert crm.refused("Alice", "GET", f"{PATH}/{own['message_id']}") == NO_EMAIL

    def test_a_withheld_email_is_its_owners_alone(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        crm.team.make(WithholdEmail(ALICE, letter["message_id"]))
        assert self.read(crm, "Alice", letter)
        assert crm.refused("Bob", "GET", f"{PATH}/{letter['message_id']}") == NO_EMAIL

    def test_callers(self, crm: CrmApi, letter: dict[str, Any]) -> None:
        path = f"{PATH}/{letter['message_id']}"
        assert_each_caller(crm, path)
        for who in ("Alice", "Bob", "Root"):
            assert crm.ask(who, "GET", path).status_code == 200


class TestFiles:
    @pytest.fixture
    def query(self, crm: CrmApi) -> dict[str, object]:
        """Let Alice have a letter with a file, and give what names the file."""
        crm.team.raw_mail("Alice", LETTER)
        (found,) = [email for email in emails(crm, "Bob") if email["subject"] == "Drawing"]
        alice = crm.team.actor("Alice").user_id
        return {"message_id": found["message_id"], "user_id": alice, "id": "3", "name": "drawing.svg"}

    def path(self, query: dict[str, object], **changed: object) -> str:
        given = {name: value for name, value in (query | changed).items() if value is not None}
        return f"{PATH}/actions/download_attachments?{urlencode(given)}"

    def test_a_file_is_saved_and_never_shown(self, crm: CrmApi, query: dict[str, object]) -> None:
        answer = crm.ask("Bob", "GET", self.path(query))
        assert (answer.status_code, answer.content) == (200, b"<svg/>")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == 'attachment; filename="drawing.svg"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["cache-control"] == "no-store"
        assert crm.ask("Bob", "GET", self.path(query, name=None)).content == b"<svg/>"

    def test_all_of_them_come_in_an_archive(self, crm: CrmApi, query: dict[str, object]) -> None:
        answer = crm.ask("Bob", "GET", self.path(query, id=None, name=None))
        assert answer.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == {"3-drawing.svg": b"<svg/>"}

    def test_a_name_is_no_header(self, crm: CrmApi, query: dict[str, object]) -> None:
        name = 'a\r\nX-Evil: 1; \u202e"ü.txt'
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = ALICE, CUSTOMER, "Named"
        message.set_content("x")
        message.add_attachment(b"y", maintype="text", subtype="plain", filename="PLACE")
        raw = message.as_bytes().replace(b'"PLACE"', b"=?utf-8?b?" + base64.b64encode(name.encode()) + b"?=")
        crm.team.raw_mail("Alice", raw)
        (found,) = [email for email in emails(crm, "Bob") if email["subject"] == "Named"]
        ((attached),) = crm.get("Bob", f"{PATH}/{found['message_id']}")["Emails"][0]["attachments"]
        given = {"message_id": found["message_id"], "id": attached["id"], "name": attached["name"]}
        answer = crm.ask("Bob", "GET", self.path(query, **given))
        assert answer.status_code == 200
        assert "x-evil" not in answer.headers
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["content-disposition"].isascii()

    @pytest.mark.parametrize("missing", ["message_id", "user_id", "id"])
    def test_what_is_needed(self, crm: CrmApi, query: dict[str, object], missing: str) -> None:
        refused = crm.refused("Bob", "GET", self.path(query, **{missing: None}))
        assert refused == (400, "MANDATORY_NOT_FOUND", {"param_name": missing})

    @pytest.mark.parametrize(
        ("changed", "parameter"),
        [
            ({"message_id": "0" * 64}, "message_id"),
            ({"message_id": "../x"}, "message_id"),
            ({"user_id": 4000000000000000001}, "message_id"),
            ({"user_id": "x"}, "user_id"),
            ({"id": "1"}, "id"),
            ({"id": "../3"}, "id"),
            ({"name": "another.svg"}, "id"),
        ],
    )
    def test_what_is_not_there(
        self, crm: CrmApi, query: dict[str, object], changed: dict[str, object], parameter: str
    ) -> None:
        assert crm.refused("Bob", "GET", self.path(query, **changed))[1:] == ("INVALID_DATA", {"param_name": parameter})

    def test_of_what_may_not_be_seen_there_is_none(self, crm: CrmApi, query: dict[str, object]) -> None:
        nothing = crm.ask("Bob", "GET", self.path(query, message_id="0" * 64)).text
        crm.team.permission("Alice", "private")
        assert crm.ask("Bob", "GET", self.path(query)).text == nothing
        assert crm.ask("Alice", "GET", self.path(query)).status_code == 200

    def test_callers(self, crm: CrmApi, query: dict[str, object]) -> None:
        assert_each_caller(crm, self.path(query))
        for who in ("Alice", "Bob", "Root"):
            assert crm.ask(who, "GET", self.path(query)).status_code == 200


def assert_each_caller(crm: CrmApi, path: str) -> None:
    """Check that whoever may not ask is told so; the record is not shared with Charlie until it is."""
    assert crm.refused("", "GET", path, token="") == (401, "AUTHENTICATION_FAILURE", {})
    expired = create_token(crm.team.database, ALICE, ALL_SCOPES, now=NOW - 60, expires_in=60)
    assert crm.refused("", "GET", path, token=expired) == (401, "INVALID_TOKEN", {})
    for scope in ("ZohoCRM.modules.READ", "ZohoCRM.modules.emails.READ"):
        assert crm.refused("", "GET", path, token=crm.team.token("Alice", scope))[1] == "OAUTH_SCOPE_MISMATCH"
    assert crm.refused("Charlie", "GET", path) == (400, "INVALID_DATA", {"resource_path_index": 1})
    crm.team.make(ShareRecord(LEAD, user=CHARLIE))
    assert crm.ask("Charlie", "GET", path).status_code == 200


class TestCallers:
    def test_a_stranger_and_a_record_that_is_not_there(self, crm: CrmApi) -> None:
        refused = (400, "INVALID_DATA", {"resource_path_index": 1})
        assert crm.refused("Charlie", "GET", PATH) == refused
        for record in (LEAD_ID + 1, "abc", 0):
            assert crm.refused("Bob", "GET", f"/Leads/{record}/Emails") == refused
        assert crm.refused("Charlie", "GET", f"{PATH}?index=wrong&type=wrong") == refused

    def test_whoever_the_record_is_shared_with(self, crm: CrmApi) -> None:
        crm.team.make(ShareRecord(LEAD, user=CHARLIE))
        assert len(emails(crm, "Charlie")) == 1

    def test_an_administrator_reads_only_what_is_shared(self, crm: CrmApi) -> None:
        assert len(emails(crm, "Root")) == 1
        crm.team.permission("Alice", "private")
        assert [emails(crm, who) for who in ("Root", "Bob")] == [[], []]
        assert len(emails(crm, "Alice")) == 1

    def test_tokens(self, crm: CrmApi) -> None:
        expired = create_token(crm.team.database, ALICE, ALL_SCOPES, now=NOW - 60, expires_in=60)
        assert crm.refused("", "GET", PATH, token="") == (401, "AUTHENTICATION_FAILURE", {})
        assert crm.refused("", "GET", f"{PATH}?type=wrong", token=expired) == (401, "INVALID_TOKEN", {})


class TestRequests:
    @pytest.mark.parametrize(
        ("scopes", "status"),
        [
            ("ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ", 200),
            ("ZohoCRM.modules.leads.READ,ZohoCRM.modules.emails.ALL", 200),
            ("ZohoCRM.modules.READ", 401),
            ("ZohoCRM.modules.emails.READ", 401),
            ("ZohoCRM.modules.contacts.READ,ZohoCRM.modules.emails.READ", 401),
        ],
    )
    def test_scopes(self, unchanged: CrmApi, scopes: str, status: int) -> None:
        asked = unchanged.ask("", "GET", PATH, token=unchanged.team.token("Alice", scopes))
        assert asked.status_code == status
        assert status == 200 or asked.json["code"] == "OAUTH_SCOPE_MISMATCH"

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            (f"/Nonsense/{LEAD_ID}/Emails", 400, "INVALID_MODULE"),
            (f"/Tasks/{LEAD_ID}/Emails", 400, "NOT_SUPPORTED"),
            (f"/crm/v9/Leads/{LEAD_ID}/Emails", 400, "API_NOT_SUPPORTED"),
            (f"{PATH}/x/y", 404, "INVALID_URL_PATTERN"),
        ],
    )
    def test_paths(self, unchanged: CrmApi, path: str, status: int, code: str) -> None:
        assert unchanged.refused("Bob", "GET", path)[:2] == (status, code)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_another_method(self, unchanged: CrmApi, method: str) -> None:
        assert unchanged.refused("Bob", method, PATH)[:2] == (400, "INVALID_REQUEST_METHOD")

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("type=all", "type"),
            ("type=", "type"),
            ("owner_id=alice", "owner_id"),
            ("owner_id=0", "owner_id"),
            ("owner_id=99999999999999999999", "owner_id"),
            ("filter=", "filter"),
            ("filter=subject", "filter"),
            ('filter={"comparator":"contains","field":{"api_name":"subject"},"value":"x"}', "filter"),
            ('filter={"comparator":"equal","field":{"api_name":"content"},"value":"x"}', "filter"),
            ('filter={"comparator":"equal","field":{"api_name":"subject"},"value":1}', "filter"),
            ('filter={"comparator":"equal","field":{"api_name":"subject"},"value":"x","group":[]}', "filter"),
            (f"filter={'[' * 900}", "filter"),
            (f"filter={quote(SUBJECT.replace('VALUE', chr(92) + 'u0000'))}", "filter"),
            (f"filter={quote(SUBJECT.replace('VALUE', chr(92) + 'ud800'))}", "filter"),
            ("page=2", "page"),
            ("type=drafts&type=drafts", "query"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, unchanged: CrmApi, query: str, parameter: str) -> None:
        assert unchanged.refused("Bob", "GET", f"{PATH}?{query}") == (400, "INVALID_DATA", {"param_name": parameter})

    def test_what_the_sdks_send_besides_is_tolerated(self, unchanged: CrmApi) -> None:
        sdk = {"X-ZOHO-SDK": "Linux/6/nodejs-8.0/v20:2.0.0", "Content-Length": "0"}
        assert unchanged.ask("Bob", "GET", f"{PATH}?type=all_emails&", headers=sdk).status_code == 200
