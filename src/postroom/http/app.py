"""Builds the application; every route is listed here."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import falcon
import structlog
from falcon.routing import CompiledRouter

from postroom.actions.errors import ActionError, FieldRefused, RequestRefused
from postroom.actions.lookups import valid_public_url
from postroom.actions.read_emails import EmailReader
from postroom.config import DEFAULT_PUBLIC_URL, load_config
from postroom.http import (
    associate_email,
    audit,
    clients,
    crm_records,
    crm_settings,
    crm_shares,
    crm_team,
    email_drafts,
    email_files,
    email_shares,
    emails,
    explanations,
    files,
    mail_providers,
    mailbox_folders,
    mailbox_login,
    mailbox_sync,
    mailboxes,
    oauth,
    openapi,
    organisation,
    own_sharing,
    people,
    preview,
    problems,
    send_mail,
)
from postroom.http.consent_page import AUTHORIZATION_PATH, ConsentPage
from postroom.http.names import NameConverter, NamesInPaths
from postroom.http.record_shares import RecordShares
from postroom.http.request_log import REQUEST_ID, RequestLog
from postroom.http.sharing_details import PATH, SharingDetailsResource
from postroom.log import configure_log
from postroom.storage.sharing_facts import SharingFactsReader
from postroom.wiring import open_installation

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from postroom.http.crm import CrmResource
    from postroom.http.mailbox_login import SealingResource
    from postroom.http.metrics import RequestMetrics
    from postroom.http.resource import Resource
    from postroom.storage.database import Database
    from postroom.storage.secrets import SecretBox

LOG_FORMAT_VARIABLE = "POSTROOM_LOG_FORMAT"
METRICS_VARIABLE = "POSTROOM_METRICS_FOLDER"
_FOLDER_OF_LIBRARY = "PROMETHEUS_MULTIPROC_DIR"

# The own API, below /postroom/v1. Users are named by e-mail address and roles by name.
_OWN_ROUTES: dict[str, type["Resource"]] = {
    "/organisation": organisation.Organisation,
    "/organisation/default_permission": organisation.DefaultPermission,
    "/organisation/crm_access": organisation.AccessToCrmMail,
    "/organisation/excluded_domains": organisation.ExcludedDomains,
    "/organisation/internal_domains": organisation.InternalDomains,
    "/modules": organisation.Modules,
    "/modules/{module}/access": organisation.AccessToModule,
    "/roles": people.Roles,
    "/roles/{role:name}/email_preference": people.EmailPreference,
    "/roles/{role:name}/excluded_domains": people.ExcludedDomainsOfRole,
    "/users": people.Users,
    "/users/{user:name}/status": people.StatusOfUser,
    "/users/{user:name}/role": people.RoleOfUser,
    "/users/{user:name}/permission": people.PermissionOfUser,
    "/mailboxes/{mailbox}": mailboxes.OneMailbox,
    "/mailboxes/{mailbox}/aliases": mailboxes.Aliases,
    "/mailboxes/{mailbox}/folders": mailbox_folders.MailboxFolders,
    "/mailboxes/{mailbox}/sync": mailbox_sync.MailboxSync,
    "/mail_providers/{provider}": mail_providers.OneMailProvider,
    "/me/mail_providers": mail_providers.NamesOfMailProviders,
    "/me/mailbox/folders": mailbox_folders.OwnMailboxFolders,
    "/me/mailbox/sync": mailbox_sync.OwnMailboxSync,
    "/records/{module}/{record_id}/shares": RecordShares,
    "/clients": clients.Clients,
    "/clients/{client}": clients.OneClient,
    "/me": own_sharing.Me,
    "/me/permission": own_sharing.OwnPermission,
    "/me/excluded_domains": own_sharing.OwnExcludedDomains,
    "/me/emails": own_sharing.OwnEmails,
    "/me/emails/{email}/withheld": own_sharing.WithheldEmail,
    "/me/threads/{thread}/withheld": own_sharing.WithheldThread,
    "/me/shares/{module}/{record_id}": own_sharing.OwnShares,
    "/me/grants": clients.OwnGrants,
    "/me/grants/{grant}": clients.OwnGrant,
    "/explain": explanations.Explanation,
    "/viewers": explanations.Viewers,
    "/preview": preview.Preview,
    "/audit": audit.Audit,
}

# Those that keep secrets, to log in to mail servers.
_SEALING_ROUTES: dict[str, type["SealingResource"]] = {
    "/mailboxes": mailboxes.Mailboxes,
    "/mailboxes/{mailbox}/login": mailbox_login.MailboxLogin,
    "/mail_providers": mail_providers.MailProviders,
    "/mail_providers/{provider}/authorization": mailbox_login.Authorization,
    "/mail_providers/{provider}/client_secret": mail_providers.ClientSecretOfMailProvider,
    "/me/mailbox": mailboxes.OwnMailbox,
    "/me/mailbox/login": mailbox_login.OwnMailboxLogin,
    "/me/mail_providers/{provider}/authorization": mailbox_login.OwnAuthorization,
}

# What clients of Zoho CRM ask beside mail, below /crm/{version}.
_CRM_ROUTES: dict[str, type["CrmResource"]] = {
    "/users": crm_team.Users,
    "/users/{user_id}": crm_team.User,
    "/org": crm_team.Organisation,
    "/settings/roles": crm_team.Roles,
    "/settings/roles/{role_id}": crm_team.Role,
    "/settings/profiles": crm_team.Profiles,
    "/settings/profiles/{profile_id}": crm_team.Profile,
    "/settings/modules": crm_settings.Modules,
    "/settings/modules/{module_api_name}": crm_settings.Module,
    "/settings/fields": crm_settings.Fields,
    "/settings/recycle_bin": crm_records.RecycleBin,
    "/settings/recycle_bin/actions/restore": crm_records.RestoredRecords,
    "/settings/recycle_bin/{record_id}/actions/restore": crm_records.RestoredRecord,
    "/settings/emails/actions/from_addresses": send_mail.FromAddresses,
    "/files": files.Files,
    "/actions/email_available": associate_email.EmailAvailable,
    "/{module_api_name}/{record_id}/actions/associate_email": associate_email.AssociateEmail,
    "/{module_api_name}/{record_id}/Emails/actions/link_record": associate_email.LinkedEmails,
    "/{module_api_name}/{record_id}/Emails/{message_id}/actions/link_record": associate_email.LinkedEmail,
    "/{module_api_name}/{record_id}/__email_drafts": email_drafts.EmailDrafts,
    "/{module_api_name}/{record_id}/__email_drafts/{draft_id}": email_drafts.EmailDraft,
    "/{module_api_name}": crm_records.Records,
    "/{module_api_name}/search": crm_records.FoundRecords,
    "/{module_api_name}/{record_id}": crm_records.Record,
    "/{module_api_name}/{record_id}/actions/share": crm_shares.RecordShares,
    "/{module_api_name}/{record_id}/actions/share_emails": email_shares.ShareOnRecord,
    "/{module_api_name}/{record_id}/actions/unshare_emails": email_shares.UnshareOnRecord,
    "/{module_api_name}/actions/share_emails": email_shares.ShareOnRecords,
    "/{module_api_name}/actions/unshare_emails": email_shares.UnshareOnRecords,
}


def routes(
    database: "Database", box: "SecretBox", public_url: str = DEFAULT_PUBLIC_URL
) -> Iterator[tuple[str, object]]:
    """Yield every path with its resource."""
    yield PATH, SharingDetailsResource(SharingFactsReader(database))
    yield AUTHORIZATION_PATH, ConsentPage(database, public_url)
    yield oauth.TOKEN_PATH, oauth.TokenResource(database, public_url)
    yield oauth.REVOKE_PATH, oauth.RevocationResource(database)
    yield "/openapi.json", openapi.OpenApi()
    reader = EmailReader(database, box)
    yield emails.PATH, emails.Emails(reader)
    yield emails.EMAIL_PATH, emails.Email(reader)
    yield email_files.PATH, email_files.EmailFiles(reader)
    yield send_mail.PATH, send_mail.SendMail(database, box)
    for path, crm_resource in _CRM_ROUTES.items():
        yield f"/crm/{{version}}{path}", crm_resource(database)
    for path, resource in _OWN_ROUTES.items():
        yield f"/postroom/v1{path}", resource(database)
    for path, sealing_resource in _SEALING_ROUTES.items():
        yield f"/postroom/v1{path}", sealing_resource(database, box)


def methods(resource: object) -> list[str]:
    """Give the methods that a resource answers; OPTIONS is none of them, because it is refused, too."""
    return [name for name in falcon.HTTP_METHODS if name != "OPTIONS" and hasattr(resource, f"on_{name.lower()}")]


def create_api(
    database: "Database",
    box: "SecretBox",
    public_url: str = DEFAULT_PUBLIC_URL,
    *,
    counting: "RequestMetrics | None" = None,
) -> "falcon.App[falcon.Request, falcon.Response]":
    """Build the routes on a database, with the box of its passwords; `public_url` is where callers reach them.

    `counting` counts what is answered.
    """
    router = CompiledRouter()
    router.options.converters["name"] = NameConverter
    middleware: list[NamesInPaths | RequestMetrics] = [NamesInPaths()]
    if counting is not None:
        middleware.insert(0, counting)
    api = falcon.App(middleware=middleware, router=router)
    for path, resource in routes(database, box, public_url):
        api.add_route(path, resource)
    errors = _Errors(database, router)
    api.add_error_handler(Exception, errors.unforeseen)
    api.add_error_handler(ActionError, errors.refused)
    api.add_error_handler(falcon.HTTPNotFound, errors.no_such_path)
    api.add_error_handler(falcon.HTTPMethodNotAllowed, errors.wrong_method)
    api.add_error_handler(falcon.HTTPBadRequest, errors.wrong_method)  # for a method that Falcon has never heard of
    return api


def create_app(
    database: "Database",
    box: "SecretBox",
    public_url: str = DEFAULT_PUBLIC_URL,
    *,
    counting: "RequestMetrics | None" = None,
) -> "WSGIApplication":
    """Build what is served: the routes, with a request id and a log line for every answer."""
    return RequestLog(create_api(database, box, public_url, counting=counting))


def app_from_environment() -> "WSGIApplication":
    """Build the application in a server process, which gets its settings through the environment."""
    configure_log(os.environ.get(LOG_FORMAT_VARIABLE, "auto"))
    config = load_config()
    public_url = DEFAULT_PUBLIC_URL if config.public_url is None else valid_public_url(config.public_url)
    installation = open_installation(config)
    return create_app(installation.database, installation.box, public_url, counting=_counting())


def _counting() -> "RequestMetrics | None":
    """Give what counts requests, where a folder for that is named."""
    folder = os.environ.get(METRICS_VARIABLE)
    if not folder:
        return None
    os.environ[_FOLDER_OF_LIBRARY] = folder
    from postroom.http.metrics import RequestMetrics  # noqa: PLC0415 (a server that counts nothing does not load it)

    return RequestMetrics()


class _Errors:
    """Turns whatever is raised into an answer of the contract."""

    def __init__(self, database: "Database", router: CompiledRouter) -> None:
        self._database = database
        self._router = router

    def unforeseen(self, request: falcon.Request, response: falcon.Response, error: Exception, _params: object) -> None:
        """Tell the log everything and the caller nothing, unless it is to try again."""
        if self._database.was_overtaken(error):
            sentence = "another change was made at the same moment; try again"
            problems.render(response, problems.refusal(problems.Overtaken(sentence)))
            return
        structlog.get_logger().error("internal error", request_id=request.env.get(REQUEST_ID), exc_info=error)
        problems.render(response, problems.INTERNAL_ERROR)

    def refused(self, request: falcon.Request, response: falcon.Response, error: ActionError, params: object) -> None:
        """Tell the caller why; a refusal that is in no table is unforeseen."""
        if isinstance(error, RequestRefused):
            problems.render(response, problems.PROBLEMS[type(error)])
        elif isinstance(error, FieldRefused):
            problems.render(response, problems.field_problem(error))
        elif type(error) in problems.REFUSALS:
            problems.render(response, problems.refusal(error))
        else:
            self.unforeseen(request, response, error, params)

    def no_such_path(
        self, _request: falcon.Request, response: falcon.Response, _error: object, _params: object
    ) -> None:
        """Say that there is nothing under this path."""
        problems.render(response, problems.INVALID_URL_PATTERN)

    def wrong_method(self, request: falcon.Request, response: falcon.Response, _error: object, _params: object) -> None:
        """Say which methods there are under this path."""
        route = self._router.find(request.path)
        if route is None:
            problems.render(response, problems.INVALID_URL_PATTERN)
            return
        problems.render(response, problems.INVALID_REQUEST_METHOD)
        response.set_header("Allow", ", ".join(methods(route[0])))
