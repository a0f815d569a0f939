"""Uploading files, to be attached to mail (API page, "Upload Files to ZFS")."""

import io
from typing import Literal

import falcon
from falcon.media.multipart import MultipartFormHandler, MultipartParseOptions
from msgspec import UNSET, UnsetType

from postroom.actions.errors import UploadUnreadable
from postroom.actions.uploads import MAX_FILE_BYTES, MOST_FILES, GivenFile, upload_files
from postroom.core.scopes import CrmOperation
from postroom.http.crm import CrmResource, done, read_parameters
from postroom.http.resource import answer, now
from postroom.http.sent import Sent, limited_body

MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 1024 * 1024  # all files of one request, with what is around them
_FAMILY, _NO_USER = "files", 0


class UploadQuery(Sent, frozen=True):
    """How the files will be used, which makes no difference here."""

    type: Literal["inline"] | UnsetType = UNSET
    inline: Literal["true", "false"] | UnsetType = UNSET


class Files(CrmResource):
    """The caller's uploaded files."""

    def on_post(self, request: falcon.Request, response: falcon.Response, version: str) -> None:
        """Keep each file of a form, and answer the id by which it can be attached."""
        self.enter(request, version, CrmOperation.CREATE, _FAMILY)  # a stranger's files are not waited for
        read_parameters(request, UploadQuery)
        given = _files(limited_body(request, MAX_UPLOAD_BYTES), request.content_type or "")
        caller = self.enter(request, version, CrmOperation.CREATE, _FAMILY)
        kept = upload_files(self.database, caller.actor.user_id or _NO_USER, given, now=now())
        answer(
            response,
            {"data": [done(f"{file.name} uploaded successfully", {"name": file.name, "id": file.id}) for file in kept]},
        )


def _files(body: bytes, content_type: str) -> list[GivenFile]:
    """Read the fields `file` of a form. Raises UploadUnreadable."""
    options = MultipartParseOptions()
    options.max_body_part_count = MOST_FILES + 1
    options.max_body_part_buffer_size = MAX_UPLOAD_BYTES
    try:
        form = MultipartFormHandler(options).deserialize(io.BytesIO(body), content_type, len(body))
        return [_file(part) for part in form]
    except (ValueError, falcon.HTTPError) as error:
        raise UploadUnreadable("Problem in uploading attachment. kindly upload the file properly") from error


def _file(part: falcon.media.multipart.BodyPart) -> GivenFile:
    if part.name != "file" or part.filename is None:
        raise ValueError("a field that is not a file")
    return GivenFile(part.filename, part.content_type or "", part.get_data())
