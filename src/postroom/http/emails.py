"""The e-mails of a record, in the form of Zoho CRM (API pages, "Get Emails of a Record" and "View Email")."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from postroom.actions.errors import FieldRefused
from postroom.actions.read_emails import FIRST_INDEX, PAGE, EmailPage, EmailReader, OpenRecord, ReadEmail
from postroom.actions.times import with_offset
from postroom.actions.withhold import email_id
from postroom.core.addresses import is_stand_in
from postroom.core.details import VIEWS, VIEWS_OF_UNSENT, Wanted, wanted_emails
from postroom.core.emails import Deal, ListedEmail
from postroom.core.model import Kind, Participant, ParticipantRole
from postroom.core.modules import DEALS
from postroom.http.crm import id_in, read_parameters
from postroom.http.identity import bearer_token, check_version
from postroom.http.resource import answer, now
from postroom.http.sent import LongText, Sent, Text, or_none

PATH = "/crm/{version}/{module_api_name}/{record_id}/Emails"
EMAIL_PATH = f"{PATH}/{{message_id}}"
NOT_THERE = "the related id given seems to be invalid"
_INDIVIDUAL = "individual"  # what Zoho calls the source of what one user sent


class EmailsQuery(Sent, frozen=True):
    """Which e-mails of a record, and where their page starts."""

    type: Text | UnsetType = UNSET
    owner_id: Text | UnsetType = UNSET
    index: Text = FIRST_INDEX
    filter: LongText | UnsetType = UNSET


class EmailQuery(Sent, frozen=True):
    """Of which view and of whose copies an e-mail shall be; sources call the owner by two names."""

    type: Text | UnsetType = UNSET
    owner_id: Text | UnsetType = UNSET
    user_id: Text | UnsetType = UNSET


class FilteredField(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """By which field a list is filtered."""

    api_name: Literal["subject"]


class Criterion(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The one filter that there is, as the SDKs send it."""

    comparator: Literal["equal"]
    field: FilteredField
    value: Annotated[str, Meta(pattern="^[^\x00]*$")]


class EmailResource:
    """What the resources of a record's e-mails do alike."""

    def __init__(self, reader: EmailReader) -> None:
        self._reader = reader

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself: there is nothing to be asked about methods."""
        raise falcon.HTTPMethodNotAllowed([])

    @contextmanager
    def opened(self, request: falcon.Request, version: str, module: str, record_id: str) -> Iterator[OpenRecord]:
        """Open the record for the holder of a token. Raises RequestRefused."""
        check_version(version)
        with self._reader.open_record(bearer_token(request), module, record_id, now=now()) as record:
            yield record


class Emails(EmailResource):
    """The list, ten e-mails a page."""

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Answer a page."""
        with self.opened(request, version, module_api_name, record_id) as record:
            query = read_parameters(request, EmailsQuery)
            wanted, subject = wanted_in(record, query.type, query.owner_id), _subject(query.filter)
            page = record.list_emails(wanted, index=query.index, subject=subject)
            viewer_id = record.viewer_id
        if not page.emails:
            response.status = falcon.HTTP_NO_CONTENT
            return
        emails = [_listed(email, viewer_id) for email in page.emails]
        answer(response, {"Emails": emails, "info": _info(page)})


class Email(EmailResource):
    """One e-mail, with what it says."""

    def on_get(
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        message_id: str,
    ) -> None:
        """Answer it from one copy."""
        with self.opened(request, version, module_api_name, record_id) as record:
            query = read_parameters(request, EmailQuery)
            if query.user_id is not UNSET and query.owner_id not in (UNSET, query.user_id):
                raise FieldRefused("the owner is named twice", param_name="user_id")
            owner_id = query.owner_id if query.user_id is UNSET else query.user_id
            found = record.read_email(message_id, wanted_in(record, query.type, owner_id))
            viewer_id = record.viewer_id
        if found is None:
            raise FieldRefused(NOT_THERE, resource_path_index=3)
        answer(response, {"Emails": [_whole(found, viewer_id)]})


def wanted_in(
    record: OpenRecord, view: str | UnsetType, owner_id: str | UnsetType, owner_name: str = "owner_id"
) -> Wanted:
    """Say which e-mails are wanted; `owner_name` is what the parameter of the owner is called. Raises FieldRefused."""
    if view is not UNSET and view not in VIEWS.keys() | VIEWS_OF_UNSENT.keys():
        raise FieldRefused("the type given seems to be invalid", param_name="type")
    owner = None if owner_id is UNSET else id_in(owner_id, param_name=owner_name)
    return wanted_emails(or_none(view), owner, record.viewer_id)


def _subject(given: str | UnsetType) -> str | None:
    if given is UNSET:
        return None
    try:
        value = msgspec.json.decode(given, type=Criterion).value
        value.encode()  # half a surrogate pair is in no subject
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        reason = 'expected {"comparator": "equal", "field": {"api_name": "subject"}, "value": ...}'
        raise FieldRefused(reason, param_name="filter") from error
    return value


def _info(page: EmailPage) -> dict[str, object]:
    return {
        "per_page": PAGE,
        "count": len(page.emails),
        "next_index": page.next_index,
        "prev_index": page.prev_index,
        "more_records": page.next_index is not None,
    }


def _listed(email: ListedEmail, viewer_id: int) -> dict[str, object]:
    """Give what a list shows; there is nothing that says what an e-mail feels or intends."""
    senders = _people(email, ParticipantRole.FROM)
    shown = {
        "message_id": email_id(email.place.email_key),
        "subject": email.subject,
        "from": next((each for each in senders if each["email"] == email.sender), None) or next(iter(senders), _NOBODY),
        "to": _people(email, ParticipantRole.TO),
        "cc": _people(email, ParticipantRole.CC),
        "time": _time(email),
        "sent": email.is_sent,
        "read": email.is_read if email.owner.user_id == viewer_id else None,
        "owner": {"id": str(email.owner.user_id), "name": email.owner.name, "email": email.owner.address},
        "source": _INDIVIDUAL if email.kind == Kind.CRM else email.kind,
        "linked_record": None if email.deal is None else _linked(email.deal),
        "status": [
            _status(email.unsent or ("sent" if email.is_sent else "received")),
            *(_status("bounced", f"{each.address}: {each.reason}") for each in email.refused),
        ],
        "summary": email.summary,
        "has_attachment": email.has_attachment,
        "has_thread_attachment": email.has_attachment,
        "thread_id": None if email.conversation is None else str(email.conversation),
        "automated": email.is_automated,
        "only_headers": email.headers_only,
        **dict.fromkeys(("activity_info", "emotion", "intent", "sentiment_info")),
    }
    return shown | ({"bcc": _people(email, ParticipantRole.BCC)} if email.owner.user_id == viewer_id else {})


def _whole(found: ReadEmail, viewer_id: int) -> dict[str, object]:
    """Give what a list shows, and what the e-mail says and brings along."""
    content, listed = found.content(), _listed(found.email, viewer_id)
    return listed | {
        "content": content.html,
        "plain_text": content.text,
        "mail_format": "html" if content.is_html else "text",
        "sent_time": listed["time"],
        "editable": False,
        "reply_to": _NOBODY if content.reply_to is None else _named(*content.reply_to),
        "attachments": [{"id": file.id, "name": file.name, "size": str(file.size)} for file in content.files],
        "has_attachment": bool(content.files),
        "has_thread_attachment": bool(content.files),
    }


def _status(kind: str, reason: str | None = None) -> dict[str, str | None]:
    """Give what became of an e-mail; when a recipient was refused is not kept."""
    return {"type": kind, "bounced_time": None, "bounced_reason": reason}


_NOBODY: dict[str, str | None] = {"user_name": None, "email": None}


def _people(email: ListedEmail, role: ParticipantRole) -> list[dict[str, str | None]]:
    return [_person(each) for each in email.participants if each.role == role]


def _person(participant: Participant) -> dict[str, str | None]:
    return _named(None if is_stand_in(participant.address) else participant.address, participant.name)


def _named(address: str | None, name: str) -> dict[str, str | None]:
    return {"user_name": name or address, "email": address}


def _time(email: ListedEmail) -> str | None:
    return with_offset(email.place.sent_at, ZoneInfo(email.time_zone)) if email.place.sent_at else None


def _linked(deal: Deal) -> dict[str, object]:
    module = {"api_name": DEALS, "id": str(deal.module_id)}
    return {"id": str(deal.record_id), "name": deal.name, "module": module}
