"""Authorization servers that let Postroom into mailboxes by OAuth 2."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator
from postroom.actions.changes import Transaction
from postroom.actions.errors import AlreadyThere, InvalidInput, NotAllowed, NotFound
from postroom.actions.lookups import valid_name
from postroom.core.model import MailProvider
from postroom.mail.oauth_client import check_url, discover
from postroom.mail.server import GuardError, MailServerError
from postroom.storage.database import Database
from postroom.storage.ids import take_id
from postroom.storage.mailbox_grants import (
    delete_provider,
    insert_provider,
    list_providers,
    mailboxes_by,
    set_client_secret,
)
from postroom.storage.mailbox_sync import ask_for_pass
from postroom.storage.sealed import CLIENT_SECRET
from postroom.storage.secrets import SecretBox

DEFAULT_REDIRECT_URI = "http://localhost"  # RFC 8252, section 7.3; nobody need listen there, its address is pasted
_LONGEST_URL = 1000


@dataclass(frozen=True, slots=True)
class Preset:
    """Where a known provider is, and which scopes open its mail."""

    authorization_url: str
    token_url: str
    scopes: str


PRESETS: Mapping[str, Preset] = {
    # https://developers.google.com/identity/protocols/oauth2/native-app: offline and consent give a refresh token
    "google": Preset(
        "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent",
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
    ),
    # https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth
    "microsoft": Preset(
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "offline_access https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/POP.AccessAsUser.All"
        " https://outlook.office.com/SMTP.Send",
    ),
}


@dataclass(frozen=True, slots=True)
class NewProvider:
    """A provider to be added; a preset, an issuer to be asked, or both URLs say where it is."""

    name: str
    client_id: str
    client_secret: str | None = None
    issuer: str | None = None
    authorization_url: str | None = None
    token_url: str | None = None
    scopes: str | None = None
    redirect_uri: str = DEFAULT_REDIRECT_URI


def add_provider(database: Database, box: SecretBox, new: NewProvider, *, by: Actor, now: int) -> MailProvider:
    """Add a provider. An administrator's.

    Raises NotAllowed, AlreadyThere, InvalidInput.
    """
    require_administrator(by, "by which providers mailboxes are reached")
    name, client_id = _valid_provider_name(new.name), valid_name(new.client_id, "client_id", _LONGEST_URL)
    where = _where(new)
    redirect_uri = _valid_url(new.redirect_uri, "redirect_uri")
    with database.write() as connection:
        if any(each.name == name for each in list_providers(connection)):
            raise AlreadyThere(f"there is a provider {name!r} already")
        provider_id, secret = take_id(connection), new.client_secret
        sealed = None if secret is None else CLIENT_SECRET.seal(connection, box, provider_id, secret)
        provider = MailProvider(
            provider_id, name, client_id, sealed, where.authorization_url, where.token_url, where.scopes, redirect_uri
        )
        insert_provider(connection, provider)
        Transaction(connection, by, now).write_down("mail provider", f"provider {name}", None, _in_words(provider))
    return provider


def replace_client_secret(
    database: Database, box: SecretBox, name: str, secret: str, *, by: Actor, now: int
) -> MailProvider:
    """Replace the client's secret at a provider, and let the mailboxes be read at once that are reached by it.

    The secrets of clients expire at some providers. An administrator's. Raises NotAllowed, NotFound, InvalidInput.
    """
    require_administrator(by, "by which providers mailboxes are reached")
    if not secret:
        raise InvalidInput("client_secret: is empty; give the one that the provider shows")
    with database.write() as connection:
        provider = get_provider(connection, name)
        set_client_secret(connection, provider.id, CLIENT_SECRET.seal(connection, box, provider.id, secret))
        for mailbox_id in mailboxes_by(connection, provider.id):
            ask_for_pass(connection, mailbox_id, now)
        Transaction(connection, by, now).write_down(
            "client secret of a mail provider", f"provider {name}", None, "another client secret"
        )
    return provider


def remove_provider(database: Database, name: str, *, by: Actor, now: int) -> None:
    """Remove a provider by which no mailbox is reached. An administrator's. Raises NotAllowed, NotFound."""
    require_administrator(by, "by which providers mailboxes are reached")
    with database.write() as connection:
        provider = get_provider(connection, name)
        if not delete_provider(connection, provider.id):
            raise NotAllowed(f"mailboxes are reached by {name}; disconnect them first")
        Transaction(connection, by, now).write_down("mail provider", f"provider {name}", _in_words(provider), None)


def all_providers(database: Database) -> list[MailProvider]:
    """Give all providers by name."""
    with database.read() as connection:
        return list_providers(connection)


def read_providers(database: Database, *, by: Actor) -> list[MailProvider]:
    """Give all providers with how they are reached. For administrators. Raises NotAllowed."""
    if not by.is_administrator:
        raise NotAllowed("only an administrator may read how providers are reached")
    return all_providers(database)


def provider_as_json(provider: MailProvider) -> dict[str, object]:
    """Give a provider as every API shows it: without its client's secret."""
    names = ("name", "client_id", "authorization_url", "token_url", "scopes", "redirect_uri")
    return {name: getattr(provider, name) for name in names}


def get_provider(connection: Connection, name: str) -> MailProvider:
    """Give a provider by name. Raises NotFound."""
    found = next((each for each in list_providers(connection) if each.name == name), None)
    if found is None:
        raise NotFound(f"there is no provider {name!r}; 'postroom provider list' shows them")
    return found


def _valid_provider_name(text: str) -> str:
    """Give a name that is one segment of a path. Raises InvalidInput."""
    name = valid_name(text, "name")
    if "/" in name:
        raise InvalidInput("name: expected one without a slash")
    return name


def _where(new: NewProvider) -> Preset:
    preset = PRESETS.get(new.name)
    urls = (new.authorization_url, new.token_url)
    if new.issuer is not None:
        urls = _discover(_valid_url(new.issuer, "issuer"))
    elif urls == (None, None) and preset is not None:
        urls = preset.authorization_url, preset.token_url
    scopes = new.scopes or (None if preset is None else preset.scopes)
    if urls[0] is None or urls[1] is None:
        raise InvalidInput(f"issuer: is missing, or both URLs; only {' and '.join(PRESETS)} are known")
    if scopes is None:
        raise InvalidInput("scopes: is missing; the provider's pages say which one opens mail")
    authorization_url, token_url = (_valid_url(*each) for each in zip(urls, _URL_FIELDS, strict=True))
    return Preset(authorization_url, token_url, valid_name(scopes, "scopes", _LONGEST_URL))


def _discover(issuer: str) -> tuple[str, str]:
    try:
        return discover(issuer)
    except MailServerError as error:
        raise InvalidInput(f"issuer: {error}") from error


_URL_FIELDS = ("authorization_url", "token_url")


def _valid_url(url: str | None, field: str) -> str:
    try:
        return check_url(valid_name(url or "", field, _LONGEST_URL))
    except GuardError as error:
        raise InvalidInput(f"{field}: {error}") from error


def _in_words(provider: MailProvider) -> dict[str, object]:
    """Give a provider as the audit shows it."""
    return {
        "client": provider.client_id,
        "authorization": provider.authorization_url,
        "tokens": provider.token_url,
        "scopes": provider.scopes,
    }
