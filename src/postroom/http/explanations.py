"""Who sees whose mail, and why."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.explain import explain
from postroom.actions.lookups import valid_address
from postroom.actions.viewers import PageOfRecords, viewers_on_all_records, viewers_on_record
from postroom.core.scopes import Operation
from postroom.http.resource import SharingResource, answer, place
from postroom.http.sent import Sent, Text, limit_in, or_none, place_in


class WhichDecision(Sent, frozen=True):
    """A viewer, an owner and a record, or one e-mail of the owner's on it."""

    viewer: Text
    owner: Text
    record: Text
    email: Text | UnsetType = UNSET


class WhichViewers(Sent, frozen=True):
    """An owner, and one record or a page of all on which the owner's mail is."""

    owner: Text
    record: Text | UnsetType = UNSET
    limit: Text = "20"
    after: Text | UnsetType = UNSET


class Explanation(SharingResource):
    """Why a viewer sees an owner's mail on a record, or why not."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer the decision and each step that leads there."""
        caller, which = self.enter_with_query(request, Operation.READ, WhichDecision)
        viewer, owner = valid_address(which.viewer, "viewer"), valid_address(which.owner, "owner")
        email, by = or_none(which.email), caller.actor
        answer(response, explain(self.database, viewer, owner, which.record, by=by, email=email))


class Viewers(SharingResource):
    """The reverse: who sees an owner's mail."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer the colleagues, each with the steps that let them see it."""
        caller, which = self.enter_with_query(request, Operation.READ, WhichViewers)
        owner, limit, after = valid_address(which.owner, "owner"), limit_in(which.limit), place_in(which.after, "after")
        if which.record is UNSET:
            page = viewers_on_all_records(self.database, owner, by=caller.actor, limit=limit, after=after or 0)
        else:
            page = PageOfRecords([viewers_on_record(self.database, owner, which.record, by=caller.actor)], None)
        answer(response, {"records": page.records, "next_after": place(page.next_after)})
