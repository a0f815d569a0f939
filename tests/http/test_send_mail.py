"""Sending from a record: Alice owns the lead and sends, Bob is her superior, Charlie sees nothing of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from time import time
from typing import Any

import pytest

from postroom import actions
from postroom.actions.actor import Actor
from postroom.actions.aliases import add_aliases
from postroom.actions.change_sharing import SetCrmAccess
from postroom.actions.errors import NotAllowed
from postroom.actions.organisation import SetUserStatus
from postroom.actions.outbox import cancel, list_outbox, send_due, send_now
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.withhold import email_id, list_own_emails
from postroom.core.model import CrmAccess, OutboxState, Security, UserStatus
from postroom.mail.parse import parse_message
from tests.http.crm_api import CrmApi
from tests.http.own_api import ALICE, BOB, CUSTOMER, LEAD, OwnApi
from tests.servers.smtp import PASSWORD, SmtpServer, running_smtp
from tests.team import NOW, OPERATOR

LEAD_ID = LEAD.partition("/")[2]
PATH = f"/Leads/{LEAD_ID}/actions/send_mail"
FULL = "too many of your messages wait, or could not be sent: try later"
INVALID = (400, "INVALID_DATA", {"resource_path_index": 1})


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with running_smtp() as server:
        yield server


@pytest.fixture
def crm(own_api: OwnApi, smtp: SmtpServer) -> CrmApi:
    """Give a client for a team in which Alice and Bob send through this server."""
    team = own_api.team
    for address in (ALICE, BOB):
        through(team, smtp.port, address)
    return CrmApi(team)


@pytest.fixture(scope="class")
def shared_smtp() -> Iterator[SmtpServer]:
    with running_smtp() as server:
        yield server


@pytest.fixture(scope="class")
def shared_crm(unchanged_api: OwnApi, shared_smtp: SmtpServer) -> CrmApi:
    """Give the same to all tests of a class, which send nothing."""
    through(unchanged_api.team, shared_smtp.port)
    return CrmApi(unchanged_api.team)


def through(team: Any, port: int, address: str = ALICE) -> None:
    server = NewSmtpServer("127.0.0.1", port, Security.NONE, "submitter", PASSWORD)
    set_mailbox_smtp(team.database, team.box, address, server)


def mail(**changed: object) -> dict[str, Any]:
    given = {
        "from": {"email": ALICE, "user_name": "Alice"},
        "to": [{"email": CUSTOMER, "user_name": "Patricia Böyle"}],
        "subject": "Grüße",
        "content": "<p>Hello</p>",
    }
    return {"data": [{name: value for name, value in (given | changed).items() if value is not None}]}


def sent_id(answer: Any) -> str:
    (result,) = answer["data"]
    assert (result["code"], result["message"]) == ("SUCCESS", "Your mail has been sent successfully.")
    return str(result["details"]["message_id"])


def refused(crm: CrmApi, body: object, who: str = "Alice") -> tuple[str, str, Any]:
    (error,) = crm.do(who, "POST", PATH, body, 400)["data"]
    return error["code"], error["message"], error["details"]


def types(crm: CrmApi, viewer: str) -> list[str]:
    return crm.get(viewer, f"/Leads/{LEAD_ID}/__emails_sharing_details")["__emails_sharing_details"]["available_types"]


def test_what_is_sent_is_on_the_record_in_the_next_answer(crm: CrmApi, smtp: SmtpServer) -> None:
    assert "emails_sent_from_crm" not in types(crm, "Bob")
    message_id = sent_id(crm.do("Alice", "POST", PATH, mail()))
    assert "emails_sent_from_crm" in types(crm, "Bob")
    (envelope,) = smtp.script.received
    assert (envelope.mail_from, envelope.rcpt_tos) == (ALICE, [CUSTOMER])
    newest = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)[0]
    assert (email_id(newest.email_key), newest.subject) == (message_id, "Grüße")


def test_bcc_is_on_the_copy_of_the_sender_alone(crm: CrmApi, smtp: SmtpServer) -> None:
    lead = crm.team.record("Leads", "Alice", "hidden@elsewhere.example")
    sent_id(crm.do("Alice", "POST", PATH, mail(bcc=[{"email": "hidden@elsewhere.example"}])))
    (envelope,) = smtp.script.received
    assert envelope.rcpt_tos == [CUSTOMER, "hidden@elsewhere.example"]
    assert b"hidden" not in bytes(envelope.content or b"")
    assert crm.team.types("Alice", "Leads", lead) == ["emails_sent_from_crm", "all_contacts_emails", "all_emails"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_hostile_html_is_sent_as_any_other(crm: CrmApi) -> None:
    for content in ("<![" * 30_000, "&#" + "9" * 5000 + ";", "<a" * 50_000, "<!--" * 25_000):
        sent_id(crm.do("Alice", "POST", PATH, mail(content=content)))


class TestWho:
    def test_a_stranger_is_told_of_no_record(self, crm: CrmApi, smtp: SmtpServer) -> None:
        assert crm.refused("Charlie", "POST", PATH, mail()) == INVALID
        assert crm.refused("Alice", "POST", PATH.replace(LEAD_ID, "4000000000000000001"), mail()) == INVALID
        assert smtp.script.received == []

    def test_whoever_sees_a_record_sends_from_it_in_the_own_name_alone(self, crm: CrmApi, smtp: SmtpServer) -> None:
        sent_id(crm.do("Bob", "POST", PATH, mail(**{"from": {"email": BOB}})))
        code, _, details = refused(crm, mail(), "Bob")
        assert (code, details) == ("INVALID_DATA", {"api_name": "email", "json_path": "$.data[0].from.email"})
        assert [envelope.mail_from for envelope in smtp.script.received] == [BOB]

    def test_an_administrator_without_a_mailbox_has_no_server(self, crm: CrmApi) -> None:
        code, message, _ = refused(crm, mail(**{"from": {"email": "root@team.example"}}), "Root")
        assert (code, message.partition(";")[0]) == ("NOT_ALLOWED", "there is no server to send through")

    @pytest.mark.parametrize(
        ("scope", "opens"),
        [
            ("ZohoCRM.send_mail.all.CREATE", True),
            ("ZohoCRM.send_mail.leads.CREATE", True),
            ("ZohoCRM.send_mail.contacts.CREATE", False),
            ("ZohoCRM.modules.ALL", False),
        ],
    )
    def test_scopes(self, crm: CrmApi, scope: str, *, opens: bool) -> None:
        result = crm.ask("Alice", "POST", PATH, mail(), token=crm.team.token("Alice", scope))
        assert (result.status_code == 200) == opens
        assert opens or result.json["code"] == "OAUTH_SCOPE_MISMATCH"

    def test_tokens(self, crm: CrmApi) -> None:
        assert crm.refused("", "POST", PATH, mail(), token="")[1] == "AUTHENTICATION_FAILURE"
        assert crm.refused("", "POST", PATH, mail(), token="unknown")[1] == "INVALID_TOKEN"


class TestAnswering:
    def ask(self, crm: CrmApi, who: str, key: str, owner: Actor) -> Any:
        sender = {"email": {"Alice": ALICE, "Bob": BOB}[who]}
        in_reply_to = {"message_id": key, "owner": {"id": str(owner.user_id)}}
        return crm.ask(who, "POST", PATH, mail(**{"from": sender, "in_reply_to": in_reply_to}))

    def test_an_own_e_mail(self, crm: CrmApi, smtp: SmtpServer) -> None:
        first = sent_id(crm.do("Alice", "POST", PATH, mail()))
        assert self.ask(crm, "Alice", first, crm.team.actor("Alice")).status_code == 200
        earlier, later = (parse_message(bytes(each.content or b"")) for each in smtp.script.received)
        assert later.references == (earlier.message_id,)

    @pytest.mark.parametrize(
        ("access", "may"),
        [
            (CrmAccess.PRIVATE, False),
            (CrmAccess.PUBLIC_READ_ONLY, False),
            (CrmAccess.PUBLIC_READ_WRITE, True),
            (CrmAccess.PUBLIC_READ_WRITE_DELETE, True),
        ],
    )
    def test_what_a_colleague_sent_from_the_crm(self, crm: CrmApi, access: CrmAccess, *, may: bool) -> None:
        key = sent_id(crm.do("Alice", "POST", PATH, mail()))
        crm.team.make(SetCrmAccess(access))
        assert (self.ask(crm, "Bob", key, crm.team.actor("Alice")).status_code == 200) == may

    def test_mail_that_cannot_be_seen_is_not_there(self, crm: CrmApi) -> None:
        (hidden,) = list_own_emails(crm.team.database, ALICE, by=OPERATOR, limit=1)
        crm.team.permission("Alice", "private")
        answers = [
            self.ask(crm, "Bob", key, crm.team.actor("Alice")).json
            for key in (email_id(hidden.email_key), "0" * 64, "no id")
        ]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0]["data"][0]["details"]["json_path"] == "$.data[0].in_reply_to.message_id"


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("changed", "code", "path"),
        [
            ({"from": None}, "MANDATORY_NOT_FOUND", "from"),
            ({"to": []}, "INVALID_DATA", "to"),
            ({"to": [{}]}, "MANDATORY_NOT_FOUND", "to[0].email"),
            ({"to": [{"email": "nobody"}]}, "INVALID_DATA", "to[0].email"),
            ({"cc": [{"email": "ü@x.example"}]}, "INVALID_DATA", "cc[0].email"),
            ({"to": [{"email": CUSTOMER}] * 51}, "INVALID_DATA", "to"),
            ({"subject": 5}, "INVALID_DATA", "subject"),
            ({"mail_format": "rtf"}, "INVALID_DATA", "mail_format"),
            ({"scheduled_time": "2020-01-01T00:00:00Z"}, "INVALID_DATA", "scheduled_time"),
            ({"scheduled_time": "tomorrow"}, "INVALID_DATA", "scheduled_time"),
            ({"attachments": [{"id": "0" * 64}]}, "INVALID_DATA", "attachments[0].id"),
            ({"linked_record": {"id": "1"}}, "INVALID_DATA", "linked_record.id"),
            ({"org_email": True}, "NOT_SUPPORTED", "org_email"),
            ({"consent_email": True}, "NOT_SUPPORTED", "consent_email"),
            ({"template": {"id": "1"}}, "NOT_SUPPORTED", "template"),
            ({"inventory_details": {}}, "NOT_SUPPORTED", "inventory_details"),
            ({"colour": "red"}, "INVALID_DATA", "colour"),
        ],
    )
    def test_names_the_field(
        self, shared_crm: CrmApi, shared_smtp: SmtpServer, changed: Any, code: str, path: str
    ) -> None:
        answer = shared_crm.ask("Alice", "POST", PATH, mail(**changed))
        error = answer.json["data"][0] if "data" in answer.json else answer.json
        assert (answer.status_code, error["code"], error["details"]["json_path"]) == (400, code, f"$.data[0].{path}")
        assert shared_smtp.script.received == []

    @pytest.mark.parametrize("evil", ["\r\nBcc: evil@x.example", "\nX: y", "\r", "\0"])
    def test_whatever_could_end_a_line(self, shared_crm: CrmApi, shared_smtp: SmtpServer, evil: str) -> None:
        for changed in (
            {"subject": f"Hi{evil}"},
            {"from": {"email": ALICE, "user_name": f"A{evil}"}},
            {"from": {"email": f"{ALICE}{evil}"}},
            {"to": [{"email": CUSTOMER, "user_name": f"B{evil}"}]},
            {"cc": [{"email": f"c{evil}@x.example"}]},
            {"bcc": [{"email": f"c@x.example{evil}y"}]},
            {"reply_to": {"email": CUSTOMER, "user_name": evil}},
            {"in_reply_to": f"{'0' * 64}{evil}"},
        ):
            assert refused(shared_crm, mail(**changed))[0] == "INVALID_DATA", changed
        assert shared_smtp.script.received == []

    @pytest.mark.parametrize("path", [PATH, "/files", PATH.replace("send_mail", "associate_email")])
    def test_a_body_that_is_too_long_by_its_own_words(self, shared_crm: CrmApi, path: str) -> None:
        announced = {"Content-Length": str(64 * 1024 * 1024), "Content-Type": "multipart/form-data; boundary=b"}
        assert shared_crm.refused("Alice", "POST", path, raw=b"{}", headers=announced)[:2] == (413, "BODY_TOO_LARGE")


class TestServerThatRefuses:
    def test_some_recipients(self, crm: CrmApi, smtp: SmtpServer) -> None:
        smtp.script.recipients = {"gone@x.example": "550 5.1.1 No such user"}
        answer = crm.do("Alice", "POST", PATH, mail(cc=[{"email": "gone@x.example"}]))
        blocked = [{"email": "gone@x.example", "reason": "550 5.1.1 No such user"}]
        assert answer["data"][0]["details"]["blocked_email_addresses"] == blocked
        assert smtp.script.received[0].rcpt_tos == [CUSTOMER]

    def test_whoever_sent_it_reads_later_who_did_not_get_it_and_nobody_else_does(
        self, crm: CrmApi, smtp: SmtpServer
    ) -> None:
        smtp.script.recipients = {"gone@x.example": "550 No such user", "secret@x.example": "550 Full"}
        crm.do("Alice", "POST", PATH, mail(cc=[{"email": "gone@x.example"}], bcc=[{"email": "secret@x.example"}]))
        crm.do("Alice", "POST", PATH, mail(subject="Second"))
        for who, reasons in (
            ("Alice", ["gone@x.example: 550 No such user", "secret@x.example: 550 Full"]),
            ("Bob", []),
        ):
            bounced = [{"type": "bounced", "bounced_time": None, "bounced_reason": reason} for reason in reasons]
            sent = {"type": "sent", "bounced_time": None, "bounced_reason": None}
            path = f"/Leads/{LEAD_ID}/Emails"
            listed = crm.get(who, f"{path}?type=emails_sent_from_crm")["Emails"]
            by_subject = {each["subject"]: each for each in listed}
            assert by_subject["Second"]["status"] == [sent]
            assert by_subject["Grüße"]["status"] == [sent, *bounced]
            (whole,) = crm.get(who, f"{path}/{by_subject['Grüße']['message_id']}")["Emails"]
            assert whole["status"] == [sent, *bounced]

    def test_every_recipient(self, crm: CrmApi, smtp: SmtpServer) -> None:
        smtp.script.recipients = {CUSTOMER: "550 No"}
        code, message, details = refused(crm, mail())
        assert (code, message) == ("NOT_ALLOWED", "the server refused every recipient")
        assert details == {"blocked_email_addresses": [{"email": CUSTOMER, "reason": "550 No"}]}
        assert "emails_sent_from_crm" not in types(crm, "Alice")

    def test_a_recipient_for_now(self, crm: CrmApi, smtp: SmtpServer) -> None:
        """Whoever could get it has it once; the other one gets it later."""
        smtp.script.recipients = {"later@x.example": "451 Try later"}
        answer = crm.do("Alice", "POST", PATH, mail(cc=[{"email": "later@x.example"}]))
        assert "451 Try later" in answer["data"][0]["message"]
        assert "emails_sent_from_crm" in types(crm, "Alice")
        smtp.script.recipients = {}
        assert send_due(crm.team.database, crm.team.box, int(time())) == []
        (outcome,) = send_due(crm.team.database, crm.team.box, int(time()) + 300)
        assert outcome.mail.state == OutboxState.SENT
        assert [each.rcpt_tos for each in smtp.script.received] == [[CUSTOMER], ["later@x.example"]]

    def test_the_sender_or_the_text(self, crm: CrmApi, smtp: SmtpServer) -> None:
        smtp.script.sender = "550 Not you"
        assert "550 Not you" in refused(crm, mail())[1]
        smtp.script.sender, smtp.script.text = "250 OK", "554 Spam"
        assert "554 Spam" in refused(crm, mail())[1]

    def test_the_password(self, crm: CrmApi, smtp: SmtpServer) -> None:
        smtp.script.password_is_refused = True
        code, message, _ = refused(crm, mail())
        assert code == "NOT_ALLOWED"
        assert "refused the user name or the password" in message
        assert PASSWORD not in message

    def test_a_server_that_is_away_gets_it_later(self, crm: CrmApi, smtp: SmtpServer) -> None:
        through(crm.team, 1)
        (result,) = crm.do("Alice", "POST", PATH, mail())["data"]
        assert "cannot be reached" in result["message"]
        through(crm.team, smtp.port)
        (outcome,) = send_due(crm.team.database, crm.team.box, int(time()) + 300)
        assert (outcome.mail.state, len(smtp.script.received)) == (OutboxState.SENT, 1)

    def test_no_answer_to_the_text_means_that_nobody_knows(self, crm: CrmApi, smtp: SmtpServer) -> None:
        """It is never sent again by itself, and under the same Message-ID if somebody sends it again."""
        smtp.script.hangs_up_after_text = True
        assert "did not say whether it took the message" in refused(crm, mail())[1]
        smtp.script.hangs_up_after_text = False
        assert send_due(crm.team.database, crm.team.box, NOW + 10 * 24 * 3600) == []
        ((outcome, _),) = list_outbox(crm.team.database, ALICE, None, 10)
        again = send_now(crm.team.database, crm.team.box, str(outcome.mail.id), now=NOW)
        assert again.mail.state == OutboxState.SENT
        first, second = (parse_message(bytes(each.content or b"")).message_id for each in smtp.script.received)
        assert first == second == again.mail.message_id


class TestRepeating:
    def ask(self, crm: CrmApi, key: str, body: object) -> Any:
        return crm.ask("Alice", "POST", PATH, body, headers={"Idempotency-Key": key})

    def test_sends_once_and_answers_the_same(self, crm: CrmApi, smtp: SmtpServer) -> None:
        first, second = self.ask(crm, "k", mail()), self.ask(crm, "k", mail())
        assert first.json == second.json
        assert len(smtp.script.received) == 1
        assert self.ask(crm, "another", mail()).json != first.json

    def test_at_the_same_moment(self, crm: CrmApi, smtp: SmtpServer) -> None:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: self.ask(crm, "k", mail()), range(4)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json["data"][0]["details"]["message_id"] for answer in answers}) == 1
        assert len(smtp.script.received) == 1

    def test_what_failed_is_answered_again(self, crm: CrmApi, smtp: SmtpServer) -> None:
        smtp.script.recipients = {CUSTOMER: "550 No"}
        first = self.ask(crm, "k", mail()).json
        smtp.script.recipients = {}
        assert self.ask(crm, "k", mail()).json == first
        assert smtp.script.received == []

    def test_the_key_is_for_one_content_and_one_user(self, crm: CrmApi) -> None:
        self.ask(crm, "k", mail())
        error = self.ask(crm, "k", mail(subject="Other")).json["data"][0]
        assert (error["code"], error["details"]) == ("DUPLICATE_DATA", {"param_name": "Idempotency-Key"})
        bobs = mail(**{"from": {"email": BOB}})
        assert crm.ask("Bob", "POST", PATH, bobs, headers={"Idempotency-Key": "k"}).status_code == 200
        assert self.ask(crm, "k" * 256, mail()).json["details"] == {"param_name": "Idempotency-Key"}


class TestScheduled:
    def schedule(self, crm: CrmApi) -> None:
        (result,) = crm.do("Alice", "POST", PATH, mail(scheduled_time="2099-01-01T10:00:00Z"), 400)["data"]
        assert result["details"]["api_name"] == "scheduled_time"  # further than a year ahead
        moment = datetime.fromtimestamp(NOW + 3600, UTC).isoformat()
        (result,) = crm.do("Alice", "POST", PATH, mail(scheduled_time=moment))["data"]
        assert result["message"] == "Your mail has been scheduled successfully."

    def test_goes_out_when_it_is_time(self, crm: CrmApi, smtp: SmtpServer) -> None:
        self.schedule(crm)
        assert send_due(crm.team.database, crm.team.box, NOW + 3500) == []
        assert "emails_sent_from_crm" not in types(crm, "Alice")
        (outcome,) = send_due(crm.team.database, crm.team.box, NOW + 3600)
        assert (outcome.mail.state, len(smtp.script.received)) == (OutboxState.SENT, 1)
        assert "emails_sent_from_crm" in types(crm, "Alice")
        assert send_due(crm.team.database, crm.team.box, NOW + 9000) == []

    def test_not_in_the_name_of_somebody_who_left(self, crm: CrmApi, smtp: SmtpServer) -> None:
        self.schedule(crm)
        crm.team.make(SetUserStatus(ALICE, UserStatus.INACTIVE))
        (outcome,) = send_due(crm.team.database, crm.team.box, NOW + 3600)
        assert (outcome.mail.state, outcome.mail.error) == (OutboxState.FAILED, "the sender is not active")
        assert smtp.script.received == []

    def test_nobody_keeps_the_outbox_full(self, crm: CrmApi, smtp: SmtpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was sent makes room; what could not be sent does after a month."""
        sent_id(crm.do("Alice", "POST", PATH, mail()))
        monkeypatch.setattr(actions.send_mail, "_MOST_KEPT", 1)
        smtp.script.sender = "550 Not you"
        assert "550 Not you" in refused(crm, mail())[1]
        smtp.script.sender = "250 OK"
        assert refused(crm, mail())[:2] == ("NOT_ALLOWED", FULL)
        sent_id(crm.do("Bob", "POST", PATH, mail(**{"from": {"email": BOB}})))
        send_due(crm.team.database, crm.team.box, NOW + 31 * 24 * 3600)
        ((outcome, _),) = list_outbox(crm.team.database, ALICE, OutboxState.FAILED, 10)
        with pytest.raises(NotAllowed, match="is not kept any more"):
            send_now(crm.team.database, crm.team.box, str(outcome.mail.id), now=NOW)
        sent_id(crm.do("Alice", "POST", PATH, mail()))
        monkeypatch.setattr(actions.send_mail, "_MOST_KEPT_BYTES", 1000)
        assert refused(crm, mail(content="x" * 1000))[:2] == ("NOT_ALLOWED", FULL)

    def test_not_once_it_is_cancelled(self, crm: CrmApi, smtp: SmtpServer) -> None:
        self.schedule(crm)
        ((outcome, sender),) = list_outbox(crm.team.database, None, OutboxState.SCHEDULED, 10)
        assert sender == ALICE
        cancel(crm.team.database, str(outcome.mail.id))
        assert send_due(crm.team.database, crm.team.box, NOW + 3600) == []
        assert smtp.script.received == []


class TestFiles:
    def upload(self, crm: CrmApi, *files: tuple[str, bytes], who: str = "Alice") -> Any:
        parts = "".join(
            f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n{content.decode()}\r\n'
            for name, content in files
        )
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        return crm.ask(who, "POST", "/files", raw=f"{parts}--b--\r\n".encode(), headers=headers)

    def test_are_attached_by_their_uploader(self, crm: CrmApi, smtp: SmtpServer) -> None:
        ids = [each["details"]["id"] for each in self.upload(crm, ("a.txt", b"one"), ("ü.txt", b"two")).json["data"]]
        attachments = [{"id": each} for each in ids]
        sent_id(crm.do("Alice", "POST", PATH, mail(attachments=attachments)))
        content = bytes(smtp.script.received[0].content or b"")
        assert b'filename="a.txt"' in content
        bobs = mail(**{"from": {"email": BOB}}, attachments=attachments)
        assert refused(crm, bobs, "Bob")[2]["json_path"] == "$.data[0].attachments[0].id"

    def test_at_the_same_moment_are_counted_together(self, crm: CrmApi, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(actions.uploads, "_MOST_BYTES", 10)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: self.upload(crm, ("a.txt", b"sixsix")), range(8)))
        assert sorted(answer.status_code for answer in answers) == [200, *[415] * 7]

    def test_what_is_no_upload(self, crm: CrmApi) -> None:
        for result in (self.upload(crm), crm.ask("Alice", "POST", "/files", {}), self.upload(crm, *[("a", b"")] * 11)):
            assert (result.status_code, result.json["code"]) == (400, "failure_in_attachment_handling")
        assert self.upload(crm, ("a", b"x" * (20 * 1024 * 1024 + 1))).json["code"] == "FILE_SIZE_MORE_THAN_ALLOWED_SIZE"
        assert crm.refused("", "POST", "/files", raw=b"", token="")[1] == "AUTHENTICATION_FAILURE"
        assert crm.refused("", "POST", "/files", raw=b"", token=crm.team.token("Alice"))[1] == "OAUTH_SCOPE_MISMATCH"


def test_from_addresses(crm: CrmApi) -> None:
    path = "/settings/emails/actions/from_addresses"
    (address,) = crm.get("Alice", path)["from_addresses"]
    assert (address["email"], address["default"], address["user_name"]) == (ALICE, True, "Alice")
    add_aliases(crm.team.database, ALICE, ["sales@team.example"], by=OPERATOR, now=NOW)
    alias = address | {"email": "sales@team.example", "type": "alias", "default": False}
    assert crm.get("Alice", path)["from_addresses"] == [address, alias]
    own, other = (crm.team.actor(name).user_id for name in ("Alice", "Bob"))
    assert crm.get("Alice", f"{path}?user_id={own}") == crm.get("Alice", path)
    for wrong in (other, "4000000000000000001", "x"):
        assert crm.refused("Alice", "GET", f"{path}?user_id={wrong}")[2] == {"param_name": "user_id"}
    assert crm.refused("", "GET", path, token=crm.team.token("Alice"))[1] == "OAUTH_SCOPE_MISMATCH"
    assert crm.refused("", "GET", path, token="")[1] == "AUTHENTICATION_FAILURE"
