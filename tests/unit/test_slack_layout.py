"""The card as Slack blocks: true, within every limit, and deaf to hostile text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import Card, Incident, Quote
from monitor.notifiers.slack_layout import fit, link, message, plain, problems
from tests.standins import slack_limits
from tests.standins.cards import card, quote

HOSTILE = [
    "<!channel> <!here> <@U123> <!subteam^S1>",
    "<https://evil.example|Reset your password>",
    "<!date^1^{date}^https://evil.example|click>",
    "&lt;!here&gt; &amp;amp; *bold* _it_ ~no~ `code` ```block```",
    "\u202egnp.exe\u202c \u200b\u200f\u2066 \ufeff\x00\x1b[31m\x07",
    "\ud800 lone \udfff",
    "&" * 5_000,
    "<" * 40_000,
    "👩‍👩‍👧‍👦🏴" * 3_000,
    '"\\\n' * 5_000,
    "\n\t   ",
    "a\u0301" * 9_000,
    "مرحبا " * 2_000,
    "",
]
OWN_DATE = re.compile(r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[-0-9: ]+UTC>")


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a body."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from objects(item)


def parsed(body: dict[str, Any]) -> list[str]:
    """The texts in which Slack looks for tokens: without the quote's literal ones."""
    marked = [o for o in objects(body["blocks"]) if o.get("type") in ("mrkdwn", "plain_text")]
    return [body["text"], *(o["text"] for o in marked)]


def visible(body: dict[str, Any]) -> str:
    return " ".join(o["text"] for o in objects(body["blocks"]) if isinstance(o.get("text"), str))


def block(body: dict[str, Any], block_id: str) -> dict[str, Any]:
    return next(b for b in body["blocks"] if b["block_id"] == block_id)


# -- what people read ----------------------------------------------------------------


def test_one_complaint_says_what_who_when_and_why() -> None:
    body = message(card())
    assert [b["type"] for b in body["blocks"]] == [
        *("header", "rich_text", "section", "actions", "context")
    ]
    head = block(body, "head")["text"]["text"]
    assert head == "🔴 High complaint · Acme · Broken link · 1 post"
    facts = " ".join(f["text"] for f in block(body, "facts")["fields"])
    for word in ("reader1", "forum-acme", "complaint .91", "404", "2026-11-12 14:05 UTC"):
        assert word in facts
    assert "Nobody is on it yet" in block(body, "status")["elements"][0]["text"]


def test_the_text_alone_holds_the_full_sense() -> None:
    """Notifications show it and screen readers read nothing else."""
    assert message(card())["text"] == (
        "High complaint · Acme · Broken link · 1 post. reader1 on forum-acme: "
        "“Setup link is dead The download of Acme Studio ends in a 404, post 1.” "
        "⏳ Nobody is on it yet. INC-8f2c41d0"
    )


def test_a_growing_complaint_counts_and_shows_first_and_newest() -> None:
    body = message(card(*(quote(n) for n in range(1, 6)), posts=30))
    head = block(body, "head")["text"]["text"]
    assert "30 posts · 2 sources" in head
    shown = visible(body)
    assert "First: reader1 on forum-acme" in shown
    assert "New: reader4 on blog-lena" in shown
    assert "New: reader5 on forum-acme" in shown
    assert "reader3" not in shown
    assert "and 27 posts more" in shown
    assert "forum-acme 3, blog-lena 2" in shown
    assert "post 5" in body["text"]


def test_the_places_that_only_repeat_it_are_named() -> None:
    body = message(replace(card(), also=("blog-lena", "planet <x>")))
    assert "1 post" in block(body, "head")["text"]["text"]
    assert "*Also on*\nblog-lena, planet &lt;x&gt;" in [
        field["text"] for field in block(body, "facts")["fields"]
    ]


@pytest.mark.parametrize(
    ("state", "owner", "light", "words"),
    [
        ("acknowledged", "Ana", "🟠", "Acknowledged: Ana"),
        ("resolved", "", "🟢", "Resolved"),
        ("auto-closed", "", "⚪", "Closed: nothing new was said"),
    ],
)
def test_the_state_is_a_light_and_a_word(state: str, owner: str, light: str, words: str) -> None:
    body = message(card(state=state, owner=owner))
    assert block(body, "head")["text"]["text"].startswith(light)
    assert words in block(body, "status")["elements"][0]["text"]
    assert words in body["text"]


def test_the_buttons_open_the_posts() -> None:
    (only,) = block(message(card()), "links")["elements"]
    assert (only["text"]["text"], only["url"]) == ("Open post", "https://forum.example/t/1")
    several = block(message(card(quote(1), quote(2))), "links")["elements"]
    assert [b["url"][-1] for b in several] == ["1", "2"]


def test_a_card_without_a_link_has_no_buttons() -> None:
    assert "actions" not in {b["type"] for b in message(card(quote(url="")))["blocks"]}


def test_the_quote_is_literal() -> None:
    said = HOSTILE[0] + HOSTILE[1]
    (words,) = block(message(card(quote(title="", text=said))), "quotes")["elements"][0]["elements"]
    assert words == {"type": "text", "text": said}


def test_a_repeated_card_warns_of_its_twin() -> None:
    body = message(card(), repeated=True)
    assert body["text"].startswith("(possibly repeated) High complaint")
    assert "possibly repeated" in block(body, "status")["elements"][0]["text"]


def test_the_plain_layout_has_no_markup_at_all() -> None:
    body = plain(card(quote(text="*x*")))
    kinds = {o["type"] for o in objects(body["blocks"]) if "type" in o}
    assert kinds == {"header", "section", "actions", "plain_text", "button"}
    assert "*x*" in block(body, "said")["text"]["text"]


# -- pieces --------------------------------------------------------------------------


def test_fit_cuts_by_what_slack_will_count_and_never_inside_an_entity() -> None:
    assert fit("a & b", 20) == "a &amp; b"
    assert fit("&" * 9, 20) == "&amp;&amp;&amp;…"
    assert fit("<>" * 9, 10) == "&lt;&gt;…"


@given(st.text(alphabet="&<>ab é👍\u202e"), st.integers(1, 60))
def test_fit_keeps_its_promise(raw: str, most: int) -> None:
    fitted = fit(raw, most)
    assert len(fitted) <= most
    assert re.fullmatch(r"(?:[^&<>]|&amp;|&lt;|&gt;)*", fitted)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://e.example/a|b",
        "https://e.example/a>b",
        "https://e.example/a b",
        'https://e.example/"x',
        "https://e.example/\u202egnp",
        "https://e.example/\x00",
        "https://e.example/" + "x" * 3_000,
        "ftp://e.example/",
        "",
    ],
)
def test_only_a_clean_web_address_becomes_a_button(url: str) -> None:
    assert link(url) == ""


def test_an_ordinary_address_stays_as_it_is() -> None:
    url = "https://shop.example/überblick?a=1&b=2#c"
    assert link(url) == url


# -- limits and hostile text ---------------------------------------------------------


def check(body: dict[str, Any]) -> None:
    """No limit is broken, by our validator and the stand-in's; nothing parsed is live."""
    assert problems(body) == []
    assert slack_limits.refusal(body, update=True) == ("", [])
    assert len(body["text"]) <= 900
    assert len(json.dumps(body, ensure_ascii=False)) < 12_000
    for said in parsed(body):
        assert not re.search("[<>]", OWN_DATE.sub("", said)), said
        assert re.sub("&(amp|lt|gt);", "", said).count("&") == 0
    for thing in objects(body["blocks"]):
        assert thing.get("type") != "mrkdwn" or thing["verbatim"] is True
        words = thing.get("text", "")
        if isinstance(words, str):
            assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLI") for c in words)
            assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\ufeff\ud800-\udfff]", words)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("layout", [message, plain])
def test_hostile_text_everywhere(layout: Any, text: str) -> None:
    told = quote(author=text, title=text, text=text, source=text, url=text, why=(text,) * 9)
    full = (told, replace(told, source="b" + text), told, told, told)
    for quotes in ((told,), full):
        check(layout(card(*quotes, brand=text, title=text, reason=text, owner=text)))


WORDS = st.one_of(st.text(max_size=400), st.sampled_from(HOSTILE)) | st.builds(
    str.__add__, st.sampled_from(HOSTILE), st.text(max_size=40)
)
TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001 - bounds are naive by its rule
    lambda at: at.replace(tzinfo=UTC)
)
QUOTES = st.builds(
    Quote,
    mention_id=st.just(1),
    source=WORDS,
    kind=st.just("forum"),
    author=WORDS,
    title=WORDS,
    text=WORDS,
    url=WORDS,
    published_at=st.none() | TIMES,
    why=st.lists(WORDS, max_size=4).map(tuple),
)
INCIDENTS = st.builds(
    Incident,
    id=st.just("INC-8f2c41d0"),
    brand=WORDS,
    topic=st.just("broken_link"),
    state=st.sampled_from(["open", "acknowledged", "resolved", "auto-closed"]),
    severity=st.sampled_from(["critical", "high", "normal"]),
    reason=WORDS,
    owner=WORDS,
    posts=st.integers(1, 10**9),
    opened_at=TIMES,
    last_at=TIMES,
)
CARDS = st.builds(
    Card,
    incident=INCIDENTS,
    quotes=st.lists(QUOTES, max_size=5).map(tuple),
    sources=st.lists(st.tuples(WORDS, st.integers(1, 10**6)), max_size=60).map(tuple),
    first_published_at=st.none() | TIMES,
    topic=WORDS,
    also=st.lists(WORDS, max_size=60).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(CARDS, st.booleans(), st.sampled_from([message, plain]))
def test_every_card_is_within_every_limit(shown: Card, repeated: bool, layout: Any) -> None:
    check(layout(shown, repeated=repeated))


# -- the validator -------------------------------------------------------------------


def broken(**changes: Any) -> list[str]:
    return problems({"text": "x", "blocks": [{"type": "divider", "block_id": "d"}], **changes})


def section(**parts: Any) -> dict[str, Any]:
    return {"type": "section", "block_id": "s", **parts}


def words(number: int) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": "x" * number}


def quoted(number: int) -> dict[str, Any]:
    part = {"type": "rich_text_quote", "elements": [{"type": "text", "text": "x" * number}]}
    return {"type": "rich_text", "block_id": "r", "elements": [part]}


BUTTON = {"type": "button", "action_id": "a", "text": words(5)}
LIMITS = [
    {"text": ""},
    {"text": "x" * 901},
    {"blocks": []},
    {"blocks": [{"type": "divider", "block_id": str(n)} for n in range(51)]},
    {"blocks": [{"type": "divider", "block_id": "same"}] * 2},
    {"blocks": [{"type": "divider", "block_id": "x" * 256}]},
    {"blocks": [{"type": "header", "block_id": "h", "text": words(151)}]},
    {"blocks": [section(text=words(3001))]},
    {"blocks": [section(fields=[words(2001)])]},
    {"blocks": [section(fields=[words(1)] * 11)]},
    {"blocks": [section(text=words(0))]},
    {"blocks": [{"type": "context", "block_id": "c", "elements": [words(1)] * 11}]},
    {"blocks": [{"type": "actions", "block_id": "a", "elements": [BUTTON] * 26}]},
    {"blocks": [{"type": "actions", "block_id": "a", "elements": [BUTTON | {"text": words(76)}]}]},
    {"blocks": [{"type": "actions", "block_id": "a", "elements": [BUTTON | {"url": "x" * 3001}]}]},
    {
        "blocks": [
            {"type": "actions", "block_id": "a", "elements": [BUTTON | {"value": "x" * 2001}]}
        ]
    },
    {"blocks": [quoted(3001)]},
    {"blocks": [quoted(3000) | {"block_id": str(n)} for n in range(4)]},
]


@pytest.mark.parametrize("changes", LIMITS)
def test_each_limit_is_seen(changes: dict[str, Any]) -> None:
    assert broken() == []
    assert len(broken(**changes)) >= 1
