"""Several server processes on one database: what was acknowledged anywhere is in the next answer of every process."""

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postroom.actions import records
from postroom.actions.change_sharing import SetCrmAccess, SetModuleAccess, ShareRecord, UnshareEmails, UnshareRecord
from postroom.actions.exclusions import SetExcludedDomains, SetInternalDomains
from postroom.actions.organisation import SetUserRole, SetUserStatus
from postroom.actions.permissions import (
    AssignPermission,
    ChoosePermission,
    Member,
    SetDefaultPermission,
    SetRolePreference,
)
from postroom.actions.tokens import revoke_token
from postroom.actions.withhold import WithholdEmail, WithholdThread, email_id, list_own_emails
from postroom.core.model import CrmAccess, OwnEmail, Permission, UserStatus
from tests.http.test_contract import ALL_TYPES, INVALID_RECORD, INVALID_TOKEN, LEAD, path
from tests.servers import remembering_program
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import NOW, OPERATOR, Team, email_of

ALTERNATIONS = 20
EMILS_LEAD, PARTNERS_LEAD = LEAD + 1, LEAD + 2
LEAD_PATH, LEAD_REFERENCE = path(), f"Leads/{LEAD}"
EMILS_PATH, PARTNERS_PATH = path(record=EMILS_LEAD), path(record=PARTNERS_LEAD)
SYNCED_TYPES = ALL_TYPES[1:]

Answer = tuple[list[str], list[str]] | tuple[int, str, str, dict[str, int]]
ALICE_SHARES: Answer = (ALL_TYPES, ["Alice"])
ALICE_DOES_NOT: Answer = (["emails_sent_from_crm", "all_contacts_emails", "all_emails"], [])
EMIL_SHARES: Answer = (SYNCED_TYPES, ["Emil"])
NOTHING: Answer = ([], [])


class Process(NamedTuple):
    """One server process, reached over a connection that stays with it."""

    pid: int
    connection: http.client.HTTPConnection

    def ask(self, token: str, asked: str = LEAD_PATH) -> Answer:
        """Give types and names, or the error."""
        self.connection.request("GET", asked, headers={"Authorization": f"Bearer {token}"})
        response = self.connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        if response.status != 200:
            return response.status, answer["code"], answer["message"], answer["details"]
        details = answer["__emails_sharing_details"]
        return details["available_types"], [user["name"] for user in details["share_from_users"]]


class Office(NamedTuple):
    """The team, and all processes that serve its database."""

    team: Team
    processes: list[Process]

    def everywhere(self, viewer: str, asked: str = LEAD_PATH) -> list[Answer]:
        """Give what each process answers."""
        return [process.ask(self.team.token(viewer), asked) for process in self.processes]

    def all_say(self, expected: Answer, viewer: str = "Bob", asked: str = LEAD_PATH) -> None:
        """Check that every process answers that."""
        assert self.everywhere(viewer, asked) == [expected] * len(self.processes)


@pytest.fixture(scope="class")
def office(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two servers with a process each and one with two; Bob owns the lead about which Alice and Charlie write."""
    _furnish(shared_team)
    with ExitStack() as stack:
        yield Office(shared_team, _serve(_installation(shared_team, tmp_path_factory), stack, (1, 1, 2)))


@pytest.fixture(scope="class")
def office_that_remembers(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The same with one process, which keeps the facts of each request for the next."""
    _furnish(shared_team)
    program = (sys.executable, str(remembering_program.__file__))
    with ExitStack() as stack:
        yield Office(shared_team, _serve(_installation(shared_team, tmp_path_factory, program=program), stack, (1,)))


def _installation(team: Team, folders: pytest.TempPathFactory, **options: Any) -> Installation:
    url = team.database.engine.url.render_as_string(hide_password=False)
    return Installation(folders.mktemp("office"), url, **options)


def _serve(installation: Installation, stack: ExitStack, all_workers: tuple[int, ...]) -> list[Process]:
    """Start a server for each number of workers, and reach every process."""
    processes: list[Process] = []
    for workers in all_workers:
        server = stack.enter_context(installation.serve(workers))
        processes += _reach_all(server, workers, stack)
    return processes


def _furnish(team: Team) -> None:
    for role in ("Sales", "Closed"):
        team.role(role)
    team.make(SetRolePreference("Closed", Permission.PRIVATE))
    team.user("Alice", role="Sales")
    team.user("Bob", mailbox=None)
    team.user("Charlie")
    team.user("Dora", mailbox=None)
    team.record("Leads", "Bob", "lead@customer.example", record_id=LEAD)
    team.permission("Alice", "public")
    team.mail("Alice", "lead@customer.example")
    team.crm_mail("Charlie", "lead@customer.example")
    team.user("Emil")
    team.permission("Emil", "custom")
    team.record("Leads", "Bob", "emils@other.example", record_id=EMILS_LEAD)
    team.mail("Emil", "emils@other.example")
    team.make(SetExcludedDomains(PARTNERS))
    team.record("Leads", "Bob", "lead@partner.example", record_id=PARTNERS_LEAD)
    team.mail("Emil", "lead@partner.example")
    team.share("Emil", f"Leads/{PARTNERS_LEAD}")


def _reach_all(server: PostroomServer, workers: int, stack: ExitStack) -> list[Process]:
    """Open connections until there is one to each of a server's processes."""
    reached: dict[int, Process] = {}
    for _ in range(200):
        connection = stack.enter_context(server.connect())
        connection.request("GET", "/")
        connection.getresponse().read()
        pid = _process_behind(connection, server.process.pid)
        reached.setdefault(pid, Process(pid, connection))
        if len(reached) == workers:
            return list(reached.values())
    pytest.fail(f"{workers} workers were asked for, and only {len(reached)} answered")


def _process_behind(connection: http.client.HTTPConnection, server_pid: int) -> int:
    """Find which child of a server holds the other end of a connection (proc(5), /proc/net/tcp)."""
    theirs, ours = (f":{port:04X}" for port in (connection.sock.getpeername()[1], connection.sock.getsockname()[1]))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(line[9] for line in lines if line[1].endswith(theirs) and line[2].endswith(ours))
    children = Path(f"/proc/{server_pid}/task/{server_pid}/children").read_text().split()
    return next(int(pid) for pid in children if f"socket:[{inode}]" in _open_files(int(pid)))


def _open_files(pid: int) -> set[str]:
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(entry.readlink()))
    return found


class Change(NamedTuple):
    """A change and its opposite, with what `viewer` is answered about a record after each."""

    away: Callable[[Team], object]
    answer_away: Answer
    back: Callable[[Team], object]
    answer_back: Answer
    viewer: str = "Bob"
    asked: str = LEAD_PATH


FOR_CHARLIE = (Member(email_of("Charlie")),)
CUSTOMERS, PARTNERS = ("customer.example",), ("partner.example",)
CHANGES = {
    "own permission": Change(
        lambda team: team.permission("Alice", "private"),
        ALICE_DOES_NOT,
        lambda team: team.permission("Alice", "public"),
        ALICE_SHARES,
    ),
    "assigned permission": Change(
        lambda team: team.make(AssignPermission(email_of("Alice"), Permission.PRIVATE)),
        ALICE_DOES_NOT,
        lambda team: team.make(AssignPermission(email_of("Alice"), None)),
        ALICE_SHARES,
    ),
    "role preference": Change(
        lambda team: team.make(SetRolePreference("Sales", Permission.PRIVATE)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetRolePreference("Sales", None)),
        ALICE_SHARES,
    ),
    "default permission": Change(
        lambda team: team.make(SetDefaultPermission(Permission.PRIVATE)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetDefaultPermission(Permission.USERS_CHOICE)),
        ALICE_SHARES,
    ),
    "owner disabled": Change(
        lambda team: team.make(SetUserStatus(email_of("Alice"), UserStatus.INACTIVE)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetUserStatus(email_of("Alice"), UserStatus.ACTIVE)),
        ALICE_SHARES,
    ),
    "caller disabled": Change(
        lambda team: team.make(SetUserStatus(email_of("Bob"), UserStatus.INACTIVE)),
        INVALID_TOKEN,
        lambda team: team.make(SetUserStatus(email_of("Bob"), UserStatus.ACTIVE)),
        ALICE_SHARES,
    ),
    "access to mail sent from the CRM": Change(
        lambda team: team.make(SetCrmAccess(CrmAccess.PRIVATE)),
        (SYNCED_TYPES, ["Alice"]),
        lambda team: team.make(SetCrmAccess(CrmAccess.PUBLIC_READ_ONLY)),
        ALICE_SHARES,
    ),
    "record shared": Change(
        lambda team: team.make(ShareRecord(LEAD_REFERENCE, user=email_of("Dora"), role=None)),
        ALICE_SHARES,
        lambda team: team.make(UnshareRecord(LEAD_REFERENCE, user=email_of("Dora"), role=None)),
        INVALID_RECORD,
        viewer="Dora",
    ),
    "module access": Change(
        lambda team: team.make(SetModuleAccess("Leads", is_public=True)),
        ALICE_SHARES,
        lambda team: team.make(SetModuleAccess("Leads", is_public=False)),
        INVALID_RECORD,
        viewer="Dora",
    ),
    "record deleted": Change(
        lambda team: records.delete_record(team.database, LEAD_REFERENCE, now=NOW),
        INVALID_RECORD,
        lambda team: records.restore_record(team.database, LEAD_REFERENCE),
        ALICE_SHARES,
    ),
    "audience of the own choice": Change(
        lambda team: team.make(ChoosePermission(email_of("Alice"), audience=FOR_CHARLIE)),
        ALICE_DOES_NOT,
        lambda team: team.make(ChoosePermission(email_of("Alice"), audience=None)),
        ALICE_SHARES,
    ),
    "audience of the assigned permission": Change(
        lambda team: team.make(AssignPermission(email_of("Alice"), Permission.PUBLIC, FOR_CHARLIE)),
        ALICE_DOES_NOT,
        lambda team: team.make(AssignPermission(email_of("Alice"), None)),
        ALICE_SHARES,
    ),
    "audience of the role preference": Change(
        lambda team: team.make(SetRolePreference("Sales", Permission.PUBLIC, FOR_CHARLIE)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetRolePreference("Sales", None)),
        ALICE_SHARES,
    ),
    "audience of the default permission": Change(
        lambda team: team.make(SetDefaultPermission(audience=FOR_CHARLIE)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetDefaultPermission(audience=None)),
        ALICE_SHARES,
    ),
    "domain excluded by the organisation": Change(
        lambda team: team.make(SetExcludedDomains(add=CUSTOMERS)),
        ALICE_DOES_NOT,
        lambda team: team.make(SetExcludedDomains(remove=CUSTOMERS)),
        ALICE_SHARES,
    ),
    "domain that is the organisation's own": Change(
        lambda team: team.make(SetInternalDomains(PARTNERS)),  # Emil's own address is external: partners do not count
        EMIL_SHARES,
        lambda team: team.make(SetInternalDomains(())),
        NOTHING,
        asked=PARTNERS_PATH,
    ),
    "mail shared on a record": Change(
        lambda team: team.share("Emil", f"Leads/{EMILS_LEAD}"),
        EMIL_SHARES,
        lambda team: team.make(UnshareEmails(email_of("Emil"), f"Leads/{EMILS_LEAD}")),
        NOTHING,
        asked=EMILS_PATH,
    ),
    "domain excluded by the owner": Change(
        lambda team: team.make(SetExcludedDomains(CUSTOMERS, user=email_of("Alice"))),
        ALICE_DOES_NOT,
        lambda team: team.make(SetExcludedDomains((), user=email_of("Alice"))),
        ALICE_SHARES,
    ),
    "domain excluded by the role's preference": Change(
        lambda team: exclude_for_role(team, "Sales"),
        ALICE_DOES_NOT,
        lambda team: team.make(SetRolePreference("Sales", None)),
        ALICE_SHARES,
    ),
    "e-mail withheld by hand": Change(
        lambda team: team.make(WithholdEmail(email_of("Alice"), email_id(alices_email(team).email_key))),
        ALICE_DOES_NOT,
        lambda team: team.make(
            WithholdEmail(email_of("Alice"), email_id(alices_email(team).email_key), withheld=False)
        ),
        ALICE_SHARES,
    ),
    "conversation withheld by hand": Change(
        lambda team: team.make(WithholdThread(email_of("Alice"), str(alices_email(team).thread_id))),
        ALICE_DOES_NOT,
        lambda team: team.make(WithholdThread(email_of("Alice"), str(alices_email(team).thread_id), withheld=False)),
        ALICE_SHARES,
    ),
    "owner moved to another role": Change(
        lambda team: team.make(SetUserRole(email_of("Alice"), "Closed")),
        ALICE_DOES_NOT,
        lambda team: team.make(SetUserRole(email_of("Alice"), "Sales")),
        ALICE_SHARES,
    ),
}


def exclude_for_role(team: Team, role: str) -> None:
    team.make(SetRolePreference(role, Permission.PUBLIC))
    team.make(SetExcludedDomains(CUSTOMERS, role=role))


def alices_email(team: Team) -> OwnEmail:
    """Give the e-mail that Alice has on Bob's lead."""
    (email,) = list_own_emails(team.database, email_of("Alice"), LEAD_REFERENCE, by=OPERATOR, limit=2)
    return email


def check_that_every_process_knows(office: Office, change: Change) -> None:
    office.all_say(change.answer_back, change.viewer, change.asked)
    for _ in range(ALTERNATIONS):
        change.away(office.team)
        office.all_say(change.answer_away, change.viewer, change.asked)
        change.back(office.team)
        office.all_say(change.answer_back, change.viewer, change.asked)


def check_that_every_process_knows_tokens(office: Office) -> None:
    number = len(office.processes)
    for expires_in in range(3601, 3601 + ALTERNATIONS):  # one for an hour is made once and kept
        token = office.team.token("Bob", expires_in=expires_in)
        assert [process.ask(token) for process in office.processes] == [ALICE_SHARES] * number
        revoke_token(office.team.database, token, now=NOW)
        assert [process.ask(token) for process in office.processes] == [INVALID_TOKEN] * number


def check_that_every_process_knows_new_mail(office: Office) -> None:
    for address in (f"lead-{number}@customer.example" for number in range(ALTERNATIONS)):
        asked = path(record=office.team.record("Leads", "Bob", address))
        office.all_say(NOTHING, asked=asked)
        office.team.mail("Alice", address)
        office.all_say((SYNCED_TYPES, ["Alice"]), asked=asked)


class TestNextAnswer:
    """No sleeping: the change returns, and every process knows it."""

    def test_four_processes_answer(self, office: Office) -> None:
        assert len({process.pid for process in office.processes}) == 4
        office.all_say(ALICE_SHARES)

    @pytest.mark.parametrize("name", CHANGES)
    def test_knows_a_change_and_its_opposite(self, office: Office, name: str) -> None:
        check_that_every_process_knows(office, CHANGES[name])

    def test_knows_new_tokens_and_revoked_ones(self, office: Office) -> None:
        check_that_every_process_knows_tokens(office)

    def test_knows_new_records_and_new_mail(self, office: Office) -> None:
        check_that_every_process_knows_new_mail(office)


class TestTheseChecks:
    """They are good for something: a server that remembers is caught, whatever it is that it did not hear of."""

    @pytest.mark.parametrize("name", CHANGES)
    def test_catch_a_process_that_remembers(self, office_that_remembers: Office, name: str) -> None:
        change = CHANGES[name]
        office_that_remembers.all_say(change.answer_back, change.viewer, change.asked)
        with pytest.raises(AssertionError):
            check_that_every_process_knows(office_that_remembers, change)
        change.back(office_that_remembers.team)

    @pytest.mark.parametrize("check", [check_that_every_process_knows_tokens, check_that_every_process_knows_new_mail])
    def test_catch_it_where_something_is_new(
        self, office_that_remembers: Office, check: Callable[[Office], None]
    ) -> None:
        with pytest.raises(AssertionError):
            check(office_that_remembers)
