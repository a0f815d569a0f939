"""Mailbox passwords at rest: AES-GCM, with a key that is kept in a file of its own, outside the database.

The file has a key on each line. The first one seals; the others, which are there while a key is being replaced, open.
With other keys, which are derived from those, the box wraps what callers get and give back.
"""

import base64
import hashlib
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2: 96 bits
_KEY_BYTES = 32
_SHOWN = 12  # digits of a key's hash
_FOR_WRAPPING = b"what callers give back"


class SecretKeyError(Exception):
    """The key file is missing, unreadable, or not the one that the passwords were sealed with."""


class SecretBox:
    """Seals and opens secrets with the keys in a file, which is made with the first secret."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._known: tuple[bytes, ...] = ()

    def seal(self, secret: str, context: str) -> bytes:
        """Encrypt a secret so that it opens only with the same context (whose secret it is)."""
        self._create_key()
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._keys()[0]).encrypt(nonce, secret.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what `seal` gave. Raises SecretKeyError where key, context or content are not the same.

        A key that was replaced just now opens what was read from the database before.
        """
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key in self._keys_that_open():
            with suppress(InvalidTag, ValueError):  # ValueError: too short to be anything that was sealed
                return AESGCM(key).decrypt(nonce, ciphertext, context.encode()).decode()
        raise SecretKeyError(
            f"{self._key_file} is not the key that this password was stored with; put the right file there"
        )

    def fingerprint(self) -> str | None:
        """Give by what the key that seals can be told from others, None where there is none yet."""
        if not self._key_file.exists():
            return None
        return hashlib.sha256(self._keys()[0]).hexdigest()[:_SHOWN]

    def add_key(self) -> None:
        """Begin to seal with a new key; those before still open. Raises SecretKeyError."""
        self._replace((secrets.token_bytes(_KEY_BYTES), *self._keys()))

    def drop_old_keys(self) -> None:
        """Keep the key that seals, and no other. Raises SecretKeyError."""
        self._replace(self._keys()[:1])

    def wrap(self, content: bytes, context: str) -> str:
        """Give content as text that says nothing to its holder and is given back with the same context."""
        self._create_key()
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + _wrapping(self._keys()[0]).encrypt(nonce, content, context.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unwrap(self, text: str, context: str) -> bytes | None:
        """Give the content, or None where `wrap` did not give this text for this context."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
        except ValueError:
            return None
        self._create_key()
        for key in self._keys_that_open():
            with suppress(InvalidTag, ValueError):  # ValueError: too short to be anything that was wrapped
                return _wrapping(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        return None

    def _keys_that_open(self) -> Iterable[bytes]:
        return dict.fromkeys((*self._keys(), *self._known))

    def _keys(self) -> tuple[bytes, ...]:
        try:
            keys = tuple(bytes.fromhex(line) for line in self._key_file.read_text().split())
            for key in keys:
                AESGCM(key)
        except (OSError, ValueError) as error:
            raise self._unreadable() from error
        if not keys:
            raise self._unreadable()
        self._known = tuple(dict.fromkeys((*keys, *self._known)))
        return keys

    def _unreadable(self) -> SecretKeyError:
        return SecretKeyError(f"the key of the mailbox passwords cannot be read from {self._key_file}")

    def _create_key(self) -> None:
        """Write a key that only this account can read, if there is none; another process may be faster."""
        if self._key_file.exists():
            return
        self._key_file.parent.mkdir(parents=True, exist_ok=True)
        with self._written((secrets.token_bytes(_KEY_BYTES),)) as file, suppress(FileExistsError):
            os.link(file, self._key_file)  # whole from the first moment, and never in place of another

    def _replace(self, keys: tuple[bytes, ...]) -> None:
        """Write other keys in place of those that are there, at once and for good, for the same account."""
        before = self._key_file.stat()
        with self._written(keys) as file:
            if (before.st_uid, before.st_gid) != (file.stat().st_uid, file.stat().st_gid):
                os.chown(file, before.st_uid, before.st_gid)
            file.replace(self._key_file)
        self._sync_folder()

    @contextmanager
    def _written(self, keys: tuple[bytes, ...]) -> Iterator[Path]:
        """Give a file beside the key file with other keys; it is gone afterwards unless it was renamed."""
        descriptor, name = tempfile.mkstemp(dir=self._key_file.parent, prefix=f".{self._key_file.name}-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write("\n".join(key.hex() for key in keys))
                file.flush()
                os.fsync(file.fileno())
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)

    def _sync_folder(self) -> None:
        """Let a renamed file survive a power cut."""
        folder = os.open(self._key_file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _wrapping(key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, None, _FOR_WRAPPING).derive(key))  # RFC 5869
