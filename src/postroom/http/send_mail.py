"""Sending mail from a record, in the form of Zoho CRM (API pages, "Send Mail" and "Get From Addresses")."""

from datetime import datetime
from typing import Annotated, Any, Literal

import falcon
from msgspec import UNSET, Meta, UnsetType, field

from postroom.actions.errors import FieldRefused, FieldUnsupported
from postroom.actions.lookups import parse_id
from postroom.actions.own_addresses import list_own_addresses
from postroom.actions.read_records import module_of
from postroom.actions.send_mail import Answered, MailToSend, Sent, send_mail
from postroom.core.model import OutboxState, Person
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation, send_families
from postroom.http.crm import (
    MAX_BODY_BYTES,
    CrmResource,
    Reference,
    answer_each,
    done,
    id_in,
    id_of,
    naming_in_json,
    read_parameters,
)
from postroom.http.resource import answer, now
from postroom.http.sent import Sent as Members
from postroom.http.sent import Text, or_none, read_body
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox

PATH = "/crm/{version}/{module_api_name}/{record_id}/actions/send_mail"
MOST_RECIPIENTS = 50  # in each field
_NO_RECORD = _NO_USER = 0
_LONGEST_KEY = 255
_ITEM = "$.data[0]"

Subject = Annotated[str, Meta(max_length=1000)]
Content = Annotated[str, Meta(max_length=100_000)]
_Anything = Any


class GivenPerson(Members, frozen=True):
    """An address, and the name beside it."""

    email: Text
    user_name: Text | UnsetType | None = UNSET

    def person(self) -> Person:
        """Give it as actions take it."""
        return Person(self.email, or_none(self.user_name) or "")


People = Annotated[tuple[GivenPerson, ...], Meta(max_length=MOST_RECIPIENTS)]


class GivenFile(Members, frozen=True):
    """An uploaded file."""

    id: Text


class GivenModule(Members, frozen=True):
    """The module of a linked record."""

    api_name: Literal["Deals"]
    id: int | str | UnsetType | None = UNSET


class LinkedRecord(Members, frozen=True):
    """A Deal with which mail is associated as well."""

    id: int | str
    name: Text | UnsetType | None = UNSET
    module: GivenModule | UnsetType | None = UNSET


class InReplyTo(Members, frozen=True):
    """The e-mail that is answered, and whose copy of it."""

    message_id: Text
    owner: Reference | UnsetType | None = UNSET


class GivenMail(Members, frozen=True):
    """What shall be sent."""

    from_: GivenPerson = field(name="from")
    to: Annotated[tuple[GivenPerson, ...], Meta(min_length=1, max_length=MOST_RECIPIENTS)]
    cc: People | UnsetType | None = UNSET
    bcc: People | UnsetType | None = UNSET
    reply_to: GivenPerson | UnsetType | None = UNSET
    subject: Subject | UnsetType | None = UNSET
    content: Content | UnsetType | None = UNSET
    mail_format: Literal["html", "text"] = "html"
    scheduled_time: Text | UnsetType | None = UNSET
    attachments: Annotated[tuple[GivenFile, ...], Meta(max_length=10)] | UnsetType | None = UNSET
    in_reply_to: InReplyTo | Text | UnsetType | None = UNSET
    linked_record: LinkedRecord | UnsetType | None = UNSET
    org_email: bool | UnsetType | None = UNSET
    consent_email: bool | UnsetType | None = UNSET
    template: _Anything = UNSET
    inventory_details: _Anything = UNSET
    data_subject_request: _Anything = UNSET
    paper_type: _Anything = UNSET
    view_type: _Anything = UNSET


_UNSUPPORTED = (
    "org_email",
    "consent_email",
    "template",
    "inventory_details",
    "data_subject_request",
    "paper_type",
    "view_type",
)


class GivenMails(Members, frozen=True):
    """One message in a list, as the API page has it."""

    data: Annotated[tuple[GivenMail, ...], Meta(min_length=1, max_length=1)]


class AddressesQuery(Members, frozen=True):
    """Whose addresses; only the caller's own are told."""

    user_id: Text | UnsetType = UNSET


class SendMail(CrmResource):
    """Sends from a record that the caller sees."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        super().__init__(database)
        self._box = box

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Send a message, schedule it, or keep it until the server takes it."""
        families = send_families(module_key(module_api_name))
        self.enter(request, version, CrmOperation.CREATE, *families)  # a stranger's body is not waited for
        key = _key(request)
        with naming_in_json(_ITEM):
            (given,) = read_body(request, GivenMails, MAX_BODY_BYTES).data
        caller = self.enter(request, version, CrmOperation.CREATE, *families)
        module = module_of(self.database, module_api_name)
        wanted = parse_id(record_id) or _NO_RECORD
        try:
            with naming_in_json(_ITEM):
                mail = _mail(given)
                sent = send_mail(self.database, self._box, module, wanted, mail, caller=caller, now=now(), key=key)
        except FieldRefused as error:
            answer_each(response, "data", [error])
        else:
            answer(response, {"data": [done(_message(sent), _details(sent))]})


class FromAddresses(CrmResource):
    """The addresses from which the caller may send."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer them, the default one first."""
        caller = self.enter(request, version, CrmOperation.READ, "settings.emails")
        query = read_parameters(request, AddressesQuery)
        user_id = caller.actor.user_id or _NO_USER
        if query.user_id is not UNSET and id_in(query.user_id, param_name="user_id") != user_id:
            raise FieldRefused("only the own addresses are told", param_name="user_id")
        listed = [
            {
                "email": own.address,
                "type": "primary" if own.is_default else "alias",
                "id": None if own.mailbox_id is None else str(own.mailbox_id),
                "user_name": own.name,
                "default": own.is_default,
            }
            for own in list_own_addresses(self.database, user_id)
        ]
        answer(response, {"from_addresses": listed})


def _mail(given: GivenMail) -> MailToSend:
    for name in _UNSUPPORTED:
        if getattr(given, name) not in (UNSET, None, False):
            raise FieldUnsupported(f"there is no {name} here", api_name=name)
    reply_to, linked, scheduled = or_none(given.reply_to), or_none(given.linked_record), or_none(given.scheduled_time)
    return MailToSend(
        sender=given.from_.person(),
        to=_people(given.to),
        cc=_people(given.cc),
        bcc=_people(given.bcc),
        reply_to=None if reply_to is None else reply_to.person(),
        subject=or_none(given.subject) or "",
        content=or_none(given.content) or "",
        is_html=given.mail_format == "html",
        scheduled_at=None if scheduled is None else time_in(scheduled, "scheduled_time"),
        attachments=tuple(file.id for file in or_none(given.attachments) or ()),
        answered=_answered(given.in_reply_to),
        linked_record_id=None if linked is None else linked_deal(linked),
    )


def _people(given: People | UnsetType | None) -> tuple[Person, ...]:
    return tuple(each.person() for each in or_none(given) or ())


def _answered(given: InReplyTo | str | UnsetType | None) -> Answered | None:
    if given is None or given is UNSET:
        return None
    if isinstance(given, str):
        return Answered(given)
    owner = or_none(given.owner)
    return Answered(given.message_id, None if owner is None else id_of(owner, "in_reply_to.owner.id"))


def linked_deal(given: LinkedRecord) -> int:
    """Give the id of the Deal that is named. Raises FieldRefused."""
    module = or_none(given.module)
    if module is not None and isinstance(module.id, int | str):
        id_in(module.id, api_name="linked_record.module.id")
    return id_in(given.id, api_name="linked_record.id")


def time_in(text: str, member: str) -> int:
    """Give a time with its offset (ISO 8601) in epoch seconds. Raises FieldRefused."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and moment.timestamp() >= 0:
            return int(moment.timestamp())
    except (ValueError, OverflowError):
        pass
    raise FieldRefused("expected a time with its offset", api_name=member)


def _key(request: falcon.Request) -> str | None:
    """Give the key by which a client may repeat its request (draft-ietf-httpapi-idempotency-key-header)."""
    key: str | None = request.get_header("Idempotency-Key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        raise FieldRefused(f"expected 1 to {_LONGEST_KEY} printable characters", param_name="Idempotency-Key")
    return key


def _message(sent: Sent) -> str:
    if sent.state == OutboxState.SCHEDULED:
        return "Your mail has been scheduled successfully."
    if sent.state == OutboxState.SENT:
        return "Your mail has been sent successfully."
    return f"Your mail is kept and will be sent as soon as the server takes it: {sent.error or 'it is being sent'}"


def _details(sent: Sent) -> dict[str, object]:
    blocked = [{"email": email, "reason": reason} for email, reason in sent.refused]
    return {"message_id": sent.email} | ({"blocked_email_addresses": blocked} if blocked else {})
