"""Get Email Shared Details: which views of a record's e-mails are open to the caller, and who shares."""

from postroom.actions.errors import ModuleUnknown, ModuleWithoutEmails, RecordInvalid, ScopeMismatch, TokenInvalid
from postroom.actions.lookups import parse_id
from postroom.actions.tokens import hash_token, is_valid
from postroom.core.details import SharingDetails, sharing_details
from postroom.core.modules import gathers_mail_of_contacts, module_key
from postroom.core.scopes import may_read_emails
from postroom.core.sharing import record_access
from postroom.storage.sharing_facts import RecordFacts, RequestFacts, SharingFactsReader

NO_RECORD = 0  # an id that no record has: what is not an id takes the same way as an id that is not there


def read_sharing_details(
    reader: SharingFactsReader, token: str, module_name: str, record_id: str, *, now: int
) -> SharingDetails:
    """Answer Get Email Shared Details for the holder of a token, at `now` (epoch seconds).

    Raises TokenInvalid, ScopeMismatch, ModuleUnknown, ModuleWithoutEmails, RecordInvalid.
    """
    key = module_key(module_name)
    record = admitted(reader.read(hash_token(token), key, parse_id(record_id) or NO_RECORD), key, now=now)
    return sharing_details(
        record.viewer, record.organisation, record.holdings, gathers_contacts=gathers_mail_of_contacts(key)
    )


def admitted(facts: RequestFacts | None, key: str, *, now: int) -> RecordFacts:
    """Give what the law must know for whoever may ask about the e-mails of a record; `key` is the module's.

    Raises TokenInvalid, ScopeMismatch, ModuleUnknown, ModuleWithoutEmails, RecordInvalid, the first that holds.
    """
    if facts is None or not is_valid(facts.token, facts.record.viewer.status, now):
        raise TokenInvalid
    if not may_read_emails(facts.token.scopes, key):
        raise ScopeMismatch
    if facts.module_has_emails is None:
        raise ModuleUnknown
    if not facts.module_has_emails:
        raise ModuleWithoutEmails
    record = facts.record
    if not record_access(record.viewer, record.grounds).allowed:
        raise RecordInvalid
    return record
