"""Looks at everything a running monitor leans on and says, line by line, what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from monitor import app, sentiment
from monitor.config import Config, SourceTable
from monitor.resources import packaged
from monitor.seams import (
    DeliveryError,
    Failure,
    Notifier,
    Outcome,
    SourceError,
    UserError,
)
from monitor.store import open_store

LEAST_SPACE = 500 * 1024 * 1024  #: bytes free beside the database
BUILT = datetime(2026, 11, 1, tzinfo=UTC)  #: no true clock stands before this


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    what: str  #: e.g. "slack #acme"
    ok: bool
    said: str  #: what was seen, or what to do


def examine(config: Config) -> Iterator[Finding]:
    """One finding for each thing, in the order in which a new installation meets them."""
    yield _finding(
        "model", lambda: f"loaded ({sentiment.load(packaged('model.json').parent).name})"
    )
    yield _finding("clock", _clock)
    yield _finding("database", partial(_database, config))
    if config.monitor.database.startswith("sqlite:///"):
        yield _finding("disk", partial(_disk, config))
    if config.web and config.web.public_url:
        yield _finding("hubs", partial(_hubs, config))
    yield from _channels(config)
    yield from _sources(config)


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except (UserError, Failure, OSError) as e:
        return Finding(what, False, str(e))


def _clock() -> str:
    now = app.now()
    if now < BUILT:
        raise UserError(f"it shows {now:%Y-%m-%d}: set this machine's clock (NTP)")
    return f"{now:%Y-%m-%d %H:%M} UTC"


def _database(config: Config) -> str:
    store = open_store(config.monitor.database)
    try:
        if problems := store.check():
            raise UserError("; ".join(problems))
        return f"sound, schema {store.schema()[0]}"
    finally:
        store.close()


def _disk(config: Config) -> str:
    folder = Path(config.monitor.database.removeprefix("sqlite:///")).absolute().parent
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: create it")
    free = shutil.disk_usage(folder).free
    if free < LEAST_SPACE:
        raise UserError(f"{free // 2**20} MB free in {folder}: make room or set [privacy] keep")
    return f"{free // 2**20} MB free"


def _hubs(config: Config) -> str:
    push = app.push(config, app.fetcher(config))
    if push is None:
        raise UserError(app.UNREACHED)
    return f"asked to tell us at {push.url}"


def _channels(config: Config) -> Iterator[Finding]:
    try:
        speaking = app.speakers(config, Console())
        targets = {
            target
            for brand in config.brand
            for target in (*app.card_targets(config, brand), *app.digest_targets(config, brand))
        }
    except UserError as e:
        yield Finding("channels", False, str(e))
        return
    for target in sorted(targets):
        kind, _, address = target.partition(":")
        yield _finding(f"{kind} {address}".strip(), partial(_reach, speaking[kind], address))


def _reach(speaker: Notifier, address: str) -> str:
    try:
        return speaker.check(address)
    except DeliveryError as e:
        if e.outcome is Outcome.OPERATOR:  # says itself what to do
            raise
        raise UserError(f"{e}; correct its table in the configuration, or try again later") from e


def _sources(config: Config) -> Iterator[Finding]:
    if not config.source:
        yield Finding("sources", False, "none: add a [[source]] (docs/sources.md)")
    tools = app.tools(config)
    for table in config.source:
        yield _finding(f"source {table.name}", partial(_poll, table, tools))


def _poll(table: SourceTable, tools: app.Tools) -> str:
    try:
        return f"{len(app.source(table, tools).poll('').posts)} posts"
    except SourceError as e:
        mend = (
            "ask its owner to let us in" if e.blocked else "try its url in a browser and correct it"
        )
        raise UserError(f"{e}; {mend}, or remove the source") from e
