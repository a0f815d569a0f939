"""What a change would open and close, before it is made: it is made in a transaction that is taken back."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.change_sharing import SetModuleAccess, ShareEmails, ShareRecord, UnshareEmails, UnshareRecord
from postroom.actions.changes import Change, Transaction
from postroom.actions.errors import InvalidInput
from postroom.actions.exclusions import SetExcludedDomains
from postroom.actions.lookups import get_module, get_record, get_role, get_user
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import AssignPermission, ChoosePermission, SetRolePreference
from postroom.actions.visible_records import may_see
from postroom.actions.withhold import WithholdEmail, WithholdThread
from postroom.core.sharing import decide
from postroom.storage import people
from postroom.storage.database import Database
from postroom.storage.records import references_of
from postroom.storage.sightings import Concerned, Source, read_sightings, shareable_emails, withheld_copies

_MOST = 2_000_000  # sightings that one preview compares


class Effect(NamedTuple):
    """How many colleagues, records and e-mails something touches."""

    users: int
    records: int
    emails: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What one colleague would see more, or no longer, of one owner's mail on one record."""

    viewer: str
    owner: str
    record: str
    opened: int
    closed: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would open and close; `differences` are the first of them, by viewer, owner and record."""

    opened: Effect
    closed: Effect
    differences: list[Difference]


class _Place(NamedTuple):
    viewer_id: int
    owner_id: int
    record_id: int


_Visible = dict[_Place, frozenset[Source]]  # which of an owner's sources on a record a viewer sees
_Emails = dict[_Place, frozenset[bytes]]


def preview(database: Database, change: Change, by: Actor, *, now: int, limit: int = 100) -> Preview:
    """Say what a change would do, as `make` would do it for the same actor, and change nothing.

    An actor is told nothing of records that the actor may not see, and, except for administrators, nothing of mail
    that is not the actor's own. Raises what the change raises, and InvalidInput where it
    concerns more than can be compared at once.
    """
    with database.attempt() as connection:
        with _made(connection, change, by, now):  # first of all, so that the change itself refuses whoever may not
            concerned = _concerned(connection, change)
            after, withheld_after = (
                _known_to(by, _visible(connection, concerned)),
                withheld_copies(connection, concerned),
            )
        before, withheld_before = _known_to(by, _visible(connection, concerned)), withheld_copies(connection, concerned)
        moved = {(copy.owner_id, copy.record_id) for copy in withheld_before ^ withheld_after}
        changed = _changed(before, after, moved)
        with _made(connection, change, by, now):
            emails_after = _emails(connection, after, changed)
        emails_before = _emails(connection, before, changed)
        hidden = {p.record_id for p in changed if not by.is_administrator and not may_see(connection, by, p.record_id)}
        seen = [place for place in changed if place.record_id not in hidden]
        return _compared(connection, seen, emails_before, emails_after, limit)


@contextmanager
def _made(connection: Connection, change: Change, by: Actor, now: int) -> Iterator[None]:
    """Make the change for as long as the block runs."""
    with connection.begin_nested() as savepoint:
        change.apply(Transaction(connection, by, now))
        yield
        savepoint.rollback()


def _visible(connection: Connection, concerned: Concerned) -> _Visible:
    """Give what every colleague sees of the mail of others."""
    found: dict[_Place, set[Source]] = defaultdict(set)
    for number, s in enumerate(read_sightings(connection, concerned)):
        if number >= _MOST:
            raise InvalidInput("change: it concerns too much for a preview; try it for one role or user")
        if s.owner.user_id == s.viewer.user_id or not s.shareable:
            continue
        if decide(s.source.kind, s.viewer, s.owner, s.grounds, s.organisation).allowed:
            found[_Place(s.viewer.user_id, s.owner.user_id, s.source.record_id)].add(s.source)
    return {place: frozenset(sources) for place, sources in found.items()}


def _known_to(by: Actor, visible: _Visible) -> _Visible:
    """Leave out the mail of others, whose audience only they and administrators may know."""
    if by.is_administrator:
        return visible
    return {place: sources for place, sources in visible.items() if place.owner_id == by.user_id}


def _changed(before: _Visible, after: _Visible, moved: set[tuple[int, int]]) -> list[_Place]:
    """Give where something differs: the sources that are seen, or what is withheld of them."""
    return sorted(
        place
        for place in before.keys() | after.keys()
        if before.get(place) != after.get(place) or (place.owner_id, place.record_id) in moved
    )


def _emails(connection: Connection, visible: _Visible, places: list[_Place]) -> _Emails:
    by_source = shareable_emails(connection, {(place.owner_id, place.record_id) for place in places})
    nothing: frozenset[bytes] = frozenset()
    return {
        place: nothing.union(*(by_source.get(source, nothing) for source in visible.get(place, ()))) for place in places
    }


def _compared(connection: Connection, places: list[_Place], before: _Emails, after: _Emails, limit: int) -> Preview:
    opened = {place: after[place] - before[place] for place in places}
    closed = {place: before[place] - after[place] for place in places}
    shown = [place for place in places if opened[place] or closed[place]][:limit]
    emails = people.emails_by_id(connection)
    references = references_of(connection, {place.record_id for place in shown})
    differences = [
        Difference(
            emails[place.viewer_id],
            emails[place.owner_id],
            f"{references[place.record_id][0]}/{place.record_id}",
            len(opened[place]),
            len(closed[place]),
        )
        for place in shown
    ]
    return Preview(_effect(opened), _effect(closed), differences)


def _effect(emails: _Emails) -> Effect:
    places = [place for place, keys in emails.items() if keys]
    users, records = ({place[part] for place in places} for part in (0, 2))
    return Effect(len(users), len(records), len(frozenset[bytes]().union(*emails.values())))


def _concerned(connection: Connection, change: Change) -> Concerned:
    """Narrow down whose mail, who sees it and which records a change can touch; everything where that is not known."""
    match change:
        case SetUserRole(user=email) | SetUserStatus(user=email):
            user_id = get_user(connection, email).id
            return Concerned(owner_id=user_id, viewer_id=user_id, record_owner_id=user_id)
        case SetRolePreference(role=name) | SetExcludedDomains(role=str(name)):
            return Concerned(owner_role_id=get_role(connection, name).id)
        case (
            AssignPermission(user=email)
            | ChoosePermission(user=email)
            | SetExcludedDomains(user=str(email))
            | ShareEmails(user=email)
            | UnshareEmails(user=email)
            | WithholdEmail(user=email)
            | WithholdThread(user=email)
        ):
            return Concerned(owner_id=get_user(connection, email).id)
        case SetModuleAccess(module=api_name):
            return Concerned(module_id=get_module(connection, api_name).id)
        case ShareRecord(record=reference) | UnshareRecord(record=reference):
            return Concerned(record_id=get_record(connection, reference)[1].id)
    return Concerned()
