"""A part of a feed is read as it is read of the whole."""

from __future__ import annotations

import codecs
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading import feeds, slices
from monitor.reading.items import Feed
from tests.bench.corpora import archive, in_part

FIXTURES = Path(__file__).parents[1] / "fixtures" / "feed"
BASE = "https://kettle.example/feed/"
RSS = (
    '<rss version="2.0" xmlns:c="http://purl.org/rss/1.0/modules/content/"><channel>{}</channel>'
    "<!-- <item> --></rss>"
)
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/">{}</feed>'
RDF = (
    '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
    "{}</r:RDF>"
)
PREFIXED = '<a:feed xmlns:a="http://www.w3.org/2005/Atom">{}</a:feed>'


def whole(body: bytes) -> Feed:
    """As it is read where nothing is known of slices."""
    return feeds._read(body, "application/xml", BASE)[0]


def part(body: bytes, known: str) -> Feed:
    return feeds.read(body, "application/xml", BASE, known)


def cut(body: bytes, content_type: str = "application/xml") -> slices.Slices:
    found = slices.cut(body, content_type)
    assert found is not None
    return found


WORDS = st.text(alphabet="ab é<&>]'\"-/\n😀", max_size=12)
HIDDEN = st.sampled_from(
    ["<![CDATA[ <item> </item> ]]>", "<!-- </item> <entry/> -->", "<?php </entry> ?>", "<items/>"]
)


def escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    shell, name = draw(
        st.sampled_from([(RSS, "item"), (ATOM, "entry"), (RDF, "item"), (PREFIXED, "a:entry")])
    )
    prefix = name.rpartition(":")[0] and "a:"

    def item(number: int) -> str:
        if draw(st.integers(0, 9)) == 0:
            return f"<{name} n='{number}/>'/>"
        title, text = escaped(draw(WORDS)), escaped(draw(WORDS))
        own = draw(st.sampled_from(["", f"<{prefix}id>{number % 5}</{prefix}id>"]))
        space = draw(st.sampled_from(["", " ", "\n"]))
        parts = [f"<{prefix}title>{title}</{prefix}title>", own, draw(HIDDEN)]
        described = f"<{prefix}summary>{text}</{prefix}summary>"
        inside = "".join([*draw(st.permutations(parts)), described])
        return f"<{name}{space}>{inside}</{name}{space}>"

    count = draw(st.integers(0, 6))
    author = f"<{prefix}author><{prefix}name>Ana</{prefix}name></{prefix}author>"
    around = [draw(st.sampled_from(["", "\n", author, "<!-- <item> -->"])) for _ in range(count)]
    items = "".join(item(n) + space for n, space in zip(range(count), around, strict=True))
    declared = draw(st.sampled_from(["", '<?xml version="1.0" encoding="utf-8"?>']))
    junk = draw(st.sampled_from(["", "", "<script></script>"]))
    text = declared + shell.format(f"<{prefix}title>T</{prefix}title>{items}") + junk
    return draw(st.sampled_from([b"", b"\n", codecs.BOM_UTF8])) + text.encode()


@settings(deadline=None)
@given(documents(), st.data())
def test_a_part_is_read_as_of_the_whole(body: bytes, data: st.DataObject) -> None:
    full = whole(body)
    everything = part(body, "")
    assert everything.items == full.items
    marks = everything.marks
    each = [marks[i : i + slices.WIDTH] for i in range(0, len(marks), slices.WIDTH)]
    assert len(each) == len(full.items) + len(full.rejected)
    known = data.draw(st.sets(st.sampled_from(each))) if each else set()
    some = part(body, "".join(sorted(known)))
    unseen = [item for item, mark in zip(full.items, each, strict=True) if mark not in known]
    assert list(some.items) == unseen
    assert (some.title, some.pace, some.marks) == (full.title, full.pace, marks)


@pytest.mark.parametrize("name", ["rss2.xml", "atom.xml", "rdf.xml", "comments.xml", "forum.xml"])
def test_what_is_known_is_not_read_again(name: str) -> None:
    body = (FIXTURES / name).read_bytes()
    first = part(body, "")
    assert first == replace(whole(body), marks=first.marks)
    again = part(body, first.marks)
    assert (again.items, again.marks, again.title) == ((), first.marks, first.title)


def test_spans_are_whole_elements() -> None:
    inside = b"<item/><item >1</item ><x/><item a='>'><y/></item><item/>"
    found = cut(b"<rss><channel>" + inside + b"</channel></rss>")
    assert [found.body[start:end] for start, end in found.spans] == [
        b"<item/>",
        b"<item >1</item >",
        b"<item a='>'><y/></item>",
        b"<item/>",
    ]


def test_an_item_that_changed_is_not_known() -> None:
    before = cut(b"<rss><item>a</item><item>b</item></rss>")
    after = cut(b"<rss><item>a</item><item>B</item></rss>")
    assert after.without("".join(before.marks)) == (b"<rss><item>B</item></rss>", 1)


ITEMS = b"<channel><item><title>1</title></item><item><title>2</title></item></channel>"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<rss>" + ITEMS, ""),
        (b"<rss>" + ITEMS.replace(b"2", b"&nbsp;") + b"</rss>", ""),
        (b"<rss>" + ITEMS.replace(b"2", b"<item/>") + b"</rss>", ""),
        (b"<rss>" + ITEMS.replace(b"2", b"\xe9") + b"</rss>", ""),
        (b"<rss><x:y/>" + ITEMS + b"</rss>", ""),
        (b"<rss>" + ITEMS + b"</rss>", "application/xml; charset=koi8-r"),
        (b'<?xml version="1.0" encoding="shift_jis"?><rss>' + ITEMS + b"</rss>", ""),
        (b'<!DOCTYPE rss [<!ENTITY e "x">]><rss>' + ITEMS + b"</rss>", ""),
        (b'<!DOCTYPE rss SYSTEM "http://x.example/dtd"><rss>' + ITEMS + b"</rss>", ""),
        ((b"<rss>" + ITEMS + b"</rss>").decode().encode("utf-16"), ""),
        (b"<rss><channel></channel></rss>", ""),
        (b'{"items": []}', ""),
    ],
)
def test_in_doubt_a_feed_is_left_whole(body: bytes, content_type: str) -> None:
    assert slices.cut(body, content_type) is None


@pytest.mark.parametrize("encoding", ["UTF-8", "utf8", "us-ascii", "ISO-8859-1", "utf-16"])
def test_a_declaration_that_changes_nothing_is_no_doubt(encoding: str) -> None:
    sent = f'application/xml; charset="{encoding}"'
    assert slices.cut(b"<rss>" + ITEMS + b"</rss>", sent) is not None
    declared = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE html>'.encode()
    body = declared + b'<rss version="2.0">' + ITEMS + b"</rss>"
    marks = part(body, "").marks
    assert len(marks) == 2 * slices.WIDTH
    assert part(body, marks[: slices.WIDTH]).items == whole(body).items[1:]


def test_what_is_well_formed_is_not_cut_off() -> None:
    body = b"<news>" + ITEMS.replace(b"channel>", b"all>") + b"</news>"
    assert (whole(body).cut_off, part(body, "").cut_off) == (True, False)


def test_items_that_feedparser_does_not_see_are_doubt() -> None:
    """It takes no notice of an <entry> of somebody else's."""
    body = (
        b'<rss version="2.0" xmlns:x="urn:x"><channel><x:entry/><item><title>1</title></item>'
        b"</channel></rss>"
    )
    feed = part(body, "")
    assert (len(feed.items), feed.marks) == (1, "")


@pytest.mark.corpora
@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("blog-feeds", 12),
        ("gofeed-testdata", 1),
        ("rss-parser-samples", 1),
        ("feedjira-samples", 1),
    ],
)
def test_real_feeds_are_read_alike_whole_and_in_part(corpora: Path, name: str, every: int) -> None:
    bodies = dict(sorted(archive(corpora, name).items())[::every])
    found = {path: in_part(body) for path, body in bodies.items()}
    assert [path for path, why in found.items() if why not in ("", "whole")] == []
    assert list(found.values()).count("") > 3
