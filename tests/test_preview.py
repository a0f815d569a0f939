"""A preview says exactly what a change then does, and changes nothing."""

from collections import Counter
from copy import deepcopy

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import ShareRecord
from postroom.actions.changes import Change, make
from postroom.actions.errors import ActionError, NotAllowed
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.permissions import AssignPermission, ChoosePermission, Member
from postroom.actions.preview import Difference, Effect, Preview, preview
from postroom.core.model import Permission
from postroom.storage.database import Database
from postroom.storage.people import find_user
from postroom.storage.schema import metadata
from tests import reference_model
from tests.asking import assert_never_lies, reference_of
from tests.changes import KINDS, Drawn, Stage, actor_of, actors
from tests.properties import examples
from tests.reference_model import Sight, World
from tests.team import NOW, Team, email_of
from tests.worlds import Organisation, build_anew, email_address, organisations

ALL = 10_000  # more differences than there can be


def told(world: World, by: str | None, sights: set[Sight], before: World) -> set[Sight]:
    """Leave what somebody may be told: administrators all, others what is of the own mail.

    Nobody else is told anything of a record that they may not see as it is now.
    """
    if by is None or world.users[by].profile == "Administrator":
        return sights
    return {
        sight
        for sight in sights
        if sight.owner == by and reference_model.sees_record(before, before.users[by], before.records[sight.record])
    }


def effect(sights: set[Sight]) -> Effect:
    return Effect(
        len({sight.viewer for sight in sights}),
        len({sight.record for sight in sights}),
        len({sight.email for sight in sights}),
    )


def differences(world: World, opened: set[Sight], closed: set[Sight]) -> set[Difference]:
    counts = [Counter((s.viewer, s.owner, s.record) for s in sights) for sights in (opened, closed)]
    return {
        Difference(
            email_address(world.users[viewer]),
            email_address(world.users[owner]),
            reference_of(world.records[record]),
            *(count[viewer, owner, record] for count in counts),
        )
        for viewer, owner, record in counts[0] | counts[1]
    }


def expected(world: World, drawn: Drawn, by: str | None) -> tuple[Effect, Effect, set[Difference]] | None:
    """Give what the reference model says of a change; None where it refuses it."""
    after = deepcopy(world)
    if not drawn.is_followed(after, by):
        return None
    seen_before, seen_after = (told(each, by, reference_model.visible(each), world) for each in (world, after))
    opened, closed = seen_after - seen_before, seen_before - seen_after
    return effect(opened), effect(closed), differences(world, opened, closed)


def previewed(team: Team, world: World, change: Change, by: str | None) -> Preview | None:
    try:
        return preview(team.database, change, actor_of(world, by), now=NOW, limit=ALL)
    except ActionError:
        return None


def rows_of(database: Database) -> dict[str, list[str]]:
    """Give every row of every table, in an order."""
    with database.read() as connection:
        return {table.name: sorted(map(repr, connection.execute(table.select()))) for table in metadata.sorted_tables}


class TestEveryChange:
    @given(drawn=organisations(), data=st.data())
    @examples(20)
    def test_does_what_its_preview_says(self, erasable_team: Team, drawn: Organisation, data: st.DataObject) -> None:
        world, database = drawn.world, erasable_team.database
        build_anew(database, drawn)
        rows = rows_of(database)
        for kind in KINDS:
            change, by = drawn_change(erasable_team, kind, drawn, data)
            said = previewed(erasable_team, world, change.change, by)
            event(f"{kind.__name__} {in_a_word(said)}")
            assert (said and (said.opened, said.closed, set(said.differences))) == expected(world, change, by), change
        assert rows_of(database) == rows
        if said is not None:
            make(database, change.change, actor_of(world, by), now=NOW)
            change.on_model(world, by)
        assert_never_lies(erasable_team, world)


def drawn_change(team: Team, kind: type[Change], drawn: Organisation, data: st.DataObject) -> tuple[Drawn, str | None]:
    with team.database.read() as connection:
        return KINDS[kind](data.draw, Stage(drawn, connection)), data.draw(actors(drawn.world))


def in_a_word(said: Preview | None) -> str:
    if said is None:
        return "is refused"
    return "opens or closes something" if said.differences else "changes nothing"


ALICE, CHARLIE, EVE = map(email_of, ("Alice", "Charlie", "Eve"))


@pytest.fixture
def office(team: Team) -> Team:
    """Alice has mail on Charlie's lead, and on one of Eve's that is no affair of hers."""
    for name in ("Alice", "Charlie", "Eve"):
        team.user(name)
    team.record("Leads", "Charlie", "charlies@customer.example", record_id=1001)
    team.record("Leads", "Eve", "eves@customer.example", record_id=1002)
    team.make(ShareRecord("Leads/1001", user=ALICE))
    for address in ("charlies@customer.example", "eves@customer.example"):
        team.mail("Alice", address)
    return team


def said_to(team: Team, name: str, change: Change) -> Preview:
    with team.database.read() as connection:
        user = find_user(connection, email_of(name))
    return preview(team.database, change, Actor(user.id, is_administrator=False, channel="token"), now=NOW)


def test_of_two_e_mails_on_a_record_it_counts_the_one_that_is_withheld(office: Team) -> None:
    """The colleague still sees mail of the owner's there, and one e-mail less."""
    office.permission("Alice", "public")
    office.mail("Alice", "charlies@customer.example", "partner@partner.example")
    said = said_to(office, "Alice", SetExcludedDomains(("partner.example",), user=ALICE))
    assert said.differences == [Difference(CHARLIE, ALICE, "Leads/1001", 0, 1)]


class TestOrdinaryUser:
    def test_is_told_nothing_of_a_record_that_the_user_may_not_see(self, office: Team) -> None:
        said = said_to(office, "Alice", ChoosePermission(ALICE, Permission.PUBLIC))
        assert said.differences == [Difference(CHARLIE, ALICE, "Leads/1001", 1, 0)]
        assert (said.opened, said.closed) == (Effect(1, 1, 1), Effect(0, 0, 0))

    def test_is_told_nothing_of_mail_that_the_user_does_not_see(self, office: Team) -> None:
        office.make(AssignPermission(ALICE, Permission.PUBLIC, (Member(EVE),)))
        assert not said_to(office, "Charlie", ShareRecord("Leads/1001", user=EVE)).differences

    def test_is_told_nothing_of_the_audience_of_mail_that_the_user_does_see(self, office: Team) -> None:
        for audience in ((Member(CHARLIE),), (Member(CHARLIE), Member(EVE))):
            office.make(AssignPermission(ALICE, Permission.PUBLIC, audience))
            assert not said_to(office, "Charlie", ShareRecord("Leads/1001", user=EVE)).differences

    def test_who_may_not_make_the_change_may_not_try_it(self, office: Team) -> None:
        with pytest.raises(NotAllowed):
            said_to(office, "Charlie", ChoosePermission(ALICE, Permission.PUBLIC))
