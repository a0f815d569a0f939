"""On which records users share their own mail, in the form of Zoho CRM (API page, "Share Emails")."""

from collections.abc import Callable
from typing import Annotated, ClassVar

import falcon
from msgspec import Meta

from postroom.actions.errors import ActionError, RecordInvalid, RecordUnknown
from postroom.actions.lookups import parse_id
from postroom.actions.read_records import module_of
from postroom.actions.share_emails import share_emails, unshare_emails
from postroom.actions.tokens import Caller, admit
from postroom.core.model import Module
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation, may_call, module_families
from postroom.http.crm import CrmResource, answer_each, done, id_in, naming
from postroom.http.identity import bearer_token, check_version
from postroom.http.resource import now
from postroom.http.sent import Sent, read_body

MOST_RECORDS = 200
_NO_RECORD = 0


class Records(Sent, frozen=True):
    """The records that are meant."""

    ids: Annotated[tuple[int | str, ...], Meta(min_length=1, max_length=MOST_RECORDS)]


class _EmailShares(CrmResource):
    """What sharing and taking back have in common."""

    work: ClassVar[Callable[..., list[int | ActionError]]]
    message: ClassVar[str]
    operations: ClassVar[tuple[CrmOperation, ...]]  # a scope for one of them is enough

    def _enter_module(self, request: falcon.Request, version: str, name: str) -> tuple[Caller, Module]:
        check_version(version)
        families = module_families(module_key(name))
        caller = admit(
            self.database,
            bearer_token(request),
            lambda scopes: any(may_call(scopes, operation, *families) for operation in self.operations),
            now=now(),
        )
        return caller, module_of(self.database, name)

    def _work_on(self, caller: Caller, module: Module, ids: list[int]) -> list[int | ActionError]:
        return type(self).work(self.database, module, ids, caller=caller, now=now())

    def _answer(self, response: falcon.Response, results: list[int | ActionError]) -> None:
        done_or_refused = [
            each if isinstance(each, ActionError) else done(self.message, {"id": str(each)}) for each in results
        ]
        answer_each(response, "data", done_or_refused)


class _OnRecord(_EmailShares):
    """One record, which the path names; a body says nothing."""

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Do it."""
        caller, module = self._enter_module(request, version, module_api_name)
        (result,) = self._work_on(caller, module, [parse_id(record_id) or _NO_RECORD])
        if isinstance(result, RecordUnknown):
            raise RecordInvalid
        self._answer(response, [result])


class _OnRecords(_EmailShares):
    """Several records, each for itself."""

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str) -> None:
        """Do it."""
        self._enter_module(request, version, module_api_name)  # a stranger's body is not waited for
        with naming("api_name"):
            body = read_body(request, Records)
        caller, module = self._enter_module(request, version, module_api_name)
        self._answer(response, self._work_on(caller, module, [id_in(each, api_name="ids") for each in body.ids]))


class _Share(_EmailShares):
    work, message = share_emails, "Successfully shared"
    operations = (CrmOperation.CREATE,)


class _Unshare(_EmailShares):
    work, message = unshare_emails, "Sharing revoked successfully"
    operations = (CrmOperation.CREATE, CrmOperation.DELETE)  # sources name the one or the other


class ShareOnRecord(_Share, _OnRecord):
    """Shares the caller's mail on a record."""


class ShareOnRecords(_Share, _OnRecords):
    """Shares the caller's mail on several records."""


class UnshareOnRecord(_Unshare, _OnRecord):
    """Takes a share back."""


class UnshareOnRecords(_Unshare, _OnRecords):
    """Takes several shares back."""
