"""Mail that was really sent: all of it is read and stored, byte for byte, and none of it raises anything."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest
from imapclient import IMAPClient
from sqlalchemy import Connection, func, select

from postroom.mail.parse import parse_message
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import copies, thread_messages
from tests.real_mail import COUNT, real_mail
from tests.servers.dovecot import Dovecot
from tests.sync.accounts import Account
from tests.team import Team

FETCHED_AT_ONCE = 500
ONE_OF = 15


@pytest.fixture(scope="module")
def mail() -> Mapping[str, bytes]:
    return real_mail()


def test_all_of_it_is_read(mail: Mapping[str, bytes]) -> None:
    """What could not be read are damaged fields of spam, and not whole messages."""
    messages = [parse_message(raw) for raw in mail.values()]
    problems = [problem for message in messages for problem in message.problems]
    assert len(messages) == COUNT
    assert not [problem for problem in problems if "not readable" in problem or "none found" in problem]
    assert len(problems) < 200
    assert sum(message.sender is None for message in messages) == 8
    assert sum(message.message_id is None for message in messages) == 14
    assert sum(not message.participants for message in messages) == 0


def test_all_of_it_comes_over_imap_as_the_server_has_it(
    team: Team, dovecot: Dovecot, mail: Mapping[str, bytes]
) -> None:
    """On PostgreSQL, where it takes three times as long, some of every size."""
    sent = list(mail.values()) if team.database.dialect == "sqlite" else some_of_each_size(mail)
    account = Account(team, dovecot)
    dovecot.fill(account.address, sent)
    report = account.sync(since=0)["INBOX"]
    assert (report.stored, report.dead_letters, report.failed, report.doubted) == (len(sent), 0, None, None)
    with account.client() as client, team.database.read() as connection:
        client.select_folder("INBOX", readonly=True)
        given = {str(uid): raw for uid, raw in whole_messages(client)}
        assert raw_by_uid(connection) == given
        emails = connection.scalar(select(func.count(copies.c.email_key.distinct())))
        in_threads = connection.scalar(select(func.count(thread_messages.c.thread_id.distinct())))
    assert 0.95 * len(sent) < (emails or 0) <= len(sent)
    assert len(sent) / 6 < (in_threads or 0)
    # What the server gives is what was sent: it keeps the messages, and ends their lines as RFC 5322 has it.
    assert Counter(map(digest, given.values())) == Counter(map(digest, sent))


def some_of_each_size(mail: Mapping[str, bytes]) -> list[bytes]:
    """Give the largest and the smallest, and some of what is in between."""
    by_size = sorted(mail.values(), key=len)
    return [*by_size[:10], *by_size[10:-10:ONE_OF], *by_size[-10:]]


def whole_messages(client: IMAPClient) -> Iterator[tuple[int, bytes]]:
    """Give each message of the open folder by its UID, some at a time."""
    uids = client.search()
    for start in range(0, len(uids), FETCHED_AT_ONCE):
        for uid, data in client.fetch(uids[start : start + FETCHED_AT_ONCE], ["BODY.PEEK[]"]).items():
            yield uid, data[b"BODY[]"]


def digest(raw: bytes) -> bytes:
    """Give a message's digest, whatever ends its lines."""
    return hashlib.sha256(raw.replace(b"\r\n", b"\n")).digest()


def raw_by_uid(connection: Connection) -> dict[str, bytes]:
    stored = connection.execute(select(copies.c.uid, copies.c.id))
    return {row.uid: raw_message(connection, row.id) for row in stored.all()}
