"""Verbs that learn and measure: train, evaluate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.options import AsJson, ConfigPath, has_config, load, stored


def train(
    brand: Annotated[str | None, typer.Option(help="One brand; else all.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last training back.")] = False,
    json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Learn from the team's labels; say what to label next."""
    from monitor import app, feedback, sentiment
    from monitor.cli import learnt
    from monitor.matching import Matcher
    from monitor.resources import packaged

    settings = load(config)
    with stored(config) as store:
        model = sentiment.load(packaged("model.json").parent)
        team = feedback.Team(settings, store, model, Matcher(app.brands(settings)))
        for name in team.brands(brand):
            if undo:
                learnt.undone(name, store.undo_training(name), as_json=json)
            else:
                learnt.training(name, team.train(name, app.now()), as_json=json)


def evaluate(
    file: Annotated[Path, typer.Argument(help="{text, label, alert?, target?, trait?} a line.")],
    json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Measure the shipped model on labelled lines."""
    from monitor import evaluation, sentiment
    from monitor.cli import learnt
    from monitor.config import AlertsTable
    from monitor.resources import packaged

    alerts = load(config).alerts if has_config(config) else AlertsTable()
    labelled = evaluation.read(file)
    for why in labelled.bad:
        print(f"monitor: {why}", file=sys.stderr)
    model = sentiment.load(packaged("model.json").parent)
    learnt.figures(evaluation.evaluate(labelled.examples, model, alerts), as_json=json)
    if labelled.bad:
        sys.exit(1)
