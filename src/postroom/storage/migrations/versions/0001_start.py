"""The first schema."""

import sqlalchemy as sa
from alembic import op

from postroom.storage.ids import FIRST_ID

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT_C = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")


# What was written to the audit stays as it was, whoever asks the database to change it.
# INSERT OR REPLACE erases without asking the trigger of DELETE.
_APPEND_ONLY_SQLITE = tuple(
    f"CREATE TRIGGER audit_entries_{name} BEFORE {act} ON audit_entries {condition} "
    "BEGIN SELECT RAISE(ABORT, 'audit_entries is append-only'); END"
    for name, act, condition in (
        ("update", "UPDATE", ""),
        ("delete", "DELETE", ""),
        ("replace", "INSERT", "WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)"),
    )
)
_APPEND_ONLY_POSTGRESQL = (
    """
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'audit_entries is append-only'; END $$
    """,
    """
    CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()
    """,
)


def upgrade() -> None:
    op.create_table(
        "audiences",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audiences")),
    )
    op.create_table(
        "internal_domains",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name=op.f("pk_internal_domains")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "modules",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("api_name", sa.Text(), nullable=False),
        sa.Column("module_key", sa.Text(), nullable=False),
        sa.Column("has_emails", sa.Boolean(), nullable=False),
        sa.Column("is_custom", sa.Boolean(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_modules")),
        sa.UniqueConstraint("module_key", name=op.f("uq_modules_module_key")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("default_permission", sa.Text(), nullable=False),
        sa.Column("default_audience_id", ID, nullable=True),
        sa.Column("crm_access", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "crm_access IN ('private', 'public_read_only', 'public_read_write', 'public_read_write_delete')",
            name=op.f("ck_organisation_crm_access"),
        ),
        sa.CheckConstraint(
            "default_permission IN ('custom', 'private', 'public', 'users_choice')",
            name=op.f("ck_organisation_default_permission"),
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_organisation_only_one")),
        sa.ForeignKeyConstraint(
            ["default_audience_id"], ["audiences.id"], name=op.f("fk_organisation_default_audience_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "roles",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", ID, nullable=True),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.Column("email_permission", sa.Text(), nullable=True),
        sa.Column("audience_id", ID, nullable=True),
        sa.CheckConstraint(
            "email_permission IN ('custom', 'private', 'public', 'users_choice')",
            name=op.f("ck_roles_email_permission"),
        ),
        sa.ForeignKeyConstraint(["audience_id"], ["audiences.id"], name=op.f("fk_roles_audience_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["roles.id"], name=op.f("fk_roles_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roles")),
        sa.UniqueConstraint("name", name=op.f("uq_roles_name")),
    )
    op.create_table(
        "users",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("assigned_permission", sa.Text(), nullable=True),
        sa.Column("assigned_audience_id", ID, nullable=True),
        sa.Column("chosen_permission", sa.Text(), nullable=True),
        sa.Column("chosen_audience_id", ID, nullable=True),
        sa.CheckConstraint(
            "assigned_permission IN ('custom', 'private', 'public', 'users_choice')",
            name=op.f("ck_users_assigned_permission"),
        ),
        sa.CheckConstraint(
            "chosen_permission IN ('custom', 'private', 'public')", name=op.f("ck_users_chosen_permission")
        ),
        sa.CheckConstraint("profile IN ('Administrator', 'Standard')", name=op.f("ck_users_profile")),
        sa.CheckConstraint("status IN ('active', 'deleted', 'inactive')", name=op.f("ck_users_status")),
        sa.ForeignKeyConstraint(["assigned_audience_id"], ["audiences.id"], name=op.f("fk_users_assigned_audience_id")),
        sa.ForeignKeyConstraint(["chosen_audience_id"], ["audiences.id"], name=op.f("fk_users_chosen_audience_id")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_users_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "audience_members",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("audience_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("and_subordinates", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name=op.f("ck_audience_members_user_or_role")),
        sa.ForeignKeyConstraint(["audience_id"], ["audiences.id"], name=op.f("fk_audience_members_audience_id")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_audience_members_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audience_members_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audience_members")),
        sa.UniqueConstraint("audience_id", "role_id", name=op.f("uq_audience_members_audience_id_role_id")),
        sa.UniqueConstraint("audience_id", "user_id", name=op.f("uq_audience_members_audience_id_user_id")),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_entries_actor_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_audit_entries_owner_id")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_audit_entries_role_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_owner_id"), "audit_entries", ["owner_id"], unique=False)
    op.create_index(op.f("ix_audit_entries_role_id"), "audit_entries", ["role_id"], unique=False)
    op.create_table(
        "excluded_domains",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.CheckConstraint("role_id IS NULL OR user_id IS NULL", name=op.f("ck_excluded_domains_one_scope")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_excluded_domains_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_excluded_domains_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_excluded_domains")),
    )
    op.create_index(
        "uq_excluded_domains_organisation",
        "excluded_domains",
        ["domain"],
        unique=True,
        sqlite_where=sa.text("role_id IS NULL AND user_id IS NULL"),
        postgresql_where=sa.text("role_id IS NULL AND user_id IS NULL"),
    )
    op.create_index("uq_excluded_domains_role", "excluded_domains", ["role_id", "domain"], unique=True)
    op.create_index("uq_excluded_domains_user", "excluded_domains", ["user_id", "domain"], unique=True)
    op.create_table(
        "mailboxes",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("protocol", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("security", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("protocol IN ('imap', 'pop')", name=op.f("ck_mailboxes_protocol")),
        sa.CheckConstraint("security IN ('tls', 'starttls', 'none')", name=op.f("ck_mailboxes_security")),
        sa.CheckConstraint("state IN ('active', 'paused', 'failing', 'disconnected')", name=op.f("ck_mailboxes_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mailboxes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailboxes")),
    )
    op.create_index("ix_mailboxes_latest", "mailboxes", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_mailboxes_connected_address",
        "mailboxes",
        ["address"],
        unique=True,
        sqlite_where=sa.text("state <> 'disconnected'"),
        postgresql_where=sa.text("state <> 'disconnected'"),
    )
    op.create_index(
        "uq_mailboxes_connected_user",
        "mailboxes",
        ["user_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'disconnected'"),
        postgresql_where=sa.text("state <> 'disconnected'"),
    )
    op.create_table(
        "records",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("module_id", ID, nullable=False),
        sa.Column("owner_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("import_key", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["module_id"], ["modules.id"], name=op.f("fk_records_module_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_records_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_records")),
        sa.UniqueConstraint("module_id", "import_key", name=op.f("uq_records_module_id_import_key")),
    )
    op.create_index(op.f("ix_records_owner_id"), "records", ["owner_id"], unique=False)
    op.create_table(
        "threads",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("withheld_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_threads_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
    )
    op.create_index(op.f("ix_threads_user_id"), "threads", ["user_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tokens_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tokens_user_id"), "tokens", ["user_id"], unique=False)
    op.create_table(
        "withheld_emails",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("email_key", sa.LargeBinary(), nullable=False),
        sa.Column("withheld_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_withheld_emails_user_id")),
        sa.PrimaryKeyConstraint("user_id", "email_key", name=op.f("pk_withheld_emails")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "copies",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mailbox_id", ID, nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("email_key", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.Column("thread_id", ID, nullable=False),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(kind = 'crm') = (mailbox_id IS NULL)", name=op.f("ck_copies_source")),
        sa.CheckConstraint("kind IN ('crm', 'imap', 'pop')", name=op.f("ck_copies_kind")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_copies_mailbox_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_copies_thread_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_copies_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copies")),
    )
    op.create_index("ix_copies_email", "copies", ["user_id", "email_key"], unique=False)
    op.create_index(op.f("ix_copies_thread_id"), "copies", ["thread_id"], unique=False)
    op.create_index(
        "uq_copies_crm",
        "copies",
        ["user_id", "uid"],
        unique=True,
        sqlite_where=sa.text("kind = 'crm'"),
        postgresql_where=sa.text("kind = 'crm'"),
    )
    op.create_index("uq_copies_mailbox", "copies", ["mailbox_id", "folder", "uidvalidity", "uid"], unique=True)
    op.create_table(
        "email_shares",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("shared_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_email_shares_record_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_email_shares_user_id")),
        sa.PrimaryKeyConstraint("record_id", "user_id", name=op.f("pk_email_shares")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_addresses",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_record_addresses_record_id")),
        sa.PrimaryKeyConstraint("record_id", "address", name=op.f("pk_record_addresses")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_addresses_address"), "record_addresses", ["address"], unique=False)
    op.create_table(
        "record_links",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("linked_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["linked_id"], ["records.id"], name=op.f("fk_record_links_linked_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_record_links_record_id")),
        sa.PrimaryKeyConstraint("record_id", "linked_id", name=op.f("pk_record_links")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_links_linked_id"), "record_links", ["linked_id"], unique=False)
    op.create_table(
        "record_mail",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("associated_by", sa.Text(), nullable=False),
        sa.Column("copies", sa.BigInteger(), nullable=False),
        sa.Column("shareable", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("associated_by IN ('address', 'hand')", name=op.f("ck_record_mail_associated_by")),
        sa.CheckConstraint("kind IN ('crm', 'imap', 'pop')", name=op.f("ck_record_mail_kind")),
        sa.CheckConstraint("copies > 0", name=op.f("ck_record_mail_some")),
        sa.CheckConstraint("shareable BETWEEN 0 AND copies", name=op.f("ck_record_mail_shareable")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_record_mail_record_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_record_mail_user_id")),
        sa.PrimaryKeyConstraint("record_id", "user_id", "kind", "associated_by", name=op.f("pk_record_mail")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_record_mail_user_id"), "record_mail", ["user_id"], unique=False)
    op.create_table(
        "record_shares",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("role_id", ID, nullable=True),
        sa.Column("and_subordinates", sa.Boolean(), nullable=False),
        sa.CheckConstraint("(user_id IS NULL) <> (role_id IS NULL)", name=op.f("ck_record_shares_user_or_role")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_record_shares_record_id")),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name=op.f("fk_record_shares_role_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_record_shares_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_shares")),
        sa.UniqueConstraint("record_id", "role_id", name=op.f("uq_record_shares_record_id_role_id")),
        sa.UniqueConstraint("record_id", "user_id", name=op.f("uq_record_shares_record_id_user_id")),
    )
    op.create_table(
        "thread_messages",
        sa.Column("user_id", ID, nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("thread_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_thread_messages_thread_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_thread_messages_user_id")),
        sa.PrimaryKeyConstraint("user_id", "message_id", name=op.f("pk_thread_messages")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_thread_messages_thread_id"), "thread_messages", ["thread_id"], unique=False)
    op.create_table(
        "associations",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("copy_id", ID, nullable=False),
        sa.Column("associated_by", sa.Text(), nullable=False),
        sa.CheckConstraint("associated_by IN ('address', 'hand')", name=op.f("ck_associations_associated_by")),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_associations_copy_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_associations_record_id")),
        sa.PrimaryKeyConstraint("record_id", "copy_id", "associated_by", name=op.f("pk_associations")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_associations_copy_id"), "associations", ["copy_id"], unique=False)
    op.create_table(
        "copy_participants",
        sa.Column("copy_id", ID, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("domain_key", TEXT_C, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('bcc', 'cc', 'from', 'to')", name=op.f("ck_copy_participants_role")),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_copy_participants_copy_id")),
        sa.PrimaryKeyConstraint("copy_id", "role", "address", name=op.f("pk_copy_participants")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_copy_participants_address"), "copy_participants", ["address"], unique=False)
    op.create_index("ix_copy_participants_domain", "copy_participants", ["domain_key", "copy_id"], unique=False)
    op.create_table(
        "raw_messages",
        sa.Column("copy_id", ID, autoincrement=False, nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_raw_messages_copy_id")),
        sa.PrimaryKeyConstraint("copy_id", name=op.f("pk_raw_messages")),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE SEQUENCE ids START {FIRST_ID}")
        for statement in _APPEND_ONLY_POSTGRESQL:
            op.execute(statement)
        return
    counter = op.create_table("ids", sa.Column("next_id", sa.BigInteger(), nullable=False))
    op.bulk_insert(counter, [{"next_id": FIRST_ID}])
    for statement in _APPEND_ONLY_SQLITE:
        op.execute(statement)
