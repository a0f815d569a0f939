"""Backups: the whole database in one file, while serving; back into any database of Postroom."""

import os
import shutil
import tempfile
from pathlib import Path

from postroom.actions.errors import AlreadyThere, InvalidInput
from postroom.storage.backups import Progress, copy_database, is_empty, upgrade_backup
from postroom.storage.database import Database, sqlite_url
from postroom.storage.migrations import migrate


def backup(database: Database, file: Path, on_progress: Progress) -> int:
    """Write one consistent state of the database to a new file, readable by this account alone; give the rows.

    The key of the mailbox passwords is not in it: keep a copy of secret.key elsewhere.
    Raises AlreadyThere, InvalidInput.
    """
    if file.exists():
        raise _already_there(file)
    if not file.parent.is_dir():
        raise InvalidInput(f"file: there is no folder {file.parent}")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".postroom-backup-") as folder:
        unfinished = Path(folder) / file.name
        rows = _write_backup(database, unfinished, on_progress)
        unfinished.chmod(0o600)
        try:
            os.link(unfinished, file)  # unlike a rename, it never replaces a file that appeared meanwhile
        except FileExistsError as error:
            raise _already_there(file) from error
    return rows


def restore(database: Database, file: Path, on_progress: Progress) -> int:
    """Fill an empty database from a backup of this or an older version; give the rows.

    Raises InvalidInput where the file is no backup, AlreadyThere where the database holds something.
    """
    if not file.is_file():
        raise InvalidInput(f"file: there is no backup {file}")
    with tempfile.TemporaryDirectory(prefix="postroom-restore-") as folder:
        copy = Path(folder) / "backup.sqlite3"  # upgraded in place, which must not happen to the backup itself
        shutil.copyfile(file, copy)
        source = Database(sqlite_url(copy))
        try:
            return _restore(database, source, file, on_progress)
        finally:
            source.close()


def _already_there(file: Path) -> AlreadyThere:
    return AlreadyThere(f"{file} is there already; name a new file")


def _write_backup(database: Database, file: Path, on_progress: Progress) -> int:
    target = Database(sqlite_url(file))
    try:
        with target.write() as connection:
            migrate(connection)
        with database.read() as reading, target.write() as writing:
            rows = copy_database(reading, writing, on_progress)
        target.checkpoint()
    finally:
        target.close()
    return rows


def _restore(database: Database, source: Database, file: Path, on_progress: Progress) -> int:
    if not upgrade_backup(source):
        raise InvalidInput(f"file: {file} is damaged, or no backup of this version of Postroom or an older one")
    with database.write() as writing, source.read() as reading:
        if not is_empty(writing):
            raise AlreadyThere("the database holds data already; restore into a new data folder or an empty database")
        migrate(writing)
        return copy_database(reading, writing, on_progress)
