"""Features are the same numbers on every machine, for any text at all."""

from __future__ import annotations

import json
from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sentiment.features import (
    GRAMS,
    MAX_KNOWN,
    MAX_TOKENS,
    META,
    WORDS,
    Document,
    Reader,
    grams,
    hashed,
    meta,
)
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.style import NAMES, style

MODELS = Path(__file__).parents[2] / "models"


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Lexicon.parse((MODELS / "lexicon.json").read_bytes()))


def test_hashes_never_change() -> None:
    assert hashed("refund") == 267352
    assert hashed("café 😡") == 97260
    late = [1173, 8085, 12508, 33425, 71824, 86304, 108212, 109989, 125591]
    assert sorted(array("i", grams("late"))) == late
    assert sorted(array("i", grams("né"))) == [2505, 22360, 86109]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Refund of £40.50 in 3 days?!", "refund of <money> in <number> days ?!"),
        ("see https://shop.example/a?b=1 @Stayo", "see <url> <user>"),
        ("Order A1234 due 12:30, 50% off", "order a1234 due <time> , <percent> off"),
        ("sooooo baaad :( <3 #fail", "soo baad <frown> <smile> #fail"),
        ("it isn’t 3rd, 2026-11-03...", "it isn't <date> , <date> ..."),
        ("Grüße aus Köln 😡", "grüße aus köln 😡"),
        ("half a pair: \ud83d", "half a pair :"),
    ],
)
def test_tokens_fall_into_classes(reader: Reader, text: str, tokens: str) -> None:
    assert " ".join(word.text for word in reader.read(text).tokens) == tokens


def test_a_negation_reaches_to_the_end_of_its_clause(reader: Reader) -> None:
    document = reader.read("It did not work at all, bad luck")
    marked = [w.text for w, n in zip(document.tokens, document.negated, strict=True) if n]
    assert marked == ["work", "at", "all"]
    assert {"not work", "not … at", "not … all"} <= set(document.ids.values())


def test_lexicon_features_see_negation_boosters_and_but(reader: Reader) -> None:
    assert _named(reader, "good")["sum"] > 0 > _named(reader, "not good")["sum"]
    assert _named(reader, "very good")["best"] > _named(reader, "good")["best"]
    assert _named(reader, "slightly good")["best"] < _named(reader, "good")["best"]
    turned = _named(reader, "the screen is great but the battery is terrible")
    assert turned["before_but"] > 0 > turned["after_but"]


def test_rating_and_kind_may_be_unknown() -> None:
    assert meta(None, "") == meta(float("nan"), "no such kind") == [0.0] * len(META)
    assert dict(zip(META, meta(0.0, "review"), strict=True)) == {
        **dict.fromkeys(META, 0.0),
        "rated": 1.0,
        "stars": -1.0,
        "low": 1.0,
        "review": 1.0,
    }
    assert meta(7.0, "") == meta(1.0, "")


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_has_features(text: str) -> None:
    document = EMPTY.read(text)
    assert len(style(document)) == len(NAMES)
    assert all(0 <= i < WORDS for i in document.ids)
    assert all(0 <= i < GRAMS for w in document.words.values() for i in array("i", w.grams))


@given(st.text(max_size=80), st.text(max_size=80))
def test_what_was_read_before_changes_nothing(before: str, text: str) -> None:
    reader = Reader(Lexicon({"bad": -2.5}, {"bad": -1}, {"very": 0.293}))
    fresh = Reader(Lexicon({"bad": -2.5}, {"bad": -1}, {"very": 0.293}))
    reader.read(before)
    assert reader.read(text) == fresh.read(text)


def test_memory_is_bounded(reader: Reader) -> None:
    for start in range(0, 2 * MAX_KNOWN, MAX_TOKENS):
        reader.read(" ".join(f"{i:x}x" for i in range(start, start + MAX_TOKENS)))
        assert len(reader._known) <= MAX_KNOWN


def test_the_lexicon_names_its_licences() -> None:
    lists = json.loads((MODELS / "lexicon.json").read_text("utf-8"))
    assert lists["valence"]["licence"].startswith("MIT")
    assert lists["opinion"]["licence"].startswith("CC BY 4.0")


EMPTY = Reader(Lexicon({}, {}, {}))


def _named(reader: Reader, text: str) -> dict[str, float]:
    document: Document = reader.read(text)
    return dict(zip(NAMES, style(document), strict=True))
