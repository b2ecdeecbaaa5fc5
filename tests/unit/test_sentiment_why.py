"""Why: the words that decided, and the sentence they stand in, as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.sentiment.features import Reader
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.why import LONGEST, sentence, strongest

READER = Reader(Lexicon({}, {}, {}))
STORY = "We had a lovely week.\nThe DOWNLOAD link is dead! Otherwise fine, e.g. the pool"


@pytest.mark.parametrize(
    ("worth", "found"),
    [
        ({"link": 1.0, "dead": 2.0}, "The DOWNLOAD link is dead!"),
        ({"lovely": 1.0}, "We had a lovely week."),
        ({"is dead": 1.0}, "The DOWNLOAD link is dead!"),
        ({}, "We had a lovely week."),
    ],
)
def test_the_sentence_is_the_one_whose_words_add_most(worth: dict[str, float], found: str) -> None:
    assert sentence(READER.read(STORY), worth) == found


@pytest.mark.parametrize("text", ["again and " * 200, "a" * 2_000, "今日は" * 400])
def test_a_very_long_sentence_is_cut(text: str) -> None:
    found = sentence(READER.read(text), {})
    assert LONGEST - 60 < len(found) <= LONGEST
    assert found.endswith("…")


def test_marks_alone_are_no_sentence() -> None:
    assert sentence(READER.read("?! ... ."), {}) == ""


def test_words_come_in_order_and_small_ones_only_in_company() -> None:
    worth = {"the": 9.0, "dead": 3.0, "link": 2.0, "dead link": 1.5, "the link": 1.0, "good": -1.0}
    assert strongest(worth, "en") == ("dead", "link")
    assert strongest({"why is": 2.0, "why": 1.0}, "en") == ()


@given(st.text(max_size=300), st.integers(1, 5))
def test_a_sentence_is_a_part_of_its_text(text: str, times: int) -> None:
    document = READER.read(text * times)
    if any(word.kind != "end" for word in document.tokens):
        found = sentence(document, {})
        assert found
        assert found.removesuffix("…") in document.text
