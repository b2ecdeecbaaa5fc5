"""What is a copy and what is not, on texts written for it: tests/fixtures/copies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import Post
from monitor.reading.copies import MOST, SIZE, Telling

FIXTURE = Path(__file__).parents[1] / "fixtures/copies/stories.jsonl"
#: story, its reworded copy, what another person wrote of the same; reply: quotes two phrases
ROWS = [json.loads(line) for line in FIXTURE.read_text("utf-8").splitlines()]
STORY: str = ROWS[0]["story"]
SHORT = "Acme shoes fell apart after two weeks and nobody answers the phone, avoid them please"


def post(text: str, source: str = "blog", **more: Any) -> Post:
    given = {"kind": "feed", "external_id": "1", "url": ""} | more
    return Post(source=source, text=text, **given)


def copied(copy: str | Post, story: str | Post = STORY) -> bool:
    """Whether it is found: by its sketch and by its text."""
    new = Telling(copy if isinstance(copy, Post) else post(copy, "elsewhere"))
    old = story if isinstance(story, Post) else post(story)
    return bool(new.sketch and new.likely([Telling(old).sketch or bytes(SIZE)])) and new.retells(
        old
    )


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_reworded_copy_is_one_whichever_came_first(row: dict[str, str]) -> None:
    assert copied(row["copy"], row["story"])
    assert copied(row["story"], row["copy"])


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_another_person_who_suffered_the_same_is_no_copy(row: dict[str, str]) -> None:
    assert not copied(row["other"], row["story"])
    assert not copied(row["other"], row["copy"])


REPLIES = [row for row in ROWS if "reply" in row]


@pytest.mark.parametrize("row", REPLIES, ids=range(len(REPLIES)))
def test_who_quotes_two_phrases_and_disagrees_is_no_copy(row: dict[str, str]) -> None:
    assert not copied(row["reply"], row["story"])


@pytest.mark.parametrize("story", [STORY, SHORT])
def test_copies_word_for_word(story: str) -> None:
    assert copied(story.upper().replace(" ", "\n"), story)
    assert copied(f"Ana wrote:\n> {story}\nSame with mine, it fell apart.", story)
    assert copied(story[: len(story) // 2] + " […]", story), "cut short"
    assert copied(story, story[: len(story) // 2] + " […]"), "the whole of what was cut short"
    assert copied(story.replace(" and ", " & ").replace("a", "A"), story)


def test_a_long_answer_to_a_whole_or_partial_quotation_is_a_story_of_its_own() -> None:
    quoted, more = STORY[: len(STORY) // 3], ROWS[1]["story"]
    assert copied(f"> {STORY}\n{more[: len(STORY) // 2]}")
    for answer in (f"> {STORY}\n{more}\n{ROWS[2]['story']}", f"> {quoted}\n{more}"):
        assert not copied(post(answer, "forum", kind="forum"))


SAME_HERE = "Same here, but for me it was four times, 380 euros, and nobody has called me back."


@pytest.mark.parametrize("kind", ["comments", "forum", "reddit", "hackernews"])
@pytest.mark.parametrize("story", [STORY, SHORT])
def test_who_quotes_a_complaint_and_adds_his_own_is_a_second_customer(
    kind: str, story: str
) -> None:
    def answer(own: str) -> Post:
        return post(f"> {story[:40]}\n > {story[40:]}\n\n{own}", "board", kind=kind, parent="1")

    assert not copied(answer(SAME_HERE), story)
    assert not copied(story, answer(SAME_HERE)), "nor the other way round"
    assert copied(answer(SAME_HERE), post(SAME_HERE)), "but his own words can be copied"
    assert copied(answer("Same here!"), story)
    assert copied(post(f"> {story}\n\n{SAME_HERE[:40]}", "blog 2"), story), "a blog only shows it"


def test_an_article_that_quotes_a_post_is_a_story_of_its_own() -> None:
    article = f"{ROWS[5]['story']} One customer says: {SHORT}. {ROWS[6]['story']}"
    assert not copied(article, SHORT)


@pytest.mark.parametrize("text", ["same here", "Acme is down again", "", "   "])
def test_a_very_short_text_is_nobody_s_copy(text: str) -> None:
    assert not copied(text, text)


def test_a_phrase_in_common_is_no_copy() -> None:
    assert not copied(
        "Awful customer service, hung up on. Twice!", "Customer service hung up on me twice, Acme"
    )


def test_a_reply_is_not_judged_by_the_title_of_its_thread() -> None:
    title = "Acme shoes fell apart after two weeks and nobody answers the phone"
    one, other = (post(text, title=title, parent="0") for text in ("same here", "mine too"))
    assert not copied(one, other)


def test_a_title_stands_for_a_text_that_is_missing() -> None:
    assert copied(post("", "news", title=SHORT), post("", title=SHORT))


def test_one_blog_repeats_its_own_phrases() -> None:
    footer = "Subscribe to our letter for more of this every week, and follow Acme Daily there."
    news = ("Acme opens a shop in Rome, its first.", "In Bonn the Acme fair closed at noon today.")
    one, other = (f"{text} {footer}" for text in news)
    assert not copied(post(one), post(other))
    assert copied(post(one, "forum", kind="forum"), post(other)), "elsewhere it would be edited"
    assert copied(post(one), post(one))
    here, there = "https://a.example/1", "https://b.example/2"
    assert copied(post(one, url=here), post(other, url=there)), "two blogs, shown as one feed"
    assert not copied(post(one, "planet", url=here), post(other, url="https://a.example/2"))


URL = "https://blog.example/story"


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({}, True),
        ({"source": "blog"}, False),
        ({"kind": "comments"}, False),
        ({"parent": "0"}, False),
        ({"url": "https://blog.example/other"}, False),
        ({"title": "Why I like cats"}, False),
    ],
)
def test_one_page_in_two_sources_is_one_story(there: dict[str, str], found: bool) -> None:
    teaser = post("Read on.", title="Acme shoes fall apart", url=f"{URL}?utm_source=rss")
    given = {"source": "planet", "title": "Acme shoes fall apart", "url": f"{URL}#more"} | there
    assert copied(post("", **given), teaser) is found


@pytest.mark.parametrize("kind", ["comments", "forum", "review", "reddit", "feed"])
@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"url": f"{URL}#comment-12"}, True),
        ({"external_id": "https://blog.example/?p=7#comment-12"}, True),
        ({"external_id": "tag:blog.example,2026:comment-12"}, True),
        ({"external_id": "blog.example-post-12", "url": "https://blog.example/"}, True),
        ({"url": f"{URL}#comment-12", "source": "site"}, False),
        ({"external_id": "blog.example-post-12", "url": "https://cats.example/"}, False),
        ({"external_id": "12"}, False),
    ],
)
def test_one_short_post_in_two_sources_is_one(
    kind: str, given: dict[str, str], found: bool
) -> None:
    story = post("same here", **{"source": "site", "kind": kind} | given)
    assert copied(post("same here", **{"source": "post", "kind": kind} | given), story) is found


def test_comments_that_bear_their_page_s_address_are_many() -> None:
    for url in (URL, f"{URL}#comments"):
        one, other = (
            post("same here", source, kind="comments", external_id=source, url=url)
            for source in ("site", "post")
        )
        assert not copied(other, one)
    id_of_page = {"kind": "comments", "external_id": URL, "url": URL}
    assert not copied(post("my shoes broke", "post", **id_of_page), post(STORY, **id_of_page))


def test_reddit_s_own_ids_are_nobody_else_s() -> None:
    one, other = (post("same", s, kind="reddit", external_id="t1_k9x") for s in ("sub", "search"))
    assert copied(other, one)
    assert not copied(post("same", "sub", external_id="t1_k9x"), one)


def test_a_site_s_own_address_is_no_post_s() -> None:
    one, other = (post("", s, title="Acme news", url="https://x.example/") for s in ("a", "b"))
    assert not copied(one, other)


def test_a_script_without_spaces() -> None:
    story = (
        "上周我在这家商店买了一双鞋,两个星期之后鞋底就掉了,打电话给客服没有人接,"
        "写信也没有回复,真是太糟糕了,请大家注意"
    )
    assert copied(story[:45], story)
    assert not copied(
        "今天的天气非常好,我们一家人去公园散步,孩子们玩得很开心,晚上又一起吃了火锅,大家都说味道不错,明天还想再来一次",
        story,
    )


def test_a_sketch_is_the_same_in_every_release() -> None:
    """Else mentions of before an upgrade would find no copies after it."""
    sketch = Telling(post(SHORT, url=URL)).sketch
    assert len(sketch) == SIZE == 138
    assert sketch.hex()[:60] == "4ced91b50000000009006e24a7cc70844e213288123908ca242157542663"


def test_the_likeliest_come_first_and_only_a_few() -> None:
    near = Telling(post(f"{SHORT} today")).sketch
    far = Telling(post(ROWS[3]["story"])).sketch
    asked = Telling(post(SHORT))
    assert asked.likely([far, near, asked.sketch, far]) == [2, 1]
    assert len(asked.likely([near] * (MOST + 5))) == MOST
    assert asked.likely([]) == []


@given(st.text(st.characters(), max_size=300), st.text(st.characters(), max_size=300))
def test_any_two_texts_can_be_compared(one: str, other: str) -> None:
    telling = Telling(post(one, "a", url=other))
    assert len(telling.sketch) in (0, SIZE)
    telling.retells(post(other, "b", url=one))
