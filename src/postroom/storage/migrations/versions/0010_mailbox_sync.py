"""How it stands with reading each mailbox, and who is at it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mailbox_sync",
        sa.Column("mailbox_id", ID, autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("next_try_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("passed_at", sa.BigInteger(), nullable=True),
        sa.Column("complete_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_token", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('failing', 'healthy', 'incomplete', 'needs_login', 'new')", name=op.f("ck_mailbox_sync_state")
        ),
        sa.CheckConstraint(
            "trouble IN ('authentication', 'permanent', 'throttled', 'transient')",
            name=op.f("ck_mailbox_sync_trouble"),
        ),
        sa.CheckConstraint("(lease_token IS NULL) = (lease_until IS NULL)", name=op.f("ck_mailbox_sync_lease")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_mailbox_sync_mailbox_id")),
        sa.PrimaryKeyConstraint("mailbox_id", name=op.f("pk_mailbox_sync")),
    )
    op.create_index(op.f("ix_mailbox_sync_next_try_at"), "mailbox_sync", ["next_try_at"])
    op.execute(
        "INSERT INTO mailbox_sync (mailbox_id, state, next_try_at, failures)"
        " SELECT id, 'new', CASE WHEN host IS NULL THEN NULL ELSE 0 END, 0 FROM mailboxes"
    )
