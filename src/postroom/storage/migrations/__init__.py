"""The history of the schema, and bringing a database to its newest state."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from postroom.storage.database import lock_matching

_FOLDER = Path(__file__).parent


def migrate(connection: Connection) -> None:
    """Bring the database to the newest schema, within the caller's transaction; one process after the other."""
    lock_matching(connection, exclusive=True)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def schema_version(connection: Connection) -> str | None:
    """Give the revision the database is at, None where it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_version() -> str:
    """Give the revision that this version of Postroom works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package contains no migrations: it is not installed whole")
    return head


def foreign_version(connection: Connection) -> str | None:
    """Give the revision the database is at if this version of Postroom does not know it, else None."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    version = schema_version(connection)
    return None if version in known else version


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
