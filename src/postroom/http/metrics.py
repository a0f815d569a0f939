"""Counts requests for Prometheus, in files that all processes of a server share (docs/decisions/0027).

No label says who asked, or about what: a route is named by its template, and whatever a stranger can make up is left
out.
"""

import time

import falcon
from prometheus_client import Gauge, Histogram, values
from prometheus_client.values import MultiProcessValue

values.ValueClass = MultiProcessValue()  # the process that forked this one counts nothing, and chose another one

_METHODS = frozenset(falcon.HTTP_METHODS)
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 10, 60)  # seconds
_STARTED = "postroom.started"  # where the WSGI environment keeps it


class RequestMetrics:
    """Middleware that counts and times whatever is answered."""

    def __init__(self) -> None:
        self._in_progress = Gauge(
            "postroom_http_requests_in_progress",
            "Requests that are being answered.",
            registry=None,
            multiprocess_mode="livesum",
        )
        self._seconds = Histogram(
            "postroom_http_request_seconds",
            "How long answers took.",
            ("method", "route", "status"),
            registry=None,
            buckets=_BUCKETS,
        )
        self._labelled: dict[tuple[str, str | None, int], Histogram] = {}  # finding one by labels takes longest

    def process_request(self, request: falcon.Request, _response: falcon.Response) -> None:
        """Note when a request came."""
        self._in_progress.inc()
        request.env[_STARTED] = time.perf_counter()

    def process_response(
        self, request: falcon.Request, response: falcon.Response, _resource: object, _succeeded: object
    ) -> None:
        """Count what became of it."""
        method = request.method if request.method in _METHODS else "other"
        key = method, request.uri_template, response.status_code // 100
        labelled = self._labelled.get(key) or self._label(*key)
        labelled.observe(time.perf_counter() - request.env[_STARTED])
        self._in_progress.dec()

    def _label(self, method: str, route: str | None, status_class: int) -> Histogram:
        labelled = self._seconds.labels(method, route or "none", f"{status_class}xx")
        self._labelled[method, route, status_class] = labelled
        return labelled
