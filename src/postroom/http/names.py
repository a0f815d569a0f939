"""Names in paths: a role's name or an e-mail address may hold a slash, which servers hand on decoded (PEP 3333)."""

import re
from urllib.parse import quote, unquote

import falcon
from falcon.routing import BaseConverter

_NAMED = re.compile(r"(/postroom/v1/(?:roles|users)/)(.+)(/[a-z_]+)", re.DOTALL)


class NamesInPaths:
    """Middleware that makes each name one segment of its path again."""

    def process_request(self, request: falcon.Request, _response: falcon.Response) -> None:
        """Encode the name anew; `NameConverter` decodes it once the route is found."""
        found = _NAMED.fullmatch(request.path)
        if found is not None:
            before, name, after = found.groups()
            request.path = f"{before}{quote(name, safe='')}{after}"


class NameConverter(BaseConverter):
    """Gives the name that a segment of a path stands for."""

    def convert(self, value: str) -> str:
        """Decode a segment."""
        return unquote(value)
