"""Why a viewer sees an owner's mail on a record, or why not."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from postroom.actions.lookups import get_record, get_user
from postroom.core.model import Kind
from postroom.core.sharing import Decision, Reason, Rule, decide
from postroom.core.words import sentence
from postroom.storage.database import Database
from postroom.storage.sharing_facts import read_pair_facts


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision and each step that led there."""

    about: str
    allowed: bool
    steps: list[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What holds for one viewer, one owner and one record."""

    viewer: str
    owner: str
    record: str
    answers: list[Answer]


_ABOUT = {Kind.IMAP: "mail in the owner's mailbox", Kind.CRM: "mail that the owner sent from the CRM"}


def explain(database: Database, viewer_email: str, owner_email: str, reference: str) -> Explanation:
    """Decide for a viewer, an owner and a record as the API does, and say why. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        viewer, owner = get_user(connection, viewer_email), get_user(connection, owner_email)
        module, record = get_record(connection, reference)
        facts = read_pair_facts(connection, viewer.id, owner.id, record.id)
    decisions = {
        about: decide(kind, facts.viewer, facts.owner, facts.grounds, facts.organisation)
        for kind, about in _ABOUT.items()
    }
    answers = [_answer(about, decision, facts.time_zone) for about, decision in decisions.items()]
    return Explanation(viewer.email, owner.email, f"{module.api_name}/{record.id}", answers)


def _answer(about: str, decision: Decision, time_zone: str) -> Answer:
    return Answer(about, decision.allowed, [sentence(_in_words(reason, time_zone)) for reason in decision.reasons])


def _in_words(reason: Reason, time_zone: str) -> Reason:
    """Put the time of a share into the organisation's calendar."""
    if reason.rule != Rule.SHARED_ON_RECORD or not isinstance(reason.value, int):
        return reason
    shared = datetime.fromtimestamp(reason.value, UTC).astimezone(ZoneInfo(time_zone))
    return Reason(reason.rule, f"{shared:%Y-%m-%d}")
