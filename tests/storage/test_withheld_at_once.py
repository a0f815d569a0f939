"""Mail that comes in at the very moment at which something of it is withheld: it is never left for others to see."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, select

from postroom.actions.changes import Change, Transaction, make
from postroom.actions.edit_users import UserEdit, edit_user
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.organisation import SetUserRole
from postroom.actions.permissions import SetRolePreference
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.core.model import Kind, Permission
from postroom.mail.parse import parse_message
from postroom.storage.database import lock_matching
from postroom.storage.mail import IncomingCopy, Source, store_copies
from postroom.storage.mailboxes import mailbox_of
from postroom.storage.people import find_user
from postroom.storage.schema import copies, record_mail
from tests.storage.conftest import SECONDS, Background
from tests.team import NOW, OPERATOR, Team, email_of, message

ALICE = email_of("Alice")
CUSTOMER = "lead@customer.example"
LETTER = "<letter@customer.example>"


class Case(NamedTuple):
    """What withholds the mail, once it is made, and what is given before."""

    change: Callable[[Team], Change]
    given: tuple[Change, ...] = ()


def _own(team: Team, kind: Callable[[str, str], Change], key: str) -> Change:
    """Name the one e-mail that Alice has, or its conversation."""
    (email,) = list_own_emails(team.database, ALICE, by=OPERATOR, limit=2)
    return kind(ALICE, email_id(email.email_key) if key == "email" else str(email.thread_id))


IN_SERVICE = (
    SetRolePreference("Service", Permission.PUBLIC),
    SetExcludedDomains(("customer.example",), role="Service"),
)
CASES = {
    "the organisation excludes a domain": Case(lambda _: SetExcludedDomains(("customer.example",))),
    "the role's preference does": Case(
        lambda _: SetExcludedDomains(("customer.example",), role="Sales"),
        given=(SetRolePreference("Sales", Permission.PUBLIC),),
    ),
    "the owner does": Case(lambda _: SetExcludedDomains(("customer.example",), user=ALICE)),
    "a domain is no longer the organisation's own": Case(
        lambda _: SetInternalDomains(()),
        given=(SetInternalDomains(("customer.example",)), SetExcludedDomains(("customer.example",))),
    ),
    "the owner moves to a role that does": Case(lambda _: SetUserRole(ALICE, "Service"), given=IN_SERVICE),
    "the e-mail is withheld by hand": Case(lambda team: _own(team, WithholdEmail, "email")),
    "the conversation is withheld by hand": Case(lambda team: _own(team, WithholdThread, "thread")),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture
def office(team: Team) -> Team:
    """Alice in Sales has a letter from a customer; a second copy of it is about to come in."""
    team.role("Sales")
    team.role("Service")
    team.user("Alice", role="Sales")
    team.record("Leads", "Alice", CUSTOMER)
    team.mail("Alice", CUSTOMER, "partner@partner.example", message_id=LETTER)
    return team


def store_second_copy(connection: Connection) -> None:
    raw = message(ALICE, [CUSTOMER, "partner@partner.example"], LETTER)
    user = find_user(connection, ALICE)
    assert user is not None
    box = mailbox_of(connection, user.id)
    assert box is not None
    source = Source(user.id, Kind.IMAP, box.id, "Archive", 1)
    store_copies(connection, source, [IncomingCopy("1", raw, parse_message(raw))])


def assert_everything_is_withheld(team: Team, number: int) -> None:
    with team.database.read() as connection:
        assert list(connection.execute(select(copies.c.withheld)).scalars()) == [True] * number
        assert connection.execute(select(record_mail.c.copies, record_mail.c.shareable)).all() == [(number, 0)]


@each_case
class TestMailAtTheVeryMoment:
    def test_that_comes_in_while_it_is_being_withheld(self, office: Team, background: Background, case: Case) -> None:
        for change in case.given:
            office.make(change)
        change = case.change(office)
        with office.database.write() as connection:
            change.apply(Transaction(connection, OPERATOR, NOW))
            coming = background.start(lambda: _in_its_own_transaction(office))
        coming.result(SECONDS)
        assert_everything_is_withheld(office, 2)

    def test_that_is_withheld_while_it_comes_in(self, office: Team, background: Background, case: Case) -> None:
        for change in case.given:
            office.make(change)
        change = case.change(office)
        with office.database.write() as connection:
            store_second_copy(connection)
            withholding = background.start(lambda: make(office.database, change, OPERATOR, now=NOW))
        withholding.result(SECONDS)
        assert_everything_is_withheld(office, 2)


def test_a_user_gets_another_name_and_role_while_mail_comes_in(office: Team, background: Background) -> None:
    """A pass takes the lock of matching before the user's row: whoever took them the other way round would block it."""
    alice = office.actor("Alice").user_id
    assert alice is not None
    edit = UserEdit(last_name="Smith", is_role_given=True)
    with office.database.write() as connection:
        lock_matching(connection, exclusive=False)
        editing = background.start(lambda: edit_user(office.database, alice, edit, by=OPERATOR, now=NOW))
        store_second_copy(connection)
    editing.result(SECONDS)
    with office.database.read() as connection:
        user = find_user(connection, ALICE)
    assert user is not None
    assert (user.full_name, user.role_id) == ("Smith", None)


# Two changes that withhold the letter together, and neither of them alone.
TOGETHER = {
    "a move, and the exclusion by the new role": (
        SetUserRole(ALICE, "Service"),
        SetExcludedDomains(("customer.example",), role="Service"),
    ),
    "the exclusion, and that the domain is no longer the organisation's own": (
        SetExcludedDomains(("customer.example",)),
        SetInternalDomains(()),
    ),
}


class TestTwoChangesAtTheVeryMoment:
    @pytest.mark.parametrize("first", [0, 1])
    @pytest.mark.parametrize("changes", TOGETHER.values(), ids=TOGETHER)
    def test_do_not_miss_each_other(
        self, office: Team, background: Background, changes: tuple[Change, Change], first: int
    ) -> None:
        office.make(SetRolePreference("Service", Permission.PUBLIC))
        office.make(SetInternalDomains(("customer.example",) if changes[1] == SetInternalDomains(()) else ()))
        with office.database.write() as connection:
            changes[first].apply(Transaction(connection, OPERATOR, NOW))
            other = background.start(lambda: make(office.database, changes[1 - first], OPERATOR, now=NOW))
        other.result(SECONDS)
        assert_everything_is_withheld(office, 1)


def _in_its_own_transaction(team: Team) -> None:
    with team.database.write() as connection:
        store_second_copy(connection)
