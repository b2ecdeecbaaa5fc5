"""The digest over a real SMTP line: encrypted, once, and honest about what is not known."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from monitor import digest
from monitor.domain import Delivery, Receipt
from monitor.notifiers.email import Email
from monitor.seams import DeliveryError, Lookup, Outcome
from tests.standins.cards import delivery
from tests.standins.mail import PASSWORD, USER, Mail, MailServer, trusting
from tests.standins.weeks import figures

NOW = datetime(2026, 11, 16, 6, 30, tzinfo=UTC)
SENDER = "Mention Watch <watch@acme.example>"
Security = Literal["starttls", "tls", "none"]


def mailer(port: int, security: Security = "starttls", **changes: Any) -> Email:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": security,
        "user": USER,
        "password": PASSWORD,
        "sender": SENDER,
        "clock": lambda: NOW,
        "context": trusting(),
        "timeout": 5,
    }
    return Email(**(given | changes))


def weekly(to: str = "ana@acme.example", **changes: Any) -> Delivery:
    frozen = digest.to_json(changes.pop("figures", figures()))
    return delivery("digest", f"email:{to}", frozen=frozen, **changes)


def refused(email: Email, sent: Delivery | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        email.send(sent or weekly())
    assert "\n" not in str(caught.value)
    assert PASSWORD not in repr(caught.value)
    return caught.value


def sent_mail(**changes: Any) -> Mail:
    with MailServer() as server:
        mailer(server.port).send(weekly(**changes))
        (mail,) = server.mails
    return mail


# -- accepted ------------------------------------------------------------------------


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_digest_goes_encrypted_after_login(security: Security) -> None:
    with MailServer(security) as server:
        receipt = mailer(server.port, security).send(weekly())
        (mail,) = server.mails
    assert (mail.recipient, mail.sender) == ("ana@acme.example", "watch@acme.example")
    assert (mail.encrypted, mail.user) == (True, USER)
    assert receipt == Receipt("ana@acme.example", mail.message["Message-ID"])


def test_without_security_and_login_it_goes_as_it_is() -> None:
    with MailServer("none", login=False) as server:
        mailer(server.port, "none", user="", password="").send(weekly())
        assert [m.encrypted for m in server.mails] == [False]


def test_on_loopback_a_password_may_go_unencrypted() -> None:
    with MailServer("none") as server:
        mailer(server.port, "none").send(weekly())
        assert [m.user for m in server.mails] == [USER]


def test_the_mail_is_text_first_then_html() -> None:
    message = sent_mail().message
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert "Setup link is dead" in text.get_content()
    assert html.get_content().startswith("<!DOCTYPE html>")


def test_every_line_is_short_and_ascii() -> None:
    raw = sent_mail().raw
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    body = raw.split(b"\r\n\r\n", 1)[1]
    assert max(map(len, body.split(b"\r\n"))) <= 76


def test_the_headers_say_what_it_is() -> None:
    message = sent_mail().message
    assert message["Subject"] == figures().subject
    assert message["From"] == SENDER
    assert message["To"] == "ana@acme.example"
    assert message["Date"].datetime == NOW
    assert message["List-Id"] == "<acme.digest.acme.example>"
    assert message["List-Unsubscribe"] == "<mailto:watch@acme.example?subject=unsubscribe>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(
        r"<digest\.acme\.2026-W46\.[0-9a-f]{12}@acme\.example>", message["Message-ID"]
    )


def test_long_addresses_stay_readable_in_list_headers() -> None:
    domain = "notifications.of.a.company.with.a.long.name.acme.example"
    sender = f"a-mailbox-with-a-rather-long-name@{domain}"
    with MailServer() as server:
        mailer(server.port, sender=sender).send(weekly())
        raw = server.mails[0].raw.decode()
    assert f"List-Unsubscribe: <mailto:{sender}?subject=unsubscribe>\r\n" in raw
    assert f"List-Id: <acme.digest.{domain}>\r\n" in raw


def test_a_resend_has_the_same_bytes() -> None:
    assert sent_mail().raw == sent_mail().raw


def test_message_ids_differ_by_brand_week_and_recipient() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"to": "bob@acme.example"},
        {"figures": figures(brand="Other")},
        {"figures": figures(brand="Acmé")},  # the same slug as Acme
        {"figures": figures(week="2026-W47")},
    ]
    ids = {sent_mail(**changes).message["Message-ID"] for changes in others}
    assert len(ids) == len(others)


@pytest.mark.parametrize("brand", ["Acme\r\nBcc: all@e.example", "Zoë & Co", "日本", "x" * 500])
def test_no_brand_name_can_add_a_header(brand: str) -> None:
    message = sent_mail(figures=figures(brand=brand, subject=f"{brand}: 1\r\n\r\nbody")).message
    assert message["Bcc"] is None
    assert message.get_content_type() == "multipart/alternative"
    assert "\n" not in message["Subject"]
    assert len(message["Message-ID"]) < 100


# -- refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 greylisted", Outcome.LATER),
        ("452 too many", Outcome.LATER),
        ("550 no such user", Outcome.NEVER),
        ("553 bad name", Outcome.NEVER),
    ],
)
def test_a_refused_recipient_is_its_own_affair(answer: str, outcome: Outcome) -> None:
    with MailServer() as server:
        server.recipients["ana@acme.example"] = answer
        email = mailer(server.port)
        error = refused(email)
        email.send(weekly("bob@acme.example"))
        assert [m.recipient for m in server.mails] == ["bob@acme.example"]
    assert error.outcome is outcome
    assert answer in str(error)


@pytest.mark.parametrize(
    ("answer", "outcome"), [("451 busy", Outcome.LATER), ("554 spam", Outcome.NEVER)]
)
def test_a_refused_text_was_not_accepted(answer: str, outcome: Outcome) -> None:
    with MailServer() as server:
        server.answers.append(answer)
        assert refused(mailer(server.port)).outcome is outcome
        assert server.mails == []


def test_a_wrong_password_waits_for_the_operator() -> None:
    with MailServer() as server:
        error = refused(mailer(server.port, password="wrong"))
    assert error.outcome is Outcome.OPERATOR
    assert "[smtp] user and password" in str(error)


def test_a_certificate_of_another_name_waits_for_the_operator() -> None:
    with MailServer() as server:
        error = refused(mailer(server.port, host="localhost"))
        assert server.mails == []
    assert error.outcome is Outcome.OPERATOR
    assert "TLS" in str(error)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_nobody_signed_waits_for_the_operator(security: Security) -> None:
    with MailServer(security) as server:
        error = refused(mailer(server.port, security, context=None))
        assert server.mails == []
    assert error.outcome is Outcome.OPERATOR


def test_a_server_without_starttls_gets_no_password() -> None:
    with MailServer("none") as server:
        error = refused(mailer(server.port))
        assert server.mails == []
    assert error.outcome is Outcome.OPERATOR
    assert "STARTTLS" in str(error)


def test_a_server_that_does_not_listen_is_tried_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refused(mailer(port))
    assert error.outcome is Outcome.LATER
    assert f"127.0.0.1:{port}" in str(error)


def test_a_line_that_breaks_before_the_text_is_tried_later() -> None:
    with MailServer() as server:
        server.drops.append("before")
        assert refused(mailer(server.port)).outcome is Outcome.LATER
        assert server.mails == []


@pytest.mark.parametrize("frozen", ["", "{}", "[]", "null", '{"brand": 1}'])
def test_figures_that_cannot_be_read_are_dead(frozen: str) -> None:
    broken = delivery("digest", "email:ana@acme.example", frozen=frozen)
    assert refused(mailer(1), broken).outcome is Outcome.NEVER


@pytest.mark.parametrize(
    "address", ["", "ana", "a@b@c", "ana@acme.example\r\nRCPT TO:<x@y.example>", "é@acme.example"]
)
def test_what_is_no_address_is_dead(address: str) -> None:
    assert refused(mailer(1), weekly(address)).outcome is Outcome.NEVER


def test_cards_are_not_for_mail() -> None:
    card = delivery("post", "email:ana@acme.example")
    assert refused(mailer(1), card).outcome is Outcome.NEVER


# -- not known -----------------------------------------------------------------------


@pytest.mark.parametrize("fault", [lambda s: s.drops.append("after"), lambda s: s.hangs.append(9)])
def test_a_line_that_breaks_after_the_text_is_unclear(fault: Callable[[MailServer], None]) -> None:
    with MailServer() as server:
        fault(server)
        assert refused(mailer(server.port, timeout=0.3)).outcome is Outcome.AMBIGUOUS
        assert len(server.mails) == 1


def test_in_doubt_it_waits_sends_once_more_and_then_believes() -> None:
    now = [NOW]
    with MailServer() as server:
        email = mailer(server.port, clock=lambda: now[0])
        server.drops += ["after", "after"]
        unsure = weekly(started_at=NOW, state="ambiguous")
        refused(email, unsure)
        now[0] += timedelta(minutes=14)
        assert email.find(unsure) is Lookup.UNKNOWN
        now[0] += timedelta(minutes=2)
        assert email.find(unsure) is Lookup.ABSENT
        refused(email, unsure)
        assert email.find(unsure) == Receipt("ana@acme.example")
        first, second = server.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]


def test_what_never_began_is_absent() -> None:
    assert mailer(1).find(weekly(started_at=None)) is Lookup.ABSENT


# -- check ---------------------------------------------------------------------------


def test_a_check_goes_as_far_as_the_recipient_and_sends_nothing() -> None:
    with MailServer() as server:
        seen = mailer(server.port).check("ana@acme.example")
        assert server.mails == []
        assert seen == f"127.0.0.1:{server.port} takes mail for ana@acme.example (starttls)"


def test_a_check_says_who_is_refused() -> None:
    with MailServer() as server:
        server.recipients["ana@acme.example"] = "550 no such user"
        email = mailer(server.port)
        with pytest.raises(DeliveryError, match="550 no such user"):
            email.check("ana@acme.example")
        with pytest.raises(DeliveryError, match="no mail address"):
            email.check("ana")


# -- configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"security": "none", "host": "mail.acme.example"}, "unencrypted"),
        ({"security": "ssl"}, "give starttls, tls or none"),
        ({"password": ""}, "both or neither"),
        ({"user": ""}, "both or neither"),
        ({"password": "pässword"}, "ASCII"),
        ({"sender": "nobody"}, "no mail address"),
        ({"sender": "a@b.example\r\nBcc: c@d.example"}, "no mail address"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        mailer(25, **changes)
    assert "\n" not in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_is_known_in_every_form(host: str) -> None:
    assert mailer(25, "none", host=host)
