"""Random organisations: drawn as a reference model's world, and built in a real database."""

import json
from dataclasses import dataclass, field

from hypothesis import strategies as st
from sqlalchemy import Connection

from postroom.actions.tokens import hash_token
from postroom.core.model import Grantee, Kind, Mailbox, MailboxState, Role
from postroom.core.model import Record as StoredRecord
from postroom.core.model import User as StoredUser
from postroom.mail.parse import parse_message
from postroom.storage import email_shares, mailboxes, organisation, people, records, tokens
from postroom.storage.associations import associate_by_hand
from postroom.storage.ids import take_id
from postroom.storage.mail import IncomingCopy, Source, store_copies
from tests.reference_model import Copy, Record, Share, User, World
from tests.team import NOW, message

NAMES = ("Alice", "Bob", "Charlie", "dora", "Émile")
ROLES = ("CEO", "Sales", "Support", "Intern")
MODULES = ("Leads", "Contacts", "Accounts", "Deals", "Projects")
ADDRESSES = ("ada@customer.example", "ben@customer.example", "cleo@customer.example", "team@customer.example")
PERMISSIONS = ("private", "public", "custom", "users_choice")
FIRST_RECORD = 1000
FIRST_USER = 10

names = st.sampled_from(NAMES)
maybe_permission = st.none() | st.sampled_from(PERMISSIONS)
some_addresses = st.sets(st.sampled_from(ADDRESSES), max_size=2)


@dataclass
class Organisation:
    """A world, and what the world leaves out: the protocols of each user's mailboxes, in order."""

    world: World
    protocols: dict[str, list[str]] = field(default_factory=dict)


@st.composite
def organisations(draw: st.DrawFn) -> Organisation:
    """Draw an organisation of five users, four roles, up to six records and ten copies."""
    world = World(
        default=draw(st.sampled_from(PERMISSIONS)),
        crm_access=draw(st.sampled_from(("private", "public_read_only", "public_read_write_delete"))),
        parents={role: draw(st.none() | st.sampled_from(ROLES[:i])) if i else None for i, role in enumerate(ROLES)},
        preferences={role: p for role in ROLES if (p := draw(maybe_permission)) and draw(st.booleans())},
        public_modules=draw(st.sets(st.sampled_from(MODULES), max_size=2)),
    )
    protocols = {name: draw(st.lists(st.sampled_from(("imap", "pop")), max_size=2)) for name in NAMES}
    for user_id, name in enumerate(NAMES, start=FIRST_USER):
        world.users[name] = draw(_users(user_id, name, protocols[name]))
    for record_id in range(FIRST_RECORD, FIRST_RECORD + draw(st.integers(1, 6))):
        world.records[record_id] = draw(_records(record_id))
    for _ in range(draw(st.integers(0, 10))):
        world.copies.append(draw(_copies(protocols, sorted(world.records))))
    pairs = st.tuples(names, st.sampled_from(sorted(world.records)))
    world.email_shares = draw(st.sets(pairs, max_size=5))
    return Organisation(world, protocols)


@st.composite
def _users(draw: st.DrawFn, user_id: int, name: str, protocols: list[str]) -> User:
    return User(
        name=name,
        id=user_id,
        role=draw(st.none() | st.sampled_from(ROLES)),
        profile=draw(st.sampled_from(("Standard", "Standard", "Standard", "Administrator"))),
        status=draw(st.sampled_from(("active", "active", "active", "inactive", "deleted"))),
        assigned=draw(maybe_permission),
        choice=draw(st.none() | st.sampled_from(PERMISSIONS[:3])),
        mailbox=protocols[-1] if protocols else None,
    )


@st.composite
def _records(draw: st.DrawFn, record_id: int) -> Record:
    return Record(
        id=record_id,
        module=draw(st.sampled_from(MODULES)),
        owner=draw(names),
        addresses=draw(some_addresses),
        links=draw(st.sets(st.integers(FIRST_RECORD, record_id), max_size=2)),
        deleted=draw(st.sampled_from((False, False, False, True))),
        shares=draw(st.lists(_shares(), max_size=2, unique_by=lambda share: (share.user, share.role))),
    )


def _shares() -> st.SearchStrategy[Share]:
    with_user = st.builds(Share, names, st.none(), st.just(False))
    return with_user | st.builds(Share, st.none(), st.sampled_from(ROLES), st.booleans())


@st.composite
def _copies(draw: st.DrawFn, protocols: dict[str, list[str]], record_ids: list[int]) -> Copy:
    owner = draw(names)
    return Copy(
        owner=owner,
        kind=draw(st.sampled_from(("crm", *protocols[owner]))),
        addresses=draw(some_addresses),
        email=draw(st.sampled_from(("<one@customer.example>", "<two@customer.example>", "<three@customer.example>"))),
        by_hand_on=draw(st.sets(st.sampled_from(record_ids), max_size=1)),
    )


def token_of(name: str) -> str:
    """Give the token that `build` makes for a user."""
    return f"token-of-{name}"


def build(connection: Connection, drawn: Organisation) -> None:
    """Store an organisation in an empty database."""
    world = drawn.world
    organisation.create_organisation(connection, "Test", "UTC")
    organisation.add_custom_module(connection, "Projects")
    _build_settings(connection, world)
    roles = _build_roles(connection, world)
    for user in world.users.values():
        _build_user(connection, user, roles)
    boxes = {name: _build_mailboxes(connection, world.users[name], drawn.protocols[name]) for name in NAMES}
    _build_records(connection, world, roles)
    for index, copy in enumerate(world.copies):
        _build_copy(connection, world, boxes, index, copy)
    for name, record_id in world.email_shares:
        email_shares.share_emails(connection, record_id, world.users[name].id, NOW)


def _build_settings(connection: Connection, world: World) -> None:
    organisation.set_default(connection, world.default, None)
    organisation.set_crm_access(connection, world.crm_access)
    for module in organisation.list_modules(connection):
        organisation.set_module_public(connection, module.id, is_public=module.api_name in world.public_modules)


def _build_roles(connection: Connection, world: World) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for name, parent_name in world.parents.items():
        parent = roles[parent_name] if parent_name else None
        role_id = take_id(connection)
        lineage = f"{parent.lineage if parent else '/'}{role_id}/"
        roles[name] = Role(role_id, name, parent.id if parent else None, lineage, world.preferences.get(name), None)
        people.insert_role(connection, roles[name])
    return roles


def _build_user(connection: Connection, user: User, roles: dict[str, Role]) -> None:
    role_id = roles[user.role].id if user.role else None
    email = f"user{user.id}@team.example"
    stored = StoredUser(
        user.id, email, user.name, role_id, user.profile, user.status, user.assigned, None, user.choice, None
    )
    people.insert_user(connection, stored)
    token_hash = hash_token(token_of(user.name))
    tokens.insert_token(connection, token_hash, user.id, "ZohoCRM.modules.ALL", created_at=0, expires_at=NOW + 1)


def _build_mailboxes(connection: Connection, user: User, protocols: list[str]) -> dict[str, int]:
    """Connect mailboxes one after the other, each but the last disconnected; give the last of each protocol."""
    last: dict[str, int] = {}
    for number, protocol in enumerate(protocols, start=1):
        last[protocol] = take_id(connection)
        state = MailboxState.ACTIVE if number == len(protocols) else MailboxState.DISCONNECTED
        address = f"box{number}-{user.id}@team.example"
        box = Mailbox(last[protocol], user.id, protocol, address, None, None, None, None, None, state)
        mailboxes.insert_mailbox(connection, box)
    return last


def _build_records(connection: Connection, world: World, roles: dict[str, Role]) -> None:
    modules = {module.api_name: module.id for module in organisation.list_modules(connection)}
    records.save_records(connection, [stored_record(world, record, modules) for record in world.records.values()], [])
    for record in world.records.values():
        records.set_deleted(connection, record.id, NOW if record.deleted else None)
        for share in record.shares:
            user_id = world.users[share.user].id if share.user else None
            role_id = roles[share.role].id if share.role else None
            records.share_record(connection, record.id, Grantee(user_id, role_id, share.and_subordinates))


def stored_record(world: World, record: Record, modules: dict[str, int]) -> StoredRecord:
    """Give a record as storage takes it."""
    return StoredRecord(
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


def _build_copy(connection: Connection, world: World, boxes: dict[str, dict[str, int]], index: int, copy: Copy) -> None:
    raw = message("sender@elsewhere.example", sorted(copy.addresses), copy.email)
    mailbox_id = None if copy.kind == "crm" else boxes[copy.owner][copy.kind]
    source = Source(world.users[copy.owner].id, Kind(copy.kind), mailbox_id, "INBOX", 1)
    ids = store_copies(connection, source, [IncomingCopy(str(index), raw, parse_message(raw))])
    for record_id in copy.by_hand_on:
        associate_by_hand(connection, record_id, ids)
