"""Mail servers whose certificates an authority of their own has issued."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for name in ("mailboxes", "smtp_servers"):
        op.add_column(name, sa.Column("ca_certificates", sa.Text(), nullable=True))
