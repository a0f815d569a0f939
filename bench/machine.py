"""The machine: which cores do what, what it is made of, and the programs that must be there."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from bench.postgres import find_programs

_PACKAGES = ("falcon", "granian", "msgspec", "psycopg", "SQLAlchemy", "structlog")


class Cores(NamedTuple):
    """The core of the worker, that of the load, and those of PostgreSQL; the same one where there is only one."""

    worker: int
    load: int
    database: tuple[int, ...]


def choose_cores() -> Cores:
    """Give the worker a core that nothing else of ours uses, if there are two."""
    available = sorted(os.sched_getaffinity(0))
    return Cores(available[-1], available[max(len(available) - 2, 0)], tuple(available[:-1] or available))


def require_programs(*, postgresql: bool) -> None:
    """Install what is missing, as root on Debian; else exit with the command that does."""
    needed = {"wrk": "wrk", "mbsync": "isync", "npm": "npm", "/usr/sbin/dovecot": "dovecot-imapd dovecot-lmtpd"}
    missing = [each for name, package in needed.items() if not shutil.which(name) for each in package.split()]
    if postgresql and find_programs() is None:
        missing.append("postgresql")
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() or not shutil.which("apt-get"):
        raise SystemExit(f"{' and '.join(missing)} is missing; run: sudo {' '.join(command)}")
    subprocess.run(command, check=True)


def describe() -> list[str]:
    """Say what the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory",
        f"{system}, Linux {platform.release()}, Python {platform.python_version()}",
        f"{packages}, {_output('wrk', '-v')}" + (f", {_postgresql()}" if find_programs() else ""),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _postgresql() -> str:
    return _output(str((find_programs() or Path()) / "postgres"), "--version").replace(
        "postgres (PostgreSQL)", "PostgreSQL"
    )


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split("\n")[0].split(" ")[:3]).removesuffix(" [epoll]")
