"""Excluded domains: Alice's mail is open to all, Bob sees it on his lead, and a domain in it closes it."""

import pytest

from tests.cli.conftest import ALICE, BOB, CHARLIE, CUSTOMER, LEAD, Terminal


def bob_sees(office: Terminal) -> bool:
    return office.sees(BOB, ALICE, LEAD)


def test_an_excluded_domain_closes_old_mail_at_once_and_opens_it_when_included(open_office: Terminal) -> None:
    assert bob_sees(open_office)
    excluded = open_office.do("domain", "exclude", "customer.example", "bank.example").out
    assert excluded == "customer.example, bank.example are on the list of excluded domains of the organisation.\n"
    assert not bob_sees(open_office)
    included = open_office.do("domain", "include", "customer.example").out
    assert included == "customer.example is not on the list of excluded domains of the organisation.\n"
    assert bob_sees(open_office)


def test_alice_sees_her_own_mail_and_charlie_sees_none(open_office: Terminal) -> None:
    open_office.do("record", "share", LEAD, "--with-user", ALICE)
    open_office.do("domain", "exclude", "customer.example")
    assert open_office.sees(ALICE, ALICE, LEAD)
    assert not open_office.sees(CHARLIE, ALICE, LEAD)


def test_each_list_stands_by_itself(open_office: Terminal) -> None:
    open_office.do("sharing", "set", "--role", "Sales", "--permission", "public")
    lists = ((), ("--role", "Sales"), ("--user", ALICE))
    for whose in lists:
        open_office.do("domain", "exclude", "customer.example", *whose)
    for whose in lists:
        assert not bob_sees(open_office)
        open_office.do("domain", "include", "customer.example", *whose)
    assert bob_sees(open_office)


def test_what_another_user_excludes_closes_nothing_of_alices(open_office: Terminal) -> None:
    said = open_office.do("domain", "exclude", "customer.example", "--user", BOB).out
    assert said == f"customer.example is on the list of excluded domains of {BOB}.\n"
    assert bob_sees(open_office)


@pytest.mark.parametrize(
    "command", [("include",), ("include", "--role", "Sales"), ("include", "--user", ALICE), ("disown",)]
)
def test_a_domain_that_is_on_no_list_is_taken_off_none(open_office: Terminal, command: tuple[str, ...]) -> None:
    """A subdomain of one that is there is not there either."""
    open_office.do("sharing", "set", "--role", "Sales", "--permission", "public")
    act, *whose = command
    open_office.do("domain", {"include": "exclude", "disown": "own"}[act], "there.example", *whose)
    said = open_office.refused("domain", act, "there.example", "mail.there.example", "B.example", *whose)
    assert said == "domains: not on this list: b.example, mail.there.example; 'postroom domain list' shows what is"
    assert open_office.do("domain", act, "there.example", *whose).out


def test_a_domain_covers_its_subdomains_in_any_form(open_office: Terminal) -> None:
    open_office.do("domain", "exclude", "EXAMPLE.")
    assert not bob_sees(open_office)


def test_an_own_domain_hides_no_customers_mail(open_office: Terminal) -> None:
    open_office.do("domain", "exclude", "team.example")
    assert not bob_sees(open_office)
    said = open_office.do("domain", "own", "team.example").out
    assert said == "team.example is on the list of the organisation's own domains.\n"
    assert bob_sees(open_office)
    open_office.do("domain", "disown", "team.example")
    assert not bob_sees(open_office)


def test_the_list_names_everything_but_what_a_user_excludes(open_office: Terminal) -> None:
    open_office.do("sharing", "set", "--role", "Sales", "--permission", "public")
    open_office.do("domain", "own", "team.example")
    open_office.do("domain", "exclude", "bank.example")
    open_office.do("domain", "exclude", "law.example", "--role", "Sales")
    open_office.do("domain", "exclude", "club.example", "choir.example", "--user", ALICE)
    assert open_office.do("domain", "list", "--json").json == {
        "internal": ["team.example"],
        "organisation": ["bank.example"],
        "roles": {"Sales": ["law.example"]},
        "users": {ALICE: 2},
    }
    shown = [line.rstrip() for line in open_office.do("domain", "list").out.splitlines()]
    assert shown == [
        "List                            Domains",
        "the organisation's own          team.example",
        "excluded by the organisation    bank.example",
        "excluded for the role Sales     law.example",
        "excluded by alice@team.example  2 domains",
    ]


def test_a_user_reads_the_own_list(open_office: Terminal) -> None:
    open_office.do("domain", "exclude", "club.example", "choir.example", "--user", ALICE)
    assert open_office.do("domain", "list", "--user", ALICE).out == "choir.example\nclub.example\n"
    assert open_office.do("domain", "list", "--user", ALICE, "--json").json == ["choir.example", "club.example"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("exclude", 2, "domain exclude: missing argument 'DOMAIN...'"),
        (f"exclude a.example --role Sales --user {ALICE}", 2, "domain exclude: name at most one of --role NAME and"),
        (f"exclude {CUSTOMER}", 1, f"domains: '{CUSTOMER}' is not a domain such as example.com"),
        ("own team/example", 1, "domains: 'team/example' is not a domain such as example.com"),
        ("exclude a.example --role Sales", 1, "role: 'Sales' has no e-mail preference to exclude domains in"),
        ("exclude a.example --user zoe@team.example", 1, "there is no user zoe@team.example"),
        ("list --user zoe@team.example", 1, "there is no user zoe@team.example"),
    ],
)
def test_what_is_refused(open_office: Terminal, arguments: str, code: int, sentence: str) -> None:
    assert open_office.refused("domain", *arguments.split(), code=code).startswith(sentence)
