"""Authorization servers that let Postroom into mailboxes by OAuth 2: for administrators, and what others may ask."""

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.mail_providers import (
    DEFAULT_REDIRECT_URI,
    NewProvider,
    add_provider,
    all_providers,
    provider_as_json,
    read_providers,
    remove_provider,
    replace_client_secret,
)
from postroom.core.scopes import Operation
from postroom.http.mailbox_login import SealingResource
from postroom.http.resource import SettingsResource, SharingResource, answer, now
from postroom.http.sent import LongText, Sent, Text, or_none


class SentProvider(Sent, frozen=True):
    """A provider to be added; its name is a known one, or an issuer or both URLs say where it is."""

    name: Text
    client_id: LongText
    client_secret: LongText | UnsetType = UNSET
    issuer: LongText | UnsetType = UNSET
    authorization_url: LongText | UnsetType = UNSET
    token_url: LongText | UnsetType = UNSET
    scopes: LongText | UnsetType = UNSET
    redirect_uri: LongText = DEFAULT_REDIRECT_URI


class SentSecret(Sent, frozen=True):
    """What the provider gave the client in place of the secret before."""

    client_secret: LongText


class MailProviders(SealingResource, SettingsResource):
    """All of them, for administrators."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer all of them by name."""
        caller = self.enter(request, Operation.READ)
        found = read_providers(self.database, by=caller.actor)
        answer(response, {"mail_providers": [provider_as_json(each) for each in found]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add one; its issuer is asked where it is, if one is named."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, SentProvider)
        provider = NewProvider(
            new.name,
            new.client_id,
            or_none(new.client_secret),
            or_none(new.issuer),
            or_none(new.authorization_url),
            or_none(new.token_url),
            or_none(new.scopes),
            new.redirect_uri,
        )
        added = add_provider(self.database, self.box, provider, by=caller.actor, now=now())
        answer(response, provider_as_json(added), falcon.HTTP_CREATED)


class OneMailProvider(SettingsResource):
    """One of them."""

    def on_delete(self, request: falcon.Request, response: falcon.Response, provider: str) -> None:
        """Remove it, if no mailbox is reached by it."""
        caller = self.enter(request, Operation.UPDATE)
        remove_provider(self.database, provider, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class ClientSecretOfMailProvider(SealingResource, SettingsResource):
    """The secret of the client at one of them, which nobody reads."""

    def on_put(self, request: falcon.Request, response: falcon.Response, provider: str) -> None:
        """Replace it; the mailboxes that are reached by the provider are read at once."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, SentSecret)
        replace_client_secret(self.database, self.box, provider, new.client_secret, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class NamesOfMailProviders(SharingResource):
    """What a user may ask for access."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer the names of all."""
        self.enter(request, Operation.READ)
        answer(response, {"mail_providers": [each.name for each in all_providers(self.database)]})
