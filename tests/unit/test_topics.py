"""Topics are found by words that an operator can read, and the shipped list is sound."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.topics import OTHER, Topic, Topics

LIST = Path(__file__).parents[2] / "config" / "topics.toml"
STAGES = {"looking", "buying", "waiting", "using", "returning"}
NAMES = (
    "billing access broken_link checkout delivery product_defect returns_refund "
    "support_unresponsive website_down privacy_security product_question pricing praise"
)


def topics(**words: str) -> Topics:
    return Topics([Topic(name, name, "using", tuple(w.split(", "))) for name, w in words.items()])


def shipped() -> Topics:
    raw = tomllib.loads(LIST.read_text(encoding="utf-8"))["topic"]
    return Topics([Topic(t["name"], t["title"], t["stage"], tuple(t["words"])) for t in raw])


def test_the_shipped_list_has_every_topic_with_title_and_stage() -> None:
    found = shipped().topics
    assert sorted(t.name for t in found) == sorted(NAMES.split())
    assert {t.stage for t in found} == STAGES
    assert all(t.title and t.title[0].isupper() for t in found)


def test_no_word_of_the_shipped_list_stands_twice_in_a_topic_or_is_never_found() -> None:
    for topic in shipped().topics:
        assert len(set(topic.words)) == len(topic.words), topic.name
        for word in topic.words:
            said = word.rstrip("?").replace("*", "").replace("..", "or so")
            assert Topics([topic]).points(said), word


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("You charged my card twice!", "billing"),
        ("I can't log in since Tuesday, the reset link never comes", "access"),
        ("The download link is broken, it gives a 404", "broken_link"),
        ("the discount code is not applied at checkout", "checkout"),
        ("My parcel was never delivered, tracking says Mars", "delivery"),
        ("The hinge broke after a week", "product_defect"),
        ("Still no refund for the shoes I sent back", "returns_refund"),
        ("Four emails and no reply from customer support", "support_unresponsive"),
        ("is the site down? 503 all morning", "website_down"),
        ("I can see someone else's home address in my account", "privacy_security"),
        ("Does it fit, does anyone know?", "product_question"),
        ("another price rise, too expensive now", "pricing"),
        ("Shoutout to the team, highly recommend", "praise"),
        ("Seen on the train this morning", OTHER),
        ("", OTHER),
    ],
)
def test_the_shipped_list_knows_plain_cases(text: str, name: str) -> None:
    assert shipped().of(text) == name


@pytest.mark.parametrize(
    ("words", "text", "points"),
    [
        ("refund", "Refund! refund", 1),
        ("refund", "refunds", 0),
        ("refund*", "REFUNDED", 1),
        ("direct debit", "the direct debit", 2),
        ("direct debit", "direct, debit", 2),
        ("direct debit", "debit direct", 0),
        ("charged .. twice", "charged twice", 2),
        ("charged .. twice", "charged me for it twice", 2),
        ("charged .. twice", "charged me for all of it twice", 0),
        ("a .. b .. c", "a x b y b z z z c", 3),
        ("link* .. dead*", "links are deadly", 2),
        ("won't load", "it won’t load", 2),
        ("invoice?", "the invoice", 0.5),
        ("invoice?, bill?", "invoice and bill", 1),
        ("Straße", "STRASSE", 1),
        (".., ?, .. x ..", "x", 1),
    ],
)
def test_how_words_are_counted(words: str, text: str, points: float) -> None:
    assert topics(t=words).points(text).get("t", 0) == points


def test_the_most_points_win_then_the_order_of_the_list() -> None:
    both = topics(first="late", second="late parcel, parcel")
    assert both.of("late") == "first"
    assert both.of("a late parcel") == "second"
    assert topics(a="x", b="x").of("x") == "a"


def test_a_hint_alone_decides_nothing() -> None:
    assert topics(billing="invoice?, bill?").of("my invoice") == OTHER
    assert topics(billing="invoice?, bill?").of("my invoice and bill") == "billing"


def test_why_names_the_phrases_that_decided() -> None:
    found = topics(billing="charged .. twice, card?", other_one="late").why("charged my card twice")
    assert found == ("charged .. twice", "card?")
    assert topics(billing="x").why("nothing") == ()


@settings(deadline=None)
@given(st.text(st.characters(), max_size=100), st.lists(st.text(st.characters(), max_size=9)))
def test_no_text_and_no_list_can_break_it(text: str, words: list[str]) -> None:
    found = Topics([Topic("t", "T", "using", tuple(words))])
    assert found.of(text) in ("t", OTHER)
    assert bool(found.why(text)) is (found.of(text) == "t")


@pytest.mark.parametrize("unit", ["a ", "charged ", "refund", "is a the "])
def test_a_long_text_costs_no_more_than_a_moment(unit: str) -> None:
    found = shipped()
    began = time.process_time()
    found.of((unit * 20_000)[:20_000])
    assert time.process_time() - began < 3


@pytest.mark.dev_data
def test_the_shipped_list_is_worth_having(dev_data: Path) -> None:
    rows = [
        json.loads(line)
        for file in sorted((dev_data / "mentions").glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    told = [row for row in rows if row["alert"]]
    found = shipped()
    right = sum(found.of(f"{row['title']}\n{row['text']}") == row["topic"] for row in told)
    assert right / len(told) >= 0.45  # the commonest topic alone: .27
