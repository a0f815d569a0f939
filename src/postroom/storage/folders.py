"""The folders of mailboxes, and how far each was read."""

from collections.abc import Collection
from dataclasses import asdict

from sqlalchemy import Connection, and_, case, delete, func, select, update

from postroom.core.model import Folder, FolderState, Mailbox
from postroom.storage.database import upsert
from postroom.storage.ids import take_id
from postroom.storage.schema import folders, mailboxes


def folders_of(connection: Connection, mailbox_id: int) -> dict[str, Folder]:
    """Give the known folders of a mailbox, by name."""
    found = select(folders).where(folders.c.mailbox_id == mailbox_id).order_by(folders.c.name)
    return {row["name"]: Folder(**row) for row in connection.execute(found).mappings()}


def count_folders(connection: Connection, mailbox_ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Give how many folders are read of each mailbox, and how many of them agree with the server."""
    agrees = case((and_(folders.c.state == FolderState.FOLLOWING, folders.c.error.is_(None)), 1), else_=0)
    counted = select(folders.c.mailbox_id, func.count(), func.sum(agrees)).group_by(folders.c.mailbox_id)
    found = connection.execute(counted.where(folders.c.mailbox_id.in_(mailbox_ids)))
    return {mailbox_id: (number, agreeing) for mailbox_id, number, agreeing in found}


def add_folder(connection: Connection, mailbox_id: int, name: str) -> Folder:
    """Add a folder of which nothing was read yet; where somebody else has just added it, it is as that one has it."""
    new = asdict(Folder(take_id(connection), mailbox_id, name))
    connection.execute(upsert(connection, folders).values(new).on_conflict_do_nothing())
    found = select(folders).where(folders.c.mailbox_id == mailbox_id, folders.c.name == name)
    return Folder(**connection.execute(found).mappings().one())


def save_folder(connection: Connection, folder: Folder) -> None:
    """Keep how far a folder was read; whether it is read is chosen by others, perhaps at this moment."""
    values = asdict(folder)
    del values["is_read"]
    connection.execute(update(folders).where(folders.c.id == folder.id).values(**values))


def compare_whole(connection: Connection, mailbox_id: int, name: str) -> None:
    """Let the next pass compare all of a folder with its server, also of one that is not known any more."""
    of_name = (folders.c.mailbox_id == mailbox_id, folders.c.name == name)
    if connection.execute(select(folders.c.id).where(*of_name)).first() is None:
        add_folder(connection, mailbox_id, name)
    followed = update(folders).where(*of_name, folders.c.state == FolderState.FOLLOWING)
    connection.execute(followed.values(state=FolderState.RECONCILING))


def choose_folder(connection: Connection, folder: Folder, *, is_read: bool | None) -> None:
    """Keep whether a folder is read by choice, None where its use decides."""
    connection.execute(update(folders).where(folders.c.id == folder.id).values(is_read=is_read))


def forget_folder(connection: Connection, folder: Folder) -> None:
    """Forget a folder that the mailbox has no more, unless somebody chose whether it is read: then begin anew."""
    save_folder(connection, Folder(folder.id, folder.mailbox_id, folder.name))
    connection.execute(delete(folders).where(folders.c.id == folder.id, folders.c.is_read.is_(None)))


def begin_history(connection: Connection, mailbox: Mailbox, since: int) -> None:
    """Set how old mail of a mailbox may be (epoch seconds, 0 for all); folders are read again where that is older."""
    connection.execute(update(mailboxes).where(mailboxes.c.id == mailbox.id).values(sync_since=since))
    if mailbox.sync_since is not None and since < mailbox.sync_since:
        read = (folders.c.mailbox_id == mailbox.id, folders.c.uidvalidity.is_not(None))
        connection.execute(update(folders).where(*read).values(state=FolderState.BACKFILLING))
