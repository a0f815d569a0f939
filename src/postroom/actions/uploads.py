"""Files that users upload, to attach them to mail (API page, "Upload Files to ZFS")."""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from postroom.actions.errors import FieldRefused, FileTooLarge, UploadUnreadable
from postroom.core.model import UploadedFile
from postroom.mail.compose import Attachment
from postroom.storage import uploads
from postroom.storage.database import Database
from postroom.storage.mail import lock_mail_of

MAX_FILE_BYTES = 20 * 1024 * 1024
MOST_FILES = 10  # in one upload
_LONGEST_LIFE = 24 * 3600  # seconds
_MOST_BYTES = 200 * 1024 * 1024  # of one user's files together
_LONGEST_NAME = 255
_ID_BYTES = 32


class GivenFile(NamedTuple):
    """A file as it came."""

    name: str
    content_type: str
    content: bytes


def upload_files(database: Database, user_id: int, files: Sequence[GivenFile], *, now: int) -> list[UploadedFile]:
    """Keep files for a day, for their uploader alone, and longer where a draft has them.

    Raises UploadUnreadable, FileTooLarge.
    """
    if not 0 < len(files) <= MOST_FILES or not all(_is_nameable(file.name) for file in files):
        raise UploadUnreadable("Problem in uploading attachment. kindly upload the file properly")
    if any(len(file.content) > MAX_FILE_BYTES for file in files):
        raise FileTooLarge("Please check if the size of the file is in the correct range")
    with database.write() as connection:
        lock_mail_of(connection, user_id)  # so that none is counted past
        uploads.delete_expired(connection, now)
        total = uploads.size_of_files(connection, user_id) + sum(len(file.content) for file in files)
        if total > _MOST_BYTES:
            raise FileTooLarge("the files of today and of your drafts are too large together; try again tomorrow")
        return [_keep(connection, user_id, file, now) for file in files]


def attachments_of(connection: Connection, user_id: int, ids: Sequence[str], now: int) -> tuple[Attachment, ...]:
    """Give a user's files to be attached. Raises FieldRefused for one that is not there, or another user's."""
    found = files_named(connection, user_id, ids, now)
    return tuple(Attachment(file.name, file.content_type, uploads.content_of(connection, file.id)) for file in found)


def files_named(connection: Connection, user_id: int, ids: Sequence[str], now: int) -> list[UploadedFile]:
    """Give the same files without what is in them. Raises as above."""
    there = uploads.files_of(connection, user_id, ids, now)
    for place, file_id in enumerate(ids):
        if file_id not in there:
            raise FieldRefused("there is no such file, or it has expired", api_name=f"attachments[{place}].id")
    return [there[file_id] for file_id in ids]


def _keep(connection: Connection, user_id: int, given: GivenFile, now: int) -> UploadedFile:
    size, expires_at = len(given.content), now + _LONGEST_LIFE
    file = UploadedFile(secrets.token_hex(_ID_BYTES), user_id, given.name, given.content_type, size, expires_at)
    uploads.insert_file(connection, file, given.content)
    return file


def _is_nameable(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_NAME and name.isprintable()
