"""What the law does not know opens nothing: values, roles and owners that no database of Postroom should hold.

Each is refused by the database itself. Here its rules are taken away first, as a person with a database client could.
"""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text

from postroom.actions.change_sharing import ShareRecord
from postroom.actions.changes import Change
from postroom.actions.errors import RecordInvalid, TokenInvalid
from postroom.actions.permissions import (
    AssignPermission,
    ChoosePermission,
    Member,
    SetDefaultPermission,
    SetRolePreference,
)
from postroom.core.model import Permission
from postroom.storage.database import Database
from tests.team import Team, email_of

ALICE, BOB, CHARLIE = map(email_of, ("Alice", "Bob", "Charlie"))
LEAD = "Leads/1001"
NOWHERE = 404  # the id of nothing


@pytest.fixture
def office(team: Team) -> Team:
    """Alice in Sales has mail on Charlie's lead and sent some from the CRM; all of it is open to everyone."""
    team.role("Management")
    team.role("Sales", under="Management")
    team.user("Alice", role="Sales")
    team.user("Bob", role="Management")
    team.user("Charlie", role="Sales")
    team.record("Leads", "Charlie", "lead@customer.example", record_id=1001)
    team.mail("Alice", "lead@customer.example")
    team.crm_mail("Alice", "lead@customer.example")
    team.make(SetDefaultPermission(Permission.PUBLIC))
    for name in ("Alice", "Bob", "Charlie"):
        team.token(name)
    return team


def write(database: Database, statement: str) -> None:
    """Write into the database behind everybody's back, with its rules taken away."""
    if database.dialect == "sqlite":
        with closing(sqlite3.connect(str(database.engine.url.database))) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")  # and foreign keys are off by themselves
            connection.execute(statement)
        return
    with database.write() as connection:
        rules = "SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype IN ('c', 'f') AND conrelid <> 0"
        for table, name in connection.execute(text(f"{rules} AND connamespace = 'public'::regnamespace")).all():
            connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
        connection.execute(text(statement))


def let_records_have_no_owner(database: Database) -> None:
    if database.dialect == "postgresql":
        write(database, "ALTER TABLE records ALTER owner_id DROP NOT NULL")
        return
    with closing(sqlite3.connect(str(database.engine.url.database))) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'owner_id INTEGER NOT NULL', 'owner_id INTEGER') "
            "WHERE name = 'records'"
        )
        connection.execute("PRAGMA schema_version = 4711")  # makes every other connection read it anew


def sees(team: Team, viewer: str) -> set[str]:
    """Give the views that are open to a viewer on the lead, and the colleagues who share."""
    try:
        details = team.details(viewer, "Leads", 1001)
    except (RecordInvalid, TokenInvalid):
        return set()
    return {*details.available_types, *(user.name for user in details.share_from_users)}


CRM_ALONE = {"emails_sent_from_crm", "all_contacts_emails", "all_emails"}
EVERYTHING = CRM_ALONE | {"all_imap_shared_users", "Alice"}


UNKNOWN_PERMISSIONS = {
    "default": ((), "UPDATE organisation SET default_permission = 'open'"),
    "preference": ((SetRolePreference("Sales", Permission.PUBLIC),), "UPDATE roles SET email_permission = 'open'"),
    "assignment": ((AssignPermission(ALICE, Permission.PUBLIC),), "UPDATE users SET assigned_permission = 'open'"),
    "choice": (
        (SetDefaultPermission(Permission.USERS_CHOICE), ChoosePermission(ALICE, Permission.PUBLIC)),
        "UPDATE users SET chosen_permission = 'open'",
    ),
    "choice of choice": (
        (SetDefaultPermission(Permission.USERS_CHOICE), ChoosePermission(ALICE, Permission.PUBLIC)),
        "UPDATE users SET chosen_permission = 'users_choice'",
    ),
}


class TestUnknownValue:
    @pytest.mark.parametrize(("given", "statement"), UNKNOWN_PERMISSIONS.values(), ids=UNKNOWN_PERMISSIONS)
    def test_of_a_permission_opens_no_mailbox(self, office: Team, given: tuple[Change, ...], statement: str) -> None:
        for change in given:
            office.make(change)
        assert sees(office, "Charlie") == EVERYTHING
        write(office.database, statement)
        assert sees(office, "Charlie") == CRM_ALONE

    def test_of_the_access_type_opens_no_mail_from_the_crm(self, office: Team) -> None:
        write(office.database, "UPDATE organisation SET crm_access = 'open'")
        assert "emails_sent_from_crm" not in sees(office, "Charlie")

    def test_of_a_kind_opens_no_mail(self, office: Team) -> None:
        write(office.database, "UPDATE record_mail SET kind = kind || '2'")
        assert sees(office, "Charlie") == set()

    def test_of_an_owners_status_opens_no_mailbox(self, office: Team) -> None:
        write(office.database, f"UPDATE users SET status = 'retired' WHERE email = '{ALICE}'")
        assert sees(office, "Charlie") == CRM_ALONE

    def test_of_the_callers_status_opens_nothing(self, office: Team) -> None:
        write(office.database, f"UPDATE users SET status = 'retired' WHERE email = '{CHARLIE}'")
        assert sees(office, "Charlie") == set()

    def test_of_a_profile_makes_no_administrator(self, office: Team) -> None:
        office.user("Dora")
        write(office.database, f"UPDATE users SET profile = 'Root' WHERE email = '{email_of('Dora')}'")
        assert sees(office, "Dora") == set()


class TestMissing:
    """A row that something refers to, and that is not there."""

    def test_role_of_an_owner_opens_no_mailbox(self, office: Team) -> None:
        """Its preference may have been private."""
        write(office.database, f"UPDATE users SET role_id = {NOWHERE} WHERE email = '{ALICE}'")
        assert sees(office, "Charlie") == CRM_ALONE

    def test_role_of_a_viewer_is_in_no_audience_and_in_no_share(self, office: Team) -> None:
        office.user("Dora", role="Sales")
        office.make(ShareRecord(LEAD, role="Sales"))
        assert sees(office, "Dora") == EVERYTHING
        for table, column in (("users", "role_id"), ("record_shares", "role_id")):
            write(office.database, f"UPDATE {table} SET {column} = {NOWHERE} WHERE {column} IS NOT NULL")
        assert sees(office, "Dora") == set()

    def test_audience_is_nobody(self, office: Team) -> None:
        office.make(AssignPermission(ALICE, Permission.PUBLIC, (Member(CHARLIE),)))
        assert sees(office, "Charlie") == EVERYTHING
        write(office.database, f"UPDATE users SET assigned_audience_id = {NOWHERE} WHERE email = '{ALICE}'")
        assert sees(office, "Charlie") == CRM_ALONE

    def test_owner_of_mail_shares_with_nobody(self, office: Team) -> None:
        write(office.database, f"UPDATE record_mail SET user_id = {NOWHERE}")
        assert sees(office, "Charlie") == set()

    @pytest.mark.parametrize("owner", [NOWHERE, "NULL"])
    def test_owner_of_a_record_has_no_superiors(self, office: Team, owner: object) -> None:
        assert sees(office, "Bob") == EVERYTHING
        let_records_have_no_owner(office.database)
        write(office.database, f"UPDATE records SET owner_id = {owner}")
        assert sees(office, "Bob") == sees(office, "Charlie") == set()
