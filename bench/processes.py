"""Starts the server that is measured, pinned to the worker's core."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_START_SECONDS = 30
_STOP_SECONDS = 10


class Server(NamedTuple):
    """A running server: one process that supervises, one worker."""

    port: int
    process_id: int

    def peak_memory(self) -> float:
        """Give the largest memory that the worker ever held, in MiB."""
        return max(map(peak_memory_of, _children(self.process_id)))

    def processor_seconds(self) -> float:
        """Give the time that a core worked for the worker so far."""
        return sum(map(processor_seconds_of, _children(self.process_id)))


@contextmanager
def running_server(url: str, body: str, folder: Path, core: int) -> Iterator[Server]:
    """Start `bench.server`, which logs to a file in `folder`; stop it at the end."""
    port, log = _free_port(), folder / "log"
    command = ["taskset", "-c", str(core), sys.executable, "-m", "bench.server"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, url, str(folder), str(port), body], stderr=output)
    try:
        _wait_until_ready(process, port, log)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(_STOP_SECONDS)


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise SystemExit(f"the server did not start: {log.read_text(errors='replace')}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _children(process_id: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]


def peak_memory_of(process_id: int) -> float:
    """Give the largest memory that a process ever held, in MiB."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def processor_seconds_of(process_id: int) -> float:
    """Give the time that a core worked for a process so far."""
    after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    user, system = after_name[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def pin_this_process(core: int) -> None:
    """Run what this process itself does on one core."""
    os.sched_setaffinity(0, {core})
