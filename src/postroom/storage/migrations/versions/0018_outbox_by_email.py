"""What became of an e-mail that was sent is found by the e-mail."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Find messages of a user by their key as well."""
    op.drop_index("ix_outbox_user_id", table_name="outbox")
    op.create_index("ix_outbox_email", "outbox", ["user_id", "email_key"])
