"""Verbs for the first day: init, doctor, demo."""

from __future__ import annotations

import json as jsonlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigPath, fail, load

EVERY = (
    "How often to read each feed: empty for as often as is polite (a new post is seen after one to "
    'four hours, a day where the site cannot say "unchanged"), or, where its owner agrees, such as '
    "10m (seen within ten minutes)"
)


def init(
    brand: Annotated[str | None, typer.Option(help="The brand's name.")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="Another name; repeat.")] = None,
    site: Annotated[str | None, typer.Option(help="The brand's own host.")] = None,
    feed: Annotated[list[str] | None, typer.Option(help="A feed's address; repeat.")] = None,
    every: Annotated[str | None, typer.Option(help=f"{EVERY}.")] = None,
    slack_channel: Annotated[str | None, typer.Option(help='Such as "#complaints".')] = None,
    digest_to: Annotated[list[str] | None, typer.Option(help="A mail address; repeat.")] = None,
    smtp_host: Annotated[str | None, typer.Option(help="Your mail server.")] = None,
    contact: Annotated[str | None, typer.Option(help="Tells sites who polls them.")] = None,
    config: ConfigPath = None,
) -> None:
    """Ask what is needed and write config/monitor.toml. Never overwrites."""
    from monitor import starter

    path = config or Path("config/monitor.toml")
    starter.refuse_overwrite(path)
    answers = starter.Answers(
        brand=brand or _ask("Brand", needed=True),
        aliases=tuple(alias or ()),
        site=site if site is not None else _ask("Its own site, such as acme.example"),
        feeds=tuple(feed if feed is not None else _ask("Feed addresses, by spaces").split()),
        every=every if every is not None else _ask(EVERY),
        slack_channel=slack_channel
        if slack_channel is not None
        else _ask("Slack channel (empty: cards in the terminal)"),
        digest_to=tuple(
            digest_to if digest_to is not None else _ask("Digest to, by spaces").split()
        ),
        smtp_host=smtp_host or "",
        contact=contact if contact is not None else _ask("Contact page or address for sites"),
    )
    if answers.digest_to and not answers.smtp_host:
        answers = starter.with_smtp(answers, _ask("Mail server", needed=True))
    starter.write(path, answers)
    print(f"{path} written. Next: monitor doctor, then monitor run")


def _ask(question: str, *, needed: bool = False) -> str:
    if not sys.stdin.isatty():
        if needed:
            fail(f"init: {question} is not given and nobody can be asked: see init --help", 2)
        return ""
    answer: str = typer.prompt(question, default=None if needed else "", show_default=False)
    return answer.strip()


def doctor(json: AsJson = False, config: ConfigPath = None) -> None:
    """Check all that a running monitor leans on, and say what to do.

    Model, clock, database, disk, channels with their credentials and permissions, sources.
    """
    from monitor import doctor as surgery
    from monitor.cli import show

    findings = show.findings(surgery.examine(load(config)), as_json=json)
    if json:
        print(jsonlib.dumps(findings, ensure_ascii=False))
    if not all(f["ok"] for f in findings):
        sys.exit(1)


def demo(
    out: Annotated[Path, typer.Option(help="Where digest.html is written.")] = Path("demo-out"),
    config: ConfigPath = None,  # noqa: ARG001 - every verb takes it
) -> None:
    """Show the whole way of a complaint on stand-in sites.

    Needs no key and no network; takes about 40 s.
    """
    from rich.console import Console

    from monitor import demo as stage

    sys.exit(stage.run(out, Console()))
