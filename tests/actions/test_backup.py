"""Backups: everything, of one moment, in one file, into either kind of database."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from postroom.actions.aliases import add_aliases
from postroom.actions.backup import backup, restore
from postroom.actions.change_sharing import ShareRecord
from postroom.actions.clients import NewClient, add_client
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.grants import create_grant_code
from postroom.actions.initialising import initialise
from postroom.actions.mail_access import Granted, store_access
from postroom.actions.mail_providers import NewProvider, add_provider
from postroom.actions.mailboxes import NewMailbox, add_mailbox
from postroom.actions.organisation import add_module, add_role
from postroom.actions.permissions import Member, SetRolePreference
from postroom.actions.read_sharing_details import read_sharing_details
from postroom.actions.records import delete_record
from postroom.actions.sign_in import SignInRefused, set_password, start_session
from postroom.actions.withhold import WithholdEmail, email_id, list_own_emails
from postroom.core.model import Permission
from postroom.mail.oauth_client import Tokens
from postroom.storage.database import Database, sqlite_url
from postroom.storage.folders import add_folder
from postroom.storage.mailboxes import find_mailbox
from postroom.storage.migrations import schema_version
from postroom.storage.places import lose_copies, places_in
from postroom.storage.sealed import MAILBOX_PASSWORD
from postroom.storage.sharing_facts import SharingFactsReader
from tests.attached import with_files
from tests.servers.postroom_server import Installation
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of

LEAD = 1001
on_sqlite = pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)


def silent(_table: str, _rows: int) -> None:
    """Hear of progress and do nothing."""


@pytest.fixture
def target(installation: Installation) -> Iterator[Database]:
    """Give a database without even a schema, of each kind."""
    installation.data_dir.mkdir()
    yield from opened(installation.database_url or sqlite_url(installation.data_dir / "postroom.sqlite3"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    """Give a SQLite database without even a schema."""
    yield from opened(sqlite_url(tmp_path / "empty.sqlite3"))


def opened(url: str) -> Iterator[Database]:
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(scope="class")
def office(shared_team: Team) -> Team:
    """Give an organisation with something in every table, and more than a batch of some of it."""
    team = shared_team
    team.role("Management")
    team.role("Sales", under="Management")
    team.user("Alice", role="Sales", mailbox=None)
    team.user("Bob", role="Management", profile="Administrator")
    server = NewMailbox("imap", host="imap.team.example", password="correct horse")
    add_mailbox(team.database, team.box, email_of("Alice"), server, by=OPERATOR, now=NOW)
    team.make(SetRolePreference("Sales", Permission.CUSTOM, (Member(role="Sales"), Member(user=email_of("Bob")))))
    team.make(SetInternalDomains(("team.example",)))
    team.make(SetExcludedDomains(("bank.example",)))
    add_module(team.database, "Machines")
    account = team.record("Accounts", "Bob")
    team.record("Leads", "Alice", "größe@customer.example", record_id=LEAD, links=[account])
    team.share("Alice", f"Leads/{LEAD}")
    team.make(ShareRecord(f"Leads/{LEAD}", role="Sales", and_subordinates=True))
    delete_record(team.database, f"Accounts/{account}", now=NOW)
    for number in range(6):
        team.mail("Alice", *(f"p{number}-{other}@customer.example" for other in range(100)), "größe@customer.example")
    team.crm_mail("Bob", "somebody@elsewhere.example", by_hand_on=LEAD)
    team.raw_mail("Alice", with_files("Alice", bytes(range(256)) * 50))
    team.dead_letter("Alice")
    (newest,) = list_own_emails(team.database, email_of("Alice"), by=OPERATOR, limit=1)
    team.make(WithholdEmail(email_of("Alice"), email_id(newest.email_key)))
    team.scheduled_mail("Alice", LEAD, "somebody@customer.example", key="once")
    team.draft("Alice", LEAD)
    team.token("Bob")
    add_aliases(team.database, email_of("Alice"), ["sales@team.example"], by=OPERATOR, now=NOW)
    _allow_access(team)
    _sign_in(team)
    _lose_mail(team)
    return team


def _allow_access(team: Team) -> None:
    """Let Bob allow access to his mailbox."""
    new = NewProvider("google", "client", "client secret")
    provider = add_provider(team.database, team.box, new, by=OPERATOR, now=NOW)
    with team.database.write() as connection:
        mailbox = find_mailbox(connection, email_of("Bob"))
        assert mailbox is not None
        store_access(connection, team.box, mailbox.id, Granted(provider.id, Tokens("access", "refresh", NOW)))


def _lose_mail(team: Team) -> None:
    """Let a message that was filed by hand be gone from a folder of Alice's."""
    team.mail("Alice", "somebody@elsewhere.example", by_hand_on=LEAD)
    with team.database.write() as connection:
        mailbox = find_mailbox(connection, email_of("Alice"))
        assert mailbox is not None
        add_folder(connection, mailbox.id, "INBOX")
        newest = max(places_in(connection, mailbox.id, "INBOX"))
        lose_copies(connection, mailbox.user_id, [newest.copy_id], NOW)


def _sign_in(team: Team) -> None:
    """Let Alice grant something to a client and sign in, and a stranger try to."""
    client = add_client(team.database, NewClient("Reader"), by=OPERATOR, now=NOW).client
    alice, password = email_of("Alice"), "correct horse battery"
    create_grant_code(team.database, str(client.id), alice, "ZohoCRM.modules.ALL", by=OPERATOR, now=NOW, expires_in=60)
    set_password(team.database, alice, password, by=OPERATOR, now=NOW)
    start_session(team.database, alice, password, now=NOW)
    with pytest.raises(SignInRefused):
        start_session(team.database, email_of("Nobody"), password, now=NOW)


class TestThereAndBack:
    def test_every_table_is_the_same_in_either_database(self, office: Team, target: Database, tmp_path: Path) -> None:
        before = contents(office.database)
        assert all(before.values())
        rows = backup(office.database, tmp_path / "backup.sqlite3", silent)
        assert restore(target, tmp_path / "backup.sqlite3", silent) == rows
        assert contents(target) == before
        assert rows == sum(map(len, before.values())) - len(before["next id"])

    def test_what_is_restored_answers_and_goes_on(self, office: Team, target: Database, tmp_path: Path) -> None:
        backup(office.database, tmp_path / "backup.sqlite3", silent)
        restore(target, tmp_path / "backup.sqlite3", silent)
        restored = Team(target, tmp_path)
        answer = read_sharing_details(SharingFactsReader(target), office.token("Bob"), "Leads", str(LEAD), now=NOW)
        assert answer == office.details("Bob", "Leads", LEAD)
        assert [user.name for user in answer.share_from_users] == ["Alice"]
        added = add_role(target, "Support", by=OPERATOR, now=NOW)
        assert added.id > max(row[0] for row in contents(office.database)["copies"])
        restored.mail("Alice", "größe@customer.example")

    def test_the_passwords_open_with_the_key_and_not_without(
        self, office: Team, empty: Database, tmp_path: Path
    ) -> None:
        file = tmp_path / "backup.sqlite3"
        backup(office.database, file, silent)
        restore(empty, file, silent)
        (mailbox,) = (row for row in contents(empty)["mailboxes"] if row[8] is not None)
        assert MAILBOX_PASSWORD.open(office.box, int(mailbox[0]), bytes(mailbox[8])) == "correct horse"
        assert office.box._key_file.read_bytes() not in file.read_bytes()
        assert b"correct horse" not in file.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give where the backup goes, in a folder where nothing else is."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "backup.sqlite3"


class TestMeanwhile:
    def test_what_is_written_meanwhile_is_not_in_it(self, office: Team, empty: Database, file: Path) -> None:
        before = contents(office.database)

        def write(table: str, _rows: int) -> None:
            office.mail("Alice", "größe@customer.example", by_hand_on=LEAD)
            office.role(f"Role {table} {len(contents(office.database)['copies'])}")

        backup(office.database, file, write)
        restore(empty, file, silent)
        del before["next id"]
        assert {name: rows for name, rows in contents(empty).items() if name != "next id"} == before
        assert add_role(empty, "Support", by=OPERATOR, now=NOW).id > max(row[0] for row in before["copies"])


class TestFile:
    def test_is_one_that_only_this_account_reads(self, office: Team, file: Path) -> None:
        backup(office.database, file, silent)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(file.parent.iterdir()) == [file]

    def test_progress_counts_every_row(self, office: Team, file: Path) -> None:
        heard: list[tuple[str, int]] = []
        rows = backup(office.database, file, lambda table, count: heard.append((table, count)))
        assert sum(count for _, count in heard) == rows
        assert [count for table, count in heard if table == "copy_participants"] == [500, 118]

    @on_sqlite
    def test_never_replaces_another(self, office: Team, file: Path) -> None:
        file.write_text("precious")
        with pytest.raises(AlreadyThere, match="is there already; name a new file"):
            backup(office.database, file, silent)
        assert file.read_text() == "precious"

    @on_sqlite
    def test_not_even_one_that_appears_meanwhile(self, office: Team, file: Path) -> None:
        with pytest.raises(AlreadyThere, match="is there already; name a new file"):
            backup(office.database, file, lambda *_: file.write_text("precious"))
        assert file.read_text() == "precious"
        assert list(file.parent.iterdir()) == [file]

    @on_sqlite
    def test_of_a_folder_that_is_not_there(self, office: Team, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="there is no folder"):
            backup(office.database, tmp_path / "nowhere" / "backup.sqlite3", silent)

    @on_sqlite
    def test_one_that_was_interrupted_is_not_there(self, office: Team, file: Path) -> None:
        with pytest.raises(Interrupted):
            backup(office.database, file, interrupt)
        assert list(file.parent.iterdir()) == []


def overwrite_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 8192] = bytes(8192)
    file.write_bytes(content)


class Interrupted(Exception):
    """Somebody pressed Ctrl+C."""


def interrupt(table: str, _rows: int) -> None:
    if table == "copies":
        raise Interrupted


@on_sqlite
class TestRestoring:
    @pytest.fixture
    def whole(self, office: Team, file: Path) -> Path:
        """Give a backup."""
        backup(office.database, file, silent)
        return file

    def test_leaves_the_backup_as_it_is(self, whole: Path, empty: Database) -> None:
        before = whole.read_bytes()
        restore(empty, whole, silent)
        assert whole.read_bytes() == before

    def test_fills_no_database_that_holds_nothing_but_an_organisation(self, whole: Path, target: Database) -> None:
        initialise(target)
        before = contents(target)
        with pytest.raises(AlreadyThere, match="the database holds data already"):
            restore(target, whole, silent)
        assert contents(target) == before

    def test_nor_one_that_holds_all(self, office: Team, whole: Path) -> None:
        before = contents(office.database)
        with pytest.raises(AlreadyThere, match="the database holds data already"):
            restore(office.database, whole, silent)
        assert contents(office.database) == before

    def test_that_was_interrupted_leaves_nothing_behind(self, office: Team, whole: Path, target: Database) -> None:
        with pytest.raises(Interrupted):
            restore(target, whole, interrupt)
        with target.read() as connection:
            assert schema_version(connection) is None
        restore(target, whole, silent)
        assert contents(target) == contents(office.database)

    @pytest.mark.parametrize(
        "damage",
        [
            pytest.param(lambda file: file.unlink(), id="not there"),
            pytest.param(lambda file: (file.unlink(), file.mkdir()), id="a folder"),
            pytest.param(lambda file: file.write_bytes(b""), id="empty"),
            pytest.param(lambda file: file.write_text("not a database" * 100), id="text"),
            pytest.param(lambda file: file.write_bytes(file.read_bytes()[:5000]), id="cut off early"),
            pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-9000]), id="cut off late"),
            pytest.param(overwrite_middle, id="overwritten"),
            pytest.param(lambda file: execute(file, "DROP TABLE alembic_version"), id="of another program"),
            pytest.param(lambda file: execute(file, "DELETE FROM alembic_version"), id="of no version"),
            pytest.param(lambda file: execute(file, "UPDATE alembic_version SET version_num = '9'"), id="newer"),
        ],
    )
    def test_takes_nothing_but_a_whole_backup(
        self, whole: Path, empty: Database, damage: Callable[[Path], object]
    ) -> None:
        damage(whole)
        with pytest.raises(ActionError, match=r"^file: .*backup"):
            restore(empty, whole, silent)
        with empty.read() as connection:
            assert schema_version(connection) is None


def execute(file: Path, statement: str) -> None:
    engine = create_engine(sqlite_url(file))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
