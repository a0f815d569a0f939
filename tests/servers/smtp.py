"""A scripted submission server (aiosmtpd): what it refuses, the test says."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "secret"


@dataclass
class Script:
    """What the server answers in place of yes, and what it was sent.

    What stands in `meanwhile` under a command is done once, before that command is answered.
    """

    meanwhile: dict[str, Callable[[], object]] = field(default_factory=dict)
    recipients: dict[str, str] = field(default_factory=dict)
    sender: str = "250 OK"
    text: str = "250 OK"
    hangs_up_after_text: bool = False
    password_is_refused: bool = False
    received: list[Envelope] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 (aiosmtpd finds it by this name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._wait_for("MAIL")
        if self.sender.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.sender

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.recipients.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self._wait_for("DATA")
        if self.text.startswith("250"):
            self.received.append(envelope)
        if self.hangs_up_after_text:
            assert server.transport is not None
            server.transport.abort()
        return self.text

    async def _wait_for(self, command: str) -> None:
        work = self.meanwhile.pop(command, None)
        if work is not None:
            await asyncio.to_thread(work)

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        is_right = not self.password_is_refused and data.password == PASSWORD.encode()
        return AuthResult(success=is_right, handled=False)


@dataclass(frozen=True)
class SmtpServer:
    port: int
    script: Script


@contextmanager
def running_smtp(certificate: Path | None = None, *, tls: bool = False) -> Iterator[SmtpServer]:
    """Serve on a free port; with a certificate by STARTTLS, or from the first byte."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    script = Script()
    controller = _Controller(
        script,
        hostname="127.0.0.1",
        port=0,
        server_hostname="mx.test.example",
        authenticator=script.authenticate,
        auth_required=context is not None and not tls,  # with TLS from the first byte it sees none to require
        auth_require_tls=context is not None and not tls,
        tls_context=None if tls else context,
        ssl_context=context if tls else None,
    )
    controller.start()
    try:
        yield SmtpServer(controller.server.sockets[0].getsockname()[1], script)
    finally:
        controller.stop()


class _Controller(Controller):
    """Finds out which port it was given before it tries it."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()
