"""What users set for their own mail."""

from zoneinfo import ZoneInfo

import falcon
from msgspec import UNSET, UnsetType

from postroom.actions.change_sharing import ShareEmails, UnshareEmails
from postroom.actions.exclusions import SetExcludedDomains, list_own_domains
from postroom.actions.organisation import time_zone_of
from postroom.actions.permissions import ChoosePermission
from postroom.actions.read_team import read_own_settings
from postroom.actions.times import with_offset
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.core.model import OwnEmail
from postroom.core.scopes import Operation
from postroom.http.people import given_as_json, user_as_json
from postroom.http.resource import SharingResource, answer, place
from postroom.http.sent import Domains, NewPermission, Sent, Text, limit_in, new_audience, or_kept, or_none, place_in


class WhichEmails(Sent, frozen=True):
    """A page of the own e-mails, of all or on one record."""

    record: Text | UnsetType = UNSET
    limit: Text = "20"
    before: Text | UnsetType = UNSET


class Me(SharingResource):
    """The caller, and what holds for the caller's mail."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer the permission that holds, each step that leads there, and what the caller may choose."""
        caller = self.enter(request, Operation.READ)
        own = read_own_settings(self.database, caller.email, by=caller.actor)
        answer(
            response,
            {
                "user": user_as_json(own.user, own.role),
                "permission": own.sharing.permission,
                "settings": [given_as_json(each) for each in own.sharing.settings],
                "steps": own.sharing.steps,
                "may_choose": own.may_choose,
                "choice": given_as_json(own.chosen),
                "excluded_domains": own.excluded_domains,
            },
        )


class OwnPermission(SharingResource):
    """The caller's own choice."""

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Choose a permission and its audience."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, NewPermission)
        change = ChoosePermission(caller.email, or_kept(new.permission), new_audience(new.audience))
        self.make(caller, change, response)

    def on_delete(self, request: falcon.Request, response: falcon.Response) -> None:
        """Take the choice back, which means private."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, ChoosePermission(caller.email, None), response)


class OwnExcludedDomains(SharingResource):
    """The domains that the caller excludes."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer the whole list."""
        caller = self.enter(request, Operation.READ)
        answer(response, {"domains": list_own_domains(self.database, caller.email, by=caller.actor)})

    def on_put(self, request: falcon.Request, response: falcon.Response) -> None:
        """Set the whole list."""
        caller, new = self.enter_with_body(request, Operation.UPDATE, Domains)
        self.make(caller, SetExcludedDomains(new.domains, user=caller.email), response)


class OwnEmails(SharingResource):
    """The caller's own e-mails."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer a page of them, what came in last first."""
        caller, which = self.enter_with_query(request, Operation.READ, WhichEmails)
        limit, before = limit_in(which.limit), place_in(which.before, "before")
        record, by = or_none(which.record), caller.actor
        found = list_own_emails(self.database, caller.email, record, by=by, limit=limit, before=before)
        time_zone = time_zone_of(self.database)
        next_before = place(found[-1].place) if len(found) == limit else None
        answer(response, {"emails": [_email(each, time_zone) for each in found], "next_before": next_before})


class WithheldEmail(SharingResource):
    """Whether the caller withholds an e-mail by hand."""

    def on_put(self, request: falcon.Request, response: falcon.Response, email: str) -> None:
        """Withhold it from everyone else."""
        self._set(request, response, email, withheld=True)

    def on_delete(self, request: falcon.Request, response: falcon.Response, email: str) -> None:
        """Release it."""
        self._set(request, response, email, withheld=False)

    def _set(self, request: falcon.Request, response: falcon.Response, email: str, *, withheld: bool) -> None:
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, WithholdEmail(caller.email, email, withheld), response)


class WithheldThread(SharingResource):
    """Whether the caller withholds a conversation by hand."""

    def on_put(self, request: falcon.Request, response: falcon.Response, thread: str) -> None:
        """Withhold it from everyone else, with what will come to it."""
        self._set(request, response, thread, withheld=True)

    def on_delete(self, request: falcon.Request, response: falcon.Response, thread: str) -> None:
        """Release it."""
        self._set(request, response, thread, withheld=False)

    def _set(self, request: falcon.Request, response: falcon.Response, thread: str, *, withheld: bool) -> None:
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, WithholdThread(caller.email, thread, withheld), response)


class OwnShares(SharingResource):
    """Whether the caller shares mail on a record."""

    def on_put(self, request: falcon.Request, response: falcon.Response, module: str, record_id: str) -> None:
        """Share it with everyone in the audience."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, ShareEmails(caller.email, f"{module}/{record_id}"), response)

    def on_delete(self, request: falcon.Request, response: falcon.Response, module: str, record_id: str) -> None:
        """Share it no longer."""
        caller = self.enter(request, Operation.UPDATE)
        self.make(caller, UnshareEmails(caller.email, f"{module}/{record_id}"), response)


def _email(email: OwnEmail, time_zone: ZoneInfo) -> dict[str, object]:
    return {
        "id": email_id(email.email_key),
        "thread": str(email.thread_id),
        "date": None if email.sent_at is None else with_offset(email.sent_at, time_zone),
        "sender": email.sender,
        "subject": email.subject,
        "automated": email.is_automated,
        "only_headers": email.headers_only,
        "withheld": email.withheld,
    }
