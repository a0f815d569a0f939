"""Serving."""

import sys
from contextlib import nullcontext

import click

from postroom.cli.commands import Command
from postroom.cli.installation import current_config, opened, refusals
from postroom.cli.metrics import counted_together, host_option, port_option
from postroom.cli.worker_beside import worker_beside
from postroom.http import server
from postroom.log import LOG_FORMATS, configure_log


@click.command(cls=Command, epilog="postroom serve --port 8400 --workers 2")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8400, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that answer.")
@click.option("--no-worker", is_flag=True, help="Read no mailboxes beside: 'postroom worker' does it elsewhere.")
@click.option("--log-format", type=click.Choice(LOG_FORMATS), default="auto", show_default=True)
@click.option("--public-url", metavar="URL", help="Where callers reach it; else POSTROOM_PUBLIC_URL, else HOST:PORT.")
@port_option
@click.option(
    "--worker-metrics-port",
    type=click.IntRange(1, 65535),
    help="Let the worker beside answer its metrics on this port.",
)
@host_option
def serve(
    host: str,
    port: int,
    workers: int,
    no_worker: bool,
    log_format: str,
    public_url: str | None,
    metrics_port: int | None,
    worker_metrics_port: int | None,
    metrics_host: str,
) -> None:
    """Answer the API and read all mailboxes until stopped; one log line a request, on standard error."""
    config, of_worker = current_config(public_url), list[str]()
    if worker_metrics_port is not None:
        of_worker = ["--metrics-port", str(worker_metrics_port), "--metrics-host", metrics_host]
    if of_worker and no_worker:
        raise click.UsageError("--worker-metrics-port goes without --no-worker")
    with opened():
        server.require_servable(config, host, port)  # here, in one line, what every process would stumble over
        if worker_metrics_port is not None:
            server.require_free(metrics_host, worker_metrics_port, "worker-metrics-port")
    if sys.stderr.isatty():
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"Postroom answers on http://{shown}:{port}; Ctrl-C stops it.", err=True)
    configure_log(log_format)
    beside = nullcontext() if no_worker else worker_beside(config, log_format, of_worker)
    with refusals(), counted_together(metrics_host, metrics_port) as folder, beside:
        server.serve(config, host, port, workers, log_format, metrics_folder=folder)
