"""The own API on the real server, and beside other transactions."""

import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from postroom.core.model import Role
from postroom.http.sent import MAX_BODY_BYTES
from postroom.storage import people
from postroom.storage.ids import take_id
from tests.http.own_api import PREFIX, SCOPES, OwnApi
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import Team

CRM_ACCESS = "/organisation/crm_access"


@pytest.fixture(scope="class")
def served(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostroomServer]:
    shared_team.user("Root", profile="Administrator", mailbox=None)
    url = shared_team.database.engine.url.render_as_string(hide_password=False)
    with Installation(tmp_path_factory.mktemp("served"), url).serve() as server:
        yield server


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestServer:
    def test_names_with_slashes(self, shared_team: Team, served: PostroomServer) -> None:
        for name in ("R/D", "a//b", "50% off", "ü/ö"):
            shared_team.role(name)
            path = f"/roles/{quote(name, safe='')}/email_preference"
            assert ask(shared_team, served, "PUT", path, b'{"permission": "private"}') == (204, None)
        _, roles = ask(shared_team, served, "GET", "/roles")
        assert all(role["settings"]["email_preference"]["permission"] == "private" for role in roles["roles"])

    def test_a_chunked_body(self, shared_team: Team, served: PostroomServer) -> None:
        chunks = iter([b'{"access": ', b'"private"}'])
        assert ask(shared_team, served, "PUT", CRM_ACCESS, chunks) == (204, None)
        too_large = iter([b" " * 1024] * (MAX_BODY_BYTES // 1024 + 1))
        assert ask(shared_team, served, "PUT", CRM_ACCESS, too_large)[0] == 413

    @pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 3_000_000])
    def test_a_large_body(self, shared_team: Team, served: PostroomServer, size: int) -> None:
        status, error = ask(shared_team, served, "PUT", CRM_ACCESS, b" " * size)
        assert (status, error["code"]) == ((400, "INVALID_DATA") if size <= MAX_BODY_BYTES else (413, "BODY_TOO_LARGE"))

    @pytest.mark.parametrize("method", ["NONSENSE", "get", "WEBSOCKET", "M-SEARCH"])
    def test_a_method_that_nobody_has_heard_of(self, shared_team: Team, served: PostroomServer, method: str) -> None:
        assert ask(shared_team, served, method, "/nothing")[1]["code"] == "INVALID_URL_PATTERN"
        with served.connect() as connection:
            connection.request(method, f"{PREFIX}/me/permission")
            response = connection.getresponse()
            assert (response.status, response.headers["allow"]) == (400, "DELETE, PUT")

    @pytest.mark.parametrize("query", ["?%", "?a=%zz", "?limit=%00", "?limit=1;before=2", "?&", "?limit=1&"])
    def test_odd_queries(self, shared_team: Team, served: PostroomServer, query: str) -> None:
        status, error = ask(shared_team, served, "GET", f"/audit{query}")
        assert (status, error["code"]) == (400, "INVALID_DATA")

    def test_the_log_names_no_token(self, shared_team: Team, served: PostroomServer) -> None:
        token = shared_team.token("Root", SCOPES)
        ask(shared_team, served, "GET", "/me", token=token)
        assert token not in served.log_file.read_text()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestOvertaken:
    def test_by_another_transaction_is_told(self, own_api: OwnApi) -> None:
        """The other one adds the same role, which is not to be seen before it is committed."""
        own_api.get("Root", "/me")
        refusals = []
        asking = threading.Thread(
            target=lambda: refusals.append(own_api.refused("Root", "POST", "/roles", {"name": "Interns"}))
        )
        with own_api.team.database.write() as connection:
            role_id = take_id(connection)
            people.insert_role(connection, Role(role_id, "Interns", None, f"/{role_id}/", None, None))
            asking.start()
            asking.join(0.5)
            assert refusals == []
        asking.join()
        assert refusals == [(409, "OVERTAKEN", "another change was made at the same moment; try again")]


def ask(
    team: Team, server: PostroomServer, method: str, path: str, body: Any = None, *, token: str | None = None
) -> tuple[int, Any]:
    """Ask as Root, without a Content-Type; give status and JSON."""
    headers = {"Authorization": f"Bearer {token or team.token('Root', SCOPES)}"}
    with server.connect() as connection:
        connection.request(method, PREFIX + path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        return response.status, json.loads(answer) if answer else None
