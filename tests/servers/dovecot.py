"""A real Dovecot: any address at test.example is a mailbox, with the password "secret"."""

import getpass
import grp
import os
import pwd
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.servers.certificate import write_certificate

PASSWORD = "secret"
TEMPLATE = Path(__file__).with_name("dovecot.conf.tmpl")
INSTALL = "scripts/install-test-servers.sh"
PORTS = ("IMAP", "IMAPS", "LMTP", "POP", "POPS")  # in the order of the fields below
START_SECONDS = 15


@dataclass(frozen=True)
class Dovecot:
    """A running server and the ways to fill its mailboxes that real senders and mail programs use."""

    base: Path
    imap_port: int
    imaps_port: int
    lmtp_port: int
    pop_port: int
    pops_port: int
    host: str = "localhost"
    password: str = PASSWORD

    @property
    def ca_file(self) -> Path:
        return self.base / "cert.pem"

    def named(self, folder: str) -> str:
        """Give the name by which the server knows a folder."""
        return folder

    def plain(self, name: str) -> str:
        """Give the name of a folder without what makes it this server's."""
        return name

    def client(self, address: str) -> IMAPClient:
        """Give a logged-in connection, to be used in a with statement."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        client = IMAPClient(self.host, self.imaps_port, ssl_context=context, timeout=10)
        client.login(address, self.password)
        return client

    def deliver(self, address: str, raw: bytes) -> None:
        """Deliver into the INBOX over LMTP, as a mail transfer agent does."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=10) as lmtp:
            lmtp.sendmail("sender@test.example", [address], raw)

    def fill(self, address: str, messages: Sequence[bytes], folders: Sequence[str] = ("INBOX",)) -> None:
        """Put many messages into each of these folders of a new mailbox, as files: quicker than any protocol."""
        mailbox = self.base / "mail" / address
        for name in folders:
            folder = mailbox / "Maildir" / ("" if name == "INBOX" else f".{name}") / "cur"
            folder.mkdir(parents=True)
            for number, raw in enumerate(messages):
                (folder / f"{1_000_000_000 + number}.M1P1.test:2,S").write_bytes(raw)
        owner = (self.base / "mail").stat()
        for path in (mailbox, *mailbox.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)

    def append(self, address: str, folder: str, raw: bytes) -> int:
        """Put a message into a folder, made if it does not exist, and give its UID."""
        with self.client(address) as client:
            if not client.folder_exists(folder):
                client.create_folder(folder)
            answer = client.append(folder, raw)
        return int(answer.split(b"]")[0].split()[-1])  # [APPENDUID validity uid]


def require_dovecot() -> None:
    """Skip, or fail where REAL_SERVERS=required, unless a Dovecot is here that reads our template."""
    problem = _problem()
    if problem is None:
        return
    if os.environ.get("REAL_SERVERS") == "required":
        pytest.fail(problem)
    pytest.skip(problem)


def _problem() -> str | None:
    binary = _binary()
    if binary is None:
        return f"Dovecot is not installed: run (as root) {INSTALL}"
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True).stdout
    if not version.startswith("2.3."):
        return f"Dovecot {version.split()[0]} cannot read {TEMPLATE.name}, which is for 2.3 (Debian 12)"
    return None


def _binary() -> str | None:
    return shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@contextmanager
def running_dovecot(introspection_url: str = "http://127.0.0.1:9/") -> Iterator[Dovecot]:  # where nobody answers
    """Start a server on free ports of the loopback interface and stop it at the end; it asks there about tokens."""
    require_dovecot()
    base = Path(tempfile.mkdtemp(prefix="dc-"))  # a short path: sockets allow 108 bytes
    base.chmod(0o755)  # Dovecot's processes give up root and must still get in
    process = None
    try:
        server = _prepare(base, introspection_url)
        process = subprocess.Popen([str(_binary()), "-F", "-c", str(base / "dovecot.conf")])
        _wait_until_ready(server, process)
        yield server
    finally:
        if process is not None:
            process.terminate()
            process.wait(timeout=START_SECONDS)
        shutil.rmtree(base)


def _prepare(base: Path, introspection_url: str) -> Dovecot:
    write_certificate(base)
    mail = base / "mail"
    mail.mkdir()
    uid, gid, identity = _identity()
    os.chown(mail, uid, gid)
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    values = {"BASE": base, "IDENTITY": identity, "UID": uid, "GID": gid, **ports}
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    (base / "dovecot.conf").write_text(text)
    (base / "oauth2.conf").write_text(
        f"introspection_url = {introspection_url}\nintrospection_mode = post\nusername_attribute = username\n"
        "active_attribute = active\nactive_value = true\ntimeout_msecs = 5000\n"
    )
    return Dovecot(base, *ports.values())


def _identity() -> tuple[int, int, str]:
    """Give whose the mail is, and the settings that let an ordinary user run everything."""
    if os.getuid() == 0:
        nobody = pwd.getpwnam("nobody")
        return nobody.pw_uid, nobody.pw_gid, ""
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    lines = (
        f"default_internal_user = {user}",
        f"default_login_user = {user}",
        f"default_internal_group = {group}",
    )
    return os.getuid(), os.getgid(), "\n".join(lines)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_until_ready(server: Dovecot, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", server.imap_port), timeout=1) as greeting:
            if greeting.recv(4) == b"* OK":
                return
        time.sleep(0.01)
    log = server.base / "dovecot.log"
    pytest.fail(f"Dovecot did not start: {log.read_text() if log.exists() else 'no log written'}")
