"""The server that is measured: Postroom's own, with one more route for the constant answer."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import falcon

from postroom.config import Config, load_config
from postroom.http.app import LOG_FORMAT_VARIABLE, create_api
from postroom.http.problems import JSON
from postroom.http.request_log import RequestLog
from postroom.http.server import serve
from postroom.log import configure_log
from postroom.wiring import open_installation

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

CONSTANT = "/constant"
_BODY_VARIABLE = "BENCH_CONSTANT_BODY"


class ConstantResource:
    """Gives one answer always, with the headers of a real one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        """Answer."""
        response.content_type = JSON
        response.set_header("Vary", "X-ZOHO-SDK")
        response.data = self._body


def app() -> "WSGIApplication":
    """Build Postroom's application as it is served, and the constant route beside its own."""
    configure_log(os.environ[LOG_FORMAT_VARIABLE])
    installation = open_installation(load_config())
    api = create_api(installation.database, installation.box)
    api.add_route(CONSTANT, ConstantResource(os.environ[_BODY_VARIABLE].encode()))
    return RequestLog(api)


def _main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("database", "data_dir", "port", "body"):
        parser.add_argument(name)
    given = parser.parse_args()
    os.environ[_BODY_VARIABLE] = given.body
    config = Config(Path(given.data_dir), given.database)
    serve(config, "127.0.0.1", int(given.port), workers=1, log_format="json", application="bench.server:app")


if __name__ == "__main__":
    _main()
