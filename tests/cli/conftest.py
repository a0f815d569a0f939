"""The real command line on a real installation: in this process where that is enough, else as a program."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from postroom.cli.main import main


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


@pytest.fixture
def office(shell: Terminal) -> Terminal:
    """Give a shell with Alice, who has a mailbox, Bob, and a lead of Bob's."""
    shell.do("role", "add", "Sales")
    shell.do("user", "add", "alice@team.example", "--name", "Alice", "--role", "Sales")
    shell.do("user", "add", "bob@team.example", "--name", "Bob", "--id", "412463000001213019")
    shell.do("mailbox", "add", "alice@team.example", "--protocol", "imap")
    shell.write("lead.csv", "Record Id,Last Name,Email,Owner\n365,Boyle,lead@customer.example,bob@team.example\n")
    shell.do("import", "records", "lead.csv", "--module", "Leads")
    return shell
