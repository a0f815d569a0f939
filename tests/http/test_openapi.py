"""The description of the API: it lists every route, and whatever it allows or forbids is answered as it says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from postroom.actions.organisation import NewUser, add_user
from postroom.actions.tokens import create_token
from postroom.core.model import Profile
from postroom.core.scopes import OWN_SCOPES
from postroom.http.app import create_app, methods, routes
from tests.http.crm_api import SCOPES as CRM_SCOPES
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import NOW, OPERATOR, Team, email_of

PROGRAM = Path(sys.executable).with_name("schemathesis")
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SECONDS = 400  # on a machine that does much else, it takes several times as long
QUICK = "examples,fuzzing"
SCOPES = f"{CRM_SCOPES},{','.join(OWN_SCOPES)}"
ADMINISTRATOR = email_of("Root")
LEAD = 3652397000001790004  # the record of the examples
DESCRIPTION: dict[str, Any] = json.loads(files("postroom.http").joinpath("openapi.json").read_bytes())

CRM_SCOPES_NAMED = {
    *(f"ZohoCRM.modules.{operation}" for operation in ("CREATE", "DELETE", "READ", "UPDATE")),
    *(f"ZohoCRM.settings.{name}.READ" for name in ("fields", "modules", "profiles", "recycle_bin", "roles")),
    *(f"ZohoCRM.share.leads.{operation}" for operation in ("CREATE", "DELETE", "READ")),
    *(f"ZohoCRM.users.{operation}" for operation in ("CREATE", "DELETE", "READ", "UPDATE")),
    "ZohoCRM.modules.leads.CREATE",
    "ZohoCRM.Files.CREATE",
    "ZohoCRM.modules.contacts.CREATE",
    "ZohoCRM.modules.emails.CREATE",
    "ZohoCRM.org.READ",
    "ZohoCRM.send_mail.all.CREATE",
    "ZohoCRM.settings.emails.READ",
    "ZohoCRM.settings.recycle_bin.UPDATE",
}


@pytest.fixture(scope="class")
def server(shared_team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostroomServer]:
    """Serve the team of the examples, and an administrator."""
    shared_team.role("Management")
    shared_team.role("Sales", "Management")
    shared_team.role("Service", "Management")
    shared_team.user("Root", profile="Administrator")
    for name in ("alice", "bob"):
        new = NewUser(f"{name}@example.com", name.title(), "Sales", Profile.STANDARD)
        add_user(shared_team.database, new, by=OPERATOR, now=NOW)
    shared_team.record("Leads", "Root", "boyle@customer.example", record_id=LEAD)
    url = shared_team.database.engine.url.render_as_string(hide_password=False)
    with Installation(tmp_path_factory.mktemp("described"), url).serve() as server:
        yield server


class TestDescription:
    def test_lists_every_route_and_no_other(self, team: Team) -> None:
        described = {(path, method.upper()) for path, item in DESCRIPTION["paths"].items() for method in item}
        there = {
            (re.sub(r":\w+}", "}", path), method)
            for path, resource in routes(team.database, team.box)
            for method in methods(resource)
        }
        assert described == there

    def test_is_served_to_anybody(self, team: Team) -> None:
        result = falcon.testing.TestClient(create_app(team.database, team.box)).simulate_get("/openapi.json")
        assert result.json == DESCRIPTION
        assert result.headers["content-type"] == "application/json;charset=UTF-8"

    def test_names_the_scopes_that_there_are(self) -> None:
        named = {
            scope
            for item in DESCRIPTION["paths"].values()
            for operation in item.values()
            for requirement in operation["security"]
            for scopes in requirement.values()
            for scope in scopes
        }
        own = {scope for scope in OWN_SCOPES if not scope.endswith(".ALL")}
        assert named == own | {"ZohoCRM.modules.emails.READ", *CRM_SCOPES_NAMED}


@pytest.mark.parametrize("shared_team", ["sqlite"], indirect=True)
class TestConformance:
    """Whatever is sent, by whomever: no answer is a mistake of ours, and none is another than described."""

    @pytest.mark.parametrize(
        ("caller", "phases"),
        # The administrator last, who may delete the other users.
        [("alice@example.com", QUICK), (None, QUICK), (ADMINISTRATOR, "examples,coverage,fuzzing")],
    )
    def test_every_answer_is_as_described(
        self, shared_team: Team, server: PostroomServer, tmp_path: Path, caller: str | None, phases: str
    ) -> None:
        options = ["--no-color", "--config-file", CONFIGURATION]
        command = [PROGRAM, *options, "run", f"{server.base_url}/openapi.json", "--phases", phases]
        if caller is not None:
            token = create_token(shared_team.database, caller, SCOPES, now=NOW)
            command += ["--header", f"Authorization: Bearer {token}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not any(line["status"] >= 500 for line in server.log() if line["event"] == "request")
