"""Filing e-mails by hand, in the form of Zoho CRM (API pages, "Associate Email" and "Link Deal to Emails")."""

from collections.abc import Callable
from typing import Annotated, Literal

import falcon
from msgspec import UNSET, Meta, UnsetType, field

from postroom.actions.associate_email import (
    EmailToAssociate,
    associate_email,
    find_own_email,
    link_to_deal,
    unlink_from_deals,
)
from postroom.actions.errors import ActionError, FieldMissing, FieldRefused, ModuleWithoutEmails
from postroom.actions.lookups import parse_id
from postroom.actions.read_records import module_of
from postroom.actions.tokens import Caller, admit
from postroom.core.modules import CONTACTS, module_key
from postroom.core.scopes import CrmOperation, email_families, may_call
from postroom.http.crm import MAX_BODY_BYTES, CrmResource, answer_each, done, id_in, naming_in_json, read_parameters
from postroom.http.identity import bearer_token, check_version
from postroom.http.resource import answer, now
from postroom.http.send_mail import Content, GivenPerson, LinkedRecord, People, linked_deal, time_in
from postroom.http.sent import Sent, Text, or_none, read_body

MOST_LINKED = 20
_NO_RECORD = _NO_USER = 0
_Subject = Annotated[str, Meta(max_length=500)]
_MessageId = Annotated[str, Meta(min_length=1, max_length=320)]
_List = Annotated[str, Meta(max_length=2000)]


class GivenEmail(Sent, frozen=True):
    """An e-mail as its user describes it."""

    from_: GivenPerson = field(name="from")
    to: Annotated[tuple[GivenPerson, ...], Meta(min_length=1, max_length=50)]
    original_message_id: Text
    sent: bool
    date_time: Text
    cc: People | UnsetType | None = UNSET
    bcc: People | UnsetType | None = UNSET
    subject: _Subject | UnsetType | None = UNSET
    content: Content | UnsetType | None = UNSET
    mail_format: Literal["html", "text"] = "text"
    attachments: Annotated[tuple[object, ...], Meta(max_length=0)] | UnsetType | None = UNSET
    linked_record: LinkedRecord | UnsetType | None = UNSET


_One = Annotated[tuple[GivenEmail, ...], Meta(min_length=1, max_length=1)]


class GivenEmails(Sent, frozen=True):
    """One e-mail in a list, under the key of the SDKs or that of the API's description."""

    Emails: _One | UnsetType = UNSET
    data: _One | UnsetType = UNSET


class AvailableQuery(Sent, frozen=True):
    """The Message-ID, in either spelling of the parameter."""

    original_message_id: _MessageId | UnsetType = UNSET
    orginal_message_id: _MessageId | UnsetType = UNSET


class Owner(Sent, frozen=True):
    """Whose e-mail it is."""

    id: int | str
    name: Text | UnsetType | None = UNSET


class Link(Sent, frozen=True):
    """An owner's e-mail, and the Deal to which it shall be linked."""

    owner: Owner
    linked_record: LinkedRecord
    message_id: Text | UnsetType = UNSET


class Links(Sent, frozen=True):
    """Several of them."""

    Emails: Annotated[tuple[Link, ...], Meta(min_length=1, max_length=MOST_LINKED)]


class UnlinkQuery(Sent, frozen=True):
    """Whose e-mails shall be unlinked, and which."""

    owner_id: Text
    message_ids: _List | UnsetType = UNSET


class AssociateEmail(CrmResource):
    """Associates an e-mail with a record by hand."""

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Do it, with the caller's own copy."""
        families = email_families(module_key(module_api_name))
        self.enter(request, version, CrmOperation.CREATE, *families)  # a stranger's body is not waited for
        with naming_in_json("$.Emails[0]"):
            body = read_body(request, GivenEmails, MAX_BODY_BYTES)
        caller = self.enter(request, version, CrmOperation.CREATE, *families)
        module, wanted = module_of(self.database, module_api_name), parse_id(record_id) or _NO_RECORD
        given = or_none(body.Emails) or or_none(body.data)
        if given is None:
            raise FieldMissing(api_name="Emails", json_path="$.Emails")
        if body.data is not UNSET and body.Emails is not UNSET:
            raise FieldRefused("give the e-mail once", api_name="data", json_path="$.data")
        user_id = caller.actor.user_id or _NO_USER
        try:
            with naming_in_json("$.Emails[0]"):
                email = associate_email(self.database, module, wanted, _email(given[0]), user_id=user_id)
        except FieldRefused as error:
            answer_each(response, "Emails", [error])
            return
        answer_each(response, "Emails", [done("Email associated successfully.", {"message_id": email})], success=201)


class EmailAvailable(CrmResource):
    """Says whether an e-mail of the caller's own is filed."""

    def on_get(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Answer where, if the caller sees the record."""
        caller = self.enter(request, version, CrmOperation.READ, "modules.emails")
        query = read_parameters(request, AvailableQuery)
        found = find_own_email(self.database, _message_id(query), user_id=caller.actor.user_id or _NO_USER)
        record = None if found is None else {"module": {"api_name": found.module}, "id": str(found.record_id)}
        answer(response, {"available": found is not None, "record": record})


class LinkedEmails(CrmResource):
    """Links e-mails with a Contact to Deals."""

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Link each."""
        self._link(request, response, version, module_api_name, record_id, None)

    def on_delete(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Unlink each."""
        caller, query = self._enter_to_unlink(request, version, module_api_name)
        if query.message_ids is UNSET:
            raise FieldMissing(param_name="message_ids")
        emails = query.message_ids.split(",")
        if len(emails) > MOST_LINKED:
            raise FieldRefused(f"expected at most {MOST_LINKED} e-mails", param_name="message_ids")
        self._unlink(response, caller, record_id, query.owner_id, emails)

    def _link(
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        message_id: str | None,
    ) -> None:
        self._enter(request, version, module_api_name, CrmOperation.CREATE)  # a stranger's body is not waited for
        with naming_in_json("$"):
            links = read_body(request, Links).Emails
        caller = self._enter(request, version, module_api_name, CrmOperation.CREATE)
        contact, user_id = parse_id(record_id) or _NO_RECORD, caller.actor.user_id or _NO_USER

        def link(place: int) -> str:
            each = links[place]
            email = message_id or or_none(each.message_id)
            if email is None:
                raise FieldMissing(api_name="message_id")
            deal = linked_deal(each.linked_record)
            owner = id_in(each.owner.id, api_name="owner.id")
            link_to_deal(self.database, contact, deal, email, owner, user_id=user_id)
            return email

        _answer_each(response, len(links), link, "Email linked to the record successfully")

    def _unlink(
        self, response: falcon.Response, caller: Caller, record_id: str, owner_id: str, emails: list[str]
    ) -> None:
        owner, contact = id_in(owner_id, param_name="owner_id"), parse_id(record_id) or _NO_RECORD

        def unlink(place: int) -> str:
            user_id = caller.actor.user_id or _NO_USER
            unlink_from_deals(self.database, contact, emails[place], owner, user_id=user_id)
            return emails[place]

        _answer_each(response, len(emails), unlink, "Email unlinked from the record successfully")

    def _enter_to_unlink(
        self, request: falcon.Request, version: str, module_api_name: str
    ) -> tuple[Caller, UnlinkQuery]:
        operations = (CrmOperation.CREATE, CrmOperation.DELETE)  # sources name the one or the other
        return self._enter(request, version, module_api_name, *operations), read_parameters(request, UnlinkQuery)

    def _enter(self, request: falcon.Request, version: str, module_api_name: str, *operations: CrmOperation) -> Caller:
        """Let the holder of a token in whose scopes hold an operation on e-mails and on Contacts."""
        check_version(version)
        caller = admit(
            self.database,
            bearer_token(request),
            lambda scopes: all(
                any(may_call(scopes, operation, family, "modules") for operation in operations)
                for family in ("modules.emails", "modules.contacts")
            ),
            now=now(),
        )
        if module_of(self.database, module_api_name).api_name != CONTACTS:
            raise ModuleWithoutEmails  # of no other module can e-mails be linked
        return caller


class LinkedEmail(LinkedEmails):
    """Links one e-mail, which the path names."""

    def on_post(  # type: ignore[override]
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        message_id: str,
    ) -> None:
        """Link it."""
        self._link(request, response, version, module_api_name, record_id, message_id)

    def on_delete(  # type: ignore[override]
        self,
        request: falcon.Request,
        response: falcon.Response,
        version: str,
        module_api_name: str,
        record_id: str,
        message_id: str,
    ) -> None:
        """Unlink it."""
        caller, query = self._enter_to_unlink(request, version, module_api_name)
        self._unlink(response, caller, record_id, query.owner_id, [message_id])


def _answer_each(response: falcon.Response, count: int, work: Callable[[int], str], message: str) -> None:
    results: list[dict[str, object] | ActionError] = []
    for place in range(count):
        try:
            with naming_in_json(f"$.Emails[{place}]"):
                results.append(done(message, {"message_id": work(place)}))
        except ActionError as error:
            results.append(error)
    answer_each(response, "Emails", results)


def _message_id(query: AvailableQuery) -> str:
    given = [each for each in (or_none(query.original_message_id), or_none(query.orginal_message_id)) if each]
    if not given:
        raise FieldMissing(param_name="original_message_id")
    if len(given) > 1:
        raise FieldRefused("give the Message-ID once", param_name="orginal_message_id")
    return given[0]


def _email(given: GivenEmail) -> EmailToAssociate:
    linked = or_none(given.linked_record)
    return EmailToAssociate(
        original_id=given.original_message_id,
        date=time_in(given.date_time, "date_time"),
        sender=given.from_.person(),
        to=tuple(each.person() for each in given.to),
        cc=tuple(each.person() for each in or_none(given.cc) or ()),
        bcc=tuple(each.person() for each in or_none(given.bcc) or ()),
        subject=or_none(given.subject) or "",
        content=or_none(given.content) or "",
        is_html=given.mail_format == "html",
        linked_record_id=None if linked is None else linked_deal(linked),
    )
