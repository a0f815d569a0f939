"""The folders of a mailbox: how far each was read, and which are read by choice.

A user's own mailbox, and anybody's for administrators; to others it is like not there.
"""

from collections.abc import Callable
from dataclasses import dataclass

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import get_mailbox_for
from postroom.core.model import Folder
from postroom.mail.server import GuardError, guard
from postroom.storage.database import Database
from postroom.storage.folders import add_folder, choose_folder, folders_of

LONGEST_FOLDER_NAME = 500  # characters: an index of PostgreSQL takes 2,700 bytes
_MOST_FOLDERS = 10_000  # of a mailbox: choices of folders that are not there are kept as well


@dataclass(frozen=True, slots=True)
class FolderChoices:
    """Which folders are read and which are left out from now on, whatever their use, and which go by it again."""

    read: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    by_use: tuple[str, ...] = ()

    def items(self) -> list[tuple[str, bool | None]]:
        """Give each folder with its choice; None is by its use. Raises InvalidInput where one is named twice."""
        chosen = [(name, is_read) for names, is_read in self._groups() for name in names]
        if len({name for name, _ in chosen}) < len(chosen):
            raise InvalidInput("folder: one is named twice")
        for name, _ in chosen:
            _check(name)
        return chosen

    def _groups(self) -> tuple[tuple[tuple[str, ...], bool | None], ...]:
        return (self.read, True), (self.leave, False), (self.by_use, None)


def list_folders(database: Database, reference: str, *, by: Actor) -> list[Folder]:
    """Give the folders of a connected mailbox, named by address or id, by name. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        return list(folders_of(connection, get_mailbox_for(connection, reference, by).id).values())


def choose_folders(database: Database, reference: str, choices: FolderChoices, *, by: Actor, now: int) -> None:
    """Choose which folders the next pass over a mailbox reads; mail of one that is left out is gone with that pass.

    Raises NotFound, InvalidInput.
    """
    chosen = choices.items()
    with database.write() as connection:
        mailbox = get_mailbox_for(connection, reference, by)
        known = folders_of(connection, mailbox.id)
        if len(known.keys() | {name for name, _ in chosen}) > max(_MOST_FOLDERS, len(known)):
            raise InvalidInput(f"folder: a mailbox has at most {_MOST_FOLDERS}")
        before = {name: choice_in_words(known[name].is_read) for name, _ in chosen if name in known}
        for name, is_read in chosen:
            folder = known.get(name) or add_folder(connection, mailbox.id, name)
            choose_folder(connection, folder, is_read=is_read)
        after = {name: choice_in_words(is_read) for name, is_read in chosen}
        Transaction(connection, by, now).write_down(
            "mailbox", f"mailbox {mailbox.address}", {"folders": before}, {"folders": after}, owner_id=mailbox.user_id
        )


def folder_as_json(folder: Folder, in_words: Callable[[int], str]) -> dict[str, object]:
    """Give a folder as every API shows it, with times as `in_words` writes them."""
    return {
        "name": folder.name,
        "state": folder.state,
        "messages": folder.messages,
        "watermark": folder.watermark,
        "compared": None if folder.reconciled_at is None else in_words(folder.reconciled_at),
        "choice": choice_in_words(folder.is_read),
        "error": folder.error,
    }


def choice_in_words(is_read: bool | None) -> str:
    """Give a choice as the audit and lists show it."""
    return {True: "read", False: "left out", None: "by its use"}[is_read]


def _check(name: str) -> None:
    try:
        guard(name, "folder name")
    except GuardError as error:
        raise InvalidInput(f"folder: {error}") from error
    if not 0 < len(name) <= LONGEST_FOLDER_NAME:
        raise InvalidInput(f"folder: expected a name of 1 to {LONGEST_FOLDER_NAME} characters")
