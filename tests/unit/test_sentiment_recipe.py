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

import numpy as np
import pytest
from joblib import parallel_config
from scipy.special import expit, softmax

from monitor.domain import Mention, Post
from monitor.reading.jsonl import mention_of
from monitor.sentiment import features, files, load, target
from monitor.sentiment.lexicon import Lexicon
from tests.bench import complaints
from tests.bench.recipe import recipe

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
BARS = {  #: of the public test sets: what was reached, less the noise between machines
    "tweeteval": {"macro_recall": 0.635, "negative_ap": 0.66},
    "goemotions": {"macro_f1": 0.695},
}
FOREIGN = ("de", "es", "fr")
FILES = (
    *("lexicon.json", "metrics.json", "model.json", "model.npz"),
    *(f"model-{lang}.npz" for lang in FOREIGN),
)
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
        write_mentions(folder / "mentions", f"{number:02}", number)
    (folder / "lexicons" / "opinion_lexicon_negative.txt").write_text("broke\nawful\n", "utf-8")
    (folder / "lexicons" / "opinion_lexicon_positive.txt").write_text("love\nbest\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def scripts(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the recipe beside tiny rows of its own, and opinions of a teacher on documents."""
    folder = tmp_path_factory.mktemp("models")
    for script in MODELS.glob("*.py"):
        shutil.copy(script, folder)
    (folder / "data").mkdir()
    for number, name in enumerate((*range(8, 16), *FOREIGN), 8):
        write_mentions(folder / "data", f"{name:0>2}", number)
    documents = recipe("corpus").documents(data)
    shares = np.tile([0.5, 0.25, 0.25, 0.5], (len(documents), 1))
    recipe("soft").save(documents, shares, folder / "soft_labels.npz")
    return folder


def set_names() -> list[str]:
    corpus = recipe("corpus")
    return [*corpus.SETS, *corpus.TARGETED]


def texts(seed: int, times: int) -> Iterator[tuple[str, str]]:
    for label, sayings in SAYINGS.items():
        for i in range(times):
            yield sayings[i % 3].format(1000 * seed + i), label


def write_set(path: Path, name: str, number: int) -> None:
    split = next((part for part in ("val", "test") if f"_{part}" in name), "train")
    splits = ("train", "val", "test") if name == "goemotions" else (split,)
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        for at, part in enumerate(splits):
            for text, label in texts(10 * number + at, 4):
                row = {"text": text, "label": label, "target": "it", "domain": name, "split": part}
                lines.write(json.dumps(row) + "\n")


def write_mentions(folder: Path, name: str, number: int) -> None:
    rows = (mention(*row, brand) for brand, row in enumerate(texts(100 + number, 6)))
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / f"mentions-{name}.jsonl").write_text(lines, "utf-8")


def mention(text: str, label: str, brand: int) -> dict[str, Any]:
    about = {"title": "", "kind": "blog", "rating": None, "trait": "praise"}
    return {
        "text": text,
        "label": label,
        "alert": label == "negative",
        **about,
        "target": f"B{brand}",
    }


def build(scripts: Path, data: Path, out: Path, seed: str) -> dict[str, bytes]:
    out.mkdir()
    command = [sys.executable, "-W", "ignore", str(scripts / "train.py"), str(data), str(out)]
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return {name: (out / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def built(scripts: Path, data: Path) -> Path:
    build(scripts, data, scripts / "built", "1")
    return scripts / "built"


def test_the_same_data_gives_the_same_bytes(
    scripts: Path, data: Path, built: Path, tmp_path: Path
) -> None:
    again = build(scripts, data, tmp_path / "again", "2")
    assert again == {name: (built / name).read_bytes() for name in FILES}


def test_what_is_built_loads_and_has_learnt(built: Path) -> None:
    model = load(built)
    bad, good = (
        Mention(Post("s", "", "1", "", text), "", ()) for text in ("It broke.", "Love it!")
    )
    bad_score, good_score = model.score([bad, good])
    assert bad_score.negative > good_score.negative
    assert bad_score.complaint > good_score.complaint


def test_every_file_read_is_named_with_its_sum_and_licence(
    scripts: Path, data: Path, built: Path
) -> None:
    about = json.loads((built / "model.json").read_text("utf-8"))
    read = [path.relative_to(data) for path in data.rglob("*") if path.is_file()]
    own = [Path("data") / f"mentions-{number:02}.jsonl" for number in range(8, 16)]
    wanted = {path.as_posix() for path in (*read, *own, Path("soft_labels.npz"))}
    assert set(about["data"]) == wanted
    assert set(about["languages"]) == set(FOREIGN)
    languages = [made["data"] for made in about["languages"].values()]
    assert all(
        len(f["sha256"]) == 64 and f["licence"] for f in (*about["data"].values(), *languages)
    )


def test_the_recipe_mixes_both_stages_as_the_classifier_does() -> None:
    mention = mention_of(
        json.dumps({"text": "Globex is awful, so I love my Acme", "target": "Acme"})
    )
    english, heads = files.load(MODELS)["en"](), recipe("heads")
    with np.load(MODELS / "model.npz") as w:
        turned, lines, (slope, offset) = w["shares"], w["odds"], w["complaint"]
        aim = target.Weights(*(w[f"target_{name}"] for name in ("words", "scale", "dense", "bias")))
    lexicon = Lexicon.parse((MODELS / "lexicon.json").read_bytes())
    seen = target.view(features.Reader(lexicon).read(mention.post.whole), mention)
    meta = features.meta(None, "")
    about, clause = (english.logits(part, meta) for part in (seen.about, seen.clause))
    found = target.logits(aim, seen, target.inputs(seen, about, clause, meta))
    (score,) = english.score([mention])
    shares = softmax(heads.felt(turned, about, found))
    assert shares == pytest.approx([score.negative, score.neutral, score.positive])
    (odds,) = heads.mixed(lines, about[None], found[[target.REPORT]])
    assert expit(slope * odds + offset) == pytest.approx(score.complaint)


def test_nothing_is_learnt_from_a_text_of_a_test_split(data: Path, tmp_path: Path) -> None:
    leak, fine = "opens at 99 today", "has opened at 98 today"
    sets = ("vader_tweets", "newsmtsc_train", "tweeteval_test", "mams_test")
    shutil.copytree(data, tmp_path, dirs_exist_ok=True)
    for name in sets[:2]:
        add(tmp_path, name, "train", leak, fine)
    for name in sets[2:]:
        add(tmp_path, name, "test", f"Opens at 99 today! @{name} https://example.com/{name}")
    documents = recipe("train").training_rows(tmp_path)
    aimed = [row for row in recipe("target").targeted(tmp_path) if row.split == "train"]
    for rows in (documents, aimed):
        assert {leak, fine} & {row.text for row in rows} == {fine}


def add(folder: Path, name: str, split: str, *lines: str) -> None:
    with gzip.open(folder / "sentiment" / f"{name}.jsonl.gz", "at", encoding="utf-8") as file:
        for text in lines:
            row = {"text": text, "label": "neutral", "target": "it", "domain": name, "split": split}
            file.write(json.dumps(row) + "\n")


def test_the_bench_names_every_set_and_hard_kind(
    scripts: Path,
    data: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recipe("corpus"), "HERE", scripts)
    with parallel_config("sequential"):
        complaints.main(data)
    said = capsys.readouterr().out
    wanted = ["leave one of 7 files", "cesamard_reviews", *complaints.REVIEWS]
    assert [what for what in (*wanted, *recipe("measure").HARD) if what not in said] == []


@pytest.mark.dev_data
def test_the_shipped_model_reaches_its_bars(dev_data: Path) -> None:
    """The public test sets, through the files as shipped; `make bench` prints the rest."""
    corpus, measure, train = map(recipe, ("corpus", "measure", "train"))
    model, sets = load(MODELS), corpus.collected(dev_data)
    for name, bars in BARS.items():
        rows = [row for row in sets if row.split == "test" and row.name.startswith(name)]
        found = measure.figures(rows, train.by(model, rows))
        assert {figure: found[figure] for figure, bar in bars.items() if found[figure] < bar} == {}
