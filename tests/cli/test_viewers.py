"""The reverse: Alice asks who sees her mail; it is Bob on his lead, and not Charlie, until he is told of the lead."""

import pytest

from tests.cli.conftest import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, Terminal

ASKED = ("viewers", "--owner", ALICE)


def seen_by(office: Terminal, *options: str) -> dict[str, list[str]]:
    """Give the viewers on each record."""
    records = office.do(*ASKED, *options, "--json").json["records"]
    return {record["record"]: [viewer["email"] for viewer in record["viewers"]] for record in records}


def test_bob_sees_it_and_charlie_does_not(open_office: Terminal) -> None:
    assert seen_by(open_office, "--record", LEAD) == {LEAD: [BOB]}
    open_office.do("record", "share", LEAD, "--with-user", CHARLIE)
    assert seen_by(open_office, "--record", LEAD) == {LEAD: [BOB, CHARLIE]}
    open_office.do("sharing", "set", "--user", ALICE, "--choice", "public", "--to-user", CHARLIE)
    assert seen_by(open_office, "--record", LEAD) == {LEAD: [CHARLIE]}
    open_office.do("sharing", "set", "--user", ALICE, "--choice", "private")
    assert seen_by(open_office, "--record", LEAD) == {LEAD: []}


def test_each_viewer_with_the_reasons(open_office: Terminal) -> None:
    assert open_office.do(*ASKED, "--record", LEAD).out.splitlines() == [
        "",
        LEAD,
        "",
        f"Bob <{BOB}>",
        "  sees mail in the mailbox:",
        "  - The viewer sees the record: the viewer owns it.",
        "  - Permission users_choice, the organisation's default.",
        "  - The owner chose public.",
        "  - Public mail is seen by everyone in the audience who sees the record.",
        "  - The audience is everyone.",
    ]
    (viewer,) = open_office.do(*ASKED, "--record", LEAD, "--json").json["records"][0]["viewers"]
    assert [step["rule"] for step in viewer["mailbox"]][:2] == ["owns_record", "permission_from_organisation"]
    assert viewer["crm"] == []


def test_who_sees_for_the_same_reasons_stands_together(open_office: Terminal) -> None:
    open_office.do("user", "add", "dora@team.example", "--name", "Dora")
    for colleague in (CHARLIE, "dora@team.example"):
        open_office.do("record", "share", LEAD, "--with-user", colleague)
    shown = open_office.do(*ASKED, "--record", LEAD).out
    together = f"Charlie <{CHARLIE}>\nDora <dora@team.example>\n  sees mail in the mailbox:\n"
    assert f"{together}  - The viewer sees the record: it is shared with the viewer.\n" in shown
    assert shown.count("sees mail in the mailbox:") == 2


def test_mail_sent_from_the_crm_has_reasons_of_its_own(open_office: Terminal) -> None:
    open_office.do("sharing", "set", "--user", ALICE, "--choice", "private")
    open_office.do("import", "mail", "new.eml", "--sent-by", ALICE)
    assert open_office.do(*ASKED, "--record", LEAD).out.splitlines()[3:] == [
        f"Bob <{BOB}>",
        "  sees mail sent from the CRM:",
        "  - The viewer sees the record: the viewer owns it.",
        "  - Access type public_read_only: everyone who sees the record sees mail sent from the CRM.",
    ]


def test_nobody(open_office: Terminal) -> None:
    open_office.do("sharing", "set", "--user", ALICE, "--choice", "private")
    assert open_office.do(*ASKED).out == f"\n{LEAD}\nNobody but the owner sees mail here.\n"
    assert open_office.do("viewers", "--owner", BOB).out == f"There is no record with mail of {BOB}.\n"


def test_all_records_page_by_page(open_office: Terminal) -> None:
    rows = "".join(f"{number},Boyle,{CUSTOMER},{ALICE}\n" for number in (366, 367))
    open_office.write("leads.csv", f"Record Id,Last Name,Email,Owner\n{rows}")
    open_office.do("import", "records", "leads.csv", "--module", "Leads")
    assert seen_by(open_office) == {LEAD: [BOB], "Leads/366": [], "Leads/367": []}
    first = open_office.do(*ASKED, "--limit", "2", "--json").json
    assert ([record["record"] for record in first["records"]], first["next_after"]) == ([LEAD, "Leads/366"], "366")
    assert "There may be more: add --after 366" in open_office.do(*ASKED, "--limit", "2").out
    assert list(seen_by(open_office, "--after", first["next_after"])) == ["Leads/367"]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ("", 2, "viewers: missing option '--owner'"),
        ("--owner zoe@team.example", 1, "there is no user zoe@team.example; 'postroom user list' shows them"),
        (f"--owner {ALICE} --record Leads/7", 1, "there is no record 7 in Leads"),
        (f"--owner {ALICE} --after 0", 2, "viewers: invalid value for '--after': '0' is not an id"),
    ],
)
def test_what_is_refused(open_office: Terminal, options: str, code: int, sentence: str) -> None:
    assert open_office.refused("viewers", *options.split(), code=code).startswith(sentence)
