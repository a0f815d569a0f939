"""The audit."""

from dataclasses import asdict
from zoneinfo import ZoneInfo

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.audit import Entry, read_audit
from postroom.actions.lookups import valid_address
from postroom.actions.organisation import time_zone_of
from postroom.actions.times import with_offset
from postroom.core.scopes import Family, Operation
from postroom.http.resource import Resource, answer, place
from postroom.http.sent import Sent, Text, limit_in, place_in


class WhichEntries(Sent, frozen=True):
    """A page of entries: of all, or of those that concern one user's mail."""

    about: Text | UnsetType = UNSET
    limit: Text = "50"
    before: Text | UnsetType = UNSET


class Audit(Resource):
    """Every change of what decides who sees what."""

    family = Family.AUDIT

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer a page of entries, the newest first."""
        caller, which = self.enter_with_query(request, Operation.READ, WhichEntries)
        about = None if which.about is UNSET else valid_address(which.about, "about")
        limit, before = limit_in(which.limit), place_in(which.before, "before")
        page = read_audit(self.database, by=caller.actor, limit=limit, about=about, before=before)
        time_zone = time_zone_of(self.database)
        entries = [_entry(each, time_zone) for each in page.entries]
        answer(response, {"entries": entries, "next_before": place(page.next_before)})


def _entry(entry: Entry, time_zone: ZoneInfo) -> dict[str, object]:
    return asdict(entry) | {"at": with_offset(entry.at, time_zone)}
