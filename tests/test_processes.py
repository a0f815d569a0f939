"""Several server processes on one database: what was acknowledged anywhere is in the next answer of every process."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postroom.actions import records
from postroom.actions.change_sharing import SetCrmAccess, SetModuleAccess, ShareRecord, UnshareEmails, UnshareRecord
from postroom.actions.organisation import SetUserStatus
from postroom.actions.permissions import AssignPermission, SetDefaultPermission, SetRolePreference
from postroom.actions.tokens import revoke_token
from postroom.core.model import CrmAccess, Permission, UserStatus
from tests.http.test_contract import ALL_TYPES, INVALID_RECORD, INVALID_TOKEN, LEAD, path
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import NOW, Team, email_of

ALTERNATIONS = 20
LEAD_PATH, LEAD_REFERENCE = path(), f"Leads/{LEAD}"
SYNCED_TYPES = ALL_TYPES[1:]

Answer = tuple[list[str], list[str]] | tuple[int, str, str, dict[str, int]]
ALICE_SHARES: Answer = (ALL_TYPES, ["Alice"])
ALICE_DOES_NOT: Answer = (["emails_sent_from_crm", "all_contacts_emails", "all_emails"], [])
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

    def all_say(self, expected: Answer, viewer: str = "Bob", asked: str = LEAD_PATH) -> bool:
        """Say whether every process answers that."""
        answers = self.everywhere(viewer, asked)
        assert answers == [expected] * len(self.processes)
        return True


@pytest.fixture(scope="class")
def office(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Two servers with a process each and one with two; Bob owns the lead about which Alice and Charlie write."""
    _furnish(shared_team)
    url = shared_team.database.engine.url.render_as_string(hide_password=False)
    installation = Installation(tmp_path_factory.mktemp("office"), url)
    with ExitStack() as stack:
        processes: list[Process] = []
        for workers in (1, 1, 2):
            server = stack.enter_context(installation.serve(workers))
            processes += _reach_all(server, workers, stack)
        yield Office(shared_team, processes)


def _furnish(team: Team) -> None:
    team.role("Sales")
    team.user("Alice", role="Sales")
    team.user("Bob", mailbox=None)
    team.user("Charlie")
    team.user("Dora", mailbox=None)
    team.record("Leads", "Bob", "lead@customer.example", record_id=LEAD)
    team.permission("Alice", "public")
    team.mail("Alice", "lead@customer.example")
    team.crm_mail("Charlie", "lead@customer.example")


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
    """A change and its opposite, with what `viewer` is answered after each."""

    away: Callable[[Team], object]
    answer_away: Answer
    back: Callable[[Team], object]
    answer_back: Answer
    viewer: str = "Bob"


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
}


class TestNextAnswer:
    """No sleeping: the change returns, and every process knows it."""

    def test_four_processes_answer(self, office: Office) -> None:
        assert len({process.pid for process in office.processes}) == 4
        assert office.all_say(ALICE_SHARES)

    @pytest.mark.parametrize("name", CHANGES)
    def test_knows_a_change_and_its_opposite(self, office: Office, name: str) -> None:
        change = CHANGES[name]
        assert office.all_say(change.answer_back, change.viewer)
        for _ in range(ALTERNATIONS):
            change.away(office.team)
            assert office.all_say(change.answer_away, change.viewer)
            change.back(office.team)
            assert office.all_say(change.answer_back, change.viewer)

    def test_knows_what_is_shared_record_by_record(self, office: Office) -> None:
        office.team.permission("Alice", "custom")
        assert office.all_say(ALICE_DOES_NOT)
        for _ in range(ALTERNATIONS):
            office.team.share("Alice", LEAD_REFERENCE)
            assert office.all_say(ALICE_SHARES)
            office.team.make(UnshareEmails(email_of("Alice"), LEAD_REFERENCE))
            assert office.all_say(ALICE_DOES_NOT)
        office.team.permission("Alice", "public")

    def test_knows_new_tokens_and_revoked_ones(self, office: Office) -> None:
        for expires_in in range(1000, 1000 + ALTERNATIONS):
            token = office.team.token("Bob", expires_in=expires_in)
            assert [process.ask(token) for process in office.processes] == [ALICE_SHARES] * 4
            revoke_token(office.team.database, token, now=NOW)
            assert [process.ask(token) for process in office.processes] == [INVALID_TOKEN] * 4

    def test_knows_new_records_and_new_mail(self, office: Office) -> None:
        for address in (f"lead-{number}@customer.example" for number in range(ALTERNATIONS)):
            asked = path(record=office.team.record("Leads", "Bob", address))
            assert office.all_say(NOTHING, asked=asked)
            office.team.mail("Alice", address)
            assert office.all_say((SYNCED_TYPES, ["Alice"]), asked=asked)
