"""Replacing the key of the mailbox passwords, while servers go on."""

from postroom.actions.actor import Actor
from postroom.actions.changes import Transaction
from postroom.actions.errors import NotFound
from postroom.storage.database import Database
from postroom.storage.sealed import lock_key, open_all, store_all
from postroom.storage.secrets import SecretBox


def rotate_key(database: Database, box: SecretBox, *, by: Actor, now: int) -> int:
    """Seal every secret with a new key, and forget the old one; give the number of secrets.

    An interruption at any moment loses nothing: the key file holds both keys until all is done, and the next call
    completes it. Raises NotFound where there is no key yet, SecretKeyError where a secret does not open.
    """
    before = box.fingerprint()
    if before is None:
        raise NotFound("there is no key yet; it is made with the first password")
    with database.write() as connection:
        lock_key(connection, exclusive=True)
        secrets = open_all(connection, box)
        box.add_key()
        store_all(connection, box, secrets)
        made = box.fingerprint()
        Transaction(connection, by, now).write_down("key", "the mailbox passwords", before, made)
    _forget_old_keys(database, box, made)
    return len(secrets)


def _forget_old_keys(database: Database, box: SecretBox, made: str | None) -> None:
    """Forget them unless the key is being replaced once more, by somebody who needs them."""
    with database.write() as connection:
        lock_key(connection, exclusive=True)
        if box.fingerprint() == made:
            box.drop_old_keys()
