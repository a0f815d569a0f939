"""An organisation of any size, drawn up as rows: people, records, e-mails. The same numbers give the same rows."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Table

from postroom.actions.random_secrets import SecretKind
from postroom.actions.tokens import hash_token
from postroom.core.addresses import domain_key, domain_of
from postroom.core.matching import email_key
from postroom.core.model import Kind, Message, Participant, ParticipantRole, Permission, Profile, UserStatus
from postroom.storage.schema import (
    copies,
    copy_participants,
    email_shares,
    mailboxes,
    raw_messages,
    record_addresses,
    record_links,
    record_shares,
    records,
    roles,
    threads,
    tokens,
    users,
)

VERSION = 3  # to be raised when other rows come out, so that no older database is reused
EPOCH = 1_700_000_000
_FOREVER = 1 << 40
_SCOPES = ("ZohoCRM.modules.ALL", "ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ")
_MODULE_OF_TEN = ("Leads",) * 5 + ("Contacts",) * 4
_GATHERING = ("Accounts", "Deals")  # one record in twenty each
_OWNERS_OF_SPECIAL_LEADS = 4

Row = tuple[Table, dict[str, Any]]


class Size(NamedTuple):
    """How large an organisation is.

    `special` are the numbers of e-mails of Leads that differ in nothing else, `crowds` the numbers of colleagues
    beside the users who each share one e-mail on a Lead.
    """

    roles: int
    users: int
    records: int
    emails: int
    special: tuple[int, ...]
    crowds: tuple[int, ...]

    def place_of(self, emails: int) -> int:
        """Give the place of the special Lead whose number of e-mails is nearest."""
        return min(range(len(self.special)), key=lambda place: abs(self.special[place] - emails))

    def lead_names(self) -> list[str]:
        """Name the answers about these Leads, in the order of their ids."""
        by_emails = [f"Lead with {emails:,} e-mails" for emails in self.special]
        return by_emails + [f"Lead with {colleagues:,} sharing colleagues" for colleagues in self.crowds]


FULL = Size(
    roles=20,
    users=200,
    records=100_000,
    emails=2_000_000,
    special=(10, 1_000, 100_000, 1_000_000),
    crowds=(10, 100, 1_000),
)
QUICK = Size(roles=5, users=20, records=400, emails=4_000, special=(10, 100, 1_000), crowds=(10, 50))


class Person(NamedTuple):
    """A user, and where mail reaches them."""

    user_id: int
    address: str
    name: str
    mailbox_id: int | None
    protocol: Kind | None


class Item(NamedTuple):
    """A record: who owns it, whose mail it will have, and how many e-mails."""

    record_id: int
    module: str
    address: str
    holders: tuple[Person, ...]
    emails: int


def special_domain(number: int) -> str:
    """Give the domain of the customer of a special Lead, by its place among them."""
    return f"special{number}.example"


def token_of(number: int) -> str:
    """Give the token of the user of that number: as long as a real one, and the same each time."""
    return f"{SecretKind.ACCESS}{hashlib.sha256(f'bench {number}'.encode()).hexdigest()[:51]}"


@dataclass
class Organisation:
    """Draws up the rows; `ids` are unused ids in ascending order, `modules` the ids of modules by name."""

    size: Size
    ids: Iterator[int]
    modules: dict[str, int]
    random: Random = field(default_factory=lambda: Random(VERSION))

    def rows_of_people(self) -> Iterator[Row]:
        """Give roles, users, tokens and mailboxes."""
        lineages: dict[int, tuple[int, str]] = {}
        for number in range(self.size.roles):
            yield roles, self._role(number, lineages)
        self.people: list[Person] = []
        for number in range(self.size.users):
            yield from self._user(number, lineages)
        self.crowd: list[Person] = []
        for number in range(max(self.size.crowds)):
            yield from self._member_of_crowd(number)

    def rows_of_records(self) -> Iterator[Row]:
        """Give records with their addresses and links, whom they are shared with, and whose mail is shared on them."""
        self.items = list(self._items())
        contacts = [item.record_id for item in self.items if item.module == "Contacts"]
        for number, item in enumerate(self.items):
            yield records, self._record(number, item)
            if item.module in _GATHERING:
                for contact in self.random.sample(contacts, 2):
                    yield record_links, {"record_id": item.record_id, "linked_id": contact}
                continue
            yield record_addresses, {"record_id": item.record_id, "address": item.address}
            yield from self._shares(number, item)

    def rows_of_mail(self) -> Iterator[Row]:
        """Give every copy with its raw message and participants, one record's after the other's."""
        for item in self.items:
            conversations = {holder.user_id: next(self.ids) for holder in item.holders[: item.emails]}
            for user_id, thread_id in conversations.items():
                yield threads, {"id": thread_id, "user_id": user_id, "withheld_at": None}
            for number in range(item.emails):
                yield from self._copy(item, number, conversations)

    def _role(self, number: int, lineages: dict[int, tuple[int, str]]) -> dict[str, Any]:
        """Draw up a tree in which each role has up to three below it."""
        role_id = next(self.ids)
        parent_id, lineage = lineages[(number - 1) // 3] if number else (None, "/")
        lineages[number] = (role_id, f"{lineage}{role_id}/")
        preference = Permission.USERS_CHOICE if number % 7 == 3 else None
        name = f"Role {number}"
        return {
            "id": role_id,
            "name": name,
            "parent_id": parent_id,
            "lineage": lineages[number][1],
            "email_permission": preference,
        }

    def _user(self, number: int, lineages: dict[int, tuple[int, str]]) -> Iterator[Row]:
        user_id, email = next(self.ids), f"user{number}@bench.example"
        managers = self.size.roles // 3
        leaf = managers + number % (self.size.roles - managers)
        protocol = None if number % 20 == 7 else Kind.POP if number % 4 == 1 else Kind.IMAP
        mailbox_id = None if protocol is None else next(self.ids)
        person = Person(user_id, email, f"Sample Colleague {number}", mailbox_id, protocol)
        self.people.append(person)
        yield (
            users,
            {
                "id": user_id,
                "email": email,
                "full_name": person.name,
                "role_id": lineages[number if number < managers else leaf][0],
                "profile": Profile.ADMINISTRATOR if number % 50 == 0 else Profile.STANDARD,
                "status": UserStatus.ACTIVE,
                "assigned_permission": Permission.CUSTOM if number % 9 == 4 else None,
                "chosen_permission": (Permission.PUBLIC, Permission.CUSTOM, Permission.PUBLIC, Permission.PRIVATE)[
                    number // 2 % 4
                ],
            },
        )
        yield (
            tokens,
            {
                "token_hash": hash_token(token_of(number)),
                "user_id": user_id,
                "scopes": _SCOPES[number % 2],
                "created_at": EPOCH,
                "expires_at": _FOREVER,
            },
        )
        if mailbox_id is not None:
            yield (
                mailboxes,
                {"id": mailbox_id, "user_id": user_id, "protocol": protocol, "address": email, "state": "active"},
            )

    def _member_of_crowd(self, number: int) -> Iterator[Row]:
        user_id, mailbox_id, email = next(self.ids), next(self.ids), f"crowd{number}@bench.example"
        self.crowd.append(Person(user_id, email, f"Sharing Colleague {number}", mailbox_id, Kind.IMAP))
        yield (
            users,
            {
                "id": user_id,
                "email": email,
                "full_name": self.crowd[-1].name,
                "role_id": None,
                "profile": Profile.STANDARD,
                "status": UserStatus.ACTIVE,
                "assigned_permission": None,
                "chosen_permission": Permission.PUBLIC,
            },
        )
        yield (
            mailboxes,
            {"id": mailbox_id, "user_id": user_id, "protocol": Kind.IMAP, "address": email, "state": "active"},
        )

    def _items(self) -> Iterator[Item]:
        special_holders = tuple(self.people[-_OWNERS_OF_SPECIAL_LEADS:])
        for number, emails in enumerate(self.size.special):
            yield Item(next(self.ids), "Leads", f"lead@{special_domain(number)}", special_holders, emails)
        for colleagues in self.size.crowds:
            crowd = tuple(self.crowd[:colleagues])
            yield Item(next(self.ids), "Leads", f"crowd{colleagues}@customer.example", crowd, colleagues)
        numbers = range(self.size.records - len(self.size.lead_names()))
        kinds = [_GATHERING[n // 10 % 2] if n % 10 == 9 else _MODULE_OF_TEN[n % 10] for n in numbers]
        with_mail = sum(kind not in _GATHERING for kind in kinds)
        spread, place = self.size.emails - sum(self.size.special) - sum(self.size.crowds), 0
        for number, kind in enumerate(kinds):
            quota = 0
            if kind not in _GATHERING:
                quota = spread * (place + 1) // with_mail - spread * place // with_mail
                place += 1
            holders = self.random.sample(self.people, self.random.randint(1, 4))
            yield Item(next(self.ids), kind, f"person{number}@customer{number % 997}.example", tuple(holders), quota)

    def _record(self, number: int, item: Item) -> dict[str, Any]:
        name = f"Record {number}"
        return {
            "id": item.record_id,
            "module_id": self.modules[item.module],
            "owner_id": item.holders[0].user_id,
            "name": name,
            "fields": f'{{"Name":"{name}","Email":"{item.address}"}}',
            "import_key": str(item.record_id),
        }

    def _shares(self, number: int, item: Item) -> Iterator[Row]:
        if number % 20 == 4:
            colleague = self.random.choice(self.people).user_id
            share = {"id": next(self.ids), "record_id": item.record_id, "user_id": colleague}
            yield record_shares, {**share, "and_subordinates": False}
        for holder in item.holders[::2]:
            yield email_shares, {"record_id": item.record_id, "user_id": holder.user_id, "shared_at": EPOCH}

    def _copy(self, item: Item, number: int, conversations: dict[int, int]) -> Iterator[Row]:
        """Draw up one e-mail: holders take turns, and every third of the first one's is sent from the CRM."""
        turn, place = divmod(number, len(item.holders))
        holder, copy_id = item.holders[place], next(self.ids)
        is_crm = holder.protocol is None or (place == 0 and turn % 3 == 1)
        message = _message(copy_id, holder, item.address)
        yield (
            copies,
            {
                "id": copy_id,
                "user_id": holder.user_id,
                "kind": Kind.CRM if is_crm else holder.protocol,
                "mailbox_id": None if is_crm else holder.mailbox_id,
                "folder": "" if is_crm else "INBOX",
                "uidvalidity": 0 if is_crm else 1,
                "uid": str(copy_id),
                "email_key": email_key(message, copy_id),
                "message_id": message.message_id,
                "sender": message.sender,
                "sent_at": message.date,
                "subject": message.subject,
                "thread_id": conversations[holder.user_id],
                "withheld": False,
            },
        )
        yield raw_messages, {"copy_id": copy_id, "raw": _raw(message)}
        for participant in message.participants:
            address = participant.address
            named = {"role": participant.role, "address": address, "name": participant.name}
            yield copy_participants, {"copy_id": copy_id, **named, "domain_key": domain_key(domain_of(address))}


def _message(number: int, holder: Person, customer: str) -> Message:
    sender = Participant(ParticipantRole.FROM, holder.address, holder.name)
    recipient = Participant(ParticipantRole.TO, customer, "A Customer")
    if number % 2:
        sender, recipient = (
            Participant(ParticipantRole.FROM, customer, "A Customer"),
            Participant(ParticipantRole.TO, holder.address, holder.name),
        )
    return Message(
        message_id=f"<{number}@bench.example>",
        sender=sender.address,
        date=EPOCH + number % 10_000_000,
        subject=f"About offer {number}",
        participants=(sender, recipient),
        body_digest=b"",
        references=(),
        problems=(),
    )


def _raw(message: Message) -> bytes:
    sender, recipient = message.participants
    lines = (f"From: {sender.address}", f"To: {recipient.address}", f"Subject: {message.subject}", "", "Hello.", "")
    return "\r\n".join(lines).encode()
