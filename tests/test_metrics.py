"""Metrics: a real server and a real worker say what they did, each on a listener of its own, and name nobody."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from postroom.actions.worker_metrics import WorkerMetrics
from postroom.storage.database import Database, sqlite_url
from tests.http.own_api import ALICE
from tests.servers.dovecot import Dovecot
from tests.servers.postroom_server import Installation, PostroomServer, free_port
from tests.team import ALL_SCOPES, NOW, Team
from tests.worker.reading import Accounts, wait_until

OPERATING = (Path(__file__).parents[1] / "docs" / "operating.md").read_text()
LEAD = "Leads/3652397000001790004"
DETAILS = f"/crm/v8/{LEAD}/__emails_sharing_details"
TEMPLATE = "/crm/{version}/{module_api_name}/{record_id}/__emails_sharing_details"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Scrape(NamedTuple):
    """What a listener answered."""

    text: str

    @property
    def names(self) -> set[str]:
        """Give the names of what is counted, without what the library says of the process."""
        types = re.findall(r"^# TYPE (\w+) ", self.text, re.MULTILINE)
        return {name for name in types if not name.startswith("process_")}

    def value(self, name: str, **labels: str) -> float:
        """Give a figure, the sum of those that have these labels."""
        samples = [sample for family in text_string_to_metric_families(self.text) for sample in family.samples]
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def scrape(port: int) -> Scrape:
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    return Scrape(answer.text)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder in which servers make theirs."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def accounts(team: Team, dovecot: Dovecot) -> Accounts:
    """Give accounts on a Dovecot."""
    return Accounts(team, dovecot)


@on_sqlite
class TestServer:
    @pytest.fixture
    def token(self, team: Team) -> str:
        team.user("Alice")
        team.record("Leads", "Alice", "lead@customer.example", record_id=int(LEAD.partition("/")[2]))
        return team.token("Alice", ALL_SCOPES)

    def test_two_processes_are_counted_as_one(
        self, token: str, database_url: str, tmp_path: Path, temporary: Path
    ) -> None:
        port, asked = free_port(), 0
        with Installation(tmp_path, database_url).serve(2, options=("--metrics-port", str(port))) as server:
            before = scrape(port).value("postroom_http_request_seconds_count", route=TEMPLATE)
            while asked < 10 or len(list(temporary.glob("postroom-metrics-*/histogram_*.db"))) < 2:
                assert server.get(DETAILS, token).status_code == 200
                asked += 1
                assert asked < 1000, "one process answered everything"
            server.get(DETAILS, "none")
            server.get(f"/crm/v8/{ALICE}/1", token)
            httpx.request("GARBAGE", f"{server.base_url}/{ALICE}", trust_env=False)
            counted = scrape(port)
        assert before == 0
        ours = {"method": "GET", "route": TEMPLATE}
        assert counted.value("postroom_http_request_seconds_count", **ours, status="2xx") == asked
        assert counted.value("postroom_http_request_seconds_bucket", **ours, status="2xx", le="+Inf") == asked
        assert counted.value("postroom_http_request_seconds_sum", **ours, status="2xx") > 0
        assert counted.value("postroom_http_request_seconds_count", **ours, status="4xx") == 1
        assert counted.value("postroom_http_request_seconds_count", method="other", route="none", status="4xx") == 1
        assert counted.value("postroom_http_requests_in_progress") == 0
        for word in ("alice", "GARBAGE", LEAD.partition("/")[2], token):
            assert word not in counted.text
        assert list(temporary.iterdir()) == []

    def test_what_is_being_answered(self, token: str, database_url: str, tmp_path: Path, temporary: Path) -> None:
        port = free_port()
        with Installation(tmp_path, database_url).serve(options=("--metrics-port", str(port))) as server:
            with socket.create_connection(("127.0.0.1", server.port)) as slow:
                slow.sendall(b"POST /oauth/v2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n" + FORM)
                wait_until(lambda: scrape(port).value("postroom_http_requests_in_progress") == 1)
                slow.sendall(b"grant_typ")
            wait_until(lambda: scrape(port).value("postroom_http_requests_in_progress") == 0)
        assert temporary.exists()
        assert token

    def test_they_are_never_where_the_api_is(self, token: str, database_url: str, tmp_path: Path) -> None:
        with Installation(tmp_path, database_url).serve(options=("--metrics-port", str(free_port()))) as server:
            assert server.get("/metrics", token).status_code == 404

    def test_the_worker_beside_has_a_listener_of_its_own(self, token: str, database_url: str, tmp_path: Path) -> None:
        port, installation = free_port(), Installation(tmp_path, database_url)
        with installation.serve(with_worker=True, options=("--worker-metrics-port", str(port))):
            wait_until(lambda: _answers(port))
            assert scrape(port).value("postroom_mailboxes", state="fed_by_import") == 1
        assert token

    def test_a_port_that_is_taken(self, bare_server: PostroomServer, database_url: str, tmp_path: Path) -> None:
        taken = str(bare_server.port)
        for command, option in (
            (("serve", "--port", str(free_port()), "--no-worker"), "metrics-port"),
            (("serve", "--port", str(free_port())), "worker-metrics-port"),
            (("worker",), "metrics-port"),
        ):
            refused = Installation(tmp_path, database_url).refused(*command, f"--{option}", taken)
            assert refused.startswith(f"postroom: {option}: cannot listen on 127.0.0.1 port {taken} (")

    @pytest.fixture
    def bare_server(self, token: str, database_url: str, tmp_path: Path) -> Iterator[PostroomServer]:
        with Installation(tmp_path, database_url).serve() as server:
            assert token
            yield server


def _answers(port: int) -> bool:
    try:
        scrape(port)
    except httpx.TransportError:
        return False
    return True


def test_a_worker_counts_what_it_did_and_says_how_it_stands(
    accounts: Accounts, database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    accounts.fill(accounts.add("Alice"), 3)
    accounts.add("Bob", password="wrong")
    accounts.team.user("Charlie")
    accounts.team.dead_letter("Charlie")
    with Installation(tmp_path, database_url).work("--metrics-port", str(port)):
        wait_until(lambda: _answers(port))
        wait_until(lambda: scrape(port).value("postroom_pass_seconds_count") >= 2)
        found = scrape(port)
    passes = {"protocol": "imap", "result": "complete"}
    assert found.value("postroom_pass_seconds_count", **passes) == 1
    assert found.value("postroom_pass_seconds_sum", **passes) > 0
    assert found.value("postroom_pass_seconds_count", protocol="imap", result="authentication") == 1
    assert found.value("postroom_messages_stored_total", protocol="imap") == 3
    states = ("new", "healthy", "needs_login", "fed_by_import", "paused")
    assert [found.value("postroom_mailboxes", state=state) for state in states] == [0, 1, 1, 1, 0]
    assert 0 <= found.value("postroom_mailbox_lag_seconds_max") < 60
    assert "\npostroom_mailbox_lag_seconds_max " in found.text
    assert found.value("postroom_dead_letters") == 1
    assert found.value("postroom_connections_waiting") == 1
    assert found.value("postroom_database_up") == 1
    for word in ("alice", "bob", "test.example", accounts.dovecot.host):
        assert word not in found.text.lower()


@on_sqlite
def test_what_is_in_the_outbox(team: Team) -> None:
    team.user("Alice")
    lead = team.record("Leads", "Alice", "lead@customer.example")
    team.scheduled_mail("Alice", lead, "lead@customer.example")
    found = _of_installation(team.database)
    states = ("scheduled", "queued", "sent", "failed")
    assert [found.value("postroom_outbox_messages", state=state) for state in states] == [1, 0, 0, 0]


def test_a_database_that_is_away_is_said_and_stops_nothing(tmp_path: Path) -> None:
    database = Database(sqlite_url(tmp_path / "empty.sqlite3"))
    found = _of_installation(database)
    database.close()
    assert found.value("postroom_database_up") == 0
    assert "postroom_mailboxes" not in found.names


def _of_installation(database: Database) -> Scrape:
    return Scrape(generate_latest(WorkerMetrics(database, lambda: NOW, lambda: 0).registry).decode())


@on_sqlite
def test_the_page_lists_all_of_them(accounts: Accounts, database_url: str, tmp_path: Path) -> None:
    listed = set(re.findall(r"^\| `(postroom_\w+)` \|", OPERATING, re.MULTILINE))
    server_port, worker_port = free_port(), free_port()
    installation = Installation(tmp_path, database_url)
    options = ("--metrics-port", str(server_port), "--worker-metrics-port", str(worker_port))
    address = accounts.add("Alice")
    accounts.fill(address, 1)
    with installation.serve(with_worker=True, options=options):
        wait_until(lambda: _answers(worker_port) and "postroom_messages_stored_total" in scrape(worker_port).text)
        found = scrape(server_port).names | scrape(worker_port).names
    assert found == listed
