"""The written corpus in models/data: well-formed, and no row says what another says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "models" / "data"
RUN = 6  #: words in a row that two texts must not share
FEWEST = 1_500  #: rows, as promised
LABELS = {"negative", "neutral", "positive"}
KINDS = {"tweet", "forum", "reddit", "review", "blog", "comment", "news", "hackernews"}
TOPICS = {
    *("billing", "access", "broken_link", "checkout", "delivery", "product_defect"),
    *("returns_refund", "support_unresponsive", "website_down", "privacy_security"),
    *("product_question", "pricing", "praise", "other"),
}
STARS = {None, 0, 0.25, 0.5, 0.75, 1}
LANGUAGES = {"en", "de", "fr", "es"}
KEYS = {
    *("text", "title", "target", "label", "alert", "topic"),
    *("kind", "rating", "lang", "industry", "trait"),
}

Row = dict[str, Any]


def written(folder: Path) -> list[tuple[str, Row]]:
    """Each row of mentions*.jsonl, with its file and line."""
    return [
        (f"{path.name}:{number}", json.loads(line))
        for path in sorted(folder.glob("mentions*.jsonl"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    ]


def faults(row: Row) -> Iterator[str]:
    """What is wrong with one row."""
    if row.keys() != KEYS:
        yield f"keys {sorted(row.keys() ^ KEYS)}"
        return
    for key, allowed in (
        ("label", LABELS),
        ("kind", KINDS),
        ("topic", TOPICS),
        ("lang", LANGUAGES),
    ):
        if row[key] not in allowed:
            yield f"{key} {row[key]!r}"
    if row["rating"] not in STARS:
        yield f"rating {row['rating']!r}"
    if not isinstance(row["alert"], bool):
        yield f"alert {row['alert']!r}"
    elif row["alert"] and row["label"] == "positive":
        yield "a complaint of somebody who is content"
    if not all(row[key] and isinstance(row[key], str) for key in ("text", "target", "trait")):
        yield "text, target or trait is empty"


def runs(row: Row) -> set[str]:
    """Every run of RUN words of a row."""
    words = re.findall(r"\w+(?:'\w+)?", f"{row['title']} . {row['text']}".lower().replace("’", "'"))
    return {" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}


def shared(rows: Iterable[tuple[str, Row]], others: Iterable[tuple[str, Row]] = ()) -> list[str]:
    """The rows that share a run with another one or with one of ``others``.

    A text that names two brands stands twice; that is no sharing.
    """
    first = {run: (where, row["text"]) for where, row in others for run in runs(row)}
    found = []
    for where, row in rows:
        for run in runs(row):
            other, text = first.setdefault(run, (where, row["text"]))
            if text != row["text"]:
                found.append(f"{where} and {other}")
                break
    return found


def test_there_are_as_many_rows_as_promised_in_every_language() -> None:
    rows = written(FOLDER)
    assert len(rows) >= FEWEST
    for lang in LANGUAGES - {"en"}:
        of_file = {row["lang"] for where, row in rows if where.startswith(f"mentions-{lang}.")}
        assert of_file == {lang}
    assert {row["lang"] for where, row in rows if where[len("mentions-")].isdigit()} == {"en"}


def test_every_row_is_well_formed() -> None:
    rows = written(FOLDER)
    assert [f"{where}: {fault}" for where, row in rows for fault in faults(row)] == []


def test_no_two_rows_share_a_run_of_words() -> None:
    assert shared(written(FOLDER)) == []


@pytest.mark.dev_data
def test_no_row_shares_a_run_of_words_with_the_other_written_ones(dev_data: Path) -> None:
    others = written(dev_data / "mentions")
    assert len(others) > 2_000
    assert shared(written(FOLDER), others) == []


@pytest.mark.dev_data
def test_no_row_knows_the_development_stream(dev_data: Path) -> None:
    lines = (dev_data / "streams" / "dev.posts.jsonl").read_text("utf-8").splitlines()
    posts = [(f"dev post {number}", json.loads(line)) for number, line in enumerate(lines, 1)]
    rows = written(FOLDER)
    known = {run for _, post in posts for run in runs(post)}
    assert known
    assert [where for where, row in rows if runs(row) & known] == []
    brand = json.loads((dev_data / "streams" / "dev.brand.json").read_text("utf-8"))["brand"]
    named = re.compile(rf"\b{re.escape(brand)}\b", re.IGNORECASE)
    assert [where for where, row in rows if named.search(row["target"])] == []


# -- the checks themselves ---------------------------------------------------------------


def row(**changes: Any) -> Row:
    about = {"title": "", "target": "Acme", "label": "negative", "alert": True, "topic": "other"}
    kind = {"kind": "tweet", "rating": None, "lang": "en", "industry": "tools", "trait": "sarcasm"}
    return {"text": "one two three four five six", **about, **kind, **changes}


def test_a_well_formed_row_has_no_fault() -> None:
    assert list(faults(row())) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"label": "bad"},
        {"alert": 1},
        {"label": "positive"},
        {"topic": "weather"},
        {"kind": "letter"},
        {"rating": 5},
        {"lang": "xx"},
        {"text": ""},
        {"more": 1},
    ],
)
def test_a_fault_is_found(changes: Row) -> None:
    assert len(list(faults(row(**changes)))) == 1


def test_a_shared_run_is_found_across_punctuation_and_case() -> None:
    rows = [("a:1", row()), ("a:2", row(text="Zero, one two THREE four five. Six!"))]
    assert shared(rows) == ["a:2 and a:1"]
    assert shared(rows[1:], rows[:1]) == ["a:2 and a:1"]


def test_one_text_about_two_brands_shares_nothing() -> None:
    assert shared([("a:1", row()), ("a:2", row(target="Globex", alert=False))]) == []


def test_five_words_may_be_shared() -> None:
    assert shared([("a:1", row()), ("a:2", row(text="one two three four five seven"))]) == []
