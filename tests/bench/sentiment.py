"""The shipped classifier beside VADER and TextBlob: same texts, same run, a fresh process each.

Needs $MONITOR_DEV_DATA. As a module with the name of a system and a file of texts it is that fresh
process: it scores the texts and says what it cost.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
SETS = {"tweeteval_test": ("tweeteval_test", None), "goemotions test": ("goemotions", "test")}
LABELS = ("negative", "neutral", "positive")
NEAR_ZERO = 0.05  #: VADER's own bounds of neutral

Scored = list[tuple[float, str]]  #: how negative, and the label
Scorer = Callable[[Sequence[str]], Scored]
Loader = Callable[[], Scorer]  #: what is timed as loading; the imports are done before


# -- in the fresh process ------------------------------------------------------------------------


def ours() -> Loader:
    from monitor.domain import Mention, Post
    from monitor.resources import packaged
    from monitor.sentiment import load

    def loaded() -> Scorer:
        classifier = load(packaged("model.json").parent)

        def score(texts: Sequence[str]) -> Scored:
            mentions = [Mention(Post("", "", "", "", text), "", ()) for text in texts]
            return [(s.negative, s.label) for s in classifier.score(mentions)]

        return score

    return loaded


def vader() -> Loader:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    def loaded() -> Scorer:
        rate = SentimentIntensityAnalyzer().polarity_scores
        return lambda texts: [_polar(rate(text)["compound"]) for text in texts]

    return loaded


def textblob() -> Loader:
    from textblob import TextBlob

    def loaded() -> Scorer:
        _polar(TextBlob("it loads its lexicon at the first text").sentiment.polarity)
        return lambda texts: [_polar(TextBlob(text).sentiment.polarity) for text in texts]

    return loaded


def _polar(polarity: float) -> tuple[float, str]:
    side = (polarity > NEAR_ZERO) - (polarity < -NEAR_ZERO)
    return -polarity, LABELS[side + 1]


SYSTEMS = {"ours": ours, "VADER": vader, "TextBlob": textblob}


def score_here(system: str, path: Path) -> None:
    """Score the texts of a file; print cost and scores as one JSON line."""
    texts = json.loads(path.read_text("utf-8"))
    load = SYSTEMS[system]()
    began = time.perf_counter()
    score = load()
    loaded, cpu = time.perf_counter() - began, time.process_time()
    scores = score(texts)
    spent = time.process_time() - cpu
    print(json.dumps({"load": loaded, "cpu": spent, "peak": peak_rss(), "scores": scores}))


def peak_rss() -> int:
    """MB of this program alone; getrusage would count what its parent held when it forked."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


# -- in the parent -------------------------------------------------------------------------------


def rows(folder: Path, name: str, split: str | None) -> Iterator[dict[str, Any]]:
    with gzip.open(folder / "sentiment" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if split is None or row["split"] == split:
                yield row


def run(system: str, texts: Sequence[str]) -> dict[str, Any]:
    """One system in a fresh process."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        json.dump(texts, file)
        file.flush()
        command = [sys.executable, "-m", "tests.bench.sentiment", system, file.name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def quality(labels: Sequence[str], scores: Scored) -> dict[str, float]:
    from sklearn.metrics import average_precision_score, f1_score, recall_score

    given = [label for _, label in scores]
    negative = [label == "negative" for label in labels]
    return {
        "macro-F1": f1_score(labels, given, average="macro"),
        "macro-recall": recall_score(labels, given, average="macro"),
        "negative AP": average_precision_score(negative, [share for share, _ in scores]),
    }


def main() -> None:
    """Print the tables."""
    console = Console()
    folder = os.environ.get("MONITOR_DEV_DATA")
    if not folder:
        console.print("sentiment: set MONITOR_DEV_DATA to the folder of labelled data; skipped")
        return
    sets = {name: list(rows(Path(folder), *where)) for name, where in SETS.items()}
    texts = [row["text"] for part in sets.values() for row in part]
    found = {system: run(system, texts) for system in SYSTEMS}
    console.print(costs(found, len(texts)))
    console.print(qualities(found, sets))
    console.print(recipe())


def costs(found: dict[str, dict[str, Any]], count: int) -> Table:
    table = Table("", *found, title=f"cost of {count} texts, a fresh process each")
    speed = {system: count / run["cpu"] for system, run in found.items()}
    table.add_row("texts a CPU second", *(f"{s:,.0f}" for s in speed.values()))
    table.add_row("of VADER's", *(f"{s / speed['VADER']:.2f}" for s in speed.values()))
    table.add_row("load, ms", *(f"{r['load'] * 1000:.0f}" for r in found.values()))
    table.add_row("peak RSS, MB", *(str(run["peak"]) for run in found.values()))
    files = sum((ROOT / "models" / f"model.{end}").stat().st_size for end in ("npz", "json"))
    table.add_row("both heads on disk, MB", f"{files / 1e6:.2f}", "", "")
    return table


def qualities(found: dict[str, dict[str, Any]], sets: dict[str, list[dict[str, Any]]]) -> Table:
    table = Table("set", "figure", *found, title="quality on the test splits: models/README.md")
    start = 0
    for name, part in sets.items():
        labels = [row["label"] for row in part]
        measured = {
            system: quality(labels, run["scores"][start : start + len(part)])
            for system, run in found.items()
        }
        start += len(part)
        for figure in ("macro-F1", "macro-recall", "negative AP"):
            table.add_row(name, figure, *(f"{m[figure]:.4f}" for m in measured.values()))
    return table


def recipe() -> Table:
    """What the recipe measured where a text was held out: training would have to be repeated."""
    kept = json.loads((ROOT / "models" / "metrics.json").read_text("utf-8"))
    table = Table("complaint AP, held out", "ours", title="as models/train.py wrote it down")
    for name, figure in kept["complaint on held-out folds"].items():
        table.add_row(name, f"{figure:.4f}")
    return table


if __name__ == "__main__":
    if len(sys.argv) == 3:
        score_here(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
