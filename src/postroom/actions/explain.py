"""Why a viewer sees an owner's mail on a record, or why not: for mail in general, and for one e-mail."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.lookups import get_user
from postroom.actions.visible_records import get_record_for, may_see
from postroom.actions.withhold import parse_email_id
from postroom.core.details import EVERY_COPY_WITHHELD, decide_holding
from postroom.core.model import Kind, Module, Record, User
from postroom.core.modules import CONTACTS, gathers_mail_of_contacts, module_key
from postroom.core.sharing import IN_RECYCLE_BIN, Decision, Reason, Rule, decide
from postroom.core.withholding import withholding
from postroom.core.words import changed_by, sentence
from postroom.storage import own_mail
from postroom.storage.database import Database
from postroom.storage.records import records_by_id
from postroom.storage.sharing_facts import RecordFacts, linked_contacts, read_pair_facts, read_record_facts
from postroom.storage.withholding import copy_to_withhold


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a decision: the rule, what it says here, and who can change what it read."""

    rule: str
    text: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision and each step that led there, in the order of the law."""

    about: str
    record: str
    allowed: bool
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What holds for one viewer, one owner and one record, as the answer to that viewer has it.

    `sees_mailbox` and `sees_crm` say whether there is mail of the owner's mailbox, or sent from the CRM, that the
    viewer sees. `answers` is empty where whoever asks may know no more than that.
    """

    viewer: str
    owner: str
    record: str
    sees_mailbox: bool
    sees_crm: bool
    answers: list[Answer]


_ABOUT = {
    Kind.IMAP: "mail in the owner's mailbox",
    Kind.POP: "mail in the owner's mailbox",
    Kind.CRM: "mail that the owner sent from the CRM",
}


def explain(
    database: Database, viewer_email: str, owner_email: str, reference: str, *, by: Actor, email: str | None = None
) -> Explanation:
    """Decide for a viewer, an owner and a record, or one e-mail on it, as the API does, and say why.

    The owner and administrators may ask about anyone, administrators not about own and single e-mails of the owner;
    a viewer may ask about oneself, and learns what the answer of the API shows. Raises NotAllowed, NotFound,
    InvalidInput.
    """
    with database.read() as connection:
        viewer, owner = get_user(connection, viewer_email), get_user(connection, owner_email)
        _require_asker(by, viewer, owner, email)
        module, record = get_record_for(connection, by, reference)
        mailbox, crm = _sees(connection, viewer, owner, module.module_key, record.id)
        in_full = by.is_administrator or by.acts_for(owner.id)
        places = _places(connection, by, viewer, owner, module, record) if in_full else []
        answers = list(_answers(connection, by, viewer, owner, places, email))
    return Explanation(viewer.email, owner.email, f"{module.api_name}/{record.id}", mailbox, crm, answers)


def _require_asker(by: Actor, viewer: User, owner: User, email: str | None) -> None:
    """Refuse, with the reason, whoever would learn of mail that is private: an administrator would, too."""
    if by.acts_for(owner.id):
        return
    if not by.is_administrator and not by.acts_for(viewer.id):
        raise NotAllowed("only the owner, an administrator, or a viewer about oneself may ask why")
    if email is not None or viewer.id == owner.id:
        raise NotAllowed("only the owner may ask about the own view of the own mail, and about single e-mails")


def _sees(connection: Connection, viewer: User, owner: User, key: str, record_id: int) -> tuple[bool, bool]:
    """Say whether the viewer sees any of the owner's mail, in a mailbox and sent from the CRM."""
    facts = _facts(connection, viewer, owner, key, record_id)
    kinds = {h.kind for h in facts.holdings if decide_holding(h, facts.viewer, facts.organisation).allowed}
    return bool(kinds - {Kind.CRM}), Kind.CRM in kinds


def _facts(connection: Connection, viewer: User, owner: User, key: str, record_id: int) -> RecordFacts:
    return read_record_facts(connection, key, record_id, viewer_id=viewer.id, owner_id=owner.id)[0]


class _Place(NamedTuple):
    """A record with which copies are associated."""

    record: Record
    module_name: str

    @property
    def reference(self) -> str:
        return f"{self.module_name}/{self.record.id}"


def _places(
    connection: Connection, by: Actor, viewer: User, owner: User, module: Module, record: Record
) -> list[_Place]:
    """Give the record itself, then each linked Contact through which mail reaches it.

    That there is mail on a Contact is told to its owner, and to others where the viewer sees it anyway.
    """
    places = [_Place(record, module.api_name)]
    if not gathers_mail_of_contacts(module.module_key):
        return places
    contacts = records_by_id(connection, linked_contacts(connection, record.id, with_mail_of=owner.id))
    for contact_id, contact in sorted(contacts.items()):
        is_known = by.acts_for(owner.id) or any(_sees(connection, viewer, owner, module_key(CONTACTS), contact_id))
        if is_known and may_see(connection, by, contact_id):
            places.append(_Place(contact, CONTACTS))
    return places


def _answers(
    connection: Connection, by: Actor, viewer: User, owner: User, places: list[_Place], email: str | None
) -> Iterator[Answer]:
    if email is not None:
        yield from _about_email(connection, parse_email_id(email), viewer, owner, places)
        return
    for place, kind in product(places, (Kind.IMAP, Kind.CRM)):
        withheld = _withheld(connection, viewer, owner, place, kind) if by.acts_for(owner.id) else ()
        yield _answer(connection, viewer, owner, place, kind, withheld)


def _withheld(connection: Connection, viewer: User, owner: User, place: _Place, kind: Kind) -> tuple[Reason, ...]:
    """Say that all of the owner's mail of a kind is withheld, which nobody but the owner is told."""
    holdings = _facts(connection, viewer, owner, module_key(place.module_name), place.record.id).holdings
    there = [h for h in holdings if (h.kind == Kind.CRM) == (kind == Kind.CRM) and not h.through_contact]
    return EVERY_COPY_WITHHELD if there and not any(h.shareable for h in there) else ()


def _about_email(
    connection: Connection, key: bytes, viewer: User, owner: User, places: list[_Place]
) -> Iterator[Answer]:
    """Decide for each copy of the e-mail that the owner has on these records."""
    by_id = {place.record.id: place for place in places}
    for copy_id, record_id, kind in own_mail.copies_on(connection, owner.id, key, list(by_id)):
        withheld = withholding(*copy_to_withhold(connection, copy_id))
        yield _answer(connection, viewer, owner, by_id[record_id], Kind(kind), withheld)


def _answer(
    connection: Connection, viewer: User, owner: User, place: _Place, kind: Kind, withheld: tuple[Reason, ...]
) -> Answer:
    facts = read_pair_facts(connection, viewer.id, owner.id, place.record.id)
    decision = IN_RECYCLE_BIN
    if place.record.deleted_at is None:
        decision = decide(kind, facts.viewer, facts.owner, facts.grounds, facts.organisation, withheld)
    return Answer(_ABOUT[kind], place.reference, decision.allowed, steps_in_words(decision, facts.time_zone))


def steps_in_words(decision: Decision, time_zone: str) -> list[Step]:
    """Give the steps of a decision, with times in the organisation's calendar."""
    return [Step(r.rule, sentence(_in_words(r, time_zone)), changed_by(r)) for r in decision.reasons]


def _in_words(reason: Reason, time_zone: str) -> Reason:
    if reason.rule != Rule.SHARED_ON_RECORD or not isinstance(reason.value, int):
        return reason
    shared = datetime.fromtimestamp(reason.value, UTC).astimezone(ZoneInfo(time_zone))
    return Reason(reason.rule, f"{shared:%Y-%m-%d}")
