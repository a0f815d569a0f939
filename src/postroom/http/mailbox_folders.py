"""The folders of mailboxes and which of them are read: of the own one, and of anybody's for administrators."""

from typing import Annotated

import falcon
from msgspec import Meta

from postroom.actions.mailbox_folders import (
    LONGEST_FOLDER_NAME,
    FolderChoices,
    choose_folders,
    folder_as_json,
    list_folders,
)
from postroom.actions.mailbox_status import own_reference
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.actions.tokens import Caller
from postroom.core.scopes import Operation
from postroom.http.resource import Resource, SettingsResource, SharingResource, answer, now
from postroom.http.sent import Sent

FolderName = Annotated[str, Meta(min_length=1, max_length=LONGEST_FOLDER_NAME)]


class Choices(Sent, frozen=True):
    """Folders to be read, to be left out, and to be read or not by their use; others stay as they are."""

    read: tuple[FolderName, ...] = ()
    leave: tuple[FolderName, ...] = ()
    by_use: tuple[FolderName, ...] = ()


class _Folders(Resource):
    def _list(self, caller: Caller, reference: str, response: falcon.Response) -> None:
        listed, zone = list_folders(self.database, reference, by=caller.actor), time_zone_of(self.database)
        answer(response, {"folders": [folder_as_json(each, lambda at: with_offset(at, zone)) for each in listed]})

    def _choose(self, caller: Caller, reference: str, new: Choices, response: falcon.Response) -> None:
        choices = FolderChoices(new.read, new.leave, new.by_use)
        choose_folders(self.database, reference, choices, by=caller.actor, now=now())
        response.status = falcon.HTTP_NO_CONTENT


class MailboxFolders(_Folders, SettingsResource):
    """Of any mailbox, for administrators; of the caller's own, for everybody."""

    def on_get(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Answer those that are known, and how far each was read."""
        self._list(self.enter(request, Operation.READ), mailbox, response)

    def on_put(self, request: falcon.Request, response: falcon.Response, mailbox: str) -> None:
        """Choose which the next pass reads."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Choices)
        self._choose(caller, mailbox, new, response)


class OwnMailboxFolders(_Folders, SharingResource):
    """Of the caller's mailbox."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer those that are known, and how far each was read."""
        caller = self.enter(request, Operation.READ)
        self._list(caller, own_reference(self.database, caller.email), response)

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Choose which the next pass reads."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Choices)
        self._choose(caller, own_reference(self.database, caller.email), new, response)
