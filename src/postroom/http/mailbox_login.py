"""Logins of mailboxes by OAuth 2 or by another password: the own one's, and anybody's for administrators."""

from typing import Annotated

import falcon
from msgspec import UNSET, Meta, UnsetType

from postroom.actions.actor import Actor
from postroom.actions.errors import InvalidInput
from postroom.actions.mail_access import (
    KEPT_FOR,
    Granted,
    accept_access,
    ask_for_access,
    keep_request,
    take_request_up,
)
from postroom.actions.mailbox_status import own_reference
from postroom.actions.mailboxes import renew_login
from postroom.actions.tokens import Caller
from postroom.core.scopes import Operation
from postroom.http.resource import Resource, SettingsResource, SharingResource, answer, now
from postroom.http.sent import LongText, Sent, Text
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox

Answer = Annotated[str, Meta(max_length=8000)]  # an address with a code in it, and some providers' codes are long


class AccessRequest(Sent, frozen=True):
    """Whose mail is asked for, where it is not that of the caller's address."""

    username: Text | UnsetType = UNSET


class AnsweredRequest(Sent, frozen=True):
    """What began, and the address to which it led the browser."""

    authorization: LongText
    answer: Answer


class NewLogin(Sent, frozen=True):
    """Either of them."""

    password: LongText | UnsetType = UNSET
    oauth: AnsweredRequest | UnsetType = UNSET


class SealingResource(Resource):
    """Keeps secrets, which are sealed in the box."""

    def __init__(self, database: Database, box: SecretBox) -> None:
        super().__init__(database)
        self.box = box

    def granted(self, request: AnsweredRequest, by: Actor) -> Granted:
        """Give what a provider allowed, of which this asks it. Raises InvalidInput, LoginFailed."""
        asked = take_request_up(self.database, self.box, request.authorization, by=by, now=now())
        return accept_access(asked, request.answer, now=now())


class _Authorization(SealingResource):
    def on_post(self, request: falcon.Request, response: falcon.Response, provider: str) -> None:
        """Answer what a browser has to open, and what is to be given back with the address to which that leads."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, AccessRequest)
        username = caller.email if new.username is UNSET else new.username
        asked = ask_for_access(self.database, self.box, provider, username)
        kept = keep_request(self.box, asked, by=caller.actor, now=now())
        answer(response, {"url": asked.authorization.url, "authorization": kept, "expires_in": KEPT_FOR})


class Authorization(_Authorization, SettingsResource):
    """Asking a provider for access to any mailbox."""


class OwnAuthorization(_Authorization, SharingResource):
    """Asking a provider for access to the own one."""


class _Login(SealingResource):
    def _renew(self, caller: Caller, reference: str, new: NewLogin, response: falcon.Response) -> None:
        secret = self._secret(new, caller.actor)
        renew_login(self.database, self.box, reference, secret, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT

    def _secret(self, new: NewLogin, by: Actor) -> str | Granted:
        if new.password is not UNSET and new.oauth is UNSET:
            return new.password
        if new.password is UNSET and new.oauth is not UNSET:
            return self.granted(new.oauth, by)
        raise InvalidInput("password: expected either this or oauth")


class MailboxLogin(_Login, SettingsResource):
    """Of any mailbox, for administrators; of the caller's own, for everybody."""

    def on_put(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Give it another one, if its server lets us in with that."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewLogin)
        self._renew(caller, mailbox, new, response)


class OwnMailboxLogin(_Login, SharingResource):
    """Of the caller's mailbox."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Give it another one, if its server lets us in with that."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewLogin)
        self._renew(caller, own_reference(self.database, caller.email), new, response)
