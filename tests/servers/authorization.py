"""An authorization server (RFC 6749, RFC 7636, RFC 7662): browsers are led back at once; Dovecot asks."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "postroom", "client secret"
LIFETIME = 3600


class AuthorizationServer(ThreadingHTTPServer):
    """What it granted, and what a test wants it to refuse."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.codes: dict[str, Mapping[str, str]] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.access_tokens: dict[str, str] = {}
        self.requests: list[Mapping[str, str]] = []
        self.answer_in_place: tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def revoke(self, username: str) -> None:
        """Let nobody in any more whom this user allowed it."""
        for tokens in (self.refresh_tokens, self.access_tokens):
            for token in [token for token, name in tokens.items() if name == username]:
                del tokens[token]

    def grant(self, username: str) -> dict[str, object]:
        """Give tokens for a user's mail; each refresh token is good once."""
        access, refresh = secrets.token_urlsafe(), secrets.token_urlsafe()
        self.access_tokens[access], self.refresh_tokens[refresh] = username, username
        return {"access_token": access, "token_type": "Bearer", "expires_in": LIFETIME, "refresh_token": refresh}


class _Conversation(BaseHTTPRequestHandler):
    server: AuthorizationServer

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        if path == "/.well-known/openid-configuration":
            url = self.server.url
            endpoints = {"authorization_endpoint": f"{url}/authorize", "token_endpoint": f"{url}/token"}
            self._answer(200, {"issuer": url} | endpoints)
            return
        code = secrets.token_urlsafe()
        self.server.codes[code] = query
        self.send_response(302)
        self.send_header("Location", f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        if self.path == "/introspect":
            username = self.server.access_tokens.get(form.get("token", ""))
            self._answer(200, {"active": username is not None} | ({"username": username} if username else {}))
            return
        self.server.requests.append(form)
        if self.server.answer_in_place is not None:
            self._send(*self.server.answer_in_place)
            return
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            self._answer(401, {"error": "invalid_client"})
            return
        username = self._username(form)
        if username is None:
            self._answer(400, {"error": "invalid_grant"})
        else:
            self._answer(200, self.server.grant(username))

    def _username(self, form: Mapping[str, str]) -> str | None:
        """Give whose mail a code or a refresh token opens, each of which is good once."""
        if form.get("grant_type") == "refresh_token":
            return self.server.refresh_tokens.pop(form.get("refresh_token", ""), None)
        asked = self.server.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return None
        return asked["login_hint"]

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(body).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def running_authorization_server() -> Iterator[AuthorizationServer]:
    """Serve on a free port of the loopback interface."""
    with AuthorizationServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
