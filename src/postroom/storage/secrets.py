"""Mailbox passwords at rest: AES-GCM, with a key that is kept in a file of its own, outside the database.

With another key, which is derived from that one, it wraps what callers get and give back.
"""

import base64
import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12  # NIST SP 800-38D, section 8.2: 96 bits
_FOR_WRAPPING = b"what callers give back"


class SecretKeyError(Exception):
    """The key file is missing, unreadable, or not the one that the passwords were sealed with."""


class SecretBox:
    """Seals and opens secrets with the key in a file, which is made with the first secret."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    def seal(self, secret: str, context: str) -> bytes:
        """Encrypt a secret so that it opens only with the same context (whose secret it is)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher(create=True).encrypt(nonce, secret.encode(), context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """Decrypt what `seal` gave. Raises SecretKeyError where key, context or content are not the same."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher(create=False).decrypt(nonce, ciphertext, context.encode()).decode()
        except (InvalidTag, ValueError) as error:  # ValueError: too short to be anything that was sealed
            raise SecretKeyError(
                f"{self._key_file} is not the key that this password was stored with; put the right file there"
            ) from error

    def wrap(self, content: bytes, context: str) -> str:
        """Give content as text that says nothing to its holder and is given back with the same context."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = nonce + self._wrapping().encrypt(nonce, content, context.encode())
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def unwrap(self, text: str, context: str) -> bytes | None:
        """Give the content, or None where `wrap` did not give this text for this context."""
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
            return self._wrapping().decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):  # ValueError: not base64, or too short to be anything that was wrapped
            return None

    def _wrapping(self) -> AESGCM:
        return self._cipher(create=True, derive=HKDF(SHA256(), 32, None, _FOR_WRAPPING).derive)  # RFC 5869

    def _cipher(self, *, create: bool, derive: Callable[[bytes], bytes] = bytes) -> AESGCM:
        if create and not self._key_file.exists():
            self._create_key()
        try:
            return AESGCM(derive(bytes.fromhex(self._key_file.read_text().strip())))
        except (OSError, ValueError) as error:
            raise SecretKeyError(f"the key of the mailbox passwords cannot be read from {self._key_file}") from error

    def _create_key(self) -> None:
        """Write a new key that only this account can read; another process may have been faster."""
        folder = self._key_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=folder, prefix=f".{self._key_file.name}-")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with suppress(FileExistsError):
                os.link(unfinished, self._key_file)  # whole from the first moment, and never in place of another
        finally:
            Path(unfinished).unlink()
