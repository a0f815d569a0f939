"""The history of the schema, and bringing a database to its newest state."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_FOLDER = Path(__file__).parent


def migrate(connection: Connection) -> None:
    """Bring the database to the newest schema, within the caller's transaction."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def schema_version(connection: Connection) -> str | None:
    """Give the revision the database is at, None where it has no schema yet."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(version: str) -> bool:
    """Say whether this version of Postroom knows a revision; a newer one made it otherwise."""
    return any(script.revision == version for script in ScriptDirectory.from_config(_config()).walk_revisions())


def newest_version() -> str:
    """Give the revision that this version of Postroom works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        raise RuntimeError("the package contains no migrations: it is not installed whole")
    return head


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
