"""A server of documents over HTTPS, with the certificate of the test servers; also for what no server should do."""

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.servers.certificate import write_certificate

DRIP = b"drip"  # a document that is sent byte by byte, and has no end


class HttpsServer(ThreadingHTTPServer):
    """Gives the document of a path, or leads elsewhere where that is a URL; keeps what it was asked for."""

    daemon_threads = True

    def __init__(self, folder: Path, documents: Mapping[str, bytes | str]) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        write_certificate(folder)
        self.ca_file = folder / "cert.pem"
        self.documents = documents
        self.asked: list[str] = []
        self.over = threading.Event()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_address[1]}"

    def handle_error(self, *_args: object) -> None:
        """Say nothing of clients that trust us not, or go."""


class _Conversation(BaseHTTPRequestHandler):
    server: HttpsServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        document = self.server.documents.get(self.path.partition("?")[0], b"")
        if isinstance(document, str):
            self.send_response(302)
            self.send_header("Location", document)
        else:
            self.send_response(200 if document else 404)
        self.end_headers()
        if document == DRIP:
            while not self.server.over.is_set():
                self.wfile.write(b" ")
                time.sleep(0.05)
        elif isinstance(document, bytes):
            self.wfile.write(document)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def running_https(folder: Path, documents: Mapping[str, bytes | str]) -> Iterator[HttpsServer]:
    """Serve documents by their paths on a free port of the loopback interface."""
    with HttpsServer(folder, documents) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            server.shutdown()
            thread.join()
