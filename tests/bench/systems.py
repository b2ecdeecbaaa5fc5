"""One system, alone in a fresh process: `python -m tests.bench.systems NAME TEXTS.json`.

TEXTS.json is a list of objects as `monitor score` takes them: text, and where it is known, target
and competitors. Prints one JSON object: seconds to load (imports apart), texts scored per CPU
second, peak resident memory, the modules of scikit-learn that were loaded, and [negative, neutral,
positive] or one polarity for each text. Imports nothing that a system does not need itself.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Scorer = Callable[[Sequence[Any]], list[list[float]]]
MODELS = Path(__file__).parents[2] / "models"


@dataclass(frozen=True, slots=True)
class System:
    """Something that scores texts."""

    imports: Callable[[], Callable[[], Scorer]]  #: imports it; what that returns loads it
    read: Callable[[dict[str, Any]], Any] = lambda row: row["text"]  #: what it scores, untimed


def vader() -> Callable[[], Scorer]:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    def load() -> Scorer:
        analyzer = SentimentIntensityAnalyzer()
        return lambda texts: [[analyzer.polarity_scores(text)["compound"]] for text in texts]

    return load


def textblob() -> Callable[[], Scorer]:
    from textblob import TextBlob

    def load() -> Scorer:
        TextBlob("warm").sentiment  # noqa: B018 - reads its lexicon
        return lambda texts: [[TextBlob(text).sentiment.polarity] for text in texts]

    return load


def reviewhound() -> Callable[[], Scorer]:
    """What analyze_review of reviewhound 1.0.0 makes of a text without stars.

    That is TextBlob's polarity, labelled beyond .1 where we label polarities from .05 on. Its
    formula stands here because the package brings Playwright; both gave equal scores and labels.
    """
    from textblob import TextBlob

    def load() -> Scorer:
        TextBlob("warm").sentiment  # noqa: B018 - reads its lexicon
        return lambda texts: [[TextBlob(text).sentiment.polarity / 2.0] for text in texts]

    return load


def ours() -> Callable[[], Scorer]:
    from monitor.sentiment import load

    def read() -> Scorer:
        model = load(MODELS)
        return lambda mentions: [
            [score.negative, score.neutral, score.positive] for score in model.score(mentions)
        ]

    return read


def mention(row: dict[str, Any]) -> Any:
    """A row as `monitor score` reads it."""
    from monitor.reading.jsonl import mention_of

    return mention_of(json.dumps(row))


SYSTEMS = {
    "VADER": System(vader),
    "TextBlob": System(textblob),
    "reviewhound": System(reviewhound),
    "ours": System(ours, mention),
}
LEFT_OUT = (
    "obsei 1.1.1 installs but brings no classifier: it asks an LLM over HTTP, or runs a model that "
    "it downloads from Hugging Face at first use. reviewhound 1.0.0: its formula over TextBlob."
)


def main(name: str, path: Path) -> None:
    """Load a system, score all texts in batches of a hundred, print what it took."""
    system = SYSTEMS[name]
    load = system.imports()
    texts = [system.read(row) for row in json.loads(path.read_text("utf-8"))]
    start = time.perf_counter()
    score = load()
    loaded = time.perf_counter() - start
    start = time.process_time()
    found = [row for i in range(0, len(texts), 100) for row in score(texts[i : i + 100])]
    spent = time.process_time() - start
    figures = {
        "load": loaded,
        "rate": len(texts) / spent,
        "memory": peak(),
        "learners": sorted(name for name in ("sklearn", "scipy") if name in sys.modules),
        "found": found,
    }
    json.dump(figures, sys.stdout)


def peak() -> float:
    """Peak resident memory of this program in MB.

    Not getrusage: after an exec its figure still holds the parent's memory (Linux, exec_mmap).
    """
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    return float("nan")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
