"""The bytes of messages. A file that several of them bring along is stored once, by the digest of what it holds."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select

from postroom.storage.database import upsert
from postroom.storage.encoded_files import EncodedFile, put_back, take_out
from postroom.storage.schema import attached_files, attachments, raw_messages

_AT_ONCE = 5000  # digests in one statement: one message may hold thousands of files


def store_raw_messages(connection: Connection, messages: Mapping[int, bytes]) -> None:
    """Store the bytes of new copies, by their ids."""
    left: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    contents: dict[bytes, bytes] = {}
    for copy_id, raw in messages.items():
        rest, files = take_out(raw)
        left.append({"copy_id": copy_id, "raw": rest})
        for file in files:
            digest = hashlib.sha256(file.content).digest()
            contents[digest] = file.content
            places.append({"copy_id": copy_id, "digest": digest, **_form(file)})
    connection.execute(insert(raw_messages), left)
    if places:
        _store_files(connection, contents)
        connection.execute(insert(attachments), places)


def raw_message(connection: Connection, copy_id: int) -> bytes:
    """Give the bytes of a copy, as its source holds them."""
    left: bytes = connection.execute(left_of(copy_id)).scalar_one()
    return put_back(left, map(EncodedFile._make, connection.execute(files_of(copy_id))))


def left_of(copy_id: int | ColumnElement[int]) -> Select[bytes]:
    """Select what is left of a message without its files."""
    return select(raw_messages.c.raw).where(raw_messages.c.copy_id == copy_id)


def files_of(copy_id: int | ColumnElement[int]) -> Select[Any]:
    """Select the files of a message in order, with the columns of an EncodedFile."""
    columns = (attachments.c.position, attached_files.c.content, attachments.c.line_length, attachments.c.ends_in_crlf)
    found = select(*columns).join_from(attachments, attached_files).where(attachments.c.copy_id == copy_id)
    return found.order_by(attachments.c.position)


def forget_raw_messages(connection: Connection, copy_ids: Collection[int]) -> None:
    """Delete the bytes of copies for good, and the files that no other copy brings along."""
    of_copies = attachments.c.copy_id.in_(copy_ids)
    digests = sorted(connection.execute(select(attachments.c.digest).distinct().where(of_copies)).scalars())
    connection.execute(delete(attachments).where(of_copies))
    connection.execute(delete(raw_messages).where(raw_messages.c.copy_id.in_(copy_ids)))
    for some in _chunks(digests):
        _forget_files(connection, some)


def _form(file: EncodedFile) -> dict[str, Any]:
    return {"position": file.position, "line_length": file.line_length, "ends_in_crlf": file.ends_in_crlf}


def _store_files(connection: Connection, contents: Mapping[bytes, bytes]) -> None:
    """Store the files that are not there, and hold those that are there until the end of the transaction.

    Another user's mailbox may forget the same file at this moment. Each transaction takes files in the order of their
    digests, so that none waits for one that waits for it.
    """
    held: set[bytes] = set()
    for some in _chunks(sorted(contents)):
        held.update(connection.execute(_in_order(some).with_for_update(read=True, key_share=True)).scalars())
    missing = sorted(contents.keys() - held)
    if missing:
        new = upsert(connection, attached_files)
        # Another one that stored it meanwhile has it held as well.
        again = new.on_conflict_do_update(index_elements=["digest"], set_={"digest": new.excluded.digest})
        connection.execute(again, [{"digest": digest, "content": contents[digest]} for digest in missing])


def _forget_files(connection: Connection, digests: Collection[bytes]) -> None:
    """Delete files that no message brings along; the look for one comes after whoever stores one has ended."""
    connection.execute(_in_order(digests).with_for_update()).all()
    is_used = select(attachments.c.digest).where(attachments.c.digest == attached_files.c.digest).exists()
    connection.execute(delete(attached_files).where(attached_files.c.digest.in_(digests), ~is_used))


def _chunks(digests: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    return (digests[start : start + _AT_ONCE] for start in range(0, len(digests), _AT_ONCE))


def _in_order(digests: Collection[bytes]) -> Select[bytes]:
    return select(attached_files.c.digest).where(attached_files.c.digest.in_(digests)).order_by(attached_files.c.digest)
