"""With whom a record is shared, apart from its mail, in the form of Zoho CRM."""

from typing import Annotated, Literal

import falcon
from msgspec import UNSET, Meta, UnsetType

from postroom.actions.errors import ActionError, FieldMissing
from postroom.actions.lookups import parse_id
from postroom.actions.read_records import module_of
from postroom.actions.share_records import Share, list_shares, revoke_shares, share_record
from postroom.actions.tokens import Caller
from postroom.core.model import Grantee, Module
from postroom.core.modules import module_key
from postroom.core.scopes import CrmOperation, share_families
from postroom.http.crm import CrmResource, Reference, answer_each, answer_page, done, id_in, id_of, read_parameters
from postroom.http.resource import answer, now
from postroom.http.sent import Sent, Text

_NO_RECORD = 0
_MOST = 20  # with ten users and ten roles at once


class SharedWith(Sent, frozen=True):
    """A user or a role."""

    id: int | str
    type: Literal["users", "roles"] = "users"
    name: Text | UnsetType | None = UNSET


class NewShare(Sent, frozen=True):
    """Whom a record shall be shared with; a share is for reading, and for this record alone."""

    user: Reference | UnsetType = UNSET
    shared_with: SharedWith | UnsetType = UNSET
    permission: Literal["read_only"] = "read_only"
    share_related_records: Literal[False] | UnsetType | None = UNSET
    type: Literal["private"] = "private"


class NewShares(Sent, frozen=True):
    """Shares to be added; nobody is notified."""

    share: Annotated[tuple[NewShare, ...], Meta(min_length=1, max_length=_MOST)]
    notify: bool | UnsetType | None = UNSET
    notify_on_completion: bool | UnsetType | None = UNSET
    notify_shared_members: bool | UnsetType | None = UNSET


class RecordShares(CrmResource):
    """The shares of a record, which its owner and administrators know and set."""

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Answer all of them."""
        caller, module = self._enter(request, version, CrmOperation.READ, module_api_name)
        read_parameters(request, Sent)
        shares = list_shares(self.database, module, parse_id(record_id) or _NO_RECORD, by=caller.actor)
        answer_page(response, "share", [_as_json(share, module, record_id) for share in shares])

    def on_post(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Share it with some."""
        families = share_families(module_key(module_api_name))
        caller, body = self.enter_with_body(request, version, CrmOperation.CREATE, NewShares, *families)
        module = module_of(self.database, module_api_name)
        grantees, wanted = [_grantee(share) for share in body.share], parse_id(record_id) or _NO_RECORD
        refused = share_record(self.database, module, wanted, grantees, by=caller.actor, now=now())
        results: list[dict[str, object] | ActionError] = [
            done("record will be shared successfully", {}) if error is None else error for error in refused
        ]
        answer_each(response, "share", results)

    def on_delete(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Take all of them back."""
        caller, module = self._enter(request, version, CrmOperation.DELETE, module_api_name)
        read_parameters(request, Sent)
        revoke_shares(self.database, module, parse_id(record_id) or _NO_RECORD, by=caller.actor, now=now())
        answer(response, {"share": done("Sharing Revoked", {"id": record_id})})

    def _enter(
        self, request: falcon.Request, version: str, operation: CrmOperation, name: str
    ) -> tuple[Caller, Module]:
        caller = self.enter(request, version, operation, *share_families(module_key(name)))
        return caller, module_of(self.database, name)


def _grantee(share: NewShare) -> Grantee:
    if share.shared_with is not UNSET:
        found = id_in(share.shared_with.id, api_name="shared_with")
        return Grantee(None, found) if share.shared_with.type == "roles" else Grantee(found, None)
    if share.user is UNSET:
        raise FieldMissing(api_name="shared_with")
    return Grantee(id_of(share.user, "user"), None)


def _as_json(share: Share, module: Module, record_id: str) -> dict[str, object]:
    return {
        "shared_with": {"name": share.name, "id": str(share.id), "type": "roles" if share.is_role else "users"},
        "and_subordinates": share.and_subordinates,
        "share_related_records": False,
        "shared_through": {"module": {"name": module.api_name, "id": str(module.id)}, "id": record_id},
        "permission": "read_only",
        "type": "private",
    }
