"""Review markup: what people write for search engines, in every shape that they write it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.reading import markup
from monitor.reading.items import Feed, FeedError, Item
from tests.bench.corpora import archive

URL = "https://shop.example/p/1"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "review"

PAT: dict[str, Any] = {
    "@type": "Review",
    "@id": "#r-77",
    "name": "Broke",
    "reviewBody": "Broke in a week",
    "datePublished": "2026-11-02",
    "author": {"@type": "Person", "name": "Pat"},
    "reviewRating": {"@type": "Rating", "ratingValue": "1", "bestRating": "5", "worstRating": "1"},
}
BO: dict[str, Any] = {**PAT, "@id": "#r-78", "author": "Bo", "reviewBody": "Still works"}


def page(*scripts: object, head: str = "") -> bytes:
    written = "".join(
        f'<script type="application/ld+json">{s if isinstance(s, str) else json.dumps(s)}</script>'
        for s in scripts
    )
    return f"<!doctype html><head>{head}{written}</head><body><p>A shop</p></body>".encode()


def read(body: bytes) -> Feed:
    return markup.read(body, "text/html; charset=utf-8", URL)


def only(*scripts: object) -> Item:
    (item,) = read(page(*scripts)).items
    return item


# -- shapes of JSON-LD ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scripts",
    [
        [PAT],
        [[PAT]],
        [{"@graph": [{"@type": "WebSite"}, PAT]}],
        [{"@type": "Product", "name": "Widget", "review": PAT}],
        [{"@type": "LocalBusiness", "reviews": [PAT]}],
        [{"@type": "WebPage", "mainEntity": {"@type": ["Product"], "review": [PAT]}}],
        [{**PAT, "@type": ["CreativeWork", "UserReview"]}],
        [{**PAT, "@type": "http://www.schema.org/Review"}],
        [{"@type": "Product", "review": [{k: v for k, v in PAT.items() if k != "@type"}]}],
        [{f"schema:{k}" if k[0] != "@" else k: v for k, v in PAT.items()}],
        [{**PAT, "reviewBody": [{"@value": "Broke in a week", "@language": "en"}]}],
        [{**PAT, "author": [{"@type": "Person", "name": ["Pat"]}, {"name": "Lee"}]}],
        [{**PAT, "author": {"@id": "#pat"}}, {"@type": "Person", "@id": "#pat", "name": "Pat"}],
        [{"@type": "Product", "review": [{"@id": "#r-77"}]}, PAT],
        [PAT, {"@type": "Product", "review": [{"@type": "Review", "@id": "#r-77"}]}, PAT],
        [{"@type": "Product", "review": {k: v for k, v in PAT.items() if k != "@id"}}, PAT],
        ["null", "", "{", [None, 1, "x", [[]]], PAT],
    ],
)
def test_a_review_is_found_once_in_every_shape(scripts: list[object]) -> None:
    item = only(*scripts)
    assert (item.id, item.link) == ("#r-77", f"{URL}#r-77")
    assert (item.title, item.html, item.author) == ("Broke", "Broke in a week", "Pat")
    assert (item.published, item.rating) == (datetime(2026, 11, 2, tzinfo=UTC), 0.0)


@pytest.mark.parametrize(
    "other",
    [
        {**PAT, "@type": "ClaimReview"},
        {**PAT, "@type": "AggregateRating"},
        {"@type": "Product", "review": {"@id": "#elsewhere"}, "description": "reviewBody"},
        {"@type": "Product", "reviewBody": "x"},
    ],
)
def test_what_is_no_review_is_none(other: dict[str, Any]) -> None:
    assert [item.id for item in read(page(other, {"review": []}, BO)).items] == ["#r-78"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("}", ",}"),
        lambda text: text.replace("}", ", /* last, one */ }"),
        lambda text: text.replace("{", "{ // a note\n", 1),
        lambda text: f"<!-- {text} -->",
        lambda text: f"//<![CDATA[\n{text}\n//]]>",
        lambda text: f"{text};",
        lambda text: f"\ufeff {text}",
        lambda text: text.replace("in a week", "in\ta\nweek"),
        lambda text: f'{text}\n{{"@type": "WebSite"}}',
        lambda text: f"{text} and then nonsense",
    ],
)
def test_damaged_json_is_mended(damage: Any) -> None:
    item = only(damage(json.dumps(PAT)))
    assert (item.id, " ".join(item.html.replace("<br>", " ").split())) == (
        "#r-77",
        "Broke in a week",
    )


def test_mending_leaves_strings_alone() -> None:
    text = json.dumps({**PAT, "reviewBody": 'http://x.example, /* "no" */ ,} <!-- ok'}) + ";"
    assert only(text).html == 'http://x.example, /* "no" */ ,} &lt;!-- ok'


def test_a_script_beyond_mending_spoils_only_itself() -> None:
    assert len(read(page('{"a": [1, 2', PAT, '{"@type": "Review", "name": }')).items) == 1


# -- texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("1 < 2\nand 3", "1 &lt; 2<br>and 3"),
        ("&quot;Great&quot; &amp; cheap", '"Great" &amp; cheap'),
        ("<p>Great</p><br>x", "<p>Great</p><br>x"),
        ("&lt;p&gt;Great&lt;/p&gt;", "<p>Great</p>"),
        ("", ""),
    ],
)
def test_text_is_html_whether_it_was_escaped_or_not(text: str, html: str) -> None:
    assert only({**PAT, "reviewBody": text}).html == html


@pytest.mark.parametrize(
    ("date", "day"),
    [
        ("2026-11-02T10:30:00+02:00", 2),
        ("2026-11-02T00:00:00Z", 2),
        ("20261102", 2),
        ("2026-11-02 10:00:00", 2),
        ("Mon, 02 Nov 2026 10:00:00 GMT", 2),
        ("November 2, 2026", 2),
        ("2 Nov 2026", 2),
        ("02.11.2026", 2),
        ("yesterday", None),
        ("0001-01-01", None),
        ("9999-99-99", None),
        (20261102, 2),
        ({}, None),
    ],
)
def test_dates_as_they_are_written(date: object, day: int | None) -> None:
    published = only({**PAT, "datePublished": date}).published
    assert (published.day if published else None) == day
    assert published is None or (published.year, published.month) == (2026, 11)


# -- ratings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rating", "share"),
    [
        ({"ratingValue": 5}, 1.0),
        ({"ratingValue": "3"}, 0.5),
        ({"ratingValue": "4,5"}, 0.875),
        ({"ratingValue": "4.5 stars"}, 0.875),
        ({"ratingValue": "4/5"}, 0.75),
        ({"ratingValue": "8 out of 10"}, 7 / 9),
        ({"ratingValue": "80%"}, 0.8),
        ({"ratingValue": 80, "bestRating": 100, "worstRating": 0}, 0.8),
        ({"ratingValue": "8", "bestRating": "10"}, 7 / 9),
        ({"ratingValue": 0.25, "bestRating": 1}, 0.25),
        ({"ratingValue": 2, "bestRating": 1, "worstRating": 6}, 0.8),
        ({"ratingValue": -1, "bestRating": 1, "worstRating": -1}, 0.0),
        ({"ratingValue": 0, "worstRating": 0}, 0.0),
        ({"ratingValue": 8}, None),
        ({"ratingValue": 0}, None),
        ({"ratingValue": 3, "bestRating": 3, "worstRating": 3}, None),
        ({"ratingValue": True}, None),
        ({"ratingValue": "good"}, None),
        ({"ratingValue": "1e999"}, 0.0),
        ({}, None),
        ("2", 0.25),
        (4, 0.75),
        ([{"ratingValue": "2"}], 0.25),
        ({"@id": "#rating"}, 0.25),
    ],
)
def test_ratings_are_shares_of_their_own_scale(rating: object, share: float | None) -> None:
    found = only({**PAT, "reviewRating": rating}, {"@id": "#rating", "ratingValue": 2}).rating
    assert found == (None if share is None else pytest.approx(share))


def test_the_rating_of_the_product_is_not_the_reviews() -> None:
    review = {k: v for k, v in PAT.items() if k != "reviewRating"}
    product = {"@type": "Product", "aggregateRating": {"ratingValue": 4}, "review": review}
    assert only(product).rating is None


# -- identity ------------------------------------------------------------------------------------


def ids(*reviews: dict[str, Any]) -> list[str]:
    return [item.id for item in read(page(list(reviews))).items]


def without_id(review: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {**{k: v for k, v in review.items() if k != "@id"}, **other}


def test_an_edited_review_keeps_its_own_id() -> None:
    assert ids(PAT, BO) == ids({**PAT, "reviewBody": "Edited"}, BO) == ["#r-77", "#r-78"]


def test_a_review_without_an_id_is_known_by_its_words() -> None:
    first, second = without_id(PAT), without_id(BO)
    assert ids(first, second) == ids(second, first)[::-1]
    assert len({*ids(first), *ids(without_id(PAT, author="Lee"))}) == 2


@pytest.mark.parametrize("own", ["_:b1", URL, f"{URL}#", "/p/1", f"{URL}/?utm_source=x", ""])
def test_the_pages_address_and_blank_nodes_are_no_ids(own: str) -> None:
    assert ids({**PAT, "@id": own}) == ids(without_id(PAT))
    assert ids(without_id(PAT, url=own)) == ids(without_id(PAT))


def test_an_address_of_its_own_is_an_id() -> None:
    assert ids(without_id(PAT, url="/reviews/77")) == ["/reviews/77"]
    assert ids(without_id(PAT, url="#c77")) == ["#c77"]


def test_a_query_tells_addresses_apart() -> None:
    shop = f"{URL}?shop=acme"
    body = page({**PAT, "@id": f"{URL}?review=12"}, without_id(BO, url=shop))
    first, second = markup.read(body, "", shop).items
    assert first.id == first.link == f"{URL}?review=12"
    assert (second.id, second.link) == (ids(without_id(BO))[0], shop)


def test_an_id_that_several_have_is_none() -> None:
    same = [{**review, "@id": "#reviews"} for review in (PAT, BO)]
    assert ids(*same) == ids(without_id(PAT), without_id(BO))


def test_ids_that_only_count_are_none() -> None:
    """As Yoast's plugin for WooCommerce writes them: by place, the newest first."""
    newer, older = {**PAT, "@id": "/#/review/9-0"}, {**BO, "@id": "/#/review/9-1"}
    assert ids(newer, older) == ids(without_id(PAT), without_id(BO))
    assert ids({**older, "@id": "/#/review/9-0"}) == ids(without_id(BO))


def test_reviews_stand_under_what_they_are_about() -> None:
    widget = {"@type": "Product", "@id": "#w", "name": "Widget &amp; Co", "review": [PAT, BO]}
    assert read(page(widget)).title == "Widget &amp; Co"
    about = {"itemReviewed": {"@id": "#w"}}
    assert read(page({**widget, "review": []}, PAT | about, BO | about)).title == "Widget &amp; Co"
    other = {"itemReviewed": {"@type": "Product", "name": "Other"}}
    assert read(page(widget, BO | {"@id": "#r-79"} | other)).title == ""


# -- microdata -----------------------------------------------------------------------------------


def test_microdata_is_read_the_same() -> None:
    feed = read((FIXTURES / "microdata.html").read_bytes())
    first, second, third = feed.items
    assert (first.id, first.title, first.author) == ("#r-77", "Broke", "Pat")
    assert first.html == "Broke in a week.<br>Twice."
    assert (first.published, first.rating) == (datetime(2026, 11, 2, tzinfo=UTC), 0.0)
    assert (second.author, second.rating) == ("Bo", 0.875)
    assert (third.author, third.html) == ("Lee", "Not in any property")
    assert feed.title == "Widget"


def test_json_ld_goes_before_microdata() -> None:
    both = (FIXTURES / "microdata.html").read_bytes() + page(BO)
    assert [item.id for item in read(both).items] == ["#r-78"]


# -- what cannot be read -------------------------------------------------------------------------


def test_a_bad_review_spoils_only_itself() -> None:
    feed = read(page([{"@type": "Review"}, PAT, {"@type": "Review", "author": "x"}]))
    assert [item.id for item in feed.items] == ["#r-77"]
    assert len(feed.rejected) == 2


def test_a_shop_without_reviews_has_none() -> None:
    assert read(page({"@type": "Product", "offers": {"price": 1}})).items == ()


@pytest.mark.parametrize(
    ("body", "blocked"),
    [
        (b"", False),
        (b"Hello", False),
        (page({"@type": "WebSite", "name": "A blog"}), False),
        (b"<form><input type='password'></form>", True),
        (page('{"review": ' * 900), False),
        (b'<div itemscope><p itemprop="name">x</p></div>', False),
    ],
)
def test_a_page_without_markup_is_refused(body: bytes, blocked: bool) -> None:
    with pytest.raises(FeedError) as refused:
        read(body)
    assert refused.value.blocked is blocked


NESTED = '{"@id":"#a","@type":"Review","review":' * 480 + "{}" + "}" * 480
SCOPE = b"<b itemscope itemprop='review' itemtype='https://schema.org/Review'>"
HOSTILE = {
    "nested": page(NESTED),
    "as deep as json goes": page('{"review":' * 960 + json.dumps(PAT) + "}" * 960),
    "scopes": SCOPE * 20_000,
    "properties": b"<p itemscope>" + b"<b itemprop='reviewBody'>x" * 20_000,
    "names": b"<p itemscope>" + b"".join(b"<b itemprop=x%d>" % n for n in range(5_000)),
    "values": page("1 " * 500_000),
    "quotes": page('"\\' * 300_000),
    "slashes": page("/*/" * 300_000),
    "commas": page("," * 500_000),
    "comments": page(",/**/" * 100_000 + "x"),
    "many": page([{**PAT, "@id": f"#{n}x"} for n in range(20_000)]),
    "same": page([PAT] * 20_000),
    "odd": page({"@type": {"a": 1}, "@id": ["x"], "review": [[{"@type": ["Review", 3]}]]}, PAT),
    "numbers": page(json.dumps(PAT).replace('"1"', "1" * 5000)),
    "spans": page(PAT) + b"<span itemscope>" * 30_000 + b"</q>" * 30_000,
    "pictures": page(PAT) + b"<svg>" * 60_000 + b"</q>" * 60_000,
    "surrogates": page(PAT | {"author": "\ud800", "@id": "\ud800", "reviewBody": "\udfff"}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_markup_breaks_or_hangs_us(name: str) -> None:
    start = time.process_time()
    try:
        feed = read(HOSTILE[name])
    except FeedError:
        feed = Feed(())
    assert time.process_time() - start < 10
    assert len(feed.items) <= 2_000


@pytest.mark.corpora
def test_real_pages(corpora: Path) -> None:
    """What extruct's own samples hold; every other page is refused or empty, none breaks us."""
    found = {}
    for name in ("structured-data-pages", "readability-pages"):
        for path, body in archive(corpora, name).items():
            if path.endswith("html"):
                try:
                    found[path] = len(read(body).items)
                except FeedError:
                    found[path] = 0
    assert len(found) > 300
    assert {Path(path).name: number for path, number in found.items() if number} == {
        "source.html": 1,  # one of Readability's, a test of a game console
        "null_ld_mock.html": 1,
        "CreativeWork.001.html": 2,
        "Years & Years Tickets, Tour Dates 2015 & Concerts.html": 1,
    }
