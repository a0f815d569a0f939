"""What somebody is told does not change when only that changes which they may not know: not by a byte."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from falcon.testing import TestClient
from hypothesis import assume, event, given
from hypothesis import strategies as st

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import ShareEmails, ShareRecord, UnshareEmails, UnshareRecord
from postroom.actions.errors import ActionError
from postroom.actions.explain import explain
from postroom.actions.preview import preview
from postroom.actions.viewers import viewers_on_record
from postroom.actions.withhold import list_own_emails
from postroom.core.details import VIEWS
from postroom.http.app import create_app
from tests import reference_model
from tests.asking import emails_by_key, reference_of
from tests.changes import HAPPENINGS, KINDS, Stage, actors
from tests.properties import examples
from tests.reference_model import Record, User, World
from tests.team import NOW, Team
from tests.worlds import Organisation, build_anew, email_address, organisations, token_of

NOWHERE = 404_404  # the id of no record


def known_to(world: World, viewer: User) -> object:
    """Give what somebody may know: the records and e-mails that they see, who shares them, and all of the own mail."""
    own = [index for index, copy in enumerate(world.copies) if copy.owner == viewer.name]
    return (
        {record.id: emails_known_to(world, viewer, record) for record in world.records.values()},
        [(repr(world.copies[index]), reference_model.is_withheld(world, index)) for index in own],
        sorted(record.id for record in world.records.values() if reference_model.sees_record(world, viewer, record)),
    )


def emails_known_to(world: World, viewer: User, record: Record) -> set[object]:
    seen = [(each, world.copies[each.copy_index]) for each in reference_model.mail_of(world, viewer, record)]
    return {
        (
            reference_model.email_of(world, each.copy_index),
            (copy.owner, copy.kind, world.users[copy.owner].mailbox, world.users[copy.owner].status),
            (each.by_address, each.through_contact),
        )
        for each, copy in seen
    }


class Caller:
    """Somebody who asks over HTTP: for the details of every record, and whatever else there is to ask about one."""

    def __init__(self, team: Team, world: World, viewer: User, record: Record) -> None:
        self._team, self._viewer = team, viewer
        self._client = TestClient(create_app(team.database, team.box))
        self._paths = [*map(_details_of, world.records.values()), *map(_emails_of, world.records.values())]
        self._paths += self._paths_about(world, record)

    def told(self) -> dict[str, tuple[int, bytes, object]]:
        """Give every answer."""
        return {path: self.answer(path) for path in self._paths}

    def answer(self, path: str) -> tuple[int, bytes, object]:
        """Give status, body and headers, but for the id that each request has of its own."""
        authorization = {"Authorization": f"Bearer {token_of(self._viewer.name)}"}
        path, _, query = path.partition("?")
        answer = self._client.simulate_get(path, query_string=query, headers=authorization)
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        return answer.status_code, answer.content, headers

    def _paths_about(self, world: World, record: Record) -> Iterator[str]:
        which = {"record": reference_of(record), "viewer": email_address(self._viewer)}
        yield from (f"{_emails_of(record)}?type={view}" for view in VIEWS)
        yield from (f"{_emails_of(record)}/{key}" for key in _email_keys(self._team, world))
        yield f"/postroom/v1/me/emails?{urlencode({'record': which['record']})}"
        for owner in world.users.values():
            if owner.name != self._viewer.name:
                yield f"/postroom/v1/explain?{urlencode(which | {'owner': email_address(owner)})}"


def _details_of(record: Record) -> str:
    return f"/crm/v8/{record.module}/{record.id}/__emails_sharing_details"


def _email_keys(team: Team, world: World) -> list[str]:
    return [key.hex() for key in emails_by_key(team, world)]


def _emails_of(record: Record) -> str:
    return f"/crm/v8/{record.module}/{record.id}/Emails"


def drawn_viewer(drawn: Organisation, data: st.DataObject) -> User:
    """Draw somebody who is no administrator: those may know of every record and setting."""
    ordinary = [user for user in drawn.world.users.values() if (user.profile, user.status) == ("Standard", "active")]
    assume(ordinary)
    return data.draw(st.sampled_from(ordinary))


def happens(kind: Any, stage: Stage, data: st.DataObject) -> None:
    if kind not in KINDS:
        kind(data.draw, stage)
        return
    drawn, by = KINDS[kind](data.draw, stage), data.draw(actors(stage.world))
    if drawn.is_made(stage, by):
        drawn.on_model(stage.world, by)


class TestWhatIsHidden:
    @given(drawn=organisations(), data=st.data())
    @examples(8)
    def test_changes_no_answer(self, erasable_team: Team, drawn: Organisation, data: st.DataObject) -> None:
        viewer, world, database = drawn_viewer(drawn, data), drawn.world, erasable_team.database
        build_anew(database, drawn)
        caller = Caller(erasable_team, world, viewer, data.draw(st.sampled_from(list(world.records.values()))))
        known, told = known_to(world, viewer), caller.told()
        for kind in data.draw(st.lists(st.sampled_from([*KINDS, *HAPPENINGS]), min_size=6, max_size=6)):
            with database.write() as connection:
                happens(kind, Stage(drawn, connection), data)
            now_known, now_told = known_to(world, viewer), caller.told()
            assert now_told == told or now_known != known, kind
            event(f"{kind.__name__} was hidden: {now_known == known}")
            known, told = now_known, now_told

    @given(drawn=organisations(), data=st.data())
    @examples(5)
    def test_record_is_refused_like_one_that_is_not_there(
        self, erasable_team: Team, drawn: Organisation, data: st.DataObject
    ) -> None:
        viewer, world = drawn_viewer(drawn, data), drawn.world
        build_anew(erasable_team.database, drawn)
        for record in world.records.values():
            if not reference_model.sees_record(world, viewer, record):
                caller = Caller(erasable_team, world, viewer, record)
                nothing = replace(record, id=NOWHERE)
                for path_of in (_details_of, _emails_of):
                    assert caller.answer(path_of(record)) == caller.answer(path_of(nothing))
                # What one shared oneself one may always take back.
                own = {ShareEmails} if (viewer.name, record.id) in world.email_shares else {ShareEmails, UnshareEmails}
                assert refusals(erasable_team, world, viewer, record.module, record.id, own) == refusals(
                    erasable_team, world, viewer, record.module, NOWHERE, own
                )


def refusals(
    team: Team,
    world: World,
    viewer: User,
    module: str,
    record_id: int,
    own_changes: set[type[ShareEmails | UnshareEmails]],
) -> list[str]:
    """Give what the other actions say of a record, each of which must refuse; its id stands for itself."""
    database, reference = team.database, f"{module}/{record_id}"
    by, own = Actor(viewer.id, is_administrator=False, channel="token"), email_address(viewer)
    others = [email_address(user) for user in world.users.values() if user != viewer]
    changes: list[Any] = [change(own, reference) for change in sorted(own_changes, key=repr)]
    changes += [change(reference, user=others[0]) for change in (ShareRecord, UnshareRecord)]
    asked: list[Callable[[], object]] = [
        lambda: explain(database, own, others[0], reference, by=by),
        lambda: explain(database, others[0], own, reference, by=by),
        lambda: viewers_on_record(database, own, reference, by=by),
        lambda: list_own_emails(database, own, reference, by=by, limit=1),
        *(lambda change=change: preview(database, change, by, now=NOW) for change in changes),
    ]
    return [_refusal(each).replace(str(record_id), "ID") for each in asked]


def _refusal(ask: Callable[[], object]) -> str:
    try:
        ask()
    except ActionError as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it was not refused")
