"""The real command line on a real installation: in this process where that is enough, else as a program."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postroom.cli.main import main
from tests.team import message

ALICE, BOB, CHARLIE = "alice@team.example", "bob@team.example", "charlie@team.example"
LEAD, CUSTOMER = "Leads/365", "lead@customer.example"

_numbers = count(1)


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, which must be JSON and nothing else."""
        return json.loads(self.out)


@dataclass
class Terminal:
    """Somebody's shell, in a folder of its own; the data folder is `data` there."""

    run: Callable[..., Outcome]
    folder: Path

    def do(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        """Run a command, which must succeed and say nothing on standard error."""
        outcome = self.run(*arguments, stdin=stdin)
        assert (outcome.code, outcome.err) == (0, ""), f"{arguments}: {outcome}"
        return outcome

    def refused(self, *arguments: str, code: int = 1, stdin: bytes = b"") -> str:
        """Run a command, which must be refused in one line; give its sentence."""
        outcome = self.run(*arguments, stdin=stdin)
        assert (outcome.code, outcome.out) == (code, ""), f"{arguments}: {outcome}"
        assert outcome.err.startswith("postroom: "), outcome.err
        assert outcome.err.count("\n") == 1, outcome.err
        assert outcome.err.endswith("\n")
        return outcome.err.removeprefix("postroom: ").strip()

    def receive(self, owner: str, sender: str, *recipients: str, headers: str = "") -> None:
        """Let a message come into a mailbox; `headers` come before those that it has anyway."""
        raw = message(sender, recipients, f"<{next(_numbers)}@customer.example>")
        (self.folder / "new.eml").write_bytes(headers.encode() + raw)
        self.do("import", "mail", str(self.folder / "new.eml"), "--mailbox", owner)

    def sees(self, viewer: str, owner: str, record: str) -> bool:
        """Say whether a viewer sees mail of an owner's mailbox on a record."""
        asked = ("--viewer", viewer, "--owner", owner, "--record", record)
        return bool(self.do("explain", *asked, "--json").json["sees_mailbox"])

    def write(self, name: str, content: str) -> str:
        """Put a file into the folder."""
        (self.folder / name).write_text(content)
        return name


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Give a shell before 'postroom init'."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTROOM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("POSTROOM_DATABASE_URL", raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Outcome:
        with io.TextIOWrapper(io.BytesIO(stdin)) as given, monkeypatch.context() as patch:
            patch.setattr("sys.stdin", given)
            code = main(arguments)
        return Outcome(code, *capsys.readouterr())

    return Terminal(run, tmp_path)


@pytest.fixture
def shell(bare: Terminal, sqlite_template: Path) -> Terminal:
    """Give a shell after 'postroom init'."""
    (bare.folder / "data").mkdir()
    shutil.copyfile(sqlite_template, bare.folder / "data" / "postroom.sqlite3")
    return bare


@pytest.fixture(scope="session")
def office_folder(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the office once, for tests to copy."""
    folder = tmp_path_factory.mktemp("office")
    office = Terminal(partial(_run_quietly, folder / "data"), folder)
    (folder / "data").mkdir()
    shutil.copyfile(sqlite_template, folder / "data" / "postroom.sqlite3")
    office.do("role", "add", "Sales")
    office.do("user", "add", ALICE, "--name", "Alice", "--role", "Sales")
    office.do("user", "add", BOB, "--name", "Bob", "--id", "412463000001213019")
    office.do("mailbox", "add", ALICE, "--protocol", "imap")
    office.write("lead.csv", f"Record Id,Last Name,Email,Owner\n365,Boyle,{CUSTOMER},{BOB}\n")
    office.do("import", "records", str(folder / "lead.csv"), "--module", "Leads")
    return folder


@pytest.fixture(scope="session")
def open_office_folder(office_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the open office once, for tests to copy."""
    folder = tmp_path_factory.mktemp("open") / "office"
    shutil.copytree(office_folder, folder)
    office = Terminal(partial(_run_quietly, folder / "data"), folder)
    office.do("user", "add", CHARLIE, "--name", "Charlie")
    office.receive(ALICE, CUSTOMER, ALICE)
    office.do("sharing", "set", "--user", ALICE, "--choice", "public")
    return folder


@pytest.fixture
def office(bare: Terminal, office_folder: Path) -> Terminal:
    """Give a shell with Alice, who has a mailbox, Bob, and a lead of Bob's."""
    shutil.copytree(office_folder, bare.folder, dirs_exist_ok=True)
    return bare


@pytest.fixture
def open_office(bare: Terminal, open_office_folder: Path) -> Terminal:
    """Give that shell with Charlie, a stranger to the lead, and with mail from it that Alice opened to everyone."""
    shutil.copytree(open_office_folder, bare.folder, dirs_exist_ok=True)
    return bare


def _run_quietly(data: Path, *arguments: str, stdin: bytes = b"") -> Outcome:
    """Run a command outside of a test, where nothing is captured."""
    assert stdin == b""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main([*arguments, "--data-dir", str(data)])
    return Outcome(code, out.getvalue(), err.getvalue())
