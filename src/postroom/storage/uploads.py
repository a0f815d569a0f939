"""Files that users uploaded, until they expire; those of a draft do not while it is there."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select

from postroom.core.model import UploadedFile
from postroom.storage.schema import email_draft_files, uploaded_files

_COLUMNS = [uploaded_files.c[name] for name in UploadedFile.__slots__]


def insert_file(connection: Connection, file: UploadedFile, content: bytes) -> None:
    """Keep a file."""
    row = {name: getattr(file, name) for name in file.__slots__} | {"content": content}
    connection.execute(insert(uploaded_files).values(row))


def size_of_files(connection: Connection, user_id: int) -> int:
    """Give how many bytes a user's files have."""
    total = select(func.coalesce(func.sum(uploaded_files.c.size), 0)).where(uploaded_files.c.user_id == user_id)
    return int(connection.execute(total).scalar_one())


def files_of(connection: Connection, user_id: int, ids: Collection[str], now: int) -> dict[str, UploadedFile]:
    """Give those of a user's files that are there at `now` (epoch seconds), by id."""
    found = select(*_COLUMNS).where(uploaded_files.c.user_id == user_id, uploaded_files.c.id.in_(ids), _is_there(now))
    return {row["id"]: UploadedFile(**row) for row in connection.execute(found).mappings()}


def content_of(connection: Connection, file_id: str) -> bytes:
    """Give what is in a file."""
    content: bytes = connection.execute(
        select(uploaded_files.c.content).where(uploaded_files.c.id == file_id)
    ).scalar_one()
    return content


def delete_expired(connection: Connection, now: int) -> None:
    """Delete what has expired."""
    connection.execute(delete(uploaded_files).where(~_is_there(now)))


def _is_there(now: int) -> ColumnElement[bool]:
    in_draft = exists().where(email_draft_files.c.file_id == uploaded_files.c.id)
    return or_(uploaded_files.c.expires_at > now, in_draft)
