"""Names of folders that no server of ours would give: each costs its own folder at most, on both databases alike."""

from collections.abc import Iterator
from random import Random

import pytest
from imapclient import imap_utf7

from postroom.actions.mailbox_folders import LONGEST_FOLDER_NAME, FolderChoices, choose_folders, list_folders
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.sync import sync_mailbox
from postroom.core.model import Security
from tests.mail.loopback import Loopback, loopback
from tests.team import NOW, OPERATOR, Team, email_of

ADDRESS = "alice@here.example"
LETTERS = [chr(number) for number in range(0x10000, 0x20000)]  # four bytes each; random, so that nothing compresses
TOO_LONG = "".join(Random(1).choices(LETTERS, k=4 * LONGEST_FOLDER_NAME))
LONGEST = TOO_LONG[:LONGEST_FOLDER_NAME]
HALF_A_CHARACTER = b"&2AA-"
NAMES = [b"INBOX", *(imap_utf7.encode(name) for name in (LONGEST, LONGEST + "x", TOO_LONG)), HALF_A_CHARACTER]
EMPTY = b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] so\r\n* OK [UIDNEXT 1] so\r\n"


@pytest.fixture
def server() -> Iterator[Loopback]:
    listing = b"".join(b'* LIST () "/" "%s"\r\n' % name for name in NAMES)
    with loopback({b"LIST": listing, b"EXAMINE": EMPTY, b"UID SEARCH": b"* SEARCH\r\n"}) as server:
        yield server


def test_what_is_too_long_is_passed_over(team: Team, server: Loopback) -> None:
    team.user("Alice", mailbox=None)
    new = NewMailbox("imap", ADDRESS, "127.0.0.1", server.port, Security.NONE, None, "secret")
    mailbox = add_mailbox(team.database, team.box, email_of("Alice"), new, by=OPERATOR, now=NOW)
    choose_folders(team.database, ADDRESS, FolderChoices(read=(LONGEST,)), by=OPERATOR, now=NOW)
    report = sync_mailbox(team.database, team.box, mailbox.id, NOW)
    too_long = f"its name has more than {LONGEST_FOLDER_NAME} characters"
    assert [(folder.skipped, folder.failed) for folder in report.folders] == [
        (None, None),
        (None, None),
        (too_long, None),
        (too_long, None),
        (None, None),
    ]
    known = {folder.name for folder in list_folders(team.database, ADDRESS, by=OPERATOR)}
    assert known == {"INBOX", LONGEST, HALF_A_CHARACTER.decode()}
