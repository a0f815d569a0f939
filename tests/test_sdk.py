"""The official Python SDK, installed from the index as its users install it, reads the running server's answers."""

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

    def read(self, module: str = "Leads", record_id: int = LEAD, token: str | None = None) -> dict[str, Any]:
        """Give the status and what the SDK made of the answer."""
        return self.run("read_sharing_details.py", token or self.token, module, str(record_id))

    def run(self, program: str, token: str, *arguments: str) -> dict[str, Any]:
        """Give what a program that uses the SDK printed."""
        done = subprocess.run(
            [str(self.python), str(HERE / program), self.server.base_url, str(self.folder), *arguments],
            env={"ACCESS_TOKEN": token, "NO_PROXY": "127.0.0.1"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        parsed: dict[str, Any] = json.loads(done.stdout)
        return parsed


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
        said = sdk.run("use_crm.py", team.token("Bob", SCOPES))
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


def refused(status: int, code: str, message: str, details: dict[str, int]) -> dict[str, Any]:
    return {
        "status": status,
        "class": "APIException",
        "code": code,
        "message": message,
        "details": details,
        "error_status": "error",
    }
