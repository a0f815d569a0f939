"""A real PostgreSQL in a temporary folder, made once for a test run."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")


def find_postgres() -> Path | None:
    """Give the folder of PostgreSQL's programs, the newest one."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if versions:
        return versions[-1].parent
    found = shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running_postgres(programs: Path) -> Iterator[str]:
    """Start PostgreSQL and give the URL of its server, without a database's name."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account = _account()
    if account:
        shutil.chown(folder, account)
    run = _Runner(programs, account, folder)
    try:
        run("initdb", "-D", folder / "data", "-A", "trust", "-U", "postroom", "-E", "UTF8", "--no-sync")
        options = f"-k {folder} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=200"
        options += " -c autovacuum=off"  # plans are those of the statistics that a test has made
        run("pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql://postroom@/{{}}?host={folder}"
        finally:
            run("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Runner:
    """Runs PostgreSQL's programs, which refuse to be root."""

    def __init__(self, programs: Path, account: str | None, folder: Path) -> None:
        self._programs, self._account, self._folder = programs, account, folder

    def __call__(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        output = self._folder / "output"
        with output.open("ab") as log:
            done = subprocess.run(
                command,
                cwd=self._folder,
                user=self._account,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        assert done.returncode == 0, output.read_text(errors="replace")


def _account() -> str | None:
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("postgres").pw_name
