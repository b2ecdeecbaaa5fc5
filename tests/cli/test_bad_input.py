"""What bad input gets: one clear line or a state in ``monitor status``; nothing is lost by it, and
nothing else stops."""

from __future__ import annotations

import gzip
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.using import BRAND, COMPLAINT, Said, Shell, rss, source
from tests.standins import web as sites
from tests.standins.mail import PASSWORD, MailServer
from tests.standins.slack import TOKEN, SlackServer
from tests.standins.web import Reply, Route, Web

BRAND_TOML = f'[[brand]]\nname = "{BRAND}"\n'
CANARY = "canary-7d1f3b"  #: part of every secret here; may be seen nowhere


def write(folder: Path, text: str) -> Shell:
    (folder / "monitor.toml").write_text(text, "utf-8")
    return Shell(folder)


# -- configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (BRAND_TOML + "[alerts]\ncomplaint = 0.5\ncolour = 1\n", ("alerts.colour", "unknown key")),
        (BRAND_TOML + "[alerts]\ncomplaint = 'much'\n", ("alerts.complaint", "number")),
        (
            BRAND_TOML + "[slack]\nchannel='#a'\nbot_token='env:NOT_SET'\n",
            ("slack.bot_token", "NOT_SET"),
        ),
        (
            BRAND_TOML + f"[slack]\nchannel='#a'\nbot_token='{CANARY}'\n",
            ("slack.bot_token", "env:NAME"),
        ),
        (
            BRAND_TOML + "[[source]]\nname='a'\nkind='feed'\nurl='ftp://a/'\n",
            ("source 'a'", "http://"),
        ),
        (BRAND_TOML + "[[brand]\n", ("not valid TOML",)),
    ],
)
def test_a_wrong_configuration_is_one_line_and_2(
    tmp_path: Path, text: str, names: tuple[str, ...]
) -> None:
    line = write(tmp_path, text)("once", status=2).complaint
    assert all(name in line for name in names), line
    assert CANARY not in line


# -- the database --------------------------------------------------------------------


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "text.db").write_text("I am a diary.\n" * 500)
    other = sqlite3.connect(tmp_path / "other.db")
    with closing(other):
        other.execute("CREATE TABLE diary (day TEXT)")
    for name, advice in {
        "folder.db": "is a folder",
        "text.db": "not an SQLite database",
        "none/m.db": "create it",
        "other.db": "another program",
    }.items():
        shell = write(tmp_path, f'[monitor]\ndatabase = "sqlite:///{name}"\n{BRAND_TOML}')
        assert advice in shell("once", status=1).complaint


def test_a_damaged_database_is_refused_kept_and_the_newest_backup_named(tmp_path: Path) -> None:
    shell = write(tmp_path, f'[monitor]\ndatabase = "sqlite:///m.db"\n{BRAND_TOML}')
    shell("once")
    backups = tmp_path / "backups"
    backups.mkdir()
    for age, name in enumerate(("new.db", "old.db")):
        shell("db", "backup", f"backups/{name}")
        os.utime(backups / name, (2e9 - age, 2e9 - age))
    file = tmp_path / "m.db"
    sound = file.read_bytes()
    damaged = sound[:4096] + b"\x5a" * (len(sound) - 8192) + sound[-4096:]
    file.write_bytes(damaged)
    for words in (("once",), ("db", "check")):
        line = shell(*words, status=1).complaint
        assert "damaged" in line
        assert str(Path("backups/new.db")) in line
        assert "old.db" not in line
    assert file.read_bytes() == damaged


# -- feeds ---------------------------------------------------------------------------

FEED = rss(COMPLAINT)
PACKED = gzip.compress(FEED.encode())
TWO = rss(COMPLAINT, ("Another", "Text", "Bo"))
LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + "".join(
        f'<!ENTITY {n} "{f"&{m};" * 10}">' for m, n in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]><rss version='2.0'><channel><title>&j;</title><item><title>&j;</title></item>"
    "</channel></rss>"
)
LATIN = "".join(FEED).replace("Imke", "Zoë Quiltworks").encode("latin-1")


@dataclass(frozen=True)
class Bad:
    """A feed and what is expected of it."""

    route: Route
    state: str
    says: str = ""  #: in the error that status shows
    row: str = ""  #: in its line of the table
    rejected: int = 0


def _later(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


BAD = {
    "html": Bad("<!doctype html><html><body>Welcome</body></html>", "blocked", "HTML page"),
    "captcha": Bad("<html><title>Just a moment...</title></html>", "blocked", "captcha page"),
    "login": Bad("<html><title>Log in</title></html>", "blocked", "login"),
    "empty": Bad("", "failing", "empty"),
    "cut off": Bad(sites.cut_off(FEED), "failing", "cut off"),
    "breaks off": Bad(TWO[: TWO.rindex("<item>") + 9], "ok", rejected=1),
    "nothing left": Bad(TWO[: TWO.index("<item>")], "failing", "breaks off"),
    "50 MB": Bad(sites.flood(50), "failing", "more than 10,000,000 bytes"),
    "wrong charset": Bad(LATIN, "ok"),
    "gzip bomb": Bad(sites.gzip_bomb(200), "failing", "more than 10,000,000 bytes"),
    "broken gzip": Bad(
        Reply(PACKED[:90] + PACKED[99:], headers={"Content-Encoding": "gzip"}), "failing", "damaged"
    ),
    "billion laughs": Bad(LAUGHS, "ok"),
    "redirect loop": Bad(lambda seen: sites.redirect(seen.target), "failing", "circle"),
    "redirect inside": Bad(
        sites.redirect("http://127.0.2.1:1/"), "failing", "not a public address"
    ),
    "403": Bad(Reply("no", 403), "blocked", "refuses us (403)"),
    "410": Bad(Reply("gone", 410), "parked", "gone for good (410)"),
    "429 seconds": Bad(sites.slow_down("7200"), "blocked", "less often", "in 1 h"),
    "429 date": Bad(sites.slow_down(_later(7205)), "blocked", "less often", "in 1 h"),
    "500": Bad(Reply("oh", 500), "failing", "is failing (500)"),
}


@dataclass(frozen=True)
class Round:
    """One ``monitor once`` over all of them, and what was seen after it."""

    shell: Shell
    said: Said
    status: dict[str, Any]
    table: str
    good: Web


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    """Each feed lives at an address of its own: a site that asks for rest rests as a whole."""
    with ExitStack() as stack:
        good = stack.enter_context(Web({"/feed": FEED}, address="127.0.1.1"))
        urls = {"good": good.url(f"/feed?key={CANARY}")}
        for number, (name, bad) in enumerate(BAD.items(), 2):
            site = stack.enter_context(Web({"/feed": bad.route}, address=f"127.0.1.{number}"))
            urls[name] = site.url(f"/feed?key={CANARY}")
        shell = write(
            tmp_path_factory.mktemp("bad"),
            '[http]\nallow_private = ["127.0.1.0/24"]\n'
            f'{BRAND_TOML}\n[alerts]\nbacklog = "1d"\n' + "".join(map(source, urls, urls.values())),
        )
        said = shell("once")
        yield Round(shell, said, shell.status(), shell("status").out, good)


def test_beside_all_that_is_bad_the_good_feed_is_read_and_its_complaint_told(after: Round) -> None:
    assert after.status["sources"]["good"]["state"] == "ok"
    assert f"{len(BAD) + 1} sources polled" in after.said.out
    assert COMPLAINT[0] in after.said.out
    assert after.status["incidents"] == {"open": 1}


@pytest.mark.parametrize("name", BAD)
def test_each_bad_feed_is_a_state_in_status(after: Round, name: str) -> None:
    bad, seen = BAD[name], after.status["sources"][name]
    assert seen["state"] == bad.state
    assert bad.says in seen["error"]
    assert (seen["error"] == "") == (bad.state == "ok")
    assert seen["rejected"] == bad.rejected
    assert "\n" not in seen["error"]
    (row,) = (line for line in after.table.splitlines() if line.startswith(f"{name}  "))
    assert bad.row in row


def test_a_wrong_charset_costs_no_post(after: Round) -> None:
    found = after.shell("mentions", "--jsonl").jsonl
    assert {m["author"] for m in found if m["source"] == "wrong charset"} == {"Zoë Quiltworks"}


def test_the_key_in_a_feeds_address_is_seen_nowhere(after: Round) -> None:
    assert CANARY in after.good.seen[0].target
    shown = [after.said.out, after.said.err, after.table, str(after.status)]
    assert not [text for text in shown if CANARY in text]
    assert_nowhere(after.shell.folder)


def assert_nowhere(folder: Path) -> None:
    """No file but the configuration holds the canary."""
    files = [f for f in folder.rglob("*") if f.is_file() and f.name != "monitor.toml"]
    assert files
    assert [f.name for f in files if CANARY.encode() in f.read_bytes()] == []


# -- Slack and mail ------------------------------------------------------------------

CHANNELS = ("limited", "broken", "dropped", "missing", "heard")


def closed_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def due_now(folder: Path) -> None:
    """Let the waits of the outbox and of its channels be over."""
    with closing(sqlite3.connect(folder / "monitor.db")) as database:
        database.execute("UPDATE outbox SET due_at = asked_at WHERE due_at IS NOT NULL")
        database.execute("DELETE FROM pauses")
        database.commit()


def channels(feed: str, slack: SlackServer, smtp_port: int) -> str:
    """A brand for each channel, and one feed that complains of all of them."""
    brands = "".join(
        f'[[brand]]\nname = "Quiltworks {name}"\nslack_channel = "#{name}"\n' for name in CHANNELS
    )
    return (
        f'[http]\nallow_private = ["127.0.0.0/8"]\n[alerts]\nbacklog = "1d"\n{brands}'
        f'[slack]\nbot_token = "env:SLACK"\nchannel = "#other"\napi_url = "{slack.url}"\n'
        f'[smtp]\nhost = "127.0.0.1"\nport = {smtp_port}\nstarttls = false\nuser = "watch"\n'
        'password = "file:smtp.secret"\nfrom = "watch@acme.example"\n'
        f'[digest]\nto = ["ana@acme.example"]\n' + source("blog", feed)
    )


def test_whatever_slack_and_mail_do_nothing_is_lost_or_told_twice(tmp_path: Path) -> None:
    told = [
        (f"Paid {name}", f"The download link of Quiltworks {name} is broken, 404. Refund me.", "I")
        for name in CHANNELS
    ]
    slack = SlackServer(tuple(name for name in CHANNELS if name != "missing"))
    (tmp_path / "smtp.secret").write_text(f"{CANARY}-mail")
    with slack, Web({"/feed": rss(*told)}) as web, MailServer("none") as mail:
        shown = []

        def turn(token: str, port: int, *words: str) -> dict[str, str]:
            """One command; the errors that status then shows, by target."""
            shell = Shell(tmp_path, {"SLACK": token})
            write(tmp_path, channels(web.url("/feed"), slack, port))
            said, status = shell(*words), shell.status()
            shown.extend([said.out, said.err, str(status)])
            due_now(tmp_path)
            return {e["target"]: e["error"] for e in status["outbox"]["errors"]}

        # A token that was revoked: everything waits for the operator, each target says so.
        errors = turn(f"xoxb-{CANARY}", closed_port(), "once")
        assert errors.keys() == {f"slack:#{name}" for name in CHANNELS}
        assert all("invalid_auth" in error for error in errors.values())
        assert not any(slack.messages(name) for name in CHANNELS if name != "missing")

        # The right token, and Slack has a bad day. The deliveries come in the brands' order.
        for fault in ("before:status:429:30", "before:status:500", "after:drop"):
            slack.fault("chat.postMessage", fault)
        errors = turn(TOKEN, closed_port(), "once")
        assert {e.partition(":")[2].split(" ")[0]: bool(e) for e in errors} == dict.fromkeys(
            ("#limited", "#broken", "#dropped", "#missing"), True
        )
        assert "channel_not_found" in errors["slack:#missing"]
        assert "invite" in errors["slack:#missing"]
        assert len(slack.messages("heard")) == 1

        # Mail: no server, then one that refuses the password.
        week = ("digest", "--brand", "Quiltworks heard", "--send")
        assert "not reached" in turn(TOKEN, closed_port(), *week)["email:ana@acme.example"]
        assert "password" in turn(TOKEN, mail.port, *week)["email:ana@acme.example"]

        # All is well again: each card is there once, the one whose answer was lost included.
        slack.channels.append(type(slack.channels[0])("C0MISSING", "missing"))
        assert turn(TOKEN, mail.port, "once").keys() == {"email:ana@acme.example"}
        assert {name: len(slack.messages(name)) for name in CHANNELS} == dict.fromkeys(CHANNELS, 1)
        (tmp_path / "smtp.secret").write_text(PASSWORD)
        assert turn(TOKEN, mail.port, "once") == {}
        assert [m.recipient for m in mail.mails] == ["ana@acme.example"]
        assert not [text for text in shown if CANARY in text]
    assert_nowhere(tmp_path)
