"""Copies made from real blog texts of $MONITOR_CORPORA, and how many of them are found.

Passages of about 150 characters, as short posts are, and whole texts. Half the texts are told
first; each is then copied elsewhere in six ways, and quoted in a forum by somebody who has a
say of his own, which is no copy. The same site's own copies are reported: a blog repeats its
phrases, so that there only most of a text is one. The other half was never told: what is found
there is false, but for what blogs themselves print twice. Rewording is measured on the texts
written for it, tests/fixtures/copies, on which its bar was chosen. With $MONITOR_DEV_DATA the
labelled stream is rehearsed as well; it is only reported, nothing is chosen by it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from monitor import logs, text
from monitor.config import AlertsTable
from monitor.domain import Post
from monitor.reading import feeds
from monitor.reading.copies import Telling
from monitor.reading.items import FeedError
from monitor.replay import read_brand, read_posts, replay
from monitor.store.stories import MOST as STORIES
from tests.bench.bars import Bar, show_bars
from tests.bench.corpora import BASE, archive, content_type

FIXTURE = Path(__file__).parents[1] / "fixtures/copies/stories.jsonl"
RECALL, FALSE = 0.95, 0.015
SHORT, LONG = 125, 600  #: least characters of a passage and of a whole text
REPLY = "I read this on Tuesday and have thought about it ever since. What does everybody here say?"
Rewrite = Callable[[str, random.Random], str]


def main() -> bool:
    """Print what is found of what; True where a promise is broken. Needs $MONITOR_CORPORA."""
    folder = os.environ.get("MONITOR_CORPORA")
    if not folder:
        sys.exit("copies: set MONITOR_CORPORA to the folder that holds blog-feeds.tar.xz")
    chance = random.Random(20)
    whole = list({post.text: post for post in posts(Path(folder))}.values())
    chance.shuffle(whole)
    short = [replace(p, text=cut) for p in whole if (cut := passage(p.text, chance))]
    long = [p for p in whole if len(p.text) >= LONG]
    bars = [*found("short", short, chance), *found("long", long, chance), *reworded()]
    bars.append(search(short))
    logs.set_up()
    if data := os.environ.get("MONITOR_DEV_DATA"):
        bars += rehearsed(Path(data, "streams"))
    show_bars("Copies of real blog texts", bars)
    return not all(bar.holds for bar in bars)


def posts(folder: Path) -> Iterator[Post]:
    """The entries of the feeds, each feed a source."""
    for name, body in archive(folder, "blog-feeds").items():
        try:
            feed = feeds.read(body, content_type(body), BASE)
        except FeedError:
            continue
        for item in feed.items:
            said = text.plain(item.html, links=False)
            yield Post(name, "feed", item.id, item.link, said, author=item.author)


def passage(whole: str, chance: random.Random) -> str:
    """125 to 200 characters from anywhere in a text, about; "" if it is shorter."""
    if len(whole) < SHORT:
        return ""
    start = chance.randrange(max(1, len(whole) - 200))
    cut = whole[start : start + chance.randint(SHORT, 200)]
    return cut if len(cut) >= SHORT else ""


def found(what: str, told: Sequence[Post], chance: random.Random) -> Iterator[Bar]:
    """The share of copies found, of never told texts taken for copies, and the time for one."""
    half = len(told) // 2
    stories = [Telling(post) for post in told[:half]]
    sketches = [story.sketch for story in stories]
    yield Bar(f"{what}: stories", half)
    for name, (kind, rewrite) in REWRITES.items():
        copies = [Post("elsewhere", kind, "", "", rewrite(p.text, chance)) for p in told[:half]]
        yield Bar(f"{what}, {name}: found", recall(copies, stories, sketches), RECALL)
    answers = [Post("elsewhere", "forum", "", "", quoted(p.text, chance)) for p in told[:half]]
    taken = recall(answers, stories, sketches)
    yield Bar(f"{what}, quoted by an answer: taken for copies", taken, FALSE, most=True)
    for kind, name in ONE_SITE:
        rewrite = REWRITES[name][1]
        copies = [replace(p, kind=kind, text=rewrite(p.text, chance)) for p in told[:half]]
        share = recall(copies, stories, sketches)
        yield Bar(f"{what}, {name}, in one {kind}: found", share)
    start = time.process_time()
    false = sum(bool(matches(post, stories, sketches)) for post in told[half:])
    spent = 1000 * (time.process_time() - start) / (len(told) - half)
    yield Bar(f"{what}, never told: taken for copies", false / (len(told) - half), FALSE, most=True)
    yield Bar(f"{what}: ms of CPU to ask for one", spent)


def reworded() -> Iterator[Bar]:
    """Copies with swapped synonyms, and others who suffered the same."""
    rows = [json.loads(line) for line in FIXTURE.read_text("utf-8").splitlines()]
    told, copies, others = (
        [Post(who, "feed", "", "", row[who]) for row in rows] for who in ("story", "copy", "other")
    )
    stories = [Telling(post) for post in told]
    sketches = [story.sketch for story in stories]
    yield Bar("reworded: stories", len(rows))
    yield Bar("reworded: found", recall(copies, stories, sketches), RECALL)
    false = sum(bool(matches(post, stories, sketches)) for post in others) / len(rows)
    yield Bar("reworded, another person: taken for copies", false, FALSE, most=True)


def recall(copies: Sequence[Post], stories: Sequence[Telling], sketches: Sequence[bytes]) -> float:
    """The share of copies, one a story and in their order, whose story is found."""
    right = sum(number in matches(copy, stories, sketches) for number, copy in enumerate(copies))
    return right / len(copies)


def search(told: Sequence[Post]) -> Bar:
    """What it costs to look through as many sketches as are ever looked through."""
    sketches = list(islice(cycle([Telling(post).sketch for post in told]), STORIES))
    start = time.process_time()
    for post in told[:100]:
        Telling(post).likely(sketches)
    return Bar(f"ms of CPU to search {STORIES} sketches", 10 * (time.process_time() - start))


def rehearsed(streams: Path) -> Iterator[Bar]:
    """How many of the copies in the development stream `monitor replay` names."""
    posts, brand = read_posts(streams / "dev.posts.jsonl"), read_brand(streams / "dev.brand.json")
    events = (e for e in replay(posts, brand, AlertsTable()) if e["event"] == "mention")
    named = {(e["source"], e["external_id"]): e["copy_of"] for e in events}
    labels = map(json.loads, (streams / "dev.labels.jsonl").read_text("utf-8").splitlines())
    true = {(label["source"], label["external_id"]): label["copy_of"] for label in labels}
    copies = [key for key in named if true[key]]
    yield Bar("dev stream: copies among the mentions", len(copies))
    yield Bar("dev stream: of them found", sum(named[key] is not None for key in copies))
    yield Bar("dev stream: with the very story", sum(named[key] == true[key] for key in copies))
    others = named.keys() - {*copies}
    yield Bar("dev stream: others taken for copies", sum(named[k] is not None for k in others))


def matches(post: Post, stories: Sequence[Telling], sketches: Sequence[bytes]) -> set[int]:
    telling = Telling(post)
    if not telling.sketch:
        return set()
    likely = telling.likely(sketches)
    return {n for n in likely if telling.retells(stories[n].post)}


# -- copies ----------------------------------------------------------------------------------------


def truncated(whole: str, _chance: random.Random) -> str:
    return whole[: int(0.35 * len(whole))].rsplit(" ", 1)[0] + " […]"


def quoted(whole: str, _chance: random.Random) -> str:
    return "\n".join(f"> {line}" for line in whole.split("\n")) + f"\n{REPLY[: len(whole) // 2]}"


def wrapped(whole: str, _chance: random.Random) -> str:
    return f"Seen elsewhere today, worth a look:\n\n{whole}\n\n(via a friend, thanks) #reading"


def edited(share: float) -> Rewrite:
    """Of the words so many are left out, doubled or replaced by another word of the text."""

    def rewrite(whole: str, chance: random.Random) -> str:
        words = whole.split()
        changed = []
        for word in words:
            if chance.random() >= share:
                changed.append(word)
            else:
                other = chance.choice(words)
                changed += chance.choice([[], [word, other], [other]])
        return " ".join(changed)

    return rewrite


#: the kind of the post that copies, and how
REWRITES: Mapping[str, tuple[str, Rewrite]] = {
    "same": ("forum", lambda whole, _: whole.upper()),
    "wrapped": ("forum", wrapped),
    "5 % edited": ("forum", edited(0.05)),
    "20 % edited": ("forum", edited(0.20)),
    "truncated to 35 %": ("forum", truncated),
    "quoted on a blog": ("feed", quoted),
}

#: kind and rewrite of what a site copies of itself
ONE_SITE = (
    ("feed", "truncated to 35 %"),
    ("feed", "quoted on a blog"),
    ("forum", "truncated to 35 %"),
)


if __name__ == "__main__":
    sys.exit(main())
