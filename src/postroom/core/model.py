"""The vocabulary of the law: what there is, in the words of docs/sharing.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple


class Permission(StrEnum):
    """What a mailbox owner's synced mail is open to (the law, section 3)."""

    CUSTOM = "custom"
    PRIVATE = "private"
    PUBLIC = "public"
    USERS_CHOICE = "users_choice"


class CrmAccess(StrEnum):
    """The organisation's access type for mail sent from the CRM (section 5)."""

    PRIVATE = "private"
    PUBLIC_READ_ONLY = "public_read_only"
    PUBLIC_READ_WRITE = "public_read_write"
    PUBLIC_READ_WRITE_DELETE = "public_read_write_delete"


class Kind(StrEnum):
    """Where a copy of a message comes from: a mailbox of that protocol, or the CRM itself."""

    CRM = "crm"
    IMAP = "imap"
    POP = "pop"


class AssociatedBy(StrEnum):
    """How a copy came to belong to a record: by a participant's address, or by hand."""

    ADDRESS = "address"
    HAND = "hand"


class Scope(StrEnum):
    """Whose setting it is: the organisation's, a role's or a user's own."""

    ORGANISATION = "organisation"
    ROLE = "role"
    USER = "user"


class UserStatus(StrEnum):
    """Only an active user sees anything or shares anything."""

    ACTIVE = "active"
    DELETED = "deleted"
    INACTIVE = "inactive"


class Profile(StrEnum):
    """An Administrator sees every record; administering is not reading mail."""

    ADMINISTRATOR = "Administrator"
    STANDARD = "Standard"


PROFILE_IDS: Mapping[Profile, int] = {Profile.ADMINISTRATOR: 1, Profile.STANDARD: 2}  # for clients that name ids


class ParticipantRole(StrEnum):
    """The header field in which a participant stands."""

    BCC = "bcc"
    CC = "cc"
    FROM = "from"
    TO = "to"


@dataclass(frozen=True, slots=True)
class Participant:
    """One address that a message names; `address` is normalised."""

    role: ParticipantRole
    address: str
    name: str


class Person(NamedTuple):
    """An address as it is sent to, and the name that is shown beside it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What was read of a message. `problems` says what was not, so that nothing is lost in silence.

    Of one that is too large nothing but the headers was read; `is_automated` says that a program sent it.
    """

    message_id: str | None
    sender: str | None
    date: int | None  # seconds since the epoch, UTC
    subject: str
    participants: tuple[Participant, ...]
    body_digest: bytes
    references: tuple[str, ...]  # the ids of the messages that it answers, the oldest first
    problems: tuple[str, ...]
    is_automated: bool = False
    headers_only: bool = False
    summary: str = ""  # how its text begins
    has_attachment: bool = False


@dataclass(frozen=True, slots=True)
class OwnEmail:
    """One e-mail of a user, withheld where every copy is. `place` orders e-mails as they came in.

    Of one that is too large only the headers were read; `is_automated` says that a program sent it.
    """

    place: int
    email_key: bytes
    thread_id: int
    subject: str
    sender: str | None
    sent_at: int | None  # seconds since the epoch, UTC
    is_automated: bool
    headers_only: bool
    withheld: bool


@dataclass(frozen=True, slots=True)
class Role:
    """A place in the tree of roles; `lineage` lists the ids from the root down to this role."""

    id: int
    name: str
    parent_id: int | None
    lineage: str
    email_permission: str | None
    audience_id: int | None


class Grantee(NamedTuple):
    """Who is granted something: a user, or a role and perhaps the roles below it."""

    user_id: int | None
    role_id: int | None
    and_subordinates: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """A member of the team."""

    id: int
    email: str
    full_name: str
    role_id: int | None
    profile: str
    status: str
    assigned_permission: str | None
    assigned_audience_id: int | None
    chosen_permission: str | None
    chosen_audience_id: int | None


class ClientKind(StrEnum):
    """What a client of OAuth can keep (RFC 6749, section 2.1): a secret, or none; a service asks for itself."""

    CONFIDENTIAL = "confidential"
    PUBLIC = "public"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Client:
    """A program that may ask for tokens. Only a service has a user, in whose name it asks, and scopes."""

    id: int
    name: str
    kind: str
    secret_hash: bytes | None
    redirect_uris: tuple[str, ...]
    user_id: int | None
    scopes: str | None
    created_at: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user allowed a client. A grant that names no redirect URI was made on the command line.

    Of code and refresh token only hashes are known; `family_hash` is that of what all refresh tokens of the grant
    begin with, `refresh_hash` that of the one that can be used.
    """

    id: int
    client_id: int
    user_id: int
    scopes: str
    granted_at: int
    code_hash: bytes | None = None
    code_expires_at: int | None = None
    code_used_at: int | None = None
    redirect_uri: str | None = None
    code_challenge: str | None = None
    is_offline: bool = False
    family_hash: bytes | None = None
    refresh_hash: bytes | None = None


class Security(StrEnum):
    """How a connection to a mail server is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class MailboxState(StrEnum):
    """What becomes of a mailbox; mail of a disconnected one stays under the law."""

    ACTIVE = "active"
    DISCONNECTED = "disconnected"
    PAUSED = "paused"


class SyncState(StrEnum):
    """What the last pass over a mailbox came to. `healthy` is only what was read to its end."""

    FAILING = "failing"
    HEALTHY = "healthy"
    INCOMPLETE = "incomplete"
    NEEDS_LOGIN = "needs_login"
    NEW = "new"


class Trouble(StrEnum):
    """What kind of failure it is, and so when a mailbox is tried again; the table is in mail/server.py."""

    AUTHENTICATION = "authentication"
    PERMANENT = "permanent"
    THROTTLED = "throttled"
    TRANSIENT = "transient"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A user's mail account; without a host it is fed by import alone.

    `ca_certificates` (PEM) are those of the server's own authority, where it has one.
    """

    id: int
    user_id: int
    protocol: str
    address: str
    host: str | None
    port: int | None
    security: str | None
    username: str | None
    sealed_password: bytes | None
    state: str
    ca_certificates: str | None
    sync_since: int | None = None  # epoch seconds: older mail is left alone; None: never synchronised yet


class FolderState(StrEnum):
    """How far a folder of a mailbox has been read.

        new ───> backfilling ───────> following <────> reconciling
                     ^      history    │      ^   all   │     ^
                     │      is there   │      │  agree  │     │ mail is listed again,
       UIDVALIDITY changed             │ lists empty    │     │ or empty for an hour
         (from any state)              └──> doubted <───┘     │
                                               └──────────────┘

    Only a folder that is `following` agrees with its server as of the last reading. One is `reconciling` from when
    something is found to differ, or is due to be compared, until all was compared and agrees.
    """

    BACKFILLING = "backfilling"
    DOUBTED = "doubted"
    FOLLOWING = "following"
    NEW = "new"
    RECONCILING = "reconciling"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox. What the server said of it is as of the last complete reading; times are epoch seconds.

    Up to the UID `watermark` everything that is wanted is stored; `resets` counts the changes of its UIDVALIDITY in a
    row.
    """

    id: int
    mailbox_id: int
    name: str
    state: str = FolderState.NEW
    uidvalidity: int | None = None
    uidnext: int | None = None
    messages: int | None = None
    highestmodseq: int | None = None
    watermark: int = 0
    reconciled_at: int | None = None
    doubted_since: int | None = None
    resets: int = 0
    error: str | None = None
    is_read: bool | None = None  # by choice; None: unless its use is that of drafts, junk or trash


@dataclass(frozen=True, slots=True)
class MailProvider:
    """An authorization server that lets Postroom into mailboxes; a public client has no secret."""

    id: int
    name: str
    client_id: str
    sealed_client_secret: bytes | None
    authorization_url: str
    token_url: str
    scopes: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class MailboxGrant:
    """What a provider granted for a mailbox; the access token lasts until `expires_at` (epoch seconds)."""

    mailbox_id: int
    provider_id: int
    sealed_refresh_token: bytes
    sealed_access_token: bytes
    expires_at: int


@dataclass(frozen=True, slots=True)
class MailboxSync:
    """How it stands with reading a mailbox; all times are epoch seconds, and None where there was none.

    `complete_at` is when the last pass began after which every folder agreed with its server, so all mail from before
    it is here. Without a `next_try_at` the mailbox is not tried by itself.
    """

    mailbox_id: int
    state: str
    next_try_at: int | None
    failures: int
    trouble: str | None
    error: str | None
    passed_at: int | None
    complete_at: int | None
    lease_token: str | None
    lease_until: int | None


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Through which server a mailbox sends; without a user name it logs in as the mailbox itself does."""

    mailbox_id: int
    host: str
    port: int
    security: str
    username: str | None
    sealed_password: bytes | None
    ca_certificates: str | None


class OutboxState(StrEnum):
    """What became of a message that is to be sent. Only while it is `sending` nobody knows."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    QUEUED = "queued"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"


class RecipientState(StrEnum):
    """What became of it for one recipient."""

    ACCEPTED = "accepted"
    PENDING = "pending"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class OutboxMail:
    """A message that a user sends from a record, without its text. Times are epoch seconds.

    `next_try_at` is when the pass may take it up: somebody who works on it sets it to when the work must be over.
    """

    id: int
    user_id: int
    record_id: int
    linked_record_id: int | None
    email_key: bytes
    message_id: str
    sender: str
    subject: str
    state: str
    attempts: int
    created_at: int
    scheduled_at: int | None
    next_try_at: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be stored, without its bytes: where it came from, why, and since when (epoch seconds).

    `place` names it to a person; `record_id` is the record on which it was to be filed by hand.
    """

    id: int
    user_id: int
    kind: str
    mailbox_id: int | None
    folder: str
    uidvalidity: int
    uid: str
    place: str
    truncated: bool
    record_id: int | None
    reason: str
    failed_at: int
    size: int


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that a user uploaded, to be attached to mail until it expires (epoch seconds)."""

    id: str
    user_id: int
    name: str
    content_type: str
    size: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class EmailDraft:
    """What a user wrote on a record and has not sent, seen by that user alone. Times are epoch seconds.

    `scheduled_at` is when it shall be sent, which says nothing until it is.
    """

    id: str
    user_id: int
    record_id: int
    created_at: int
    modified_at: int
    sender: str
    to: tuple[Person, ...] = ()
    cc: tuple[Person, ...] = ()
    bcc: tuple[Person, ...] = ()
    reply_to: str | None = None
    subject: str | None = None
    content: str | None = None
    is_html: bool = False
    scheduled_at: int | None = None
    time_zone: str | None = None
    source: str | None = None
    linked_record_id: int | None = None  # a Deal


class DraftOrder(NamedTuple):
    """In which order drafts are listed; those of one moment follow each other by id."""

    by: Literal["created_at", "modified_at"] = "created_at"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the CRM: one of Zoho's, or a custom one of the organisation."""

    id: int
    api_name: str
    module_key: str
    has_emails: bool
    is_custom: bool
    is_public: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is to be stored: its owner, its addresses and its links to other records."""

    id: int
    module_id: int
    owner_id: int
    name: str
    fields: str
    import_key: str
    deleted_at: int | None
    addresses: frozenset[str]
    linked_ids: frozenset[int]
