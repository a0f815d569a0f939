"""Folders of mailboxes and how far each was read; copies that move, and that are gone."""

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("mailboxes", sa.Column("sync_since", sa.BigInteger(), nullable=True))
    op.create_table(
        "folders",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("mailbox_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=True),
        sa.Column("uidnext", sa.BigInteger(), nullable=True),
        sa.Column("messages", sa.BigInteger(), nullable=True),
        sa.Column("highestmodseq", sa.BigInteger(), nullable=True),
        sa.Column("watermark", sa.BigInteger(), nullable=False),
        sa.Column("reconciled_at", sa.BigInteger(), nullable=True),
        sa.Column("doubted_since", sa.BigInteger(), nullable=True),
        sa.Column("resets", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('backfilling', 'doubted', 'following', 'new', 'reconciling')", name=op.f("ck_folders_state")
        ),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_folders_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_folders")),
        sa.UniqueConstraint("mailbox_id", "name", name=op.f("uq_folders_mailbox_id_name")),
    )
    op.create_table(
        "set_aside",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("copy_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["copy_id"], ["copies.id"], name=op.f("fk_set_aside_copy_id")),
        sa.ForeignKeyConstraint(["record_id"], ["records.id"], name=op.f("fk_set_aside_record_id")),
        sa.PrimaryKeyConstraint("record_id", "copy_id", name=op.f("pk_set_aside")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_set_aside_copy_id"), "set_aside", ["copy_id"])
    op.add_column("copies", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("copies", sa.Column("flags", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.add_column("copies", sa.Column("gone_at", sa.BigInteger(), nullable=True))
    _digest_what_is_there()
    _name_folders_that_are_there()
    op.create_index("ix_copies_digest", "copies", ["mailbox_id", "digest"])
    there = sa.text("gone_at IS NOT NULL")
    op.create_index("ix_copies_gone", "copies", ["mailbox_id", "gone_at"], sqlite_where=there, postgresql_where=there)


def _digest_what_is_there() -> None:
    connection = op.get_bind()
    raw_messages = sa.table("raw_messages", sa.column("copy_id"), sa.column("raw", sa.LargeBinary()))
    copies = sa.table("copies", sa.column("id"), sa.column("digest", sa.LargeBinary()))
    statement = copies.update().where(copies.c.id == sa.bindparam("copy_id")).values(digest=sa.bindparam("of_raw"))
    last = 0
    while some := connection.execute(
        sa.select(raw_messages).where(raw_messages.c.copy_id > last).order_by(raw_messages.c.copy_id).limit(100)
    ).all():
        digests = [{"copy_id": row.copy_id, "of_raw": hashlib.sha256(row.raw).digest()} for row in some]
        connection.execute(statement, digests)
        last = some[-1].copy_id


def _name_folders_that_are_there() -> None:
    connection = op.get_bind()
    found = connection.execute(
        sa.text("SELECT DISTINCT mailbox_id, folder FROM copies WHERE mailbox_id IS NOT NULL AND uidvalidity <> 0")
    ).all()
    insertion = sa.text(
        "INSERT INTO folders (id, mailbox_id, name, state, watermark, resets)"
        " VALUES (:folder_id, :mailbox_id, :name, 'new', 0, 0)"
    )
    for mailbox_id, name in found:
        values = {"folder_id": _take_id(connection), "mailbox_id": mailbox_id, "name": name}
        connection.execute(insertion, values)


def _take_id(connection: sa.Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.execute(sa.text("SELECT nextval('ids')")).scalar_one())
    statement = sa.text("UPDATE ids SET next_id = next_id + 1 RETURNING next_id - 1")
    return int(connection.execute(statement).scalar_one())
