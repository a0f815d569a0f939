"""The only place that joins the parts of an installation."""

from dataclasses import dataclass

from postroom.config import Config
from postroom.storage.database import Database
from postroom.storage.secrets import SecretBox


@dataclass(frozen=True, slots=True)
class Installation:
    """A database, and the box that its mailbox passwords are sealed in."""

    database: Database
    box: SecretBox


def open_installation(config: Config) -> Installation:
    """Open an installation; its folder is made where it is missing, for this account alone."""
    config.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Installation(Database(config.database_url), SecretBox(config.key_file))
