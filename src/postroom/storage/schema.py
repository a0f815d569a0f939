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

from postroom.core.model import (
    AssociatedBy,
    CrmAccess,
    Kind,
    ParticipantRole,
    Permission,
    Profile,
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


organisation = Table(
    "organisation",
    metadata,
    _id(),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("default_permission", Text, nullable=False),
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
    Column("chosen_permission", Text),
    _one_of("profile", Profile),
    _one_of("status", UserStatus),
    _one_of("assigned_permission", Permission),
    CheckConstraint("chosen_permission IN ('custom', 'private', 'public')", name="chosen_permission"),
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
    PrimaryKeyConstraint("token_hash"),
    Index(None, "user_id"),
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
    UniqueConstraint("module_id", "import_key"),
    Index(None, "owner_id"),
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
    _reference("user_id", "users", nullable=True),
    _reference("role_id", "roles", nullable=True),
    Column("and_subordinates", Boolean, nullable=False),
    CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name="user_or_role"),
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
    _one_of("kind", Kind),
    CheckConstraint("(kind = 'crm') = (mailbox_id IS NULL)", name="source"),
    Index(None, "user_id"),
    Index("uq_copies_mailbox", "mailbox_id", "folder", "uidvalidity", "uid", unique=True),
    Index(
        "uq_copies_crm",
        "user_id",
        "uid",
        unique=True,
        sqlite_where=text("kind = 'crm'"),
        postgresql_where=text("kind = 'crm'"),
    ),
)

raw_messages = Table(
    "raw_messages",
    metadata,
    Column("copy_id", Id, ForeignKey("copies.id"), primary_key=True, autoincrement=False),
    Column("raw", LargeBinary, nullable=False),
)

copy_participants = Table(
    "copy_participants",
    metadata,
    _reference("copy_id", "copies"),
    Column("role", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    _one_of("role", ParticipantRole),
    PrimaryKeyConstraint("copy_id", "role", "address"),
    Index(None, "address"),
    sqlite_with_rowid=False,
)

associations = Table(
    "associations",
    metadata,
    _reference("record_id", "records"),
    _reference("copy_id", "copies"),
    Column("associated_by", Text, nullable=False),
    _one_of("associated_by", AssociatedBy),
    PrimaryKeyConstraint("record_id", "copy_id", "associated_by"),
    Index(None, "copy_id"),
    sqlite_with_rowid=False,
)

# How many copies each source holds on a record: what an answer reads instead of the copies themselves.
record_mail = Table(
    "record_mail",
    metadata,
    _reference("record_id", "records"),
    _reference("user_id", "users"),
    Column("kind", Text, nullable=False),
    Column("associated_by", Text, nullable=False),
    Column("copies", BigInteger, nullable=False),
    CheckConstraint("copies > 0", name="some"),
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
