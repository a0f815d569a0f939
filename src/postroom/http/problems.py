"""The contract's errors: what the caller is told, in a table for each of the two APIs."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import falcon
import msgspec

from postroom.actions.errors import (
    ActionError,
    AlreadyThere,
    CustomSharingOff,
    DraftInvalid,
    EmailsNotShared,
    EmailsShared,
    FieldMissing,
    FieldRefused,
    FieldTaken,
    FieldUnsupported,
    FileTooLarge,
    InvalidInput,
    LoginFailed,
    LoginRefused,
    ModuleUnknown,
    ModuleWithoutEmails,
    NoMailbox,
    NotAllowed,
    NotFound,
    NotShared,
    RecordInvalid,
    RecordUnknown,
    RequestRefused,
    ScopeMismatch,
    SendingRefused,
    SharingNotAllowed,
    TokenInvalid,
    UploadUnreadable,
)

JSON = "application/json;charset=UTF-8"


class NotAuthenticated(RequestRefused):
    """There is no Authorization header, or one of another scheme."""


class VersionUnsupported(RequestRefused):
    """There is no such version of the API."""


class BodyTooLarge(ActionError):
    """A body is larger than any change needs."""


class Overtaken(ActionError):
    """Another change was made at the same moment."""


class Problem(NamedTuple):
    """One kind of error as the caller sees it."""

    status: int
    code: str
    message: str
    details: Mapping[str, object]


INVALID_REQUEST_METHOD = Problem(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one", {})
INVALID_URL_PATTERN = Problem(
    404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one", {}
)
INTERNAL_ERROR = Problem(500, "INTERNAL_ERROR", "Internal Server Error", {})

PROBLEMS: dict[type[RequestRefused], Problem] = {
    NotAuthenticated: Problem(401, "AUTHENTICATION_FAILURE", "Authentication failed", {}),
    TokenInvalid: Problem(401, "INVALID_TOKEN", "invalid oauth token", {}),
    ScopeMismatch: Problem(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL", {}),
    VersionUnsupported: Problem(
        400, "API_NOT_SUPPORTED", "the api version given is not supported", {"supported_version": 8}
    ),
    ModuleUnknown: Problem(
        400, "INVALID_MODULE", "the module name given seems to be invalid", {"resource_path_index": 0}
    ),
    ModuleWithoutEmails: Problem(
        400, "NOT_SUPPORTED", "the given module is not supported in api", {"resource_path_index": 0}
    ),
    RecordInvalid: Problem(400, "INVALID_DATA", "the related id given seems to be invalid", {"resource_path_index": 1}),
    DraftInvalid: Problem(400, "INVALID_DATA", "Invalid draft Id", {"resource_path_index": 3}),
}

# What the own API says of an action that was refused; its message is the action's own sentence.
REFUSALS: Mapping[type[ActionError], tuple[int, str]] = {
    InvalidInput: (400, "INVALID_DATA"),
    LoginFailed: (400, "LOGIN_FAILED"),
    LoginRefused: (400, "LOGIN_FAILED"),
    NotAllowed: (403, "NO_PERMISSION"),
    CustomSharingOff: (403, "NO_PERMISSION"),
    NoMailbox: (403, "NO_PERMISSION"),
    NotFound: (404, "NOT_FOUND"),
    NotShared: (404, "NOT_FOUND"),
    AlreadyThere: (409, "ALREADY_THERE"),
    Overtaken: (409, "OVERTAKEN"),
    BodyTooLarge: (413, "BODY_TOO_LARGE"),
    FileTooLarge: (415, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE"),
    UploadUnreadable: (400, "failure_in_attachment_handling"),
}
# What is wrong with something that was sent, in the API of Zoho CRM.
FIELD_CODES: Mapping[type[FieldRefused], str] = {
    FieldRefused: "INVALID_DATA",
    FieldMissing: "MANDATORY_NOT_FOUND",
    FieldTaken: "DUPLICATE_DATA",
    RecordUnknown: "INVALID_DATA",
    EmailsShared: "ALREADY_SHARED",
    EmailsNotShared: "NOT_SHARED",
    SharingNotAllowed: "NOT_ALLOWED",
    FieldUnsupported: "NOT_SUPPORTED",
    SendingRefused: "NOT_ALLOWED",
}
_COMMAND = re.compile(r"; 'postroom [a-z ]+' shows them$")


def refusal(error: ActionError) -> Problem:
    """Give what the own API says of an error in `REFUSALS`, whose sentence names the field that is wrong first."""
    status, code = REFUSALS[type(error)]
    details = {"field": str(error).partition(":")[0]} if isinstance(error, InvalidInput) else {}
    return Problem(status, code, _COMMAND.sub("", str(error)), details)


def field_problem(error: FieldRefused) -> Problem:
    """Give what the API of Zoho CRM says of an error in `FIELD_CODES`."""
    return Problem(400, FIELD_CODES[type(error)], error.message, error.details)


def as_json(problem: Problem) -> dict[str, object]:
    """Give an error as it stands in an answer."""
    return {"code": problem.code, "details": problem.details, "message": problem.message, "status": "error"}


def render(response: falcon.Response, problem: Problem) -> None:
    """Answer with an error."""
    response.status = problem.status
    response.content_type = JSON
    response.data = msgspec.json.encode(as_json(problem))
