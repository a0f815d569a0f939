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


def python_with(package: str) -> Path:
    """Give the interpreter of an environment that has one of the SDKs for Python."""
    lock = HERE / "python" / f"{package}.txt"

    def install(environment: Path) -> None:
        _run(package, sys.executable, "-m", "venv", str(environment))
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run(package, *pip, "--require-hashes", "--only-binary", ":all:", "-r", str(lock))

    return _made_once(lock, install) / "bin" / "python"


def node_modules() -> Path:
    """Give the folder in which both SDKs for JavaScript are installed."""
    folder = HERE / "javascript"

    def install(environment: Path) -> None:
        shutil.copytree(folder, environment)
        _run("node", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(environment))

    return _made_once(folder / "package-lock.json", install)


def _made_once(lock_file: Path, install: Callable[[Path], None]) -> Path:
    environment = CACHE / hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with environment.with_suffix(".lock").open("w") as lock:  # tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (environment / "complete").exists():
            shutil.rmtree(environment, ignore_errors=True)
            install(environment)
            (environment / "complete").touch()
    return environment


def _run(what: str, *command: str) -> None:
    if shutil.which(command[0]) is None:
        missing(what, f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        missing(what, f"{command[0]} could not install it: {done.stderr.strip()}")
