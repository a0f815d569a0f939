"""Drafts of e-mails, each seen by its author alone, in the form of Zoho CRM (API pages, "Email Drafts")."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from postroom.actions.email_drafts import (
    OwnDrafts,
    ShownDraft,
    Written,
    change_draft,
    create_draft,
    delete_draft,
    list_drafts,
    read_draft,
)
from postroom.actions.errors import (
    ActionError,
    DraftInvalid,
    FieldMissing,
    FieldRefused,
    FieldUnsupported,
    InvalidInput,
    NotAllowed,
)
from postroom.actions.lookups import parse_id
from postroom.actions.organisation import time_zone_of
from postroom.actions.read_records import module_of
from postroom.actions.times import with_offset
from postroom.core.model import DraftOrder, Person
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation, module_families
from postroom.http.crm import (
    CrmResource,
    Paged,
    answer_each,
    answer_page,
    done,
    naming_in_json,
    page_in,
    page_info,
    read_parameters,
)
from postroom.http.resource import answer, now
from postroom.http.send_mail import Content, LinkedRecord, People, Subject, linked_deal, time_in
from postroom.http.sent import Sent, Text, or_none, read_json

_NAME = "__email_drafts"
_MOST = 100  # in one request
_SORTED_BY: dict[str, Literal["created_at", "modified_at"]] = {
    "created_time": "created_at",
    "modified_time": "modified_at",
}
_NO_RECORD = _NO_USER = 0
_CREATED, _UPDATED, _DELETED = (f"Draft {each} Successfully" for each in ("created", "updated", "deleted"))
_Anything = Any


class DraftsQuery(Paged, frozen=True):
    """In which order drafts are listed."""

    sort_by: Literal["created_time", "modified_time"] = "created_time"
    sort_order: Literal["asc", "desc"] = "asc"


class GivenSchedule(Sent, frozen=True):
    """When a draft shall be sent, which is remembered and does nothing."""

    time: Text
    timezone: Annotated[str, Meta(max_length=100)] | UnsetType | None = UNSET
    source: Text | UnsetType | None = UNSET


class GivenFile(Sent, frozen=True):
    """An uploaded file; what else is said of it is known already."""

    id: Text
    file_name: Annotated[str, Meta(max_length=512)] | UnsetType | None = UNSET
    file_size: Text | int | UnsetType | None = UNSET
    service_name: Text | UnsetType | None = UNSET


class GivenDraft(Sent, frozen=True):
    """What shall stand in a draft."""

    from_: Text = field(name="from")
    rich_text: bool
    id: Text | UnsetType = UNSET
    to: People | UnsetType | None = UNSET
    cc: People | UnsetType | None = UNSET
    bcc: People | UnsetType | None = UNSET
    reply_to: Text | UnsetType | None = UNSET
    subject: Subject | UnsetType | None = UNSET
    content: Content | UnsetType | None = UNSET
    plain_content: Content | UnsetType | None = field(name="plainTextContent", default=UNSET)
    schedule_details: GivenSchedule | UnsetType | None = UNSET
    source: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    linked_record: LinkedRecord | UnsetType | None = UNSET
    attachments: Annotated[tuple[GivenFile, ...], Meta(max_length=10)] | UnsetType | None = UNSET
    inventory_details: _Anything = UNSET


class GivenDrafts(Sent, frozen=True):
    """Several drafts, each of which is read for itself."""

    drafts: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=_MOST)] = field(name=_NAME)


class GivenOneDraft(Sent, frozen=True):
    """The draft that the path names."""

    drafts: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=1)] = field(name=_NAME)


class DraftsResource(CrmResource):
    """What a caller does with the own drafts on a record."""

    def own(
        self, request: falcon.Request, version: str, operation: CrmOperation, module: str, record_id: str
    ) -> OwnDrafts:
        """Let the holder of a token in. Raises RequestRefused."""
        caller = self.enter(request, version, operation, *module_families(module_key(module)))
        found = module_of(self.database, module)
        return OwnDrafts(found, parse_id(record_id) or _NO_RECORD, caller.actor.user_id or _NO_USER)

    def own_with_body(
        self,
        request: falcon.Request,
        version: str,
        operation: CrmOperation,
        module: str,
        record_id: str,
        kind: type[GivenDrafts] | type[GivenOneDraft],
    ) -> tuple[OwnDrafts, Sequence[msgspec.Raw]]:
        """Let the holder of a token in, with drafts. Raises RequestRefused, FieldRefused, BodyTooLarge."""
        _, body = self.enter_with_body(request, version, operation, kind, *module_families(module_key(module)))
        return self.own(request, version, operation, module, record_id), body.drafts

    def change(self, own: OwnDrafts, draft_id: str, given: GivenDraft) -> str:
        """Change a draft, and give its id. Raises RecordInvalid, DraftInvalid, FieldRefused."""
        file_ids = None if given.attachments is UNSET else _file_ids(given)
        change_draft(self.database, own, draft_id, _written(given), file_ids, now=now())
        return draft_id

    def as_json(self, shown: Sequence[ShownDraft]) -> list[dict[str, object]]:
        """Give drafts as the API page has them."""
        zone = time_zone_of(self.database)
        return [_as_json(each, lambda at: with_offset(at, zone)) for each in shown]


class EmailDrafts(DraftsResource):
    """All of them on a record."""

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """List them."""
        own = self.own(request, version, CrmOperation.READ, module_api_name, record_id)
        query = read_parameters(request, DraftsQuery)
        page = page_in(query)
        order = DraftOrder(_SORTED_BY[query.sort_by], descending=query.sort_order == "desc")
        offset = (page.number - 1) * page.size
        found = list_drafts(self.database, own, order, offset=offset, limit=page.size + 1)
        listed, more = found[: page.size], len(found) > page.size
        answer_page(response, _NAME, self.as_json(listed), page_info(page, len(listed), more=more))

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Write new ones."""
        operation = CrmOperation.CREATE
        own, drafts = self.own_with_body(request, version, operation, module_api_name, record_id, GivenDrafts)

        def create(given: GivenDraft) -> str:
            if given.id is not UNSET:
                raise FieldRefused("a new draft has no id yet", api_name="id")
            written, file_ids = _written(given), _file_ids(given)
            return create_draft(self.database, own, written, file_ids, sender=given.from_, now=now())

        _answer_each(response, drafts, create, _CREATED, 201)

    def on_put(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Change those that are named."""
        operation = CrmOperation.UPDATE
        own, drafts = self.own_with_body(request, version, operation, module_api_name, record_id, GivenDrafts)

        def change(given: GivenDraft) -> str:
            if given.id is UNSET:
                raise FieldMissing(api_name="id")
            try:
                return self.change(own, given.id, given)
            except DraftInvalid:
                raise FieldRefused("Invalid draft Id", api_name="id") from None

        _answer_each(response, drafts, change, _UPDATED)


class EmailDraft(DraftsResource):
    """One of them."""

    def on_get(
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        draft_id: str,
    ) -> None:
        """Answer it."""
        own = self.own(request, version, CrmOperation.READ, module_api_name, record_id)
        read_parameters(request, Sent)
        answer(response, {_NAME: self.as_json([read_draft(self.database, own, draft_id)])})

    def on_put(
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        draft_id: str,
    ) -> None:
        """Change it."""
        operation = CrmOperation.UPDATE
        own, drafts = self.own_with_body(request, version, operation, module_api_name, record_id, GivenOneDraft)

        def change(given: GivenDraft) -> str:
            if given.id not in (UNSET, draft_id):
                raise FieldRefused("expected the id in the path", api_name="id")
            return self.change(own, draft_id, given)

        _answer_each(response, drafts, change, _UPDATED)

    def on_delete(
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        draft_id: str,
    ) -> None:
        """Delete it."""
        own = self.own(request, version, CrmOperation.DELETE, module_api_name, record_id)
        read_parameters(request, Sent)
        delete_draft(self.database, own, draft_id)
        answer_each(response, _NAME, [done(_DELETED, {"id": draft_id})])


def _answer_each(
    response: falcon.Response,
    drafts: Sequence[msgspec.Raw],
    work: Callable[[GivenDraft], str],
    message: str,
    success: int = 200,
) -> None:
    """Answer what became of each draft; what is wrong with the path is wrong with all of them."""
    results: list[dict[str, object] | ActionError] = []
    for place, raw in enumerate(drafts):
        item = f"{_NAME}[{place}]"
        try:
            with naming_in_json(f"$.{item}"):
                results.append(done(message, {"id": work(_read(raw, item))}))
        except (FieldRefused, NotAllowed) as error:
            results.append(error)
    answer_each(response, _NAME, results, success)


def _read(raw: msgspec.Raw, item: str) -> GivenDraft:
    try:
        return read_json(raw, GivenDraft)
    except InvalidInput as error:
        raise InvalidInput(f"{item}.{error}") from error


def _written(given: GivenDraft) -> Written:
    """Give what stands in a draft; what is null is empty."""
    if given.inventory_details not in (UNSET, None):
        raise FieldUnsupported("there is no inventory_details here", api_name="inventory_details")
    written = Written(sender=given.from_, is_html=given.rich_text)
    if given.to is not UNSET:
        written["to"] = _people(given.to)
    if given.cc is not UNSET:
        written["cc"] = _people(given.cc)
    if given.bcc is not UNSET:
        written["bcc"] = _people(given.bcc)
    if given.reply_to is not UNSET:
        written["reply_to"] = given.reply_to
    if given.subject is not UNSET:
        written["subject"] = given.subject
    if given.source is not UNSET:
        written["source"] = given.source
    if given.linked_record is not UNSET:
        written["linked_record_id"] = None if given.linked_record is None else linked_deal(given.linked_record)
    return written | _content(given) | _schedule(given)


def _content(given: GivenDraft) -> Written:
    if given.plain_content is UNSET:
        return Written() if given.content is UNSET else Written(content=given.content)
    if given.rich_text or or_none(given.content) is not None:
        raise FieldRefused("expected this in place of content, and without rich_text", api_name="plainTextContent")
    return Written(content=given.plain_content)


def _schedule(given: GivenDraft) -> Written:
    schedule = given.schedule_details
    if schedule is UNSET:
        return Written()
    if schedule is None:
        return Written(scheduled_at=None, time_zone=None)
    return Written(scheduled_at=time_in(schedule.time, "schedule_details.time"), time_zone=or_none(schedule.timezone))


def _people(given: People | None) -> tuple[Person, ...]:
    return tuple(each.person() for each in given or ())


def _file_ids(given: GivenDraft) -> list[str]:
    return [file.id for file in or_none(given.attachments) or ()]


def _as_json(shown: ShownDraft, in_words: Callable[[int], str]) -> dict[str, object]:
    draft, files, author, summary = shown
    schedule = {"time": in_words(draft.scheduled_at), "timezone": draft.time_zone} if draft.scheduled_at else None
    deal = {"id": str(draft.linked_record_id), "module": {"api_name": "Deals"}} if draft.linked_record_id else None
    return {
        "id": draft.id,
        "created_time": in_words(draft.created_at),
        "modified_time": in_words(draft.modified_at),
        "from": draft.sender,
        "to": _people_as_json(draft.to),
        "cc": _people_as_json(draft.cc),
        "bcc": _people_as_json(draft.bcc),
        "reply_to": draft.reply_to,
        "subject": draft.subject,
        "content": draft.content,
        "summary": summary,
        "rich_text": draft.is_html,
        "schedule_details": schedule,
        "source": draft.source,
        "inventory_details": None,
        "attachments": [_file_as_json(file.id, file.name, file.size) for file in files] or None,
        "linked_record": deal,
        "owner": {"id": str(draft.user_id), "name": author},
        "$sharing_permission": "full_access",
    }


def _people_as_json(people: Sequence[Person]) -> list[dict[str, object]] | None:
    return [{"email": each.address, "user_name": each.name or None} for each in people] or None


def _file_as_json(file_id: str, name: str, size: int) -> dict[str, object]:
    return {"id": file_id, "file_name": name, "file_size": str(size), "service_name": "ZFSAttached"}
