"""Access to mailboxes by OAuth 2: a user allows it in a browser, and access tokens are kept fresh."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor
from postroom.actions.errors import InvalidInput, LoginFailed
from postroom.actions.lookups import valid_name
from postroom.actions.mail_providers import get_provider
from postroom.core.model import MailboxGrant, MailProvider
from postroom.mail.oauth_client import (
    Authorization,
    Provider,
    Tokens,
    begin_authorization,
    code_in,
    exchange_code,
    refresh_tokens,
)
from postroom.mail.server import AuthenticationFailed, MailServerError
from postroom.storage.database import Database
from postroom.storage.mailbox_grants import grant_of, list_providers, set_grant
from postroom.storage.sealed import ACCESS_TOKEN, CLIENT_SECRET, REFRESH_TOKEN
from postroom.storage.secrets import SecretBox

_MARGIN = 120  # seconds before its end at which an access token is replaced: a pass begins with it
KEPT_FOR = 600  # seconds for which a request waits for its answer, where its asker keeps it


@dataclass(frozen=True, slots=True)
class Granted:
    """What a user allowed, to be stored with a mailbox."""

    provider_id: int
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for access that was begun: the address that a browser has to open is in it."""

    provider_id: int
    provider: Provider
    authorization: Authorization


def ask_for_access(database: Database, box: SecretBox, provider: str, username: str) -> Asked:
    """Begin a request for access to the mail of `username`. Raises NotFound, InvalidInput, SecretKeyError."""
    username = valid_name(username, "username")
    with database.read() as connection:
        found = get_provider(connection, provider)
    client = _client(box, found)
    return Asked(found.id, client, begin_authorization(client, username))


def keep_request(box: SecretBox, asked: Asked, *, by: Actor, now: int) -> str:
    """Give a request as text that says nothing to its asker, who gives it back with the answer. Raises SecretKeyError.

    So any server process takes the answer up, and nothing is stored of requests that nobody answers.
    """
    kept = {
        "provider_id": asked.provider_id,
        "authorization": asked.authorization._replace(url=""),  # it was opened: a long one would not come back whole
        "ends_at": now + KEPT_FOR,
    }
    return box.wrap(json.dumps(kept).encode(), _context(by))


def take_request_up(database: Database, box: SecretBox, kept: str, *, by: Actor, now: int) -> Asked:
    """Give the request that this actor keeps. Raises InvalidInput where it is none, or not any more; SecretKeyError."""
    text = box.unwrap(kept, _context(by))
    request = None if text is None else json.loads(text)
    if request is None or request["ends_at"] <= now:
        raise InvalidInput("authorization: is not one of yours, or too old; ask for access anew")
    with database.read() as connection:
        found = next((each for each in list_providers(connection) if each.id == request["provider_id"]), None)
    if found is None:
        raise InvalidInput("authorization: its provider was removed; ask for access anew")
    return Asked(found.id, _client(box, found), Authorization(*request["authorization"]))


def accept_access(asked: Asked, pasted: str, *, now: int) -> Granted:
    """Take what the browser was led to, or the code in it, at `now` (epoch seconds).

    Raises LoginFailed, and InvalidInput where nothing would be left when the access token expires.
    """
    try:
        tokens = exchange_code(asked.provider, code_in(pasted, asked.authorization), asked.authorization, now)
    except MailServerError as error:
        raise LoginFailed(str(error)) from error
    if tokens.refresh_token is None:
        raise InvalidInput("scopes: the provider gave no refresh token; ask for one, often with offline_access")
    return Granted(asked.provider_id, tokens)


def store_access(connection: Connection, box: SecretBox, mailbox_id: int, granted: Granted) -> None:
    """Store what was allowed for a mailbox, in place of what was before. Raises SecretKeyError."""
    tokens = granted.tokens
    refresh = REFRESH_TOKEN.seal(connection, box, mailbox_id, tokens.refresh_token or "")
    access = ACCESS_TOKEN.seal(connection, box, mailbox_id, tokens.access_token)
    set_grant(connection, MailboxGrant(mailbox_id, granted.provider_id, refresh, access, tokens.expires_at))


def access_token(connection: Connection, box: SecretBox, mailbox_id: int) -> str | None:
    """Give the access token of a mailbox, None where it has none. Raises SecretKeyError."""
    grant = grant_of(connection, mailbox_id)
    return None if grant is None else ACCESS_TOKEN.open(box, mailbox_id, grant.sealed_access_token)


def refresh_access(database: Database, box: SecretBox, mailbox_id: int, *, now: int) -> None:
    """See to it that a mailbox's access token, if it has one, lasts for a while after `now` (epoch seconds).

    Raises MailServerError, and AuthenticationFailed where access is no longer allowed; SecretKeyError.
    """
    with database.read() as connection:
        grant = grant_of(connection, mailbox_id)
        if grant is None or now < grant.expires_at - _MARGIN:
            return
        provider = next(each for each in list_providers(connection) if each.id == grant.provider_id)
    before = REFRESH_TOKEN.open(box, mailbox_id, grant.sealed_refresh_token)
    try:
        tokens = refresh_tokens(_client(box, provider), before, now)
    except AuthenticationFailed:
        if _was_replaced(database, grant):  # by another process, whose tokens are as good
            return
        raise
    fresh = Tokens(tokens.access_token, tokens.refresh_token or before, tokens.expires_at)
    with database.write() as connection:
        there = grant_of(connection, mailbox_id, for_update=True)
        # It may have been disconnected meanwhile, or have another login.
        if there is not None and REFRESH_TOKEN.open(box, mailbox_id, there.sealed_refresh_token) == before:
            store_access(connection, box, mailbox_id, Granted(grant.provider_id, fresh))


def _context(by: Actor) -> str:
    return f"access to a mailbox, asked for by {by.user_id}"


def _was_replaced(database: Database, grant: MailboxGrant) -> bool:
    with database.read() as connection:
        now_there = grant_of(connection, grant.mailbox_id)
    return now_there is not None and now_there.expires_at > grant.expires_at


def _client(box: SecretBox, provider: MailProvider) -> Provider:
    sealed = provider.sealed_client_secret
    return Provider(
        name=provider.name,
        client_id=provider.client_id,
        client_secret=None if sealed is None else CLIENT_SECRET.open(box, provider.id, sealed),
        authorization_url=provider.authorization_url,
        token_url=provider.token_url,
        scopes=provider.scopes,
        redirect_uri=provider.redirect_uri,
    )
