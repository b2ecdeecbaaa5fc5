"""One target among others: its clauses, its surroundings, and a score that is about it alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Match, Mention, Post, Score
from monitor.reading.jsonl import mention_of
from monitor.sentiment import load
from monitor.sentiment.features import Document, Reader, part
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.target import FACTS, GROUPS, SIZE, View, view

MODEL = load(Path(__file__).parents[2] / "models")
READER = Reader(Lexicon({}, {}, {}))
SWAP = "Globex is terrible, so I bought the Acme router"


def mention(text: str, target: str, *rivals: str, title: str = "") -> Mention:
    line = {"text": text, "title": title, "target": target, "competitors": rivals}
    return mention_of(json.dumps(line))


def score(text: str, target: str, *rivals: str) -> Score:
    return MODEL.score([mention(text, target, *rivals)])[0]


def seen(found: Mention) -> tuple[Document, View]:
    document = READER.read(found.post.whole)
    return document, view(document, found)


def words(document: Document) -> str:
    return " ".join(word.text for word in document.tokens)


def facts(found: View) -> dict[str, float]:
    return dict(zip(FACTS, found.facts, strict=True))


# -- the view ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        (SWAP, "so i bought the acme router"),
        ("I like it but Acme is late. Really", "acme is late"),
        ("Acme sold me this. It broke. Bye, @AcmeHelp!", "acme sold me this @acmehelp"),
        ("No brand here, none", "no brand here , none"),
        ("Acme", "acme"),
    ],
)
def test_the_clauses_are_those_that_name_the_target(text: str, clause: str) -> None:
    document, found = seen(mention(text, "Acme"))
    wanted = clause.replace("@acmehelp", "<user>")
    assert words(found.clause) == wanted
    assert (found.clause is document) == (wanted == words(document))


def test_what_is_said_of_a_rival_alone_is_not_about_the_target() -> None:
    found = seen(mention(SWAP, "Acme", "Globex"))[1]
    assert words(found.about) == ", so i bought the acme router"
    both, shared = seen(mention("Acme beats Globex", "Acme", "Globex"))
    assert shared.about is both
    assert words(seen(mention("Globex fell", "Acme", "Globex"))[1].about) == "globex fell"


def test_a_target_that_only_the_title_names_has_no_place() -> None:
    document, found = seen(mention("Broke. Twice.", "Acme", title="Acme kettle"))
    assert found.clause is document
    assert facts(found)["placed"] == 0.0


def test_the_title_moves_no_place() -> None:
    titled = seen(mention("One. Acme is late. Two.", "Acme", title="A title: with marks"))[1]
    assert words(titled.clause) == "acme is late"


def test_names_are_hidden_and_roles_are_not() -> None:
    ours = seen(mention("Acme beats Globex by far", "Acme", "Globex"))[1]
    renamed = seen(mention("Velora beats Stayo by far", "Velora", "Stayo"))[1]
    swapped = seen(mention("Acme beats Globex by far", "Globex", "Acme"))[1]
    unknown = seen(mention("Acme beats Globex by far", "Acme"))[1]
    same = [np.array_equal(a, b) for a, b in zip(ours.ids, renamed.ids, strict=True)]
    assert all(same)
    for other in (swapped, unknown):
        assert not np.array_equal(ours.ids[3], other.ids[3])
    assert facts(ours)["rivals"] > facts(unknown)["rivals"] == 0.0


def test_the_order_and_the_negation_of_words_count() -> None:
    texts = ("Acme helps me", "me helps Acme", "Acme never helps me")
    views = [seen(mention(text, "Acme"))[1] for text in texts]
    assert len({tuple(found.ids[3]) for found in views}) == len(texts)


def test_a_part_of_a_document_is_read_as_if_it_stood_alone() -> None:
    document = READER.read("It is not good. Fine then")
    alone = READER.read("not good.")
    found = part(document, range(2, 5))
    assert (found.tokens, found.negated, found.ids) == (alone.tokens, alone.negated, alone.ids)
    assert found.words == alone.words


PLACES = st.builds(
    Match,
    st.just("x"),
    st.sampled_from(("title", "text", "thread", "link", "source")),
    st.integers(-5, 30_000),
    st.integers(-5, 30_000),
)


@given(
    text=st.text(st.characters(exclude_categories=())),
    title=st.text(max_size=20),
    matches=st.lists(PLACES, max_size=5),
    rivals=st.lists(PLACES, max_size=5),
    times=st.sampled_from((1, 300)),
)
def test_any_places_in_any_text_have_a_score(
    text: str, title: str, matches: list[Match], rivals: list[Match], times: int
) -> None:
    post = Post("s", "", "1", "", text[:40] * times, title)
    odd = Mention(post, "x", tuple(matches), rivals=tuple(rivals))
    document, found = seen(odd)
    assert [len(found.ids), len(found.facts)] == [len(GROUPS), len(FACTS)]
    assert all(((ids >= 0) & (ids < SIZE)).all() for ids in found.ids)
    assert all(math.isfinite(fact) for fact in found.facts)
    assert len(found.clause.tokens) <= len(document.tokens)
    given_ = MODEL.score([odd])[0]
    assert math.isclose(given_.negative + given_.neutral + given_.positive, 1.0, abs_tol=1e-9)
    assert 0.0 <= (given_.complaint or 0.0) <= 1.0


def test_places_behind_what_is_read_are_left_out() -> None:
    text = "word " * 3_000 + "Acme"
    found = mention(text, "Acme")
    assert found.matches[0].start > 10_000
    assert facts(seen(found)[1])["placed"] == 0.0
    assert MODEL.score([found]) == MODEL.score([replace(found, matches=(Match("x", "source"),))])


# -- the score -----------------------------------------------------------------------------------


def test_bad_news_for_one_is_better_news_for_the_other() -> None:
    acme, globex = score(SWAP, "Acme", "Globex"), score(SWAP, "Globex", "Acme")
    assert globex.label == "negative"
    assert acme.positive > globex.positive + 0.1
    assert acme.negative < globex.negative - 0.1
    assert (acme.complaint or 0.0) < 0.5 < (globex.complaint or 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "The cafe is between the bank and the Acme shop.",
        "Parked outside Acme on Mill Street, then walked to the station.",
        "She worked at Acme from 2015 to 2019 before joining the council.",
    ],
)
def test_a_mention_in_passing_is_neutral(text: str) -> None:
    assert score(text, "Acme").label == "neutral"
    assert (score(text, "Acme").complaint or 0.0) < 0.5


def test_without_a_target_the_document_model_answers() -> None:
    line = {"text": SWAP}
    alone = MODEL.score([mention_of(json.dumps(line))])[0]
    assert alone == MODEL.score([mention_of(json.dumps(line | {"competitors": ["Globex"]}))])[0]
    assert alone != score(SWAP, "Acme")
