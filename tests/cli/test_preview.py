"""Previews: whether a change opens Alice's mail to Bob or Charlie, or closes it, is said before it is made."""

import pytest

from tests.cli.conftest import ALICE, BOB, CHARLIE, LEAD, Terminal
from tests.cli.test_help import ALL

OPENS, CLOSES = "opened", "closed"
ONE, NOTHING = {"users": 1, "records": 1, "emails": 1}, {"users": 0, "records": 0, "emails": 0}

SHARED_WITH_CHARLIE = f"record share {LEAD} --with-user {CHARLIE}"
CUSTOM = f"sharing set --user {ALICE} --choice custom"
ROLES = ("role add Management", "role add Selling --under Management")
BOB_BELOW_MANAGEMENT = (*ROLES, f"user move {BOB} --role Selling")
CHANGES = {
    SHARED_WITH_CHARLIE: (OPENS, ()),
    f"record unshare {LEAD} --with-user {CHARLIE}": (CLOSES, (SHARED_WITH_CHARLIE,)),
    f"user move {CHARLIE} --role Management": (OPENS, BOB_BELOW_MANAGEMENT),
    f"user move {BOB} --role Selling": (OPENS, (*ROLES, f"user move {CHARLIE} --role Management")),  # he owns the lead
    f"user disable {ALICE}": (CLOSES, ()),
    f"user enable {ALICE}": (OPENS, (f"user disable {ALICE}",)),
    f"user delete {BOB}": (CLOSES, ()),
    "sharing set --default public": (OPENS, (f"sharing set --user {ALICE} --choice unset",)),
    "sharing set --default private": (CLOSES, ()),
    f"sharing set --user {ALICE} --choice public --to-user {CHARLIE}": (CLOSES, ()),
    f"share {ALICE} {LEAD}": (OPENS, (CUSTOM,)),
    f"unshare {ALICE} {LEAD}": (CLOSES, (CUSTOM, f"share {ALICE} {LEAD}")),
    "domain exclude customer.example": (CLOSES, ()),
    f"domain exclude customer.example --user {ALICE}": (CLOSES, ()),
    "domain include customer.example": (OPENS, ("domain exclude customer.example",)),
    "domain own team.example": (OPENS, ("domain exclude team.example",)),
    "domain disown team.example": (CLOSES, ("domain exclude team.example", "domain own team.example")),
    f"mail withhold {ALICE} --thread THREAD": (CLOSES, ()),
    f"mail release {ALICE} --thread THREAD": (OPENS, (f"mail withhold {ALICE} --thread THREAD",)),
}


def arguments(office: Terminal, line: str) -> list[str]:
    """Give the words of a command, with the thread of Alice's mail where it stands for one."""
    thread = office.do("mail", "list", ALICE, "--json").json["emails"][0]["thread"]
    return line.replace("THREAD", thread).split()


def viewers(office: Terminal) -> set[str]:
    """Give who sees Alice's mail on the lead."""
    (record,) = office.do("viewers", "--owner", ALICE, "--record", LEAD, "--json").json["records"]
    return {viewer["email"] for viewer in record["viewers"]}


@pytest.mark.parametrize("line", CHANGES)
def test_a_preview_says_what_the_change_does_and_does_nothing(open_office: Terminal, line: str) -> None:
    effect, needed = CHANGES[line]
    for command in needed:
        open_office.do(*arguments(open_office, command))
    before, audited = viewers(open_office), open_office.do("audit", "--json").out
    change = arguments(open_office, line)
    preview = open_office.do(*change, "--preview", "--json").json
    assert {name: preview[name] for name in (OPENS, CLOSES)} == {OPENS: NOTHING, CLOSES: NOTHING} | {effect: ONE}
    assert (viewers(open_office), open_office.do("audit", "--json").out) == (before, audited)
    open_office.do(*change)
    after = viewers(open_office)
    (viewer,) = after - before if effect == OPENS else before - after
    difference = {"viewer": viewer, "owner": ALICE, "record": LEAD, OPENS: 0, CLOSES: 0} | {effect: 1}
    assert (preview["differences"], preview["more"]) == ([difference], False)


def test_every_command_with_a_preview_is_tried_here() -> None:
    previewed = {words for words, command in ALL.items() if any("--preview" in each.opts for each in command.params)}
    assert previewed == {words for words in previewed if any(line.startswith(f"{words} ") for line in CHANGES)}
    assert len(previewed) == 15


def test_for_people_it_is_a_table_for_each_viewer(open_office: Terminal) -> None:
    open_office.receive(ALICE, "lead@customer.example", ALICE)
    audience = ("--choice", "public", "--to-user", CHARLIE)
    open_office.do("record", "share", LEAD, "--with-user", CHARLIE)
    assert open_office.do("sharing", "set", "--user", ALICE, *audience, "--preview").out.splitlines() == [
        "Would open nothing.",
        "Would close 2 e-mails to 1 user on 1 record.",
        "",
        f"{BOB}:",
        f"    -2  {LEAD}  of {ALICE}",
        "",
        "Nothing was changed.",
    ]


def test_a_change_of_nothing(open_office: Terminal) -> None:
    said = open_office.do("user", "move", CHARLIE, "--role", "Sales", "--preview").out
    assert said == "Would open nothing.\nWould close nothing.\n\nNothing was changed.\n"


def test_more_differences_than_anybody_reads(open_office: Terminal) -> None:
    rows = "".join(f"{number},lead@customer.example,{BOB}\n" for number in range(1000, 1110))
    open_office.write("leads.csv", f"Record Id,Email,Owner\n{rows}")
    open_office.do("import", "records", "leads.csv", "--module", "Leads")
    change = ("sharing", "set", "--user", ALICE, "--choice", "private", "--preview")
    shown = open_office.do(*change).out
    assert "Would close 1 e-mail to 1 user on 111 records.\n" in shown
    assert shown.count(f"of {ALICE}") == 100
    assert "These are the first 100 differences; --json prints up to 10000." in shown
    assert len(open_office.do(*change, "--json").json["differences"]) == 111


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        (f"unshare {ALICE} {LEAD} --preview", 1, f"{ALICE} does not share on {LEAD}"),
        ("user disable zoe@team.example --preview", 1, "there is no user zoe@team.example"),
        (f"user disable {ALICE} --json", 2, "user disable: --json goes with --preview"),
    ],
)
def test_a_preview_is_refused_like_the_change(open_office: Terminal, line: str, code: int, sentence: str) -> None:
    assert open_office.refused(*line.split(), code=code).startswith(sentence)
