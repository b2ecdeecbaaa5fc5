"""Who is told and why, as a table; and that the reason never lies about its number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alerting import Rules, decide
from monitor.domain import Mention, Post, Score

RULES = Rules(complaint=0.5, negative=0.9)


def mention(
    text: str = "It came late.", *, title: str = "", rating: float | None = None, own: bool = False
) -> Mention:
    post = Post("forum", "forum", "1", "", text, title, rating=rating)
    return Mention(post, "Acme", (), own=own)


def score(complaint: float | None = 0.1, negative: float = 0.2, positive: float = 0.1) -> Score:
    return Score(negative, 1 - negative - positive, positive, complaint, "m@0")


UNSCORED = Score(0, 1, 0, None, "m@0", ("not scored: Polish",), scored=False, lang="pl")


@pytest.mark.parametrize(
    ("given_score", "action", "reason"),
    [
        (score(0.91), "tell", "complaint .91"),
        (score(0.5), "tell", "complaint .50"),
        (score(0.57), "tell", "complaint .57"),
        (score(0.499), "digest", "complaint .49 is under .50, negative .20 under .90"),
        (score(1.0), "tell", "complaint 1.0"),
        (score(0.996), "tell", "complaint .99"),
        (score(0.1, 0.93, 0.0), "tell", "negative .93"),
        (score(0.6, 0.93, 0.0), "tell", "complaint .60"),
        (score(None, 0.93, 0.0), "tell", "negative .93"),
        (score(None, 0.2), "digest", "not scored: en"),
        (UNSCORED, "digest", "not scored: Polish"),
        (replace(UNSCORED, why=()), "digest", "not scored: pl"),
        (replace(UNSCORED, complaint=0.9, negative=1.0), "digest", "not scored: Polish"),
    ],
)
def test_the_rules_and_their_reasons(given_score: Score, action: str, reason: str) -> None:
    assert decide(mention(), given_score, RULES)[:2] == (action, reason)


@pytest.mark.parametrize(
    ("rating", "text", "action", "reason"),
    [
        (0.0, "Never again", "tell", "1 star of 5"),
        (0.25, "Meh", "tell", "2 stars of 5"),
        (0.125, "Meh", "tell", "1.5 stars of 5"),
        (0.0, " \n", "digest", "1 star of 5 without a text"),
        (0.26, "Meh", "digest", "complaint .10 is under .50, negative .20 under .90"),
        (1.0, "Great", "digest", "complaint .10 is under .50, negative .20 under .90"),
    ],
)
def test_a_bad_review_with_a_text_is_told(
    rating: float, text: str, action: str, reason: str
) -> None:
    assert decide(mention(text, rating=rating), score(), RULES)[:2] == (action, reason)


def test_a_bad_review_is_told_in_any_language() -> None:
    assert decide(mention("Nigdy więcej", rating=0.0), UNSCORED, RULES)[:2] == (
        "tell",
        "1 star of 5, not scored: Polish",
    )
    assert decide(mention("", title="Źle", rating=0.0), UNSCORED, RULES)[0] == "tell"


def test_own_authors_are_never_told_whatever_they_write() -> None:
    own = mention("It caught fire", rating=0.0, own=True)
    assert decide(own, score(1.0), RULES) == ("ignored", "own author", "normal")


def test_one_key_widens_it_to_all_negatives() -> None:
    wide = replace(RULES, sensitivity="negatives")
    mild = score(0.1, 0.5, 0.1)
    assert decide(mention(), mild, RULES)[0] == "digest"
    assert decide(mention(), mild, wide)[:2] == ("tell", "negative .50, more than the rest")
    assert decide(mention(), score(0.1, 0.3, 0.5), wide)[0] == "digest"
    assert decide(mention(), UNSCORED, wide)[0] == "digest"


@pytest.mark.parametrize(
    ("text", "severity", "grave"),
    [
        ("The charger caught fire", "critical", '; safety: "caught fire"'),
        ("My LAWYER’S letter is on its way: my lawyer's angry", "critical", '; legal: "my lawyer"'),
        ("I can see someone else’s account", "critical", '; data leak: "someone else\'s account"'),
        ("It came late", "normal", ""),
        ("unsafely parked, reinjured", "normal", ""),
    ],
)
def test_what_must_be_heard_at_once_is_critical(text: str, severity: str, grave: str) -> None:
    assert decide(mention(text), score(0.6), RULES) == ("tell", f"complaint .60{grave}", severity)


def test_a_sure_complaint_and_the_fewest_stars_are_high() -> None:
    assert decide(mention(), score(0.9), RULES)[2] == "high"
    assert decide(mention(rating=0.0), score(), RULES)[2] == "high"
    assert decide(mention(rating=0.25), score(), RULES)[2] == "normal"
    assert decide(mention(), score(0.1, 0.95, 0.0), RULES)[2] == "normal"


def test_what_is_not_told_has_no_severity() -> None:
    assert decide(mention("it caught fire, they told me"), score(), RULES)[2] == "normal"


SHARES = st.floats(0, 1)


@settings(deadline=None)
@given(SHARES, SHARES, SHARES, SHARES, st.none() | st.sampled_from((0.0, 0.25, 0.5, 1.0)))
def test_told_exactly_when_a_rule_says_so(
    complaint: float, negative: float, c: float, n: float, rating: float | None
) -> None:
    rules = Rules(c, n)
    made = Score(negative, 1 - negative, 0.0, complaint, "m@0")
    action, reason, _ = decide(mention(rating=rating), made, rules)
    low = rating is not None and rating <= 0.25
    assert (action == "tell") is (complaint >= c or negative >= n or low)
    assert reason.split()[0] in ("complaint", "negative", "1", "2")
