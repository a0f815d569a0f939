"""The answer of the sharing details: which views are open, and who shares (section 6)."""

from collections.abc import Iterable
from typing import NamedTuple

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
    visible = [holding for holding in holdings if decide_holding(holding, viewer, organisation).allowed]
    shared = [h for h in visible if h.kind != Kind.CRM and h.owner.user_id != viewer.user_id]
    views = (
        ("emails_sent_from_crm", Kind.CRM in {h.kind for h in visible}),
        ("all_contacts_emails", any(_with_people_of_record(h, gathers_contacts) for h in visible)),
        ("all_imap_shared_users", Kind.IMAP in {h.kind for h in shared}),
        ("all_emails", bool(visible)),
    )
    return SharingDetails(tuple(name for name, is_open in views if is_open), _users(shared))


EVERY_COPY_WITHHELD = (Reason(Rule.EVERY_COPY_WITHHELD),)


def decide_holding(holding: Holding, viewer: Viewer, organisation: Organisation) -> Decision:
    """Decide whether the viewer sees any of the copies that an owner holds on a record."""
    withheld = () if holding.shareable else EVERY_COPY_WITHHELD
    return decide(holding.kind, viewer, holding.owner, holding.grounds, organisation, withheld)


def _with_people_of_record(holding: Holding, gathers_contacts: bool) -> bool:
    if gathers_contacts:
        return holding.through_contact
    return holding.associated_by == AssociatedBy.ADDRESS


def _users(shared: list[Holding]) -> tuple[ShareFromUser, ...]:
    """Give each owner once, by name in code-point order, then id; not by the database's collation."""
    users = {ShareFromUser(h.owner.user_id, h.owner_name, h.mailbox_protocol) for h in shared}
    return tuple(sorted(users, key=lambda user: (user.name, user.user_id)))
