"""Dead letters on the command line: listed, shown without steering the terminal, tried again."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.storage.database import Database, sqlite_url
from tests.cli.conftest import ALICE, BOB, LEAD, Terminal
from tests.storage.poison import POISON, refusing_poison

HEADERS = f"Subject: {POISON}\r\nX-Title: \x1b]0;owned\x07 \N{RIGHT-TO-LEFT OVERRIDE}\r\n"


@pytest.fixture
def database(office: Terminal) -> Iterator[Database]:
    database = Database(sqlite_url(office.folder / "data" / "postroom.sqlite3"))
    yield database
    database.close()


@pytest.fixture
def dead(office: Terminal, database: Database) -> dict[str, Any]:
    """Give the one letter, which is Alice's."""
    with refusing_poison(database):
        office.receive(ALICE, "lead@customer.example", ALICE, headers=HEADERS)
    (letter,) = office.do("deadletter", "list", "--json").json
    return dict(letter)


def test_an_import_says_what_could_not_be_stored(office: Terminal, database: Database) -> None:
    (office.folder / "bad.eml").write_bytes(b"Subject: poison\r\n\r\n")
    with refusing_poison(database):
        arguments = ("import", "mail", "bad.eml", "--mailbox", ALICE)
        assert office.do(*arguments, "--json").json["dead_letters"] == 1
        said = office.do(*arguments).out.splitlines()
    assert said[1] == "1 message could not be stored; 'postroom deadletter list' shows them."
    assert said[-1] == "  bad.eml: not stored, kept as a dead letter: IntegrityError: no poison here"


def test_the_list_says_whose_where_and_why(office: Terminal, dead: dict[str, Any]) -> None:
    assert dead == dead | {
        "user": ALICE,
        "folder": "imported",
        "place": "new.eml",
        "record": None,
        "only_headers": False,
        "reason": "IntegrityError: no poison here",
    }
    headings, row = office.do("deadletter", "list").out.splitlines()
    assert headings.split() == ["Letter", "Owner", "Place", "Failed", "Bytes", "Reason"]
    assert row.split()[:3] == [dead["id"], ALICE, "new.eml"]
    assert office.do("deadletter", "list", "--user", ALICE, "--json").json == [dead]
    assert office.do("deadletter", "list", "--user", BOB).out == "There is no dead letter.\n"
    assert office.do("deadletter", "list", "--after", dead["id"], "--json").json == []


def test_the_message_is_shown_and_steers_nothing(office: Terminal, dead: dict[str, Any]) -> None:
    shown = office.do("deadletter", "show", dead["id"])
    assert "Reason: IntegrityError: no poison here" in shown.out
    assert "Subject: poison" in shown.out
    assert "owned" in shown.out
    assert shown.out.replace("\n", "").isprintable()
    told = office.do("deadletter", "show", dead["id"], "--json")
    assert told.out.replace("\n", "").isprintable()
    assert base64.b64decode(told.json["message"]) == (office.folder / "new.eml").read_bytes()


def test_of_a_long_one_the_beginning_is_shown(office: Terminal, database: Database) -> None:
    (office.folder / "long.eml").write_bytes(b"Subject: poison\r\n\r\n" + b"line\r\n" * 10_000)
    with refusing_poison(database):
        office.do("import", "mail", "long.eml", "--mailbox", ALICE)
    (letter,) = office.do("deadletter", "list", "--json").json
    assert office.do("deadletter", "show", letter["id"]).out.endswith("There are 43635 bytes more: add --json\n")


def test_one_or_all_are_tried_again(office: Terminal, database: Database, dead: dict[str, Any]) -> None:
    with refusing_poison(database):
        all_of_them = office.do("deadletter", "replay")
        assert all_of_them.out == f"0 messages stored, 1 not.\n  {dead['id']}: new.eml: {dead['reason']}\n"
        failed = [{"id": dead["id"], "reason": dead["reason"]}]
        assert office.do("deadletter", "replay", "--json").json == {"stored": 0, "failed": failed}
        one = office.run("deadletter", "replay", dead["id"])
        assert (one.code, one.out) == (1, all_of_them.out)
        assert one.err == f"postroom: the dead letter {dead['id']} was not stored\n"
    assert office.do("deadletter", "replay", dead["id"]).out == "1 message stored, 0 not.\n"
    assert office.do("mail", "list", ALICE, "--record", LEAD, "--json").json["emails"][0]["subject"] == POISON
    assert office.refused("deadletter", "replay", dead["id"]).startswith(f"there is no dead letter {dead['id']};")


@pytest.mark.parametrize("command", ["show", "replay"])
def test_what_is_no_letter_is_refused(office: Terminal, command: str) -> None:
    assert office.refused("deadletter", command, "x") == "letter: 'x' is not an id"
    assert office.refused("deadletter", command, "7").startswith("there is no dead letter 7")


def test_a_place_does_not_steer_the_terminal(office: Terminal, database: Database) -> None:
    folder = Path(office.folder / "a\x1b[31m")
    folder.mkdir()
    (folder / "1.eml").write_bytes(b"Subject: poison\r\n\r\n")
    with refusing_poison(database):
        office.do("import", "mail", str(folder), "--mailbox", ALICE)
    for arguments in (("list",), ("list", "--json")):
        assert office.do("deadletter", *arguments).out.replace("\n", "").isprintable()
