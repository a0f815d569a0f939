"""Why a viewer sees an owner's mail on a record, or why not: for mail in general, and for one e-mail."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import NotAllowed
from postroom.actions.lookups import get_user
from postroom.actions.visible_records import get_record_for, may_see
from postroom.actions.withhold import parse_email_id
from postroom.core.details import decide_holding
from postroom.core.model import Kind, Module, Record, User
from postroom.core.modules import CONTACTS, gathers_mail_of_contacts, module_key
from postroom.core.sharing import Decision, Reason, Rule, decide
from postroom.core.withholding import withholding
from postroom.core.words import changed_by, sentence
from postroom.storage import own_mail
from postroom.storage.database import Database
from postroom.storage.sharing_facts import PairFacts, linked_contacts, read_pair_facts, read_record_facts
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
        places = _places(connection, by, viewer, owner, module, record) if in_full else {}
        answers = _answers(connection, viewer, owner, places, email)
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
    facts = read_record_facts(connection, key, record_id, viewer_id=viewer.id, owner_id=owner.id)[0]
    kinds = {h.kind for h in facts.holdings if decide_holding(h, facts.viewer, facts.organisation).allowed}
    return bool(kinds - {Kind.CRM}), Kind.CRM in kinds


def _places(
    connection: Connection, by: Actor, viewer: User, owner: User, module: Module, record: Record
) -> dict[int, str]:
    """Give the record itself, then each linked Contact through which mail reaches it.

    That there is mail on a Contact is told to its owner, and to others where the viewer sees it anyway.
    """
    places = {record.id: f"{module.api_name}/{record.id}"}
    if not gathers_mail_of_contacts(module.module_key):
        return places
    for contact_id in linked_contacts(connection, record.id, with_mail_of=owner.id):
        is_known = by.acts_for(owner.id) or any(_sees(connection, viewer, owner, module_key(CONTACTS), contact_id))
        if is_known and may_see(connection, by, contact_id):
            places[contact_id] = f"{CONTACTS}/{contact_id}"
    return places


def _answers(
    connection: Connection, viewer: User, owner: User, places: dict[int, str], email: str | None
) -> list[Answer]:
    facts = {place: read_pair_facts(connection, viewer.id, owner.id, place) for place in places}
    if email is not None:
        return list(_about_email(connection, parse_email_id(email), facts, places))
    return [
        _answer(kind, places[place], _decide(kind, pair, ()), pair.time_zone)
        for place, pair in facts.items()
        for kind in (Kind.IMAP, Kind.CRM)
    ]


def _about_email(
    connection: Connection, key: bytes, facts: dict[int, PairFacts], places: dict[int, str]
) -> Iterable[Answer]:
    """Decide for each copy of the e-mail that the owner has on these records."""
    owner_id = next(iter(facts.values())).owner.user_id
    for copy_id, place, kind in own_mail.copies_on(connection, owner_id, key, list(places)):
        pair, withheld = facts[place], withholding(*copy_to_withhold(connection, copy_id))
        yield _answer(Kind(kind), places[place], _decide(kind, pair, withheld), pair.time_zone)


def _decide(kind: str, facts: PairFacts, withheld: tuple[Reason, ...]) -> Decision:
    return decide(kind, facts.viewer, facts.owner, facts.grounds, facts.organisation, withheld)


def _answer(kind: Kind, record: str, decision: Decision, time_zone: str) -> Answer:
    return Answer(_ABOUT[kind], record, decision.allowed, steps_in_words(decision, time_zone))


def steps_in_words(decision: Decision, time_zone: str) -> list[Step]:
    """Give the steps of a decision, with times in the organisation's calendar."""
    return [Step(r.rule, sentence(_in_words(r, time_zone)), changed_by(r)) for r in decision.reasons]


def _in_words(reason: Reason, time_zone: str) -> Reason:
    if reason.rule != Rule.SHARED_ON_RECORD or not isinstance(reason.value, int):
        return reason
    shared = datetime.fromtimestamp(reason.value, UTC).astimezone(ZoneInfo(time_zone))
    return Reason(reason.rule, f"{shared:%Y-%m-%d}")
