"""Clients of OAuth, for administrators; and what users granted to them, for each user."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.clients import DeleteClient, NewClient, add_client, list_clients
from postroom.actions.grants import EndGrant, list_grants
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.core.model import Client, ClientKind
from postroom.core.scopes import Operation
from postroom.http.resource import SettingsResource, SharingResource, answer, now
from postroom.http.sent import LongText, Sent, Text, or_none


class SentClient(Sent, frozen=True):
    """A client to be added; a user and scopes go with a service alone."""

    name: Text
    kind: ClientKind = ClientKind.CONFIDENTIAL
    redirect_uris: tuple[LongText, ...] = ()
    user: Text | UnsetType = UNSET
    scopes: LongText | UnsetType = UNSET


class Clients(SettingsResource):
    """The programs that may ask for tokens."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them by name."""
        caller = self.enter(request, Operation.READ)
        found = list_clients(self.database, by=caller.actor)
        listed = [_client(each.client, each.service_user) | {"grants": each.grants} for each in found]
        answer(response, {"clients": listed})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add one; its secret is in this answer alone."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, SentClient)
        user = or_none(new.user)
        client = NewClient(new.name, new.kind, new.redirect_uris, user, or_none(new.scopes))
        added = add_client(self.database, client, by=caller.actor, now=now())
        body = _client(added.client, user) | {"client_secret": added.secret}
        answer(response, body, falcon.HTTP_CREATED)


class OneClient(SettingsResource):
    """One of them."""

    def on_delete(self, request: falcon.Request, response: falcon.Response, client: str) -> None:
        """Delete it; its tokens stop working at once."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, DeleteClient(client), response)


class OwnGrants(SharingResource):
    """What the caller granted to clients."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer what lasts, the newest first."""
        caller = self.enter(request, Operation.READ)
        found = list_grants(self.database, caller.email, by=caller.actor)
        time_zone = time_zone_of(self.database)
        grants = [
            {
                "id": str(each.grant.id),
                "client": {"client_id": str(each.client.id), "name": each.client.name},
                "scopes": each.grant.scopes.split(","),
                "granted_at": with_offset(each.grant.granted_at, time_zone),
            }
            for each in found
        ]
        answer(response, {"grants": grants})


class OwnGrant(SharingResource):
    """One of those."""

    def on_delete(self, request: falcon.Request, response: falcon.Response, grant: str) -> None:
        """Revoke it; its tokens stop working at once."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, EndGrant(caller.email, grant), response)


def _client(client: Client, service_user: str | None) -> dict[str, object]:
    return {
        "client_id": str(client.id),
        "name": client.name,
        "kind": client.kind,
        "redirect_uris": client.redirect_uris,
        "user": service_user,
        "scopes": None if client.scopes is None else client.scopes.split(","),
    }
