"""Mailboxes: anybody's for administrators, and the own one for each user."""

from typing import Annotated, Literal

import falcon
from msgspec import UNSET, Meta, UnsetType

from postroom.actions import mailboxes
from postroom.actions.actor import Actor
from postroom.actions.aliases import list_aliases, set_aliases
from postroom.actions.errors import NotAllowed
from postroom.actions.mailbox_status import read_statuses
from postroom.actions.mailboxes import connect_mailbox, disconnect_mailbox, own_mailbox, require_room
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.core.model import Mailbox, Security
from postroom.core.scopes import Operation
from postroom.http.mailbox_login import AnsweredRequest, SealingResource
from postroom.http.resource import SettingsResource, SharingResource, answer, now
from postroom.http.sent import LongText, Sent, Text, or_none

Port = Annotated[int, Meta(ge=1, le=65535)]
Certificates = Annotated[str, Meta(max_length=32_000)]


class NewOwnMailbox(Sent, frozen=True):
    """The caller's mailbox; without a host it is fed by import."""

    protocol: Literal["imap", "pop"]
    address: Text | UnsetType = UNSET
    host: Text | UnsetType = UNSET
    port: Port | UnsetType = UNSET
    security: Security = Security.TLS
    username: Text | UnsetType = UNSET
    password: LongText | UnsetType = UNSET
    oauth: AnsweredRequest | UnsetType = UNSET
    ca_certificates: Certificates | UnsetType = UNSET


class NewMailbox(NewOwnMailbox, frozen=True, kw_only=True):
    """A user's mailbox."""

    user: Text


class Addresses(Sent, frozen=True):
    """The further addresses of a mailbox, in place of those before."""

    addresses: tuple[Text, ...]


class ConnectingResource(SealingResource):
    """Logs in to mail servers."""

    def connect(self, email: str, new: NewOwnMailbox, by: Actor) -> dict[str, object]:
        """Connect a mailbox to a user, if its server lets us in. Raises an ActionError."""
        given = mailboxes.NewMailbox(
            new.protocol,
            or_none(new.address),
            or_none(new.host),
            or_none(new.port),
            new.security,
            or_none(new.username),
            or_none(new.password),
            or_none(new.ca_certificates),
            None if new.oauth is UNSET else self.granted(new.oauth, by),
        )
        return _mailbox(connect_mailbox(self.database, self.box, email, given, by=by, now=now()), email)


class Mailboxes(ConnectingResource, SettingsResource):
    """Everybody's."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them by address, also those that were disconnected, and how it stands with each."""
        caller, at = self.enter(request, Operation.READ), now()
        listed, zone = read_statuses(self.database, by=caller.actor), time_zone_of(self.database)
        mailboxes = [
            _mailbox(each.mailbox, each.user)
            | {"messages": each.messages, "sync": each.as_json(at, lambda when: with_offset(when, zone))}
            for each in listed
        ]
        answer(response, {"mailboxes": mailboxes})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Connect one."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewMailbox)
        require_room(self.database, new.user, or_none(new.address), by=caller.actor)
        answer(response, self.connect(new.user, new, caller.actor), falcon.HTTP_CREATED)


class OneMailbox(SettingsResource):
    """One of them."""

    def on_delete(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Disconnect it; its mail stays."""
        caller = self.enter(request, Operation.UPDATE)
        if not caller.actor.is_administrator:
            raise NotAllowed("only an administrator may disconnect mailboxes of others")
        disconnect_mailbox(self.database, mailbox, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class Aliases(SettingsResource):
    """The further addresses of a mailbox."""

    def on_get(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Answer all of them."""
        caller = self.enter(request, Operation.READ)
        answer(response, {"addresses": list_aliases(self.database, mailbox, by=caller.actor)})

    def on_put(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Set the whole list."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Addresses)
        set_aliases(self.database, mailbox, new.addresses, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class OwnMailbox(ConnectingResource, SharingResource):
    """The caller's."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer it, or null where none is connected."""
        caller = self.enter(request, Operation.READ)
        found = own_mailbox(self.database, caller.email)
        answer(response, {"mailbox": None if found is None else _mailbox(found, caller.email)})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Connect one, where the organisation has mailboxes already."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewOwnMailbox)
        answer(response, self.connect(caller.email, new, caller.actor), falcon.HTTP_CREATED)

    def on_delete(self, request: falcon.Request, response: falcon.Response) -> None:
        """Disconnect it; its mail stays."""
        caller = self.enter(request, Operation.UPDATE)
        found = own_mailbox(self.database, caller.email)
        disconnect_mailbox(self.database, caller.email if found is None else found.address, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


def _mailbox(mailbox: Mailbox, email: str) -> dict[str, object]:
    return {
        "id": str(mailbox.id),
        "address": mailbox.address,
        "user": email,
        "protocol": mailbox.protocol,
        "host": mailbox.host,
        "port": mailbox.port,
        "security": mailbox.security,
        "username": mailbox.username,
        "state": mailbox.state,
    }
