"""Further addresses of mailboxes."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mailbox_aliases",
        sa.Column("mailbox_id", ID, autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_mailbox_aliases_mailbox_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "address", name=op.f("pk_mailbox_aliases")),
        sqlite_with_rowid=False,
    )
