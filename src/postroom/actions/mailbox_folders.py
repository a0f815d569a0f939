"""The folders of a mailbox: how far each was read, and which are read by choice."""

from dataclasses import dataclass, replace

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import get_mailbox
from postroom.actions.mailboxes import require_owner_or_administrator
from postroom.core.model import Folder
from postroom.mail.server import GuardError, guard
from postroom.storage.database import Database
from postroom.storage.folders import add_folder, folders_of, save_folder

_LONGEST_NAME = 500  # characters


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


def list_folders(database: Database, address: str) -> list[Folder]:
    """Give the folders of a connected mailbox that are known, by name. Raises NotFound, InvalidInput."""
    with database.read() as connection:
        return list(folders_of(connection, get_mailbox(connection, address).id).values())


def choose_folders(database: Database, address: str, choices: FolderChoices, *, by: Actor, now: int) -> None:
    """Choose which folders the next pass over a mailbox reads; mail of one that is left out is gone with that pass.

    Raises NotAllowed, NotFound, InvalidInput.
    """
    chosen = choices.items()
    with database.write() as connection:
        mailbox = get_mailbox(connection, address)
        require_owner_or_administrator(by, mailbox.user_id)
        known = folders_of(connection, mailbox.id)
        before = {name: choice_in_words(known[name].is_read) for name, _ in chosen if name in known}
        for name, is_read in chosen:
            folder = known.get(name) or add_folder(connection, mailbox.id, name)
            save_folder(connection, replace(folder, is_read=is_read))
        after = {name: choice_in_words(is_read) for name, is_read in chosen}
        Transaction(connection, by, now).write_down(
            "mailbox", f"mailbox {mailbox.address}", {"folders": before}, {"folders": after}, owner_id=mailbox.user_id
        )


def choice_in_words(is_read: bool | None) -> str:
    """Give a choice as the audit and lists show it."""
    return {True: "read", False: "left out", None: "by its use"}[is_read]


def _check(name: str) -> None:
    try:
        guard(name, "folder name")
    except GuardError as error:
        raise InvalidInput(f"folder: {error}") from error
    if not 0 < len(name) <= _LONGEST_NAME:
        raise InvalidInput(f"folder: expected a name of 1 to {_LONGEST_NAME} characters")
