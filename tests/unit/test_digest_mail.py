"""The digest as its reader gets it: true, small, calm about hostile text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from monitor.digest import Praise, SourceLine
from monitor.notifiers.digest_mail import changed, render
from tests.standins.weeks import complaint, days, empty, figures

HOSTILE = (
    "</td><script>alert(1)</script><img src=https://e.example/x.png>\"'{{7*7}}&\u202e\x1b[31m\n"
)


class Page(HTMLParser):
    """Tags with attributes, the text people see, and the style of each piece of text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def bars(html: str) -> list[list[tuple[str, float]]]:
    """Each day's bar as (kind, percent)."""
    rows = re.findall(r"<tr>((?:<td[^>]*height:16px[^>]*>&nbsp;</td>)+)</tr>", html)
    cell = re.compile(r'<td(?: class="(\w+)")? width="([\d.]+)%" style="width:([\d.]+)%;')
    found = [[(kind, float(a), float(b)) for kind, a, b in cell.findall(row)] for row in rows]
    assert all(a == b for row in found for _, a, b in row)
    return [[(kind, a) for kind, a, _ in row] for row in found]


# -- numbers -------------------------------------------------------------------------


def test_every_number_stands_in_both_halves() -> None:
    mail = render(figures())
    seen = " ".join(Page(mail.html).words)
    for half in (seen, " ".join(mail.text.split())):
        for number in (
            "137",
            "49",
            "31",
            "36 % of all",
            "up 114 % from 64",
            "8 the week before",
            "blind 14 h",
        ):
            assert number in half
        for words in (
            "Fri 13 Nov",
            "30 posts",
            "since Thu 12 Nov, 15:05",
            "Lena",
            "3 mentions could not",
        ):
            assert words in half


@pytest.mark.parametrize(
    ("copies", "note"),
    [(1, "1 copy of these is not counted again."), (2, "2 copies of these are not counted again.")],
)
def test_copies_are_said_to_be_left_out(copies: int, note: str) -> None:
    mail = render(replace(figures(), copies=copies))
    assert note in mail.text
    assert note in " ".join(Page(mail.html).words)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (None, 4, "no earlier week to compare"),
        (4, 9, "4 the week before"),
        (0, 1200, "0 the week before"),
        (9, 9, "the same as the week before"),
        (50, 56, "up 12 % from 50"),
        (1000, 10, "down 99 % from 1,000"),
    ],
)
def test_small_numbers_are_never_a_percentage(before: int | None, now: int, words: str) -> None:
    assert changed(before, now) == words


def test_bars_are_proportional_to_their_numbers() -> None:
    week = figures()
    drawn = bars(render(week).html)
    for day, bar in zip(week.days, drawn, strict=True):
        assert sum(width for _, width in bar) == pytest.approx(100, abs=0.05)
        for kind, width in bar:
            if kind:
                assert width == pytest.approx(100 * getattr(day, kind) / 50, abs=0.01)
    assert drawn[4][0] == ("negative", 42.0)


def test_a_post_without_a_title_is_not_said_twice() -> None:
    same = complaint(title="It is dead.", quote="It is dead.")
    assert render(figures(complaints=(same,))).text.count("It is dead.") == 1


def test_a_day_without_mentions_has_an_empty_bar() -> None:
    assert bars(render(figures(days=days((0, 0, 0, 0), (1, 0, 0, 0)))).html)[0] == [("", 100.0)]


# -- weeks ---------------------------------------------------------------------------


def test_an_empty_week_is_said_and_shows_where_we_looked() -> None:
    mail = render(empty())
    for half in (mail.html, mail.text):
        assert "0 mentions; 2 sources checked." in half
        assert "no earlier week to compare" in half
        assert "forum-acme" in half
        assert "per day" not in half.lower()


def test_a_period_over_two_months_names_both() -> None:
    week = figures(since="2026-11-29T23:00:00+00:00", until="2026-12-06T23:00:00+00:00")
    assert "30 Nov – 6 Dec 2026" in render(week).text


def test_the_week_in_which_clocks_change_keeps_its_days() -> None:
    week = figures(since="2026-10-18T22:00:00+00:00", until="2026-10-25T23:00:00+00:00")
    assert "19–25 Oct 2026" in render(week).text


def test_equal_figures_give_equal_bytes() -> None:
    assert render(figures()) == render(figures())


def test_a_source_without_trouble_says_so() -> None:
    assert "complete" in render(figures()).text


# -- form ----------------------------------------------------------------------------


def test_the_page_is_well_formed_and_named_for_screen_readers() -> None:
    page = Page(render(figures()).html)
    assert page.open == []
    assert page.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")] == [
        *("h1", "h2", "h2", "h3", "h2", "h2")
    ]
    assert all(th["scope"] in ("row", "col") for th in page.all("th"))
    data_tables = [t for t in page.all("table") if t.get("role") != "presentation"]
    assert len(data_tables) == 2
    assert all(bdi == {"dir": "auto"} for bdi in page.all("bdi"))


def test_nothing_is_loaded_from_anywhere() -> None:
    html = render(figures()).html
    assert {tag for tag, _ in Page(html).tags}.isdisjoint(
        {"img", "link", "script", "iframe", "svg", "video", "form"}
    )
    assert "url(" not in html
    assert "@import" not in html


def test_every_coloured_text_has_a_dark_colour_too() -> None:
    html = render(figures()).html
    dark = html[html.index("prefers-color-scheme: dark") : html.index("</style>")]
    for tag, attributes in Page(html).tags:
        style = attributes.get("style") or ""
        if re.search(r"(?<!-)color:", style) or "background-color" in style:
            classes = (attributes.get("class") or "").split()
            assert any(f".{name} {{" in dark for name in classes), (tag, style)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("card", "tile", "dark"), [("#ffffff", "#f4f6f8", False), ("#191d23", "#232932", True)]
)
def test_every_text_has_enough_contrast_on_card_and_tile(card: str, tile: str, dark: bool) -> None:
    html = render(figures()).html
    assert f"background-color:{card}" in html.replace(": ", ":")
    split = html.index("</style>")
    scheme, body = html[:split], html[split:]
    where, colour = (
        (scheme, r"\n    \.\w+ { color: (#\w{6})") if dark else (body, r"(?<!-)color:(#\w{6})")
    )
    colours = set(re.findall(colour, where))
    assert len(colours) >= 4
    for each in colours:
        assert min(contrast(each, card), contrast(each, tile)) >= 4.5, each


# -- limits and hostile text ---------------------------------------------------------


def test_the_largest_week_stays_under_60_kb() -> None:
    long = "&<" * 5_000
    url = "https://e.example/" + "&" * 480
    item = complaint(title=long, quote=long, sources=(long,) * 40, topic=long, url=url)
    week = figures(
        complaints=(item,) * 9,
        praise=(Praise(long, url, long),) * 9,
        sources=(SourceLine(long, 10**7, 10**7, long),) * 300,
        days=days(*[(10**6,) * 4] * 7),
        sentence=long,
        subject=long,
        brand=long,
    )
    mail = render(week)
    assert len(mail.html.encode()) < 60_000
    assert "and 288 more" in mail.text


def test_hostile_text_is_only_text() -> None:
    week = figures(
        brand=HOSTILE,
        subject=HOSTILE,
        sentence=HOSTILE,
        complaints=(complaint(title=HOSTILE, quote=HOSTILE, topic=HOSTILE, state=HOSTILE),),
        praise=(Praise(HOSTILE, "javascript:alert(1)", HOSTILE),),
        sources=(SourceLine(HOSTILE, 1, 1, HOSTILE),),
    )
    mail = render(week)
    page = Page(mail.html)
    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "img"})
    assert "{{7*7}}" in "".join(page.words)
    assert [a["href"] for a in page.all("a")] == ["https://forum.example/t/1812"]
    for half in (mail.subject, mail.text, mail.html):
        assert "\u202e" not in half
        assert "\x1b" not in half
    assert "\n" not in mail.subject


@pytest.mark.parametrize("url", ["javascript:x", "ftp://e.example/", 'https://e.example/"x', ""])
def test_only_web_addresses_become_links(url: str) -> None:
    week = replace(figures(), complaints=(complaint(url=url),), praise=())
    assert Page(render(week).html).all("a") == []
