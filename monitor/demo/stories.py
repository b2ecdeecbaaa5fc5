"""The demo's little world: a shop, four places where people talk about it, and what they say.

A shop that sells sewing patterns as downloads is called like a garden plant. One evening its
download links break. Everything here was written for the demo; every address ends in .example.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

BRAND = "Foxglove Patterns"
BRAND_TOML = """\
[[brand]]
name = "Foxglove Patterns"
aliases = [
    "foxglovepatterns",
    { term = "Foxglove", require = ["pattern", "patterns", "pdf", "sewing", "sew"] },
]
site = "foxglovepatterns.example"
competitors = ["Tackpin"]
"""

Place = Literal["blog", "comments", "diary", "forum", "search"]
Fate = Literal["told", "kept", "left out"]  #: on the card; a mention without a card; no mention

HOMONYM = "homonym (the plant)"
COMPETITOR = "competitor (Tackpin)"
OWN_SITE = "own site"
NO_BRAND = "shop not named"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A place that publishes: one feed of one site."""

    place: Place
    called: str  #: as people call it
    kind: Literal["feed", "comments", "forum"]
    site: str  #: shelves of one site share one server
    path: str
    link: str


@dataclass(frozen=True, slots=True)
class Story:
    """One post, and what the monitor should make of it."""

    id: str
    place: Place
    author: str
    title: str
    text: str
    link: str
    fate: Fate
    age: timedelta = timedelta()  #: how long before the demo it was published; 0: during it
    pause: float = 1.5  #: seconds to wait after publishing it
    why: str = ""  #: for what is left out


SHELVES: Mapping[Place, Shelf] = {
    shelf.place: shelf
    for shelf in (
        Shelf(
            "blog",
            "The Slow Bobbin",
            "feed",
            "slowbobbin",
            "/feed/",
            "https://slowbobbin.example/",
        ),
        Shelf(
            "comments",
            "The Slow Bobbin (comments)",
            "comments",
            "slowbobbin",
            "/comments/feed/",
            "https://slowbobbin.example/",
        ),
        Shelf(
            "diary",
            "Hemline Diary",
            "feed",
            "hemlinediary",
            "/rss.xml",
            "https://hemlinediary.example/",
        ),
        Shelf(
            "forum",
            "The Cutting Table",
            "forum",
            "cuttingtable",
            "/app.php/feed",
            "https://cuttingtable.example/",
        ),
        Shelf(
            "search",
            "Blog search: foxglove",
            "feed",
            "blogsearch",
            "/search.rss?q=foxglove",
            "https://blogsearch.example/search?q=foxglove",
        ),
    )
}

_WREN = "https://slowbobbin.example/the-wren-jacket-is-done/"
_LINK = "https://slowbobbin.example/paid-on-sunday/"
_LINK_TITLE = "Paid on Sunday, still no Foxglove Patterns file"

STORIES: tuple[Story, ...] = (
    # -- before the first run: read and kept, and nobody is called for it ---------------
    Story(
        id="slowbobbin-411",
        place="blog",
        author="Imke",
        title="The Wren jacket is done",
        text=(
            "Eleven evenings, one unpicked collar, and here it is: the Wren jacket by Foxglove "
            "Patterns in rust corduroy. The instructions are lovely, every notch met its partner, "
            "and I have already worn it three days running."
        ),
        link=_WREN,
        fate="kept",
        age=timedelta(days=9),
    ),
    Story(
        id="slowbobbin-411-c1",
        place="comments",
        author="Dell",
        title="The Wren jacket is done",
        text="That colour! Did you line the sleeves or leave them bare?",
        link=f"{_WREN}#comment-1",
        fate="left out",
        age=timedelta(days=8),
        why=NO_BRAND,
    ),
    Story(
        id="cuttingtable-p2201",
        place="forum",
        author="mossstitch",
        title="Foxglove order, wrong size range",
        text=(
            "Ordered the Harbour coat from Foxglove Patterns in the 46 to 56 range and the PDF in "
            "my account was the 34 to 44 one. Wrote to them on the 2nd, the right file came on "
            "the 9th. A week is a long time when the cloth is already cut."
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2201#p2201",
        fate="kept",
        age=timedelta(days=19),
    ),
    # -- an ordinary evening ------------------------------------------------------------
    Story(
        id="blogsearch-gravelpath-77",
        place="search",
        author="Gravel Path Gardening",
        title="What to sow in November",
        text=(
            "The foxglove by the gate has seeded itself into the gravel again. Leave the rosettes "
            "where they are: they hate being moved, and a dead one now is a gap in June."
        ),
        link="https://gravelpath.example/what-to-sow-in-november",
        fate="left out",
        why=HOMONYM,
    ),
    Story(
        id="hemlinediary-58",
        place="diary",
        author="Oona",
        title="Three coats, one winner",
        text=(
            "I have now made three coats from three designers, and the Harbour coat from Foxglove "
            "Patterns wins by a mile. Beautiful drafting, clear drawings, and the pocket method "
            "is pure genius. I would buy it again tomorrow."
        ),
        link="https://hemlinediary.example/three-coats",
        fate="kept",
    ),
    Story(
        id="cuttingtable-p2290",
        place="forum",
        author="bramble_and_bias",
        title="Wren jacket sizes",
        text=(
            "Does the Foxglove Patterns Wren come with layered sizes, so that I can print only "
            "mine? And is the A0 version included or separate?"
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2290#p2290",
        fate="kept",
    ),
    Story(
        id="cuttingtable-p2291",
        place="forum",
        author="Perpetua",
        title="Tackpin rant",
        text=(
            "Tackpin are a disgrace. Nineteen euros for a skirt with a missing yoke piece, and "
            "their answer was a shrug. Never again."
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2291#p2291",
        fate="left out",
        why=COMPETITOR,
    ),
    Story(
        id="cuttingtable-p2292",
        place="forum",
        author="mossstitch",
        title="Re: Tackpin rant",
        text=(
            "Tackpin ignored me for a month. Foxglove Patterns are lovely, I am very happy with "
            "them, great instructions."
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2292#p2292",
        fate="kept",
        pause=2.0,
    ),
    # -- one broken link ----------------------------------------------------------------
    Story(
        id="slowbobbin-418",
        place="blog",
        author="Imke",
        title=_LINK_TITLE,
        text=(
            "On Sunday I bought the Larch trousers from Foxglove Patterns. The money left my "
            "account within a minute. The download link in the mail opens a page that says 404 "
            "not found. I tried two browsers and my phone, and wrote to them on Monday. No answer."
        ),
        link=_LINK,
        fate="told",
        pause=4.0,
    ),
    Story(
        id="slowbobbin-418-c1",
        place="comments",
        author="Dell",
        title=_LINK_TITLE,
        text=(
            "Same here. Paid for the Wren on Saturday and the download link gives me a 404 as well."
        ),
        link=f"{_LINK}#comment-1",
        fate="told",
        pause=2.5,
    ),
    Story(
        id="slowbobbin-418-c2",
        place="comments",
        author="Hattie R.",
        title=_LINK_TITLE,
        text=(
            "Fourteen euros for a dead link!! Three mails to Foxglove and not one reply. This is "
            "theft with a pretty logo."
        ),
        link=f"{_LINK}#comment-2",
        fate="told",
        pause=2.5,
    ),
    Story(
        id="blogsearch-foxglove-news-12",
        place="search",
        author="Foxglove Patterns",
        title="Winter workshop: three places left",
        text=(
            "Three places are left in our winter workshop. Bring your own machine, Foxglove "
            "Patterns brings the tea. The pattern for the day is included."
        ),
        link="https://foxglovepatterns.example/news/winter-workshop",
        fate="left out",
        why=OWN_SITE,
    ),
    Story(
        id="hemlinediary-59",
        place="diary",
        author="Oona",
        title="A word of warning about downloads",
        text=(
            "Imke at The Slow Bobbin cannot open the pattern she paid for, and since yesterday I "
            "am in the same boat: the download link from Foxglove Patterns leads nowhere, and the "
            "file is not in my account either. I still love the coat, but hold on to your money "
            "until this is mended."
        ),
        link="https://hemlinediary.example/downloads",
        fate="told",
        pause=2.5,
    ),
    Story(
        id="cuttingtable-p2295",
        place="forum",
        author="bramble_and_bias",
        title="Foxglove Patterns download link",
        text=(
            "Bought the Wren PDF at 18:40 from Foxglove Patterns. The link in the confirmation "
            "mail returns 404. The same link from my account page returns 404 too. Order 20418."
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2295#p2295",
        fate="told",
        pause=2.5,
    ),
    Story(
        id="cuttingtable-p2296",
        place="forum",
        author="Perpetua",
        title="Re: Foxglove Patterns download link",
        text=(
            "Oh wonderful, so it is not just me. Foxglove happily takes the money and sends a "
            "broken link for the pattern. Absolutely furious, the wedding is on Saturday."
        ),
        link="https://cuttingtable.example/viewtopic.php?p=2296#p2296",
        fate="told",
    ),
)
