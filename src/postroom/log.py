"""Logging: one line an event on standard error, as JSON for machines or in colour for a person."""

import sys

import msgspec
import structlog

LOG_FORMATS = ("auto", "console", "json")


def configure_log(log_format: str) -> None:
    """Set up structlog; `auto` is console on a terminal, else JSON."""
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper("iso"),
    ]
    if console:
        # Plain traces: those in colour print local variables, a token among them.
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure([*shared, renderer], logger_factory=structlog.PrintLoggerFactory(sys.stderr))
        return
    structlog.configure(
        [*shared, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_json)],
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )


def _json(event: object, **_options: object) -> bytes:
    return msgspec.json.encode(event, enc_hook=repr)
