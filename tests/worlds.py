"""Random organisations: drawn as a reference model's world, and built in a real database."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import groupby

from hypothesis import strategies as st
from sqlalchemy import Connection, Row, select

from postroom.actions.tokens import hash_token
from postroom.core import model
from postroom.core.model import Kind, Mailbox, MailboxState, Role, Scope
from postroom.mail.parse import parse_message
from postroom.storage import audiences, email_shares, mailboxes, organisation, people, records, tokens, withholding
from postroom.storage.associations import associate_by_hand
from postroom.storage.database import Database
from postroom.storage.ids import take_id
from postroom.storage.mail import IncomingCopy, Source, store_copies
from postroom.storage.schema import copies
from postroom.storage.withholding import ExclusionScope
from tests.reference_model import Copy, Grantee, Record, Setting, User, World, email_of
from tests.team import NOW, wipe

NAMES = ("Alice", "Bob", "Charlie", "dora", "Émile")
ROLES = ("CEO", "Sales", "Support", "Intern")
MODULES = ("Leads", "Contacts", "Accounts", "Deals", "Projects")
CRM_ACCESSES = ("private", "public_read_only", "public_read_write", "public_read_write_delete")
FIRST_RECORD = 1000
FIRST_USER = 10

# Each address as it compares, and how it may be written.
ADDRESSES = {
    "ada@customer.example": ("ada@customer.example", "ADA@Customer.Example"),
    "ben@mail.customer.example": ("ben@mail.customer.example",),
    "cleo@partner.example": ("Cleo <cleo@partner.example>",),
    "dan@xn--bcher-kva.example": ("dan@bücher.example", "Dan@BÜCHER.example", "dan@xn--bcher-kva.example"),
    "alice@team.example": ("alice@team.example",),
    "desk@it.team.example": ('"The desk" <desk@IT.team.example>',),
}
# It has a domain, and no form in which it could be compared with a record's.
ODD_ADDRESS = '"odd one"@partner.example'
# Each domain as it compares, and how it may be written. The last one is below none of the others.
DOMAINS = {
    "customer.example": ("customer.example", "Customer.Example."),
    "mail.customer.example": ("mail.customer.example",),
    "partner.example": ("partner.example",),
    "xn--bcher-kva.example": ("bücher.example", "xn--bcher-kva.example"),
    "team.example": ("team.example",),
    "it.team.example": ("it.team.example",),
    "tomer.example": ("tomer.example",),
}
MESSAGE_IDS = ("one@mail.example", "two@mail.example", "three@mail.example", "four@mail.example")
NEVER_CAME = "before@mail.example"
SCOPES = "ZohoCRM.modules.ALL,Postroom.sharing.ALL"
DATES = (None, NOW - 86_400, NOW)

names = st.sampled_from(NAMES)
roles = st.sampled_from(ROLES)
# What opens something is drawn more often than what closes it, or hardly anything would be seen.
permissions = st.sampled_from(("public", "public", "custom", "users_choice", "private"))
chosen_permissions = st.sampled_from(("public", "public", "custom", "private"))
protocols = st.sampled_from((("imap",), ("pop",), ("imap", "pop"), ("pop", "imap"), ("imap", "imap"), ()))
some_addresses = st.sets(st.sampled_from(tuple(ADDRESSES)), min_size=1, max_size=2)
some_domains = st.sets(st.sampled_from(tuple(DOMAINS)), max_size=2)
grantees = st.builds(Grantee, user=names) | st.builds(Grantee, role=roles, and_subordinates=st.booleans())
some_grantees = st.lists(grantees, max_size=3, unique_by=lambda grantee: (grantee.user, grantee.role))
some_audience = st.none() | st.none() | some_grantees.map(tuple)
settings_of_mail = st.builds(Setting, permissions, some_audience)
own_choices = st.builds(Setting, chosen_permissions, some_audience)


@dataclass
class Organisation:
    """A world, and what the world leaves out: the mailboxes of each user, and how all of it came about."""

    world: World
    protocols: dict[str, tuple[str, ...]] = field(default_factory=dict)  # of each user's mailboxes, in order
    order: tuple[str, ...] = ("settings", "records", "mail")
    in_batches: bool = True
    late: int = 0  # how many of the copies came when all the rest was there


@st.composite
def organisations(draw: st.DrawFn) -> Organisation:
    """Draw an organisation of five users, four roles, a few records and some mail."""
    world = World(
        default=draw(settings_of_mail),
        crm_access=draw(st.sampled_from(CRM_ACCESSES)),
        parents={role: draw(st.none() | st.sampled_from(ROLES[:i])) if i else None for i, role in enumerate(ROLES)},
        preferences=draw(st.dictionaries(roles, settings_of_mail, max_size=2)),
        public_modules=draw(st.sets(st.sampled_from(MODULES), max_size=2)),
        internal=draw(st.sets(st.sampled_from(("team.example", "it.team.example", "partner.example")), max_size=2)),
        excluded=draw(st.just(set()) | some_domains),
    )
    world.excluded_by_role = {role: draw(some_domains) for role in sorted(world.preferences)}
    boxes = {name: draw(protocols) for name in NAMES}
    for user_id, name in enumerate(NAMES, start=FIRST_USER):
        world.users[name] = draw(_users(user_id, name, boxes[name]))
    for record_id in range(FIRST_RECORD, FIRST_RECORD + draw(st.integers(2, 6))):
        world.records[record_id] = draw(_records(record_id))
    sent = draw(st.lists(letters(), min_size=2, max_size=5))
    world.copies = draw(st.lists(copies_of(sent, boxes, sorted(world.records)), min_size=3, max_size=10))
    world.email_shares = draw(st.sets(st.tuples(names, st.sampled_from(sorted(world.records))), max_size=5))
    late = draw(st.integers(0, len(world.copies)))
    _withhold(draw, world, len(world.copies) - late)
    order = draw(st.permutations(("settings", "records", "mail")))
    return Organisation(world, boxes, tuple(order), draw(st.booleans()), late)


@st.composite
def _users(draw: st.DrawFn, user_id: int, name: str, boxes: tuple[str, ...]) -> User:
    return User(
        name=name,
        id=user_id,
        role=draw(st.none() | roles),
        profile=draw(st.sampled_from(("Standard", "Standard", "Standard", "Administrator"))),
        status=draw(st.sampled_from(("active",) * 6 + ("inactive", "deleted"))),
        assigned=draw(st.none() | st.none() | settings_of_mail),
        choice=draw(st.none() | own_choices),
        excluded=draw(st.just(set()) | some_domains),
        mailbox=boxes[-1] if boxes else None,
        connected=bool(boxes) and draw(st.sampled_from((True, True, False))),
    )


@st.composite
def _records(draw: st.DrawFn, record_id: int) -> Record:
    return Record(
        id=record_id,
        module=draw(st.sampled_from(MODULES)),
        owner=draw(names),
        addresses=draw(some_addresses),
        links=draw(st.sets(st.integers(FIRST_RECORD, record_id), max_size=2)),
        deleted=draw(st.sampled_from((False,) * 7 + (True,))),
        shares=draw(some_grantees),
    )


@st.composite
def letters(draw: st.DrawFn) -> Copy:
    """Draw a message as it was sent; another one may have the same Message-ID, which can be forged."""
    sender = draw(st.sampled_from(tuple(ADDRESSES)))
    return Copy(
        owner="",
        kind="",
        message_id=draw(st.none() | st.sampled_from(MESSAGE_IDS)),
        sender=sender,
        date=draw(st.sampled_from(DATES)),
        body=draw(st.sampled_from(("Hello", "Goodbye"))),
        participants=frozenset({sender} | draw(some_addresses)),
        references=tuple(draw(st.sets(st.sampled_from((*MESSAGE_IDS, NEVER_CAME)), max_size=2))),
    )


@st.composite
def copies_of(draw: st.DrawFn, sent: list[Copy], boxes: dict[str, tuple[str, ...]], record_ids: list[int]) -> Copy:
    """Draw a copy of a message, in which its owner may find one more participant than others do: a Bcc."""
    letter, owner = draw(st.sampled_from(sent)), draw(names)
    blind = draw(st.sets(st.sampled_from((*ADDRESSES, ODD_ADDRESS)), max_size=1))
    return Copy(
        owner=owner,
        kind=draw(st.sampled_from(("crm", *boxes[owner]))),
        message_id=letter.message_id,
        sender=letter.sender,
        date=letter.date,
        body=letter.body,
        participants=letter.participants | blind,
        references=letter.references,
        by_hand_on=draw(st.sets(st.sampled_from(record_ids), max_size=1)),
    )


def _withhold(draw: st.DrawFn, world: World, there: int) -> None:
    """Withhold some of the first copies by hand, with their e-mails or with their threads."""
    if there:
        some = st.sets(st.integers(0, there - 1), max_size=1)
        world.withheld_emails = {(world.copies[i].owner, email_of(world, i)) for i in draw(some)}
        world.withheld_threads = draw(some)


def token_of(name: str) -> str:
    """Give the token that `build` makes for a user."""
    return f"token-of-{name}"


def email_address(user: User) -> str:
    """Give the address by which the product's changes name a user."""
    return f"user{user.id}@team.example"


def build_anew(database: Database, drawn: Organisation) -> None:
    """Store an organisation in place of whatever was there."""
    wipe(database)
    with database.write() as connection:
        build(connection, drawn)


def build(connection: Connection, drawn: Organisation) -> None:
    """Store an organisation in an empty database."""
    world, there = drawn.world, len(drawn.world.copies) - drawn.late
    organisation.create_organisation(connection, "Test", "UTC")
    organisation.add_custom_module(connection, "Projects")
    roles_by_name = _build_roles(connection, world)
    for user in world.users.values():
        _build_user(connection, user, roles_by_name)
        build_mailboxes(connection, user, drawn.protocols[user.name])
    steps = {
        "settings": lambda: _build_settings(connection, world, roles_by_name),
        "records": lambda: _build_records(connection, world, roles_by_name),
        "mail": lambda: store_mail(connection, world, range(there), in_batches=drawn.in_batches),
    }
    for step in drawn.order:
        steps[step]()
    file_by_hand(connection, world, range(there))
    _build_withheld(connection, world, range(there))
    late = range(there, len(world.copies))
    store_mail(connection, world, late, in_batches=drawn.in_batches)
    file_by_hand(connection, world, late)


def _build_roles(connection: Connection, world: World) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for name, parent_name in world.parents.items():
        parent = found[parent_name] if parent_name else None
        role_id = take_id(connection)
        lineage = f"{parent.lineage if parent else '/'}{role_id}/"
        found[name] = Role(role_id, name, parent.id if parent else None, lineage, None, None)
        people.insert_role(connection, found[name])
    return found


def _build_user(connection: Connection, user: User, roles_by_name: dict[str, Role]) -> None:
    role_id = roles_by_name[user.role].id if user.role else None
    stored = model.User(
        user.id, email_address(user), user.name, role_id, user.profile, user.status, None, None, None, None
    )
    people.insert_user(connection, stored)
    token_hash = hash_token(token_of(user.name))
    tokens.insert_token(connection, token_hash, user.id, SCOPES, created_at=0, expires_at=NOW + 86_400)


def build_mailboxes(connection: Connection, user: User, boxes: tuple[str, ...]) -> None:
    """Connect mailboxes one after the other, each but the last disconnected."""
    for number, protocol in enumerate(boxes, start=1):
        stays = number == len(boxes) and user.connected
        state = MailboxState.ACTIVE if stays else MailboxState.DISCONNECTED
        box_id = take_id(connection)
        address = f"box{box_id}@team.example"
        box = Mailbox(box_id, user.id, protocol, address, None, None, None, None, None, state, None)
        mailboxes.insert_mailbox(connection, box)


def _build_settings(connection: Connection, world: World, roles_by_name: dict[str, Role]) -> None:
    def stored(setting: Setting) -> tuple[str, int | None]:
        return setting.permission, _build_audience(connection, world, roles_by_name, setting)

    organisation.set_default(connection, *stored(world.default))
    organisation.set_crm_access(connection, world.crm_access)
    for module in organisation.list_modules(connection):
        organisation.set_module_public(connection, module.id, is_public=module.api_name in world.public_modules)
    for name, setting in world.preferences.items():
        people.set_role_preference(connection, roles_by_name[name].id, *stored(setting))
    for user in world.users.values():
        if user.assigned:
            people.set_assigned(connection, user.id, *stored(user.assigned))
        if user.choice:
            people.set_chosen(connection, user.id, *stored(user.choice))
    _build_exclusions(connection, world, roles_by_name)


def _build_audience(
    connection: Connection, world: World, roles_by_name: dict[str, Role], setting: Setting
) -> int | None:
    if setting.audience is None:
        return None
    members = [_stored_grantee(world, roles_by_name, member) for member in setting.audience]
    return audiences.create_audience(connection, members)


def _stored_grantee(world: World, roles_by_name: dict[str, Role], grantee: Grantee) -> model.Grantee:
    user_id = world.users[grantee.user].id if grantee.user else None
    role_id = roles_by_name[grantee.role].id if grantee.role else None
    return model.Grantee(user_id, role_id, grantee.and_subordinates)


def _build_exclusions(connection: Connection, world: World, roles_by_name: dict[str, Role]) -> None:
    withholding.set_internal(connection, sorted(world.internal))
    scopes = {ExclusionScope(Scope.ORGANISATION): world.excluded}
    scopes |= {ExclusionScope(Scope.ROLE, roles_by_name[name].id): d for name, d in world.excluded_by_role.items()}
    scopes |= {ExclusionScope(Scope.USER, user.id): user.excluded for user in world.users.values()}
    for scope, domains in scopes.items():
        if domains:
            withholding.set_excluded(connection, scope, sorted(domains))


def _build_records(connection: Connection, world: World, roles_by_name: dict[str, Role]) -> None:
    save_new_records(connection, world, list(world.records.values()))
    for record in world.records.values():
        for share in record.shares:
            records.share_record(connection, record.id, _stored_grantee(world, roles_by_name, share))
    for name, record_id in sorted(world.email_shares):
        email_shares.share_emails(connection, record_id, world.users[name].id, NOW)


def save_new_records(connection: Connection, world: World, new: list[Record]) -> None:
    """Store records, with what belongs to them but their shares."""
    modules = {module.api_name: module.id for module in organisation.list_modules(connection)}
    records.save_records(connection, [stored_record(world, record, modules) for record in new], [], records.Stamp(NOW))


def stored_record(world: World, record: Record, modules: dict[str, int]) -> model.Record:
    """Give a record as it is stored."""
    return model.Record(
        id=record.id,
        module_id=modules[record.module],
        owner_id=world.users[record.owner].id,
        name=f"{record.module} {record.id}",
        fields=json.dumps({}),
        import_key=f"id:{record.id}",
        deleted_at=NOW if record.deleted else None,
        addresses=frozenset(record.addresses),
        linked_ids=frozenset(record.links),
    )


def _build_withheld(connection: Connection, world: World, indexes: range) -> None:
    for index in indexes:
        owner, stored = world.copies[index].owner, copy_row(connection, index)
        if (owner, email_of(world, index)) in world.withheld_emails:
            withholding.withhold_email(connection, world.users[owner].id, stored.email_key, NOW)
        if index in world.withheld_threads:
            withholding.withhold_thread(connection, stored.thread_id, NOW)


def store_mail(connection: Connection, world: World, indexes: range, *, in_batches: bool) -> None:
    """Let copies come in, one by one in their order, or those of each source together."""
    sources = {index: _source(connection, world, world.copies[index]) for index in indexes}
    in_order = sorted(indexes, key=lambda index: repr(sources[index])) if in_batches else list(indexes)
    for source, some in groupby(in_order, key=sources.__getitem__):
        for batch in [list(some)] if in_batches else [[index] for index in some]:
            store_copies(connection, source, [_incoming(index, world.copies[index]) for index in batch])


def _source(connection: Connection, world: World, copy: Copy) -> Source:
    """Give where a copy comes from: the user's last mailbox of its protocol, connected or not."""
    owner_id = world.users[copy.owner].id
    boxes = [box for box, _ in mailboxes.list_mailboxes(connection) if box.user_id == owner_id]
    fitting = [box.id for box in boxes if box.protocol == copy.kind]
    return Source(owner_id, Kind(copy.kind), max(fitting) if copy.kind != "crm" else None, "INBOX", 1)


def _incoming(index: int, copy: Copy) -> IncomingCopy:
    raw = "\r\n".join(_lines(index, copy)).encode()
    return IncomingCopy(str(index), raw, parse_message(raw))


def _lines(index: int, copy: Copy) -> Iterator[str]:
    """Write a copy down as its source has it, with its addresses spelled now in one way, now in another."""
    yield f"From: {spelled(copy.sender, index)}"
    others = sorted(copy.participants - {copy.sender})
    for place, address in enumerate(others, start=index):
        yield f"{('To', 'Cc', 'Bcc')[place % 3]}: {spelled(address, place)}"
    if copy.message_id is not None:
        yield f"Message-ID: <{copy.message_id}>"
    if copy.date is not None:
        yield f"Date: {format_datetime(datetime.fromtimestamp(copy.date, UTC))}"
    if copy.references:
        yield f"References: {' '.join(f'<{reference}>' for reference in copy.references[1:])}"
        yield f"In-Reply-To: <{copy.references[0]}>"
    yield from ("Subject: Offer", "", copy.body)


def spelled(text: str, number: int) -> str:
    """Give one of the ways in which an address or a domain may be written."""
    ways = ADDRESSES.get(text) or DOMAINS.get(text) or (text,)
    return ways[number % len(ways)]


def file_by_hand(connection: Connection, world: World, indexes: range) -> None:
    """Associate copies by hand with the records that the world says."""
    for index in indexes:
        for record_id in world.copies[index].by_hand_on:
            associate_by_hand(connection, record_id, [copy_row(connection, index).id])


def copy_row(connection: Connection, index: int) -> Row[int, bytes, int]:
    """Give what the database has of a copy: its id, and the keys of its e-mail and its thread."""
    columns = (copies.c.id, copies.c.email_key, copies.c.thread_id)
    return connection.execute(select(*columns).where(copies.c.uid == str(index))).one()
