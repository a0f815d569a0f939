"""The real `postroom`: its command line, and servers that are started with it on free ports."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

PROGRAM = Path(sys.executable).with_name("postroom")
START_SECONDS = 20
STOP_SECONDS = 5

_numbers = count(1)


@dataclass(frozen=True)
class Installation:
    """One installation as its administrator has it: a folder, perhaps a database elsewhere, and the command line."""

    data_dir: Path
    database_url: str | None = None
    certificates: Path | None = None  # of the authorities that its mail servers are checked against
    program: tuple[str, ...] = (str(PROGRAM),)

    def run(self, *arguments: str, stdin: str = "") -> str:
        """Run a command, which must succeed; give what it printed."""
        done = subprocess.run(
            self.command(*arguments), env=self.variables, input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"postroom {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused before it does anything; give what it said."""
        done = subprocess.run(
            self.command(*arguments), env=self.variables, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 1, f"postroom {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stderr

    def command(self, *arguments: str) -> list[str]:
        """Give the words of a command."""
        options = ["--data-dir", str(self.data_dir)]
        if self.database_url is not None:
            options += ["--database", self.database_url]
        return [*self.program, *arguments, *options]

    @property
    def variables(self) -> dict[str, str]:
        """Give the environment, without anything that points at an installation of the person who tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROOM_")}
        return kept if self.certificates is None else kept | {"SSL_CERT_FILE": str(self.certificates)}

    @contextmanager
    def work(self, *options: str) -> Iterator["PostroomWorker"]:
        """Start a worker; at the end stop it and print its log, for a test that failed."""
        log = self.data_dir / f"worker-{next(_numbers)}.log"
        self.data_dir.mkdir(exist_ok=True)
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command("worker", *options), env=self.variables, stdout=output, stderr=output
            )
        worker = PostroomWorker(process, log)
        try:
            yield worker
        finally:
            if process.poll() is None:
                worker.stop()
            sys.stdout.write(log.read_text(errors="replace"))

    @contextmanager
    def serve(
        self, workers: int = 1, *, with_worker: bool = False, options: Sequence[str] = ()
    ) -> Iterator["PostroomServer"]:
        """Start a server and wait until it answers; at the end stop it and print its log, for a test that failed."""
        port = free_port()
        log = self.data_dir / f"server-{port}.log"
        self.data_dir.mkdir(exist_ok=True)
        command = self.command("serve", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers))
        command += [*options, *([] if with_worker else ["--no-worker"])]
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, env=self.variables, stdout=output, stderr=output, start_new_session=True
            )
        server = PostroomServer(port, process, log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()
            sys.stdout.write(log.read_text(errors="replace"))


@dataclass(frozen=True)
class PostroomWorker:
    """A running worker."""

    process: subprocess.Popen[bytes]
    log_file: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it by a signal, and give its exit code."""
        self.process.send_signal(number)
        return self.process.wait(START_SECONDS)

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of the log, each of which must be a JSON object."""
        return [json.loads(line) for line in self.log_file.read_bytes().splitlines()]


@dataclass(frozen=True)
class PostroomServer:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    log_file: Path

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, token: str) -> httpx.Response:
        """Ask on a connection of its own."""
        return httpx.get(
            f"{self.base_url}{path}", headers={"Authorization": f"Zoho-oauthtoken {token}"}, trust_env=False
        )

    def details(self, path: str, token: str) -> dict[str, Any]:
        """Give the sharing details, for a request that must succeed."""
        response = self.get(path, token)
        assert response.status_code == 200, response.text
        details: dict[str, Any] = response.json()["__emails_sharing_details"]
        return details

    @contextmanager
    def connect(self) -> Iterator[http.client.HTTPConnection]:
        """Open a connection that stays open between requests."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with closing(connection):
            connection.connect()
            yield connection

    def log(self) -> list[dict[str, Any]]:
        """Give the lines of the log, each of which must be a JSON object."""
        return [json.loads(line) for line in self.log_file.read_bytes().splitlines()]

    def wait_until_ready(self) -> None:
        """Wait for the first answer."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.get("/", "none")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        pytest.fail(f"postroom serve did not answer: {self.log_file.read_text(errors='replace')}")

    def stop(self) -> int:
        """Stop it as a service manager does, and give its exit code; stopping twice does no harm."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)  # it and its workers
            self.process.wait()
            pytest.fail(f"postroom serve did not stop within {STOP_SECONDS} seconds of SIGTERM")


def free_port() -> int:
    """Give a free port outside the range from which the system hands out ports to everybody else."""
    while True:
        port = random.randrange(10_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
