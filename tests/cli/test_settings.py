"""The settings in force, and what they come to for Alice."""

import pytest

from tests.cli.conftest import ALICE, BOB, Terminal


def test_every_setting_for_scripts(office: Terminal) -> None:
    office.do("sharing", "set", "--user", ALICE, "--choice", "public")
    office.do("sharing", "set", "--user", BOB, "--permission", "custom", "--to-user", ALICE)
    office.do("sharing", "set", "--role", "Sales", "--permission", "users_choice", "--to-branch", "Sales")
    office.do("domain", "exclude", "bank.example", "--role", "Sales")
    office.do("sharing", "set", "--module", "Leads", "--access", "public")
    listed = office.do("sharing", "list", "--json").json
    modules = {each["module"]: each["access"] for each in listed.pop("modules")}
    below = [{"role": "Sales", "and_subordinates": True}]
    assert listed == {
        "default": {"permission": "users_choice", "audience": "everyone"},
        "crm_access": "public_read_only",
        "roles": [
            {"role": "Sales", "permission": "users_choice", "audience": below, "excluded_domains": ["bank.example"]}
        ],
        "users": [
            {"user": ALICE, "assigned": None, "chosen": {"permission": "public", "audience": "everyone"}},
            {"user": BOB, "assigned": {"permission": "custom", "audience": [{"user": ALICE}]}, "chosen": None},
        ],
    }
    assert (modules["Leads"], modules["Deals"]) == ("public", "private")


def test_every_setting_for_people(office: Terminal) -> None:
    office.do("sharing", "set", "--user", ALICE, "--choice", "public")
    office.do("sharing", "set", "--role", "Sales", "--permission", "private", "--to-role", "Sales")
    office.do("domain", "exclude", "bank.example", "--role", "Sales")
    lines = [line.rstrip() for line in office.do("sharing", "list").out.splitlines()]
    assert lines[:5] == [
        "Where                       What is set",
        "the organisation            default: users_choice for everyone",
        "mail sent from the CRM      access: public_read_only",
        "role Sales                  e-mail preference: private for role Sales; excluded domains: bank.example",
        "alice@team.example          own choice: public for everyone",
    ]
    assert lines[5] == "modules that everyone sees  none"


def test_what_holds_for_alice_and_why(office: Terminal) -> None:
    office.do("sharing", "set", "--user", ALICE, "--choice", "custom", "--to-user", BOB)
    assert office.do("sharing", "of", ALICE).out.splitlines() == [
        f"{ALICE}: custom",
        "  - Permission users_choice, the organisation's default.",
        "    Changed by an administrator, with 'postroom sharing set --default'.",
        "  - The owner chose custom.",
        "    Changed by the owner, with 'postroom sharing set --choice'.",
        f"  - Audience: user {BOB}; always the superiors",
    ]
    told = office.do("sharing", "of", ALICE, "--json").json
    assert (told["user"], told["status"], told["permission"]) == (ALICE, "active", "custom")
    assert [step["rule"] for step in told["steps"]] == ["permission_from_organisation", "users_choice"]
    assert told["settings"] == [
        {"permission": "users_choice", "audience": "everyone"},
        {"permission": "custom", "audience": [{"user": BOB}]},
    ]


@pytest.mark.parametrize(
    ("setting", "first", "second"),
    [
        ("--default private", "private", "Permission private, the organisation's default."),
        (
            f"--user {ALICE} --permission public",
            "public",
            "Permission public, assigned to the owner by an administrator.",
        ),
        (
            "--role Sales --permission custom",
            "custom",
            "Permission custom, from the e-mail preference of the owner's role.",
        ),
    ],
)
def test_where_it_comes_from(office: Terminal, setting: str, first: str, second: str) -> None:
    office.do("sharing", "set", *setting.split())
    lines = office.do("sharing", "of", ALICE).out.splitlines()
    assert lines[:2] == [f"{ALICE}: {first}", f"  - {second}"]
    assert any("Audience" in line for line in lines) == (first != "private")


def test_an_audience_within_an_audience(office: Terminal) -> None:
    office.do("sharing", "set", "--default", "users_choice", "--to-role", "Sales")
    office.do("sharing", "set", "--user", ALICE, "--choice", "public", "--to-user", BOB)
    assert f"Audience: role Sales, and of these: user {BOB}; always" in office.do("sharing", "of", ALICE).out


def test_who_is_not_active_shares_nothing(office: Terminal) -> None:
    office.do("user", "disable", ALICE)
    assert office.do("sharing", "of", ALICE).out.startswith(f"{ALICE} (inactive): private\n")


def test_of_nobody(office: Terminal) -> None:
    assert office.refused("sharing", "of", "zoe@team.example").startswith("there is no user zoe@team.example")
