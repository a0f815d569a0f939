"""The folders of a mailbox on the command line."""

from tests.cli.conftest import ALICE, Terminal


def test_choices_are_listed_as_json_and_for_people(office: Terminal) -> None:
    said = office.do("mailbox", "folders", ALICE, "--leave", "News", "--read", "Spam/Customers").out
    assert said.splitlines()[0] == f"2 folders chosen; the next pass over {ALICE} follows."
    assert [line.split() for line in said.splitlines()[2:]] == [
        ["News", "new", "left", "out"],
        ["Spam/Customers", "new", "read"],
    ]
    office.do("mailbox", "folders", ALICE, "--by-use", "News")
    listed = office.do("mailbox", "folders", ALICE, "--json").json
    assert [(each["name"], each["choice"]) for each in listed] == [("News", "by its use"), ("Spam/Customers", "read")]
    assert listed[0] == {
        "name": "News",
        "state": "new",
        "messages": None,
        "watermark": 0,
        "compared": None,
        "choice": "by its use",
        "error": None,
    }


def test_before_the_first_pass_none_is_known(office: Terminal) -> None:
    assert office.do("mailbox", "folders", ALICE).out == "No folder is known yet: the first pass finds them.\n"
    assert office.do("mailbox", "folders", ALICE, "--json").json == []


def test_what_is_wrong_is_said(office: Terminal) -> None:
    assert "there is no connected mailbox" in office.refused("mailbox", "folders", "zoe@team.example")
    assert "named twice" in office.refused("mailbox", "folders", ALICE, "--read", "A", "--leave", "A")
