"""An owner's own mail: Alice withholds some by hand, Bob sees the rest on his lead, Charlie sees none."""

from typing import Any

import pytest

from tests.cli.conftest import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, Terminal

NO_SUCH_EMAIL = "0" * 64


def emails(office: Terminal, *options: str) -> list[dict[str, Any]]:
    """Give Alice's e-mails."""
    listed: list[dict[str, Any]] = office.do("mail", "list", ALICE, *options, "--json").json["emails"]
    return listed


def test_the_list_tells_e_mails_apart(open_office: Terminal) -> None:
    (email,) = emails(open_office)
    assert email == {
        "id": email["id"],
        "thread": email["thread"],
        "date": "2026-11-02T10:00:00+00:00",
        "sender": CUSTOMER,
        "subject": "Offer",
        "automated": False,
        "only_headers": False,
        "withheld": False,
    }
    headings, row = open_office.do("mail", "list", ALICE).out.splitlines()
    assert headings.split() == ["Date", "From", "Subject", "Withheld", "Thread", "E-mail"]
    assert row.split() == ["2026-11-02", "10:00", CUSTOMER, "Offer", email["thread"], email["id"]]


def test_dates_are_those_of_the_organisation(bare: Terminal) -> None:
    bare.do("init", "--time-zone", "Asia/Tokyo")
    bare.do("user", "add", ALICE, "--name", "Alice")
    bare.do("mailbox", "add", ALICE, "--protocol", "imap")
    for date in ("Mon, 02 Nov 2026 10:00:00 +0000", "Fri, 31 Dec 9999 23:59:59 +0000", "yesterday"):
        bare.receive(ALICE, CUSTOMER, ALICE, headers=f"Date: {date}\r\n")
    dates = [email["date"] for email in emails(bare)]
    assert dates == [None, "9999-12-31T23:59:59+00:00", "2026-11-02T19:00:00+09:00"]
    shown = bare.do("mail", "list", ALICE).out
    assert "2026-11-02 19:00" in shown
    assert "no date" in shown


def test_mail_that_a_program_sent_is_marked_and_is_mail_of_the_record(open_office: Terminal) -> None:
    open_office.receive(ALICE, CUSTOMER, ALICE, headers="Auto-Submitted: auto-replied\r\n")
    assert [email["automated"] for email in emails(open_office, "--record", LEAD)] == [True, False]


def test_page_by_page_nothing_is_left_out(open_office: Terminal) -> None:
    for _ in range(2):
        open_office.receive(ALICE, CUSTOMER, ALICE)
    listed, pages = emails(open_office), []
    before: tuple[str, ...] = ()
    while True:
        page = open_office.do("mail", "list", ALICE, "--limit", "1", *before, "--json").json
        pages += page["emails"]
        if page["next_before"] is None:
            break
        before = ("--before", page["next_before"])
    assert pages == listed
    assert len(pages) == 3
    first = open_office.do("mail", "list", ALICE, "--limit", "2").out
    assert "There may be more: add --before " in first


def test_mail_of_one_record(open_office: Terminal) -> None:
    open_office.receive(ALICE, "friend@elsewhere.example", ALICE)
    assert len(emails(open_office)) == 2
    assert [email["sender"] for email in emails(open_office, "--record", LEAD)] == [CUSTOMER]


def test_who_has_no_mail_is_told_so(open_office: Terminal) -> None:
    assert open_office.do("mail", "list", BOB).out == "There is no such mail.\n"


def test_an_e_mail_is_withheld_until_it_is_released(open_office: Terminal) -> None:
    (email,) = emails(open_office)
    withheld = open_office.do("mail", "withhold", ALICE, "--email", email["id"]).out
    assert withheld == f"{ALICE} withholds the e-mail {email['id']}.\n"
    assert emails(open_office) == [email | {"withheld": True}]
    assert not open_office.sees(BOB, ALICE, LEAD)
    open_office.do("mail", "release", ALICE, "--email", email["id"])
    assert open_office.sees(BOB, ALICE, LEAD)
    assert not open_office.sees(CHARLIE, ALICE, LEAD)


def test_a_conversation_is_withheld_with_what_comes_to_it(open_office: Terminal) -> None:
    open_office.receive(ALICE, CUSTOMER, ALICE, headers="References: <0@customer.example>\r\n")
    thread = emails(open_office)[0]["thread"]
    open_office.do("mail", "withhold", ALICE, "--thread", thread)
    open_office.receive(ALICE, CUSTOMER, ALICE, headers="References: <0@customer.example>\r\n")
    assert [(email["thread"] == thread, email["withheld"]) for email in emails(open_office)] == [
        (True, True),
        (True, True),
        (False, False),
    ]
    released = open_office.do("mail", "release", ALICE, "--thread", thread).out
    assert released == f"{ALICE} does not withhold the conversation {thread} by hand.\n"
    assert not any(email["withheld"] for email in emails(open_office))


def test_released_mail_of_an_excluded_domain_stays_withheld(open_office: Terminal) -> None:
    (email,) = emails(open_office)
    open_office.do("mail", "withhold", ALICE, "--email", email["id"])
    open_office.do("domain", "exclude", "customer.example")
    open_office.do("mail", "release", ALICE, "--email", email["id"])
    assert emails(open_office) == [email | {"withheld": True}]


def test_mail_does_not_steer_the_terminal(open_office: Terminal) -> None:
    open_office.receive(ALICE, CUSTOMER, ALICE, headers="Subject: =?utf-8?q?=1B]0;owned=07=0Ano_=E2=80=AEline?=\r\n")
    shown = open_office.do("mail", "list", ALICE).out
    assert "owned" in shown
    assert len(shown.splitlines()) == 3
    assert shown.replace("\n", "").isprintable()
    told = open_office.do("mail", "list", ALICE, "--json")
    assert "\u202e" in told.json["emails"][0]["subject"]
    assert told.out.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (f"withhold {ALICE}", 2, "mail withhold: name one of --email ID and --thread ID"),
        (f"release {ALICE} --email 1 --thread 2", 2, "mail release: name one of --email ID and --thread ID"),
        (f"withhold {ALICE} --email 1", 1, "email: '1' is not an e-mail's id"),
        (
            f"withhold {ALICE} --email {NO_SUCH_EMAIL}",
            1,
            f"{ALICE} has no e-mail {NO_SUCH_EMAIL}; 'postroom mail list'",
        ),
        (f"withhold {ALICE} --thread x", 1, "thread: 'x' is not an id"),
        (f"withhold {ALICE} --thread 7", 1, f"{ALICE} has no conversation 7; 'postroom mail list' shows them"),
        (f"list {ALICE} --before x", 2, "mail list: invalid value for '--before': 'x' is not an id"),
        (f"list {ALICE} --before 9999999999999999999", 2, "mail list: invalid value for '--before'"),
        (f"list {ALICE} --limit 0", 2, "mail list: invalid value for '--limit'"),
        ("list zoe@team.example", 1, "there is no user zoe@team.example"),
        (f"list {ALICE} --record Leads/7", 1, "there is no record 7 in Leads"),
    ],
)
def test_what_is_refused(open_office: Terminal, arguments: str, code: int, sentence: str) -> None:
    assert open_office.refused("mail", *arguments.split(), code=code).startswith(sentence)


def test_a_conversation_of_somebody_else_is_none_of_bobs(open_office: Terminal) -> None:
    thread = emails(open_office)[0]["thread"]
    assert f"{BOB} has no conversation" in open_office.refused("mail", "withhold", BOB, "--thread", thread)
