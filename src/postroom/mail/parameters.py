"""The parameters of Content-Type and Content-Disposition, read in time linear in their length."""

import re
from binascii import a2b_hex

from postroom.mail.charsets import decode_charset

_PARAMETER = re.compile(
    r""";\s*+(?P<name>[^\s=;"]++)\s*+=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*+)|(?P<plain>[^;"]*+))""", re.DOTALL
)
_SECTION = re.compile(r"(?P<name>[^*]+)(?:\*(?P<number>[0-9]{1,3}))?(?P<extended>\*)?", re.ASCII)
_PERCENT = re.compile(rb"%([0-9a-fA-F]{2})")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_parameters(value: str) -> tuple[str, dict[str, str]]:
    """Give what stands before the parameters, in lower case, and the parameters by name (RFC 2045, section 5.1).

    A value in sections or in a charset of its own (RFC 2231) is put together; of a name that comes twice the
    first value counts, and a quote that is never closed goes to the end.
    """
    sections: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value):
        section = _SECTION.fullmatch(match["name"].lower())
        if section is not None:
            number = int(section["number"] or 0)
            text = (match["plain"] or "").strip() if match["quoted"] is None else _ESCAPED.sub(r"\1", match["quoted"])
            parts = sections.setdefault(section["name"], {})
            parts.setdefault(number, (text, section["extended"] is not None))
    return value.partition(";")[0].strip().lower(), {name: _joined(parts) for name, parts in sections.items()}


def _joined(parts: dict[int, tuple[str, bool]]) -> str:
    """Put the sections of a value together, as far as none is missing; the first one names the charset."""
    charset, pieces = "", []
    for number in range(len(parts)):
        if number not in parts:
            break
        text, is_extended = parts[number]
        if number == 0 and is_extended and text.count("'") > 1:
            charset, _, text = text.split("'", 2)
        piece = text.encode("utf-8", "replace")
        pieces.append(_PERCENT.sub(lambda match: a2b_hex(match[1]), piece) if is_extended else piece)
    return decode_charset(b"".join(pieces), charset)
