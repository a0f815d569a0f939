"""The schema: made by the migrations exactly as the tables say, and deaf to what the law does not know."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, create_engine, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from postroom.actions.clients import NewClient, add_client
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.grants import create_grant_code
from postroom.actions.initialising import initialise
from postroom.actions.mailboxes import NewMailbox, add_mailbox, disconnect_mailbox
from postroom.actions.permissions import Member, SetRolePreference
from postroom.core.model import ClientKind, Permission
from postroom.storage import migrations
from postroom.storage.database import Database
from postroom.storage.folders import add_folder
from postroom.storage.mailboxes import find_mailbox
from postroom.storage.migrations import migrate, newest_version, schema_version
from postroom.storage.records import histories_of
from postroom.storage.schema import associations, metadata
from tests.servers.postroom_server import Installation
from tests.storage.conftest import SECONDS
from tests.storage.contents import contents
from tests.team import ALL_SCOPES, NOW, OPERATOR, Team, email_of

PEOPLE = (("Alice", "Sales"), ("Bob", "Support"))
NOT_IN_METADATA = {"alembic_version", "ids"}


class Interrupted(Exception):
    """Something went wrong in the middle."""


def described(connection: Connection, schema: str | None = None) -> dict[str, Any]:
    """Give what a database knows of its tables; two that are equal work alike."""
    inspector = inspect(connection)
    readers = (
        inspector.get_columns,
        inspector.get_pk_constraint,
        inspector.get_unique_constraints,
        inspector.get_check_constraints,
        inspector.get_indexes,
        inspector.get_foreign_keys,
        inspector.get_table_options,
    )
    names = set(inspector.get_table_names(schema)) - NOT_IN_METADATA
    return {name: [_plain(read(name, schema)) for read in readers] for name in names}


def _plain(found: Any) -> Any:
    """Give what compares: in no order, with the text of conditions, and wherever the tables lie."""
    if isinstance(found, list):
        return sorted(map(_plain, found), key=str)
    if isinstance(found, dict):
        return {name: _plain(value) for name, value in found.items() if name != "referred_schema"}
    return str(found)


@pytest.fixture
def twin(database: Database, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Give the description of a database of the same kind, made from the tables without a migration."""
    if database.dialect == "sqlite":
        engine = create_engine(f"sqlite:///{tmp_path}/twin.sqlite3")
        with engine.begin() as connection:
            metadata.create_all(connection)
            yield described(connection)
        engine.dispose()
        return
    with database.write() as connection:
        connection.execute(text("CREATE SCHEMA twin"))
        metadata.create_all(connection.execution_options(schema_translate_map={None: "twin"}))
        yield described(connection, "twin")


class TestMigrations:
    def test_nothing_is_left_to_migrate(self, database: Database) -> None:
        with database.read() as connection:
            difference = compare_metadata(MigrationContext.configure(connection), metadata)
        assert [change for change in difference if change[1].name not in NOT_IN_METADATA] == []

    def test_they_make_what_the_tables_say(self, database: Database, twin: dict[str, Any]) -> None:
        """The comparison above does not look at conditions, which this one does."""
        with database.read() as connection:
            migrated = described(connection)
        assert migrated == twin
        assert set(migrated) == set(metadata.tables)

    def test_a_database_knows_its_version(self, empty_database: Database) -> None:
        with empty_database.write() as connection:
            assert schema_version(connection) is None
            migrate(connection)
            assert schema_version(connection) == newest_version()

    def test_tokens_of_an_older_version_work_on(self, empty_database: Database) -> None:
        """The table is written anew on SQLite: no row and no column of it gets lost."""
        with empty_database.write() as connection:
            config = migrations._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            user = "(id, email, full_name, profile, status) VALUES (1, 'a@b.example', 'A', 'Standard', 'active')"
            connection.execute(text(f"INSERT INTO users {user}"))
            token = "(:hash, 1, 'ZohoCRM.modules.ALL', 2, 3, 4)"
            connection.execute(text(f"INSERT INTO tokens VALUES {token}"), {"hash": b"#"})
            migrate(connection)
            kept = connection.execute(text("SELECT * FROM tokens")).one()
        assert (bytes(kept[0]), *kept[1:]) == (b"#", 1, "ZohoCRM.modules.ALL", 2, 3, 4, None)

    def test_a_record_that_was_there_before_counts_as_made_at_the_upgrade(self, empty_database: Database) -> None:
        started = int(time.time())
        with empty_database.write() as connection:
            config = Config()
            config.set_main_option("script_location", str(Path(migrations.__file__).parent))
            config.attributes["connection"] = connection
            command.upgrade(config, "0001")
            for row in (
                "users (id, email, full_name, profile, status) VALUES (1, 'a@b.example', 'A', 'Standard', 'active')",
                "modules SELECT 1, 'Leads', 'leads', true, false, false",
                "records (id, module_id, owner_id, name, fields, import_key) VALUES (1, 1, 1, 'B', '{}', 'id:1')",
            ):
                connection.execute(text(f"INSERT INTO {row}"))
            migrate(connection)
            (history,) = histories_of(connection, [1]).values()
        assert started <= history.created_at == history.modified_at <= int(time.time())
        assert history.created_by is history.modified_by is None

    def test_associations_that_were_there_before_say_which_email_it_is(self, empty_database: Database) -> None:
        with empty_database.write() as connection:
            config = migrations._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0006")
            copy = "(id, user_id, kind, folder, uidvalidity, uid, email_key, sent_at, subject, thread_id, withheld)"
            for row in (
                "users (id, email, full_name, profile, status) VALUES (1, 'a@b.example', 'A', 'Standard', 'active')",
                "modules SELECT 1, 'Leads', 'leads', true, false, false",
                "records (id, module_id, owner_id, name, fields, import_key) VALUES (1, 1, 1, 'B', '{}', 'id:1')",
                "threads (id, user_id) VALUES (1, 1)",
                f"copies {copy} VALUES (7, 1, 'crm', '', 0, 'a', :key, 5, '', 1, false)",
                f"copies {copy} VALUES (8, 1, 'crm', '', 0, 'b', :key, NULL, '', 1, false)",
                "associations (record_id, copy_id, associated_by) VALUES (1, 7, 'hand'), (1, 8, 'hand')",
            ):
                connection.execute(text(f"INSERT INTO {row}"), {"key": b"#"} if ":key" in row else {})
            migrate(connection)
            kept = connection.execute(select(associations).order_by(associations.c.copy_id)).all()
        assert [tuple(row) for row in kept] == [(1, 7, "hand", 1, "crm", 5, b"#"), (1, 8, "hand", 1, "crm", 0, b"#")]

    def test_secrets_of_mailboxes_that_were_disconnected_before_are_forgotten(self, empty_database: Database) -> None:
        with empty_database.write() as connection:
            config = migrations._config()
            config.attributes["connection"] = connection
            command.upgrade(config, "0015")
            mailbox = "(id, user_id, protocol, address, host, port, security, username, sealed_password, state)"
            served = "'imap', 'a@b.example', 'imap.b.example', 993, 'tls', 'a', :sealed"
            for row in (
                "users (id, email, full_name, profile, status) VALUES (1, 'a@b.example', 'A', 'Standard', 'active')",
                f"mailboxes {mailbox} VALUES (1, 1, {served}, 'disconnected')",
                f"mailboxes {mailbox} VALUES (2, 1, {served}, 'paused')",
                "smtp_servers (mailbox_id, host, port, security) VALUES (1, 's', 1, 'tls'), (2, 's', 1, 'tls')",
            ):
                connection.execute(text(f"INSERT INTO {row}"), {"sealed": b"#"} if ":sealed" in row else {})
            migrate(connection)
            kept = connection.execute(text("SELECT id, sealed_password IS NULL FROM mailboxes ORDER BY id")).all()
            servers = connection.execute(text("SELECT mailbox_id FROM smtp_servers")).scalars().all()
        assert [(number, bool(is_none)) for number, is_none in kept] == [(1, True), (2, False)]
        assert servers == [2]

    def test_they_are_part_of_the_transaction(self, empty_database: Database) -> None:
        with suppress(Interrupted), empty_database.write() as connection:
            migrate(connection)
            raise Interrupted
        with empty_database.read() as connection:
            assert inspect(connection).get_table_names() == []

    @pytest.mark.parametrize("installation", ["postgresql"], indirect=True)
    def test_several_that_initialise_at_once_all_succeed(self, installation: Installation) -> None:
        started = [subprocess.Popen(installation.command("init"), env=installation.variables) for _ in range(3)]
        assert [process.wait(SECONDS) for process in started] == [0, 0, 0]

    def test_initialising_again_changes_nothing(self, team: Team) -> None:
        _furnish(team)
        before = contents(team.database)
        assert initialise(team.database, "Another name", "Europe/Vienna") is False
        assert contents(team.database) == before


class TestOnlyOnceEach:
    """What two requests at the same moment must not do, the database refuses."""

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO organisation SELECT 2, name, time_zone, 'public', NULL, 'private' FROM organisation",
            "UPDATE users SET email = 'same@team.example'",
            "UPDATE roles SET name = 'Same'",
            "UPDATE modules SET module_key = 'same'",
            "UPDATE records SET import_key = 'same'",
            "UPDATE mailboxes SET address = 'same@team.example'",
            "UPDATE mailboxes SET user_id = (SELECT min(id) FROM users)",
            "UPDATE copies SET uid = 'same', mailbox_id = (SELECT min(id) FROM mailboxes) WHERE kind = 'imap'",
            "UPDATE copies SET uid = 'same', user_id = (SELECT min(id) FROM users) WHERE kind = 'crm'",
            "UPDATE dead_letters SET uid = 'same', mailbox_id = (SELECT min(id) FROM mailboxes) WHERE kind = 'imap'",
            "UPDATE dead_letters SET uid = 'same', user_id = (SELECT min(id) FROM users) WHERE kind = 'crm'",
            "UPDATE folders SET name = 'Same', mailbox_id = (SELECT min(id) FROM mailboxes)",
            "UPDATE audience_members SET user_id = (SELECT min(id) FROM users) WHERE user_id IS NOT NULL",
            "UPDATE audience_members SET role_id = (SELECT min(id) FROM roles) WHERE role_id IS NOT NULL",
            "UPDATE excluded_domains SET domain = 'same.example' WHERE user_id IS NOT NULL",
            "UPDATE excluded_domains SET domain = 'same.example' WHERE role_id IS NOT NULL",
            "UPDATE excluded_domains SET domain = 'same.example' WHERE role_id IS NULL AND user_id IS NULL",
            "UPDATE internal_domains SET domain = 'same.example'",
            "UPDATE grants SET code_hash = (SELECT code_hash FROM grants LIMIT 1)",
            "UPDATE grants SET refresh_hash = code_hash, family_hash = (SELECT code_hash FROM grants LIMIT 1)",
            "UPDATE thread_messages SET message_id = 'same@team.example', user_id = (SELECT min(id) FROM users)",
        ],
    )
    def test_is_refused(self, furnished: Team, statement: str) -> None:
        with pytest.raises(IntegrityError), furnished.database.write() as connection:
            connection.execute(text(statement))

    def test_mailboxes_that_are_disconnected_do_not_count(self, team: Team) -> None:
        team.user("Alice", mailbox=None)
        for protocol in ("imap", "pop", "imap"):
            team.mailbox("Alice", protocol)
            disconnect_mailbox(team.database, email_of("Alice"), by=OPERATOR, now=NOW)
        add_mailbox(team.database, team.box, email_of("Alice"), NewMailbox("imap"), by=OPERATOR, now=NOW)


# For each check a statement that breaks it and no other; "everyone" is a word that the law does not know.
BREAKS = {
    "ck_associations_associated_by": "UPDATE associations SET associated_by = 'everyone'",
    "ck_audience_members_user_or_role": "UPDATE audience_members SET user_id = NULL, role_id = NULL",
    "ck_clients_kind": "UPDATE clients SET kind = 'everyone' WHERE kind = 'confidential'",
    "ck_clients_secret": "UPDATE clients SET secret_hash = NULL WHERE kind = 'confidential'",
    "ck_clients_service": "UPDATE clients SET scopes = NULL WHERE kind = 'service'",
    "ck_copies_kind": "UPDATE copies SET kind = 'everyone' WHERE kind = 'imap'",
    "ck_copies_source": "UPDATE copies SET mailbox_id = NULL WHERE kind = 'imap'",
    "ck_copy_participants_role": "UPDATE copy_participants SET role = 'everyone' WHERE role = 'from'",
    "ck_dead_letters_kind": "UPDATE dead_letters SET kind = 'everyone' WHERE kind = 'imap'",
    "ck_dead_letters_source": "UPDATE dead_letters SET mailbox_id = NULL WHERE kind = 'imap'",
    "ck_excluded_domains_one_scope": "UPDATE excluded_domains SET role_id = (SELECT min(id) FROM roles)"
    " WHERE user_id = (SELECT min(user_id) FROM excluded_domains)",
    "ck_folders_state": "UPDATE folders SET state = 'everyone'",
    "ck_grants_refresh": "UPDATE grants SET refresh_hash = code_hash",
    "ck_mailbox_sync_lease": "UPDATE mailbox_sync SET lease_token = 'x'",
    "ck_mailbox_sync_state": "UPDATE mailbox_sync SET state = 'everyone'",
    "ck_mailbox_sync_trouble": "UPDATE mailbox_sync SET trouble = 'everyone'",
    "ck_mailboxes_protocol": "UPDATE mailboxes SET protocol = 'crm'",
    "ck_mailboxes_security": "UPDATE mailboxes SET security = 'everyone'",
    "ck_mailboxes_state": "UPDATE mailboxes SET state = 'everyone'",
    "ck_organisation_crm_access": "UPDATE organisation SET crm_access = 'everyone'",
    "ck_organisation_default_permission": "UPDATE organisation SET default_permission = 'everyone'",
    "ck_organisation_only_one": "UPDATE organisation SET id = 2",
    "ck_outbox_recipients_state": "UPDATE outbox_recipients SET state = 'everyone'",
    "ck_outbox_state": "UPDATE outbox SET state = 'everyone'",
    "ck_record_mail_associated_by": "UPDATE record_mail SET associated_by = 'everyone'",
    "ck_record_mail_kind": "UPDATE record_mail SET kind = 'everyone'",
    "ck_record_mail_shareable": "UPDATE record_mail SET shareable = copies + 1",
    "ck_record_mail_some": "UPDATE record_mail SET copies = 0, shareable = 0",
    "ck_record_shares_user_or_role": "UPDATE record_shares SET user_id = NULL, role_id = NULL",
    "ck_roles_email_permission": "UPDATE roles SET email_permission = 'everyone'",
    "ck_smtp_servers_login": "UPDATE smtp_servers SET sealed_password = NULL",
    "ck_smtp_servers_security": "UPDATE smtp_servers SET security = 'everyone'",
    "ck_users_assigned_permission": "UPDATE users SET assigned_permission = 'everyone'",
    "ck_users_chosen_permission": "UPDATE users SET chosen_permission = 'users_choice'",
    "ck_users_profile": "UPDATE users SET profile = 'everyone'",
    "ck_users_status": "UPDATE users SET status = 'everyone'",
}


class TestChecks:
    def test_every_check_is_tried(self) -> None:
        checks = {
            str(constraint.name)
            for table in metadata.tables.values()
            for constraint in table.constraints
            if isinstance(constraint, CheckConstraint)
        }
        assert set(BREAKS) == checks

    @pytest.mark.parametrize("check", BREAKS)
    def test_it_refuses_what_the_law_does_not_know(self, furnished: Team, check: str) -> None:
        with pytest.raises(IntegrityError, match=check), furnished.database.write() as connection:
            connection.execute(text(BREAKS[check]))

    @pytest.mark.parametrize("shareable", ["-1", "NULL"])
    def test_no_less_than_nothing_is_shareable(self, furnished: Team, shareable: str) -> None:
        with pytest.raises(IntegrityError), furnished.database.write() as connection:
            connection.execute(text(f"UPDATE record_mail SET shareable = {shareable}"))

    @pytest.mark.parametrize("table", ["record_shares", "audience_members"])
    def test_who_is_granted_something_is_a_user_or_a_role_and_not_both(self, furnished: Team, table: str) -> None:
        both = text(f"UPDATE {table} SET role_id = (SELECT min(id) FROM roles) WHERE user_id IS NOT NULL")
        with pytest.raises(IntegrityError, match="user_or_role"), furnished.database.write() as connection:
            connection.execute(both)

    def test_there_are_foreign_keys_on_both_databases(self, furnished: Team) -> None:
        with pytest.raises(IntegrityError), furnished.database.write() as connection:
            connection.execute(text("UPDATE records SET owner_id = 1"))


class TestAudit:
    """What was written there stays as it was, whoever asks the database."""

    def test_each_change_is_an_entry(self, furnished: Team) -> None:
        assert len(contents(furnished.database)["audit_entries"]) > 10

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE audit_entries SET before = NULL",
            "UPDATE audit_entries SET at = at",
            "UPDATE audit_entries SET subject = 'nobody' WHERE id = (SELECT min(id) FROM audit_entries)",
            "DELETE FROM audit_entries",
            "DELETE FROM audit_entries WHERE id = (SELECT min(id) FROM audit_entries)",
        ],
    )
    def test_no_entry_is_changed_or_erased(self, furnished: Team, statement: str) -> None:
        _assert_refused(furnished, statement)

    @pytest.mark.parametrize("shared_team", ["postgresql"], indirect=True)
    @pytest.mark.parametrize("statement", ["TRUNCATE audit_entries", "TRUNCATE users CASCADE"])
    def test_nor_are_all_at_once(self, furnished: Team, statement: str) -> None:
        _assert_refused(furnished, statement)

    @pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
    def test_nor_is_one_put_in_place_of_another(self, furnished: Team) -> None:
        _assert_refused(furnished, "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries")


def _assert_refused(team: Team, statement: str) -> None:
    before = contents(team.database)
    with pytest.raises(DBAPIError, match="audit_entries is append-only"), team.database.write() as connection:
        connection.execute(text(statement))
    assert contents(team.database) == before


@pytest.fixture(scope="class")
def furnished(shared_team: Team) -> Team:
    """Give a team with two of everything; its tests change nothing."""
    _furnish(shared_team)
    return shared_team


def _furnish(team: Team) -> None:
    team.make(SetInternalDomains(("team.example", "sub.team.example")))
    team.make(SetExcludedDomains(("bank.example", "else.example")))
    for name, role in PEOPLE:
        team.role(role)
        team.user(name, role=role)
        lead = team.record("Leads", name, "lead@customer.example")
        team.mail(name, "lead@customer.example", by_hand_on=lead)
        team.crm_mail(name, "lead@customer.example")
        team.dead_letter(name)
        team.dead_letter(name, sent_from_crm=True)
        _add_folder(team, name)
        team.scheduled_mail(name, lead, "lead@customer.example")
        with team.database.write() as connection:
            connection.execute(
                text("INSERT INTO record_shares SELECT :id, :id, owner_id, NULL, false FROM records WHERE id = :id"),
                {"id": lead},
            )
    for name, role in PEOPLE:
        _restrict(team, name, role)
        _grant(team, name)


def _add_folder(team: Team, name: str) -> None:
    with team.database.write() as connection:
        mailbox = find_mailbox(connection, email_of(name))
        assert mailbox is not None
        add_folder(connection, mailbox.id, "INBOX")


def _grant(team: Team, name: str) -> None:
    """Add a service that asks in a user's name, and a client to which the user grants something."""
    service = NewClient("Report", ClientKind.SERVICE, service_user=email_of(name), scopes=ALL_SCOPES)
    add_client(team.database, service, by=OPERATOR, now=NOW)
    client = add_client(team.database, NewClient("Reader"), by=OPERATOR, now=NOW).client
    create_grant_code(team.database, str(client.id), email_of(name), ALL_SCOPES, by=OPERATOR, now=NOW, expires_in=60)


def _restrict(team: Team, name: str, role: str) -> None:
    """Give a role an audience of two users and two roles, and excluded domains to the role and to a user."""
    members = [Member(user=email_of(each)) for each, _ in PEOPLE] + [Member(role=each) for _, each in PEOPLE]
    team.make(SetRolePreference(role, Permission.USERS_CHOICE, tuple(members)))
    team.make(SetExcludedDomains(("bank.example", "else.example"), role=role))
    team.make(SetExcludedDomains(("bank.example", "else.example"), user=email_of(name)))
