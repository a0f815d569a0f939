"""The benchmark measures what it says: it runs, and its organisation is one that Postroom itself could have made."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.loading import fill
from bench.organisation import QUICK
from sqlalchemy import case, func, select

from postroom.storage.database import Database, sqlite_url
from postroom.storage.schema import associations, copies, record_mail, records, users
from tests.conftest import missing
from tests.servers.postroom_server import Installation

ROOT = Path(__file__).parents[1]


def test_quick_run_tells_the_ratio() -> None:
    for program in ("wrk", "mbsync", "npm"):
        if shutil.which(program) is None:
            missing(program, "run scripts/install-test-servers.sh as root")
    page = ROOT / "docs" / "performance.md"
    before = page.read_bytes() if page.exists() else None
    command = [sys.executable, "-m", "bench", "--quick", "--only", "sqlite"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"ratio to a constant answer: at least 0\.25 +│ +[01]\.\d{3} │", done.stdout)
    assert re.search(r"first sync beside mbsync: at least a third of its rate +│ +\d+\.\d{3} │", done.stdout)
    assert re.search(r"a new record finding 1,000 old copies: under 2 s +│ +0\.\d\d s │ +yes", done.stdout)
    assert re.search(r"10 idle mailboxes: under 300 MiB +│ +\d+ MiB │ +yes", done.stdout)
    assert re.search(r"10 idle mailboxes: under 5% of a core +│ +\d+\.\d% │", done.stdout)
    assert re.search(r"mail among 100 or 1,000 records: at most 30% more +│ +-?\d+% │", done.stdout)
    assert len(re.findall(r"^│ (?:reading messages|conversations|commits) +│ +\d+% │", done.stdout, re.MULTILINE)) == 3
    assert (page.read_bytes() if page.exists() else None) == before


class TestOrganisation:
    @pytest.fixture
    def filled(self, installation: Installation) -> Iterator[Database]:
        installation.data_dir.mkdir()
        database = Database(installation.database_url or sqlite_url(installation.data_dir / "postroom.sqlite3"))
        fill(database, QUICK)
        yield database
        database.close()

    def test_counts_are_those_of_the_associations(self, filled: Database) -> None:
        key = (associations.c.record_id, copies.c.user_id, copies.c.kind, associations.c.associated_by)
        tables = associations.join(copies, copies.c.id == associations.c.copy_id)
        shareable = func.sum(case((copies.c.withheld, 0), else_=1))
        counted = select(*key, func.count(), shareable).select_from(tables).group_by(*key)
        with filled.read() as connection:
            assert set(connection.execute(select(record_mail))) == set(connection.execute(counted))
            sizes = [connection.scalar(select(func.count()).select_from(table)) for table in (users, records, copies)]
        assert sizes == [QUICK.users + max(QUICK.crowds), QUICK.records, QUICK.emails]
