"""The answer of the sharing details: which views are open, and who shares (section 6)."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from postroom.core.emails import Unsent
from postroom.core.model import AssociatedBy, Kind
from postroom.core.sharing import Decision, Ground, Organisation, Owner, Reason, Rule, Viewer, decide


class Holding(NamedTuple):
    """That an owner holds copies of one kind on a record: R itself, or a Contact linked to R.

    `shareable` is how many of the copies are not withheld.
    """

    kind: str
    associated_by: str
    shareable: int
    through_contact: bool
    grounds: tuple[Ground, ...]
    owner: Owner
    owner_name: str
    mailbox_protocol: str | None
    record_id: int


class ShareFromUser(NamedTuple):
    """A colleague whose mailbox the caller sees on the record."""

    user_id: int
    name: str
    mailbox_protocol: str | None


class SharingDetails(NamedTuple):
    """What `__emails_sharing_details` answers."""

    available_types: tuple[str, ...]
    share_from_users: tuple[ShareFromUser, ...]


def sharing_details(
    viewer: Viewer, organisation: Organisation, holdings: Iterable[Holding], *, gathers_contacts: bool
) -> SharingDetails:
    """Give the views and colleagues that are open to the viewer; `holdings` are all of R's mail.

    `gathers_contacts` says that R is neither a Lead nor a Contact: R's people are then its Contacts.
    """
    visible = visible_holdings(viewer, organisation, holdings)
    types = (
        name
        for name, shows in AVAILABLE_TYPES.items()
        if any(shows(holding, viewer.user_id, gathers_contacts) for holding in visible)
    )
    shared = [h for h in visible if _of_colleagues_mailbox(h, viewer.user_id)]
    return SharingDetails(tuple(types), _users(shared))


def visible_holdings(viewer: Viewer, organisation: Organisation, holdings: Iterable[Holding]) -> list[Holding]:
    """Give those of which the viewer sees any copy."""
    return [holding for holding in holdings if decide_holding(holding, viewer, organisation).allowed]


EVERY_COPY_WITHHELD = (Reason(Rule.EVERY_COPY_WITHHELD),)


def decide_holding(holding: Holding, viewer: Viewer, organisation: Organisation) -> Decision:
    """Decide whether the viewer sees any of the copies that an owner holds on a record."""
    withheld = () if holding.shareable else EVERY_COPY_WITHHELD
    return decide(holding.kind, viewer, holding.owner, holding.grounds, organisation, withheld)


def _with_people_of_record(holding: Holding, _viewer_id: int, gathers_contacts: bool) -> bool:
    if gathers_contacts:
        return holding.through_contact
    return holding.associated_by == AssociatedBy.ADDRESS


def _sent_from_crm(holding: Holding, _viewer_id: int, _gathers_contacts: bool) -> bool:
    return holding.kind == Kind.CRM


def _sent_to_people_of_record(holding: Holding, viewer_id: int, gathers_contacts: bool) -> bool:
    return holding.kind == Kind.CRM and _with_people_of_record(holding, viewer_id, gathers_contacts)


def _in_mailbox(holding: Holding, _viewer_id: int, _gathers_contacts: bool) -> bool:
    return holding.kind != Kind.CRM


def _of_colleagues_mailbox(holding: Holding, viewer_id: int) -> bool:
    return holding.kind != Kind.CRM and holding.owner.user_id != viewer_id


def _in_imap_of_colleague(holding: Holding, viewer_id: int, _gathers_contacts: bool) -> bool:
    return holding.kind == Kind.IMAP and holding.owner.user_id != viewer_id


def _any(_holding: Holding, _viewer_id: int, _gathers_contacts: bool) -> bool:
    return True


_Shows = Callable[[Holding, int, bool], bool]

# The views that the answer names, in its order.
AVAILABLE_TYPES: Mapping[str, _Shows] = {
    "emails_sent_from_crm": _sent_from_crm,
    "all_contacts_emails": _with_people_of_record,
    "all_imap_shared_users": _in_imap_of_colleague,
    "all_emails": _any,
}
USER_EMAILS = "user_emails"
# Every view that a list of e-mails knows (API page, "Get Emails of a Record").
VIEWS: Mapping[str, _Shows] = {
    **AVAILABLE_TYPES,
    "sent_from_crm": _sent_from_crm,
    "all_contacts_sent_crm_emails": _sent_to_people_of_record,
    USER_EMAILS: _in_mailbox,
}


class UnsentView(NamedTuple):
    """A view of what is not sent yet: of which kind, and whether of linked Contacts in place of the record's own."""

    kind: Unsent
    of_contacts: bool


# What is not sent yet is its author's alone, and no e-mail of the record.
VIEWS_OF_UNSENT: Mapping[str, UnsentView] = {
    "all_contacts_draft_crm_emails": UnsentView(Unsent.DRAFT, of_contacts=True),
    "all_contacts_scheduled_crm_emails": UnsentView(Unsent.SCHEDULED, of_contacts=True),
    "drafts": UnsentView(Unsent.DRAFT, of_contacts=False),
    "scheduled_in_crm": UnsentView(Unsent.SCHEDULED, of_contacts=False),
}


class Wanted(NamedTuple):
    """Which e-mails of a record are wanted: those of a view, of one owner or of all."""

    view: str
    owner_id: int | None


def wanted_emails(view: str | None, owner_id: int | None, viewer_id: int) -> Wanted:
    """Say what is wanted where nothing is said: all e-mails, and of mailboxes the viewer's own."""
    if view == USER_EMAILS and owner_id is None:
        return Wanted(view, viewer_id)
    return Wanted(view or "all_emails", owner_id)


def holdings_wanted(
    wanted: Wanted, viewer: Viewer, organisation: Organisation, holdings: Iterable[Holding], *, gathers_contacts: bool
) -> list[Holding]:
    """Give the holdings that make up a list of e-mails: those that the viewer sees, and that are wanted.

    There are no copies yet of what a view of `VIEWS_OF_UNSENT` shows.
    """
    shows = VIEWS.get(wanted.view)
    if shows is None:
        return []
    return [
        holding
        for holding in visible_holdings(viewer, organisation, holdings)
        if wanted.owner_id in (None, holding.owner.user_id) and shows(holding, viewer.user_id, gathers_contacts)
    ]


def _users(shared: list[Holding]) -> tuple[ShareFromUser, ...]:
    """Give each owner once, by name in code-point order, then id; not by the database's collation."""
    users = {ShareFromUser(h.owner.user_id, h.owner_name, h.mailbox_protocol) for h in shared}
    return tuple(sorted(users, key=lambda user: (user.name, user.user_id)))
