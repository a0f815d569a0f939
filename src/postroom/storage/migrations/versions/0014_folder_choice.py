"""Folders that are read, or left out, by choice."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("folders", sa.Column("is_read", sa.Boolean(), nullable=True))
