"""What lists of e-mails show of a copy: how its text begins, whether it has files, and of which conversation it is."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    # NULL where the copy came before: nobody looked.
    op.add_column("copies", sa.Column("summary", sa.Text(), nullable=True))
    op.add_column("copies", sa.Column("has_attachment", sa.Boolean(), nullable=True))
    op.add_column("copies", sa.Column("conversation", sa.BigInteger(), nullable=True))
