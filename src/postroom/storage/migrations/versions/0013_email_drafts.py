"""Drafts of e-mails."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "email_drafts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("linked_record_id", ID, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("cc", sa.Text(), nullable=False),
        sa.Column("bcc", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("is_html", sa.Boolean(), nullable=False),
        sa.Column("scheduled_at", sa.BigInteger(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["linked_record_id"], ["records.id"], name=op.f("fk_email_drafts_linked_record_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_email_drafts_record_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_email_drafts_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_drafts")),
    )
    op.create_index("ix_email_drafts_created", "email_drafts", ["user_id", "record_id", "created_at", "id"])
    op.create_index("ix_email_drafts_modified", "email_drafts", ["user_id", "record_id", "modified_at", "id"])
    op.create_index(op.f("ix_email_drafts_linked_record_id"), "email_drafts", ["linked_record_id"])
    op.create_index(op.f("ix_email_drafts_record_id"), "email_drafts", ["record_id"])
    op.create_table(
        "email_draft_files",
        sa.Column("draft_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["draft_id"], ["email_drafts.id"], name=op.f("fk_email_draft_files_draft_id")),
        sa.ForeignKeyConstraint(["file_id"], ["uploaded_files.id"], name=op.f("fk_email_draft_files_file_id")),
        sa.PrimaryKeyConstraint("draft_id", "place", name=op.f("pk_email_draft_files")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_email_draft_files_file_id"), "email_draft_files", ["file_id"])
