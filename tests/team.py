"""A team for tests to read like the law: Alice owns, Bob shares, Charlie is a stranger."""

import json
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, text

from postroom.actions import organisation
from postroom.actions.actor import Actor
from postroom.actions.change_sharing import ShareEmails
from postroom.actions.changes import Change, make
from postroom.actions.email_drafts import OwnDrafts, Written, create_draft
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import NewUser
from postroom.actions.permissions import ChoosePermission
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.send_mail import MailToSend, send_mail
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp
from postroom.actions.tokens import Caller, create_token
from postroom.actions.uploads import GivenFile, upload_files
from postroom.core.details import SharingDetails
from postroom.core.model import Kind, Permission, Person, Record, User
from postroom.mail.parse import parse_message
from postroom.storage import people, records
from postroom.storage.associations import associate_by_hand
from postroom.storage.database import Database, lock_matching
from postroom.storage.dead_letters import NewLetter, keep_letter
from postroom.storage.ids import take_id
from postroom.storage.mail import IncomingCopy, Source, store_copies
from postroom.storage.mailboxes import mailbox_of
from postroom.storage.organisation import find_module
from postroom.storage.records import Stamp
from postroom.storage.schema import audit_entries, metadata
from postroom.storage.secrets import SecretBox
from postroom.storage.sharing_facts import SharingFactsReader

NOW = int(time.time())
ALL_SCOPES = "ZohoCRM.modules.ALL"
DOMAIN = "team.example"
OPERATOR = Actor(None, is_administrator=True, channel="command line of tests")


class Team:
    """An organisation on a real database, built through the product's own functions."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.reader = SharingFactsReader(database)
        self.box = SecretBox(folder / "secret.key")
        self.tokens: dict[str, str] = {}
        self._uids = count(1)

    def user(
        self, name: str, *, role: str | None = None, profile: str = "Standard", mailbox: str | None = "imap"
    ) -> User:
        """Add a user `name`@team.example; `mailbox` is the protocol of a mailbox fed by import."""
        new = NewUser(email_of(name), name, role, organisation.Profile(profile))
        user = organisation.add_user(self.database, new, by=OPERATOR, now=NOW)
        if mailbox is not None:
            self.mailbox(name, mailbox)
        return user

    def mailbox(self, name: str, protocol: str) -> None:
        """Connect a mailbox that is fed by import."""
        add_mailbox(self.database, self.box, email_of(name), NewMailbox(protocol), by=OPERATOR, now=NOW)

    def role(self, name: str, under: str | None = None) -> None:
        """Add a role to the tree."""
        organisation.add_role(self.database, name, under, by=OPERATOR, now=NOW)

    def record(
        self, module: str, owner: str, *addresses: str, record_id: int | None = None, links: Iterable[int] = ()
    ) -> int:
        """Add a record with e-mail addresses and links to other records; give its id."""
        with self.database.write() as connection:
            lock_matching(connection, exclusive=True)
            found = find_module(connection, module)
            assert found is not None, module
            user = people.find_user(connection, email_of(owner))
            assert user is not None, owner
            new_id = record_id or take_id(connection)
            record = Record(
                id=new_id,
                module_id=found.id,
                owner_id=user.id,
                name=f"{module} {new_id}",
                fields=json.dumps({}),
                import_key=f"id:{new_id}",
                deleted_at=None,
                addresses=frozenset(addresses),
                linked_ids=frozenset(links),
            )
            records.save_records(connection, [record], [], Stamp(NOW))
        return new_id

    def mail(self, owner: str, *addresses: str, by_hand_on: int | None = None, message_id: str | None = None) -> None:
        """Let a message with these addresses come into a user's mailbox."""
        self._store(owner, addresses, by_hand_on, message_id, sent_from_crm=False)

    def letter(
        self,
        owner: str,
        sender: str,
        *recipients: str,
        message_id: str | None = None,
        date: str = "Mon, 02 Nov 2026 10:00:00 +0000",
    ) -> None:
        """Let a message that somebody else wrote come into a user's mailbox."""
        uid = next(self._uids)
        self.raw_mail(owner, message(sender, recipients, message_id or f"<{uid}@{DOMAIN}>", date=date))

    def raw_mail(
        self,
        owner: str,
        raw: bytes,
        *,
        by_hand_on: int | None = None,
        sent_from_crm: bool = False,
        truncated: bool = False,
    ) -> None:
        """Let a message come into a user's mailbox as it is; `truncated` says that it is the start of a larger one."""
        with self.database.write() as connection:
            source = self._source(connection, owner, sent_from_crm=sent_from_crm)
            ids = store_copies(
                connection, source, [IncomingCopy(str(next(self._uids)), raw, parse_message(raw, truncated=truncated))]
            )
            if by_hand_on is not None:
                associate_by_hand(connection, by_hand_on, ids)

    def crm_mail(self, sender: str, *addresses: str, by_hand_on: int | None = None) -> None:
        """Let a user send a message to these addresses from the CRM."""
        self._store(sender, addresses, by_hand_on, None, sent_from_crm=True)

    def scheduled_mail(self, sender: str, record_id: int, address: str, key: str | None = None) -> None:
        """Let a user schedule a message from a Lead, through a server of the user's own."""
        server = NewSmtpServer("smtp.team.example", username="submitter", password="correct horse")
        set_mailbox_smtp(self.database, self.box, email_of(sender), server)
        with self.database.read() as connection:
            leads = find_module(connection, "Leads")
        assert leads is not None
        mail = MailToSend(Person(email_of(sender)), (Person(address),), scheduled_at=NOW + 3600)
        caller = Caller(email_of(sender), self.actor(sender))
        send_mail(self.database, self.box, leads, record_id, mail, caller=caller, now=NOW, key=key)

    def dead_letter(self, owner: str, *, sent_from_crm: bool = False) -> None:
        """Let a message come into a user's mailbox that could not be stored."""
        with self.database.write() as connection:
            source = self._source(connection, owner, sent_from_crm=sent_from_crm)
            letter = NewLetter(str(next(self._uids)), "INBOX message 7", False, None, "ValueError", b"Subject: Offer")
            keep_letter(connection, source, letter, NOW)

    def draft(self, author: str, record_id: int) -> str:
        """Let a user write a draft with a file on a Lead; give its id."""
        user_id = self.actor(author).user_id or 0
        with self.database.read() as connection:
            leads = find_module(connection, "Leads")
        assert leads is not None
        (file,) = upload_files(self.database, user_id, [GivenFile("a.txt", "text/plain", b"a")], now=NOW)
        own = OwnDrafts(leads, record_id, user_id)
        return create_draft(self.database, own, Written(subject="Not yet"), [file.id], sender=email_of(author), now=NOW)

    def permission(self, name: str, permission: str) -> None:
        """Let a user choose a permission, which holds unless an administrator decided otherwise."""
        self.make(ChoosePermission(email_of(name), Permission(permission)))

    def share(self, name: str, record: str) -> None:
        """Let a user share mail on one record."""
        self.make(ShareEmails(email_of(name), record))

    def make(self, change: Change, by: Actor = OPERATOR) -> None:
        """Make a change, by default as whoever has the command line."""
        make(self.database, change, by, now=NOW)

    def actor(self, name: str) -> Actor:
        """Give a user who acts through a token."""
        with self.database.read() as connection:
            user = people.find_user(connection, email_of(name))
        assert user is not None, name
        return Actor(user.id, user.profile == "Administrator", f"token of {name}")

    def token(self, name: str, scopes: str = ALL_SCOPES, expires_in: int = 3600) -> str:
        """Give a user's token; the one for all scopes is made once."""
        if (scopes, expires_in) != (ALL_SCOPES, 3600):
            return create_token(self.database, email_of(name), scopes, now=NOW, expires_in=expires_in)
        if name not in self.tokens:
            self.tokens[name] = create_token(self.database, email_of(name), scopes, now=NOW)
        return self.tokens[name]

    def details(self, viewer: str, module: str, record_id: int) -> SharingDetails:
        """Ask for the sharing details as `viewer`."""
        return read_sharing_details(self.reader, self.token(viewer), module, str(record_id), now=NOW)

    def shares(self, viewer: str, module: str, record_id: int) -> list[str]:
        """Give the names of the colleagues who share with `viewer` on a record."""
        return [user.name for user in self.details(viewer, module, record_id).share_from_users]

    def types(self, viewer: str, module: str, record_id: int) -> list[str]:
        """Give the views that are open to `viewer` on a record."""
        return list(self.details(viewer, module, record_id).available_types)

    def _store(
        self,
        owner: str,
        addresses: Iterable[str],
        by_hand_on: int | None,
        message_id: str | None,
        *,
        sent_from_crm: bool,
    ) -> None:
        uid = next(self._uids)
        raw = message(email_of(owner), addresses, message_id or f"<{uid}@{DOMAIN}>")
        self.raw_mail(owner, raw, by_hand_on=by_hand_on, sent_from_crm=sent_from_crm)

    @staticmethod
    def _source(connection: Connection, owner: str, *, sent_from_crm: bool) -> Source:
        user = people.find_user(connection, email_of(owner))
        assert user is not None, owner
        mailbox = None if sent_from_crm else mailbox_of(connection, user.id)
        kind = Kind.CRM if mailbox is None else Kind(mailbox.protocol)
        return Source(user.id, kind, mailbox.id if mailbox else None, "INBOX", 1)


def email_of(name: str) -> str:
    """Give a team member's address."""
    return f"{name.lower().replace(' ', '.')}@{DOMAIN}"


def message(
    sender: str,
    recipients: Iterable[str],
    message_id: str,
    body: str = "Hello",
    date: str = "Mon, 02 Nov 2026 10:00:00 +0000",
) -> bytes:
    """Give a small message as it stands in a mailbox."""
    lines = (
        f"From: {sender}",
        f"To: {', '.join(recipients)}",
        f"Message-ID: {message_id}",
        f"Date: {date}",
        "Subject: Offer",
        "",
        body,
    )
    return "\r\n".join(lines).encode()


def wipe(database: Database) -> None:
    """Empty every table of a database that lets the audit be emptied, for the next example of a property."""
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(text(f"DELETE FROM {table.name}"))


def let_audit_be_erased(database: Database) -> None:
    """Take the triggers away by which the database itself protects the audit."""
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.execute(text(f"DROP TRIGGER audit_entries_append_only ON {audit_entries.name}"))
            return
        for act in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_entries_{act}"))
