"""The recipe: same data, same bytes; nothing learnt from test texts; files that load."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.domain import Mention, Post
from monitor.sentiment import load

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
FILES = ("lexicon.json", "metrics.json", "model.json", "model.npz")
SAYINGS = {
    "negative": ("it broke after {} days", "waiting {} weeks for a refund", "awful, {} lies"),
    "neutral": ("opens at {} today", "it has {} doors", "where is gate {}"),
    "positive": ("love it, {} stars", "works perfectly, {} thanks", "best {} days ever"),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with every set the recipe reads, each tiny and invented."""
    folder = tmp_path_factory.mktemp("data")
    for part in ("sentiment", "mentions", "lexicons"):
        (folder / part).mkdir()
    for number, name in enumerate(set_names()):
        write_set(folder / "sentiment" / f"{name}.jsonl.gz", name, number)
    for number in range(1, 8):
        lines = [json.dumps(mention(*row)) for row in texts(100 + number, 6)]
        path = folder / "mentions" / f"mentions-0{number}.jsonl"
        path.write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "lexicons" / "opinion_lexicon_negative.txt").write_text("broke\nawful\n", "utf-8")
    (folder / "lexicons" / "opinion_lexicon_positive.txt").write_text("love\nbest\n", "utf-8")
    return folder


def set_names() -> list[str]:
    found = json.loads((MODELS / "model.json").read_text("utf-8"))["data"]
    return [Path(name).name.removesuffix(".jsonl.gz") for name in found if name.endswith(".gz")]


def texts(seed: int, times: int) -> Iterator[tuple[str, str]]:
    for label, sayings in SAYINGS.items():
        for i in range(times):
            yield sayings[i % 3].format(1000 * seed + i), label


def write_set(path: Path, name: str, number: int) -> None:
    split = name.rpartition("_")[2] if name.startswith("tweeteval") else "train"
    splits = ("train", "val", "test") if name == "goemotions" else (split,)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for at, part in enumerate(splits):
            for text, label in texts(10 * number + at, 4):
                row = {"text": text, "label": label, "target": None, "domain": name, "split": part}
                lines.write(json.dumps(row) + "\n")


def mention(text: str, label: str) -> dict[str, Any]:
    about = {"title": "", "target": "Stayo", "kind": "blog", "rating": None}
    return {"text": text, "label": label, "alert": label == "negative", **about}


def build(data: Path, out: Path, seed: str) -> dict[str, bytes]:
    out.mkdir()
    command = [sys.executable, "-W", "ignore", str(MODELS / "train.py"), str(data), str(out)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def built(data: Path) -> Path:
    build(data, data / "built", "1")
    return data / "built"


def test_the_same_data_gives_the_same_bytes(data: Path, built: Path, tmp_path: Path) -> None:
    again = build(data, tmp_path / "again", "2")
    assert again == {name: (built / name).read_bytes() for name in FILES}


def test_what_is_built_loads_and_has_learnt(built: Path) -> None:
    model = load(built)
    bad, good = (
        Mention(Post("s", "", "1", "", text), "", ()) for text in ("It broke.", "Love it!")
    )
    bad_score, good_score = model.score([bad, good])
    assert bad_score.negative > good_score.negative
    assert bad_score.complaint > good_score.complaint


def test_every_file_read_is_named_with_its_sum_and_licence(data: Path, built: Path) -> None:
    about = json.loads((built / "model.json").read_text("utf-8"))
    read = {p.relative_to(data).as_posix() for p in data.rglob("*") if p.is_file()}
    assert set(about["data"]) == {name for name in read if not name.startswith("built")}
    assert all(len(f["sha256"]) == 64 and f["licence"] for f in about["data"].values())


def test_training_rows_share_no_text_with_val_or_test(data: Path, tmp_path: Path) -> None:
    leak = "opens at 99 today"
    shutil.copytree(data / "sentiment", tmp_path / "sentiment")
    for name, split in (("tweeteval_test", "test"), ("vader_tweets", "train")):
        path = tmp_path / "sentiment" / f"{name}.jsonl.gz"
        row = {"text": leak, "label": "neutral", "target": None, "domain": name, "split": split}
        with gzip.open(path, "at", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
    code = (
        "import sys; from pathlib import Path; import corpus;"
        f"rows = [r for r in corpus.collected(Path({str(tmp_path)!r})) if r.text == {leak!r}];"
        "print([(r.name, r.split) for r in rows])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=MODELS, check=True, capture_output=True, text=True
    )
    assert found.stdout.strip() == "[('tweeteval_test', 'test')]"


@pytest.mark.dev_data
def test_the_shipped_model_reaches_its_bars(dev_data: Path) -> None:
    """The public test sets, through the files as shipped; `make bench` prints the rest."""
    code = (
        "import json, sys; from pathlib import Path; import corpus, measure, train;"
        f"rows = corpus.collected(Path({str(dev_data)!r})); model = train.load(Path('.'));"
        "parts = [[r for r in rows if r.split == 'test' and r.name.startswith(n)]"
        " for n in ('tweeteval', 'goemotions')];"
        "print(json.dumps([measure.figures(p, train.by(model, p)) for p in parts]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=MODELS, check=True, capture_output=True, text=True
    )
    tweets, reddit = json.loads(found.stdout)
    assert tweets["macro_recall"] >= 0.625
    assert tweets["negative_ap"] >= 0.665
    assert reddit["macro_f1"] >= 0.695
