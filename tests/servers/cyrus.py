"""A real Cyrus, another dialect of IMAP than Dovecot's: folders are named INBOX.Sent, and are there from a login on.

Any address at test.example is a mailbox, with the password "secret".
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import IMAPClient

ROOT = Path("/opt/cyrus-for-tests")  # where scripts/install-test-servers.sh unpacks it
BIN = ROOT / "usr/lib/cyrus/bin"
PASSWORD = "secret"
TEMPLATES = {"cyrus.conf": "cyrus.conf.tmpl", "imapd.conf": "cyrus-imapd.conf.tmpl"}
START_SECONDS = 15


@dataclass(frozen=True)
class Cyrus:
    """A running server and the ways of mail programs to fill its mailboxes."""

    base: Path
    imap_port: int
    host: str = "127.0.0.1"
    password: str = PASSWORD

    def named(self, folder: str) -> str:
        """Give the name by which the server knows a folder."""
        return folder if folder == "INBOX" else f"INBOX.{folder.replace('/', '.')}"

    def plain(self, name: str) -> str:
        """Give the name of a folder without what makes it this server's."""
        return name.removeprefix("INBOX.").replace(".", "/")

    def client(self, address: str) -> IMAPClient:
        """Give a logged-in connection, to be used in a with statement."""
        client = IMAPClient(self.host, self.imap_port, ssl=False, timeout=10)
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # it sends lines in two parts
        client.login(address, self.password)
        return client

    def append(self, address: str, folder: str, raw: bytes) -> int:
        """Put a message into a folder, made if it does not exist, and give its UID."""
        name = self.named(folder)
        with self.client(address) as client:
            if not client.folder_exists(name):
                client.create_folder(name)
            answer = client.append(name, raw)
        return int(answer.split(b"]")[0].split()[-1])  # [APPENDUID validity uid]


def has_cyrus() -> bool:
    """Say whether the programs are here."""
    return (BIN / "imapd").exists()


@contextmanager
def running_cyrus() -> Iterator[Cyrus]:
    """Start a server on a free port of the loopback interface and stop it at the end."""
    memory = Path("/dev/shm")  # it writes everything through to the disk, which is slow
    base = Path(tempfile.mkdtemp(prefix="cy-", dir=memory if memory.is_dir() else None))
    base.chmod(0o755)
    process = None
    try:
        server = _prepare(base)
        with _passwords(base / "mux"):
            process = subprocess.Popen(
                [BIN / "master", "-C", base / "imapd.conf", "-M", base / "cyrus.conf", "-p", base / "master.pid"],
                env=os.environ | {"LD_LIBRARY_PATH": _libraries()},
                start_new_session=True,  # it sends signals to its whole group
            )
            _wait_until_ready(server, process)
            yield server
    finally:
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=START_SECONDS)
        shutil.rmtree(base, ignore_errors=True)


def _prepare(base: Path) -> Cyrus:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user, group = _identity()
    values = {"BASE": base, "BIN": BIN, "USER": user, "GROUP": group, "PORT": port}
    for target, template in TEMPLATES.items():
        text = Path(__file__).with_name(template).read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", str(value))
        (base / target).write_text(text)
    for folder in ("conf", "conf/db", "conf/lock", "conf/proc", "conf/socket", "mail"):
        (base / folder).mkdir()
        shutil.chown(base / folder, user, group)
    return Cyrus(base, port)


def _identity() -> tuple[str, str]:
    """Give as whom it works: as whoever runs the tests, but never as root."""
    uid = pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else os.getuid()
    user = pwd.getpwuid(uid)
    return user.pw_name, grp.getgrgid(user.pw_gid).gr_name


def _libraries() -> str:
    """Give where the libraries are that came with the programs."""
    return ":".join(str(path) for path in (ROOT / "usr/lib").glob("*-linux-gnu*"))


@contextmanager
def _passwords(path: Path) -> Iterator[None]:
    """Answer in place of saslauthd(8): who knows the password may come in."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o777)
        listening.listen(100)
        threading.Thread(target=_answer_all, args=(listening,), daemon=True).start()
        yield
        listening.shutdown(socket.SHUT_RDWR)


def _answer_all(listening: socket.socket) -> None:
    with suppress(OSError):
        while True:
            asking, _ = listening.accept()
            with suppress(OSError), asking, asking.makefile("rb") as lines:
                # Name, password, service and realm, and then the answer: each after its length in two bytes.
                asked = [lines.read(int.from_bytes(lines.read(2))) for _ in range(4)]
                asking.sendall(b"\0\2OK" if asked[1] == PASSWORD.encode() else b"\0\2NO")


def _wait_until_ready(server: Cyrus, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((server.host, server.imap_port), timeout=1) as greeting:
            if greeting.recv(4) == b"* OK":
                return
        time.sleep(0.01)
    raise RuntimeError(f"Cyrus did not start: {process.poll()}")
