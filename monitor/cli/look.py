"""Verbs that only look: status, mentions, incidents, source try, source discover."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Literal

import typer

from monitor.cli.options import AsJson, AsLines, ConfigPath, fail, load, load_if_any, stored

Time = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"],
        metavar="TIME",
        help='When seen: "2026-11-21" or "2026-11-21T08:30:00".',
    ),
]


def status(json: AsJson = False, config: ConfigPath = None) -> None:
    """Sources, outbox, incidents, last digest, model."""
    from monitor import app
    from monitor.cli import show

    with stored(config) as store:
        now = app.now()
        gaps = store.gaps(now - show.GAPS_SINCE, now)
        show.status(store.overview(now), gaps, now, as_json=json)


def mentions(
    brand: str | None = None,
    since: Time = None,
    until: Time = None,
    label: Literal["negative", "neutral", "positive"] | None = None,
    search: Annotated[str | None, typer.Option(help="In title, text and author.")] = None,
    jsonl: AsLines = False,
    csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    config: ConfigPath = None,
) -> None:
    """List or export mentions, newest first. Times are UTC."""
    from monitor.cli import show

    if jsonl and csv:
        fail("mentions: --jsonl and --csv exclude each other: give one", 2)

    with stored(config) as store:
        found = store.mentions(brand, show.utc(since), show.utc(until), label, search)
        show.mentions(found, "jsonl" if jsonl else "csv" if csv else "table")


def incidents(
    open_only: Annotated[bool, typer.Option("--open", help="Only open ones.")] = False,
    json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """List incidents, newest first."""
    from monitor.cli import show

    with stored(config) as store:
        show.incidents(store.incidents(open_only), as_json=json)


def try_source(
    name: Annotated[str, typer.Argument(help="A configured source, or a feed's address.")],
    jsonl: AsLines = False,
    limit: Annotated[int, typer.Option(min=1)] = 10,
    config: ConfigPath = None,
) -> None:
    """Poll a source once, store nothing, print its posts."""
    from monitor import app
    from monitor.cli import show
    from monitor.reading.jsonl import line_of

    batch = app.trial(load(config), name).poll("")
    if jsonl:
        sys.stdout.writelines(line_of(post) + "\n" for post in batch.posts[:limit])
    else:
        show.posts(batch, limit)


def discover(
    url: Annotated[str, typer.Argument(help="A page, such as a blog's or forum's front page.")],
    config: ConfigPath = None,
) -> None:
    """Find a page's feeds, comments, forum and reviews, as TOML to paste."""
    from monitor import app, discovery

    settings = load_if_any(config)
    tools = app.tools(settings)
    software, found = discovery.discover(url, tools.fetch, tools.pages, tools.read)
    print(discovery.toml(found, [table.name for table in settings.source]), end="")
    made = f" on a site made by {software}" if software else ""
    sys.stderr.write(
        f"monitor: {len(found)} found{made}; paste what you want into the configuration\n"
    )
