"""The real server, asked as no well-behaved client would ask."""

import http.client
import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from tests.http.test_contract import LEAD, path
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import Team

CLIENT_ERRORS = range(400, 500)
TIMEOUT = 10  # seconds
NO_PATH = "INVALID_URL_PATTERN"
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"


@dataclass(frozen=True)
class Answer:
    """What came back on the wire."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def code(self) -> str | None:
        """Give the code of the contract's error object; None where the body is empty, as HTTP itself refuses."""
        if not self.body:
            return None
        assert self.headers["content-type"] == "application/json;charset=UTF-8"
        error = _json_object(self.body)
        assert list(error) == ["code", "details", "message", "status"]
        assert error["status"] == "error"
        return str(error["code"])


@dataclass(frozen=True)
class Served:
    """A running server and the team in its database; Bob owns a lead about which Alice has mail."""

    team: Team
    server: PostroomServer

    def ask(self, target: bytes, *headers: bytes, method: bytes = b"GET", body: bytes = b"") -> Answer:
        """Send exactly these bytes as Bob, and read the answer."""
        authorization = b"Authorization: Bearer " + self.team.token("Bob").encode()
        lines = (method + b" " + target + b" HTTP/1.1", b"Host: postroom.example", authorization, *headers)
        return self.send(b"\r\n".join((*lines, b"Connection: close", b"", b"")) + body)

    def send(self, request: bytes) -> Answer:
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=TIMEOUT) as connection:
            connection.sendall(request)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return Answer(response.status, response.headers, response.read())

    def is_well(self) -> bool:
        """Say whether the same process still answers, and nothing unforeseen was logged."""
        details = self.server.details(path(), self.team.token("Bob"))
        unforeseen = [line for line in self.server.log() if line["level"] == "error"]
        return [user["name"] for user in details["share_from_users"]] == ["Alice"] and not unforeseen


@pytest.fixture(scope="class")
def served(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _serving(_with_lead(shared_team), tmp_path_factory.mktemp("served")) as served:
        yield served


TARGETS: dict[str, tuple[bytes, set[str | None]]] = {
    "long path": (path(record="9" * 100_000).encode(), {None}),
    "percent-encoded NUL as module": (path("Le%00ads").encode(), {"INVALID_MODULE"}),
    "percent-encoded NUL in record": (path(record="%00").encode(), {"INVALID_DATA"}),
    "percent-encoded bytes that are not UTF-8 as module": (path("%ff%fe").encode(), {"INVALID_MODULE"}),
    "percent-encoded bytes that are not UTF-8 as record": (path(record="%ff%fe").encode(), {"INVALID_DATA"}),
    "broken percent-encoding": (path("%zz", "%").encode(), {"INVALID_MODULE"}),
    "percent-encoded surrogate": (path("%ed%a0%80").encode(), {"INVALID_MODULE"}),
    "encoded slash": (path("Leads%2F1").encode(), {NO_PATH, "INVALID_MODULE"}),
    "raw NUL": (path("Le\0ads").encode(), {None}),
    "raw bytes that are not UTF-8": (path("\xff\xfe").encode("latin-1"), {None}),
    "raw UTF-8": (path("Лиды").encode(), {"INVALID_MODULE"}),
    "dots": (f"/crm/v8/../..{path()}".encode(), {NO_PATH}),
    "doubled slash inside": (path().replace("/Leads", "//Leads").encode(), {NO_PATH}),
    "asterisk": (b"*", {NO_PATH}),
    "no target": (b"", {None}),
    "no slash": (b"crm", {None, NO_PATH}),
}

HEADERS = {
    "1 MB": b"X-Long: " + b"a" * 1_000_000,
    "a thousand": b"\r\n".join(b"X-%d: a" % number for number in range(1000)),
    "NUL": b"X-Nul: \0",
    "name with a space": b"X Space: a",
    "name that is not ASCII": b"X-\xff: a",
    "no colon": b"nonsense",
    "negative length": b"Content-Length: -1",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 2",
}

BODIES = {
    "huge length, no body": (b"Content-Length: 9999999999999", b""),
    "length of a body": (b"Content-Length: 5", b"hello"),
    "chunked": (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"),
    "chunked, broken": (b"Transfer-Encoding: chunked", b"zz\r\nhello"),
    "chunked, never finished": (b"Transfer-Encoding: chunked", b"5\r\nhel"),
    "waits to be let on": (b"Expect: 100-continue\r\nContent-Length: 5", b""),
}

REQUESTS = {
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    "HTTP/0.9": f"GET {path()}\r\n\r\n".encode(),
    "HTTP/9.9": f"GET {path()} HTTP/9.9\r\n\r\n".encode(),
    "bytes": bytes(range(256)) + b"\r\n\r\n",
}


class TestServer:
    """Whatever comes, the caller is told what is wrong, and the server goes on."""

    @pytest.mark.parametrize("name", TARGETS)
    def test_targets(self, served: Served, name: str) -> None:
        target, codes = TARGETS[name]
        answer = served.ask(target)
        assert answer.status in CLIENT_ERRORS
        assert answer.code in codes
        assert served.is_well()

    @pytest.mark.parametrize("name", HEADERS)
    def test_headers(self, served: Served, name: str) -> None:
        assert served.ask(path().encode(), HEADERS[name]).status in CLIENT_ERRORS
        assert served.is_well()

    @pytest.mark.parametrize("name", BODIES)
    def test_bodies_are_not_waited_for(self, served: Served, name: str) -> None:
        header, body = BODIES[name]
        assert served.ask(path().encode(), header, body=body).status == 200
        assert served.is_well()

    @pytest.mark.parametrize("name", REQUESTS)
    def test_not_http(self, served: Served, name: str) -> None:
        assert served.send(REQUESTS[name]).status == 400
        assert served.is_well()

    @pytest.mark.parametrize("start", ["/", "http://elsewhere.example"])
    def test_other_ways_to_write_the_path_open_no_other_door(self, served: Served, start: str) -> None:
        stranger = f"GET {start}{path()} HTTP/1.1\r\nHost: postroom.example\r\nConnection: close\r\n\r\n"
        assert served.send(stranger.encode()).code in {"AUTHENTICATION_FAILURE", NO_PATH}
        assert served.is_well()

    def test_abandoned_request(self, served: Served) -> None:
        with socket.create_connection(("127.0.0.1", served.server.port), timeout=TIMEOUT) as connection:
            connection.sendall(f"GET {path()} HTTP/1.1\r\nHost:".encode())
        assert served.is_well()

    @pytest.mark.parametrize("method", [b"NONSENSE", b"get", b"POST", b"OPTIONS", b"TRACE", b"M-SEARCH"])
    def test_another_method(self, served: Served, method: bytes) -> None:
        answer = served.ask(path().encode(), method=method)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST_METHOD")
        assert answer.headers["allow"] == "GET"

    def test_head_has_no_body(self, served: Served) -> None:
        with served.server.connect() as connection:
            connection.request("HEAD", path())
            response = connection.getresponse()
            assert (response.status, response.headers["allow"], response.read()) == (400, "GET", b"")
            connection.request("GET", "/nothing")  # what follows on the connection is not taken for a body
            assert connection.getresponse().status == 404

    def test_every_answer_has_a_line_with_its_id(self, served: Served) -> None:
        answers = [served.ask(target.encode()) for target in (path(), path(record="abc"), "/nothing", "//", "/%0A%22")]
        lines = {line["request_id"]: line for line in served.server.log() if line["event"] == "request"}
        logged = [lines[answer.headers["x-request-id"]] for answer in answers]
        assert [line["status"] for line in logged] == [answer.status for answer in answers] == [200, 400, 404, 404, 404]
        assert [line["path"] for line in logged] == [path(), path(record="abc"), "/nothing", "//", '/\n"']
        assert {line["method"] for line in logged} == {"GET"}

    def test_no_token_is_written(self, served: Served) -> None:
        served.ask(path().encode())
        served.ask(b"/nothing?access_token=in-the-query")
        log = served.server.log_file.read_text()
        assert served.team.token("Bob") not in log
        assert "in-the-query" not in log

    def test_a_port_that_another_server_has_is_refused(self, served: Served, tmp_path: Path) -> None:
        port = str(served.server.port)
        installation = Installation(tmp_path)
        installation.run("init")
        command = installation.command("serve", "--host", "127.0.0.1", "--port", port)
        second = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert second.returncode != 0
        assert f"127.0.0.1 port {port}" in second.stderr
        assert served.is_well()

    def test_every_answer_is_the_contracts(self, served: Served) -> None:
        @settings(max_examples=200, deadline=None)
        @given(target=_paths(), header=_header_values(), authorized=st.booleans())
        def answer_is_the_contracts(target: str, header: bytes, authorized: bool) -> None:
            answer = _ask_oddly(served, target, header, authorized=authorized)
            if answer.status != 200:
                assert answer.status in CLIENT_ERRORS
                reached_the_application = "x-request-id" in answer.headers
                assert reached_the_application == (answer.code is not None)

        answer_is_the_contracts()
        assert served.is_well()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestStopping:
    def test_sigterm_stops_it_with_open_connections_and_an_unfinished_request(self, team: Team, tmp_path: Path) -> None:
        with (
            _serving(_with_lead(team), tmp_path) as served,
            served.server.connect() as idle,
            served.server.connect() as unfinished,
        ):
            idle.request("GET", "/nothing")
            assert idle.getresponse().read()
            unfinished.send(b"GET / HTTP/1.1\r\n")
            assert served.server.stop() == 0
            with pytest.raises(ConnectionRefusedError), served.server.connect():
                pass


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestPostgresql:
    @pytest.fixture
    def served(self, team: Team, tmp_path: Path) -> Iterator[Served]:
        with _serving(_with_lead(team), tmp_path) as served:
            yield served

    def test_lost_connections_are_replaced(self, served: Served, database_url: str) -> None:
        for _ in range(5):
            assert served.is_well()
            _run_beside(database_url, TERMINATE)
        assert served.is_well()

    def test_a_database_that_is_gone_is_an_internal_error_until_it_is_back(
        self, served: Served, database_url: str
    ) -> None:
        assert served.is_well()
        served.team.database.close()
        _run_beside(database_url, TERMINATE, 'ALTER DATABASE "{name}" RENAME TO "{name}_gone"')
        answers = [served.ask(path().encode()) for _ in range(3)]
        _run_beside(database_url, 'ALTER DATABASE "{name}_gone" RENAME TO "{name}"')
        assert [(answer.status, answer.code) for answer in answers] == [(500, "INTERNAL_ERROR")] * 3
        assert all(_json_object(answer.body)["details"] == {} for answer in answers)
        assert not any(word in answer.body for answer in answers for word in (b"Traceback", b"psycopg", b"test_"))
        traces = {line["request_id"]: line["exception"] for line in served.server.log() if line["level"] == "error"}
        assert set(traces) == {answer.headers["x-request-id"] for answer in answers}
        assert all("Traceback" in trace and "does not exist" in trace for trace in traces.values())
        assert served.ask(path().encode()).status == 200


def _segments() -> st.SearchStrategy[str]:
    encoded = st.binary(max_size=20).map(quote_from_bytes)
    visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
    known = st.sampled_from(["crm", "v8", "Leads", "Tasks", str(LEAD), "__emails_sharing_details", ""])
    return encoded | visible | st.text(max_size=10).map(lambda text: quote(text, errors="replace")) | known


def _paths() -> st.SearchStrategy[str]:
    """Give paths of which many get as far as the database."""
    any_path = st.lists(_segments(), max_size=7).map(lambda segments: "/" + "/".join(segments))
    of_the_api = st.builds(path, _segments(), _segments(), st.sampled_from(["v8", "v2.1"]) | _segments())
    return any_path | of_the_api


def _header_values() -> st.SearchStrategy[bytes]:
    return st.binary(max_size=40).filter(lambda value: not set(value) & set(b"\r\n"))


def _ask_oddly(served: Served, target: str, header: bytes, *, authorized: bool) -> Answer:
    token = b"Bearer " + served.team.token("Bob").encode() if authorized else header
    lines = (b"Authorization: " + token, b"Accept: " + header, b"Content-Type: " + header, b"Connection: close")
    return served.send(b"\r\n".join((f"GET {target} HTTP/1.1".encode(), *lines, b"", b"")))


@contextmanager
def _serving(team: Team, folder: Path) -> Iterator[Served]:
    url = team.database.engine.url.render_as_string(hide_password=False)
    with Installation(folder, url).serve() as server:
        yield Served(team, server)


def _with_lead(team: Team) -> Team:
    """Let Alice share her mail about a lead that Bob owns."""
    team.user("Alice")
    team.user("Bob")
    team.record("Leads", "Bob", "lead@customer.example", record_id=LEAD)
    team.permission("Alice", "public")
    team.mail("Alice", "lead@customer.example")
    return team


def _json_object(body: bytes) -> dict[str, Any]:
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def _run_beside(database_url: str, *statements: str) -> None:
    """Run statements on PostgreSQL from beside a database, `{name}` being the database's name."""
    url = make_url(database_url)
    engine = create_engine(url.set(drivername="postgresql+psycopg", database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement.format(name=url.database)))
    engine.dispose()
