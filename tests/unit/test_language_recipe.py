"""The small models of other languages: their words, and plain sentences that none was taught."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from monitor.sentiment.features import Reader
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.opinions import NEGATIONS, OPINIONS
from monitor.sentiment.style import NAMES, style

ROOT = Path(__file__).parents[2]
LEXICON = Lexicon.parse((ROOT / "models" / "lexicon.json").read_bytes())
FIXTURES = ROOT / "tests" / "fixtures" / "sentiment"
#: The first were written before the words and in sight of them; the later ones when all was fixed.
PLAIN, LATER = (
    [json.loads(line) for line in (FIXTURES / name).read_text("utf-8").splitlines()]
    for name in ("plain.jsonl", "plain-later.jsonl")
)
DATA = os.environ.get("MONITOR_DEV_DATA")


# -- the words -----------------------------------------------------------------------------


@pytest.mark.parametrize("lang", OPINIONS)
def test_every_word_is_found_by_the_reader(lang: str) -> None:
    reader = Reader(LEXICON.of(lang))
    for word, sign in OPINIONS[lang].items():
        assert [(w.text, w.opinion) for w in reader.read(word.title()).tokens] == [(word, sign)]
    for word in NEGATIONS[lang]:
        assert [w.kind for w in reader.read(word).tokens] == ["not"]


@pytest.mark.parametrize(
    ("lang", "text", "name"),
    [
        ("de", "Ein guter Laden", "likes"),
        ("de", "Wir sind nicht zufrieden", "not_likes"),
        ("de", "Das Gerät ist kaputt", "dislikes"),
        ("es", "Estamos encantadas", "likes"),
        ("es", "Un trato sin errores", "not_dislikes"),
        ("fr", "Nous sommes déçues", "dislikes"),
        ("fr", "Ce n'est pas efficace", "not_likes"),
    ],
)
def test_a_liked_word_counts_in_each_form_and_turns_under_a_negation(
    lang: str, text: str, name: str
) -> None:
    row = dict(zip(NAMES, style(Reader(LEXICON.of(lang)).read(text)), strict=True))
    kinds = ("likes", "dislikes", "not_likes", "not_dislikes")
    assert [kind for kind in kinds if row[kind]] == [name]


def test_english_is_read_as_before() -> None:
    assert LEXICON.negations == frozenset()
    assert [word.kind for word in Reader(LEXICON).read("nicht ohne dont").tokens] == [
        *("word", "word", "not")
    ]


# -- the models ----------------------------------------------------------------------------


def test_the_plain_sentences_are_many_enough() -> None:
    sorts = Counter((row["lang"], row["label"], row["alert"]) for row in PLAIN)
    for lang in OPINIONS:
        wanted = {("negative", True): 15, ("neutral", False): 6, ("positive", False): 9}
        assert {(label, told): sorts[lang, label, told] for label, told in wanted} == wanted
    assert sorts.total() == 90


@pytest.fixture(scope="module")
def recipe() -> Iterator[SimpleNamespace]:
    """The recipe's functions, and the three models, built anew."""
    if not DATA:
        pytest.skip("MONITOR_DEV_DATA is not set: the small models are not built")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "models"))
        import corpus
        import languages

        made = languages.train(Path(DATA), LEXICON)
        yield SimpleNamespace(corpus=corpus, languages=languages, made=made)


def features_of(recipe: SimpleNamespace, lang: str, shown: list[dict[str, Any]]) -> Any:
    row = recipe.languages.written(recipe.languages.source_of(lang))[0]
    rows = [recipe.languages.replace(row, text=r["text"], rating=None, kind="") for r in shown]
    return recipe.languages.small(recipe.corpus.matrix(rows, LEXICON.of(lang), "plain sentences"))


@pytest.mark.parametrize("lang", OPINIONS)
def test_plain_complaints_stand_above_plain_praise(recipe: SimpleNamespace, lang: str) -> None:
    shown = [row for row in PLAIN if row["lang"] == lang]
    x, model = features_of(recipe, lang, shown), recipe.made[lang]
    told, labels = [row["alert"] for row in shown], [row["label"] for row in shown]
    given = [recipe.corpus.LABELS[at] for at in model.sentiment(x).argmax(axis=1)]
    precision = average_precision_score(told, model.complaint(x))
    accuracy = np.mean([a == b for a, b in zip(given, labels, strict=True)])
    print(lang, round(precision, 3), round(float(accuracy), 3), model.figures)
    assert precision >= 0.85
    assert accuracy >= 0.75


@pytest.mark.parametrize("lang", OPINIONS)
def test_sentences_written_later_are_ranked_better_than_by_chance(
    recipe: SimpleNamespace, lang: str
) -> None:
    shown = [row for row in LATER if row["lang"] == lang]
    told = [row["alert"] for row in shown]
    x = features_of(recipe, lang, shown)
    assert np.mean(told) == 0.5
    assert average_precision_score(told, recipe.made[lang].complaint(x)) >= 0.65


@pytest.mark.parametrize(
    ("lang", "ap", "f1"), [("de", 0.75, 0.58), ("es", 0.7, 0.51), ("fr", 0.72, 0.54)]
)
def test_hard_mentions_of_unseen_brands_are_still_told_apart(
    recipe: SimpleNamespace, lang: str, ap: float, f1: float
) -> None:
    assert recipe.made[lang].figures["complaint_ap"] >= ap
    assert recipe.made[lang].figures["macro_f1"] >= f1
