"""The audit: every change of who sees what, once, by whom, from what to what; and nothing takes an entry away again."""

import pytest

from postroom.actions.audit import Entry, read_audit
from postroom.actions.permissions import Member, SetDefaultPermission
from postroom.core.model import Permission
from tests.team import OPERATOR, Team, email_of

BOB = email_of("Bob")
ALL = 10_000  # more entries than there can be
FOR_BOB = (Member(BOB), Member(role="Sales", and_subordinates=True))


@pytest.fixture
def office(team: Team) -> Team:
    """Bob, and a role that audiences list beside him."""
    team.role("Sales")
    team.user("Bob")
    return team


def entries(team: Team) -> list[Entry]:
    return read_audit(team.database, by=OPERATOR, limit=ALL).entries


class TestEveryChange:
    def test_of_the_order_in_an_audience_is_none(self, office: Team) -> None:
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB))
        before = entries(office)
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB[::-1]))
        assert entries(office) == before

    def test_of_the_subordinates_in_an_audience_is_one(self, office: Team) -> None:
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB))
        before = entries(office)
        office.make(SetDefaultPermission(Permission.PUBLIC, (Member(BOB), Member(role="Sales"))))
        assert len(entries(office)) == len(before) + 1
