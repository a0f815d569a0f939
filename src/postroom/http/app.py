"""Builds the application; every route is listed here."""

import os
from typing import TYPE_CHECKING

import falcon
import structlog

from postroom.actions.errors import RequestRefused
from postroom.config import load_config
from postroom.http import problems
from postroom.http.request_log import REQUEST_ID, RequestLog
from postroom.http.sharing_details import PATH, SharingDetailsResource
from postroom.log import configure_log
from postroom.storage.sharing_facts import SharingFactsReader
from postroom.wiring import open_installation

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from postroom.storage.database import Database

LOG_FORMAT_VARIABLE = "POSTROOM_LOG_FORMAT"


def create_api(database: "Database") -> "falcon.App[falcon.Request, falcon.Response]":
    """Build the routes on a database."""
    api = falcon.App()
    api.add_route(PATH, SharingDetailsResource(SharingFactsReader(database)))
    api.add_error_handler(Exception, _internal_error)
    api.add_error_handler(RequestRefused, _refused)
    api.add_error_handler(falcon.HTTPNotFound, _no_such_path)
    api.add_error_handler(falcon.HTTPMethodNotAllowed, _wrong_method)
    api.add_error_handler(falcon.HTTPBadRequest, _wrong_method)  # Falcon's word for a method it has never heard of
    return api


def create_app(database: "Database") -> "WSGIApplication":
    """Build what is served: the routes, with a request id and a log line for every answer."""
    return RequestLog(create_api(database))


def app_from_environment() -> "WSGIApplication":
    """Build the application in a server process, which gets its settings through the environment."""
    configure_log(os.environ.get(LOG_FORMAT_VARIABLE, "auto"))
    return create_app(open_installation(load_config()).database)


def _internal_error(request: falcon.Request, response: falcon.Response, error: Exception, _params: object) -> None:
    """Tell the log everything and the caller nothing."""
    structlog.get_logger().error("internal error", request_id=request.env.get(REQUEST_ID), exc_info=error)
    problems.render(response, problems.INTERNAL_ERROR)


def _refused(_request: falcon.Request, response: falcon.Response, error: RequestRefused, _params: object) -> None:
    problems.render(response, problems.PROBLEMS[type(error)])


def _no_such_path(_request: falcon.Request, response: falcon.Response, _error: object, _params: object) -> None:
    problems.render(response, problems.INVALID_URL_PATTERN)


def _wrong_method(_request: falcon.Request, response: falcon.Response, _error: object, _params: object) -> None:
    """Refuse every method but the one that all there is so far is read with."""
    problems.render(response, problems.INVALID_REQUEST_METHOD)
    response.set_header("Allow", "GET")
