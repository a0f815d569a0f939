"""The tables, as both databases have them. Times are seconds since the epoch, UTC."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from postroom.core.model import (
    AssociatedBy,
    ClientKind,
    CrmAccess,
    FolderState,
    Kind,
    OutboxState,
    ParticipantRole,
    Permission,
    Profile,
    RecipientState,
    SyncState,
    Trouble,
    UserStatus,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite makes a key its row's own address only if the column is declared INTEGER.
Id = BigInteger().with_variant(Integer(), "sqlite")


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """Let the database refuse what the law does not know."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=False)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Id, ForeignKey(f"{target}.id"), nullable=nullable)


def _grantee() -> tuple[SchemaItem, ...]:
    """Give the columns of those who are granted something: a user, or a role and perhaps the roles below it."""
    return (
        _reference("user_id", "users", nullable=True),
        _reference("role_id", "roles", nullable=True),
        Column("and_subordinates", Boolean, nullable=False),
        CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name="user_or_role"),
    )


# Who may be shown mail under a setting: a setting without an audience admits everyone.
audiences = Table("audiences", metadata, _id())

organisation = Table(
    "organisation",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("default_permission", Text, nullable=False),
    _reference("default_audience_id", "audiences", nullable=True),
    Column("crm_access", Text, nullable=False),
    CheckConstraint("id = 1", name="only_one"),
    _one_of("default_permission", Permission),
    _one_of("crm_access", CrmAccess),
)

roles = Table(
    "roles",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _reference("parent_id", "roles", nullable=True),
    Column("lineage", Text, nullable=False),  # the ids from the root down to this role: "/1/7/"
    Column("email_permission", Text),
    _reference("audience_id", "audiences", nullable=True),
    _one_of("email_permission", Permission),
)

users = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True),
    Column("full_name", Text, nullable=False),
    _reference("role_id", "roles", nullable=True),
    Column("profile", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("assigned_permission", Text),
    _reference("assigned_audience_id", "audiences", nullable=True),
    Column("chosen_permission", Text),
    _reference("chosen_audience_id", "audiences", nullable=True),
    _one_of("profile", Profile),
    _one_of("status", UserStatus),
    _one_of("assigned_permission", Permission),
    CheckConstraint("chosen_permission IN ('custom', 'private', 'public')", name="chosen_permission"),
)

audience_members = Table(
    "audience_members",
    metadata,
    _id(),
    _reference("audience_id", "audiences"),
    *_grantee(),
    UniqueConstraint("audience_id", "user_id"),  # NULLs differ: each constraint binds its own kind of member
    UniqueConstraint("audience_id", "role_id"),
)

internal_domains = Table(
    "internal_domains",
    metadata,
    Column("domain", Text, nullable=False),
    PrimaryKeyConstraint("domain"),
    sqlite_with_rowid=False,
)

# By the organisation where it names neither a role nor a user.
excluded_domains = Table(
    "excluded_domains",
    metadata,
    _id(),
    _reference("role_id", "roles", nullable=True),
    _reference("user_id", "users", nullable=True),
    Column("domain", Text, nullable=False),
    CheckConstraint("role_id IS NULL OR user_id IS NULL", name="one_scope"),
    Index("uq_excluded_domains_role", "role_id", "domain", unique=True),
    Index("uq_excluded_domains_user", "user_id", "domain", unique=True),
    Index(
        "uq_excluded_domains_organisation",
        "domain",
        unique=True,
        sqlite_where=text("role_id IS NULL AND user_id IS NULL"),
        postgresql_where=text("role_id IS NULL AND user_id IS NULL"),
    ),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", LargeBinary, nullable=False),
    _reference("user_id", "users"),
    Column("scopes", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    _reference("grant_id", "grants", nullable=True),  # NULL: made on the command line
    PrimaryKeyConstraint("token_hash"),
    Index(None, "user_id"),
    Index(None, "grant_id"),
    Index(None, "expires_at"),
    sqlite_with_rowid=False,
)

# Programs that may ask for tokens (RFC 6749, section 2). A service asks in the name of one user, for these scopes.
clients = Table(
    "clients",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("secret_hash", LargeBinary),
    Column("redirect_uris", Text, nullable=False),  # one a line
    _reference("user_id", "users", nullable=True),
    Column("scopes", Text),
    Column("created_at", BigInteger, nullable=False),
    _one_of("kind", ClientKind),
    CheckConstraint("(kind = 'public') = (secret_hash IS NULL)", name="secret"),
    CheckConstraint("(kind = 'service') = (user_id IS NOT NULL AND scopes IS NOT NULL)", name="service"),
    Index(None, "user_id"),
)

# What a user allowed a client: the code that fetches its first tokens, and its refresh token. The row goes when the
# grant is revoked, and its tokens with it.
grants = Table(
    "grants",
    metadata,
    _id(),
    _reference("client_id", "clients"),
    _reference("user_id", "users"),
    Column("scopes", Text, nullable=False),
    Column("granted_at", BigInteger, nullable=False),
    Column("code_hash", LargeBinary, unique=True),
    Column("code_expires_at", BigInteger),
    Column("code_used_at", BigInteger),
    Column("redirect_uri", Text),  # NULL: the code was made on the command line
    Column("code_challenge", Text),
    Column("is_offline", Boolean, nullable=False),  # a refresh token was asked for
    Column("family_hash", LargeBinary, unique=True),  # of what every refresh token of this grant begins with
    Column("refresh_hash", LargeBinary),  # of the one that can be used
    CheckConstraint("(family_hash IS NULL) = (refresh_hash IS NULL)", name="refresh"),
    Index(None, "client_id"),
    Index(None, "user_id"),
    Index(
        "ix_grants_without_refresh",
        "granted_at",
        sqlite_where=text("family_hash IS NULL"),
        postgresql_where=text("family_hash IS NULL"),
    ),
)

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", Id, ForeignKey("users.id"), primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),  # with its parameters, as Argon2 writes it
)

# Browsers in which a user is signed in.
sessions = Table(
    "sessions",
    metadata,
    Column("session_hash", LargeBinary, nullable=False),
    _reference("user_id", "users"),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("session_hash"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
    sqlite_with_rowid=False,
)

# Attempts to sign in since a moment, by the address that was typed, whether it is a user's or not.
sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    Column("address_hash", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    PrimaryKeyConstraint("address_hash"),
    Index(None, "since"),
    sqlite_with_rowid=False,
)

modules = Table(
    "modules",
    metadata,
    _id(),
    Column("api_name", Text, nullable=False),
    Column("module_key", Text, nullable=False, unique=True),
    Column("has_emails", Boolean, nullable=False),
    Column("is_custom", Boolean, nullable=False),
    Column("is_public", Boolean, nullable=False),
)

records = Table(
    "records",
    metadata,
    _id(),
    _reference("module_id", "modules"),
    _reference("owner_id", "users"),
    Column("name", Text, nullable=False),
    Column("fields", Text, nullable=False),  # every field as it was given, as a JSON object
    Column("import_key", Text, nullable=False),
    Column("deleted_at", BigInteger),  # in the recycle bin since
    Column("created_at", BigInteger, nullable=False, server_default=text("0")),
    Column("modified_at", BigInteger, nullable=False, server_default=text("0")),
    # Ids of users, NULL for whoever has the command line. SQLite cannot add a reference to a table that is there.
    Column("created_by", Id),
    Column("modified_by", Id),
    Column("deleted_by", Id),
    UniqueConstraint("module_id", "import_key"),
    Index(None, "owner_id"),
    Index("ix_records_module", "module_id", "id"),
    Index("ix_records_module_modified", "module_id", "modified_at", "id"),
)

record_addresses = Table(
    "record_addresses",
    metadata,
    _reference("record_id", "records"),
    Column("address", Text, nullable=False),
    PrimaryKeyConstraint("record_id", "address"),
    Index(None, "address"),
    sqlite_with_rowid=False,
)

record_links = Table(
    "record_links",
    metadata,
    _reference("record_id", "records"),
    _reference("linked_id", "records"),
    PrimaryKeyConstraint("record_id", "linked_id"),
    Index(None, "linked_id"),
    sqlite_with_rowid=False,
)

record_shares = Table(
    "record_shares",
    metadata,
    _id(),
    _reference("record_id", "records"),
    *_grantee(),
    UniqueConstraint("record_id", "user_id"),  # NULLs differ: each constraint binds its own kind of share
    UniqueConstraint("record_id", "role_id"),
)

mailboxes = Table(
    "mailboxes",
    metadata,
    _id(),
    _reference("user_id", "users"),
    Column("protocol", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("host", Text),
    Column("port", Integer),
    Column("security", Text),
    Column("username", Text),
    Column("sealed_password", LargeBinary),
    Column("state", Text, nullable=False),
    Column("ca_certificates", Text),
    Column("sync_since", BigInteger),  # older mail is left alone; 0: none is too old, NULL: never synchronised yet
    CheckConstraint("protocol IN ('imap', 'pop')", name="protocol"),
    CheckConstraint("security IN ('tls', 'starttls', 'none')", name="security"),
    CheckConstraint("state IN ('active', 'paused', 'failing', 'disconnected')", name="state"),
    Index("ix_mailboxes_latest", "user_id", "id"),
    Index(
        "uq_mailboxes_connected_user",
        "user_id",
        unique=True,
        sqlite_where=text("state <> 'disconnected'"),
        postgresql_where=text("state <> 'disconnected'"),
    ),
    Index(
        "uq_mailboxes_connected_address",
        "address",
        unique=True,
        sqlite_where=text("state <> 'disconnected'"),
        postgresql_where=text("state <> 'disconnected'"),
    ),
)

# How it stands with reading a mailbox from its server, and who is at it. A lease that ran out binds nobody.
mailbox_sync = Table(
    "mailbox_sync",
    metadata,
    Column("mailbox_id", Id, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("next_try_at", BigInteger),  # NULL: not by itself
    Column("failures", Integer, nullable=False),
    Column("trouble", Text),
    Column("error", Text),
    Column("passed_at", BigInteger),
    Column("complete_at", BigInteger),
    Column("lease_token", Text),
    Column("lease_until", BigInteger),
    _one_of("state", SyncState),
    _one_of("trouble", Trouble),
    CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name="lease"),
    Index(None, "next_try_at"),
)

# Through which server a mailbox sends. A login of its own has both a name and a password.
mail_providers = Table(
    "mail_providers",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("client_id", Text, nullable=False),
    Column("sealed_client_secret", LargeBinary),
    Column("authorization_url", Text, nullable=False),
    Column("token_url", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
)

mailbox_grants = Table(
    "mailbox_grants",
    metadata,
    Column("mailbox_id", Id, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    _reference("provider_id", "mail_providers"),
    Column("sealed_refresh_token", LargeBinary, nullable=False),
    Column("sealed_access_token", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

mailbox_aliases = Table(
    "mailbox_aliases",
    metadata,
    Column("mailbox_id", Id, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("address", Text, primary_key=True),
    sqlite_with_rowid=False,
)

smtp_servers = Table(
    "smtp_servers",
    metadata,
    Column("mailbox_id", Id, ForeignKey("mailboxes.id"), primary_key=True, autoincrement=False),
    Column("host", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("security", Text, nullable=False),
    Column("username", Text),
    Column("sealed_password", LargeBinary),
    Column("ca_certificates", Text),
    CheckConstraint("security IN ('tls', 'starttls', 'none')", name="security"),
    CheckConstraint("(username IS NULL) = (sealed_password IS NULL)", name="login"),
)

copies = Table(
    "copies",
    metadata,
    _id(),
    _reference("user_id", "users"),
    Column("kind", Text, nullable=False),
    _reference("mailbox_id", "mailboxes", nullable=True),
    Column("folder", Text, nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", Text, nullable=False),
    Column("email_key", LargeBinary, nullable=False),
    Column("message_id", Text),
    Column("sender", Text),
    Column("sent_at", BigInteger),
    Column("subject", Text, nullable=False),
    Column("problems", Text),
    _reference("thread_id", "threads"),
    Column("withheld", Boolean, nullable=False),  # from everyone but its user, as core.withholding says
    Column("is_automated", Boolean, nullable=False, server_default=text("false")),  # a program sent it
    Column("headers_only", Boolean, nullable=False, server_default=text("false")),  # it is too large to be read
    Column("digest", LargeBinary),  # SHA-256 of its bytes: by it a message is known again in another place
    Column("flags", Text, nullable=False, server_default=text("''")),  # as the server has them, in order
    Column("gone_at", BigInteger),  # since when its source does not have it: it is in no view
    # What lists show of it; NULL where it came before these were read.
    Column("summary", Text),
    Column("has_attachment", Boolean),
    Column("conversation", BigInteger),  # the same for whoever has a copy, as core.matching says
    _one_of("kind", Kind),
    CheckConstraint("(kind = 'crm') = (mailbox_id IS NULL)", name="source"),
    Index("ix_copies_email", "user_id", "email_key"),
    Index(None, "thread_id"),
    Index("uq_copies_mailbox", "mailbox_id", "folder", "uidvalidity", "uid", unique=True),
    Index("ix_copies_digest", "mailbox_id", "digest"),
    Index(
        "ix_copies_gone",
        "mailbox_id",
        "gone_at",
        sqlite_where=text("gone_at IS NOT NULL"),
        postgresql_where=text("gone_at IS NOT NULL"),
    ),
    Index(
        "uq_copies_crm",
        "user_id",
        "uid",
        unique=True,
        sqlite_where=text("kind = 'crm'"),
        postgresql_where=text("kind = 'crm'"),
    ),
)

# The folders of a mailbox, and up to where each was read. What the server said is as of the last complete reading.
folders = Table(
    "folders",
    metadata,
    _id(),
    _reference("mailbox_id", "mailboxes"),
    Column("name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("uidvalidity", BigInteger),
    Column("uidnext", BigInteger),
    Column("messages", BigInteger),
    Column("highestmodseq", BigInteger),
    Column("watermark", BigInteger, nullable=False),  # up to this UID everything that is wanted is stored
    Column("reconciled_at", BigInteger),
    Column("doubted_since", BigInteger),
    Column("resets", Integer, nullable=False),  # changes of UIDVALIDITY in a row
    Column("error", Text),
    Column("is_read", Boolean),  # by choice; NULL: as its use says
    _one_of("state", FolderState),
    UniqueConstraint("mailbox_id", "name"),
)

# A conversation as one user has it: what others send cannot tie it to anybody else's mail.
threads = Table(
    "threads",
    metadata,
    _id(),
    _reference("user_id", "users"),
    Column("withheld_at", BigInteger),
    Index(None, "user_id"),
)

# Every message that a thread's messages are or refer to, whether it came or not.
thread_messages = Table(
    "thread_messages",
    metadata,
    _reference("user_id", "users"),
    Column("message_id", Text, nullable=False),
    _reference("thread_id", "threads"),
    PrimaryKeyConstraint("user_id", "message_id"),
    Index(None, "thread_id"),
    sqlite_with_rowid=False,
)

withheld_emails = Table(
    "withheld_emails",
    metadata,
    _reference("user_id", "users"),
    Column("email_key", LargeBinary, nullable=False),
    Column("withheld_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("user_id", "email_key"),
    sqlite_with_rowid=False,
)

# What is left of a message without the files that stand in `attachments`.
raw_messages = Table(
    "raw_messages",
    metadata,
    Column("copy_id", Id, ForeignKey("copies.id"), primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

# What messages bring along, once each, by its SHA-256.
attached_files = Table(
    "attached_files",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# Where files stand in messages, and how they are written there: see storage/encoded_files.py.
attachments = Table(
    "attachments",
    metadata,
    Column("copy_id", Id, ForeignKey("copies.id"), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("digest", LargeBinary, ForeignKey("attached_files.digest"), nullable=False),
    Column("line_length", Integer, nullable=False),
    Column("ends_in_crlf", Boolean, nullable=False),
    PrimaryKeyConstraint("copy_id", "position"),
    Index(None, "digest"),
    sqlite_with_rowid=False,
)

# Messages that could not be stored, as they came, compressed by zlib (RFC 1950).
dead_letters = Table(
    "dead_letters",
    metadata,
    _id(),
    _reference("user_id", "users"),
    Column("kind", Text, nullable=False),
    _reference("mailbox_id", "mailboxes", nullable=True),
    Column("folder", Text, nullable=False),
    Column("uidvalidity", BigInteger, nullable=False),
    Column("uid", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("truncated", Boolean, nullable=False),
    _reference("record_id", "records", nullable=True),
    Column("reason", Text, nullable=False),
    Column("failed_at", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("compressed", LargeBinary, nullable=False),
    _one_of("kind", Kind),
    CheckConstraint("(kind = 'crm') = (mailbox_id IS NULL)", name="source"),
    Index(None, "user_id"),
    Index(None, "record_id"),
    Index("uq_dead_letters_mailbox", "mailbox_id", "folder", "uidvalidity", "uid", unique=True),
    Index(
        "uq_dead_letters_crm",
        "user_id",
        "uid",
        unique=True,
        sqlite_where=text("kind = 'crm'"),
        postgresql_where=text("kind = 'crm'"),
    ),
)

copy_participants = Table(
    "copy_participants",
    metadata,
    _reference("copy_id", "copies"),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("domain_key", Text(collation="C").with_variant(Text(), "sqlite"), nullable=False),  # com.example.mail.
    Column("name", Text, nullable=False),
    _one_of("role", ParticipantRole),
    PrimaryKeyConstraint("copy_id", "role", "address"),
    Index(None, "address"),
    Index("ix_copy_participants_domain", "domain_key", "copy_id"),
    sqlite_with_rowid=False,
)

# What of a copy a list is read by stands here again, so that an index has it: whose it is, when it was sent (0 where it
# says no time), and which e-mail it is. No copy ever changes any of it.
associations = Table(
    "associations",
    metadata,
    _reference("record_id", "records"),
    _reference("copy_id", "copies"),
    Column("associated_by", Text, nullable=False),
    Column("user_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("sent_at", BigInteger, nullable=False),
    Column("email_key", LargeBinary, nullable=False),
    _one_of("associated_by", AssociatedBy),
    PrimaryKeyConstraint("record_id", "copy_id", "associated_by"),
    Index(None, "copy_id"),
    Index("ix_associations_listed", "record_id", "user_id", "kind", "associated_by", "sent_at", "email_key", "copy_id"),
    sqlite_with_rowid=False,
)

# What was filed by hand and is gone, should it come back.
set_aside = Table(
    "set_aside",
    metadata,
    _reference("record_id", "records"),
    _reference("copy_id", "copies"),
    PrimaryKeyConstraint("record_id", "copy_id"),
    Index(None, "copy_id"),
    sqlite_with_rowid=False,
)

# How many copies each source holds on a record, and how many of them are not withheld: what an answer reads instead of
# the copies themselves.
record_mail = Table(
    "record_mail",
    metadata,
    _reference("record_id", "records"),
    _reference("user_id", "users"),
    Column("kind", Text, nullable=False),
    Column("associated_by", Text, nullable=False),
    Column("copies", BigInteger, nullable=False),
    Column("shareable", BigInteger, nullable=False),
    CheckConstraint("copies > 0", name="some"),
    CheckConstraint("shareable BETWEEN 0 AND copies", name="shareable"),
    Index(None, "user_id"),
    _one_of("kind", Kind),
    _one_of("associated_by", AssociatedBy),
    PrimaryKeyConstraint("record_id", "user_id", "kind", "associated_by"),
    sqlite_with_rowid=False,
)

email_shares = Table(
    "email_shares",
    metadata,
    _reference("record_id", "records"),
    _reference("user_id", "users"),
    Column("shared_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("record_id", "user_id"),
    sqlite_with_rowid=False,
)

# Messages to be sent from records, with what became of them. The text goes once nothing is left to be sent.
outbox = Table(
    "outbox",
    metadata,
    _id(),
    _reference("user_id", "users"),
    _reference("record_id", "records"),
    _reference("linked_record_id", "records", nullable=True),
    Column("email_key", LargeBinary, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("next_try_at", BigInteger),
    Column("error", Text),
    Column("raw", LargeBinary),
    _one_of("state", OutboxState),
    Index("ix_outbox_email", "user_id", "email_key"),
    Index(None, "record_id"),
    Index(None, "linked_record_id"),
    Index("ix_outbox_due", "state", "next_try_at"),
)

outbox_recipients = Table(
    "outbox_recipients",
    metadata,
    _reference("outbox_id", "outbox"),
    Column("address", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _one_of("state", RecipientState),
    PrimaryKeyConstraint("outbox_id", "address"),
    sqlite_with_rowid=False,
)

# Requests to send that a client may repeat: what was asked for, and the answer once there was one.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    _reference("user_id", "users"),
    Column("key_hash", LargeBinary, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    _reference("outbox_id", "outbox"),
    Column("answer", Text),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("user_id", "key_hash"),
    Index(None, "outbox_id"),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

uploaded_files = Table(
    "uploaded_files",
    metadata,
    Column("id", Text, nullable=False),
    _reference("user_id", "users"),
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    Index(None, "user_id"),
    Index(None, "expires_at"),
)

# What users wrote and have not sent, each its user's alone. People are a JSON list of [address, name].
email_drafts = Table(
    "email_drafts",
    metadata,
    Column("id", Text, nullable=False),
    _reference("user_id", "users"),
    _reference("record_id", "records"),
    _reference("linked_record_id", "records", nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("modified_at", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("cc", Text, nullable=False),
    Column("bcc", Text, nullable=False),
    Column("reply_to", Text),
    Column("subject", Text),
    Column("content", Text),
    Column("is_html", Boolean, nullable=False),
    Column("scheduled_at", BigInteger),
    Column("time_zone", Text),
    Column("source", Text),
    PrimaryKeyConstraint("id"),
    Index("ix_email_drafts_created", "user_id", "record_id", "created_at", "id"),
    Index("ix_email_drafts_modified", "user_id", "record_id", "modified_at", "id"),
    Index(None, "record_id"),
    Index(None, "linked_record_id"),
)

# The uploaded files of a draft, which do not expire while it is there.
email_draft_files = Table(
    "email_draft_files",
    metadata,
    Column("draft_id", Text, ForeignKey("email_drafts.id"), nullable=False),
    Column("place", Integer, nullable=False),
    Column("file_id", Text, ForeignKey("uploaded_files.id"), nullable=False),
    PrimaryKeyConstraint("draft_id", "place"),
    Index(None, "file_id"),
    sqlite_with_rowid=False,
)

# What was changed, by whom, from what to what. Rows are added and read; the database itself refuses anything else.
audit_entries = Table(
    "audit_entries",
    metadata,
    _id(),
    Column("at", BigInteger, nullable=False),
    _reference("actor_id", "users", nullable=True),  # NULL: whoever has the command line, or nobody of the team
    Column("channel", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("subject", Text, nullable=False),
    _reference("owner_id", "users", nullable=True),  # whose mail it concerns, if it is one user's
    _reference("role_id", "roles", nullable=True),  # whose owners' mail it concerns, if it is a role's
    Column("before", Text),
    Column("after", Text),
    Index(None, "owner_id"),
    Index(None, "role_id"),
)
