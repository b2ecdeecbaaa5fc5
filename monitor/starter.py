"""The first configuration: answers in, a commented TOML file out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from monitor import app, config
from monitor.toml import quoted, unique


@dataclass(frozen=True, slots=True)
class Answers:
    """What ``monitor init`` asked."""

    brand: str
    aliases: tuple[str, ...] = ()
    site: str = ""
    feeds: tuple[str, ...] = ()
    every: str = ""  #: how often feeds are read; "": as often as is polite
    slack_channel: str = ""
    digest_to: tuple[str, ...] = ()
    smtp_host: str = ""
    contact: str = ""


def with_smtp(answers: Answers, host: str) -> Answers:
    return replace(answers, smtp_host=host)


def refuse_overwrite(path: Path) -> None:
    """Raises ConfigError where a file stands already."""
    if os.path.lexists(path):
        raise config.ConfigError(f"{path} exists already: edit it, or give another --config PATH")


def write(path: Path, answers: Answers) -> None:
    """Check and write the file.

    Raises:
        ConfigError: an answer cannot be used, or the file cannot be written.
    """
    text = "\n".join(_lines(answers)) + "\n"
    _check(config.parse(text, "init"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        raise config.ConfigError(f"{path}: cannot be written: {e.strerror}") from e


def _check(answered: config.Config) -> None:
    """Build what needs no secret, so that a wrong answer is found now.

    Raises:
        ConfigError
    """
    tools = app.tools(answered)
    for table in answered.source:
        app.source(table, tools)
    if answered.smtp is not None:
        app.mailer(answered.smtp)


def _lines(answers: Answers) -> Iterator[str]:
    yield "# Every key is explained in config/monitor.example.toml."
    yield "[monitor]"
    yield 'database = "sqlite:///monitor.db"'
    yield f"contact = {quoted(answers.contact)}  # sent to the sites that are polled"
    yield ""
    yield "[[brand]]"
    yield f"name = {quoted(answers.brand)}"
    yield f"aliases = {quoted(answers.aliases)}"
    yield f"site = {quoted(answers.site)}"
    for name, url in zip(unique(map(_host, answers.feeds)), answers.feeds, strict=True):
        yield from ("", "[[source]]", f"name = {quoted(name)}", 'kind = "feed"')
        yield f"url = {quoted(url)}"
        if answers.every:
            yield f"every = {quoted(answers.every)}"
    if answers.slack_channel:
        yield from ("", "[slack]", 'bot_token = "env:SLACK_BOT_TOKEN"')
        yield f"channel = {quoted(answers.slack_channel)}"
    if answers.smtp_host:
        yield from ("", "[smtp]", f"host = {quoted(answers.smtp_host)}", "port = 587")
        yield from ('user = ""', '# password = "env:SMTP_PASSWORD"')
        yield f"from = {quoted(answers.digest_to[0] if answers.digest_to else 'monitor@localhost')}"
        yield from ("", "[digest]", f"to = {quoted(answers.digest_to)}")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "feed")[:90]
    except ValueError:
        return "feed"  # the address is refused later, with what to do
