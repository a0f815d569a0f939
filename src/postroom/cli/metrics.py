"""What is counted, for Prometheus: on a listener of its own, never where the API is."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from postroom.actions.errors import InvalidInput

port_option = click.option(
    "--metrics-port", type=click.IntRange(1, 65535), help="Answer metrics for Prometheus on this port."
)
host_option = click.option(
    "--metrics-host", default="127.0.0.1", show_default=True, help="The address to answer metrics on."
)


@contextmanager
def exposed(registry: CollectorRegistry, host: str, port: int | None) -> Iterator[None]:
    """Answer what is counted until the block ends, if there is a port. Raises InvalidInput where it is taken."""
    if port is None:
        yield
        return
    disable_created_metrics()  # when each began to be counted: as many figures again, of no use
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        reason = f"cannot listen on {host} port {port} ({error.strerror}); choose another"
        raise InvalidInput(f"metrics-port: {reason}") from error
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def counted_together(host: str, port: int | None) -> Iterator[Path | None]:
    """Give the folder in which the processes of a server count, and answer the sum; None where nobody asks."""
    if port is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="postroom-metrics-") as folder:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)
        with exposed(registry, host, port):
            yield Path(folder)
