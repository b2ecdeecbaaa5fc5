"""The shipped model: golden scores, a valid score for any text, and refusal of wrong files."""

from __future__ import annotations

import hashlib
import io
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Match, Mention, Post, Score
from monitor.reading.jsonl import mention_of
from monitor.sentiment import ModelError, load
from monitor.sentiment.features import KINDS
from monitor.sentiment.model import HEADS

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "models"
GOLDEN = ROOT / "tests" / "fixtures" / "sentiment" / "golden.jsonl"
MODEL = load(MODELS)


def golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in GOLDEN.read_text("utf-8").splitlines()]


def score(text: str, *, title: str = "", rating: float | None = None, kind: str = "") -> Score:
    post = Post("somewhere", kind, "1", "", text, title=title, rating=rating)
    return MODEL.score([Mention(post, "Stayo", ())])[0]


@pytest.mark.parametrize("row", golden(), ids=lambda row: row["text"][:30])
def test_scores_do_not_drift(row: dict[str, Any]) -> None:
    wanted = row["score"]
    found = MODEL.score([mention_of(json.dumps(row))])[0]
    for share in ("negative", "neutral", "positive", "complaint"):
        assert getattr(found, share) == pytest.approx(wanted[share], abs=1e-3), share
    assert list(found.why) == wanted["why"]


def test_order_and_company_change_nothing() -> None:
    mentions = [mention_of(json.dumps(row)) for row in golden()]
    fresh = load(MODELS)
    assert fresh.score(mentions[::-1])[::-1] == MODEL.score(mentions)
    assert MODEL.score([]) == []


def test_calm_complaints_stand_above_praise_and_questions() -> None:
    complaints = (
        "Ordered on 3 Oct. It is now 21 Oct. No parcel.",
        "Still waiting for my refund after three weeks, nobody answers.",
        "The download link on your page gives a 404.",
        "worst phone ever, waste of money",
    )
    others = (
        "I love this kettle, best I ever had.",
        "How do I change the seat height?",
        "Stayo opens a new hotel in Leeds.",
        "update: they fixed it, thanks",
        "no problems at all, works perfectly",
    )
    worst = max(score(text).complaint or 0.0 for text in others)
    assert worst < min(score(text).complaint or 0.0 for text in complaints)


def test_stars_count() -> None:
    text = "The box was the blue one."
    low, unknown, high = (
        score(text, rating=rating, kind="review").complaint for rating in (0.0, None, 1.0)
    )
    assert low > unknown > high


def test_the_title_is_read() -> None:
    assert score("It did.", title="Broken on arrival").complaint > score("It did.").complaint


@pytest.mark.parametrize(
    ("rating", "label"), [(None, "neutral"), (0.0, "negative"), (0.5, "neutral"), (1.0, "positive")]
)
def test_a_text_without_a_word_is_no_complaint(rating: float | None, label: str) -> None:
    found = score(" \x00", rating=rating)
    assert (found.label, found.complaint, found.why) == (label, 0.0, ())
    assert_valid(found)


def test_why_names_the_deciding_words_of_the_text() -> None:
    why = score("The app crashed twice and my refund never arrived. Sun is out.").why
    assert 1 <= len(why) <= 5
    assert {"crashed", "refund", "never", "twice"} & {word for name in why for word in name.split()}
    assert "sun" not in " ".join(why)
    assert score("I love it, perfect!").why[0] in ("love", "i love", "love it", "perfect")


HOSTILE = {
    "empty": "",
    "long": "All right, " * 10_000,
    "emoji": "😡" * 100_000,
    "nul": "\0" * 100_000,
    "one word": "late " * 50_000,
    "one letter": "x" * 100_000,
    "distinct words": " ".join(f"w{i * 7919:x}" for i in range(20_000)),
    "punctuation": ":-_(.'" * 20_000,
    "underscores": "a_" * 50_000,
    "dots": "1.1" * 40_000,
    "growing in lower case": "İ" * 100_000,
    "half surrogates": "\ud800 \udfff",
    "scripts": "Ελλάδα 日本語 العربية हिन्दी " * 1_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_have_a_score_in_no_time(text: str) -> None:
    matches = tuple(Match("x", "text", at, at + 4) for at in range(0, 20_000, 1_000))
    spent = []
    for _ in range(3):  # the best of three, each by a model that has read nothing like it yet
        mention = Mention(Post("somewhere", "", "1", "", text), "Stayo", matches)
        model = load(MODELS)
        model.score(
            [Mention(Post("somewhere", "", "1", "", "Hello"), "Stayo", ())]
        )  # loads the rest
        start = time.process_time()
        found = model.score([mention])
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05
    assert_valid(found[0])


@given(
    text=st.text(st.characters(exclude_categories=())),
    title=st.text(max_size=20),
    rating=st.none() | st.floats(),
    kind=st.sampled_from(("", "no such kind", *KINDS)),
)
def test_any_mention_has_a_valid_score(
    text: str, title: str, rating: float | None, kind: str
) -> None:
    assert_valid(score(text, title=title, rating=rating, kind=kind))


def assert_valid(found: Score) -> None:
    shares = (found.negative, found.neutral, found.positive)
    assert math.isclose(sum(shares), 1.0, abs_tol=1e-9)
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert found.complaint is None or 0.0 <= found.complaint <= 1.0
    assert found.scored or found.lang != "en"
    assert len(found.why) <= 5


def test_the_name_tells_the_file() -> None:
    digest = hashlib.sha256((MODELS / "model.npz").read_bytes()).hexdigest()
    assert score("Late.").model == MODEL.name == f"linear@{digest[:12]}"


def test_scoring_needs_numpy_only() -> None:
    code = (
        "import sys; from pathlib import Path; from monitor.domain import Mention, Post;"
        "from monitor.sentiment import load;"
        "load(Path('models')).score([Mention(Post('s', '', '1', '', 'Late again.'), 'b', ())]);"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'sklearn', 'scipy', 'pickle'}))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "sklearn" not in found.stdout
    assert "scipy" not in found.stdout


# -- files that are not the model ------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the shipped models, to be damaged."""
    for path in (*MODELS.glob("*.npz"), MODELS / "model.json", MODELS / "lexicon.json"):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def test_a_good_copy_loads(copy: Path) -> None:
    assert load(copy).score([]) == []


def damaged_byte(path: Path) -> None:
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("name", ["model.npz", "lexicon.json"])
@pytest.mark.parametrize("damage", [damaged_byte, truncated])
def test_a_damaged_file_is_refused(copy: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(copy / name)
    assert refusal(copy).startswith(f"{copy / name} is damaged or not of this model")


@pytest.mark.parametrize("name", ["model.json", "model.npz", "lexicon.json"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert refusal(copy).startswith(f"{copy / name} cannot be read (No such file")


@pytest.mark.parametrize("key", ["format", "features", "bits", "heads"])
def test_another_version_is_refused(copy: Path, key: str) -> None:
    about = json.loads((copy / "model.json").read_text("utf-8"))
    about[key] = about[key][:1] if key in ("bits", "heads") else about[key] + 1
    (copy / "model.json").write_text(json.dumps(about), "utf-8")
    assert "is of version" in refusal(copy)


def test_a_list_of_languages_that_is_none_is_refused(copy: Path) -> None:
    about = json.loads((copy / "model.json").read_text("utf-8"))
    for languages in (["de"], {"de": "model-de.npz"}, {"de": {"sha256": 5}}, None):
        (copy / "model.json").write_text(json.dumps(about | {"languages": languages}), "utf-8")
        assert "does not describe a model" in refusal(copy)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": 1}', "\x00"])
def test_a_broken_description_is_refused(copy: Path, text: str) -> None:
    (copy / "model.json").write_text(text, "utf-8")
    assert "does not describe a model" in refusal(copy)


def test_pickled_arrays_are_refused(copy: Path) -> None:
    replace_arrays(copy, words=np.array([{"a": 1}], dtype=object))
    assert "is not a model (Object arrays cannot be loaded" in refusal(copy)


@pytest.mark.parametrize(
    "arrays",
    [
        {"bias": np.zeros(3)},
        {"words": np.zeros((5, len(HEADS)), np.int8)},
        {"scale": np.zeros((2, len(HEADS)), "f4")},
        {"odds": np.zeros((2, 3))},
        {"complaint": np.zeros(3)},
        {"target_words": np.zeros((4, 4), np.int8)},
        {"target_bias": np.zeros(3)},
    ],
)
def test_arrays_of_another_shape_or_type_are_refused(copy: Path, arrays: dict[str, Any]) -> None:
    replace_arrays(copy, **arrays)
    assert f"has the wrong shape or type of {next(iter(arrays))!r}" in refusal(copy)


def test_arrays_of_other_names_are_refused(copy: Path) -> None:
    replace_arrays(copy, another=np.zeros(2))
    assert "is not a model" in refusal(copy)
    replace_arrays(copy, without=("another", "odds"))
    assert "is not a model" in refusal(copy)


def test_without_a_second_stage_the_document_model_answers(copy: Path) -> None:
    mention = mention_of(json.dumps({"text": "Stayo is late again.", "target": "Stayo"}))
    nowhere = replace(mention, matches=())
    replace_arrays(copy, without=[f"target_{name}" for name in ("words", "scale", "dense", "bias")])
    alone, of_document = load(copy).score([mention, nowhere])
    assert alone == of_document
    assert MODEL.score([nowhere])[0].complaint == of_document.complaint
    assert MODEL.score([mention])[0].complaint != of_document.complaint


def test_other_files_under_the_right_sum_are_refused(copy: Path) -> None:
    (copy / "model.npz").write_bytes(b"no zip")
    signed(copy)
    assert "is not a model" in refusal(copy)


def replace_arrays(folder: Path, *, without: Collection[str] = (), **arrays: Any) -> None:
    """Put other arrays into model.npz, or take some away, and its right SHA-256 into model.json."""
    with np.load(folder / "model.npz") as old:
        new = {name: array for name, array in {**old, **arrays}.items() if name not in without}
    buffer = io.BytesIO()
    np.savez(buffer, **new)
    (folder / "model.npz").write_bytes(buffer.getvalue())
    signed(folder)


def signed(folder: Path) -> None:
    about = json.loads((folder / "model.json").read_text("utf-8"))
    about["sha256"] = hashlib.sha256((folder / "model.npz").read_bytes()).hexdigest()
    (folder / "model.json").write_text(json.dumps(about), "utf-8")


def refusal(folder: Path) -> str:
    """The one line that says why the folder's model is refused."""
    with pytest.raises(ModelError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    assert "make model" in str(caught.value)
    return str(caught.value)
