"""What is sealed in the database: each column once, with what its secrets are bound to."""

from dataclasses import dataclass

from sqlalchemy import Column, Connection, bindparam, select, text, update

from postroom.storage.schema import mail_providers, mailbox_grants, mailboxes, smtp_servers
from postroom.storage.secrets import SecretBox

_KEY_LOCK = 0x706F7375  # any number that nothing else locks on


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of secrets, each of which opens for the id in its row alone."""

    column: Column[bytes | None]
    id: Column[int]
    context: str

    def seal(self, connection: Connection, box: SecretBox, row_id: int, secret: str) -> bytes:
        """Seal a secret for a row that is written in the same transaction. Raises SecretKeyError."""
        lock_key(connection, exclusive=False)
        return box.seal(secret, self.context.format(row_id))

    def open(self, box: SecretBox, row_id: int, sealed: bytes) -> str:
        """Open the secret of a row. Raises SecretKeyError."""
        return box.open(sealed, self.context.format(row_id))


MAILBOX_PASSWORD = SealedColumn(mailboxes.c.sealed_password, mailboxes.c.id, "mailbox {}")
SMTP_PASSWORD = SealedColumn(smtp_servers.c.sealed_password, smtp_servers.c.mailbox_id, "smtp of mailbox {}")
CLIENT_SECRET = SealedColumn(mail_providers.c.sealed_client_secret, mail_providers.c.id, "client secret of provider {}")
REFRESH_TOKEN = SealedColumn(
    mailbox_grants.c.sealed_refresh_token, mailbox_grants.c.mailbox_id, "refresh token of mailbox {}"
)
ACCESS_TOKEN = SealedColumn(
    mailbox_grants.c.sealed_access_token, mailbox_grants.c.mailbox_id, "access token of mailbox {}"
)

SEALED_COLUMNS = (MAILBOX_PASSWORD, SMTP_PASSWORD, CLIENT_SECRET, REFRESH_TOKEN, ACCESS_TOKEN)


def lock_key(connection: Connection, *, exclusive: bool) -> None:
    """Keep the key from changing between sealing a secret and storing it, until the transaction ends.

    Whoever seals locks shared; whoever changes the key, exclusive. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        function = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {function}(:key)"), {"key": _KEY_LOCK})


def open_all(connection: Connection, box: SecretBox) -> list[tuple[SealedColumn, int, str]]:
    """Give every secret with its column and the id in its row. Raises SecretKeyError where one does not open."""
    return [
        (each, row_id, each.open(box, row_id, sealed))
        for each in SEALED_COLUMNS
        for row_id, sealed in connection.execute(select(each.id, each.column))
        if sealed is not None
    ]


def store_all(connection: Connection, box: SecretBox, secrets: list[tuple[SealedColumn, int, str]]) -> None:
    """Store secrets anew in rows that are there, sealed with the key of now. Raises SecretKeyError."""
    for each in SEALED_COLUMNS:
        rows = [
            {"row_id": row_id, "sealed": each.seal(connection, box, row_id, secret)}
            for column, row_id, secret in secrets
            if column is each
        ]
        if rows:
            changed = update(each.column.table).where(each.id == bindparam("row_id"))
            connection.execute(changed.values({each.column.name: bindparam("sealed")}), rows)
