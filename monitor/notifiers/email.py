"""The digest by SMTP: one mail a recipient, verified TLS, no password over an open line.

A mail server cannot be asked whether it took a message. So when the line breaks after the text
began to flow, we wait 15 minutes, send it once more under the same Message-ID (mailboxes that
fold equal ids show it once), and then take it for delivered.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import re
import smtplib
import ssl
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, formataddr, parseaddr
from typing import Literal, get_args

import certifi

from monitor import digest, text
from monitor.domain import Delivery, Receipt
from monitor.notifiers.digest_mail import render
from monitor.seams import Clock, DeliveryError, Lookup, Outcome

Security = Literal["starttls", "tls", "none"]

RESEND_AFTER = timedelta(minutes=15)
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}")


class Email:
    """Mails digests through one server.

    Args:
        security: "starttls" (usually port 587), "tls" (usually 465), or "none", which may log in
            on loopback only.
        user, password: both, or both empty for a server that asks for none.
        sender: an address, with or without a name: ``Mention Watch <watch@acme.example>``.
        timeout: seconds for each answer of the server.
        context: whom to trust; by default the system's authorities and certifi's.

    Raises:
        ValueError: one line for the operator.
    """

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        user: str,
        password: str,
        sender: str,
        clock: Clock,
        *,
        timeout: float = 20,
        context: ssl.SSLContext | None = None,
    ) -> None:
        _check_login(host, security, user, password)
        self._host, self._port, self._security = host, port, security
        self._user, self._password = user, password
        self._sender = Sender.parse(sender)
        self._clock, self._timeout = clock, timeout
        self._context = context or _trusted()
        self._repeated: set[str] = set()  #: deliveries that were sent a second time in doubt

    def send(self, delivery: Delivery) -> Receipt:
        """Hand one digest to the server.

        Raises:
            DeliveryError
        """
        message = self._message(delivery)
        smtp = self._open()
        try:
            self._hand_over(smtp, _recipient(delivery), message.as_bytes())
            with contextlib.suppress(OSError):
                smtp.quit()  # accepted is accepted, whatever the goodbye
        finally:
            smtp.close()
        return Receipt(_recipient(delivery), str(message["Message-ID"]))

    def find(self, delivery: Delivery) -> Receipt | Lookup:
        """UNKNOWN for 15 minutes, ABSENT once, so that it is sent again, then taken for delivered.

        What was sent again is remembered by this process only: a restart amid the doubt may cost
        one more copy, but never the digest.
        """
        if delivery.started_at is None:
            return Lookup.ABSENT
        if self._clock() < delivery.started_at + RESEND_AFTER:
            return Lookup.UNKNOWN
        if delivery.id in self._repeated:
            # The line broke twice after a whole text: rather there twice than not at all, and a
            # third copy would help nobody.
            self._repeated.discard(delivery.id)
            return Receipt(_recipient(delivery))
        self._repeated.add(delivery.id)
        return Lookup.ABSENT

    def check(self, address: str) -> str:
        """Connection, encryption, login, sender and recipient, without a mail.

        Raises:
            DeliveryError
        """
        recipient = _address(address)
        smtp = self._open()
        try:
            self._address_to(smtp, recipient)
            with contextlib.suppress(OSError):
                smtp.quit()  # without a text nothing is sent
        finally:
            smtp.close()
        return f"{self._host}:{self._port} takes mail for {recipient} ({self._security})"

    def _message(self, delivery: Delivery) -> EmailMessage:
        if delivery.kind != "digest":
            raise DeliveryError("mail carries digests only, no cards", Outcome.NEVER)
        try:
            figures = digest.from_json(delivery.frozen)
        except ValueError as e:
            raise DeliveryError(f"the stored digest cannot be read: {e}", Outcome.NEVER) from e
        return compose(figures, self._sender, _recipient(delivery), self._clock())

    def _open(self) -> smtplib.SMTP:
        """A connection, encrypted and logged in as configured.

        Raises:
            DeliveryError: LATER if the line or the server failed, OPERATOR if a person must act.
        """
        smtp: smtplib.SMTP | None = None
        try:
            smtp = self._connected()
            smtp.ehlo_or_helo_if_needed()
            if self._security == "starttls":
                smtp.starttls(context=self._context)
                smtp.ehlo()
            if self._user:
                smtp.login(self._user, self._password)
        except (OSError, ValueError) as e:  # smtplib's errors are OSErrors
            if smtp is not None:
                smtp.close()
            raise self._not_open(e) from None
        return smtp

    def _connected(self) -> smtplib.SMTP:
        # Without a name of ours smtplib would look one up, which may take long.
        name, timeout = self._sender.domain, self._timeout
        if self._security == "tls":
            return smtplib.SMTP_SSL(
                self._host, self._port, name, timeout=timeout, context=self._context
            )
        return smtplib.SMTP(self._host, self._port, name, timeout=timeout)

    def _not_open(self, error: Exception) -> DeliveryError:
        """What it means that no session came about: nothing of the mail was said yet."""
        where = f"mail server {self._host}:{self._port}"
        if isinstance(error, smtplib.SMTPResponseException):
            lasting = Outcome.OPERATOR
            if isinstance(error, smtplib.SMTPAuthenticationError):
                where += " refused user and password: check [smtp] user and password"
            return _answered(where, error.smtp_code, error.smtp_error, lasting)
        if isinstance(error, ssl.SSLError):
            why = getattr(error, "verify_message", "") or error.reason or "handshake failed"
            return DeliveryError(f"{where}: TLS: {why}", Outcome.OPERATOR)
        if isinstance(error, smtplib.SMTPServerDisconnected):
            return DeliveryError(f"{where}: hung up", Outcome.LATER)
        if isinstance(error, smtplib.SMTPException):
            return DeliveryError(f"{where}: {error} Check [smtp].", Outcome.OPERATOR)
        return DeliveryError(f"{where}: not reached: {error}", Outcome.LATER)

    def _hand_over(self, smtp: smtplib.SMTP, recipient: str, mail: bytes) -> None:
        """Say sender, recipient and text.

        Raises:
            DeliveryError: AMBIGUOUS only once the text began to flow.
        """
        self._address_to(smtp, recipient)
        answer: tuple[int, bytes | str]
        try:
            answer = smtp.data(mail)
        except smtplib.SMTPDataError as e:
            answer = e.smtp_code, e.smtp_error
        except OSError as e:
            why = f"mail server {self._host}: line broke during the text: {type(e).__name__}"
            raise DeliveryError(why, Outcome.AMBIGUOUS) from None
        _accepted("text", answer, Outcome.NEVER)

    def _address_to(self, smtp: smtplib.SMTP, recipient: str) -> None:
        """Raises: DeliveryError"""
        try:
            _accepted("sender", smtp.mail(self._sender.address), Outcome.OPERATOR)
            _accepted(f"recipient {recipient}", smtp.rcpt(recipient), Outcome.NEVER)
        except OSError as e:
            why = f"mail server {self._host}: line broke before the text: {type(e).__name__}"
            raise DeliveryError(why, Outcome.LATER) from None


# -- the message ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a mail comes from."""

    name: str
    address: str

    @classmethod
    def parse(cls, given: str) -> Sender:
        """Raises: ValueError"""
        name, address = parseaddr(given)
        if not given.isprintable() or not _ADDRESS.fullmatch(address):
            raise ValueError(f"{given!r} is no mail address to send from: watch@acme.example is")
        return cls(_header(name), address)

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def compose(figures: digest.Figures, sender: Sender, to: str, now: datetime) -> EmailMessage:
    """The mail of one recipient; every try of it has the same bytes, its Date apart."""
    rendered = render(figures)
    slug, week = _slug(figures.brand), _slug(figures.week).upper()
    mark = hashlib.sha256(f"{figures.brand}\n{figures.week}\n{to.lower()}".encode()).hexdigest()
    message = EmailMessage(policy=_Unbroken(linesep="\r\n", max_line_length=76))
    message["Subject"] = _header(rendered.subject)
    message["From"] = formataddr((sender.name, sender.address))
    message["To"] = to
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<digest.{slug}.{week}.{mark[:12]}@{sender.domain}>"
    message["List-Id"] = f"<{slug}.digest.{sender.domain}>"
    message["List-Unsubscribe"] = f"<mailto:{sender.address}?subject=unsubscribe>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    message.set_boundary(f"=_{mark[12:36]}")  # "=_" cannot occur in quoted-printable text
    return message


class _Unbroken(EmailPolicy):
    """Leaves ASCII headers on one line: folding would encode List-Id and List-Unsubscribe."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if value.isascii():
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


def _header(raw: str) -> str:
    """One line without control characters: nothing can begin a header of its own."""
    return text.cut(" ".join(text.clean(raw).split()), 200)


def _slug(name: str) -> str:
    """``Zoë & Co`` to ``zoe-co``; at most 30 characters of a-z, 0-9 and hyphen."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:30] or "brand"


def _recipient(delivery: Delivery) -> str:
    """Raises: DeliveryError"""
    return _address(delivery.target.partition(":")[2])


def _address(given: str) -> str:
    """Raises: DeliveryError"""
    if not _ADDRESS.fullmatch(given):
        raise DeliveryError(f"{given!r} is no mail address", Outcome.NEVER)
    return given


# -- the server ----------------------------------------------------------------------


def _check_login(host: str, security: str, user: str, password: str) -> None:
    """Raises: ValueError"""
    if security not in get_args(Security):
        raise ValueError(f"{security!r} is no kind of security: give starttls, tls or none")
    if bool(user) != bool(password):
        raise ValueError("user and password go together: give both or neither")
    if not (user + password).isascii():
        raise ValueError("user and password must be ASCII, SMTP can log in with no other")
    if user and security == "none" and not _is_loopback(host):
        raise ValueError(f"the password would go to {host} unencrypted: use starttls or tls")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _accepted(what: str, answer: tuple[int, bytes | str], lasting: Outcome) -> None:
    """Raises: DeliveryError: the server refused ``what``."""
    code, said = answer
    if not 200 <= code < 300:
        raise _answered(f"mail server refused the {what}", code, said, lasting)


def _answered(why: str, code: int, said: bytes | str, lasting: Outcome) -> DeliveryError:
    """4yz passes (RFC 5321, 4.2.1), 5yz is ``lasting``; -1 is an answer that was none."""
    words = said if isinstance(said, str) else said.decode("utf-8", "replace")
    outcome = lasting if 500 <= code < 600 else Outcome.LATER
    return DeliveryError(f"{why}: {code} {text.cut(_header(words), 120)}", outcome)
