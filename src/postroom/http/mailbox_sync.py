"""How it stands with reading mailboxes: the own one, and anybody's for administrators."""

from typing import Literal

import falcon

from postroom.actions.mailbox_status import ask_for_pass, own_reference, read_status, set_paused
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.actions.tokens import Caller
from postroom.core.scopes import Operation
from postroom.http.resource import Resource, SettingsResource, SharingResource, answer, now
from postroom.http.sent import Sent


class NewState(Sent, frozen=True):
    """Whether a mailbox is read."""

    state: Literal["active", "paused"]


class _Sync(Resource):
    def _read(self, caller: Caller, reference: str, response: falcon.Response) -> None:
        status, zone = read_status(self.database, reference, by=caller.actor), time_zone_of(self.database)
        answer(response, status.as_json(now(), lambda at: with_offset(at, zone)))

    def _set(self, caller: Caller, reference: str, new: NewState, response: falcon.Response) -> None:
        set_paused(self.database, reference, paused=new.state == "paused", by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT

    def _ask(self, caller: Caller, reference: str, response: falcon.Response) -> None:
        ask_for_pass(self.database, reference, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class MailboxSync(_Sync, SettingsResource):
    """Of any mailbox, for administrators; of the caller's own, for everybody."""

    def on_get(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Answer how it stands."""
        self._read(self.enter(request, Operation.READ), mailbox, response)

    def on_put(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Pause reading it, or resume."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewState)
        self._set(caller, mailbox, new, response)

    def on_post(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Let it be read at once."""
        self._ask(self.enter(request, Operation.UPDATE), mailbox, response)


class OwnMailboxSync(_Sync, SharingResource):
    """Of the caller's mailbox."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer how it stands."""
        caller = self.enter(request, Operation.READ)
        self._read(caller, own_reference(self.database, caller.email), response)

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Pause reading it, or resume."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewState)
        self._set(caller, own_reference(self.database, caller.email), new, response)

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Let it be read at once."""
        caller = self.enter(request, Operation.UPDATE)
        self._ask(caller, own_reference(self.database, caller.email), response)
