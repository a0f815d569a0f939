"""OAuth 2: clients, what users granted them, and people's passwords and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("redirect_uris", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=True),
        sa.Column("scopes", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('confidential', 'public', 'service')", name=op.f("ck_clients_kind")),
        sa.CheckConstraint("(kind = 'public') = (secret_hash IS NULL)", name=op.f("ck_clients_secret")),
        sa.CheckConstraint(
            "(kind = 'service') = (user_id IS NOT NULL AND scopes IS NOT NULL)", name=op.f("ck_clients_service")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_clients_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_index(op.f("ix_clients_user_id"), "clients", ["user_id"])
    op.create_table(
        "grants",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("client_id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("code_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("code_used_at", sa.BigInteger(), nullable=True),
        sa.Column("redirect_uri", sa.Text(), nullable=True),
        sa.Column("code_challenge", sa.Text(), nullable=True),
        sa.Column("is_offline", sa.Boolean(), nullable=False),
        sa.Column("family_hash", sa.LargeBinary(), nullable=True),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("(family_hash IS NULL) = (refresh_hash IS NULL)", name=op.f("ck_grants_refresh")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_grants_client_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_grants_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_grants_code_hash")),
        sa.UniqueConstraint("family_hash", name=op.f("uq_grants_family_hash")),
    )
    for column in ("client_id", "user_id"):
        op.create_index(op.f(f"ix_grants_{column}"), "grants", [column])
    passing = sa.text("family_hash IS NULL")
    op.create_index(
        op.f("ix_grants_without_refresh"), "grants", ["granted_at"], sqlite_where=passing, postgresql_where=passing
    )
    op.create_table(
        "passwords",
        sa.Column("user_id", ID, autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passwords_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_passwords")),
    )
    op.create_table(
        "sessions",
        sa.Column("session_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("session_hash", name=op.f("pk_sessions")),
        sqlite_with_rowid=False,
    )
    for column in ("user_id", "expires_at"):
        op.create_index(op.f(f"ix_sessions_{column}"), "sessions", [column])
    op.create_table(
        "sign_in_attempts",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_sign_in_attempts")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sign_in_attempts_since"), "sign_in_attempts", ["since"])
    # SQLite names a foreign key only where the whole table is written anew.
    with op.batch_alter_table("tokens", table_kwargs={"sqlite_with_rowid": False}) as tokens:
        tokens.add_column(sa.Column("grant_id", ID, nullable=True))
        tokens.create_foreign_key(op.f("fk_tokens_grant_id"), "grants", ["grant_id"], ["id"])
        tokens.create_index(op.f("ix_tokens_grant_id"), ["grant_id"])
        tokens.create_index(op.f("ix_tokens_expires_at"), ["expires_at"])
