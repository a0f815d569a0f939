"""Files that messages bring along, once each. Mail that came before keeps its files within it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "attached_files",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_attached_files")),
    )
    op.create_table(
        "attachments",
        sa.Column("copy_id", ID, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("line_length", sa.Integer(), nullable=False),
        sa.Column("ends_in_crlf", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_attachments_copy_id")),
        sa.ForeignKeyConstraint(["digest"], ["attached_files.digest"], name=op.f("fk_attachments_digest")),
        sa.PrimaryKeyConstraint("copy_id", "position", name=op.f("pk_attachments")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_attachments_digest"), "attachments", ["digest"])
