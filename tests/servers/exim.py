"""A real Exim that takes mail from whoever logs in over STARTTLS, and delivers it to the tests' Dovecot by LMTP."""

import getpass
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificate import write_certificate
from tests.servers.dovecot import Dovecot

PASSWORD = "secret"
TEMPLATE = Path(__file__).with_name("exim.conf.tmpl")
START_SECONDS = 15
_DEBIAN_USER = "Debian-exim"


@dataclass(frozen=True)
class Exim:
    """A running server; any user name logs in with the password."""

    base: Path
    port: int
    host: str = "localhost"
    password: str = PASSWORD

    @property
    def ca_file(self) -> Path:
        return self.base / "cert.pem"

    def log(self) -> str:
        """Give what it says about each message."""
        return (self.base / "mainlog").read_text()


def find_exim() -> str | None:
    """Give the program, None where it is not installed."""
    return shutil.which("exim4", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextmanager
def running_exim(program: str, dovecot: Dovecot) -> Iterator[Exim]:
    """Start a server on a free port of the loopback interface and stop it at the end."""
    base = Path(tempfile.mkdtemp(prefix="exim-"))
    process = None
    try:
        server = _prepare(base, dovecot)
        process = subprocess.Popen([program, "-bdf", "-q1s", "-C", str(base / "exim.conf")])
        _wait_until_ready(server, process)
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(timeout=START_SECONDS)
        shutil.rmtree(base, ignore_errors=True)  # a delivery may still be writing its log


def _prepare(base: Path, dovecot: Dovecot) -> Exim:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    user, group = _identity()
    values = {
        "BASE": base,
        "USER": user,
        "GROUP": group,
        "PORT": port,
        "LMTP": dovecot.lmtp_port,
        "PASSWORD": PASSWORD,
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    (base / "exim.conf").write_text(text)
    write_certificate(base)
    if os.getuid() == 0:
        shutil.chown(base, user, group)
        shutil.chown(base / "key.pem", user, group)
    return Exim(base, port)


def _identity() -> tuple[str, str]:
    """Give as whom it works: as whoever runs the tests, but never as root."""
    if os.getuid() == 0:
        return _DEBIAN_USER, grp.getgrgid(pwd.getpwnam(_DEBIAN_USER).pw_gid).gr_name
    return getpass.getuser(), grp.getgrgid(os.getgid()).gr_name


def _wait_until_ready(server: Exim, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=1) as greeting:
            if greeting.recv(4) == b"220 ":
                return
        time.sleep(0.01)
    log = server.base / "paniclog"
    raise RuntimeError(f"Exim did not start: {log.read_text() if log.exists() else process.poll()}")
