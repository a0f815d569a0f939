"""Associations say whose e-mail it is, which one and when it was sent: what lists of e-mails are read by."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ADDED = ("user_id", "kind", "sent_at", "email_key")
_LISTED = ("record_id", "user_id", "kind", "associated_by", "sent_at", "email_key", "copy_id")


def upgrade() -> None:
    for column in (
        sa.Column("user_id", ID, nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("email_key", sa.LargeBinary(), nullable=True),
    ):
        op.add_column("associations", column)
    _fill_from_copies()
    # SQLite changes a column only where the whole table is written anew.
    with op.batch_alter_table("associations", table_kwargs={"sqlite_with_rowid": False}) as associations:
        for name in _ADDED:
            associations.alter_column(name, nullable=False)
        associations.create_index("ix_associations_listed", list(_LISTED))


def _fill_from_copies() -> None:
    copies = sa.table("copies", *map(sa.column, ("id", *_ADDED)))
    associations = sa.table("associations", *map(sa.column, ("copy_id", *_ADDED)))
    of_copy = copies.c.id == associations.c.copy_id
    values = {name: sa.func.coalesce(copies.c[name], 0) if name == "sent_at" else copies.c[name] for name in _ADDED}
    op.execute(associations.update().where(of_copy).values(values))
