"""The audit: every change of who sees what, once, by whom, from what to what; and nothing takes an entry away again."""

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from postroom import storage
from postroom.actions.actor import Actor
from postroom.actions.audit import Entry, read_audit
from postroom.actions.change_sharing import (
    SetCrmAccess,
    SetModuleAccess,
    ShareEmails,
    ShareRecord,
    UnshareEmails,
    UnshareRecord,
)
from postroom.actions.changes import Change, make
from postroom.actions.errors import AlreadyThere, NotAllowed, NotFound
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import (
    AssignPermission,
    ChoosePermission,
    Member,
    SetDefaultPermission,
    SetRolePreference,
)
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.core.model import CrmAccess, Permission, UserStatus
from tests.changes import KINDS, Stage, actors, change_classes
from tests.properties import examples
from tests.reference_model import Grantee, Setting, World, thread_of
from tests.storage.contents import contents
from tests.team import NOW, OPERATOR, Team, email_of
from tests.worlds import Organisation, build_anew, organisations

ALICE, BOB, CHARLIE = map(email_of, ("Alice", "Bob", "Charlie"))
LEAD = "Leads/1001"
LATER = NOW + 60
ALL = 10_000  # more entries than there can be


@pytest.fixture
def office(team: Team) -> Team:
    """Alice in Sales has mail on a lead of her own; Bob is in Service, Charlie has no role, and Dora administers."""
    team.role("Sales")
    team.role("Service")
    team.user("Alice", role="Sales")
    team.user("Bob", role="Service")
    team.user("Charlie")
    team.user("Dora", profile="Administrator")
    team.record("Leads", "Alice", "lead@customer.example", record_id=1001)
    team.mail("Alice", "lead@customer.example")
    return team


def entries(team: Team, by: Actor = OPERATOR, about: str | None = None) -> list[Entry]:
    return read_audit(team.database, by=by, limit=ALL, about=about).entries


class Written(NamedTuple):
    """What stands in an entry beside who and when."""

    change: str
    subject: str
    owner: str | None
    before: object
    after: object


def written(team: Team, entry: Entry) -> Written:
    """Give what stands in an entry, with names for the ids that differ each time."""
    subject = entry.subject.replace(_email(team), "EMAIL").replace(_thread(team), "THREAD")
    return Written(entry.change, subject, entry.owner, entry.before, entry.after)


def _email(team: Team) -> str:
    return email_id(list_own_emails(team.database, ALICE, by=OPERATOR, limit=1)[0].email_key)


def _thread(team: Team) -> str:
    return str(list_own_emails(team.database, ALICE, by=OPERATOR, limit=1)[0].thread_id)


FOR_BOB = (Member(BOB), Member(role="Sales", and_subordinates=True))
CUSTOM = {"permission": "custom", "audience": "everyone"}
CUSTOM_FOR_BOB = {"permission": "custom", "audience": [{"user": BOB}, {"role": "Sales", "and_subordinates": True}]}
WITH_SALES = {"role": "Sales", "and_subordinates": False}
WITH_SALES_AND_BELOW = {"role": "Sales", "and_subordinates": True}


class Case(NamedTuple):
    """What is changed by whom and may not be by whom, what is written down of it, and what was given before."""

    changed: Callable[[Team], Change]
    by: str
    refused_to: str
    written: Written
    given: tuple[Change, ...] = ()


CASES: dict[type[Change], Case] = {
    SetDefaultPermission: Case(
        lambda _: SetDefaultPermission(Permission.CUSTOM, FOR_BOB),
        "Dora",
        "Alice",
        Written(
            "default permission",
            "the organisation",
            None,
            {"permission": "users_choice", "audience": "everyone"},
            CUSTOM_FOR_BOB,
        ),
    ),
    SetRolePreference: Case(
        lambda _: SetRolePreference("Sales", Permission.CUSTOM, FOR_BOB),
        "Dora",
        "Alice",
        Written("e-mail preference", "role Sales", None, None, CUSTOM_FOR_BOB),
    ),
    AssignPermission: Case(
        lambda _: AssignPermission("ALICE@team.example", None),
        "Dora",
        "Alice",
        Written("assigned permission", f"user {ALICE}", ALICE, CUSTOM, None),
        given=(AssignPermission(ALICE, Permission.CUSTOM),),
    ),
    ChoosePermission: Case(
        lambda _: ChoosePermission(ALICE, audience=FOR_BOB),
        "Alice",
        "Dora",
        Written("own choice", f"user {ALICE}", ALICE, CUSTOM, CUSTOM_FOR_BOB),
        given=(ChoosePermission(ALICE, Permission.CUSTOM),),
    ),
    SetCrmAccess: Case(
        lambda _: SetCrmAccess(CrmAccess.PRIVATE),
        "Dora",
        "Alice",
        Written("access to mail sent from the CRM", "the organisation", None, "public_read_only", "private"),
    ),
    SetModuleAccess: Case(
        lambda _: SetModuleAccess("leads", is_public=True),
        "Dora",
        "Alice",
        Written("module access", "module Leads", None, "private", "public"),
    ),
    ShareEmails: Case(
        lambda _: ShareEmails(ALICE, "leads/1001"),
        "Alice",
        "Dora",
        Written("mail on a record", LEAD, ALICE, None, "shared"),
        given=(ChoosePermission(ALICE, Permission.CUSTOM),),
    ),
    UnshareEmails: Case(
        lambda _: UnshareEmails(ALICE, "leads/1001"),
        "Alice",
        "Dora",
        Written("mail on a record", LEAD, ALICE, "shared", None),
        given=(ChoosePermission(ALICE, Permission.CUSTOM), ShareEmails(ALICE, LEAD)),
    ),
    ShareRecord: Case(
        lambda _: ShareRecord("leads/1001", role="Sales", and_subordinates=True),
        "Alice",
        "Charlie",
        Written("record share", LEAD, ALICE, WITH_SALES, WITH_SALES_AND_BELOW),
        given=(ShareRecord(LEAD, role="Sales"), ShareRecord(LEAD, user=CHARLIE)),
    ),
    UnshareRecord: Case(
        lambda _: UnshareRecord("leads/1001", role="Sales"),
        "Alice",
        "Charlie",
        Written("record share", LEAD, ALICE, WITH_SALES_AND_BELOW, None),
        given=(ShareRecord(LEAD, role="Sales", and_subordinates=True), ShareRecord(LEAD, user=CHARLIE)),
    ),
    SetExcludedDomains: Case(
        lambda _: SetExcludedDomains(add=("Bücher.example",), user=ALICE),
        "Alice",
        "Dora",
        Written("excluded domains", f"user {ALICE}", ALICE, ["a.example"], ["a.example", "xn--bcher-kva.example"]),
        given=(SetExcludedDomains(("a.example",), user=ALICE),),
    ),
    SetInternalDomains: Case(
        lambda _: SetInternalDomains(("team.example",)),
        "Dora",
        "Alice",
        Written("internal domains", "the organisation", None, [], ["team.example"]),
    ),
    WithholdEmail: Case(
        lambda team: WithholdEmail(ALICE, _email(team)),
        "Alice",
        "Dora",
        Written("withheld by hand", "e-mail EMAIL", ALICE, "shown", "withheld"),
    ),
    WithholdThread: Case(
        lambda team: WithholdThread(ALICE, _thread(team)),
        "Alice",
        "Dora",
        Written("withheld by hand", "conversation THREAD", ALICE, "shown", "withheld"),
    ),
    SetUserStatus: Case(
        lambda _: SetUserStatus(ALICE, UserStatus.INACTIVE),
        "Dora",
        "Alice",
        Written("status", f"user {ALICE}", ALICE, "active", "inactive"),
    ),
    SetUserRole: Case(
        lambda _: SetUserRole(ALICE, None),
        "Dora",
        "Alice",
        Written("role of a user", f"user {ALICE}", ALICE, "Sales", None),
    ),
}


each_case = pytest.mark.parametrize("case", CASES.values(), ids=[kind.__name__ for kind in CASES])


class TestEveryChange:
    @each_case
    def test_is_written_down_once_with_who_and_when(self, office: Team, case: Case) -> None:
        for change in case.given:
            office.make(change)
        before, changed = entries(office), case.changed(office)
        make(office.database, changed, office.actor(case.by), now=LATER)
        entry, *rest = entries(office)
        assert written(office, entry) == case.written
        assert (entry.at, entry.actor, entry.channel) == (LATER, email_of(case.by), f"token of {case.by}")
        assert rest == before

    @each_case
    def test_made_a_second_time_changes_nothing(self, office: Team, case: Case) -> None:
        for change in case.given:
            office.make(change)
        changed, by = case.changed(office), office.actor(case.by)
        make(office.database, changed, by, now=LATER)
        before = contents(office.database)
        with suppress(AlreadyThere, NotFound):  # what is shared already, or no longer
            make(office.database, changed, by, now=LATER + 1)
        assert contents(office.database) == before

    @each_case
    def test_refused_changes_nothing(self, office: Team, case: Case) -> None:
        for change in case.given:
            office.make(change)
        before, changed = contents(office.database), case.changed(office)
        with pytest.raises(NotAllowed):
            make(office.database, changed, office.actor(case.refused_to), now=LATER)
        assert contents(office.database) == before

    def test_is_in_the_table_of_cases(self) -> None:
        assert CASES.keys() == change_classes()

    def test_of_whoever_has_the_command_line_names_the_login(self, office: Team) -> None:
        office.make(SetCrmAccess(CrmAccess.PRIVATE))
        assert (entries(office)[0].actor, entries(office)[0].channel) == (None, "command line of tests")

    def test_of_two_things_at_once_is_two_entries(self, office: Team) -> None:
        """With its preference a role loses the domains that were excluded in it."""
        office.make(SetRolePreference("Sales", Permission.PUBLIC))
        office.make(SetExcludedDomains(("a.example",), role="Sales"))
        before = entries(office)
        office.make(SetRolePreference("Sales", None))
        assert [entry.change for entry in entries(office)[: -len(before)]] == ["excluded domains", "e-mail preference"]

    def test_of_the_order_in_an_audience_is_none(self, office: Team) -> None:
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB))
        before = entries(office)
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB[::-1]))
        assert entries(office) == before

    def test_of_the_subordinates_in_an_audience_is_one(self, office: Team) -> None:
        office.make(SetDefaultPermission(Permission.PUBLIC, FOR_BOB))
        before = entries(office)
        office.make(SetDefaultPermission(Permission.PUBLIC, (Member(BOB), Member(role="Sales"))))
        assert entries(office)[1:] == before


def what_is_set(world: World) -> World:
    """Give a world that equals another one in which the same is set."""
    plain = deepcopy(world)
    plain.withheld_threads = {i for marked in world.withheld_threads for i in thread_of(world, marked)}
    plain.excluded_by_role = {role: domains for role, domains in world.excluded_by_role.items() if domains}
    plain.preferences = {role: _without_order(setting) for role, setting in world.preferences.items()}
    plain.default = _without_order(world.default)
    for record in plain.records.values():
        record.shares.sort(key=repr)
    for user in plain.users.values():
        user.assigned, user.choice = (setting and _without_order(setting) for setting in (user.assigned, user.choice))
    return plain


def _without_order(setting: Setting) -> Setting:
    """Put an audience into one order, with each role listed once: with those below it, if it is anywhere."""
    if setting.audience is None:
        return setting
    widest: dict[tuple[str | None, str | None], bool] = {}
    for member in setting.audience:
        whom = (member.user, member.role)
        widest[whom] = widest.get(whom, False) or member.and_subordinates
    return replace(setting, audience=tuple(sorted((Grantee(*whom, below) for whom, below in widest.items()), key=repr)))


class TestAnyState:
    @given(drawn=organisations(), data=st.data())
    @examples(12)
    def test_one_entry_for_what_changes_and_none_for_what_does_not(
        self, erasable_team: Team, drawn: Organisation, data: st.DataObject
    ) -> None:
        build_anew(erasable_team.database, drawn)
        for kind in KINDS:
            with erasable_team.database.read() as connection:
                change, by = KINDS[kind](data.draw, Stage(drawn, connection)), data.draw(actors(drawn.world))
            before, there_before = what_is_set(drawn.world), len(entries(erasable_team))
            with erasable_team.database.write() as connection:
                change.is_made(Stage(drawn, connection), by)
            change.is_followed(drawn.world, by)
            new = len(entries(erasable_team)) - there_before
            assert new == number_of_changes(before, what_is_set(drawn.world)), change
            event(f"{kind.__name__}: {new}")


def number_of_changes(before: World, after: World) -> int:
    """Count what became different; a role that loses its preference loses its excluded domains besides."""
    return sum(getattr(before, part.name) != getattr(after, part.name) for part in fields(World))


class TestWhoReads:
    def test_an_administrator_reads_all_but_what_users_withhold(self, office: Team) -> None:
        office.make(SetExcludedDomains(("a.example", "b.example"), user=ALICE))
        office.make(WithholdEmail(ALICE, _email(office)))
        office.make(WithholdThread(ALICE, _thread(office)))
        thread, email, domains = map(partial(written, office), entries(office, office.actor("Dora"))[:3])
        assert domains == Written("excluded domains", f"user {ALICE}", ALICE, 0, 2)
        assert email == thread == Written("withheld by hand", f"user {ALICE}", ALICE, None, None)

    def test_the_owner_reads_the_own_in_full(self, office: Team) -> None:
        office.make(SetExcludedDomains(("a.example", "b.example"), user=ALICE))
        office.make(WithholdEmail(ALICE, _email(office)))
        email, domains = map(partial(written, office), entries(office, office.actor("Alice"), ALICE)[:2])
        assert domains == Written("excluded domains", f"user {ALICE}", ALICE, [], ["a.example", "b.example"])
        assert email == Written("withheld by hand", "e-mail EMAIL", ALICE, "shown", "withheld")

    @pytest.mark.parametrize(("name", "role"), [("Alice", "Sales"), ("Bob", "Service"), ("Charlie", None)])
    def test_an_owner_reads_what_concerns_the_own_mail_and_only_that(
        self, office: Team, name: str, role: str | None
    ) -> None:
        """It is set for the owner, for the owner's role, or for everybody."""
        make_changes_about_everybody(office)
        read = {(entry.change, entry.subject) for entry in entries(office, office.actor(name), email_of(name))}
        own = {("user", f"user {email_of(name)}"), ("assigned permission", f"user {email_of(name)}")}
        own.add(("mailbox", f"mailbox {email_of(name)}"))
        of_the_role = set() if role is None else {("role", f"role {role}"), ("e-mail preference", f"role {role}")}
        shares = {("record share", LEAD)} if name == "Alice" else set()
        assert read == own | of_the_role | shares | {("excluded domains", "the organisation")}

    @pytest.mark.parametrize("about", [None, BOB])
    def test_nobody_else_reads_it(self, office: Team, about: str | None) -> None:
        with pytest.raises(NotAllowed):
            entries(office, office.actor("Alice"), about)


def make_changes_about_everybody(office: Team) -> None:
    for user in (ALICE, BOB, CHARLIE):
        office.make(AssignPermission(user, Permission.PUBLIC))
    for role in ("Sales", "Service"):
        office.make(SetRolePreference(role, Permission.PUBLIC))
    office.make(SetExcludedDomains(("a.example",)))
    office.make(ShareRecord(LEAD, user=BOB))


class TestPages:
    def test_are_complete_and_stay_so_while_entries_are_added(self, office: Team) -> None:
        there = entries(office)
        page = read_audit(office.database, by=OPERATOR, limit=2)
        read = page.entries
        while page.next_before is not None:
            office.make(SetModuleAccess("Leads", is_public=len(read) % 4 == 2))
            page = read_audit(office.database, by=OPERATOR, limit=2, before=page.next_before)
            read = [*read, *page.entries]
        assert read == there
        assert len(entries(office)) > len(there)


def test_no_code_changes_an_entry_or_takes_one_away() -> None:
    """The table is known to one module, which reads and adds; the database itself refuses the rest."""
    modules = {path.stem: ast.parse(path.read_text()) for path in Path(storage.__path__[0]).glob("*.py")}
    imported = {name: set(_imported(tree)) for name, tree in modules.items()}
    assert {name for name, names in imported.items() if "audit_entries" in names} == {"audit"}
    assert not imported["audit"] & {"update", "delete", "text", "upsert"}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
