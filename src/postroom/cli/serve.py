"""Serving."""

import sys
from contextlib import nullcontext

import click

from postroom.cli.commands import Command
from postroom.cli.installation import current_config, opened, refusals
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
def serve(host: str, port: int, workers: int, no_worker: bool, log_format: str, public_url: str | None) -> None:
    """Answer the API and read all mailboxes until stopped; one log line a request, on standard error."""
    config = current_config(public_url)
    with opened():
        server.require_servable(config, host, port)  # here, in one line, what every process would stumble over
    if sys.stderr.isatty():
        shown = f"[{host}]" if ":" in host else host
        click.echo(f"Postroom answers on http://{shown}:{port}; Ctrl-C stops it.", err=True)
    configure_log(log_format)
    with refusals(), nullcontext() if no_worker else worker_beside(config, log_format):
        server.serve(config, host, port, workers, log_format)
