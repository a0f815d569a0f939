"""The promise: the answer never lies, in either direction, in any state of the settings."""

from hypothesis import event, given
from hypothesis import strategies as st
from sqlalchemy import Connection, case, func, select

from postroom.storage.associations import associate_changed_records
from postroom.storage.schema import associations, copies, record_mail
from tests import reference_model
from tests.asking import assert_lists_never_lie, assert_never_lies
from tests.changes import HAPPENINGS, KINDS, Stage, actors, change_classes
from tests.properties import examples
from tests.reference_model import World, is_withheld
from tests.team import Team, wipe
from tests.worlds import Organisation, build, build_anew, copy_row, organisations


def assert_counts_agree(connection: Connection, world: World) -> None:
    """Check that the marks are what the law says, and the maintained counts what counting gives."""
    for index in range(len(world.copies)):
        found = select(copies.c.withheld).where(copies.c.id == copy_row(connection, index).id)
        assert bool(connection.execute(found).scalar_one()) == is_withheld(world, index), index
    key = (associations.c.record_id, copies.c.user_id, copies.c.kind, associations.c.associated_by)
    shareable = func.sum(case((copies.c.withheld, 0), else_=1))
    counted = select(*key, func.count(), shareable).join(copies, copies.c.id == associations.c.copy_id).group_by(*key)
    assert set(connection.execute(counted)) == set(connection.execute(select(record_mail)))


def note_what_is_seen(world: World) -> None:
    """Let Hypothesis tell, when asked, how much there is to see in the examples."""
    sights = reference_model.visible(world)
    event(f"somebody sees mail of others: {bool(sights)}")
    event(f"something is withheld: {any(is_withheld(world, index) for index in range(len(world.copies)))}")


class TestPromise:
    @given(drawn=organisations())
    @examples(100)
    def test_answer_equals_the_reference_model(self, erasable_team: Team, drawn: Organisation) -> None:
        wipe(erasable_team.database)
        with erasable_team.database.write() as connection:
            build(connection, drawn)
            assert_counts_agree(connection, drawn.world)
        note_what_is_seen(drawn.world)
        assert_never_lies(erasable_team, drawn.world)

    @given(drawn=organisations(), data=st.data())
    @examples(100)
    def test_also_after_every_change(self, erasable_team: Team, drawn: Organisation, data: st.DataObject) -> None:
        build_anew(erasable_team.database, drawn)
        for kind in data.draw(st.lists(st.sampled_from([*KINDS, *HAPPENINGS]), min_size=1, max_size=6)):
            with erasable_team.database.write() as connection:
                happens(kind, Stage(drawn, connection), data)
                assert_counts_agree(connection, drawn.world)
            assert_never_lies(erasable_team, drawn.world)

    @given(drawn=organisations(), data=st.data())
    @examples(20)
    def test_lists_hold_what_the_answer_promises(
        self, erasable_team: Team, drawn: Organisation, data: st.DataObject
    ) -> None:
        build_anew(erasable_team.database, drawn)
        assert_lists_never_lie(erasable_team, drawn.world)
        with erasable_team.database.write() as connection:
            for kind in data.draw(st.lists(st.sampled_from([*KINDS, *HAPPENINGS]), min_size=1, max_size=6)):
                happens(kind, Stage(drawn, connection), data)
        assert_lists_never_lie(erasable_team, drawn.world)

    @given(drawn=organisations(), data=st.data())
    @examples(10)
    def test_associating_again_changes_nothing(
        self, erasable_team: Team, drawn: Organisation, data: st.DataObject
    ) -> None:
        build_anew(erasable_team.database, drawn)
        some_records = st.lists(st.sampled_from(list(drawn.world.records)), unique=True)
        with erasable_team.database.write() as connection:
            associate_changed_records(connection, data.draw(some_records))
            assert_counts_agree(connection, drawn.world)
        assert_never_lies(erasable_team, drawn.world)


def happens(kind: object, stage: Stage, data: st.DataObject) -> None:
    """Change the product and the reference model alike; they refuse alike, too."""
    if kind not in KINDS:
        kind(data.draw, stage)
        return
    drawn, by = KINDS[kind](data.draw, stage), data.draw(actors(stage.world))
    is_made = drawn.is_made(stage, by)
    assert is_made == drawn.is_followed(stage.world, by), (drawn, by)
    event(f"{kind.__name__} is {'made' if is_made else 'refused'}")


def test_every_change_is_drawn() -> None:
    assert set(KINDS) == change_classes()
