"""The first configuration: answers in, a commented TOML file out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from monitor import app, config


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


def _toml(value: str | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(_toml(v) for v in value)}]"


def _lines(answers: Answers) -> Iterator[str]:
    yield "# Every key is explained in config/monitor.example.toml."
    yield "[monitor]"
    yield 'database = "sqlite:///monitor.db"'
    yield f"contact = {_toml(answers.contact)}  # sent to the sites that are polled"
    yield ""
    yield "[[brand]]"
    yield f"name = {_toml(answers.brand)}"
    yield f"aliases = {_toml(answers.aliases)}"
    yield f"site = {_toml(answers.site)}"
    for name, url in _named(answers.feeds):
        yield from ("", "[[source]]", f"name = {_toml(name)}", 'kind = "feed"')
        yield f"url = {_toml(url)}"
        if answers.every:
            yield f"every = {_toml(answers.every)}"
    if answers.slack_channel:
        yield from ("", "[slack]", 'bot_token = "env:SLACK_BOT_TOKEN"')
        yield f"channel = {_toml(answers.slack_channel)}"
    if answers.smtp_host:
        yield from ("", "[smtp]", f"host = {_toml(answers.smtp_host)}", "port = 587")
        yield from ('user = ""', '# password = "env:SMTP_PASSWORD"')
        yield f"from = {_toml(answers.digest_to[0] if answers.digest_to else 'monitor@localhost')}"
        yield from ("", "[digest]", f"to = {_toml(answers.digest_to)}")


def _named(feeds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each feed with a name of its own, made of its host."""
    used: set[str] = set()
    for url in feeds:
        host = _host(url)
        name = next(
            n for i in range(1, 1000) if (n := host if i == 1 else f"{host}-{i}") not in used
        )
        used.add(name)
        yield name, url


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "feed")[:90]
    except ValueError:
        return "feed"  # the address is refused later, with what to do
