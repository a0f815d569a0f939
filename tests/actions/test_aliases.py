"""Further addresses of mailboxes: an administrator says so, and their owner sends from them."""

from collections.abc import Callable
from typing import Any

import pytest

from postroom.actions.actor import Actor
from postroom.actions.aliases import add_aliases, list_aliases, remove_aliases, set_aliases
from postroom.actions.audit import read_audit
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, NotAllowed, NotFound
from postroom.actions.mailboxes import disconnect_mailbox
from postroom.actions.own_addresses import OwnAddress, list_own_addresses
from postroom.storage.mailboxes import mailbox_of
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

ALICE, BOB = email_of("Alice"), email_of("Bob")
SALES, INFO, OFFICE = "sales@team.example", "info@team.example", "büro@xn--bcher-kva.example"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def office(team: Team) -> Team:
    """Alice and Bob have mailboxes, Charlie has none, Root is the administrator."""
    for name in ("Alice", "Bob"):
        team.user(name)
    team.user("Charlie", mailbox=None)
    team.user("Root", profile="Administrator", mailbox=None)
    return team


def add(team: Team, *addresses: str, to: str = ALICE, by: Actor = OPERATOR) -> list[str]:
    return add_aliases(team.database, to, addresses, by=by, now=NOW)


def own(team: Team, name: str) -> list[tuple[str, bool]]:
    user_id = team.actor(name).user_id
    assert user_id is not None
    found: list[OwnAddress] = list_own_addresses(team.database, user_id)
    return [(each.address, each.is_default) for each in found]


def test_their_owner_sends_from_them(office: Team) -> None:
    assert add(office, "Sales@Team.Example", "büro@bücher.example") == [OFFICE, SALES]
    assert own(office, "Alice") == [(ALICE, True), (OFFICE, False), (SALES, False)]
    assert own(office, "Bob") == [(BOB, True)]


def test_they_are_added_and_taken_one_by_one_or_set_together(office: Team) -> None:
    add(office, SALES)
    assert add(office, INFO, SALES) == [INFO, SALES]
    assert remove_aliases(office.database, ALICE, [SALES], by=OPERATOR, now=NOW) == [INFO]
    with pytest.raises(NotFound, match=f"{SALES} is no further address of {ALICE}"):
        remove_aliases(office.database, ALICE, [INFO, SALES], by=OPERATOR, now=NOW)
    assert set_aliases(office.database, ALICE, [SALES], by=OPERATOR, now=NOW) == [SALES]
    assert list_aliases(office.database, ALICE, by=OPERATOR) == [SALES]
    assert set_aliases(office.database, ALICE, [], by=OPERATOR, now=NOW) == []
    assert own(office, "Alice") == [(ALICE, True)]


@on_sqlite
def test_each_change_is_in_the_audit_once(office: Team) -> None:
    add(office, SALES)
    add(office, SALES)
    add(office, INFO)
    entries = [each for each in read_audit(office.database, by=OPERATOR, limit=100).entries if "further" in each.change]
    assert [(each.subject, each.before, each.after, each.owner) for each in entries] == [
        (f"mailbox {ALICE}", [SALES], [INFO, SALES], ALICE),
        (f"mailbox {ALICE}", [], [SALES], ALICE),
    ]


@on_sqlite
def test_a_mailbox_is_named_by_its_id_too(office: Team) -> None:
    with office.database.read() as connection:
        mailbox = mailbox_of(connection, office.actor("Alice").user_id or 0)
    assert mailbox is not None
    assert add(office, SALES, to=str(mailbox.id)) == [SALES]


@on_sqlite
def test_two_may_have_the_same(office: Team) -> None:
    assert add(office, INFO) == add(office, INFO, to=BOB) == [INFO]


@on_sqlite
def test_they_go_with_the_mailbox(office: Team) -> None:
    add(office, SALES)
    disconnect_mailbox(office.database, ALICE, by=OPERATOR, now=NOW)
    assert own(office, "Alice") == [(ALICE, True)]


@on_sqlite
@pytest.mark.parametrize(
    ("to", "addresses", "refusal", "sentence"),
    [
        (ALICE, [BOB], AlreadyThere, "is the address of another user"),
        (ALICE, [email_of("Charlie")], AlreadyThere, "is the address of another user"),
        (ALICE, [ALICE], AlreadyThere, "is the address of this mailbox itself"),
        (ALICE, ["sales"], InvalidInput, "addresses: 'sales' is not an e-mail address"),
        (ALICE, [f"{number}@team.example" for number in range(101)], InvalidInput, "addresses: expected at most 100"),
        (email_of("Charlie"), [SALES], NotFound, "there is no connected mailbox"),
        ("1", [SALES], NotFound, "there is no connected mailbox 1"),
        ("charlie", [SALES], InvalidInput, "mailbox: 'charlie' is not an e-mail address"),
    ],
)
def test_what_cannot_be(office: Team, to: str, addresses: list[str], refusal: type[ActionError], sentence: str) -> None:
    before = contents(office.database)
    for change in (add_aliases, set_aliases):
        with pytest.raises(refusal, match=sentence):
            change(office.database, to, addresses, by=OPERATOR, now=NOW)
    assert contents(office.database) == before


@on_sqlite
@pytest.mark.parametrize("change", [add_aliases, set_aliases, remove_aliases])
def test_nobody_asserts_the_own(office: Team, change: Callable[..., Any]) -> None:
    add(office, SALES)
    before = contents(office.database)
    for name in ("Alice", "Bob", "Charlie"):
        for mailbox in (ALICE, BOB, "nobody@team.example"):
            with pytest.raises(NotAllowed):
                change(office.database, mailbox, [SALES], by=office.actor(name), now=NOW)
            with pytest.raises(NotAllowed):
                list_aliases(office.database, mailbox, by=office.actor(name))
    assert contents(office.database) == before
    assert change(office.database, ALICE, [SALES], by=office.actor("Root"), now=NOW) in ([SALES], [])
