"""Lists, lookups, the recycle bin and changes of records know exactly the records that the reference model says."""

from hypothesis import given

from postroom.actions.errors import ActionError, NotAllowed, RecordUnknown
from postroom.actions.read_records import list_deleted, list_records, module_of, read_record
from postroom.actions.write_records import delete_records, update_records
from postroom.core.listing import Wanted
from tests import reference_model
from tests.changes import actor_of
from tests.properties import examples
from tests.reference_model import Record, User, World
from tests.team import NOW, Team
from tests.worlds import MODULES, Organisation, build_anew, organisations

ALL = 10_000  # more than there can be


def may_change(world: World, user: User, record: Record) -> bool:
    """Say who may: the owner, a superior of the owner, an administrator."""
    owner = world.users[record.owner]
    is_one = user is owner or user.profile == "Administrator" or reference_model.is_superior(world, user, owner)
    return user.status == "active" and is_one


class TestEveryViewer:
    @given(drawn=organisations())
    @examples(15)
    def test_reads_what_the_law_says(self, erasable_team: Team, drawn: Organisation) -> None:
        world, database = drawn.world, erasable_team.database
        build_anew(database, drawn)
        for viewer in world.users.values():
            by = actor_of(world, viewer.name)
            seen = {each.id for each in world.records.values() if reference_model.sees_record(world, viewer, each)}
            for name in MODULES:
                module = module_of(database, name)
                ids = {each.id for each in world.records.values() if each.module == name}
                shown = list_records(database, module, Wanted(module.id), ALL, by=by).records
                assert {each.record.id for each in shown} == ids & seen
                linked = {link.id for each in shown for link in each.links.values() if link is not None}
                assert linked <= seen
                for each in ids:
                    assert bool(read_record(database, module, each, by=by).records) == (each in seen)
            bin_of = {each.record.id for each in list_deleted(database, by=by, skipped=0, limit=ALL)[0]}
            deleted = [each for each in world.records.values() if each.deleted]
            assert bin_of == {each.id for each in deleted if may_change(world, viewer, each)}

    @given(drawn=organisations())
    @examples(10)
    def test_changes_what_the_law_says(self, erasable_team: Team, drawn: Organisation) -> None:
        world, database = drawn.world, erasable_team.database
        build_anew(database, drawn)
        for viewer in world.users.values():
            by = actor_of(world, viewer.name)
            for record in world.records.values():
                module = module_of(database, record.module)
                edit = update_records(database, module, [(record.id, {"Colour": "red"})], by=by, now=NOW)
                assert outcome(edit.results[0]) == expected(world, viewer, record)
        for record in world.records.values():
            for viewer in world.users.values():
                before = expected(world, viewer, record)
                gone = delete_records(
                    database, module_of(database, record.module), [record.id], by=actor_of(world, viewer.name), now=NOW
                )
                assert outcome(gone.results[0]) == before
                record.deleted = record.deleted or before == "done"


def expected(world: World, viewer: User, record: Record) -> str:
    if not reference_model.sees_record(world, viewer, record):
        return "not there"
    return "done" if may_change(world, viewer, record) else "not allowed"


def outcome(result: int | ActionError) -> str:
    if isinstance(result, int):
        return "done"
    assert isinstance(result, NotAllowed | RecordUnknown), result
    return "not allowed" if isinstance(result, NotAllowed) else "not there"
