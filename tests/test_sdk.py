"""The official Python SDK, installed from the index as its users install it, reads the running server's answers."""

import csv
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postroom.actions.clients import NewClient, add_client
from postroom.actions.grants import create_grant_code
from postroom.actions.organisation import NewUser, add_user
from postroom.core.modules import MODULES_WITH_EMAILS
from postroom.storage import people
from tests.conftest import missing
from tests.http.crm_api import SCOPES
from tests.servers.postroom_server import Installation, PostroomServer
from tests.team import NOW, OPERATOR, Team, email_of

HERE = Path(__file__).with_name("sdk")
CACHE = Path(__file__).parent.parent / ".cache" / "sdk"
LEAD = 3652397000001790004
COLLEAGUES: list[tuple[int, str, str]] = [
    (412463000001213019, "Will Grandon", "pop"),
    (412463000000867017, "Zoë Šimková 山田", "imap"),
]


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """Give the interpreter of an environment that has the SDK; made once for each list of requirements."""
    requirements = HERE / "requirements.txt"
    environment = CACHE / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "complete").exists():
            _install(environment, requirements)
    return environment / "bin" / "python"


def _install(environment: Path, requirements: Path) -> None:
    shutil.rmtree(environment, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        missing("zohocrmsdk8-0", f"pip could not install it from the package index: {done.stderr.strip()}")
    (environment / "complete").touch()


@dataclass(frozen=True)
class Sdk:
    """A program of Bob's that uses the SDK."""

    python: Path
    server: PostroomServer
    token: str
    folder: Path

    def read(
        self,
        module: str = "Leads",
        record_id: int = LEAD,
        token: str | None = None,
        oauth: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Give the status and what the SDK made of the answer."""
        environment = oauth or {"ACCESS_TOKEN": token or self.token}
        return self.run("read_sharing_details.py", environment, module, str(record_id))

    def run(self, program: str, environment: dict[str, str], *arguments: str) -> dict[str, Any]:
        """Give what a program that uses the SDK printed."""
        done = self._run(program, environment, *arguments)
        assert done.returncode == 0, done.stderr
        parsed: dict[str, Any] = json.loads(done.stdout)
        return parsed

    def refused(self, oauth: dict[str, str]) -> str:
        """Give what the SDK says where it got no token."""
        done = self._run("read_sharing_details.py", oauth, "Leads", str(LEAD))
        assert done.returncode != 0
        return done.stderr

    def _run(self, program: str, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), str(HERE / program), self.server.base_url, str(self.folder), *arguments],
            env=environment | {"NO_PROXY": "127.0.0.1"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def sdk(sdk_python: Path, team: Team, tmp_path: Path) -> Iterator[Sdk]:
    """Bob owns the lead; two colleagues share their mail about it, one by POP and one by IMAP."""
    team.user("Bob", mailbox=None)
    team.record("Leads", "Bob", "lead@customer.example", record_id=LEAD)
    for user_id, name, protocol in COLLEAGUES:
        add_user(team.database, NewUser(email_of(f"user {user_id}"), name, user_id=user_id), by=OPERATOR, now=NOW)
        team.mailbox(f"user {user_id}", protocol)
        team.permission(f"user {user_id}", "public")
        team.mail(f"user {user_id}", "lead@customer.example")
    folder = tmp_path / "sdk"
    folder.mkdir()
    url = team.database.engine.url.render_as_string(hide_password=False)
    with Installation(tmp_path, url).serve() as server:
        yield Sdk(sdk_python, server, team.token("Bob"), folder)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestPythonSdk:
    def test_reads_ids_names_and_types(self, sdk: Sdk) -> None:
        types = ["all_contacts_emails", "all_imap_shared_users", "all_emails"]
        assert sdk.read() == {
            "status": 200,
            "class": "ResponseWrapper",
            "details": [{"available_types": types, "share_from_users": [list(one) for one in COLLEAGUES]}],
        }

    def test_reads_that_nothing_is_shared(self, sdk: Sdk, team: Team) -> None:
        empty = team.record("Leads", "Bob", "nobody@customer.example")
        assert sdk.read(record_id=empty) == {
            "status": 200,
            "class": "ResponseWrapper",
            "details": [{"available_types": [], "share_from_users": []}],
        }

    def test_reads_what_is_wrong(self, sdk: Sdk) -> None:
        record = "the related id given seems to be invalid"
        module = "the module name given seems to be invalid"
        assert sdk.read(record_id=LEAD + 1) == refused(400, "INVALID_DATA", record, {"resource_path_index": 1})
        assert sdk.read("Nonsense") == refused(400, "INVALID_MODULE", module, {"resource_path_index": 0})
        assert sdk.read(token="wrong") == refused(401, "INVALID_TOKEN", "invalid oauth token", {})

    def test_users_modules_and_records(self, sdk: Sdk, team: Team) -> None:
        with team.database.read() as connection:
            bob = people.find_user(connection, email_of("Bob"))
        assert bob is not None
        said = sdk.run("use_crm.py", {"ACCESS_TOKEN": team.token("Bob", SCOPES)})
        account, contact = said["account"], said["contact"]
        read = {
            "id": contact,
            "name": "Berg",
            "email": "ann@customer.example",
            "account": [account, "Acme"],
            "owner": [bob.id, bob.email],
            "colour": "green",
        }
        fields = said.pop("fields")
        assert said == {
            "users": [bob.email, *(email_of(f"user {user_id}") for user_id, _, _ in COLLEAGUES)],
            "caller": [bob.id, "Bob", "active", "Standard"],
            "organisation": ["1", "My organisation"],
            "store": f"{bob.email}:1",
            "modules": list(MODULES_WITH_EMAILS),
            "account": account,
            "contact": contact,
            "read": [read],
            "updated": ["SUCCESS"],
            "listed": [read | {"name": "Adams"}],
            "found": [read | {"name": "Adams"}],
            "deleted": ["record deleted"],
            "gone": "INVALID_DATA",
        }
        assert (fields["Last_Name"], fields["Email"], fields["Account_Name"]) == ("text", "email", "lookup")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestOAuth:
    """The SDK fetches its token by itself, with its own defaults, and stays with this server."""

    @pytest.fixture
    def client(self, team: Team) -> dict[str, str]:
        added = add_client(team.database, NewClient("Report"), by=OPERATOR, now=NOW)
        return {"CLIENT_ID": str(added.client.id), "CLIENT_SECRET": str(added.secret)}

    def grant_token(self, team: Team, client: dict[str, str]) -> str:
        scopes = "ZohoCRM.modules.READ,ZohoCRM.modules.emails.READ"
        return create_grant_code(
            team.database, client["CLIENT_ID"], email_of("Bob"), scopes, by=OPERATOR, now=NOW, expires_in=600
        )

    def test_with_a_grant_token_and_then_with_its_refresh_token(
        self, sdk: Sdk, team: Team, client: dict[str, str]
    ) -> None:
        first = sdk.read(oauth=client | {"GRANT_TOKEN": self.grant_token(team, client)})
        assert [one["share_from_users"] for one in first["details"]] == [[list(one) for one in COLLEAGUES]]
        with (sdk.folder / "tokens.csv").open(newline="") as file:
            (kept,) = csv.DictReader(file)
        assert kept["api_domain"] == sdk.server.base_url
        assert kept["refresh_token"].startswith("postroom_refresh_")
        (sdk.folder / "tokens.csv").unlink()
        assert sdk.read(oauth=client | {"REFRESH_TOKEN": kept["refresh_token"]}) == first
        assert kept["refresh_token"] in (sdk.folder / "tokens.csv").read_text()

    def test_it_is_told_why_not(self, sdk: Sdk, team: Team, client: dict[str, str]) -> None:
        grant = {"GRANT_TOKEN": self.grant_token(team, client)}
        wrong = {"CLIENT_SECRET": "wrong"}
        for oauth, word in (
            (client | {"GRANT_TOKEN": "1000.a.b"}, "invalid_code"),
            (client | wrong | grant, "invalid_client_secret"),
            (client | {"CLIENT_ID": "1000.A"} | grant, "invalid_client"),
            (client | {"REFRESH_TOKEN": "1000.a.b"}, "invalid_code"),
        ):
            assert word in sdk.refused(oauth)


def refused(status: int, code: str, message: str, details: dict[str, int]) -> dict[str, Any]:
    return {
        "status": status,
        "class": "APIException",
        "code": code,
        "message": message,
        "details": details,
        "error_status": "error",
    }
