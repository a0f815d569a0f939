"""The reverse: who sees an owner's mail on a record, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.explain import Step, steps_in_words
from postroom.actions.lookups import get_organisation, get_user
from postroom.actions.visible_records import get_record_for, may_see
from postroom.core.details import decide_holding
from postroom.core.model import Kind, User
from postroom.core.sharing import Decision
from postroom.storage import own_mail, people
from postroom.storage.database import Database
from postroom.storage.records import references_of
from postroom.storage.sharing_facts import RecordFacts, read_record_facts

_CHUNK = 100  # records that are looked up at once


@dataclass(frozen=True, slots=True)
class ViewerOfMail:
    """A colleague who sees mail of the owner's mailbox, mail sent from the CRM, or both, each with its steps.

    An empty list of steps means that there is no such mail that the colleague sees.
    """

    email: str
    name: str
    mailbox: list[Step]
    crm: list[Step]


@dataclass(frozen=True, slots=True)
class RecordWithViewers:
    """A record on which the owner's mail is, and who sees any of it."""

    record: str
    viewers: list[ViewerOfMail]


@dataclass(frozen=True, slots=True)
class PageOfRecords:
    """Some of the records; `next_after` is where the next page starts, None after the last one."""

    records: list[RecordWithViewers]
    next_after: int | None


def viewers_on_record(database: Database, owner_email: str, reference: str, *, by: Actor) -> RecordWithViewers:
    """Say who sees an owner's mail on one record. For the owner and administrators.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        team = _team(connection, owner_email, by)
        module, record = get_record_for(connection, by, reference)
        return _with_viewers(connection, team, module.module_key, record.id, f"{module.api_name}/{record.id}")


def viewers_on_all_records(
    database: Database, owner_email: str, *, by: Actor, limit: int, after: int = 0
) -> PageOfRecords:
    """Say the same for each record with which the owner's mail is associated and that `by` sees, page by page.

    Mail that reaches a record through a Contact is listed on the Contact. Others than the owner are told of the records
    on which a colleague sees the mail: where the rest of it is, is private. Raises NotAllowed, NotFound, InvalidInput.
    """
    with database.read() as connection:
        known = _known_records(connection, _team(connection, owner_email, by), by, after)
        found = dict(islice(known, limit))
        is_last = next(known, None) is None
    return PageOfRecords(list(found.values()), None if is_last else max(found))


class _Team(NamedTuple):
    """The owner, everybody who could see the owner's mail, and the calendar that explanations use."""

    owner_id: int
    users: dict[int, User]
    time_zone: str


def _team(connection: Connection, owner_email: str, by: Actor) -> _Team:
    owner = get_user(connection, owner_email)
    if not by.is_administrator and not by.acts_for(owner.id):
        raise NotAllowed("only the owner or an administrator may ask who sees the owner's mail")
    users = {user.id: user for user in people.users_by_email(connection).values()}
    return _Team(owner.id, users, get_organisation(connection)["time_zone"])


def _known_records(
    connection: Connection, team: _Team, by: Actor, after: int
) -> Iterator[tuple[int, RecordWithViewers]]:
    """Yield what `by` may know, in the order of ids; no page ends at any other record."""
    while ids := own_mail.records_with_mail_of(connection, team.owner_id, _CHUNK, after=after):
        for record_id, (api_name, key) in references_of(connection, ids).items():
            if may_see(connection, by, record_id):
                each = _with_viewers(connection, team, key, record_id, f"{api_name}/{record_id}", directly=True)
                if each.viewers or by.acts_for(team.owner_id):
                    yield record_id, each
        after = ids[-1]


def _with_viewers(
    connection: Connection, team: _Team, key: str, record_id: int, reference: str, *, directly: bool = False
) -> RecordWithViewers:
    viewers = []
    for facts in read_record_facts(connection, key, record_id, owner_id=team.owner_id):
        viewer = team.users[facts.viewer.user_id]
        mailbox, crm = (_first_open(facts, directly=directly, crm=crm) for crm in (False, True))
        if viewer.id != team.owner_id and (mailbox or crm):
            decisions = (mailbox, crm)
            steps = [[] if decision is None else steps_in_words(decision, team.time_zone) for decision in decisions]
            viewers.append(ViewerOfMail(viewer.email, viewer.full_name, *steps))
    return RecordWithViewers(reference, sorted(viewers, key=lambda viewer: (viewer.name, viewer.email)))


def _first_open(facts: RecordFacts, *, directly: bool, crm: bool) -> Decision | None:
    """Give the decision by which a viewer sees mail, None where the viewer sees none."""
    decisions = (
        decide_holding(holding, facts.viewer, facts.organisation)
        for holding in facts.holdings
        if (holding.kind == Kind.CRM) == crm and not (directly and holding.through_contact)
    )
    return next((decision for decision in decisions if decision.allowed), None)
