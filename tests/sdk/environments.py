"""Environments with the official SDKs, installed from the indexes as their users install them, once for each lock."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import missing

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".cache" / "sdk"
INSTALL_SECONDS = 600


def python_with(package: str) -> Path:
    """Give the interpreter of an environment that has one of the SDKs for Python."""
    locked = HERE / "python" / f"{package}.txt"

    def install(environment: Path) -> None:
        _run(package, sys.executable, "-m", "venv", str(environment))
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(package, *pip, "--require-hashes", "--only-binary", ":all:", "-r", str(locked))

    return _made_once(package, locked.read_bytes(), install) / "bin" / "python"


def node_with_sdks() -> Path:
    """Give the folder of a package that has both SDKs for JavaScript."""
    package = [HERE / "javascript" / name for name in ("package.json", "package-lock.json")]

    def install(environment: Path) -> None:
        environment.mkdir()
        for file in package:
            shutil.copy(file, environment)
        quietly = ("--no-audit", "--no-fund", "--ignore-scripts")
        _run("the SDKs for JavaScript", "npm", "ci", *quietly, "--prefix", str(environment))

    return _made_once("javascript", b"".join(file.read_bytes() for file in package), install)


def _made_once(name: str, locked: bytes, install: Callable[[Path], None]) -> Path:
    """Give an environment, made anew when what is locked or this Python is another one."""
    environment, wanted = CACHE / name, hashlib.sha256(locked + sys.version.encode()).hexdigest()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = environment / "made-of"
        if not made.exists() or made.read_text() != wanted:
            shutil.rmtree(environment, ignore_errors=True)
            install(environment)
            made.write_text(wanted)
    return environment


def _run(what: str, *command: str) -> None:
    if shutil.which(command[0]) is None:
        missing(what, f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    if done.returncode != 0:
        missing(what, f"{command[0]} could not install it: {done.stderr.strip()}")
