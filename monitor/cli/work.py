"""Verbs that do the work: run, once, score, replay, label, digest."""

from __future__ import annotations

import logging
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from monitor.cli.options import AsLines, ConfigPath, fail, has_config, load, opened, stored

LabelValue = Literal["negative", "neutral", "positive", "not-us", "complaint", "no-complaint"]


def run(config: ConfigPath = None) -> None:
    """Run the daemon until SIGTERM."""
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the daemon takes it over
    from monitor import logs, web
    from monitor.daemon import SPREAD, Daemon, only_one

    logs.set_up(logging.INFO)
    with opened(config) as app, only_one(app.store.path):
        app.register()
        app.store.spread(app.pipeline.now(), SPREAD)
        daemon = Daemon(app.pipeline)
        bind = app.config.web.bind if app.config.web else None
        with web.serving(web.routes(daemon.alive, app.pipeline), bind):
            daemon.run()


def once(config: ConfigPath = None) -> None:
    """One round of collect, judge and deliver, for cron. Prints a summary."""
    from monitor import logs
    from monitor.cli import show
    from monitor.daemon import one_round, only_one

    logs.set_up(logging.INFO)
    with opened(config) as app, only_one(app.store.path):
        app.register()
        show.one_round(one_round(app.pipeline), app.store.overview(app.pipeline.now()))


def score(config: ConfigPath = None) -> None:  # noqa: ARG001 - every verb takes it
    """Score texts: JSON lines in, JSON lines out, same order."""
    from monitor import sentiment
    from monitor.reading import jsonl
    from monitor.resources import packaged

    classifier = sentiment.load(packaged("model.json").parent)
    lines = iter(sys.stdin.buffer)
    while batch := list(islice(lines, 256)):
        sys.stdout.writelines(line + "\n" for line in jsonl.scored(batch, classifier.score))


def replay(
    posts: Annotated[Path, typer.Argument(help="Posts, one JSON object a line.")],
    brand: Annotated[Path, typer.Option(help="The brand as a JSON file.")],
    jsonl: AsLines = False,
    config: ConfigPath = None,
) -> None:
    """Rehearse a stream of posts: what would have been told.

    Goes by the posts' own clock and tells nobody.
    """
    from monitor import logs
    from monitor import replay as rehearsal
    from monitor.cli import show
    from monitor.config import AlertsTable

    logs.set_up()
    alerts = load(config).alerts if has_config(config) else AlertsTable()
    stream = rehearsal.read_posts(posts)
    events = rehearsal.replay(stream, rehearsal.read_brand(brand), alerts)
    events = show.progress(events, len(stream), "replaying")
    if jsonl:
        sys.stdout.writelines(line + "\n" for line in rehearsal.lines(events))
    else:
        show.rehearsal(events)


def label(
    mention_id: Annotated[
        int, typer.Argument(min=1, max=2**63 - 1, help="As `monitor mentions` shows it.")
    ],
    value: LabelValue,
    config: ConfigPath = None,
) -> None:
    """Say what a mention really was. Sentiment and complaint are separate labels."""
    import getpass

    from monitor import app

    with stored(config) as store:
        store.label(mention_id, _kind(value), value, getpass.getuser(), app.now())


def _kind(value: LabelValue) -> Literal["sentiment", "complaint", "relevance"]:
    if value == "not-us":
        return "relevance"
    return "complaint" if value in ("complaint", "no-complaint") else "sentiment"


def digest(
    brand: Annotated[str | None, typer.Option(help="One brand; else all.")] = None,
    week: Annotated[str | None, typer.Option(help='Such as "2026-W47"; else the last.')] = None,
    to: Annotated[Path | None, typer.Option(help="Write FILE.html and FILE.txt.")] = None,
    send: Annotated[bool, typer.Option("--send", help="Mail it now.")] = False,
    config: ConfigPath = None,
) -> None:
    """Show, write or send the weekly digest."""
    from monitor import logs, weekly

    logs.set_up()
    with opened(config) as app:
        brands = [brand] if brand else [b.name for b in app.config.brand]
        if to is not None and len(brands) > 1:
            fail("digest --to writes one brand: name it with --brand", 2)
        for name in brands:
            figures = weekly.figures(app, name, week)
            if to is not None:
                print(*weekly.write(figures, to), sep="\n")
            if send:
                print(*weekly.send(app, figures), sep="\n")
            if to is None and not send:
                print(weekly.text(figures))
