"""Serving: Granian, with as many processes and threads as asked for."""

import os
import socket
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from postroom.actions.errors import InvalidInput
from postroom.actions.lookups import valid_public_url
from postroom.config import DATA_DIR_VARIABLE, DATABASE_URL_VARIABLE, PUBLIC_URL_VARIABLE, Config
from postroom.http.app import LOG_FORMAT_VARIABLE, METRICS_VARIABLE

_CORES = os.cpu_count() or 1
# A thread waits for PostgreSQL half of its time, and never for SQLite: more threads would only contend. Of more than
# 2 * cores + 1 Granian warns, on the standard error that is to be JSON.
_THREADS = {"postgresql": min(4, 2 * _CORES + 1), "sqlite": 1}
# With a second thread that reads and writes, those that answer are interrupted half as often.
_NETWORK_THREADS = min(2, _CORES)  # of more than cores Granian warns too
_APPLICATION = "postroom.http.app:app_from_environment"
_STOP_SECONDS = 3  # a client that never finishes its request must not hold up a stop


def serve(
    config: Config,
    host: str,
    port: int,
    workers: int,
    log_format: str,
    *,
    metrics_folder: Path | None = None,
    application: str = _APPLICATION,
) -> None:
    """Serve what the function `application` (module:name) builds in each worker, until SIGINT or SIGTERM.

    Each worker counts requests in the folder, if there is one. Answers in hand are finished first. Raises InvalidInput.
    """
    public_url = require_servable(config, host, port)
    os.environ |= {
        DATA_DIR_VARIABLE: str(config.data_dir),
        DATABASE_URL_VARIABLE: config.database_url,
        LOG_FORMAT_VARIABLE: log_format,
        PUBLIC_URL_VARIABLE: public_url,
        METRICS_VARIABLE: str(metrics_folder or ""),
    }
    threads = _THREADS["sqlite" if config.database_url.startswith("sqlite") else "postgresql"]
    server = Granian(
        application,
        factory=True,
        interface=Interfaces.WSGI,
        address=host,
        port=port,
        workers=workers,
        blocking_threads=threads,
        runtime_threads=_NETWORK_THREADS,
        workers_kill_timeout=_STOP_SECONDS,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
    )
    server.serve()


def require_servable(config: Config, host: str, port: int) -> str:
    """Give the public URL of what would be served there. Raises InvalidInput where it or the port cannot be."""
    public_url = valid_public_url(config.public_url or _own_url(host, port))
    require_free(host, port, "port")
    return public_url


def _own_url(host: str, port: int) -> str:
    """Give where it listens. What a request calls the server is never asked: a stranger writes that."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (every address is none to go to)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def require_free(host: str, port: int, field: str) -> None:
    """Raise InvalidInput for a port that another server listens on.

    Granian would share it, and either would answer by chance.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise InvalidInput(
            f"{field}: cannot listen on {host} port {port} ({error.strerror}); choose another"
        ) from error
