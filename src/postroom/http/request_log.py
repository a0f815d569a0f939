"""A request id for every answer, and one log line with it for every request."""

import secrets
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

REQUEST_ID = "postroom.request_id"  # where the WSGI environment keeps it
_NO_STORE = ("Cache-Control", "no-store")  # the next answer may differ, and belongs to this caller alone


class RequestLog:
    """WSGI middleware around the whole application, so that nothing is answered without it."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._log = structlog.get_logger()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request, and log it."""
        started = time.perf_counter()
        request_id = environ[REQUEST_ID] = secrets.token_hex(8)
        answered = "500"

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:  # noqa: ANN401 (PEP 3333)
            nonlocal answered
            answered = status[:3]
            headers += [("X-Request-Id", request_id), _NO_STORE]
            return start_response(status, headers, *exc_info)

        try:
            return self._application(environ, start)
        finally:
            self._log.info(
                "request",
                request_id=request_id,
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
                status=int(answered),
                milliseconds=round((time.perf_counter() - started) * 1000, 3),
            )
