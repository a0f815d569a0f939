"""Random secrets: each with a beginning by which scanners recognise it, and a checksum at its end."""

import secrets
import string
import zlib
from enum import StrEnum

_ALPHABET = string.ascii_letters + string.digits
_RANDOM_CHARACTERS = 43  # of 62: 256 bits
_FAMILY_CHARACTERS = 22  # 130 bits
_CHECKSUM_CHARACTERS = 8


class SecretKind(StrEnum):
    """What a secret is for, as what it begins with."""

    ACCESS = "postroom_"
    CLIENT = "postroom_secret_"
    CODE = "postroom_code_"
    REFRESH = "postroom_refresh_"
    SESSION = "postroom_session_"


def new_secret(kind: SecretKind) -> str:
    """Make a secret."""
    return _with_checksum(kind, _random(_RANDOM_CHARACTERS))


def new_refresh_token(predecessor: str | None = None) -> str:
    """Make a refresh token; one that takes the place of another begins like it, by which the two are one family."""
    family = _random(_FAMILY_CHARACTERS) if predecessor is None else family_of(predecessor)
    return _with_checksum(SecretKind.REFRESH, family + _random(_RANDOM_CHARACTERS))


def is_well_formed(secret: str, kind: SecretKind) -> bool:
    """Say whether a text could be such a secret: what is mistyped needs no look into the database."""
    body = secret.removeprefix(kind)[:-_CHECKSUM_CHARACTERS]
    length = _RANDOM_CHARACTERS + (_FAMILY_CHARACTERS if kind is SecretKind.REFRESH else 0)
    return len(body) == length and secret.isascii() and secret == _with_checksum(kind, body)


def family_of(refresh_token: str) -> str:
    """Give what every refresh token of one grant begins with, which is random enough to be a secret itself."""
    return refresh_token.removeprefix(SecretKind.REFRESH)[:_FAMILY_CHARACTERS]


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))


def _with_checksum(kind: SecretKind, body: str) -> str:
    return f"{kind}{body}{zlib.crc32(body.encode()):08x}"
