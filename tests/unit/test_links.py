"""Addresses of one page are equal, those of two are not, and nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.reading.links import anchored, canonical

PAGE = "https://blog.example/2026/11/story"


@pytest.mark.parametrize(
    "url",
    [
        "HTTP://WWW.Blog.Example:80/2026/11/story/",
        "https://blog.example:443/2026/./x/../11/story#comments",
        f"{PAGE}?utm_source=rss&UTM_Medium=feed&fbclid=x&mtm_kwd=1&_hsenc=p",
        f"{PAGE}/amp/?amp=1",
        "https://www.google.com/amp/s/blog.example/2026/11/story?gclid=1",
        "https://ana:secret@blog.example/2026/11/%73tory?sid=0123456789abcdef0123456789abcdef",
    ],
)
def test_addresses_of_one_page_are_equal(url: str) -> None:
    assert canonical(url) == PAGE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://x.example/?id=7", "https://x.example/?id=8"),
        ("https://x.example/a?q=utm_source", "https://x.example/a"),
        ("https://x.example/a?sid=7", "https://x.example/a"),
        ("https://x.example/Story", "https://x.example/story"),
        ("https://x.example:8443/a", "https://x.example/a"),
        ("https://x.example/camp", "https://x.example/c"),
    ],
)
def test_addresses_of_two_pages_are_not(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_the_order_of_a_query_does_not_count() -> None:
    assert canonical("https://x.example/?b=2&a=%e4") == "https://x.example?a=%E4&b=2"


@pytest.mark.parametrize(
    ("fragment", "found"),
    [
        ("#comment-12", True),
        ("#c4f", True),
        ("#comments", False),
        ("#", False),
        ("", False),
        ("#!topic/acme/2026", False),
    ],
)
def test_a_fragment_with_a_number_names_a_place(fragment: str, found: bool) -> None:
    place = anchored(f"http://www.blog.example/2026/11/story/?utm_source=rss{fragment}")
    assert place == (f"{PAGE}{fragment}" if found else "")
    assert anchored(f"mailto:ana{fragment}") == ""


@pytest.mark.parametrize(
    "url", ["", "story", "javascript:alert(1)", "http://\ud800.example", "//x"]
)
def test_what_is_no_address_of_the_web_is_nothing(url: str) -> None:
    assert canonical(url) == ""


@given(
    st.text(st.characters(), max_size=60), st.sampled_from(["", "http://", "https://x.example/?"])
)
def test_nothing_makes_it_raise(rest: str, head: str) -> None:
    found = canonical(f"{head}{rest}")
    assert found == "" or found.startswith("https://")
    assert anchored(head + rest).startswith(found) or not anchored(head + rest)
