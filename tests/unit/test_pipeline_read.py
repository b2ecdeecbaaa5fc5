"""Read: what a page adds to its teaser, what is kept without it, and how often it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.domain import Post
from monitor.matching import Brand, Matcher
from monitor.seams import Page, SourceError
from monitor.text import MAX_TEXT
from tests.standins.scripted import ACME, START, TARGET, World, post

URL = "https://blog.example/1"
FILLER = "We went through all the boxes on the shelf and wrote down what we found in each of them. "
STORY = f"<p>{FILLER * 4}</p><p>Then the Acme plug broke. It is broken beyond repair.</p>"
DAY = timedelta(days=1)


def html(story: str, *, menu: str = "Home", head: str = "") -> str:
    return (
        f"<html><head><title>A long day</title>{head}</head><body><nav><a href=/>{menu}</a></nav>"
        f"<article><h1>A long day</h1>{story}<p>{FILLER * 4}</p></article></body></html>"
    )


def teaser(text: str = "A long day in the workshop", key: str = "1", **more: Any) -> Post:
    return post(key, text, **{"page": f"https://blog.example/{key}"} | more)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path) as world:
        world.started()
        yield world


# -- what is kept --------------------------------------------------------------------------------


def test_a_brand_that_only_the_page_names_is_told(world: World) -> None:
    world.pages.answers[URL] = html(STORY)
    world.find(teaser())
    world.turn()
    judged = world.judged()["1"]
    assert judged.action == "alerted"
    text = judged.mention.post.text
    assert "It is broken beyond repair." in text
    assert "Home" not in text
    (match,) = judged.mention.matches
    assert (match.where, text[match.start : match.end]) == ("text", "Acme")


def test_a_teaser_is_not_judged_before_its_page_was_read(world: World) -> None:
    world.find(teaser("Acme broken ..."))
    assert world.collect() == 0
    assert world.pipeline.judge() == 0
    assert world.overview().pages == 1
    world.pages.answers[URL] = html("<p>Now the Acme plug works again. I love it.</p>")
    assert world.read() == 1
    assert world.pipeline.judge() == 1
    assert (world.judged()["1"].label, world.overview().pages) == ("positive", 0)


def test_a_short_post_that_names_the_brand_does_not_wait(world: World) -> None:
    world.find(teaser("Acme broken"))
    assert (world.collect(), world.pipeline.judge(), world.overview().pages) == (1, 1, 0)


def test_a_site_that_cannot_be_reached_is_tried_again(world: World) -> None:
    world.pages.answers[URL] = SourceError("no connection", unasked=True)
    world.find(teaser())
    world.turn()
    world.pages.answers[URL] = html(STORY)
    world.turns(lambda: "1" in world.judged(), most=timedelta(minutes=5), minutes=1)


def test_a_short_post_is_judged_at_once_and_read_for_other_brands(tmp_path: Path) -> None:
    with World(tmp_path, ACME, Brand("Bolt")) as world:
        world.started()
        world.pages.answers[URL] = html(STORY)
        world.find(teaser("Bolt is slow"))
        assert (world.collect(), world.overview().pages) == (1, 1)
        assert world.read() == 1


@pytest.mark.parametrize(
    ("text", "mentions"), [("A long day", []), ("A long day with a broken Acme plug ...", ["1"])]
)
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(html(""), id="names no brand"),
        pytest.param(html("", menu="Acme"), id="brand in the navigation"),
        pytest.param("<body>Acme", id="no article"),
        pytest.param(html(STORY, head='<meta name=robots content="noindex">'), id="noindex"),
        pytest.param(
            Page(200, URL, {"x-robots-tag": "noindex"}, html(STORY).encode()), id="noindex header"
        ),
        pytest.param(SourceError("its robots.txt forbids this page", blocked=True), id="robots"),
        pytest.param(SourceError("no such page", 404), id="404"),
        pytest.param(SourceError("gone", 410, permanent=True), id="410"),
        pytest.param(SourceError("no full answer within 20 s"), id="slow"),
        pytest.param(ZeroDivisionError("a word of the page"), id="fault"),
    ],
)
def test_without_the_page_s_word_the_teaser_stands(
    world: World, answer: Any, text: str, mentions: list[str]
) -> None:
    world.pages.answers[URL] = answer
    world.find(teaser(text))
    world.turn()
    assert list(world.judged()) == mentions
    assert [j.mention.post.text for j in world.judged().values()] == [text] * len(mentions)
    assert world.overview().pages == 0


def test_brands_of_the_teaser_and_of_the_page_are_kept_each_with_its_text(tmp_path: Path) -> None:
    with World(tmp_path, ACME, Brand("Bolt")) as world:
        world.started()
        world.pages.answers[URL] = html(STORY)
        world.find(teaser("Bolt is slow"))
        world.turn()
        texts = {j.mention.brand: j.mention.post.text for j in world.store.mentions()}
    assert texts["Bolt"] == "Bolt is slow"
    assert "beyond repair" in texts["Acme"]


def test_of_a_book_what_surrounds_the_name_is_kept(world: World) -> None:
    world.pages.answers[URL] = html(f"{f'<p>{FILLER}</p>' * 400}{STORY}")
    world.find(teaser())
    world.turn()
    text = world.judged()["1"].mention.post.text
    assert "It is broken beyond repair." in text
    assert len(text) <= MAX_TEXT


def test_the_comments_of_a_post_whose_page_names_the_brand_are_followed(world: World) -> None:
    world.pages.answers[URL] = html(STORY)
    world.find(teaser(replies="https://blog.example/1/feed/"))
    world.turn()
    assert [s.url for s in world.overview().following] == ["https://blog.example/1/feed/"]


# -- which pages are read ------------------------------------------------------------------------


def test_a_page_is_read_once(world: World) -> None:
    world.pages.answers[URL] = html("")
    for text in ("A long day", "A long day", "A longer day with a broken Acme plug"):
        world.find(teaser(text))
        world.turn()
        world.clock.passes(days=30)
    assert world.pages.asked == [URL]
    assert world.judged().keys() == {"1"}  # by what its teaser says now


def test_what_is_known_already_is_not_read(world: World) -> None:
    world.find(post("1", "Acme is slow ..."))
    world.turn()
    world.clock.passes(minutes=1)
    world.find(teaser("Acme is slow ..."))
    world.turn()
    assert world.pages.asked == []


@pytest.mark.parametrize("published", [START - 60 * DAY, START - 400 * DAY])
def test_what_is_no_news_is_not_read(world: World, published: Any) -> None:
    world.find(teaser("Acme is slow ...", published_at=published))
    world.turn()
    assert world.pages.asked == []


def test_what_was_there_before_the_first_poll_is_not_read(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.find(teaser("Acme is slow ..."))
        world.turn()
        assert (world.pages.asked, world.judged()["1"].reason) == ([], "older than the first run")


@pytest.mark.parametrize("age", [None, timedelta(hours=1)])
def test_what_was_there_before_is_no_news_when_it_is_shown_again(
    tmp_path: Path, age: timedelta | None
) -> None:
    with World(tmp_path) as world:
        world.pages.answers[URL] = html(STORY)
        for _ in range(3):
            world.find(teaser(published_at=age and START - age))
            world.turn()
            world.clock.passes(minutes=1)
        assert (world.pages.asked, world.judged()) == ([], {})


def test_for_a_brand_that_is_added_later_a_page_read_for_another_is_quiet(world: World) -> None:
    world.clock.passes(days=60)
    world.pipeline = replace(world.pipeline, matcher=Matcher([ACME, Brand("Bolt")]))
    world.wish(card_targets=dict.fromkeys(("Acme", "Bolt"), (TARGET,)))
    world.sync("Acme", "Bolt")
    world.pages.answers[URL] = html(STORY + "<p>My Bolt is broken, too.</p>")
    world.find(teaser())
    world.turn()
    assert {j.mention.brand: j.action for j in world.store.mentions()} == {
        "Acme": "alerted",
        "Bolt": "digest",
    }


def test_the_operator_can_switch_it_off(world: World) -> None:
    world.wish(teasers={"blog"})
    world.find(teaser("Acme is slow ..."))
    world.turn()
    assert (world.pages.asked, world.judged().keys()) == ([], {"1"})


def test_pages_of_own_authors_are_not_read_and_other_authors_are_left_out(world: World) -> None:
    world.wish(store_authors=False)
    world.pages.answers["https://blog.example/2"] = html(STORY)
    world.find(teaser("We are sorry", author="AcmeHelp"), teaser(key="2", author="lena"))
    world.turn()
    assert world.pages.asked == ["https://blog.example/2"]
    assert {k: j.action for k, j in world.judged().items()} == {"1": "ignored", "2": "alerted"}
    assert {j.mention.post.author for j in world.judged().values()} == {""}


def test_of_a_feed_whose_items_are_all_new_thirty_pages_are_read(world: World) -> None:
    world.find(*(teaser("Acme is slow ...", key=str(n)) for n in range(40)))
    world.turn()
    assert len(world.pages.asked) == 30
    assert len(world.judged()) == 40


# -- when it fails -------------------------------------------------------------------------------


def busy(minutes: float = 0, status: int = 503) -> SourceError:
    wait = timedelta(minutes=minutes) if minutes else None
    return SourceError("it is failing", status, retry_after=wait)


def asked_at(world: World, minutes: int) -> list[int]:
    """The minutes at which the page is asked for."""
    at: list[int] = []
    for minute in range(minutes):
        before = len(world.pages.asked)
        world.read()
        at += [minute] * (len(world.pages.asked) - before)
        world.clock.passes(minutes=1)
    return at


@pytest.mark.parametrize(
    ("why", "minutes"),
    [
        (busy(status=500), [0, 1, 3]),
        (busy(10), [0, 10, 20]),
        (SourceError("come less often", 429, blocked=True, retry_after=DAY / 1440), [0, 15, 45]),
        (busy(50), [0, 50]),
        (busy(70), [0]),
    ],
)
def test_a_page_is_asked_for_three_times_and_for_an_hour(
    world: World, why: SourceError, minutes: list[int]
) -> None:
    world.pages.answers[URL] = why
    world.find(teaser("Acme is slow ..."))
    world.collect()
    assert asked_at(world, 120) == minutes
    assert world.judged()["1"].mention.post.text == "Acme is slow ..."


def test_a_page_that_answers_again_is_read(world: World) -> None:
    world.pages.answers[URL] = busy(5)
    world.find(teaser())
    world.turn()
    world.pages.answers[URL] = html(STORY)
    world.clock.passes(minutes=5)
    world.turn()
    assert world.judged()["1"].action == "alerted"


def test_a_page_that_ends_the_process_is_given_up(world: World) -> None:
    world.find(teaser("Acme is slow ..."))
    world.collect()
    for _ in range(3):  # killed before it could settle
        assert world.pipeline.claim_pages(1)
        world.clock.passes(minutes=5)
    assert world.read() == 1
    assert world.pages.asked == []


def test_a_reader_whose_lease_ran_out_settles_nothing(world: World) -> None:
    world.pages.answers[URL] = html(STORY)
    world.find(teaser())
    world.collect()
    (late,) = world.pipeline.claim_pages(1)
    world.clock.passes(minutes=5)
    assert world.read() == 1
    assert world.pipeline.read(late) == 0
    assert len(world.judged()) == 1
