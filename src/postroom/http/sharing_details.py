"""GET /crm/{version}/{module_api_name}/{record_id}/__emails_sharing_details."""

import time

import falcon
import msgspec

from postroom.actions.read_sharing_details import read_sharing_details
from postroom.core.details import SharingDetails
from postroom.http.identity import bearer_token, check_version
from postroom.http.problems import JSON
from postroom.storage.sharing_facts import SharingFactsReader

PATH = "/crm/{version}/{module_api_name}/{record_id}/__emails_sharing_details"


class ShareFromUser(msgspec.Struct, rename={"mailbox_protocol": "_type"}):
    """A colleague, as the API page shows one; ids are strings, since JavaScript would round them."""

    id: str
    name: str
    mailbox_protocol: str | None


class EmailsSharingDetails(msgspec.Struct):
    """The object that the API page documents."""

    available_types: tuple[str, ...]
    share_from_users: list[ShareFromUser]


class SharingDetailsResource:
    """Answers Get Email Shared Details."""

    def __init__(self, reader: SharingFactsReader) -> None:
        self._reader = reader
        self._encoder = msgspec.json.Encoder()

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Answer the object, or a list of it for the SDKs, which can read nothing else."""
        check_version(version)
        token = bearer_token(request)
        details = _rendered(read_sharing_details(self._reader, token, module_api_name, record_id, now=int(time.time())))
        wanted = [details] if "HTTP_X_ZOHO_SDK" in request.env else details
        response.content_type = JSON
        response.set_header("Vary", "X-ZOHO-SDK")
        response.data = self._encoder.encode({"__emails_sharing_details": wanted})

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself: the contract knows GET alone."""
        raise falcon.HTTPMethodNotAllowed(["GET"])


def _rendered(details: SharingDetails) -> EmailsSharingDetails:
    users = [ShareFromUser(str(user.user_id), user.name, user.mailbox_protocol) for user in details.share_from_users]
    return EmailsSharingDetails(details.available_types, users)
