"""How train and evaluate print."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.cli.show import count, receipt
from monitor.text import cut

if TYPE_CHECKING:
    from monitor.domain import Layer
    from monitor.feedback import Ask, Training

EXCERPT = 100  #: characters
_FROM_IT_ON = {"precision": "  its precision", "recall": "  its recall", "f1": "  its F1"}


def training(brand: str, done: Training, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_training(brand, done), ensure_ascii=False))
        return
    for one in done.receipts:
        print(_receipt(one))
    if done.left_out:
        left_out = f"{count(done.left_out, 'mention')} on Reddit with labels left out"
        print(f"{brand}: {left_out} ([privacy] train_on_reddit)")
    if done.ask:
        print(f"{brand}: label these {len(done.ask)}, they teach most (id, source, complaint):")
    for ask in done.ask:
        print("\n".join(_question(ask)))


def undone(brand: str, layers: Sequence[Layer], *, as_json: bool) -> None:
    if as_json:
        found = {"brand": brand, "undone": [receipt(one) for one in layers]}
        print(json.dumps(found, ensure_ascii=False))
        return
    for one in layers:
        print(f"{brand}, {one.head}: {one.name} of {one.made_at:%d %b %Y} undone")
    if not layers:
        print(f"{brand}: no training to undo")


def _training(brand: str, done: Training) -> dict[str, Any]:
    return {
        "brand": brand,
        "receipts": [receipt(one) for one in done.receipts],
        "reddit_left_out": done.left_out,
        "label": [
            {
                "id": ask.judged.id,
                "source": ask.judged.mention.post.source,
                "complaint": round(ask.complaint, 4),
                "text": _excerpt(ask),
            }
            for ask in done.ask
        ],
    }


def _receipt(one: Layer) -> str:
    measured = f"AP {one.before:.3f} -> {one.after:.3f}, " if one.after is not None else ""
    of = f"{count(one.n, 'label')} ({one.positives} {_wanted(one)})"
    line = f"{one.brand}, {one.head}: {one.state}: {measured}{of}, {one.made_at:%d %b %Y}"
    threshold = "" if one.threshold is None else f"; told from {one.threshold:.2f} on"
    return f"{line}: {one.reason}{threshold if one.state == 'promoted' else ''}"


def _wanted(one: Layer) -> str:
    return "complaints" if one.head == "complaint" else "negative"


def _question(ask: Ask) -> Iterator[str]:
    judged = ask.judged
    yield f"  {judged.id}  {judged.mention.post.source}  {ask.complaint:.2f}  {_excerpt(ask)}"
    verb = f"monitor label {judged.id}"
    yield f"     {verb} complaint    or    {verb} no-complaint"


def _excerpt(ask: Ask) -> str:
    post = ask.judged.mention.post
    return cut(" ".join(f"{post.title} {post.text}".split()), EXCERPT)


def figures(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    _heads(found["sentiment"], found["complaint"])
    _confusion(found["sentiment"]["confusion"])
    if found["traits"]:
        _traits(found["traits"])
    if found["not_scored"]:
        print(f"{count(found['not_scored'], 'line')} not scored: no model for the language")


def _heads(feeling: dict[str, Any], told: dict[str, Any] | None) -> None:
    table = Table("", "sentiment", "complaint", box=None, pad_edge=False)
    told = told or {"at_threshold": {}}
    for name, mine, other in (
        ("rows", feeling["rows"], told.get("rows")),
        ("macro-F1", feeling["macro_f1"], None),
        ("macro-recall", feeling["macro_recall"], None),
        ("AP of negative, complaint", feeling["negative_ap"], told.get("ap")),
        ("calibration error", feeling["calibration_error"], told.get("calibration_error")),
    ):
        table.add_row(name, _figure(mine), _figure(other))
    for name in ("threshold", "precision", "recall", "f1"):
        mine, other = feeling["at_threshold"][name], told["at_threshold"].get(name)
        table.add_row(_FROM_IT_ON.get(name, name), _figure(mine), _figure(other))
    Console().print(table)


def _confusion(said: dict[str, dict[str, int]]) -> None:
    table = Table("said \\ given", *said, box=None, pad_edge=False)
    for label, given in said.items():
        table.add_row(label, *map(str, given.values()))
    Console().print("", table)


def _traits(traits: dict[str, dict[str, Any]]) -> None:
    names = ("rows", "macro-F1", "complaints", "AP", "recall")
    table = Table("trait", *names, box=None, pad_edge=False)
    for trait, found in traits.items():
        feeling, told = found["sentiment"], found["complaint"] or {"complaints": None, "ap": None}
        recall = told["at_threshold"]["recall"] if told["complaints"] else None
        row = feeling["rows"], feeling["macro_f1"], told["complaints"], told["ap"], recall
        table.add_row(Text(trait), *map(_figure, row))
    Console().print("", table)


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"
