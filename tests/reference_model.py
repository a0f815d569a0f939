"""The law once more, slowly: written from its page alone, with loops over plain data and no SQL.

Nothing of the product is imported here. What somebody may change is in `tests/reference_changes.py`.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grantee:
    """Somebody whom a share or an audience names: a user, or a role and perhaps the roles below it."""

    user: str | None = None
    role: str | None = None
    and_subordinates: bool = False


@dataclass(frozen=True)
class Setting:
    """A permission as it is set somewhere, and its audience; None is everyone."""

    permission: str
    audience: tuple[Grantee, ...] | None = None


@dataclass
class User:
    name: str
    id: int
    role: str | None
    profile: str
    status: str = "active"
    assigned: Setting | None = None
    choice: Setting | None = None
    excluded: set[str] = field(default_factory=set)
    mailbox: str | None = None  # the protocol of the latest mailbox
    connected: bool = False  # whether that one still is


@dataclass
class Record:
    id: int
    module: str
    owner: str
    addresses: set[str]
    links: set[int] = field(default_factory=set)
    deleted: bool = False
    shares: list[Grantee] = field(default_factory=list)


@dataclass
class Copy:
    """A message as one source holds it. `participants` are all addresses in From, To, Cc and Bcc."""

    owner: str
    kind: str
    message_id: str | None
    sender: str
    date: int | None
    body: str
    participants: frozenset[str]
    references: tuple[str, ...] = ()
    by_hand_on: set[int] = field(default_factory=set)


Email = tuple[object, ...]  # what copies of one e-mail have in common


@dataclass
class World:
    default: Setting = Setting("users_choice")
    crm_access: str = "public_read_only"
    parents: dict[str, str | None] = field(default_factory=dict)  # a role's parent
    preferences: dict[str, Setting] = field(default_factory=dict)  # a role's e-mail preference
    users: dict[str, User] = field(default_factory=dict)
    public_modules: set[str] = field(default_factory=set)
    records: dict[int, Record] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    email_shares: set[tuple[str, int]] = field(default_factory=set)  # who shared on which record
    internal: set[str] = field(default_factory=set)
    excluded: set[str] = field(default_factory=set)
    excluded_by_role: dict[str, set[str]] = field(default_factory=dict)
    withheld_emails: set[tuple[str, Email]] = field(default_factory=set)  # by whom, and which
    withheld_threads: set[int] = field(default_factory=set)  # copies whose thread was withheld


def is_superior(world: World, above: User, below: User) -> bool:
    return above.role is not None and below.role is not None and role_is_below(world, below.role, above.role)


def role_is_below(world: World, role: str, above: str) -> bool:
    parent = world.parents[role]
    return parent is not None and (parent == above or role_is_below(world, parent, above))


def names(world: World, grantee: Grantee, user: User) -> bool:
    """Say whether a share or an audience reaches a user in this way."""
    if grantee.user is not None:
        return grantee.user == user.name
    if grantee.role is None or user.role is None:
        return False
    return grantee.role == user.role or (grantee.and_subordinates and role_is_below(world, user.role, grantee.role))


# Section 2


def sees_record(world: World, viewer: User, record: Record) -> bool:
    if viewer.status != "active" or record.deleted:
        return False
    if record.module in world.public_modules or viewer.profile == "Administrator" or record.owner == viewer.name:
        return True
    if is_superior(world, viewer, world.users[record.owner]):
        return True
    return any(names(world, share, viewer) for share in record.shares)


# Section 3


def settings_of(world: World, owner: User) -> list[Setting]:
    """Give the setting of whoever decides, and the owner's choice where it is left to the owner."""
    candidates = [world.preferences.get(owner.role or ""), owner.assigned, world.default]
    decided = next(candidate for candidate in candidates if candidate is not None)
    if decided.permission != "users_choice":
        return [decided]
    return [decided, owner.choice or Setting("private")]


def permission_of(world: World, owner: User) -> str:
    return settings_of(world, owner)[-1].permission


def in_audience(world: World, viewer: User, owner: User) -> bool:
    if is_superior(world, viewer, owner):
        return True
    return all(
        setting.audience is None or any(names(world, member, viewer) for member in setting.audience)
        for setting in settings_of(world, owner)
    )


def synced_mail_is_open(world: World, viewer: User, owner: User, record: Record) -> bool:
    if owner.status != "active":
        return False
    permission = permission_of(world, owner)
    if permission == "public" or (permission == "custom" and (owner.name, record.id) in world.email_shares):
        return in_audience(world, viewer, owner)
    return False


# Sections 1 and 4


def email_of(world: World, index: int) -> Email:
    """Give what makes a copy the same e-mail as another; a copy without a Message-ID is one by itself."""
    copy = world.copies[index]
    if copy.message_id is None:
        return (index,)
    return (copy.message_id, copy.sender, copy.date, copy.body)


def thread_of(world: World, index: int) -> set[int]:
    """Give the copies of the same owner that name one another's ids, or the same ids, however far around."""
    thread, ids = {index}, named_ids(world.copies[index])
    while True:
        joined = {
            other
            for other, copy in enumerate(world.copies)
            if copy.owner == world.copies[index].owner and ids & named_ids(copy)
        }
        if joined <= thread:
            return thread
        thread |= joined
        for other in joined:
            ids |= named_ids(world.copies[other])


def named_ids(copy: Copy) -> set[str]:
    return {*copy.references, *([] if copy.message_id is None else [copy.message_id])}


def is_withheld(world: World, index: int) -> bool:
    copy = world.copies[index]
    if (copy.owner, email_of(world, index)) in world.withheld_emails:
        return True
    if thread_of(world, index) & world.withheld_threads:
        return True
    return copy.kind != "crm" and names_excluded_domain(world, copy)


def names_excluded_domain(world: World, copy: Copy) -> bool:
    owner = world.users[copy.owner]
    excluded = world.excluded | world.excluded_by_role.get(owner.role or "", set()) | owner.excluded
    domains = {address.rpartition("@")[2] for address in copy.participants}
    external = {domain for domain in domains if not is_within(domain, world.internal)}
    return any(is_within(domain, excluded) for domain in external or domains)


def is_within(domain: str, domains: set[str]) -> bool:
    """Say whether a domain is one of several, or below one."""
    labels = domain.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


# Section 5


def crm_mail_is_open(world: World, viewer: User, sender: User) -> bool:
    return world.crm_access != "private" or is_superior(world, viewer, sender)


# All of it


def sees_copy(world: World, viewer: User, index: int, record: Record) -> bool:
    copy = world.copies[index]
    owner = world.users[copy.owner]
    if not sees_record(world, viewer, record):
        return False
    if owner.name == viewer.name:
        return True
    if copy.kind == "crm":
        is_open = crm_mail_is_open(world, viewer, owner)
    else:
        is_open = synced_mail_is_open(world, viewer, owner, record)
    return is_open and not is_withheld(world, index)


# Section 6


@dataclass(frozen=True)
class Seen:
    """One visible copy in R's mail, and how it came to be there."""

    copy_index: int
    by_address: bool
    through_contact: bool


def linked_contacts(world: World, record: Record) -> list[Record]:
    return [
        contact
        for contact in world.records.values()
        if contact.module == "Contacts" and (contact.id in record.links or record.id in contact.links)
    ]


def mail_of(world: World, viewer: User, record: Record) -> list[Seen]:
    """Give every visible copy of R's mail, as section 6 gathers it; who may not see R is not told of any."""
    if not sees_record(world, viewer, record):
        return []
    sources = [(record, False)]
    if record.module not in ("Leads", "Contacts"):
        sources += [(contact, True) for contact in linked_contacts(world, record)]
    return [
        Seen(index, is_by_address(world, world.copies[index], source), through_contact)
        for source, through_contact in sources
        for index in copies_on(world, source)
        if sees_copy(world, viewer, index, source)
    ]


def copies_on(world: World, record: Record) -> list[int]:
    return [
        index
        for index, copy in enumerate(world.copies)
        if is_by_address(world, copy, record) or record.id in copy.by_hand_on
    ]


def is_by_address(world: World, copy: Copy, record: Record) -> bool:
    """Say whether a copy is the record's by an address; mail among colleagues alone is nobody's."""
    outsiders = {each for each in copy.participants if not is_within(each.rpartition("@")[2], world.internal)}
    return bool(outsiders and copy.participants & record.addresses)


def lists(world: World) -> list[tuple[str, str | None]]:
    """Give the lists of e-mails that somebody may ask for on a record: each type, and those of one owner."""
    of_one = [(view, name) for view in ("user_emails", "all_emails") for name in world.users]
    return [(view, None) for view in (*TYPES, "sent_from_crm", "all_contacts_sent_crm_emails", "user_emails")] + of_one


def emails_list(world: World, viewer: User, record: Record, view: str, owner: str | None = None) -> set[Email]:
    """Give what the Emails list returns for a type, and for an owner where one is named."""
    if view == "user_emails" and owner is None:
        owner = viewer.name
    return in_view(world, viewer, record, mail_of(world, viewer, record), view, owner)


def in_view(
    world: World, viewer: User, record: Record, mail: list[Seen], view: str, owner: str | None = None
) -> set[Email]:
    """Give the e-mails of R's visible mail that a view shows."""
    found = set()
    for seen in mail:
        copy = world.copies[seen.copy_index]
        with_people = seen.by_address if record.module in ("Leads", "Contacts") else seen.through_contact
        matches = {
            "emails_sent_from_crm": copy.kind == "crm",
            "sent_from_crm": copy.kind == "crm",
            "all_contacts_emails": with_people,
            "all_contacts_sent_crm_emails": with_people and copy.kind == "crm",
            "all_imap_shared_users": copy.kind == "imap" and copy.owner != viewer.name,
            "all_emails": True,
            "user_emails": copy.kind in ("imap", "pop"),
        }
        if matches[view] and owner in (None, copy.owner):
            found.add(email_of(world, seen.copy_index))
    return found


TYPES = ("emails_sent_from_crm", "all_contacts_emails", "all_imap_shared_users", "all_emails")
Answer = tuple[list[str], list[tuple[int, str, str | None]]] | str


def answer(world: World, viewer: User, record: Record) -> Answer:
    """Give the API's answer, from the lists alone, as the promise of section 6 has it, or the code of a refusal."""
    if viewer.status != "active":
        return "INVALID_TOKEN"
    if not sees_record(world, viewer, record):
        return "INVALID_DATA"
    mail = mail_of(world, viewer, record)
    others = [user for user in world.users.values() if user != viewer]
    sharing = [user for user in others if in_view(world, viewer, record, mail, "user_emails", user.name)]
    by_name = sorted(sharing, key=lambda user: (user.name, user.id))
    types = [view for view in TYPES if in_view(world, viewer, record, mail, view)]
    return types, [(user.id, user.name, user.mailbox) for user in by_name]


# Section 7


def sees(world: World, viewer: User, owner: User, record: Record) -> tuple[bool, bool]:
    """Say whether a viewer sees any of an owner's mail in R's mail: of the mailbox, and sent from the CRM."""
    kinds = {
        copy.kind
        for seen in mail_of(world, viewer, record)
        if (copy := world.copies[seen.copy_index]).owner == owner.name
    }
    return bool(kinds - {"crm"}), "crm" in kinds


def viewers(world: World, owner: User, record: Record) -> dict[str, tuple[bool, bool]]:
    """Give the reverse: the colleagues who see any of it, and which."""
    found = {
        user.name: sees(world, user, owner, record)
        for user in world.users.values()
        if user.name != owner.name and user.status == "active"
    }
    return {name: seen for name, seen in found.items() if any(seen)}


@dataclass(frozen=True)
class Sight:
    """That a viewer sees an e-mail of another user's, on a record with which it is associated."""

    viewer: str
    owner: str
    record: int
    email: Email


def visible(world: World) -> set[Sight]:
    """Give everything that anybody sees of others' mail."""
    return {
        Sight(viewer.name, world.copies[index].owner, record.id, email_of(world, index))
        for record in world.records.values()
        for index in copies_on(world, record)
        for viewer in world.users.values()
        if viewer.name != world.copies[index].owner and sees_copy(world, viewer, index, record)
    }
