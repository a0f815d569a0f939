"""Help: everywhere, quick, and with examples that work."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from postroom.cli.main import postroom
from tests.cli.conftest import Terminal
from tests.servers.postroom_server import PROGRAM
from tests.team import message

NOT_RUN_HERE = (  # they go on for ever
    "postroom demo && postroom serve",
    "postroom serve --port 8400 --workers 2",
    "postroom worker --interval 60",
)
IN_ORDER = (
    "init",
    "role add",
    "user add",
    "import records",
    "mailbox add",
    "import mail",
    "sharing set",
    "sharing list",
    "sharing of",
    "share",
    "unshare",
    "record share",
    "record unshare",
    "record delete",
    "record restore",
    "user password",
    "client add",
    "client list",
    "client grant-code",
    "client delete",
    "token create",
    "token revoke",
    "explain",
    "viewers",
    "domain exclude",
    "domain include",
    "domain own",
    "domain disown",
    "domain list",
    "mail list",
    "mail withhold",
    "mail release",
    "mailbox alias add",
    "mailbox alias list",
    "mailbox alias remove",
    "mailbox folders",
    "mailbox disconnect",
    "provider add",
    "provider list",
    "provider secret",
    "provider remove",
    "secrets rotate",
    "user move",
    "user disable",
    "user enable",
    "user delete",
    "audit",
    "module add",
    "module list",
    "mailbox list",
    "role list",
    "user list",
    "backup",
    "restore",
)

SOME_ID = "8000000000000000042"  # what a thing is called depends on what was there before
NEEDED = {
    "role add": ("role add Management",),
    "user add": ("user add bob@example.com --name Bob",),
}


def commands(command: click.Command = postroom, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    yield " ".join(words), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*words, name))


ALL = dict(commands())


@pytest.mark.parametrize("words", ALL)
def test_help_ends_with_an_example_and_names_where_the_data_is(bare: Terminal, words: str) -> None:
    shown = bare.do(*words.split(), "--help").out
    assert "--data-dir" in shown
    assert "--database" in shown
    assert shown.splitlines()[-2] == "Example:"
    assert shown.splitlines()[-1] == f"  {ALL[words].epilog}"


@pytest.mark.parametrize("words", [words for words, command in ALL.items() if not isinstance(command, click.Group)])
def test_every_example_is_run_or_at_least_understood(words: str) -> None:
    example = ALL[words].epilog
    assert example is not None
    assert example.startswith(f"postroom {words}")
    if words not in IN_ORDER and example not in NOT_RUN_HERE:
        ALL[words].make_context(words, shlex.split(example)[1 + len(words.split()) :])


def test_the_examples_work_one_after_the_other(bare: Terminal) -> None:
    _prepare(bare.folder)
    for words in IN_ORDER:
        example = str(ALL[words].epilog)
        line, _, given = example.partition(" < ")
        stdin = (bare.folder / given).read_bytes() if given else b""
        for needed in NEEDED.get(words, ()):
            bare.do(*shlex.split(needed))
        if SOME_ID in line and words.startswith("mail"):
            (email, *_) = bare.do("mail", "list", "alice@example.com", "--json").json["emails"]
            line = line.replace(SOME_ID, email["thread"])
        if SOME_ID in line and words.startswith("client"):
            (client, *_) = bare.do("client", "list", "--json").json
            line = line.replace(SOME_ID, client["client_id"])
        no_server = ["--no-try"] if words == "mailbox add" else []  # imap.example.com is none
        bare.do(*shlex.split(line)[1:], *no_server, stdin=stdin)


def test_the_list_of_commands_is_quick() -> None:
    seen = subprocess.run(
        [sys.executable, "-c", "import sys, postroom.cli.main as m; m.main(['--help']); print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Say who may see" in seen
    for heavy in ("sqlalchemy", "rich", "cryptography", "granian", "imapclient"):
        assert f" {heavy} " not in seen


def test_the_program_tells_its_version() -> None:
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("postroom 0")


def _prepare(folder: Path) -> None:
    (folder / "password.txt").write_text("secret\n")
    (folder / "client-secret.txt").write_text("secret\n")
    (folder / "new-password.txt").write_text("a long password\n")
    (folder / "leads.csv").write_text("Record Id,Email\n3652397000001790004,lead@customer.example\n")
    mail = message("lead@customer.example", ["alice@example.com"], "<1@customer.example>")
    (folder / "archive.mbox").write_bytes(b"From lead Mon Nov  2 10:00:00 2026\n" + mail + b"\n")
