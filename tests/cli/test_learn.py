"""train and evaluate as people use them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.using import BRAND, Shell, rss, source
from tests.standins.web import Web

FIRM = (
    "My order from Quiltworks {} has not arrived after {} weeks",
    "Quiltworks charged me twice for order {} and nobody answers, {} days now",
    "The zip of my Quiltworks coat {} broke after {} days, they refuse a refund",
)
MILD = (
    "I sewed dress {} by Quiltworks in {} evenings and love it",
    "Quiltworks shows pattern {} at the fair for {} days",
    "Wore the Quiltworks coat {} all winter, {} compliments",
)


def texts(templates: Sequence[str], n: int) -> list[str]:
    return [templates[i % len(templates)].format(f"A{i}", i + 2) for i in range(n)]


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A monitor that has seen 24 complaints and 24 other mentions."""
    said = texts(FIRM, 24) + texts(MILD, 24)
    shell = Shell(tmp_path_factory.mktemp("street"))
    with Web({"/feed": rss(*((f"Post {i}", text, "Ana") for i, text in enumerate(said)))}) as web:
        (shell.folder / "monitor.toml").write_text(
            '[http]\nallow_private = ["127.0.0.0/8"]\n'
            f'[[brand]]\nname = "{BRAND}"\n[alerts]\nbacklog = "1d"\n'
            + source("blog", web.url("/feed"))
        )
        shell("once")
    return shell


@pytest.fixture
def monitor(street: Shell, tmp_path: Path) -> Shell:
    return Shell(Path(shutil.copytree(street.folder, tmp_path / "copy")))


def mentions(monitor: Shell) -> list[dict[str, Any]]:
    return sorted(monitor("mentions", "--jsonl").jsonl, key=lambda row: row["id"])


def label_all(monitor: Shell, rows: Sequence[dict[str, Any]], *, swapped: bool = False) -> None:
    """As a team would over weeks; written at once, since a process a label would take minutes."""
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as db, db:
        for row in rows:
            told = any(word in row["text"] for word in ("arrived", "charged", "broke")) != swapped
            value = "complaint" if told else "no-complaint"
            db.execute(
                "INSERT INTO labels (mention_id, kind, value, labelled_by, labelled_at)"
                " VALUES (?, 'complaint', ?, 'ana', '2026-11-20 12:00:00')",
                (row["id"], value),
            )


def test_without_labels_train_says_what_is_needed_and_asks_for_ten(monitor: Shell) -> None:
    said = monitor("train", "--json").json
    assert [r["head"] for r in said["receipts"]] == ["complaint", "sentiment"]
    assert {r["state"] for r in said["receipts"]} == {"refused"}
    assert "at least 10 of each are needed" in said["receipts"][0]["reason"]
    assert 3 <= len(said["label"]) <= 10
    assert {row["source"] for row in said["label"]} == {"blog"}
    shown = monitor("train").out
    assert f"{BRAND}, complaint: refused: 0 labels (0 complaints)" in shown
    first = said["label"][0]["id"]
    assert f"monitor label {first} complaint    or    monitor label {first} no-complaint" in shown


def test_what_was_labelled_is_not_asked_again(monitor: Shell) -> None:
    first = monitor("train", "--json").json["label"][0]["id"]
    monitor("label", str(first), "no-complaint")
    said = monitor("train", "--json").json
    assert first not in [row["id"] for row in said["label"]]
    assert said["receipts"][0]["labels"] == 1


def test_a_training_has_its_receipt_and_is_undone(monitor: Shell) -> None:
    """Swapped labels are refused; a layer that was promoted shows in status until it is undone."""
    label_all(monitor, mentions(monitor), swapped=True)
    (receipt, _) = monitor("train", "--json").json["receipts"]
    assert (receipt["state"], receipt["labels"], receipt["positives"]) == ("refused", 48, 24)
    assert receipt["before"] is not None
    assert monitor.status()["layers"] == []
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as db, db:
        assert db.execute("SELECT count(*) FROM layers").fetchone() == (1,)
        db.execute("UPDATE layers SET state = 'promoted'")
    (layer,) = monitor.status()["layers"]
    assert (layer["brand"], layer["layer"]) == (BRAND, "complaint#1")
    assert f"learnt     {BRAND}: complaint#1 from 48 labels, " in monitor("status").out
    assert f"{BRAND}, complaint: complaint#1 of " in monitor("train", "--undo").out
    assert monitor.status()["layers"] == []
    assert monitor("train", "--undo").out == f"{BRAND}: no training to undo\n"


def test_labels_on_reddit_are_left_out_unless_the_operator_may_use_them(monitor: Shell) -> None:
    with closing(sqlite3.connect(monitor.folder / "monitor.db")) as db, db:
        db.execute("UPDATE mentions SET kind = 'reddit'")
    label_all(monitor, mentions(monitor)[:30])
    said = monitor("train", "--json").json
    assert (said["reddit_left_out"], said["receipts"][0]["labels"], said["label"]) == (30, 0, [])
    assert "30 mentions on Reddit with labels left out" in monitor("train").out
    with (monitor.folder / "monitor.toml").open("a") as config:
        config.write("[privacy]\ntrain_on_reddit = true\n")
    said = monitor("train", "--json").json
    assert (said["reddit_left_out"], said["receipts"][0]["labels"]) == (0, 30)
    assert said["label"] != []


def test_train_of_a_brand_that_is_not_configured_is_wrong_use(monitor: Shell) -> None:
    said = monitor("train", "--brand", "Globex", status=2).complaint
    assert said == f"monitor: train: no brand 'Globex': the configuration has {BRAND}"


# -- evaluate ------------------------------------------------------------------------


def lines(empty: Shell, *rows: object) -> str:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    (empty.folder / "rows.jsonl").write_text(text)
    return "rows.jsonl"


GOOD = [
    {"text": "My order never came, no answer for weeks", "label": "negative", "alert": True},
    {"text": "I love it, wonderful!", "label": "positive", "alert": False, "trait": "praise"},
    {"text": "It opens at nine", "label": "neutral"},
]


def test_evaluate_measures_both_heads(empty: Shell) -> None:
    seen = empty("evaluate", lines(empty, *GOOD), "--json").json
    assert (seen["sentiment"]["rows"], seen["complaint"]["rows"]) == (3, 2)
    assert seen["complaint"]["complaints"] == 1
    assert seen["complaint"]["ap"] == seen["sentiment"]["negative_ap"] == 1.0
    assert seen["complaint"]["at_threshold"]["threshold"] == 0.47
    assert 0.0 <= seen["complaint"]["calibration_error"] <= 1.0
    assert sum(sum(row.values()) for row in seen["sentiment"]["confusion"].values()) == 3
    assert list(seen["traits"]) == ["praise"]
    assert seen["traits"]["praise"]["sentiment"]["rows"] == 1
    shown = empty("evaluate", "rows.jsonl").out
    assert "macro-F1" in shown
    assert "praise" in shown


def test_evaluate_uses_the_thresholds_of_the_configuration(empty: Shell) -> None:
    (empty.folder / "monitor.toml").write_text(
        f'[[brand]]\nname = "{BRAND}"\n[alerts]\ncomplaint = 1.0\nnegative = 0.0\n'
    )
    seen = empty("evaluate", lines(empty, *GOOD), "--json").json
    assert seen["complaint"]["at_threshold"]["recall"] == 0.0
    assert seen["sentiment"]["at_threshold"]["recall"] == 1.0


def test_bad_lines_are_named_and_the_rest_is_measured(empty: Shell) -> None:
    path = lines(empty, GOOD[0], "no json", {"text": "a", "label": "angry"}, "", [1], GOOD[1])
    said = empty("evaluate", path, "--json", status=1)
    assert said.json["sentiment"]["rows"] == 2
    assert said.err.splitlines() == [
        "monitor: rows.jsonl, line 2: not JSON: Expecting value at character 1",
        'monitor: rows.jsonl, line 3: "label" must be one of negative, neutral, positive',
        "monitor: rows.jsonl, line 5: not a JSON object",
    ]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"text": "a", "label": "neutral", "alert": "yes"}, '"alert" must be true, false or null'),
        ({"text": 1, "label": "neutral"}, '"text" must be a text'),
        ({"text": "a", "label": "neutral", "rating": 5}, '"rating" must be a number from 0 to 1'),
        ({"text": "a", "label": ["neutral"]}, '"label" must be one of'),
    ],
)
def test_a_file_without_a_good_line_is_wrong_use(empty: Shell, row: object, said: str) -> None:
    done = empty("evaluate", lines(empty, row), status=2)
    bad, none = done.err.splitlines()
    assert bad.startswith(f"monitor: rows.jsonl, line 1: {said}")
    assert none.startswith("monitor: evaluate: no line that can be measured")


def test_a_file_that_is_not_there_is_one_line(empty: Shell) -> None:
    assert "none.jsonl: cannot be read" in empty("evaluate", "none.jsonl", status=2).complaint
