"""Reads the e-mails of a record for one caller: a list page by page, and one by itself, with its files.

Each e-mail is given once, from a copy that the caller may see. A list is what `holdings_wanted` gives, and the sharing
details are the views of it that are not empty: the two never disagree. Whatever one answer reads of them, it reads in
one snapshot of the database; only what is not sent yet, which is the caller's own, is read beside.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from postroom.actions.errors import FieldRefused
from postroom.actions.lookups import parse_id
from postroom.actions.read_sharing_details import NO_RECORD, admitted
from postroom.actions.send_mail import parse_email
from postroom.actions.tokens import hash_token
from postroom.actions.unsent_emails import list_unsent
from postroom.core.details import VIEWS_OF_UNSENT, Holding, Wanted, holdings_wanted, visible_holdings
from postroom.core.emails import NEWEST, EmailPlace, ListedEmail
from postroom.core.model import AssociatedBy, Kind
from postroom.core.modules import DEALS, gathers_mail_of_contacts, module_key
from postroom.core.sharing import record_access
from postroom.mail.content import AttachedFile, Content, read_content, read_files
from postroom.storage.compiled import HotConnection
from postroom.storage.database import Database
from postroom.storage.email_list import EmailLists
from postroom.storage.secrets import SecretBox
from postroom.storage.sharing_facts import RecordFacts, SharingFactsReader

PAGE = 10  # e-mails (API page, "Get Emails of a Record")
FIRST_INDEX = "0"  # of the first page, which has none before it
_INDEX = struct.Struct(">?Q32s")  # whether the page holds newer e-mails than a place, and that place


@dataclass(frozen=True, slots=True)
class EmailPage:
    """A page of a list, the newest e-mail first, and where the pages beside it start."""

    emails: tuple[ListedEmail, ...]
    next_index: str | None
    prev_index: str


class ReadEmail(NamedTuple):
    """An e-mail as one copy of it was read."""

    email: ListedEmail
    raw: bytes

    def content(self) -> Content:
        """Give what it says, made harmless."""
        return read_content(self.raw)

    def files(self) -> Iterator[tuple[AttachedFile, bytes]]:
        """Give its files, each with its bytes."""
        return read_files(self.raw)


class _Start(NamedTuple):
    """Where a page starts: behind a place, or with `newer` before it."""

    place: EmailPlace = NEWEST
    newer: bool = False


class EmailReader:
    """Reads e-mails, with the statements that this needs compiled for one database."""

    def __init__(self, database: Database, box: SecretBox, page_size: int = PAGE) -> None:
        self._database, self._box = database, box
        self._facts, self._lists = SharingFactsReader(database), EmailLists(database.dialect, page_size)

    @contextmanager
    def open_record(self, token: str, module_name: str, record_id: str, *, now: int) -> Iterator["OpenRecord"]:
        """Give a record to the holder of a token who may ask about its e-mails, at `now` (epoch seconds).

        Raises TokenInvalid, ScopeMismatch, ModuleUnknown, ModuleWithoutEmails, RecordInvalid.
        """
        key, number, token_hash = module_key(module_name), parse_id(record_id) or NO_RECORD, hash_token(token)
        with self._database.snapshot() as snapshot:
            facts = admitted(self._facts.read_within(snapshot, token_hash, key, number), key, now=now)
            yield OpenRecord(
                snapshot, token_hash, key, number, facts, self._facts, self._lists, self._box, self._database
            )


@dataclass(frozen=True, slots=True)
class OpenRecord:
    """A record of which the caller may ask for e-mails, as it is in one snapshot."""

    snapshot: HotConnection
    token_hash: bytes
    module_key: str
    record_id: int
    facts: RecordFacts
    reader: SharingFactsReader
    lists: EmailLists
    box: SecretBox
    database: Database

    @property
    def viewer_id(self) -> int:
        """Give the id of the caller."""
        return self.facts.viewer.user_id

    def list_emails(self, wanted: Wanted, *, index: str = FIRST_INDEX, subject: str | None = None) -> EmailPage:
        """Give the page of a list that an index names. Raises FieldRefused where it names none of this list."""
        context = repr(("e-mails", self.viewer_id, self.module_key, self.record_id, wanted, subject))
        start = self._start(index, context)
        found, newer, size = self._found(wanted, start, subject), start.newer, self.lists.page_size
        emails, has_more = found[-size:] if newer else found[:size], len(found) > size
        before, after = (has_more, True) if newer else (index != FIRST_INDEX, has_more)
        return EmailPage(
            emails=tuple(self._with_refused(list(self._with_deals_seen(emails)))),
            next_index=self._index(_Start(emails[-1].place), context) if emails and after else None,
            prev_index=self._index(_Start(emails[0].place, True), context) if emails and before else FIRST_INDEX,
        )

    def read_email(self, message_id: str, wanted: Wanted) -> "ReadEmail | None":
        """Give an e-mail by its id, None where there is none, or none that is wanted and that the caller may see."""
        key = parse_email(message_id)
        found = None if key is None else self.lists.one(self.snapshot, self.viewer_id, self._holdings(wanted), key)
        if found is None:
            return None
        (email,) = self._with_refused(list(self._with_deals_seen([found])))
        return ReadEmail(email, self.lists.raw(self.snapshot, email.copy_id))

    def _found(self, wanted: Wanted, start: _Start, subject: str | None) -> list[ListedEmail]:
        """Give a page and one e-mail more, where there are as many."""
        if wanted.view not in VIEWS_OF_UNSENT:
            holdings, (place, newer) = self._holdings(wanted), start
            return self.lists.page(self.snapshot, self.viewer_id, holdings, place, newer=newer, subject=subject)
        return list_unsent(
            self.database,
            self.viewer_id,
            self.module_key,
            self.record_id,
            wanted,
            place=start.place,
            newer=start.newer,
            subject=subject,
            limit=self.lists.page_size + 1,
        )

    def _holdings(self, wanted: Wanted) -> list[Holding]:
        gathers, facts = gathers_mail_of_contacts(self.module_key), self.facts
        return holdings_wanted(wanted, facts.viewer, facts.organisation, facts.holdings, gathers_contacts=gathers)

    def _start(self, index: str, context: str) -> _Start:
        if index == FIRST_INDEX:
            return _Start()
        content = self.box.unwrap(index, context)
        if content is None:
            raise FieldRefused("the index is none of this list", param_name="index")
        newer, sent_at, email_key = _INDEX.unpack(content)
        return _Start(EmailPlace(sent_at, email_key), newer)

    def _index(self, start: _Start, context: str) -> str:
        return self.box.wrap(_INDEX.pack(start.newer, *start.place), context)

    def _with_deals_seen(self, emails: Sequence[ListedEmail]) -> Iterator[ListedEmail]:
        """Leave each Deal out on which the caller does not see the copy that was filed there."""
        deals = {email.deal.record_id for email in emails if email.deal is not None}
        seen = {deal: self._sources_seen_on(deal) for deal in deals}
        for email in emails:
            source = (email.owner.user_id, email.kind)
            is_seen = email.deal is not None and source in seen[email.deal.record_id]
            yield email if is_seen else replace(email, deal=None)

    def _with_refused(self, emails: Sequence[ListedEmail]) -> Iterator[ListedEmail]:
        """Say of what the caller sent who did not get it."""
        sent = [email.copy_id for email in emails if email.kind == Kind.CRM and email.owner.user_id == self.viewer_id]
        refused = self.lists.refused(self.snapshot, sent) if sent else {}
        return (replace(email, refused=refused.get(email.copy_id, ())) for email in emails)

    def _sources_seen_on(self, deal: int) -> set[tuple[int, str]]:
        """Give whose mail of which kind the caller sees on a Deal, of what was filed on it by hand."""
        found = self.reader.read_within(self.snapshot, self.token_hash, module_key(DEALS), deal)
        if found is None or not record_access(found.record.viewer, found.record.grounds).allowed:
            return set()
        facts = found.record
        return {
            (holding.owner.user_id, holding.kind)
            for holding in visible_holdings(facts.viewer, facts.organisation, facts.holdings)
            if holding.record_id == deal and holding.associated_by == AssociatedBy.HAND
        }
