"""Dead letters: messages that could not be stored."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mailbox_id", ID, nullable=True),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("record_id", ID, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("failed_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("compressed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("(kind = 'crm') = (mailbox_id IS NULL)", name=op.f("ck_dead_letters_source")),
        sa.CheckConstraint("kind IN ('crm', 'imap', 'pop')", name=op.f("ck_dead_letters_kind")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_dead_letters_mailbox_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_dead_letters_record_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_dead_letters_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_index(op.f("ix_dead_letters_record_id"), "dead_letters", ["record_id"])
    op.create_index(op.f("ix_dead_letters_user_id"), "dead_letters", ["user_id"])
    op.create_index(
        "uq_dead_letters_crm",
        "dead_letters",
        ["user_id", "uid"],
        unique=True,
        sqlite_where=sa.text("kind = 'crm'"),
        postgresql_where=sa.text("kind = 'crm'"),
    )
    op.create_index(
        "uq_dead_letters_mailbox",
        "dead_letters",
        ["mailbox_id", "folder", "uidvalidity", "uid"],
        unique=True,
    )
