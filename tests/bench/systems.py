"""One system, alone in a fresh process: `python -m tests.bench.systems NAME TEXTS.json`.

Prints one JSON object: seconds to load (imports apart), texts scored per CPU second, peak
resident memory, the modules of scikit-learn that were loaded, and [negative, neutral, positive] or
one polarity for each text. Imports nothing that a system does not need itself.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Scorer = Callable[[Sequence[str]], list[list[float]]]
MODELS = Path(__file__).parents[2] / "models"


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


def ours() -> Callable[[], Scorer]:
    from monitor.domain import Mention, Post
    from monitor.sentiment import load

    def read() -> Scorer:
        model = load(MODELS)

        def score(texts: Sequence[str]) -> list[list[float]]:
            posts = [Post("bench", "", str(i), "", text) for i, text in enumerate(texts)]
            found = model.score([Mention(post, "", ()) for post in posts])
            return [[score.negative, score.neutral, score.positive] for score in found]

        return score

    return read


SYSTEMS = {"VADER": vader, "TextBlob": textblob, "ours": ours}


def main(name: str, path: Path) -> None:
    """Load a system, score all texts in batches of a hundred, print what it took."""
    texts = json.loads(path.read_text("utf-8"))
    load = SYSTEMS[name]()
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
