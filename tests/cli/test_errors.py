"""Errors: one line that says what to do, and an exit code."""

import os
import pty
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from postroom.storage.database import Database, sqlite_url
from tests.cli.conftest import Terminal
from tests.servers.postroom_server import PROGRAM


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "missing command (see 'postroom --help')"),
        ("user", "user: missing command (see 'postroom user --help')"),
        ("usr list", "no such command 'usr' (see 'postroom --help')"),
        ("user add a@b.example", "user add: missing option '--name' (see 'postroom user add --help')"),
        ("user add", "user add: missing argument 'EMAIL' (see 'postroom user add --help')"),
        ("serve --port 0", "serve: invalid value for '--port': 0 is not in the range 1<=x<=65535"),
        (
            "mailbox add a@b.example",
            "mailbox add: give --password-stdin or --oauth, or --protocol for a mailbox that is fed by import",
        ),
        ("role add A --data-dir=", "role add: invalid value for '--data-dir': is empty"),
        ("role add \udcff", "role add: the value of name is not UTF-8"),
        ("token revoke", "token revoke: name one of --token-stdin and --user EMAIL"),
        ("record share Leads/1", "record share: name one of --with-user EMAIL and --with-role NAME"),
        ("record share Leads/1 --with-user a@b.example --and-subordinates", "record share: --and-subordinates goes"),
        ("import mail x", "import mail: name one of --mailbox ADDRESS and --sent-by EMAIL"),
    ],
)
def test_what_cannot_be_understood(shell: Terminal, arguments: str, sentence: str) -> None:
    assert shell.refused(*arguments.split(), code=2).startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("user add nobody --name N", "email: 'nobody' is not an e-mail address"),
        ("user disable zoe@team.example", "there is no user zoe@team.example; 'postroom user list' shows them"),
        ("role add Sales --under Board", "there is no role 'Board'; 'postroom role list' shows them"),
        ("module add Leads", "module: 'Leads' is no name for a custom module"),
        ("record delete Leads/7", "there is no record 7 in Leads"),
        ("record delete Leads-7", "record: 'Leads-7' is not of the form Leads/3652397000001790004"),
        ("mailbox disconnect zoe@team.example", "there is no connected mailbox zoe@team.example"),
        ("import records absent.csv --module Leads", "file: absent.csv cannot be read"),
        ("token create --user zoe@team.example --scope ZohoCRM.modules.ALL", "there is no user zoe@team.example"),
        ("restore absent.sqlite3", "file: there is no backup absent.sqlite3"),
        ("user list --database mysql://localhost/x", "'mysql' is no database of Postroom"),
        ("user list --database postgresql://127.0.0.1:1/x", "the database cannot be reached: "),
    ],
)
def test_what_is_refused(shell: Terminal, arguments: str, sentence: str) -> None:
    assert shell.refused(*arguments.split()).startswith(sentence)


def test_an_archive_that_is_none(office: Terminal) -> None:
    sentence = office.refused("import", "mail", "absent.mbox", "--mailbox", "alice@team.example")
    assert "absent.mbox does not exist: expected an mbox file" in sentence


def test_a_mail_server_that_is_not_there(office: Terminal) -> None:
    office.do("mailbox", "disconnect", "alice@team.example")
    server = ("--host", "127.0.0.1", "--port", "1", "--security", "none", "--password-stdin")
    add = ("mailbox", "add", "alice@team.example", "--protocol", "imap", *server)
    assert office.refused(*add, stdin=b"secret\n").startswith("127.0.0.1:1 cannot be reached")
    office.do(*add, "--no-try", stdin=b"secret\n")
    office.refused("sync", "alice@team.example")
    (office.folder / "data" / "secret.key").unlink()
    assert "the key of the mailbox passwords" in office.refused("sync", "alice@team.example")


def test_everything_but_three_commands_wants_an_organisation(bare: Terminal) -> None:
    for arguments in ("user list", "role add A", "serve", "backup x", "sharing set --default public"):
        sentence = bare.refused(*arguments.split())
        assert sentence == "there is no Postroom in this database yet; run 'postroom init'"


def test_a_file_that_is_no_database(bare: Terminal) -> None:
    bare.write("notes.txt", "not a database, " * 100)
    sentence = bare.refused("user", "list", "--database", sqlite_url(bare.folder / "notes.txt"))
    assert sentence == "the database cannot be used: file is not a database"


def test_a_folder_that_cannot_be_made(bare: Terminal) -> None:
    bare.write("file", "")
    assert bare.refused("init", "--data-dir", f"{bare.folder}/file/data").endswith("file/data: Not a directory")


@pytest.mark.usefixtures("shell")
def test_a_reader_that_goes_away_hears_nothing() -> None:
    for command in ("user list", "module list --json", "--help"):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([PROGRAM, *command.split()], stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert done.stderr == b"", command


def test_control_c(shell: Terminal) -> None:
    """Another writer keeps the database, so that the command waits until somebody has enough."""
    database = Database(sqlite_url(shell.folder / "data" / "postroom.sqlite3"))
    with database.write():
        # Whoever runs the tests in the background has them ignore the signal.
        listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        command = [PROGRAM, "role", "add", "Sales"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=listening)  # noqa: PLW1509 (no threads)
        _wait_until_open(process.pid, "postroom.sqlite3")
        process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=40)
    database.close()
    assert process.returncode == 130
    assert said == b"postroom: interrupted; run the same command again to complete it\n"
    assert shell.do("role", "list", "--json").json == []


def test_a_terminal_is_not_steered_by_what_is_printed(shell: Terminal) -> None:
    """A bar is shown on the terminal, and a file's name is not an escape sequence."""
    main, terminal = pty.openpty()
    name = "no\x1b]0;owned\x07.mbox"
    shell.do("user", "add", "alice@team.example", "--name", "Alice")
    shell.do("mailbox", "add", "alice@team.example", "--protocol", "imap")
    arguments = [str(PROGRAM), "import", "mail", name, "--mailbox", "alice@team.example"]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=terminal, check=False)
    os.close(terminal)
    shown = os.read(main, 100_000)
    os.close(main)
    assert done.returncode == 1
    assert b"\x1b]0;" not in shown
    assert b"Importing no" in shown


def _wait_until_open(pid: int, name: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(OSError):  # closed again meanwhile
            if any(entry.readlink().name == name for entry in Path(f"/proc/{pid}/fd").iterdir()):
                return
        time.sleep(0.02)
    pytest.fail(f"{name} was not opened")
