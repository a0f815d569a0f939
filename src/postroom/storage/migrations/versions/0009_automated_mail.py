"""Copies say whether a program sent the message, and whether only its headers were read."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """What is stored already counts as neither: it is not read again."""
    for name in ("is_automated", "headers_only"):
        op.add_column("copies", sa.Column(name, sa.Boolean(), server_default=sa.text("false"), nullable=False))
