"""The files of an e-mail, in the form of Zoho CRM (API page, "Download Email Attachments")."""

import io
import zipfile
from collections.abc import Iterable

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.errors import FieldMissing, FieldRefused
from postroom.http.crm import read_parameters
from postroom.http.emails import NOT_THERE, EmailResource, wanted_in
from postroom.http.emails import PATH as EMAILS_PATH
from postroom.http.sent import Sent, Text

PATH = f"{EMAILS_PATH}/actions/download_attachments"
_ARCHIVE = "attachments.zip"
_BYTES, _ZIP = "application/octet-stream", "application/zip"
# Whatever it is: it is saved and not shown, and were it shown, it could do nothing.
_INERT = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; sandbox"),
)


class FilesQuery(Sent, frozen=True):
    """Whose copy of which e-mail, and which file of it; all of them where none is named."""

    message_id: Text | UnsetType = UNSET
    user_id: Text | UnsetType = UNSET
    id: Text | UnsetType = UNSET
    name: Text | UnsetType = UNSET


class EmailFiles(EmailResource):
    """Gives a file, or all of them in an archive."""

    def on_get(
        self, request: falcon.Request, response: falcon.Response, version: str, module_api_name: str, record_id: str
    ) -> None:
        """Answer the bytes, whatever they are, for nothing but to be saved."""
        with self.opened(request, version, module_api_name, record_id) as record:
            query = read_parameters(request, FilesQuery)
            message_id, user_id = _given(query.message_id, "message_id"), _given(query.user_id, "user_id")
            found = record.read_email(message_id, wanted_in(record, UNSET, user_id, "user_id"))
        if found is None:
            raise FieldRefused(NOT_THERE, param_name="message_id")
        files = {file.id: (file.name, content) for file, content in found.files()}
        if query.id is UNSET and query.name is UNSET:
            _answer(response, _ARCHIVE, _zipped(files.items()), _ZIP)
            return
        name, content = files.get(_given(query.id, "id"), ("", None))
        if content is None or query.name not in (UNSET, name):
            raise FieldRefused(NOT_THERE, param_name="id")
        _answer(response, name, content, _BYTES)


def _given(value: str | UnsetType, name: str) -> str:
    if value is UNSET:
        raise FieldMissing(param_name=name)
    return value


def _zipped(files: Iterable[tuple[str, tuple[str, bytes]]]) -> bytes:
    """Give files in one archive; their ids keep apart those of one name."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        for file_id, (name, content) in files:
            writing.writestr(zipfile.ZipInfo(f"{file_id}-{name}"), content)
    return archive.getvalue()


def _answer(response: falcon.Response, name: str, content: bytes, content_type: str) -> None:
    response.content_type = content_type
    response.downloadable_as = name
    response.set_headers(_INERT)
    response.data = content
