"""How good the shipped model is, and what it costs, beside VADER and TextBlob.

Each system reads the same texts in a fresh process of its own. Without $MONITOR_DEV_DATA only the
cost is measured, on the few texts of the golden file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from monitor.domain import Mention, Post
from monitor.sentiment import load
from tests.bench.systems import SYSTEMS

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
GOLDEN = ROOT / "tests" / "fixtures" / "sentiment" / "golden.jsonl"
ROUNDS = 3  #: each system runs so often, in turn; the best round counts
TESTS = ("tweeteval_test", "goemotions")
HOSTILE = (
    "😡" * 100_000,
    "late " * 50_000,
    " ".join(f"w{i:x}" for i in range(30_000)),
    "a_" * 50_000,
)

console = Console()


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: what was measured, and what it must reach."""

    name: str
    value: float
    bar: float
    most: bool = False  #: True where ``bar`` is a ceiling

    @property
    def holds(self) -> bool:
        return self.value < self.bar if self.most else self.value >= self.bar


def main() -> None:
    """Measure, and print two tables: the systems side by side, and the promises."""
    data = Path(os.environ.get("MONITOR_DEV_DATA", ""))
    rows = labelled(data) if os.environ.get("MONITOR_DEV_DATA") else []
    if not rows:
        console.print("[bold red]MONITOR_DEV_DATA is not set: quality is NOT measured[/]")
    texts = [row.text for row in rows] or [row["text"][:500] for row in golden()] * 100
    runs = {name: run(name, texts) for name in SYSTEMS}
    quality = {name: figures(rows, run_["found"]) for name, run_ in runs.items()} if rows else {}
    show_systems(runs, quality, len(texts))
    show_bars([*costs(runs), *(qualities(quality["ours"], data) if rows else ())])


def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def recipe() -> Any:
    """The modules of models/, which is a folder of scripts and no package."""
    if str(MODELS) not in sys.path:
        sys.path.insert(0, str(MODELS))
    import corpus
    import measure
    import train

    return corpus, measure, train


def labelled(data: Path) -> list[Any]:
    """Rows of the public test sets."""
    corpus, _, _ = recipe()
    return [r for r in corpus.collected(data) if r.name in TESTS and r.split == "test"]


def run(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Run one system ROUNDS times in fresh processes; the fastest round, with the worst memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(texts), "utf-8")
        command = [sys.executable, "-m", "tests.bench.systems", name, str(path)]
        rounds = [
            json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)
            for _ in range(ROUNDS)
        ]
    best: dict[str, Any] = max(rounds, key=lambda found: found["rate"])
    return {
        **best,
        "load": min(found["load"] for found in rounds),
        "memory": max(found["memory"] for found in rounds),
    }


def figures(rows: Sequence[Any], found: Sequence[Sequence[float]]) -> dict[str, dict[str, float]]:
    """Figures of each test set; a polarity counts as a label from .05 on, as VADER advises."""
    _, measure, _ = recipe()
    shares = np.array([row if len(row) == 3 else list(turned(row[0])) for row in found])
    names = np.array([row.name for row in rows])
    return {
        name: measure.figures([r for r in rows if r.name == name], shares[names == name])
        for name in TESTS
    }


def turned(polarity: float) -> Iterator[float]:
    """A polarity (-1..1) as three numbers that order and label as the polarity does."""
    yield -polarity
    yield 0.05
    yield polarity


def costs(runs: dict[str, dict[str, Any]]) -> Iterator[Bar]:
    ours = runs["ours"]
    files = ("model.npz", "model.json", "lexicon.json")
    yield Bar("texts a CPU second, of VADER's", ours["rate"] / runs["VADER"]["rate"], 0.18)
    yield Bar("files, MB", sum((MODELS / name).stat().st_size for name in files) / 1e6, 3.0, True)
    yield Bar("load, ms", 1000 * ours["load"], 50.0, True)
    yield Bar("peak memory, MB", ours["memory"], 80.0, True)
    yield Bar("modules of scikit-learn and scipy", len(ours["learners"]), 1, True)
    yield Bar("slowest hostile text, ms", slowest(), 50.0, True)


def slowest() -> float:
    """Milliseconds of CPU for the slowest of some texts of 100,000 characters and more."""
    model = load(MODELS)
    spent = []
    for text in HOSTILE:
        start = time.process_time()
        model.score([Mention(Post("bench", "", "1", "", text), "", ())])
        spent.append(time.process_time() - start)
    return 1000 * max(spent)


def qualities(ours: dict[str, dict[str, float]], data: Path) -> Iterator[Bar]:
    yield Bar("TweetEval test, macro-recall", ours["tweeteval_test"]["macro_recall"], 0.625)
    yield Bar("TweetEval test, negative AP", ours["tweeteval_test"]["negative_ap"], 0.665)
    yield Bar("GoEmotions test, macro-F1", ours["goemotions"]["macro_f1"], 0.695)
    found = complaints(data)
    yield Bar("complaint AP, leave one file of mentions out", found.pop("mentions"), 0.78)
    for name, figure in found.items():
        yield Bar(f"  and on {name}, held out (no promise)", figure, 0.0)


def complaints(data: Path) -> dict[str, float]:
    """Train the complaint head again for each file of mentions, without that file."""
    _, measure, train = recipe()
    lexicon = train.Lexicon.parse((MODELS / "lexicon.json").read_bytes())
    rows = [row for row in train.training_rows(data) if train.teaches_complaints(row)]
    shown, logits = train.held_out(train.matrix(rows, lexicon, "complaint rows"), rows)
    found: dict[str, float] = measure.complaint_figures(shown, logits)
    return found


def show_systems(runs: dict[str, Any], quality: dict[str, Any], texts: int) -> None:
    table = Table("", *SYSTEMS, title=f"Sentiment: {texts:,} texts, best of {ROUNDS} rounds")
    table.add_row("texts a CPU second", *(f"{run['rate']:,.0f}" for run in runs.values()))
    table.add_row("load, ms", *(f"{1000 * run['load']:.0f}" for run in runs.values()))
    table.add_row("peak memory, MB", *(f"{run['memory']:.0f}" for run in runs.values()))
    for name in TESTS if quality else ():
        for figure in ("macro_f1", "macro_recall", "negative_ap"):
            values = [f"{quality[system][name][figure]:.4f}" for system in runs]
            table.add_row(f"{name}, {figure}", *values)
    console.print(table)


def show_bars(bars: Sequence[Bar]) -> None:
    table = Table("promise", "measured", "bar", "", title="Sentiment: what was promised")
    for bar in bars:
        verdict = "[green]holds[/]" if bar.holds else "[bold red]MISSED[/]"
        sign = "<" if bar.most else "≥"
        table.add_row(bar.name, f"{bar.value:.4g}", f"{sign} {bar.bar:g}", verdict)
    console.print(table)
