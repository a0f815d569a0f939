"""Mail that was really sent: all of it is read and stored, byte for byte, and none of it raises anything."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, func, select

from postroom.actions.store_mail import MailReport, RawMessage, store_messages
from postroom.core.model import Kind
from postroom.mail.parse import parse_message
from postroom.storage.mail import Source
from postroom.storage.mailboxes import find_mailbox
from postroom.storage.raw_messages import raw_message
from postroom.storage.schema import copies, thread_messages
from tests.real_mail import COUNT, real_mail
from tests.servers.dovecot import Dovecot
from tests.sync.accounts import Account
from tests.team import NOW, Team, email_of

AT_THE_SERVER = 400
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def mail() -> Mapping[str, bytes]:
    return real_mail()


@pytest.fixture
def source(team: Team) -> Source:
    """Give the INBOX of Alice's mailbox."""
    team.user("Alice")
    with team.database.read() as connection:
        mailbox = find_mailbox(connection, email_of("Alice"))
    assert mailbox is not None
    return Source(mailbox.user_id, Kind.IMAP, mailbox.id, "INBOX", 1)


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


@on_sqlite
def test_all_of_it_is_stored_as_it_is(team: Team, source: Source, mail: Mapping[str, bytes]) -> None:
    report = MailReport()
    coming = (RawMessage(name, raw, name) for name, raw in mail.items())
    store_messages(team.database, source, coming, report, now=NOW)
    assert (report.stored, report.known, report.dead_letters) == (COUNT, 0, 0)
    with team.database.read() as connection:
        assert raw_by_uid(connection) == mail
        emails = connection.scalar(select(func.count(copies.c.email_key.distinct())))
        in_threads = connection.scalar(select(func.count(thread_messages.c.thread_id.distinct())))
    assert 0.95 * COUNT < (emails or 0) <= COUNT
    assert 1000 < (in_threads or 0) < COUNT


def test_a_server_gives_what_is_stored(team: Team, dovecot: Dovecot, mail: Mapping[str, bytes]) -> None:
    """The largest and the smallest, and some of every kind, over IMAP."""
    account = Account(team, dovecot)
    dovecot.fill(account.address, _sample(mail))
    assert account.sync(since=0)["INBOX"].stored == AT_THE_SERVER
    with account.client() as client, team.database.read() as connection:
        client.select_folder("INBOX", readonly=True)
        given = {str(uid): data[b"BODY[]"] for uid, data in client.fetch(client.search(), ["BODY.PEEK[]"]).items()}
        assert raw_by_uid(connection) == given
    assert len(given) == AT_THE_SERVER


def _sample(mail: Mapping[str, bytes]) -> list[bytes]:
    by_size = sorted(mail.values(), key=len)
    step = len(by_size) // (AT_THE_SERVER - 20)
    return [*by_size[:10], *by_size[10:-10:step][: AT_THE_SERVER - 20], *by_size[-10:]]


def raw_by_uid(connection: Connection) -> dict[str, bytes]:
    stored = connection.execute(select(copies.c.uid, copies.c.id))
    return {row.uid: raw_message(connection, row.id) for row in stored.all()}
