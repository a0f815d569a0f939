"""Every setting of an installation, its default, and where it comes from."""

import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_data_path

from postroom.storage.database import sqlite_url

DATA_DIR_VARIABLE = "POSTROOM_DATA_DIR"
DATABASE_URL_VARIABLE = "POSTROOM_DATABASE_URL"
PUBLIC_URL_VARIABLE = "POSTROOM_PUBLIC_URL"
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8400"  # where 'postroom serve' answers without another word


@dataclass(frozen=True, slots=True)
class Config:
    """Where an installation keeps its data, which database it uses, and under which URL its callers know it."""

    data_dir: Path
    database_url: str
    public_url: str | None = None

    @property
    def key_file(self) -> Path:
        """The key of the mailbox passwords: beside the database, never in it."""
        return self.data_dir / "secret.key"


def load_config(data_dir: str | None = None, database_url: str | None = None, public_url: str | None = None) -> Config:
    """Give the settings: what was given, else the environment's, else the platform's user data folder and SQLite."""
    folder = Path(data_dir or os.environ.get(DATA_DIR_VARIABLE) or user_data_path("postroom", appauthor=False))
    url = database_url or os.environ.get(DATABASE_URL_VARIABLE) or sqlite_url(folder / "postroom.sqlite3")
    return Config(folder.expanduser().absolute(), url, public_url or os.environ.get(PUBLIC_URL_VARIABLE))
