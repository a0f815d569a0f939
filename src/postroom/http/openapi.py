"""The description of both APIs, for anybody and any tool."""

from importlib.resources import files

import falcon

from postroom.http.problems import JSON


class OpenApi:
    """Answers openapi.json, which lies beside this module."""

    def __init__(self) -> None:
        self._description = files("postroom.http").joinpath("openapi.json").read_bytes()

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        """Answer the file as it is."""
        response.content_type = JSON
        response.data = self._description

    def on_options(self, *_args: object, **_params: object) -> None:
        """Refuse what Falcon would answer by itself."""
        raise falcon.HTTPMethodNotAllowed([])
