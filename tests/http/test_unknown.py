"""What a caller may not see is not there: the same answer, after the same work, as for what is not there indeed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from postroom.actions.records import delete_record
from tests.http.own_api import ALICE, CHARLIE, CUSTOMER, LEAD, OwnApi
from tests.team import NOW, Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

LEAD_ID = LEAD.partition("/")[2]
MISSING = "3652397000001790005"

# What Charlie asks about a record, which stands for {} in each.
ABOUT_RECORDS: list[tuple[str, str, object]] = [
    ("PUT", "/records/{}/shares", {"user": CHARLIE}),
    ("DELETE", f"/records/{{}}/shares?user={CHARLIE}", None),
    ("PUT", "/me/shares/{}", None),
    ("DELETE", "/me/shares/{}", None),
    ("GET", "/me/emails?record={}", None),
    ("GET", f"/explain?viewer={CHARLIE}&owner={CHARLIE}&record={{}}", None),
    ("GET", f"/explain?viewer={ALICE}&owner={CHARLIE}&record={{}}", None),
    ("GET", f"/explain?viewer={CHARLIE}&owner={ALICE}&record={{}}", None),
    ("GET", f"/viewers?owner={CHARLIE}&record={{}}", None),
    ("POST", "/preview", {"change": "share_record", "record": "{}", "user": CHARLIE}),
    ("POST", "/preview", {"change": "unshare_record", "record": "{}", "user": CHARLIE}),
    ("POST", "/preview", {"change": "share_emails", "user": CHARLIE, "record": "{}"}),
    ("POST", "/preview", {"change": "unshare_emails", "user": CHARLIE, "record": "{}"}),
]


@contextmanager
def counted(team: Team) -> Iterator[list[str]]:
    """Collect the statements that run within the block."""
    statements: list[str] = []

    def collect(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        statements.append(" ".join(statement.split()[:8]))

    event.listen(team.database.engine, "before_cursor_execute", collect)
    yield statements
    event.remove(team.database.engine, "before_cursor_execute", collect)


@pytest.mark.parametrize(("method", "path", "body"), ABOUT_RECORDS)
def test_records(own_api: OwnApi, method: str, path: str, body: dict[str, str] | None) -> None:
    """Those of others, missing ones, deleted ones and those of another module, of a module and in words alike."""
    team = own_api.team
    deleted = team.record("Leads", "Charlie")
    delete_record(team.database, f"Leads/{deleted}", now=NOW)
    own_deal = team.record("Deals", "Charlie")
    seen: set[tuple[int, str, str]] = set()
    work: set[tuple[str, ...]] = set()
    own_api.get("Charlie", "/me")
    for record_id in (LEAD_ID, MISSING, deleted, own_deal):
        record = f"Leads/{record_id}"
        sent = None if body is None else {name: value.replace("{}", record) for name, value in body.items()}
        with counted(team) as statements:
            status, code, message = own_api.refused("Charlie", method, path.format(record), sent)
        seen.add((status, code, message.replace(str(record_id), "…")))
        work.add(tuple(statements))
    assert seen == {(404, "NOT_FOUND", "there is no record … in Leads")}
    assert len(work) == 1


def test_emails_and_threads_of_others(own_api: OwnApi) -> None:
    email = own_api.get("Alice", "/me/emails")["emails"][0]
    for kind, there, missing in (("emails", email["id"], "0" * 64), ("threads", email["thread"], "1")):
        for method in ("PUT", "DELETE"):
            for name in ("Bob", "Charlie", "Root"):
                own_api.get(name, "/me")
                answers, work = set(), set()
                for thing in (there, missing):
                    with counted(own_api.team) as statements:
                        answer = own_api.refused(name, method, f"/me/{kind}/{thing}/withheld")
                    answers.add((*answer[:2], answer[2].replace(thing, "…")))
                    work.add(tuple(statements))
                ((status, code, _),) = answers
                assert (status, code) == (404, "NOT_FOUND")
                assert len(work) == 1
    assert own_api.get("Alice", "/me/emails")["emails"][0]["withheld"] is False


def test_own_mail_on_a_record_that_may_not_be_seen(own_api: OwnApi) -> None:
    """That Charlie wrote to its customer does not tell Charlie that there is a lead."""
    own_api.team.mail("Charlie", CUSTOMER)
    assert own_api.refused("Charlie", "GET", f"/me/emails?record={LEAD}")[:2] == (404, "NOT_FOUND")
    assert own_api.get("Charlie", f"/viewers?owner={CHARLIE}&limit=1") == {"records": [], "next_after": None}
    previewed = own_api.do(
        "Charlie", "POST", "/preview", {"change": "choose_permission", "user": CHARLIE, "permission": "public"}
    )
    assert previewed["opened"] == {"users": 0, "records": 0, "emails": 0}
    assert previewed["differences"] == []
