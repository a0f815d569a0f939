"""Changes and questions in any order: wherever that leads, the product answers what the reference model does."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from postroom.actions.changes import make
from postroom.actions.errors import ActionError
from postroom.actions.explain import explain
from postroom.actions.viewers import viewers_on_record
from tests import reference_model
from tests.asking import answered, assert_never_lies, reference_of
from tests.changes import HAPPENINGS, KINDS, Drawn, Stage, actor_of, actors
from tests.properties import examples
from tests.reference_model import Record, World
from tests.team import NOW, OPERATOR, Team
from tests.test_preview import expected, previewed
from tests.test_promise import assert_counts_agree
from tests.worlds import NAMES, Organisation, build_anew, email_address, organisations

somebody = st.sampled_from(NAMES)
changes_of_settings = st.sampled_from(list(KINDS))


class Office(RuleBasedStateMachine):
    """An organisation in which people work, and the same one in the reference model."""

    team: ClassVar[Team]
    drawn: Organisation

    @property
    def world(self) -> World:
        return self.drawn.world

    @initialize(drawn=organisations())
    def it_opens(self, drawn: Organisation) -> None:
        self.drawn = drawn
        build_anew(self.team.database, drawn)

    @rule(kind=changes_of_settings, data=st.data())
    def somebody_changes_a_setting(self, kind: Any, data: st.DataObject) -> None:
        change, by = self._drawn(kind, data)
        assert self._is_made(change, by) == change.is_followed(self.world, by)

    @rule(happening=st.sampled_from(HAPPENINGS), data=st.data())
    def something_happens(self, happening: Any, data: st.DataObject) -> None:
        with self.team.database.write() as connection:
            happening(data.draw, Stage(self.drawn, connection))

    @rule(kind=changes_of_settings, data=st.data())
    def somebody_asks_what_a_change_would_do(self, kind: Any, data: st.DataObject) -> None:
        change, by = self._drawn(kind, data)
        said = previewed(self.team, self.world, change.change, by)
        assert (said and (said.opened, said.closed, set(said.differences))) == expected(self.world, change, by)

    @rule(name=somebody, data=st.data())
    def somebody_asks_for_the_details(self, name: str, data: st.DataObject) -> None:
        viewer, record = self.world.users[name], self._some_record(data)
        assert answered(self.team, viewer, record) == reference_model.answer(self.world, viewer, record)

    @rule(viewer=somebody, owner=somebody, data=st.data())
    def somebody_asks_why(self, viewer: str, owner: str, data: st.DataObject) -> None:
        people, record = (self.world.users[viewer], self.world.users[owner]), self._some_record(data)
        said = explain(self.team.database, *map(email_address, people), reference_of(record), by=OPERATOR)
        assert (said.sees_mailbox, said.sees_crm) == reference_model.sees(self.world, *people, record)

    @rule(name=somebody, data=st.data())
    def somebody_asks_who_sees_the_own_mail(self, name: str, data: st.DataObject) -> None:
        owner, record = self.world.users[name], self._some_record(data)
        said = viewers_on_record(self.team.database, email_address(owner), reference_of(record), by=OPERATOR)
        seen = {viewer.name: (bool(viewer.mailbox), bool(viewer.crm)) for viewer in said.viewers}
        assert seen == reference_model.viewers(self.world, owner, record)

    def teardown(self) -> None:
        if hasattr(self, "drawn"):
            assert_never_lies(self.team, self.world)
            with self.team.database.read() as connection:
                assert_counts_agree(connection, self.world)

    def _drawn(self, kind: Any, data: st.DataObject) -> tuple[Drawn, str | None]:
        with self.team.database.read() as connection:
            return KINDS[kind](data.draw, Stage(self.drawn, connection)), data.draw(actors(self.world))

    def _is_made(self, change: Drawn, by: str | None) -> bool:
        try:
            make(self.team.database, change.change, actor_of(self.world, by), now=NOW)
        except ActionError:
            return False
        return True

    def _some_record(self, data: st.DataObject) -> Record:
        return data.draw(st.sampled_from(list(self.world.records.values())))


class TestAnyOrder:
    def test_leads_both_to_the_same(self, erasable_team: Team) -> None:
        Office.team = erasable_team
        runs = 30 if erasable_team.database.dialect == "sqlite" else 12
        run_state_machine_as_test(Office, settings=examples(runs, stateful_step_count=30))
