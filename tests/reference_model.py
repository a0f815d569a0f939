"""The law once more, slowly: written from its page alone, with loops over plain data and no SQL.

Nothing of the product's decision code is imported here. The part of the law that is in force: record
access (section 2), private, public and custom for everyone (3), mail sent from the CRM (5), the answer (6).
"""

from dataclasses import dataclass, field


@dataclass
class User:
    name: str
    id: int
    role: str | None
    profile: str
    status: str = "active"
    assigned: str | None = None
    choice: str | None = None
    mailbox: str | None = None  # the protocol of the latest mailbox


@dataclass
class Share:
    user: str | None
    role: str | None
    and_subordinates: bool


@dataclass
class Record:
    id: int
    module: str
    owner: str
    addresses: set[str]
    links: set[int] = field(default_factory=set)
    deleted: bool = False
    shares: list[Share] = field(default_factory=list)


@dataclass
class Copy:
    owner: str
    kind: str
    addresses: set[str]
    email: str  # what copies of one e-mail have in common
    by_hand_on: set[int] = field(default_factory=set)


@dataclass
class World:
    default: str = "users_choice"
    crm_access: str = "public_read_only"
    parents: dict[str, str | None] = field(default_factory=dict)  # a role's parent
    preferences: dict[str, str] = field(default_factory=dict)  # a role's e-mail preference
    users: dict[str, User] = field(default_factory=dict)
    public_modules: set[str] = field(default_factory=set)
    records: dict[int, Record] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    email_shares: set[tuple[str, int]] = field(default_factory=set)  # who shared on which record


def is_superior(world: World, above: User, below: User) -> bool:
    role = below.role
    while role is not None:
        role = world.parents[role]
        if role is not None and role == above.role:
            return True
    return False


def role_is_below(world: World, role: str, above: str) -> bool:
    parent = world.parents[role]
    return parent is not None and (parent == above or role_is_below(world, parent, above))


def sees_record(world: World, viewer: User, record: Record) -> bool:
    if viewer.status != "active" or record.deleted:
        return False
    if record.module in world.public_modules or viewer.profile == "Administrator" or record.owner == viewer.name:
        return True
    if is_superior(world, viewer, world.users[record.owner]):
        return True
    for share in record.shares:
        if share.user == viewer.name:
            return True
        if share.role is not None and viewer.role is not None:
            if share.role == viewer.role:
                return True
            if share.and_subordinates and role_is_below(world, viewer.role, share.role):
                return True
    return False


def permission_of(world: World, owner: User) -> str:
    candidates = [world.preferences.get(owner.role or ""), owner.assigned, world.default]
    permission = next(candidate for candidate in candidates if candidate is not None)
    if permission == "users_choice":
        return owner.choice or "private"
    return permission


def sees_copy(world: World, viewer: User, copy: Copy, record: Record) -> bool:
    if not sees_record(world, viewer, record):
        return False
    owner = world.users[copy.owner]
    if owner.name == viewer.name:
        return True
    if copy.kind == "crm":
        return world.crm_access != "private" or is_superior(world, viewer, owner)
    if owner.status != "active":
        return False
    permission = permission_of(world, owner)
    if permission == "public":
        return True
    return permission == "custom" and (owner.name, record.id) in world.email_shares


def linked_contacts(world: World, record: Record) -> list[Record]:
    return [
        contact
        for contact in world.records.values()
        if contact.module == "Contacts" and (contact.id in record.links or record.id in contact.links)
    ]


@dataclass(frozen=True)
class Seen:
    """One visible copy in R's mail, and how it came to be there."""

    copy_index: int
    by_address: bool
    through_contact: bool


def mail_of(world: World, viewer: User, record: Record) -> list[Seen]:
    """Every visible copy of R's mail, as section 6 gathers it."""
    sources = [(record, False)]
    if record.module not in ("Leads", "Contacts"):
        sources += [(contact, True) for contact in linked_contacts(world, record)]
    seen = []
    for source, through_contact in sources:
        for index, copy in enumerate(world.copies):
            by_address = bool(copy.addresses & source.addresses)
            is_there = by_address or source.id in copy.by_hand_on
            if is_there and sees_copy(world, viewer, copy, source):
                seen.append(Seen(index, by_address, through_contact))
    return seen


def emails_list(
    world: World, viewer: User, record: Record, view: str | None = None, owner: str | None = None
) -> set[str]:
    """What the Emails list returns for a type, or for `type=user_emails` and an owner."""
    found = set()
    for seen in mail_of(world, viewer, record):
        copy = world.copies[seen.copy_index]
        foreign = copy.owner != viewer.name
        matches = {
            "emails_sent_from_crm": copy.kind == "crm",
            "all_contacts_emails": seen.by_address if record.module in ("Leads", "Contacts") else seen.through_contact,
            "all_imap_shared_users": copy.kind == "imap" and foreign,
            "all_emails": True,
            "user_emails": copy.kind in ("imap", "pop") and foreign and copy.owner == owner,
        }
        if matches[view or "all_emails"]:
            found.add(copy.email)
    return found


TYPES = ("emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails")


def answer(world: World, viewer: User, record: Record) -> tuple[list[str], list[tuple[int, str, str | None]]] | None:
    """The mission's answer, from the lists alone, as the promise of section 6 has it; None: INVALID_DATA."""
    if not sees_record(world, viewer, record):
        return None
    types = [view for view in TYPES if emails_list(world, viewer, record, view)]
    sharing = [
        user
        for user in world.users.values()
        if user.name != viewer.name and emails_list(world, viewer, record, "user_emails", user.name)
    ]
    return types, [(user.id, user.name, user.mailbox) for user in sorted(sharing, key=lambda u: (u.name, u.id))]
