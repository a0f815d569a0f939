"""The records of a module, and the recycle bin, in the form of Zoho CRM."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import falcon
from msgspec import UNSET, Meta, UnsetType

from postroom.actions.errors import ActionError, FieldMissing, FieldRefused, InvalidInput, RecordInvalid, RecordUnknown
from postroom.actions.lookups import parse_id, valid_address
from postroom.actions.organisation import time_zone_of
from postroom.actions.read_records import (
    Deleted,
    Shown,
    ShownRecord,
    list_deleted,
    list_records,
    module_of,
    read_record,
)
from postroom.actions.times import with_offset
from postroom.actions.tokens import Caller
from postroom.actions.write_records import (
    MOST_AT_ONCE,
    Written,
    create_records,
    delete_records,
    restore_records,
    update_records,
)
from postroom.core.fields import OWNER, fields_of
from postroom.core.listing import Place, Wanted
from postroom.core.model import Module, User
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation, module_families
from postroom.http.crm import (
    CrmResource,
    Paged,
    answer_each,
    answer_page,
    done,
    id_in,
    ids_in,
    page_in,
    page_info,
    read_parameters,
)
from postroom.http.resource import answer, now
from postroom.http.sent import Sent, SentT, Text

_BIN = "settings.recycle_bin"
_FIRST_BY_PAGE = 2000  # further on a page has a token
_SORTED_BY = {"id": "id", "Created_Time": "created_at", "Modified_Time": "modified_at"}
_NO_RECORD = 0
_ADDED, _UPDATED = "record added", "record updated"
_WITH_HISTORY = (_ADDED, _UPDATED)
_TOKEN = re.compile(r"([a-z_]+)\.(asc|desc)\.([0-9]+)\.([0-9]+)", re.ASCII)
_List = Annotated[str, Meta(max_length=10_000)]
_Given = Annotated[tuple[dict[str, Any], ...], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class RecordsQuery(Paged, frozen=True):
    """Which records are asked for, in which order, and which of their fields."""

    fields: _List | UnsetType = UNSET
    ids: _List | UnsetType = UNSET
    sort_by: Text = "id"
    sort_order: Text = "desc"
    page_token: Text | UnsetType = UNSET


class SearchQuery(Paged, frozen=True):
    """Which records are searched for."""

    email: Text | UnsetType = UNSET
    fields: _List | UnsetType = UNSET


class RecordQuery(Sent, frozen=True):
    """Which fields of a record are asked for."""

    fields: _List | UnsetType = UNSET


class DeletedQuery(Sent, frozen=True):
    """Which records shall be deleted; there are no workflows that a deletion could trigger."""

    ids: _List | UnsetType = UNSET
    wf_trigger: Literal["true", "false"] | UnsetType = UNSET


class GivenRecords(Sent, frozen=True):
    """Records to be created or changed; there is nothing that they could trigger."""

    data: _Given
    trigger: tuple[Text, ...] | UnsetType | None = UNSET
    process: tuple[Text, ...] | UnsetType | None = UNSET
    apply_feature_execution: tuple[dict[str, Any], ...] | UnsetType | None = UNSET
    skip_feature_execution: tuple[dict[str, Any], ...] | UnsetType | None = UNSET


class GivenIds(Sent, frozen=True):
    """Records to be restored."""

    ids: Annotated[tuple[int | str, ...], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class RecordsResource(CrmResource):
    """What is done with the records of a module: its name says which scopes open them."""

    def enter_module(
        self, request: falcon.Request, version: str, operation: CrmOperation, name: str
    ) -> tuple[Caller, Module]:
        """Let the holder of a token in who names a module. Raises RequestRefused."""
        caller = self.enter(request, version, operation, *module_families(module_key(name)))
        return caller, module_of(self.database, name)

    def enter_module_with_body(
        self, request: falcon.Request, version: str, operation: CrmOperation, name: str, kind: type[SentT]
    ) -> tuple[Caller, Module, SentT]:
        """Let the holder of a token in, with a body. Raises RequestRefused, FieldRefused, BodyTooLarge."""
        caller, body = self.enter_with_body(request, version, operation, kind, *module_families(module_key(name)))
        return caller, module_of(self.database, name), body

    def as_json(self, module: Module, found: Shown) -> list[dict[str, object]]:
        """Give records, each with every field that its module has, and whatever else it holds."""
        zone = time_zone_of(self.database)
        return [_as_json(module, each, found.users, zone) for each in found.records]

    def answer_written(
        self, response: falcon.Response, written: Written, message: str, name: str = "data", success: int = 200
    ) -> None:
        """Answer what became of each record; of one that was deleted or restored its id says enough."""
        zone = time_zone_of(self.database)
        results: list[dict[str, object] | ActionError] = [
            result
            if isinstance(result, ActionError)
            else done(message, _details(result, written, zone) if message in _WITH_HISTORY else {"id": str(result)})
            for result in written.results
        ]
        answer_each(response, name, results, success)


class Records(RecordsResource):
    """The records of a module that the caller sees."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Answer a page of them, or that none was modified since."""
        caller, module = self.enter_module(request, version, CrmOperation.READ, module_api_name)
        query, since = read_parameters(request, RecordsQuery), _modified_since(request)
        page, wanted = page_in(query), _wanted(module, query, since)
        shown = list_records(self.database, module, wanted, page.size, by=caller.actor)
        if not shown.records and since is not None:
            response.status = falcon.HTTP_NOT_MODIFIED
            return
        token = None if shown.next_after is None else _token(wanted, shown.next_after)
        info = page_info(page, len(shown.records), more=token is not None)
        info |= {"sort_by": query.sort_by, "sort_order": query.sort_order, "next_page_token": token}
        found = [_selected(each, query.fields) for each in self.as_json(module, shown)]
        answer_page(response, "data", found, info)

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Create some."""
        caller, module, body = self.enter_module_with_body(
            request, version, CrmOperation.CREATE, module_api_name, GivenRecords
        )
        written = create_records(self.database, module, body.data, by=caller.actor, now=now())
        self.answer_written(response, written, _ADDED, success=201)

    def on_put(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Change those that the body names."""
        caller, module, body = self.enter_module_with_body(
            request, version, CrmOperation.UPDATE, module_api_name, GivenRecords
        )
        given = [(_id_of(one), _without_id(one)) for one in body.data]
        written = update_records(self.database, module, given, by=caller.actor, now=now())
        self.answer_written(response, written, _UPDATED)

    def on_delete(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Put those that the query names into the recycle bin."""
        caller, module = self.enter_module(request, version, CrmOperation.DELETE, module_api_name)
        query = read_parameters(request, DeletedQuery)
        if query.ids is UNSET:
            raise FieldMissing(param_name="ids")
        written = delete_records(self.database, module, ids_in(query.ids), by=caller.actor, now=now())
        self.answer_written(response, written, "record deleted")


class FoundRecords(RecordsResource):
    """The records of a module that have an e-mail address."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Answer a page of them, the newest first. There is no other search than by address."""
        caller, module = self.enter_module(request, version, CrmOperation.READ, module_api_name)
        query = read_parameters(request, SearchQuery)
        if query.email is UNSET:
            raise FieldMissing(param_name="email")
        try:
            address = valid_address(query.email, "email")
        except InvalidInput as error:
            raise FieldRefused("expected an e-mail address", param_name="email") from error
        page = page_in(query)
        wanted = Wanted(module.id, address=address, skipped=_skipped(page.number, page.size))
        shown = list_records(self.database, module, wanted, page.size, by=caller.actor)
        info = page_info(page, len(shown.records), more=shown.next_after is not None)
        found = [_selected(each, query.fields) for each in self.as_json(module, shown)]
        answer_page(response, "data", found, info)


class Record(RecordsResource):
    """One record."""

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Answer it, or that it was not modified since."""
        caller, module = self.enter_module(request, version, CrmOperation.READ, module_api_name)
        query, since = read_parameters(request, RecordQuery), _modified_since(request)
        shown = read_record(self.database, module, parse_id(record_id) or _NO_RECORD, by=caller.actor)
        if not shown.records:
            raise RecordInvalid
        if since is not None and shown.records[0].history.modified_at <= since:
            response.status = falcon.HTTP_NOT_MODIFIED
            return
        answer(response, {"data": [_selected(each, query.fields) for each in self.as_json(module, shown)]})

    def on_put(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Change it."""
        caller, module, body = self.enter_module_with_body(
            request, version, CrmOperation.UPDATE, module_api_name, GivenRecords
        )
        wanted = parse_id(record_id) or _NO_RECORD
        if len(body.data) > 1:
            raise FieldRefused("expected one record", api_name="data")
        if "id" in body.data[0] and _id_of(body.data[0]) != wanted:
            raise FieldRefused("expected the id of the path", api_name="id")
        given = [(wanted, _without_id(body.data[0]))]
        written = update_records(self.database, module, given, by=caller.actor, now=now())
        self.answer_written(response, _there(written), _UPDATED)

    def on_delete(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Put it into the recycle bin."""
        caller, module = self.enter_module(request, version, CrmOperation.DELETE, module_api_name)
        if read_parameters(request, DeletedQuery).ids is not UNSET:
            raise FieldRefused("the path names the record", param_name="ids")
        wanted = parse_id(record_id) or _NO_RECORD
        written = delete_records(self.database, module, [wanted], by=caller.actor, now=now())
        self.answer_written(response, _there(written), "record deleted")


class RecycleBin(CrmResource):
    """What is in the recycle bin of records that the caller may restore."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer a page of it, the last one deleted first."""
        caller = self.enter(request, version, CrmOperation.READ, _BIN)
        page = page_in(read_parameters(request, Paged))
        skipped = _skipped(page.number, page.size)
        found, users = list_deleted(self.database, by=caller.actor, skipped=skipped, limit=page.size + 1)
        zone = time_zone_of(self.database)
        shown = [_deleted(each, users, zone) for each in found[: page.size]]
        answer_page(response, "recycle_bin", shown, page_info(page, len(shown), more=len(found) > page.size))


class RestoredRecords(RecordsResource):
    """Some records that come out of the recycle bin."""

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Restore those that the body names."""
        caller, body = self.enter_with_body(request, version, CrmOperation.UPDATE, GivenIds, _BIN)
        ids = [id_in(each, api_name="ids") for each in body.ids]
        written = restore_records(self.database, ids, by=caller.actor, now=now())
        self.answer_written(response, written, "record restored", "recycle_bin")


class RestoredRecord(RecordsResource):
    """One such record."""

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str, record_id: str) -> None:
        """Restore it; a body says nothing."""
        caller = self.enter(request, version, CrmOperation.UPDATE, _BIN)
        read_parameters(request, Sent)
        ids = [parse_id(record_id) or _NO_RECORD]
        written = restore_records(self.database, ids, by=caller.actor, now=now())
        self.answer_written(response, _there(written), "record restored", "recycle_bin")


def _there(written: Written) -> Written:
    """Refuse the one record that the path names as every other request does where it is not there."""
    if isinstance(written.results[0], RecordUnknown):
        raise RecordInvalid
    return written


def _wanted(module: Module, query: RecordsQuery, since: int | None) -> Wanted:
    if query.sort_by not in _SORTED_BY:
        raise FieldRefused(f"expected one of {', '.join(_SORTED_BY)}", param_name="sort_by")
    if query.sort_order not in ("asc", "desc"):
        raise FieldRefused("expected asc or desc", param_name="sort_order")
    after, page = None if query.page_token is UNSET else _place(query.page_token, query), page_in(query)
    return Wanted(
        module.id,
        ids=None if query.ids is UNSET else frozenset(ids_in(query.ids)),
        modified_after=since,
        sorted_by=_SORTED_BY[query.sort_by],
        descending=query.sort_order == "desc",
        after=after,
        skipped=0 if after is not None else _skipped(page.number, page.size),
    )


def _skipped(number: int, size: int) -> int:
    """Give how many things are on the pages before. Raises FieldRefused where there are too many to count through."""
    if number * size > _FIRST_BY_PAGE:
        raise FieldRefused(f"page * per_page is at most {_FIRST_BY_PAGE}; go on with page_token", param_name="page")
    return (number - 1) * size


def _token(wanted: Wanted, place: Place) -> str:
    order = "desc" if wanted.descending else "asc"
    return f"{wanted.sorted_by}.{order}.{place.value}.{place.id}"


def _place(token: str, query: RecordsQuery) -> Place:
    """Give the place that a token stands for, in the same order as before. Raises FieldRefused."""
    found = _TOKEN.fullmatch(token)
    value, record_id = (None, None) if found is None else map(parse_id, found.groups()[2:])
    if found is None or found.groups()[:2] != (_SORTED_BY[query.sort_by], query.sort_order):
        raise FieldRefused("expected what the page before named, in the same order", param_name="page_token")
    if value is None or record_id is None:
        raise FieldRefused("expected what the page before named", param_name="page_token")
    return Place(value, record_id)


def _modified_since(request: falcon.Request) -> int | None:
    """Give the time of If-Modified-Since (epoch seconds): in ISO 8601, or as RFC 9110, section 13.1.3, has it."""
    text = request.get_header("If-Modified-Since")
    if text is None:
        return None
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(text.strip())
            if found.tzinfo is not None:
                return int(found.astimezone(UTC).timestamp())
        except (ValueError, OverflowError):
            continue
    raise FieldRefused("expected a time with its offset", param_name="If-Modified-Since")


def _selected(record: dict[str, object], fields: str | UnsetType) -> dict[str, object]:
    """Give only the fields that are asked for, and the id."""
    if fields is UNSET:
        return record
    wanted = {"id", *(name.strip() for name in fields.split(","))}
    return {name: value for name, value in record.items() if name in wanted}


def _id_of(given: Mapping[str, Any]) -> int:
    if "id" not in given:
        raise FieldMissing(api_name="id")
    value = given["id"]
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise FieldRefused("invalid data", api_name="id", expected_data_type="bigint")
    return id_in(value, api_name="id")


def _without_id(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "id"}


def _user(users: Mapping[int, User], user_id: int | None) -> dict[str, object] | None:
    """Give a user as records name one; nobody where it was whoever has the command line."""
    user = None if user_id is None else users[user_id]
    return None if user is None else {"name": user.full_name, "id": str(user.id), "email": user.email}


def _as_json(module: Module, shown: ShownRecord, users: Mapping[int, User], zone: ZoneInfo) -> dict[str, object]:
    record, history = shown.record, shown.history
    values = {field.api_name: None for field in fields_of(module.module_key)} | dict(shown.values)
    links = {name: link and {"name": link.name, "id": str(link.id)} for name, link in shown.links.items()}
    own: dict[str, object] = {
        "id": str(record.id),
        OWNER: _user(users, record.owner_id),
        "Created_Time": with_offset(history.created_at, zone),
        "Modified_Time": with_offset(history.modified_at, zone),
        "Created_By": _user(users, history.created_by),
        "Modified_By": _user(users, history.modified_by),
    }
    if "Full_Name" in values:
        own["Full_Name"] = record.name
    return values | links | own


def _details(record_id: int, written: Written, zone: ZoneInfo) -> dict[str, object]:
    history = written.histories[record_id]
    return {
        "Modified_Time": with_offset(history.modified_at, zone),
        "Modified_By": _named(written.users, history.modified_by),
        "Created_Time": with_offset(history.created_at, zone),
        "id": str(record_id),
        "Created_By": _named(written.users, history.created_by),
    }


def _named(users: Mapping[int, User], user_id: int | None) -> dict[str, object] | None:
    return None if user_id is None else {"name": users[user_id].full_name, "id": str(user_id)}


def _deleted(deleted: Deleted, users: Mapping[int, User], zone: ZoneInfo) -> dict[str, object]:
    record = deleted.record
    return {
        "id": str(record.id),
        "display_name": record.name,
        "deleted_time": with_offset(record.deleted_at or 0, zone),
        "owner": _named(users, record.owner_id),
        "module": {"api_name": deleted.module.api_name, "id": str(deleted.module.id)},
        "deleted_by": _named(users, deleted.deleted_by),
    }
