"""Which mail a program sent, and not a person: answers, lists, newsletters, reports."""

import re

from postroom.mail.headers import header_text

_LIST_FIELDS = (
    "list-archive",
    "list-help",
    "list-id",
    "list-owner",
    "list-post",
    "list-subscribe",
    "list-unsubscribe",
)  # RFC 2369; RFC 2919
_BULK = {"auto_reply", "bulk", "junk", "list"}  # Precedence, which no standard has and every list sends (RFC 2076)
_NO_PERSON = re.compile(r"(?:.*[._+-])?(?:(?:no|do-?not)[._-]?reply|mailer-daemon)(?:[._+-].*)?@")
_LONGEST = 200  # bytes of a field: what is longer says none of this


def is_automated(fields: dict[str, list[bytes]], sender: str | None) -> bool:
    """Say whether a message's header fields, or its sender (normalised), say that a program sent it.

    By Auto-Submitted (RFC 3834, section 5), a field of a list, an empty Return-Path (RFC 5321, section 4.5.5),
    Precedence, or an address to which nobody shall reply. A sender can leave all of them out: this is a mark, no guard.
    """
    return (
        _first_word(fields, "auto-submitted") not in {"", "no"}
        or any(name in fields for name in _LIST_FIELDS)
        or _first_word(fields, "return-path") == "<>"
        or _first_word(fields, "precedence") in _BULK
        or (sender is not None and _NO_PERSON.match(sender) is not None)
    )


def _first_word(fields: dict[str, list[bytes]], name: str) -> str:
    """Give a field's value without its parameters and what else stands behind it, in lower case."""
    value = header_text(fields.get(name, [b""])[0][:_LONGEST]).replace(";", " ")
    return next(iter(value.lower().split()), "")
