"""Replacing the key: everything opens at every moment, also after a kill, and the old key opens nothing afterwards."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from postroom.actions.audit import read_audit
from postroom.actions.errors import NotFound
from postroom.actions.mailboxes import NewMailbox, add_mailbox, mailbox_login, stored_login
from postroom.actions.rotate_key import rotate_key
from postroom.actions.smtp_servers import NewSmtpServer, set_mailbox_smtp, smtp_login
from postroom.core.model import Mailbox
from postroom.storage.ids import take_id
from postroom.storage.mailboxes import insert_mailbox, mailbox_of
from postroom.storage.schema import metadata
from postroom.storage.sealed import MAILBOX_PASSWORD, SEALED_COLUMNS
from postroom.storage.secrets import SecretBox, SecretKeyError
from tests.storage.conftest import at_once
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

MOMENTS = {
    "before the new key": "box.add_key = stop",
    "after the new key": "rotate_key.store_all = stop",
    "before the commit": "rotate_key.Transaction.write_down = stop",
    "after the commit": "rotate_key._forget_old_keys = stop",
    "before the old key goes": "box.drop_old_keys = stop",
}
KILLED = """
import os, signal, sys
from pathlib import Path
from postroom.actions import rotate_key
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox
from tests.team import NOW, OPERATOR
box = SecretBox(Path(sys.argv[2]))
stop = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
{moment}
rotate_key.rotate_key(Database(sys.argv[1]), box, by=OPERATOR, now=NOW)
"""


@pytest.fixture
def office(team: Team) -> Team:
    """Alice and Bob have mailboxes at servers, and Alice another login to send with."""
    for name in ("Alice", "Bob"):
        team.user(name, mailbox=None)
        connect(team, name)
    server = NewSmtpServer("smtp.team.example", username="alice", password="smtp of Alice")
    set_mailbox_smtp(team.database, team.box, email_of("Alice"), server)
    set_mailbox_smtp(team.database, team.box, email_of("Bob"), NewSmtpServer("smtp.team.example"))
    return team


def connect(team: Team, name: str) -> Mailbox:
    new = NewMailbox("imap", host="imap.team.example", password=f"password of {name}")
    return add_mailbox(team.database, team.box, email_of(name), new, by=OPERATOR, now=NOW)


def key_file(team: Team) -> Path:
    return team.box._key_file


def opened(team: Team, box: SecretBox, name: str) -> tuple[str, str]:
    """Give the passwords with which a user's mail is read and sent."""
    with team.database.read() as connection:
        user_id = team.actor(name).user_id
        assert user_id is not None
        mailbox = mailbox_of(connection, user_id)
        assert mailbox is not None
        login = stored_login(connection, box, mailbox)
        assert login is not None
        return login.password, smtp_login(connection, box, user_id)[1].password


def assert_all_open(team: Team, box: SecretBox) -> None:
    assert opened(team, box, "Alice") == ("password of Alice", "smtp of Alice")
    assert opened(team, box, "Bob") == ("password of Bob", "password of Bob")


def rotate(team: Team) -> int:
    return rotate_key(team.database, SecretBox(key_file(team)), by=OPERATOR, now=NOW)


def test_every_column_of_secrets_is_listed() -> None:
    sealed = {
        each
        for table in metadata.tables.values()
        for each in table.columns
        if each.name.startswith("sealed_") and isinstance(each.type, LargeBinary)
    }
    assert {each.column for each in SEALED_COLUMNS} == sealed
    assert len({each.context for each in SEALED_COLUMNS}) == len(SEALED_COLUMNS)


def test_everything_is_sealed_with_the_new_key_alone(office: Team, tmp_path: Path) -> None:
    old = tmp_path / "old.key"
    old.write_bytes(key_file(office).read_bytes())
    before = contents(office.database)
    assert rotate(office) == 3
    assert_all_open(office, SecretBox(key_file(office)))
    assert key_file(office).read_text().split() != old.read_text().split()
    assert len(key_file(office).read_text().split()) == 1
    for name in ("Alice", "Bob"):
        with pytest.raises(SecretKeyError):
            opened(office, SecretBox(old), name)
    after = contents(office.database)
    changed = {name for name, rows in before.items() if rows != after[name]}
    assert changed == {"mailboxes", "smtp_servers", "audit_entries", "next id"}


def test_it_is_in_the_audit_without_a_key(office: Team) -> None:
    before = office.box.fingerprint()
    rotate(office)
    entry = read_audit(office.database, by=OPERATOR, limit=1).entries[0]
    assert (entry.change, entry.subject) == ("key", "the mailbox passwords")
    assert (entry.before, entry.after) == (before, office.box.fingerprint())
    assert str(entry.after) not in key_file(office).read_text()


def test_a_server_goes_on_with_what_it_read_before(office: Team) -> None:
    with office.database.read() as connection:
        mailbox = mailbox_of(connection, office.actor("Alice").user_id or 0)
    assert mailbox is not None
    assert mailbox_login(office.database, office.box, mailbox, now=NOW)[1].password == "password of Alice"
    rotate(office)
    assert mailbox_login(office.database, office.box, mailbox, now=NOW)[1].password == "password of Alice"
    assert_all_open(office, office.box)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_kill_at_any_moment_loses_nothing(office: Team, moment: str) -> None:
    url = office.database.engine.url.render_as_string(hide_password=False)
    program = KILLED.format(moment=MOMENTS[moment])
    killed = subprocess.run([sys.executable, "-c", program, url, str(key_file(office))], check=False, timeout=60)
    assert killed.returncode == -9
    assert_all_open(office, SecretBox(key_file(office)))
    assert rotate(office) == 3
    assert_all_open(office, SecretBox(key_file(office)))
    assert len(key_file(office).read_text().split()) == 1
    assert [each.name for each in key_file(office).parent.iterdir() if each.name.startswith(".")] == []


def test_several_at_once_and_passwords_stored_meanwhile(office: Team) -> None:
    """Whoever stores a password has it sealed with a key that stays."""
    names = [f"User {number}" for number in range(6)]
    for name in names:
        office.user(name, mailbox=None)
    stored = [lambda name=name: connect(office, name) for name in names]
    at_once(*[lambda: rotate(office)] * 3, *stored)
    fresh = SecretBox(key_file(office))
    for name in names:
        with office.database.read() as connection:
            mailbox = mailbox_of(connection, office.actor(name).user_id or 0)
        assert mailbox is not None
        assert mailbox_login(office.database, fresh, mailbox, now=NOW)[1].password == f"password of {name}"
    assert_all_open(office, fresh)
    assert len(key_file(office).read_text().split()) == 1


def test_a_password_that_is_sealed_and_not_stored_yet_is_waited_for(office: Team) -> None:
    zoe = office.user("Zoe", mailbox=None)
    with ThreadPoolExecutor() as pool:
        with office.database.write() as connection:
            alices = mailbox_of(connection, office.actor("Alice").user_id or 0)
            assert alices is not None
            new_id = take_id(connection)
            sealed = MAILBOX_PASSWORD.seal(connection, office.box, new_id, "password of Zoe")
            rotating = pool.submit(rotate, office)
            with suppress(TimeoutError):  # it waits; without the lock it would be done by now
                rotating.result(timeout=1)
            mailbox = replace(alices, id=new_id, user_id=zoe.id, address=zoe.email, sealed_password=sealed)
            insert_mailbox(connection, mailbox)
        assert rotating.result(timeout=30) == 4
    with office.database.read() as connection:
        zoes = mailbox_of(connection, zoe.id)
    assert zoes is not None
    assert mailbox_login(office.database, SecretBox(key_file(office)), zoes, now=NOW)[1].password == "password of Zoe"


def test_a_key_that_does_not_open_everything_is_left_alone(office: Team) -> None:
    content = "ab" * 32
    key_file(office).write_text(content)
    before = contents(office.database)
    with pytest.raises(SecretKeyError):
        rotate(office)
    assert key_file(office).read_text() == content
    assert contents(office.database) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_a_password_there_is_no_key(team: Team) -> None:
    with pytest.raises(NotFound, match="there is no key yet"):
        rotate(team)
    assert not key_file(team).exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_file_stays_for_its_account_alone(office: Team) -> None:
    rotate(office)
    assert key_file(office).stat().st_mode & 0o777 == 0o600
