"""The promise: the answer never lies, in either direction, in any state of the settings."""

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, case, func, select

from postroom.actions.errors import RecordInvalid
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.tokens import hash_token
from postroom.core.model import UserStatus
from postroom.storage import organisation, people, records
from postroom.storage.associations import associate_changed_records
from postroom.storage.schema import associations, copies, record_mail
from tests import reference_model
from tests.reference_model import Record, User, World
from tests.team import NOW, Team, wipe
from tests.worlds import MODULES, NAMES, Organisation, build, organisations, some_addresses, stored_record, token_of

with_real_database = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def answered(team: Team, viewer: User, record: Record) -> object:
    """Give what the product answers, in the reference model's form."""
    try:
        details = read_sharing_details(team.reader, token_of(viewer.name), record.module, str(record.id), now=NOW)
    except RecordInvalid:
        return None
    users = [(user.user_id, user.name, user.mailbox_protocol) for user in details.share_from_users]
    return list(details.available_types), users


def assert_never_lies(team: Team, world: World) -> None:
    for viewer in world.users.values():
        if viewer.status != "active":
            assert team.reader.read(hash_token(token_of(viewer.name)), "leads", 1).record.viewer.status == viewer.status
            continue
        for record in world.records.values():
            expected = reference_model.answer(world, viewer, record)
            assert answered(team, viewer, record) == expected, (viewer, record)
            event(f"types: {len(expected[0]) if expected else None}")


def assert_counts_agree(connection: Connection) -> None:
    """Check that the maintained counts are what counting gives."""
    key = (associations.c.record_id, copies.c.user_id, copies.c.kind, associations.c.associated_by)
    shareable = func.sum(case((copies.c.withheld, 0), else_=1))
    counted = select(*key, func.count(), shareable).join(copies, copies.c.id == associations.c.copy_id).group_by(*key)
    assert set(connection.execute(counted)) == set(connection.execute(select(record_mail)))


class TestPromise:
    @given(drawn=organisations())
    @with_real_database
    def test_answer_equals_the_reference_model(self, shared_team: Team, drawn: Organisation) -> None:
        wipe(shared_team.database)
        with shared_team.database.write() as connection:
            build(connection, drawn)
            assert_counts_agree(connection)
        assert_never_lies(shared_team, drawn.world)

    @given(drawn=organisations(), data=st.data())
    @with_real_database
    def test_also_after_every_change(self, shared_team: Team, drawn: Organisation, data: st.DataObject) -> None:
        wipe(shared_team.database)
        with shared_team.database.write() as connection:
            build(connection, drawn)
        for change in data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=4)):
            with shared_team.database.write() as connection:
                change(connection, drawn.world, data)
                assert_counts_agree(connection)
            assert_never_lies(shared_team, drawn.world)


def change_addresses(connection: Connection, world: World, data: st.DataObject) -> None:
    record = data.draw(st.sampled_from(list(world.records.values())))
    record.addresses = data.draw(some_addresses)
    modules = {module.api_name: module.id for module in organisation.list_modules(connection)}
    records.save_records(connection, [], [stored_record(world, record, modules)])


def change_status(connection: Connection, world: World, data: st.DataObject) -> None:
    user = world.users[data.draw(st.sampled_from(NAMES))]
    user.status = data.draw(st.sampled_from(list(UserStatus)))
    people.set_status(connection, user.id, user.status)


def change_permission(connection: Connection, world: World, data: st.DataObject) -> None:
    user = world.users[data.draw(st.sampled_from(NAMES))]
    user.assigned = data.draw(st.none() | st.sampled_from(("private", "public", "custom", "users_choice")))
    people.set_assigned(connection, user.id, user.assigned, None)


def change_module(connection: Connection, world: World, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(MODULES))
    world.public_modules ^= {name}
    module = organisation.find_module(connection, name)
    organisation.set_module_public(connection, module.id, is_public=name in world.public_modules)


def change_nothing(connection: Connection, world: World, data: st.DataObject) -> None:
    """Associate again what is associated already."""
    associate_changed_records(connection, data.draw(st.lists(st.sampled_from(list(world.records)), unique=True)))


CHANGES = (change_addresses, change_status, change_permission, change_module, change_nothing)
