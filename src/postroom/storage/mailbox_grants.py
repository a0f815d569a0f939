"""Authorization servers, and what they granted for mailboxes."""

from sqlalchemy import Connection, delete, exists, insert, select, update

from postroom.core.model import MailboxGrant, MailProvider
from postroom.storage.database import upsert
from postroom.storage.schema import mail_providers, mailbox_grants


def insert_provider(connection: Connection, provider: MailProvider) -> None:
    """Add a provider, whose name must be free."""
    values = {name: getattr(provider, name) for name in provider.__slots__}
    connection.execute(insert(mail_providers).values(values))


def list_providers(connection: Connection) -> list[MailProvider]:
    """Give all providers by name."""
    rows = connection.execute(select(mail_providers)).mappings()
    return sorted((MailProvider(**row) for row in rows), key=lambda provider: provider.name)


def set_client_secret(connection: Connection, provider_id: int, sealed: bytes) -> None:
    """Set the secret of the client at a provider."""
    of_provider = update(mail_providers).where(mail_providers.c.id == provider_id)
    connection.execute(of_provider.values(sealed_client_secret=sealed))


def mailboxes_by(connection: Connection, provider_id: int) -> list[int]:
    """Give the mailboxes that are reached by a provider."""
    reached = select(mailbox_grants.c.mailbox_id).where(mailbox_grants.c.provider_id == provider_id)
    return list(connection.execute(reached).scalars())


def delete_provider(connection: Connection, provider_id: int) -> bool:
    """Delete a provider by which no mailbox is reached; say whether that was so."""
    is_used = select(exists().where(mailbox_grants.c.provider_id == provider_id))
    if connection.execute(is_used).scalar_one():
        return False
    connection.execute(delete(mail_providers).where(mail_providers.c.id == provider_id))
    return True


def set_grant(connection: Connection, grant: MailboxGrant) -> None:
    """Set what was granted for a mailbox, in place of what was before."""
    values = {name: getattr(grant, name) for name in grant.__slots__}
    new = upsert(connection, mailbox_grants).values(values)
    connection.execute(new.on_conflict_do_update(index_elements=["mailbox_id"], set_=values))


def delete_grant(connection: Connection, mailbox_id: int) -> None:
    """Forget what was granted for a mailbox."""
    connection.execute(delete(mailbox_grants).where(mailbox_grants.c.mailbox_id == mailbox_id))


def grant_of(connection: Connection, mailbox_id: int, *, for_update: bool = False) -> MailboxGrant | None:
    """Give what was granted for a mailbox; `for_update` keeps it as it is until the end of the transaction."""
    granted = select(mailbox_grants).where(mailbox_grants.c.mailbox_id == mailbox_id)
    found = connection.execute(granted.with_for_update() if for_update else granted).mappings()
    return next((MailboxGrant(**row) for row in found), None)
