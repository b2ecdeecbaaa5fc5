"""The review source: one post a review, its identity, and what it says when reviews are missing."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.domain import Batch
from monitor.seams import SourceError
from monitor.sources.review import Review
from tests.unit.test_feed_source import Site

FIXTURES = Path(__file__).parents[1] / "fixtures" / "review"
URL = "https://shop.example/p/zephyr/?key=s3cret"
PAGE = (FIXTURES / "product.html").read_bytes()


def poll(site: Site, cursor: str = "") -> Batch:
    return Review("here", "review", site, URL).poll(cursor)


def shop(page: bytes = PAGE) -> Site:
    return Site(page)


def test_a_review_is_a_post_under_its_product() -> None:
    first, second = poll(shop()).posts
    assert (first.title, first.author, first.thread_title) == ("Smoke", "Petra", "Zephyr toaster")
    assert first.text == "Filled the kitchen with smoke.\nThe maker does not answer."
    assert first.published_at == datetime(2026, 11, 2, 7, 15, tzinfo=UTC)
    assert (first.rating, first.kind) == (0.0, "review")
    assert first.url == "https://shop.example/p/zephyr/#review-77"
    assert (second.text, second.rating) == ("Four slots & one lever, quick.", 0.875)


def test_a_page_is_asked_for_as_a_page() -> None:
    site = shop()
    poll(site)
    assert site.asked["Accept"].startswith("text/html")


def test_the_query_of_a_page_belongs_to_its_address() -> None:
    review = b'{"@type": "Review", "@id": "#r1", "name": "x"}'
    site = shop(b'<script type="application/ld+json">' + review + b"</script>")
    site.page = dataclasses.replace(site.page, url="https://r.example/p?shop=acme")
    assert poll(site).posts[0].url == "https://r.example/p?shop=acme#r1"


def test_an_edited_review_is_the_same_and_a_new_one_is_new() -> None:
    site = shop()
    first = poll(site)
    site.says(PAGE.replace(b"Filled", b"EDIT: filled").replace(b"#review-71", b"#review-90"))
    second = poll(site, first.cursor)
    assert second.posts[0].external_id == first.posts[0].external_id
    assert second.posts[0].text.startswith("EDIT")
    assert second.posts[1].external_id.endswith("#review-90")
    assert not second.gap


def test_a_list_that_shares_nothing_with_the_last_one_is_a_gap() -> None:
    site = shop()
    cursor = poll(site).cursor
    site.says(PAGE.replace(b"#review-", b"#review-9"))
    assert poll(site, cursor).gap


@pytest.mark.parametrize(
    ("page", "why", "blocked"),
    [
        (b"<h1>Zephyr</h1>", "a page without review markup instead of reviews", False),
        (b"<title>Just a moment...</title>", "a login or captcha page instead of reviews", True),
        (b'<script type="application/ld+json">{"offers": {}}</script>', "now holds none", False),
    ],
)
def test_a_page_that_had_reviews_and_has_none_is_not_quiet(
    page: bytes, why: str, blocked: bool
) -> None:
    site = shop()
    cursor = poll(site).cursor
    site.says(page)
    with pytest.raises(SourceError, match=why) as failed:
        poll(site, cursor)
    assert failed.value.blocked is blocked
    assert str(failed.value).startswith("kettle.example: ")


def test_a_product_that_nobody_has_reviewed_yet_is_quiet() -> None:
    page = b'<script type="application/ld+json">{"@type": "Product", "offers": {}}</script>'
    assert poll(shop(page)).posts == ()


def test_many_reviews_fit_a_cursor() -> None:
    one = b'{"@type": "Review", "@id": "#a%d", "reviewBody": "b"}'
    reviews = b", ".join(one % n for n in range(3_000))
    batch = poll(shop(b'<script type="application/ld+json">[' + reviews + b"]</script>"))
    assert len(batch.posts) == 2_000
    assert batch.rejected == ("1,000 items beyond the newest 2,000",)
    assert len(batch.cursor) < 8_192
