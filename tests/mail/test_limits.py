"""The limits on mail are those of docs/operating.md."""

import re
from pathlib import Path

from postroom.core import addresses
from postroom.mail import body, headers, parse

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"
KIB, MIB = 1024, 1024 * 1024
LIMITS = {
    "a message; of a larger one only the headers are read": f"{parse.MAX_MESSAGE_BYTES // MIB} MiB",
    "the headers of a message": f"{headers.MAX_HEADER_BYTES // KIB} KiB",
    "header fields of a message": f"{headers.MAX_FIELDS}",
    "one header field that is no list of addresses": f"{headers.MAX_FIELD_BYTES // KIB} KiB",
    "the references of a message": f"{parse.MAX_REFERENCES_BYTES // KIB} KiB",
    "messages that it refers to; of more the first and the last": f"{parse.MAX_REFERENCES}",
    "addresses in a message": f"{parse.MAX_ADDRESSES}",
    "a date": f"{parse.MAX_DATE_BYTES} bytes",
    "the subject": f"{parse.MAX_SUBJECT_LENGTH} characters",
    "a display name": f"{parse.MAX_NAME_LENGTH} characters",
    "an e-mail address": f"{addresses.MAX_ADDRESS_LENGTH} characters",
    "a Message-ID": f"{parse.MAX_ID_BYTES} bytes",
    "parts in a body": f"{body.MAX_PARTS}",
    "depth of parts within parts": f"{body.MAX_DEPTH}",
    "where parts are looked for; within a part once more": f"{body.MAX_SEARCHED_BYTES // MIB} MiB",
    "the headers of a part": f"{body.MAX_PART_HEADER_BYTES // KIB} KiB",
    "the headers of all parts": f"{body.MAX_PART_HEADERS_BYTES // KIB} KiB",
    "text that is compared as text; a longer one is compared by its bytes": f"{body.MAX_TEXT_BYTES // MIB} MiB",
}


def test_the_page_lists_the_limits_that_there_are() -> None:
    section = PAGE.read_text().partition("\n## Limits on mail\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", section, re.MULTILINE)
    assert dict(rows[2:]) == LIMITS


def test_no_limit_is_left_out() -> None:
    listed = set(re.findall(r"\.(MAX_\w+)", Path(__file__).read_text()))
    assert {name for module in (addresses, body, headers, parse) for name in vars(module) if "MAX_" in name} == listed
