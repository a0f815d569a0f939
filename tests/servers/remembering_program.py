"""Postroom as it must not be: each process of its server keeps the facts of a request for the next one."""

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from postroom.cli.main import main
from postroom.http import app, server
from postroom.storage.sharing_facts import RequestFacts, SharingFactsReader

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_Question = tuple[bytes, str, int]


class RememberingReader(SharingFactsReader):
    """Reads each fact once."""

    _known: ClassVar[dict[_Question, RequestFacts | None]] = {}

    def read(self, token_hash: bytes, key: str, record_id: int) -> RequestFacts | None:
        question = (token_hash, key, record_id)
        if question not in self._known:
            self._known[question] = super().read(*question)
        return self._known[question]


def application() -> "WSGIApplication":
    """Build Postroom's application with that reader."""
    app.SharingFactsReader = RememberingReader
    return app.app_from_environment()


if __name__ == "__main__":
    server.serve = partial(server.serve, application="remembering_program:application")
    main()
