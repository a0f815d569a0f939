"""Setting up: what a new organisation begins with, and what cannot be part of one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from postroom.actions import changes, organisation
from postroom.actions.change_sharing import SetModuleAccess
from postroom.actions.changes import Change
from postroom.actions.errors import ActionError, AlreadyThere, InvalidInput, NotAllowed, NotFound, NotInitialised
from postroom.actions.initialising import initialise, require_initialised
from postroom.actions.organisation import (
    NewUser,
    SetUserRole,
    SetUserStatus,
    add_module,
    list_modules,
    list_roles,
    list_users,
)
from postroom.core.model import Profile, Role, User, UserStatus
from postroom.core.modules import MODULES_WITH_EMAILS, MODULES_WITHOUT_EMAILS, RESERVED_NAMES
from postroom.storage.database import Database, sqlite_url
from postroom.storage.ids import FIRST_ID
from postroom.storage.migrations import schema_version
from postroom.storage.organisation import organisation_settings
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ALICE = "alice@team.example"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    """Give a database without even a schema."""
    database = Database(sqlite_url(tmp_path / "empty.sqlite3"))
    yield database
    database.close()


def new_user(email: str = ALICE, full_name: str = "Alice", **values: Any) -> NewUser:
    return NewUser(email, full_name, **values)


def add_role(database: Database, name: str, under: str | None = None) -> Role:
    return organisation.add_role(database, name, under, by=OPERATOR, now=NOW)


def add_user(database: Database, new: NewUser) -> User:
    return organisation.add_user(database, new, by=OPERATOR, now=NOW)


def change(database: Database, made: Change) -> None:
    changes.make(database, made, OPERATOR, now=NOW)


class TestInitialising:
    def test_a_new_organisation_begins_with_what_the_law_says(self, database: Database) -> None:
        with database.read() as connection:
            settings = organisation_settings(connection)
        assert settings is not None
        assert (settings["default_permission"], settings["crm_access"]) == ("users_choice", "public_read_only")
        modules = list_modules(database)
        assert tuple(module.api_name for module in modules) == (*MODULES_WITH_EMAILS, *MODULES_WITHOUT_EMAILS)
        assert {module.api_name for module in modules if module.has_emails} == set(MODULES_WITH_EMAILS)
        assert not any(module.is_public or module.is_custom for module in modules)
        assert (list_roles(database), list_users(database)) == ([], [])

    def test_it_says_whether_there_was_one(self, empty: Database) -> None:
        assert initialise(empty, " Adams & Co ", "Europe/Vienna") is True
        assert initialise(empty, "Another") is False
        assert contents(empty)["organisation"][0][1:3] == ("Adams & Co", "Europe/Vienna")

    @pytest.mark.parametrize(
        ("name", "time_zone", "sentence"),
        [
            ("", "UTC", "name: expected one line"),
            (" ", "UTC", "name: expected one line"),
            ("two\nlines", "UTC", "name: expected one line"),
            ("x" * 251, "UTC", "name: expected one line of 1 to 250 characters"),
            ("Adams", "Vienna", "time zone: 'Vienna' is not one"),
            ("Adams", "", "time zone: '' is not one"),
            ("Adams", "../etc/passwd", "time zone: '../etc/passwd' is not one"),
            ("Adams", "/etc/localtime", "time zone: '/etc/localtime' is not one"),
            ("Adams", "Europe\x00", "is not one"),
            ("Adams", "Europe", "time zone: 'Europe' is not one"),
        ],
    )
    def test_what_is_refused_leaves_nothing_behind(
        self, empty: Database, name: str, time_zone: str, sentence: str
    ) -> None:
        with pytest.raises(InvalidInput, match=re.escape(sentence)):
            initialise(empty, name, time_zone)
        with empty.read() as connection:
            assert schema_version(connection) is None

    def test_nothing_else_works_before(self, empty: Database) -> None:
        with pytest.raises(NotInitialised, match="run 'postroom init'"):
            require_initialised(empty)
        initialise(empty)
        require_initialised(empty)

    def test_a_schema_of_a_newer_version_is_left_alone(self, database: Database) -> None:
        _set_version(database, "9999")
        for use in (initialise, require_initialised):
            with pytest.raises(NotInitialised, match="schema 9999, of a newer version of Postroom"):
                use(database)


class TestRoles:
    def test_they_are_a_tree_and_each_comes_after_its_parent(self, database: Database) -> None:
        for name, under in (("CEO", None), ("Sales", "CEO"), ("Board", None), ("Intern", "Sales"), ("Help", "CEO")):
            add_role(database, f" {name} ", under)
        roles = list_roles(database)
        assert [role.name for role in roles] == ["CEO", "Sales", "Intern", "Help", "Board"]
        ids = {role.name: role.id for role in roles}
        lineages = {role.name: role.lineage for role in roles}
        assert lineages["Intern"] == f"/{ids['CEO']}/{ids['Sales']}/{ids['Intern']}/"
        assert {role.name: role.parent_id for role in roles}["Board"] is None

    @on_sqlite
    @pytest.mark.parametrize(
        ("name", "under", "refusal", "sentence"),
        [
            ("Sales", None, AlreadyThere, "there is a role 'Sales' already"),
            (" Sales", "Sales", AlreadyThere, "there is a role 'Sales' already"),
            ("Support", "Board", NotFound, "there is no role 'Board'"),
            ("", None, InvalidInput, "role: expected one line"),
            ("a\tb", None, InvalidInput, "role: expected one line"),
        ],
    )
    def test_what_is_no_role(
        self, database: Database, name: str, under: str | None, refusal: type[ActionError], sentence: str
    ) -> None:
        add_role(database, "Sales")
        with pytest.raises(refusal, match=sentence):
            add_role(database, name, under)
        assert [role.name for role in list_roles(database)] == ["Sales"]

    @on_sqlite
    def test_the_tree_is_fifty_deep_and_no_deeper(self, database: Database) -> None:
        parent = None
        for depth in range(1, 51):
            parent = add_role(database, f"Role {depth}", parent).name
        with pytest.raises(InvalidInput, match="under: roles are at most 50 deep"):
            add_role(database, "Role 51", parent)


class TestUsers:
    def test_they_are_listed_by_name_with_their_roles(self, database: Database) -> None:
        add_role(database, "Sales")
        boyle = add_user(database, new_user("boyle@team.example", "boyle", user_id=412463000000867017))
        will = add_user(database, new_user("Will@Team.Example", " Will Grandon ", role="Sales"))
        assert list_users(database) == [(will, "Sales"), (boyle, None)]
        assert (boyle.id, will.email, will.full_name) == (412463000000867017, "will@team.example", "Will Grandon")
        assert will.id >= FIRST_ID

    def test_a_new_one_is_active_and_has_decided_nothing(self, database: Database) -> None:
        user = add_user(database, new_user())
        assert (user.profile, user.status) == (Profile.STANDARD, UserStatus.ACTIVE)
        assert (user.role_id, user.assigned_permission, user.chosen_permission) == (None, None, None)

    @on_sqlite
    @pytest.mark.parametrize(
        ("new", "refusal", "sentence"),
        [
            (new_user("ALICE@TEAM.EXAMPLE"), AlreadyThere, "there is a user alice@team.example already"),
            (new_user("bob@team.example", user_id=7), AlreadyThere, "id: another user has the id 7 already"),
            (new_user("bob"), InvalidInput, "email: 'bob' is not an e-mail address"),
            (new_user("bob@team.example", ""), InvalidInput, "name: expected one line"),
            (new_user("bob@team.example", "Bob\x1b[2J"), InvalidInput, "name: expected one line"),
            (new_user("bob@team.example", role="Board"), NotFound, "there is no role 'Board'"),
            (new_user("bob@team.example", user_id=0), InvalidInput, "id: expected a number from 1 to"),
            (new_user("bob@team.example", user_id=-5), InvalidInput, "id: expected a number from 1 to"),
            (new_user("bob@team.example", user_id=FIRST_ID), InvalidInput, "the ids above are given by Postroom"),
        ],
        ids=str,
    )
    def test_what_is_no_user(self, database: Database, new: NewUser, refusal: type[ActionError], sentence: str) -> None:
        add_user(database, new_user(user_id=7))
        with pytest.raises(refusal, match=re.escape(sentence)):
            add_user(database, new)
        assert [user.email for user, _ in list_users(database)] == [ALICE]

    def test_one_is_disabled_enabled_and_deleted(self, database: Database) -> None:
        add_user(database, new_user())
        add_user(database, new_user("bob@team.example", "Bob"))
        for status in (UserStatus.INACTIVE, UserStatus.ACTIVE, UserStatus.INACTIVE, UserStatus.DELETED):
            change(database, SetUserStatus("Alice@Team.Example", status))
            assert [user.status for user, _ in list_users(database)] == [status, UserStatus.ACTIVE]
        with pytest.raises(NotFound, match=r"there is no user zoe@team\.example"):
            change(database, SetUserStatus("zoe@team.example", UserStatus.INACTIVE))

    def test_who_was_deleted_stays_deleted(self, database: Database) -> None:
        add_user(database, new_user())
        change(database, SetUserStatus(ALICE, UserStatus.DELETED))
        for status in (UserStatus.ACTIVE, UserStatus.INACTIVE):
            with pytest.raises(NotAllowed, match="was deleted, which is final"):
                change(database, SetUserStatus(ALICE, status))
        change(database, SetUserStatus(ALICE, UserStatus.DELETED))
        assert [user.status for user, _ in list_users(database)] == [UserStatus.DELETED]

    def test_one_moves_to_another_role_and_to_none(self, database: Database) -> None:
        add_role(database, "Sales")
        add_user(database, new_user())
        seen = []
        for role in ("Sales", None):
            change(database, SetUserRole(ALICE, role))
            seen.append([role for _, role in list_users(database)])
        assert seen == [["Sales"], [None]]
        with pytest.raises(NotFound, match="there is no role 'Board'"):
            change(database, SetUserRole(ALICE, "Board"))


class TestModules:
    def test_a_custom_one_comes_last_keeps_emails_and_is_not_public(self, database: Database) -> None:
        added = add_module(database, "Machine_Parks")
        assert list_modules(database)[-1] == added
        assert (added.api_name, added.has_emails, added.is_custom, added.is_public) == (
            "Machine_Parks",
            True,
            True,
            False,
        )

    @on_sqlite
    @pytest.mark.parametrize(
        "name",
        [
            "",
            "1st",
            "_x",
            "a b",
            "Größe",
            "x" * 51,
            "Leads",
            "lEADS",
            "SalesOrders",
            "sales__orders",
            "Price_Books",
            *sorted(RESERVED_NAMES),
            "e_mails",
        ],
    )
    def test_what_is_no_name_for_one(self, database: Database, name: str) -> None:
        with pytest.raises(InvalidInput, match="is no name for a custom module"):
            add_module(database, name)

    def test_there_is_one_of_a_name_in_any_case(self, database: Database) -> None:
        add_module(database, "Machines")
        with pytest.raises(AlreadyThere, match="there is a module MACHINES already"):
            add_module(database, "MACHINES")

    def test_records_are_opened_to_everyone_and_closed(self, database: Database) -> None:
        seen = []
        for is_public in (True, False):
            change(database, SetModuleAccess("LEADS", is_public=is_public))
            seen.append([module.api_name for module in list_modules(database) if module.is_public])
        assert seen == [["Leads"], []]
        with pytest.raises(NotFound, match="there is no module 'Nonsense'"):
            change(database, SetModuleAccess("Nonsense", is_public=True))


def _set_version(database: Database, version: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
