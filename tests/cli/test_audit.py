"""The audit: who changed what about Alice's mail, from what to what."""

import os
import pty
import struct
import subprocess
from fcntl import ioctl
from getpass import getuser
from termios import TIOCSWINSZ
from typing import Any

import pytest

from tests.cli.conftest import ALICE, BOB, CHARLIE, LEAD, Terminal
from tests.servers.postroom_server import PROGRAM

OPERATOR = f"command line of {getuser()}"


def entries(office: Terminal, *options: str) -> list[dict[str, Any]]:
    """Give the entries, the newest first."""
    listed: list[dict[str, Any]] = office.do("audit", *options, "--json").json["entries"]
    return listed


def test_a_change_is_written_down_once(open_office: Terminal) -> None:
    before = entries(open_office)
    for _ in range(2):
        open_office.do(
            "sharing", "set", "--user", ALICE, "--choice", "custom", "--to-user", BOB, "--to-branch", "Sales"
        )
    entry, *rest = entries(open_office)
    assert rest == before
    audience = [{"user": BOB}, {"role": "Sales", "and_subordinates": True}]
    assert entry == {
        "id": entry["id"],
        "at": entry["at"],
        "actor": None,
        "channel": OPERATOR,
        "change": "own choice",
        "subject": f"user {ALICE}",
        "owner": ALICE,
        "before": {"permission": "public", "audience": "everyone"},
        "after": {"permission": "custom", "audience": audience},
    }


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("sharing set --default private", "default permission  the organisation  users_choice for everyone → private"),
        (f"sharing set --user {ALICE} --permission custom --to-role Sales", "none → custom for role Sales"),
        ("sharing set --crm-access private", "the organisation  public_read_only → private"),
        ("sharing set --module Leads --access public", "module access  module Leads  private → public"),
        ("domain exclude a.example b.example", "excluded domains  the organisation  none → a.example, b.example"),
        ("domain own team.example", "internal domains  the organisation  none → team.example"),
        (f"record share {LEAD} --with-user {CHARLIE}", f"record share  {LEAD} ({BOB})  none → user {CHARLIE}"),
        (f"record share {LEAD} --with-role Sales --and-subordinates", "none → role Sales and those below"),
        (f"user move {ALICE}", f"role of a user  user {ALICE}  Sales → none"),
        (f"user disable {BOB}", f"status  user {BOB}  active → inactive"),
        ("role add Service --under Sales", "role  role Service  none → under Sales"),
        (f"mail withhold {ALICE} --email EMAIL", f"withheld by hand  e-mail EMAIL ({ALICE})  shown → withheld"),
    ],
)
def test_every_change_is_readable(open_office: Terminal, change: str, shown: str) -> None:
    (email,) = open_office.do("mail", "list", ALICE, "--json").json["emails"]
    open_office.do(*change.replace("EMAIL", email["id"]).split())
    headings, line = open_office.do("audit", "--limit", "1").out.splitlines()[:2]
    assert headings.split("  ")[0] == "When"
    assert " ".join(shown.replace("EMAIL", email["id"]).split()) in " ".join(line.split())
    assert OPERATOR in line


def test_what_concerns_alices_mail(open_office: Terminal) -> None:
    open_office.do("user", "move", BOB, "--role", "Sales")
    open_office.do("sharing", "set", "--role", "Sales", "--permission", "public")
    open_office.do("domain", "exclude", "a.example")
    changes = [entry["change"] for entry in entries(open_office, "--about", ALICE)]
    assert changes[:3] == ["excluded domains", "e-mail preference", "own choice"]
    assert "role of a user" in {entry["change"] for entry in entries(open_office)}
    assert "role of a user" not in changes


def test_page_by_page_nothing_is_left_out(open_office: Terminal) -> None:
    listed = entries(open_office)
    first = open_office.do("audit", "--limit", "2", "--json").json
    assert first["next_before"] == listed[1]["id"]
    assert first["entries"] + entries(open_office, "--before", first["next_before"]) == listed
    assert f"There may be more: add --before {first['next_before']}" in open_office.do("audit", "--limit", "2").out


def test_when_is_on_the_organisations_clock(bare: Terminal) -> None:
    bare.do("init", "--time-zone", "Asia/Tokyo")
    bare.do("role", "add", "Sales")
    (entry,) = entries(bare)
    assert entry["at"].endswith("+09:00")
    assert bare.do("audit").out.splitlines()[1].startswith(entry["at"][:16].replace("T", " "))


def test_nothing_happened_yet(shell: Terminal) -> None:
    assert shell.do("audit").out == "Nothing was changed.\n"


def test_on_a_narrow_terminal_no_address_is_cut(open_office: Terminal) -> None:
    open_office.do("sharing", "set", "--user", ALICE, "--choice", "public", "--to-user", CHARLIE, "--to-role", "Sales")
    main, terminal = pty.openpty()
    ioctl(terminal, TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    subprocess.run([PROGRAM, "audit", "--limit", "1"], stdout=terminal, env=environment, check=True)
    os.close(terminal)
    lines = os.read(main, 100_000).decode().splitlines()
    os.close(main)
    assert lines[0].endswith(f"  {OPERATOR}")
    assert lines[1:5] == [
        "  Changed: own choice",
        f"  Of: user {ALICE}",
        "  From → to: public for everyone → public for user",
        f"  {CHARLIE}, role Sales",
    ]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        ("--about zoe@team.example", 1, "there is no user zoe@team.example; 'postroom user list' shows them"),
        ("--before x", 2, "audit: invalid value for '--before': 'x' is not an id"),
        ("--limit 1001", 2, "audit: invalid value for '--limit'"),
    ],
)
def test_what_is_refused(shell: Terminal, options: str, code: int, sentence: str) -> None:
    assert shell.refused("audit", *options.split(), code=code).startswith(sentence)
