"""Access to mailboxes by OAuth 2: authorization servers, and what was granted."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mail_providers",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("sealed_client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("authorization_url", sa.Text(), nullable=False),
        sa.Column("token_url", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_providers")),
        sa.UniqueConstraint("name", name=op.f("uq_mail_providers_name")),
    )
    op.create_table(
        "mailbox_grants",
        sa.Column("mailbox_id", ID, autoincrement=False, nullable=False),
        sa.Column("provider_id", ID, nullable=False),
        sa.Column("sealed_refresh_token", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_access_token", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailboxes.id"], name=op.f("fk_mailbox_grants_mailbox_id")),
        sa.ForeignKeyConstraint(["provider_id"], ["mail_providers.id"], name=op.f("fk_mailbox_grants_provider_id")),
        sa.PrimaryKeyConstraint("mailbox_id", name=op.f("pk_mailbox_grants")),
    )
