"""A PostgreSQL cluster of our own: made and filled once, then started from a copy of its files."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")


def find_programs() -> Path | None:
    """Give the folder of PostgreSQL's programs, the newest one."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = shutil.which("initdb")
    if versions:
        return versions[-1].parent
    return Path(found).parent if found else None


class Cluster:
    """A cluster in a temporary folder, which its account can reach wherever the project lies."""

    def __init__(self, programs: Path, cores: Sequence[int]) -> None:
        self._programs, self._cores = programs, cores
        self._account = "postgres" if os.geteuid() == 0 else None  # it refuses to be root
        self._folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
        if self._account:
            shutil.chown(self._folder, self._account)
        self.url = f"postgresql://bench@/postgres?host={self._folder}"

    def create(self) -> None:
        """Make an empty cluster, with the settings that PostgreSQL comes with."""
        self._run("initdb", "-D", "data", "-A", "trust", "-U", "bench", "-E", "UTF8")

    def take_from(self, kept: Path) -> None:
        """Take the files of a cluster that was kept."""
        subprocess.run(["cp", "-a", str(kept), str(self._folder / "data")], check=True)

    def keep_in(self, kept: Path) -> None:
        """Keep the files of this cluster, which is stopped; whole or not at all."""
        unfinished = kept.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self._folder / "data"), str(unfinished)], check=True)
        unfinished.rename(kept)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start the cluster, on a socket in its folder alone, and stop it at the end."""
        options = f"-k {self._folder} -c listen_addresses="
        self._run("pg_ctl", "-D", "data", "-o", options, "-l", "log", "-w", "start")
        try:
            yield
        finally:
            self._run("pg_ctl", "-D", "data", "-m", "fast", "-w", "stop")

    def remove(self) -> None:
        """Remove its folder."""
        shutil.rmtree(self._folder)

    def _run(self, program: str, *arguments: str) -> None:
        command = ["taskset", "-c", ",".join(map(str, self._cores)), str(self._programs / program), *arguments]
        output = self._folder / "output"  # a pipe would stay open as long as the server runs
        with output.open("ab") as written:
            done = subprocess.run(
                command,
                cwd=self._folder,
                user=pwd.getpwnam(self._account).pw_uid if self._account else None,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                check=False,
            )
        if done.returncode:
            raise SystemExit(f"{program} failed: {output.read_text(errors='replace')}")
