"""Serving: Granian, with as many processes and threads as asked for."""

import os

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from postroom.config import DATA_DIR_VARIABLE, DATABASE_URL_VARIABLE, Config
from postroom.http.app import LOG_FORMAT_VARIABLE

# A thread waits for PostgreSQL most of the time, and never for SQLite: more threads would only contend.
_THREADS = {"postgresql": 8, "sqlite": 1}


def serve(config: Config, host: str, port: int, workers: int, log_format: str) -> None:
    """Serve until SIGINT or SIGTERM; answers in hand are finished first."""
    os.environ |= {
        DATA_DIR_VARIABLE: str(config.data_dir),
        DATABASE_URL_VARIABLE: config.database_url,
        LOG_FORMAT_VARIABLE: log_format,
    }
    threads = _THREADS["sqlite" if config.database_url.startswith("sqlite") else "postgresql"]
    server = Granian(
        "postroom.http.app:app_from_environment",
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
    )
    server.serve()
