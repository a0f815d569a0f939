"""Mailboxes that were disconnected keep no password, of their own or of a server that they sent through."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_WITHOUT_SERVERS = """
DELETE FROM smtp_servers WHERE mailbox_id IN (SELECT id FROM mailboxes WHERE state = 'disconnected')
"""


def upgrade() -> None:
    """Forget what can be of no use: whoever connects such a mailbox again gives a password."""
    op.execute(sa.text("UPDATE mailboxes SET sealed_password = NULL WHERE state = 'disconnected'"))
    op.execute(sa.text(_WITHOUT_SERVERS))
