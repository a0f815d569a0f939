"""From the bytes of a stranger's text to text, whatever charset it claims to be in."""

import pkgutil
import re
from contextlib import suppress
from encodings import __path__ as _folders
from encodings.aliases import aliases

_NO_CHARSETS = {  # codecs of the standard library that are slow, or turn no bytes into text
    *("aliases", "base64_codec", "bz2_codec", "hex_codec", "idna", "mbcs", "oem", "punycode", "quopri_codec"),
    *("raw_unicode_escape", "rot_13", "undefined", "unicode_escape", "uu_codec", "zlib_codec"),
}
_CODECS = {module.name for module in pkgutil.iter_modules(_folders)} - _NO_CHARSETS
_KNOWN = {name: name for name in _CODECS} | {name: codec for name, codec in aliases.items() if codec in _CODECS}
_KNOWN |= {"chinesebig5": "big5", "gb2312_charset": "gb18030"}  # names that real mail has for them
_SEPARATORS = re.compile(r"[\W_]+", re.ASCII)
_LONGEST_NAME = 40


def decode_charset(data: bytes, charset: str) -> str:
    """Decode `data`; what its charset does not know gives U+FFFD. A charset that nobody knows is guessed.

    Only the names of codecs that there are reach Python's registry, which keeps every name that it was ever asked for.
    """
    name = _SEPARATORS.sub("_", charset[:_LONGEST_NAME].lower()).strip("_")
    codec = _KNOWN.get(name) or _KNOWN.get(name.removeprefix("x_"))  # as x-gbk: names of no standard begin so
    return decode_8bit(data) if codec is None else data.decode(codec, "replace")


def decode_8bit(data: bytes) -> str:
    """Decode what names no charset: it is UTF-8, or else Windows-1252, or where that has a gap Latin-1, its elder."""
    for charset in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return data.decode(charset)
    return data.decode("latin-1")
