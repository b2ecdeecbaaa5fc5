"""Pages: the right characters, what a person could read, and no page that breaks or hangs us."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from monitor.reading import bounds, pages
from monitor.reading.walls import is_wall
from tests.bench.corpora import archive
from tests.bench.pages import recall

ARTICLE = Path(__file__).parents[1] / "fixtures" / "pages" / "article.html"
URL = "https://kettle.example/2026/toast/"


def read(body: bytes, content_type: str = "") -> str:
    return pages.words(pages.tree(body, content_type))


# -- characters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Zoë kauft".encode(), ""),
        ("Zoë kauft".encode(), "text/html; charset=nonsense"),
        ("Zoë kauft".encode(), "text/html; charset=hex"),
        ("Zoë kauft".encode("latin-1"), ""),
        ("Zoë kauft".encode("latin-1"), 'text/html; charset="ISO-8859-1"'),
        ("\ufeffZoë kauft".encode(), "text/html; charset=iso-8859-1"),
        ("\ufeffZoë kauft".encode("utf-16-le"), ""),
        ("Zoë kauft".encode("utf-16-le"), "text/html; charset=utf-16-le"),
        ("<meta charset=utf-16>Zoë kauft".encode(), ""),
        ("<meta charset='windows-1252'>Zoë kauft".encode("cp1252"), ""),
        (b'<meta http-equiv=x content="text/html; charset=koi8-r">Zo&euml; kauft', ""),
        ("<p>Zoe\u0308 ka\u00aduft".encode(), "text/html; charset=UTF-8"),
    ],
)
def test_a_page_is_read_in_the_charset_a_browser_takes(body: bytes, content_type: str) -> None:
    assert read(body, content_type) == "Zoë kauft"
    assert "kauft" in pages.decode(body, content_type).replace("\u00ad", "")


@pytest.mark.parametrize(
    ("charset", "text"),
    [("gb2312", "镕基"), ("shift_jis", "①髙"), ("euc-kr", "햏"), ("iso-8859-1", "“€”")],
)
def test_labels_mean_what_browsers_mean_by_them(charset: str, text: str) -> None:
    wide = {"gb2312": "gb18030", "shift_jis": "cp932", "euc-kr": "cp949", "iso-8859-1": "cp1252"}
    assert read(text.encode(wide[charset]), f"text/html; charset={charset}") == text


def test_bytes_that_are_no_characters_cost_only_themselves() -> None:
    assert read(b"caf\xe9 \xf0\x9f bar", "text/html; charset=utf-8") == "caf\ufffd \ufffd bar"


# -- what a person could read --------------------------------------------------------------------


def test_words_are_what_a_person_could_read() -> None:
    body = ARTICLE.read_bytes()
    found = read(body)
    assert found.startswith("Zephyr toasters, tested | The Kettle Post")
    for seen in ("Subscribe to our letter", "four slots, one lever", "Fish & chips", "Old comment"):
        assert seen in found
    for unseen in ("tracker", "color: red", "template words", "a comment nobody", "<"):
        assert unseen not in found


def test_an_article_is_its_text_without_what_stands_around_it() -> None:
    found = pages.article(ARTICLE.read_bytes(), "")
    assert "four slots, one lever" in found
    for around in ("Subscribe to our letter", "Old comment", "tracker"):
        assert around not in found


@pytest.mark.parametrize("body", [b"", b"\0\0", b"x", b"{}", b"<html></html>", b"\xff\xfe"])
def test_where_there_is_no_article_there_is_none(body: bytes) -> None:
    assert pages.article(body, "").strip("x{}") == ""


# -- what a page says of itself ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "header", "told"),
    [
        ("", "", False),
        ("<meta name=robots content='index, follow'>", "", False),
        ("<meta name=ROBOTS content='NoIndex'>", "", True),
        ("<meta name=robots content='follow,none'>", "", True),
        ("<meta name=robots>", "", False),
        ("", "noarchive, noindex", True),
        ("", "googlebot: noindex", False),
        ("", "nofollow", False),
    ],
)
def test_a_page_may_ask_not_to_be_kept(markup: str, header: str, told: bool) -> None:
    assert pages.noindex(pages.tree(markup.encode(), ""), header) is told


def test_links_are_absolute_and_say_what_they_are() -> None:
    found = pages.links(pages.tree(ARTICLE.read_bytes(), ""), URL)
    assert [(x.url, x.type, x.title, x.head) for x in found] == [
        ("https://kettle.example/feed/", "application/rss+xml", "The Kettle Post » Feed", True),
        ("https://kettle.example/2026/style.css", "", "", True),
        ("https://kettle.example/2026/bread/", "", "Last year's", False),
    ]
    assert "alternate" in found[0].rel


def test_relative_links_begin_at_the_base() -> None:
    page = pages.tree(b'<base href="/shop/"><a href="x">y</a><a href="http://[">z</a>', "")
    assert [x.url for x in pages.links(page, URL)] == ["https://kettle.example/shop/x"]


def test_a_login_page_is_a_wall_and_a_blog_is_none() -> None:
    assert is_wall(b"<form><input type=password></form>")
    assert not is_wall(ARTICLE.read_bytes())


# -- hostile pages -------------------------------------------------------------------------------

HOSTILE = {
    "deep": b"<div>" * 300_000 + b"end",
    "deep and closed": b"<div>" * 200_000 + b"</div>" * 200_000,
    "wide": b"<p " + b" ".join(b"a%d=1" % i for i in range(300_000)) + b">end",
    "never closed": b"<p " + b"a " * 500_000,
    "brackets": b"<" * 1_000_000,
    "marks": b"e" + "\u0301\u0300".encode() * 300_000,
    "nothing": b"",
    "zeros": bytes(100_000),
    "comment": b"<!--" * 200_000,
    "cdata": b"<![CDATA[" * 100_000,
    "entities": b"&#x110000;&#xd800;&lt" * 50_000,
    "links": b"<a href='//[::1'>x" * 50_000,
    "formats": b"".join(b"<b c=%d><p>" % n for n in range(200_000)),
    "font once": b"<b><b><b><i><i><i><u><u><u>" + b"<p>x" * 200_000,
    "hidden formats": b"".join(b"<<b>b c='>'%d><p>" % n for n in range(100_000)),
    "links in links": b"<a href=x><object>" * 100_000,
    "noise": bytes(range(256)) * 4_000,
    "spans": b"<span>" * 30_000 + b"</q>" * 30_000,
    "pictures": b"<svg>" * 60_000 + b"</q>" * 60_000,
    "cells of no table": b"<svg>" + b"<td>" * 60_000 + b"</q>" * 60_000,
    "crossed": b"<div><object></div>" * 100_000,
    "in the wrong place": b"<div></ul>" * 150_000,
    "closed in quotes": b"<span title='</span>'>" * 60_000 + b"</q>" * 60_000,
    "closed in comments": b"<span><!--</span>--><! </span>" * 60_000 + b"</q>" * 60_000,
    "behind a script": b"<script><!--</script>" + b"<q>" * 60_000 + b"</s>" * 60_000,
    "behind data": b"<svg><![CDATA[<!--]]></svg>" + b"<q>" * 60_000 + b"</s>" * 60_000,
    "terms": b"<li><dd>" * 100_000,
    "stray": b"<q>" * 399 + b"</s>" * 600_000,
    "deepest": b"<q>" * 399 + b"<p>x" * 600_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_page_breaks_or_hangs_us(name: str) -> None:
    body = HOSTILE[name]
    start = time.process_time()
    page = pages.tree(body, "")
    assert len(pages.links(page, URL)) <= pages.MAX_LINKS
    assert not pages.noindex(page)
    assert len(pages.words(page)) <= pages.MAX_WORDS
    assert time.process_time() - start < 10
    assert isinstance(pages.article(body[:100_000], ""), str)


def test_what_stands_before_the_hostile_part_is_read() -> None:
    assert read(b"<p>Hello</p>" + b"<div>" * 300_000) == "Hello"
    assert read(b"<p>Hello</p><i " + b"a " * 500_000) == "Hello"


@pytest.mark.parametrize(
    "shallow",
    [
        "<ul><li>x<li><p>y</ul>",
        "<dl><dt>a<dd>b<dt>c<dd>d</dl>",
        "<table><tr><td><p>x<td>y<tr><td>z</table>",
        "<p>x<br><img src='>'><p>y<div>z</div>",
        "<svg><path d=1 /><g><circle/></g></svg>",
        "<div><span><x-b>x</div>",
        "<script>'<div><table>'</script><style><!-- <p> --></style>",
        "<!-- <div> --><!--><!DOCTYPE html>",
        "<select><option>a<option>b</select><input><form></form>",
        "<DIV CLASS=x></div ><a href=x/>y</a>",
    ],
)
def test_nothing_is_lost_of_a_long_page_that_is_not_deep(shallow: str) -> None:
    body = shallow.encode() * bounds.SHALLOW
    body = body[: bounds.MAX_PAGE // len(shallow) * len(shallow)]
    assert bounds.bounded(body) == body


@pytest.mark.corpora
def test_nothing_is_lost_of_any_real_page(corpora: Path) -> None:
    found = archive(corpora, "readability-pages") | archive(corpora, "structured-data-pages")
    real = {path: body for path, body in found.items() if path.endswith("html")}
    assert len(real) > 300
    assert [path for path, body in real.items() if bounds._too_deep(body) != len(body)] == []


@pytest.mark.corpora
def test_all_that_people_found_worth_reading_is_read(corpora: Path) -> None:
    """Each page of Readability's test beside the article that it expects of it."""
    assert recall(archive(corpora, "readability-pages")) > 0.99
