"""Who sees which records, and whose mail on them."""

from dataclasses import dataclass

from sqlalchemy import Connection

from postroom.actions.actor import Actor, require_administrator, require_self
from postroom.actions.changes import Transaction
from postroom.actions.errors import (
    AlreadyThere,
    CustomSharingOff,
    InvalidInput,
    NoMailbox,
    NotAllowed,
    NotFound,
    NotShared,
)
from postroom.actions.lookups import (
    find_record,
    get_module,
    get_organisation,
    get_role,
    get_user,
    no_record,
    shares_by_record,
)
from postroom.actions.permissions import grantee_in_words, permission_of
from postroom.actions.visible_records import get_record_for, may_see
from postroom.core.model import CrmAccess, Grantee, Module, Permission, Record, User
from postroom.storage import email_shares, mailboxes, organisation, records

_NO_RECORD = 0  # what no record's id is


@dataclass(frozen=True, slots=True)
class SetCrmAccess:
    """Set the access type for mail sent from the CRM (section 5). An administrator's."""

    access: CrmAccess

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed."""
        require_administrator(transaction.by, "the access type for mail sent from the CRM")
        before = get_organisation(transaction.connection)["crm_access"]
        organisation.set_crm_access(transaction.connection, self.access)
        transaction.write_down("access to mail sent from the CRM", "the organisation", before, self.access)


@dataclass(frozen=True, slots=True)
class SetModuleAccess:
    """Open a module's records to every user, or to owners and superiors only (section 2). An administrator's."""

    module: str
    is_public: bool

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound."""
        require_administrator(transaction.by, "who sees the records of a module")
        module = get_module(transaction.connection, self.module)
        organisation.set_module_public(transaction.connection, module.id, is_public=self.is_public)
        before, after = ("public" if public else "private" for public in (module.is_public, self.is_public))
        transaction.write_down("module access", f"module {module.api_name}", before, after)


@dataclass(frozen=True, slots=True)
class ShareEmails:
    """Share a user's mail on one record with everyone in the audience (API page, "Share Emails"). The user's own."""

    user: str
    record: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotFound, NotAllowed, AlreadyThere, InvalidInput."""
        connection = transaction.connection
        user = get_user(connection, self.user)
        require_self(transaction.by, user.id, "on which records the own mail is shared")
        module, record = get_record_for(connection, transaction.by, self.record)
        if not shares_by_record(module):
            raise NotAllowed(
                f"mail is shared record by record in Leads, Contacts and custom modules, not in {module.api_name}"
            )
        _require_custom_sharing(connection, user)
        if record.deleted_at is not None:
            raise NotAllowed(
                f"{_reference(module, record)} is in the recycle bin; 'postroom record restore' takes it out"
            )
        if not email_shares.share_emails(connection, record.id, user.id, transaction.now):
            raise AlreadyThere(f"{user.email} shares on {self.record} already")
        transaction.write_down("mail on a record", _reference(module, record), None, "shared", owner_id=user.id)


@dataclass(frozen=True, slots=True)
class UnshareEmails:
    """Take back what `ShareEmails` did, also on a record that the user does not see any more. The user's own."""

    user: str
    record: str

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, InvalidInput; NotFound, the same for any record that is not seen."""
        connection = transaction.connection
        user = get_user(connection, self.user)
        require_self(transaction.by, user.id, "on which records the own mail is shared")
        module, record_id, record = find_record(connection, self.record)
        is_seen = may_see(connection, transaction.by, record_id)
        was_shared = email_shares.unshare_emails(connection, _NO_RECORD if record is None else record_id, user.id)
        if record is None or not (was_shared or is_seen):
            raise no_record(module, record_id)
        if not was_shared:
            raise NotShared(f"{user.email} does not share on {self.record}")
        transaction.write_down("mail on a record", _reference(module, record), "shared", None, owner_id=user.id)


@dataclass(frozen=True, slots=True)
class ShareRecord:
    """Let a user, or a role and perhaps the roles below it, see a record. The record owner's, or an administrator's."""

    record: str
    user: str | None = None
    role: str | None = None
    and_subordinates: bool = False

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        module, record = get_record_for(connection, transaction.by, self.record)
        require_sharer(transaction.by, record)
        user_id, role_id = _grantee(connection, self.user, self.role)
        if self.and_subordinates and role_id is None:
            raise InvalidInput("and_subordinates: goes with a role")
        before = records.find_share(connection, record.id, user_id=user_id, role_id=role_id)
        after = Grantee(user_id, role_id, self.and_subordinates)
        if before != after:
            records.share_record(connection, record.id, after)
        _write_share_down(transaction, module, record, before, after)


@dataclass(frozen=True, slots=True)
class UnshareRecord:
    """Take back what `ShareRecord` did. The record owner's, or an administrator's."""

    record: str
    user: str | None = None
    role: str | None = None

    def apply(self, transaction: Transaction) -> None:
        """Make the change. Raises NotAllowed, NotFound, InvalidInput."""
        connection = transaction.connection
        module, record = get_record_for(connection, transaction.by, self.record)
        require_sharer(transaction.by, record)
        user_id, role_id = _grantee(connection, self.user, self.role)
        before = records.find_share(connection, record.id, user_id=user_id, role_id=role_id)
        if before is None or not records.unshare_record(connection, record.id, user_id=user_id, role_id=role_id):
            raise NotFound(f"{self.record} is not shared with {self.user or self.role}")
        _write_share_down(transaction, module, record, before, None)


def _grantee(connection: Connection, user: str | None, role: str | None) -> tuple[int | None, int | None]:
    if (user is None) == (role is None):
        raise InvalidInput("user: name either a user or a role")
    if user is not None:
        return get_user(connection, user).id, None
    return None, get_role(connection, str(role)).id


def _write_share_down(
    transaction: Transaction, module: Module, record: Record, before: Grantee | None, after: Grantee | None
) -> None:
    words = [None if share is None else grantee_in_words(transaction.connection, share) for share in (before, after)]
    transaction.write_down("record share", _reference(module, record), *words, owner_id=record.owner_id)


def _reference(module: Module, record: Record) -> str:
    return f"{module.api_name}/{record.id}"


def require_sharer(by: Actor, record: Record) -> None:
    """Raise NotAllowed for anybody but the record's owner and administrators."""
    if not by.is_administrator and not by.acts_for(record.owner_id):
        raise NotAllowed("only the record's owner or an administrator may share the record")


def _require_custom_sharing(connection: Connection, user: User) -> None:
    """Refuse in the API's own words where the owner's permission is not `custom` (section 3)."""
    if mailboxes.mailbox_of(connection, user.id) is None:
        raise NoMailbox(f"Email Configuration does not exist: {user.email} has no connected mailbox")
    permission = permission_of(connection, user).permission
    if permission != Permission.CUSTOM:
        raise CustomSharingOff(f"User did not enable custom sharing: the permission of {user.email} is {permission}")
