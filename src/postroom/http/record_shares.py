"""With whom a record is shared, apart from its mail."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.change_sharing import ShareRecord, UnshareRecord
from postroom.core.scopes import Operation
from postroom.http.resource import SettingsResource
from postroom.http.sent import Member, Sent, Text, or_none


class SharedWith(Sent, frozen=True):
    """A user or a role that a record is shared with."""

    user: Text | UnsetType = UNSET
    role: Text | UnsetType = UNSET


class RecordShares(SettingsResource):
    """The shares of a record."""

    def on_put(self, request: falcon.Request, response: falcon.Response, module: str, record_id: str) -> None:
        """Share it with a user or a role, in place of an earlier share with the same."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Member)
        share = ShareRecord(f"{module}/{record_id}", or_none(new.user), or_none(new.role), new.and_subordinates)
        self.make(caller, share, response)

    def on_delete(self, request: falcon.Request, response: falcon.Response, module: str, record_id: str) -> None:
        """Take a share back."""
        caller, old = self.enter_with_query(request, Operation.UPDATE, SharedWith)
        share = UnshareRecord(f"{module}/{record_id}", or_none(old.user), or_none(old.role))
        self.make(caller, share, response)
