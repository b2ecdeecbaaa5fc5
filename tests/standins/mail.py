"""A stand-in mail server on loopback: keeps what it accepts, and fails on demand.

Real SMTP by aiosmtpd, with STARTTLS or TLS from the start (certificate for 127.0.0.1 only, so
that connecting by name is a mismatch), AUTH, answers by recipient, and lines that break.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

CERTIFICATE = Path(__file__).with_name("mail.pem")
USER, PASSWORD = "watch", "open sesame"


@dataclass(frozen=True)
class Mail:
    """One accepted message as it came over the line."""

    sender: str
    recipient: str
    raw: bytes
    encrypted: bool
    user: str

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


def trusting() -> ssl.SSLContext:
    """A client's context that knows this server's certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


class MailServer:
    """Use as a context manager.

    Args:
        security: what it offers.
        login: whether it wants USER and PASSWORD.
    """

    def __init__(
        self, security: Literal["starttls", "tls", "none"] = "starttls", *, login: bool = True
    ) -> None:
        self.mails: list[Mail] = []
        self.recipients: dict[str, str] = {}  #: what to answer RCPT with, "250 OK" if not here
        self.answers: list[str] = []  #: what to answer the next texts with, in order
        self.drops: list[str] = []  #: "before" (RCPT) or "after" (the text): hang up, once each
        self.hangs: list[float] = []  #: seconds to sit on an accepted text, once each
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(CERTIFICATE)
        auth: dict[str, Any] = {}
        if login:  # aiosmtpd counts no line as encrypted but after STARTTLS
            by_starttls = security == "starttls"
            auth = {"auth_required": by_starttls, "auth_require_tls": by_starttls}
            auth["authenticator"] = _authenticated
        self._controller = _Controller(
            _Handler(self),
            hostname="127.0.0.1",
            port=0,
            server_hostname="mail.example",
            ssl_context=context if security == "tls" else None,
            tls_context=context if security == "starttls" else None,
            require_starttls=security == "starttls",
            **auth,
        )

    @property
    def port(self) -> int:
        server = self._controller.server
        assert isinstance(server, asyncio.Server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    def __enter__(self) -> MailServer:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


class _Controller(Controller):
    """aiosmtpd's, which tries its own port by a connection, at the port the system chose."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def _authenticated(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
) -> AuthResult:
    right = isinstance(given, LoginPassword) and given == LoginPassword(
        USER.encode(), PASSWORD.encode()
    )
    return AuthResult(success=right, auth_data=USER if right else None, handled=False)


class _Handler:
    def __init__(self, mail: MailServer) -> None:
        self.mail = mail

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "before" in self.mail.drops:
            self.mail.drops.remove("before")
            server.transport.abort()
        answer = self.mail.recipients.get(address, "250 OK")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.mail.answers.pop(0) if self.mail.answers else "250 kept"
        if answer.startswith("2"):
            self._keep(server, session, envelope)
        if self.mail.hangs:
            await asyncio.sleep(self.mail.hangs.pop(0))
        if "after" in self.mail.drops:
            self.mail.drops.remove("after")
            server.transport.abort()
        return answer

    def _keep(self, server: SMTP, session: Session, envelope: Envelope) -> None:
        for recipient in envelope.rcpt_tos:
            self.mail.mails.append(
                Mail(
                    str(envelope.mail_from),
                    recipient,
                    bytes(envelope.content or b""),
                    server.transport.get_extra_info("ssl_object") is not None,
                    str(session.auth_data or ""),
                )
            )
