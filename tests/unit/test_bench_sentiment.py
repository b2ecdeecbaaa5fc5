"""The bench's own arithmetic: a figure that is wrong there misleads whoever reads the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from scipy.sparse import csr_matrix

from tests.bench import complaints, dev, team
from tests.bench.bars import Bar
from tests.bench.held_out import ALWAYS, left_out, without
from tests.bench.recipe import recipe
from tests.bench.sentiment import fewer_alarms, shipped

POSTS = (  # text, author, about the brand, label, alert
    (
        "Ordered from Tarnbrook on 3 Oct. It is now 21 Oct. No parcel.",
        "ann",
        True,
        "negative",
        True,
    ),
    ("Tarnbrook put a lovely card in with it, thank you!", "bob", True, "positive", False),
    ("Tarnbrook support: sorry that it is late.", "tarnbrook", True, "neutral", False),
    ("We walked up to Tarnbrook, the bridge is broken there.", "cat", False, None, False),
    ("Another firm lost my parcel and never answers.", "dan", False, None, False),
)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    about = {"brand": "Tarnbrook", "own_authors": ["tarnbrook"]}
    (tmp_path / "tiny.brand.json").write_text(json.dumps(about), "utf-8")
    posts, labels = [], []
    for number, (text, author, ours, label, alert) in enumerate(POSTS):
        where = {"source": "forum", "external_id": str(number)}
        time = {"published_at": f"2026-11-0{number + 1}T08:00:00Z", "rating": None, "parent": None}
        post = {"kind": "forum", "url": "", "title": "", "text": text, "author": author}
        posts.append({**where, **post, **time})
        labels.append({**where, "about_brand": ours, "label": label, "alert": alert})
    for part, rows in (("posts", posts), ("labels", labels)):
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"tiny.{part}.jsonl").write_text(lines, "utf-8")
    return tmp_path


def test_a_stream_is_judged_over_matched_posts_about_the_brand_by_others(stream: Path) -> None:
    rows = dev.judged(stream, "tiny")
    assert [row["external_id"] for row in rows] == ["0", "1"]
    found = {bar.name: bar.value for bar in dev.bars(rows)}
    assert (found["posts"], found["of them to be told"], found["complaint AP"]) == (2, 1, 1.0)
    assert (found["complaint ≥ 0.47: precision"], found["complaint ≥ 0.47: recall"]) == (1.0, 1.0)
    assert 0.0 <= found["macro-F1 of the label"] <= 1.0


def test_what_is_told_is_counted_as_told() -> None:
    event = {"true_label": "negative", "label": "negative", "complaint": 0.1}
    rows = [
        {**event, "true_alert": True, "action": "attached"},
        {**event, "true_alert": True, "action": "digest"},
        {**event, "true_alert": False, "action": "alerted", "complaint": None},
    ]
    found = {bar.name: bar.value for bar in dev.bars(rows)}
    assert (found["told at all: precision"], found["told at all: recall"]) == (0.5, 0.5)
    assert found["complaint ≥ 0.47: recall"] == 0.0


def test_the_best_recall_keeps_the_precision() -> None:
    wanted = np.array([True, True, False, True, False, False])
    assert dev.best_recall(wanted, np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])) == pytest.approx(2 / 3)


def test_false_alarms_are_counted_at_the_recall_of_the_other_system() -> None:
    told = np.array([True, True, False, False, False])
    theirs = {
        "told": told,
        "shares": np.array([[1, 0, 0]] * 4 + [[0, 1, 0]]),
    }  # finds both, 2 false
    ours = {
        "told": told,
        "shares": np.array([[0.9, 0, 0], [0.4, 0, 0], [0.5, 0, 0]] + [[0] * 3] * 2),
    }
    assert fewer_alarms(ours, theirs) == 0.5


def test_a_bar_holds_or_falls_short() -> None:
    assert Bar("", 0.85, 0.85).holds
    assert not Bar("", 0.84, 0.85).holds
    assert not Bar("", 50.0, 50.0, most=True).holds
    assert Bar("", 0.0).verdict == "reported"


def test_what_ships_is_known() -> None:
    assert {"models/model.npz", "models/model.json", "models/lexicon.json"} <= shipped().keys()


class Learnt:
    """Rows as the recipe knows them, each a feature of its own."""

    def __init__(self, rows: Sequence[Any], index: Sequence[int]) -> None:
        self.rows, self.index = rows, list(index)
        places = np.eye(4)[self.index]
        self.x = recipe("corpus").Matrix(csr_matrix(places), np.zeros((len(self.index), 1)))

    def of(self, index: Sequence[int]) -> Learnt:
        return Learnt([self.rows[i] for i in index], [self.index[i] for i in index])


def by_heart(learnt: Learnt) -> list[Any]:
    """A column that gives 2 to the rows it has seen, and 1 to others."""
    return [recipe("heads").Column(np.eye(4)[learnt.index].sum(axis=0), np.zeros(1), 1.0)]


def test_a_group_is_scored_by_a_head_that_learnt_all_else() -> None:
    everything = Learnt([mention(f"text {at}") for at in range(4)], range(4))
    groups = np.array([0, 1, ALWAYS, 0])
    with parallel_config("sequential"):
        fitted = without(everything, groups, by_heart, "")
        logits = left_out(everything, groups, by_heart, "")
    assert [column.hashed.tolist() for (column,) in fitted] == [[0, 1, 1, 0], [1, 0, 1, 1]]
    assert logits.tolist() == [[1], [1], [0], [1]]


def test_a_text_has_one_fifth_in_whichever_set_it_stands() -> None:
    rows = [replace(mention(text), name="uci_sls", fold=6) for text in ("It broke!", "it broke")]
    other = replace(rows[0], name="goemotions")
    given, own = mention("It broke!"), replace(mention("It broke!"), fold=9)
    groups = complaints.fifths([*rows, other, given, own], files=7).tolist()
    assert groups[0] == groups[1] in range(complaints.FIFTHS)
    assert groups[2:] == [ALWAYS, ALWAYS, 4]


def test_left_out_files_are_those_of_the_data_folder() -> None:
    folds = ((0, True), (1, False), (2, True), (3, False), (3, True))
    rows = [replace(mention("a"), fold=fold, complaint=told) for fold, told in folds]
    rows += [replace(rows[1], bare=True), replace(rows[1], name="uci_sls")]
    score = np.array([0.9, 0.1, 0.2, 0.8, 0.7, 1.0, 1.0])
    values = [bar.value for bar in complaints.written(rows, score, files=2)]
    assert values == [1.0, pytest.approx(7 / 12)]


def test_a_review_is_scored_by_the_base_of_its_own_third() -> None:
    row = replace(mention("It broke", alert=True), name="cesamard_reviews")
    rows = [row, replace(row, fold=4), mention("of another set")]
    logits = np.array([[1.0, 0.0, 0.0, 5.0, -3.0, -60.0]] * 3)
    turned = [np.vstack([sign * np.eye(3), np.zeros(3)]) for sign in (1.0, -1.0, 0.0)]
    lines = np.array([[1.0, 0.0]] * 3)
    first, second = (found for _, found in team.reviews(rows, logits, turned, lines))
    assert first.score.label == "negative"
    assert second.score.negative < second.score.positive
    assert first.score.complaint == pytest.approx(1.0 / (1.0 + np.exp(3.0)))
    assert first.right == {"complaint": "complaint", "sentiment": "negative"}


def mention(
    text: str, trait: str = "praise", *, alert: bool = False, rating: float | None = None
) -> Any:
    """A row of the written corpus."""
    corpus = recipe("corpus")
    about = (0 if alert else 2), alert, 0, rating
    return corpus.Row("mentions", "train", "mentions", text, *about, trait=trait)


def test_hard_kinds_are_found_by_trait_stars_and_wording() -> None:
    measure = recipe("measure")
    rows = [
        mention("So glad it broke on day two", "sarcasm", alert=True),
        mention("Great, the third delay", "sarcasm", alert=True),
        mention("Not a single problem in two years", "praise", alert=False),
        mention("Never came", "factual_complaint", alert=True, rating=1.0),
        mention("Love it", "praise", alert=False, rating=0.0),
        mention("> it never came back to me\nmine did", "praise", alert=False),
    ]
    found = measure.hard_kinds(rows, np.array([0.9, 0.1, 0.8, 0.2, 0.1, 0.7]))
    kinds = {kind: tuple(told.values()) for kind, told in found.items() if told["rows"]}
    assert kinds == {
        "factual complaints": (1, 1, 0.0, 0),
        "sarcasm": (2, 2, 0.5, 0),
        "'no problems at all'": (1, 0, None, 1),
        "stars that contradict the text": (2, 1, 0.0, 0),
        "quoting others": (1, 0, None, 1),
    }
