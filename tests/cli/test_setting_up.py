"""Setting up an organisation by hand, and what scripts read of it."""

import json
import os
import subprocess

import pytest

from tests.cli.conftest import Terminal
from tests.servers.postroom_server import PROGRAM

LEAD = "Leads/365"


def test_an_organisation_from_nothing(bare: Terminal) -> None:
    assert bare.do("init", "--name", "Adams & Co").out.startswith("Created 'Adams & Co' in sqlite:///")
    assert "is there and up to date" in bare.do("init").out
    bare.do("role", "add", "Management")
    bare.do("role", "add", "Sales", "--under", "Management")
    bare.do("user", "add", "alice@team.example", "--name", "Alice", "--role", "Sales")
    assert bare.do("role", "list").out.split() == ["Role", "E-mail", "preference", "Management", "Sales"]
    assert "Alice  alice@team.example  Sales" in bare.do("user", "list").out


def test_ids_are_text_in_json(office: Terminal) -> None:
    role, users = office.do("role", "list", "--json").json[0], office.do("user", "list", "--json").json
    assert role == {"id": role["id"], "name": "Sales", "under": None, "email_preference": None}
    assert role["id"].isdigit()
    assert users[1] == {
        "id": "412463000001213019",
        "email": "bob@team.example",
        "name": "Bob",
        "role": None,
        "profile": "Standard",
        "status": "active",
        "assigned_permission": None,
        "chosen_permission": None,
    }
    added = office.do("user", "add", "charlie@team.example", "--name", "Charlie", "--role", "Sales", "--json").json
    assert added in office.do("user", "list", "--json").json


def test_disabling_and_enabling(office: Terminal) -> None:
    def status() -> str:
        return str(office.do("user", "list", "--json").json[0]["status"])

    office.do("user", "disable", "alice@team.example")
    assert status() == "inactive"
    office.do("user", "enable", "alice@team.example")
    assert status() == "active"


def test_modules(shell: Terminal) -> None:
    added = shell.do("module", "add", "Machines", "--json").json
    shell.do("sharing", "set", "--module", "machines", "--access", "public")
    listed = shell.do("module", "list", "--json").json
    assert listed[-1] == added | {"is_public": True}
    assert [module["api_name"] for module in listed if module["is_public"]] == ["Machines"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--default", "private"), "default permission is private"),
        (("--role", "Sales", "--permission", "custom"), "preference of the role Sales is custom"),
        (("--role", "Sales", "--permission", "unset"), "preference of the role Sales is unset"),
        (("--user", "alice@team.example", "--permission", "public"), "assigned to alice@team.example is public"),
        (("--user", "alice@team.example", "--choice", "custom"), "choice of alice@team.example is custom"),
        (("--crm-access", "private"), "mail sent from the CRM is private"),
        (("--module", "leads", "--access", "public"), "module leads is public"),
    ],
)
def test_each_setting_has_one_form(office: Terminal, options: tuple[str, ...], said: str) -> None:
    assert said in office.do("sharing", "set", *options).out


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--role", "Sales"),
        ("--permission", "public"),
        ("--default", "private", "--crm-access", "private"),
        ("--user", "alice@team.example", "--permission", "public", "--choice", "public"),
        ("--module", "Leads", "--permission", "public"),
    ],
)
def test_no_setting_is_guessed(office: Terminal, options: tuple[str, ...]) -> None:
    assert office.refused("sharing", "set", *options, code=2).startswith("sharing set: name one thing to set")


def test_permissions_are_what_the_list_says(office: Terminal) -> None:
    office.do("sharing", "set", "--user", "alice@team.example", "--permission", "users_choice")
    office.do("sharing", "set", "--user", "alice@team.example", "--choice", "public")
    office.do("sharing", "set", "--role", "Sales", "--permission", "custom")
    alice = office.do("user", "list", "--json").json[0]
    assert (alice["assigned_permission"], alice["chosen_permission"]) == ("users_choice", "public")
    assert office.do("role", "list", "--json").json[0]["email_preference"] == "custom"
    office.do("sharing", "set", "--role", "Sales", "--permission", "unset")
    assert office.do("role", "list", "--json").json[0]["email_preference"] is None


def test_bob_sees_what_alice_shares_until_she_stops(office: Terminal) -> None:
    asked = ("explain", "--viewer", "bob@team.example", "--owner", "alice@team.example", "--record", LEAD)
    assert "custom sharing" in office.refused("share", "alice@team.example", LEAD)
    office.do("sharing", "set", "--user", "alice@team.example", "--choice", "custom")
    office.do("share", "alice@team.example", LEAD)
    explained = office.do(*asked, "--json").json
    assert (explained["viewer"], explained["owner"], explained["record"]) == (
        "bob@team.example",
        "alice@team.example",
        LEAD,
    )
    assert [answer["allowed"] for answer in explained["answers"]] == [True, True]
    assert all(answer["steps"] for answer in explained["answers"])
    office.do("unshare", "alice@team.example", LEAD)
    assert "May not see mail in the owner's mailbox" in office.do(*asked).out


def test_a_record_is_shared_deleted_and_restored(office: Terminal) -> None:
    office.do("user", "add", "charlie@team.example", "--name", "Charlie", "--role", "Sales")
    asked = ("explain", "--viewer", "charlie@team.example", "--owner", "charlie@team.example", "--record", LEAD)

    def charlie_sees_it() -> bool:
        return bool(office.do(*asked, "--json").json["answers"][0]["allowed"])

    assert not charlie_sees_it()
    office.do("record", "share", LEAD, "--with-user", "charlie@team.example")
    assert charlie_sees_it()
    office.do("record", "delete", LEAD)
    assert not charlie_sees_it()
    office.do("record", "restore", LEAD)
    assert charlie_sees_it()
    office.do("record", "unshare", LEAD, "--with-user", "charlie@team.example")
    assert not charlie_sees_it()
    office.do("record", "share", LEAD, "--with-role", "Sales", "--and-subordinates")
    assert charlie_sees_it()


def test_the_demo_for_scripts_and_for_people(bare: Terminal) -> None:
    first = bare.do("demo", "--json", "--base-url", "http://127.0.0.1:9000/").json
    assert list(first) == ["base_url", "token", "user", "paths"]
    assert first["base_url"] == "http://127.0.0.1:9000"
    assert "/crm/v8/Leads/3652397000001790004/__emails_sharing_details" in first["paths"]
    assert first["user"] in [user["email"] for user in bare.do("user", "list", "--json").json]
    shown = bare.do("demo").out
    assert f"  http://127.0.0.1:8400{first['paths'][0]}\n" in shown
    assert "  curl -H 'Authorization: Zoho-oauthtoken postroom_" in shown


def test_a_backup_comes_back_in_another_folder(office: Terminal) -> None:
    users = office.do("user", "list", "--json").out
    office.do("backup", "all.sqlite3")
    office.do("restore", "all.sqlite3", "--data-dir", "other")
    assert office.do("--data-dir", "other", "user", "list", "--json").out == users


def test_where_the_data_is_may_be_said_anywhere(bare: Terminal) -> None:
    bare.do("--data-dir", "a", "init")
    bare.do("role", "--data-dir", "a", "add", "Sales")
    assert "Sales" in bare.do("role", "list", "--data-dir", "a").out
    assert "Sales" in bare.do("--data-dir", "b", "role", "list", "--data-dir", "a").out
    assert "Sales" in bare.do("role", "list", "--database", f"sqlite:///{bare.folder}/a/postroom.sqlite3").out


def test_a_pipe_gets_whole_values_without_colour(shell: Terminal) -> None:
    name = "A" * 200
    shell.do("user", "add", "alice@team.example", "--name", name)
    environment = os.environ | {"COLUMNS": "80", "FORCE_COLOR": "1"}
    done = subprocess.run([PROGRAM, "user", "list"], env=environment, capture_output=True, text=True, check=True)
    assert name in done.stdout
    assert "\x1b" not in done.stdout
    assert json.loads(shell.do("user", "list", "--json").out)[0]["name"] == name
