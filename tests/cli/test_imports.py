"""Imports: the good is kept, the bad is given back, and twice changes nothing."""

import csv
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.team import message

HEADER = "Record Id,Last Name,Email,Owner"
GOOD = "1,Adams,adams@customer.example,bob@team.example"
NO_ADDRESS = '2,"Brown\nJunior",brown,bob@team.example'
NO_OWNER = "3,Clark,clark@customer.example,zoe@team.example"
IMPORT = ("import", "records", "people.csv", "--module", "Contacts")


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def rejects(office: Terminal) -> Path:
    office.write("people.csv", f"{HEADER}\n{GOOD}\n{NO_ADDRESS}\n{NO_OWNER}\n")
    return office.folder / "people.rejects.csv"


def test_bad_rows_come_back_with_line_and_reason(office: Terminal, rejects: Path) -> None:
    out = office.do(*IMPORT).out
    assert "1 record created, 0 updated, 0 unchanged.\n2 rows rejected; correct them in people.rejects.csv" in out
    assert read(rejects) == [
        ["Rejected line", "Rejected because", *HEADER.split(",")],
        ["3", "Email: 'brown' is not an e-mail address", "2", "Brown\nJunior", "brown", "bob@team.example"],
        ["5", "Owner: there is no user 'zoe@team.example'", *NO_OWNER.split(",")],
    ]


def test_json_says_the_same(office: Terminal, rejects: Path) -> None:
    assert office.do(*IMPORT, "--json").json == {
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "rejected": [
            {"line": 3, "reason": "Email: 'brown' is not an e-mail address"},
            {"line": 5, "reason": "Owner: there is no user 'zoe@team.example'"},
        ],
        "rejects_file": "people.rejects.csv",
    }
    assert rejects.exists()


def test_a_second_import_changes_nothing(office: Terminal, rejects: Path) -> None:
    office.do(*IMPORT)
    before = rejects.read_bytes()
    again = office.do(*IMPORT, "--json").json
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 1)
    assert rejects.read_bytes() == before


def test_rows_corrected_where_they_were_given_back_are_the_rows_of_the_file(office: Terminal, rejects: Path) -> None:
    """Had they brought line and reason along as fields, the corrected file would update the records."""
    office.do(*IMPORT)
    corrected = rejects.read_text().replace(",brown,", ",brown@customer.example,").replace("zoe@", "bob@", 2)
    rejects.write_text(corrected)
    first = office.do("import", "records", rejects.name, "--module", "Contacts", "--json").json
    assert (first["created"], first["rejected"]) == (2, [])
    original = (office.folder / "people.csv").read_text()
    office.write("people.csv", original.replace(",brown,", ",brown@customer.example,").replace("zoe@", "bob@"))
    second = office.do(*IMPORT, "--json").json
    assert (second["created"], second["updated"], second["unchanged"]) == (0, 0, 3)
    assert second["rejects_file"] is None
    assert not rejects.exists()


def test_lines_of_a_rejects_file_are_its_own(office: Terminal, rejects: Path) -> None:
    office.do(*IMPORT)
    again = office.do("import", "records", rejects.name, "--module", "Contacts", "--json").json
    assert [(row["line"], row["reason"].split(":")[0]) for row in again["rejected"]] == [(2, "Email"), (4, "Owner")]
    assert read(office.folder / "people.rejects.rejects.csv")[1][2:] == read(rejects)[1][2:]


@pytest.mark.parametrize("damage", ['9,"x"y,z,w', "9,too,few", "9,too,many,values,here"])
def test_damage_is_rejected_in_a_rejects_file_too(office: Terminal, rejects: Path, damage: str) -> None:
    office.do(*IMPORT)
    rejects.write_text(f"{rejects.read_text()}1,because,{damage}\n\n")
    assert len(office.do("import", "records", rejects.name, "--module", "Contacts", "--json").json["rejected"]) == 3


def test_bytes_that_are_no_text_come_back_as_they_were(office: Terminal, rejects: Path) -> None:
    (office.folder / "people.csv").write_bytes(
        f"{HEADER}\n4,M".encode() + b"\xfcller,m@customer.example,bob@team.example\n"
    )
    office.do(*IMPORT)
    assert b"M\xfcller" in rejects.read_bytes()
    office.do("import", "records", rejects.name, "--module", "Contacts")
    assert b"M\xfcller" in (office.folder / "people.rejects.rejects.csv").read_bytes()


@pytest.mark.parametrize("there", ["people.csv", "notes.txt"])
def test_rejects_overwrite_nothing_else(office: Terminal, rejects: Path, there: str) -> None:
    office.write("notes.txt", "precious\n")
    before = (office.folder / there).read_bytes()
    assert "holds something else" in office.refused(*IMPORT, "--rejects", there, code=2)
    assert (office.folder / there).read_bytes() == before
    assert not rejects.exists()


def test_rejects_go_where_they_are_wanted(office: Terminal, rejects: Path) -> None:
    office.do(*IMPORT, "--rejects", "elsewhere.csv")
    assert len(read(office.folder / "elsewhere.csv")) == 3
    assert not rejects.exists()


def test_an_owner_for_records_without_one(office: Terminal) -> None:
    office.write("people.csv", "Last Name,Email\nAdams,adams@customer.example\n")
    assert "--owner" in office.refused(*IMPORT)
    assert office.do(*IMPORT, "--owner", "bob@team.example").out.startswith("1 record created")


@pytest.fixture
def archive(office: Terminal) -> Path:
    folder = office.folder / "archive"
    folder.mkdir()
    (folder / "1.eml").write_bytes(message("lead@customer.example", ["alice@team.example"], "<1@customer.example>"))
    (folder / "2.eml").write_bytes(message("lead@customer.example", ["alice@team.example"], "<2@customer.example>"))
    (folder / "notes.txt").write_text("no mail")
    return folder


def test_mail_comes_in_once_and_what_is_none_is_listed(office: Terminal, archive: Path) -> None:
    arguments = ("import", "mail", archive.name, "--mailbox", "alice@team.example")
    problem = {"place": "archive/notes.txt", "sentence": "not a mail file, neither mbox nor .eml"}
    assert office.do(*arguments, "--json").json == {
        "stored": 2,
        "known": 0,
        "dead_letters": 0,
        "problems": [problem],
    }
    again = office.do(*arguments).out
    assert again.startswith("0 messages stored, 2 known already.\n1 problem")
    assert again.endswith("  archive/notes.txt: not a mail file, neither mbox nor .eml\n")
    assert office.do("mailbox", "list", "--json").json[0]["copies"] == 2


def test_mail_sent_from_a_crm_and_filed_by_hand(office: Terminal, archive: Path) -> None:
    assert (
        office.do(
            "import", "mail", archive.name, "--sent-by", "bob@team.example", "--record", "Leads/365", "--json"
        ).json["stored"]
        == 2
    )
    assert office.do("mailbox", "list", "--json").json[0]["copies"] == 0
