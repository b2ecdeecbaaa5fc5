"""The labelled development stream: `python -m tests.bench.dev [FOLDER [NAME]]`.

Run by hand, once a model version, and each run is listed in models/README.md: what is looked at
more often is chosen by. FOLDER ($MONITOR_DEV_DATA/streams) holds NAME.posts.jsonl,
NAME.brand.json and NAME.labels.jsonl (NAME: dev). The stream goes through the rehearsal of
`monitor replay`; figures are over the posts about the brand that were matched and are not by its
own staff.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, f1_score, precision_recall_curve

from monitor import logs, sentiment
from monitor.config import AlertsTable
from monitor.replay import read_brand, read_posts, replay
from tests.bench.bars import Bar, show_bars
from tests.bench.recipe import MODELS

PRECISION = 0.8  #: of what is told, as promised
TOLD = ("alerted", "attached")


def main(folder: Path, name: str) -> None:
    """Rehearse the stream, print what was promised about it."""
    logs.set_up()
    model = sentiment.load(MODELS).name
    show_bars(f"The stream {name!r}, {model}", list(bars(judged(folder, name))))


def judged(folder: Path, name: str) -> list[dict[str, Any]]:
    """The event of each post that counts, with what its label says: true_label, true_alert."""
    brand = read_brand(folder / f"{name}.brand.json")
    events = replay(read_posts(folder / f"{name}.posts.jsonl"), brand, AlertsTable())
    seen = {(e["source"], e["external_id"]): e for e in events if e["event"] == "mention"}
    lines = (folder / f"{name}.labels.jsonl").read_text("utf-8").splitlines()
    found = []
    for label in map(json.loads, lines):
        event = seen.get((label["source"], label["external_id"]))
        if label["about_brand"] and event is not None and event["action"] != "ignored":
            found.append({**event, "true_label": label["label"], "true_alert": label["alert"]})
    return found


def bars(rows: list[dict[str, Any]]) -> Iterator[Bar]:
    """The promises, and what stands beside them. A mention without a score complains of nothing."""
    wanted = np.array([row["true_alert"] for row in rows])
    complaint = np.array([row["complaint"] or 0.0 for row in rows])
    labels = [[row[key] for row in rows] for key in ("true_label", "label")]
    at = AlertsTable().complaint
    yield Bar("posts", len(rows))
    yield Bar("of them to be told", np.count_nonzero(wanted))
    yield Bar("complaint AP", average_precision_score(wanted, complaint), 0.85)
    yield from told(f"complaint ≥ {at:g}", wanted, complaint >= at, PRECISION, 0.75)
    yield Bar(f"best recall at precision ≥ {PRECISION}", best_recall(wanted, complaint))
    yield from told("told at all", wanted, np.array([row["action"] in TOLD for row in rows]))
    yield Bar("macro-F1 of the label", f1_score(*labels, average="macro"), 0.72)


def told(
    what: str,
    wanted: np.ndarray,
    given: np.ndarray,
    precision: float | None = None,
    recall: float | None = None,
) -> Iterator[Bar]:
    """Precision and recall of one way to tell, and their bars."""
    right = np.count_nonzero(wanted & given)
    yield Bar(f"{what}: precision", right / max(np.count_nonzero(given), 1), precision)
    yield Bar(f"{what}: recall", right / max(np.count_nonzero(wanted), 1), recall)


def best_recall(wanted: np.ndarray, score: np.ndarray) -> float:
    """The most that any one threshold finds while PRECISION of the told are right."""
    precision, recall, _ = precision_recall_curve(wanted, score)
    return float(recall[precision >= PRECISION].max())


if __name__ == "__main__":
    data = os.environ.get("MONITOR_DEV_DATA")
    given = sys.argv[1:] or ([f"{data}/streams"] if data else [])
    if len(given) not in (1, 2):
        sys.exit("usage: python -m tests.bench.dev FOLDER [NAME], or set MONITOR_DEV_DATA")
    main(Path(given[0]), given[1] if given[1:] else "dev")
