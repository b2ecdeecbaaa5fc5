"""A way back through one of Reddit's listings, and what is remembered of it.

Cursor: JSON with the numbers of known items by listing, newest first, each as the difference
from the one before, in hexadecimal digits, "-" for "and all older ones"; and when a week was last
searched. At most 8 KiB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_CURSOR = 8_192  #: bytes
WINDOW = 500  #: a listing with so many items and no known one among them has lost some
EPOCH = datetime.fromtimestamp(0, UTC)
GONE = {"[deleted]", "[removed]"}  #: in the place of a text or an author
NAME = re.compile(r"t[13]_[0-9a-z]{1,13}")

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """The newest items that a listing has shown, by number."""

    numbers: frozenset[int] = frozenset()
    floor: int = 0  #: all below it are known too: there was no room for more

    @classmethod
    def of(cls, written: str) -> Known:
        *steps, last = written.split() or [""]
        numbers: list[int] = []
        for step in (*steps, *([] if last in ("", "-") else [last])):
            numbers.append(numbers[-1] - int(step, 16) if numbers else int(step, 16))
        return cls(frozenset(numbers), min(numbers, default=0) if last == "-" else 0)

    def written(self, room: int) -> str:
        """At most ``room`` characters of it, the newest items."""
        parts: list[str] = []
        above = 0
        for number in sorted(self.numbers, reverse=True):
            step = f"{above - number if above else number:x}"
            room -= len(step) + 1
            if room < 2:
                return " ".join([*parts, "-"])
            parts.append(step)
            above = number
        return " ".join([*parts, "-"] if self.floor else parts)

    def holds(self, name: str) -> bool:
        return number(name) in self.numbers or number(name) < self.floor


@dataclass(slots=True)
class Walk:
    """One way back through a listing."""

    listing: str
    known: Known
    needed: int  #: known items in a row to stop at
    items: dict[str, Item] = field(default_factory=dict)  #: by fullname, newest first
    rejected: list[str] = field(default_factory=list)
    run: int = 0  #: known items in a row, so far
    enough: bool = False
    met: bool = False  #: any that was known
    broken: bool = False  #: it could not be walked to its end

    def take(self, items: Iterable[Any]) -> None:
        for item in items:
            name = text_of(item.get("name")) if isinstance(item, dict) else ""
            if not NAME.fullmatch(name):
                self.rejected.append(f"{self.listing}: an item without a usable name")
            elif name not in self.items:
                self.items[name] = item
                if removed(item):
                    continue  # neither new nor a sign of what follows
                self.run = self.run + 1 if self.known.holds(name) else 0
                self.met = self.met or self.run > 0
                self.enough = self.enough or self.run >= self.needed

    def new(self) -> Iterator[tuple[str, Item]]:
        """What was not known and is to be seen; what is older than all we remember, once more."""
        for name, item in self.items.items():
            if number(name) not in self.known.numbers and not removed(item):
                yield name, item

    def misses(self) -> bool:
        """Whether the walk may have stopped short of what is known."""
        lost = not self.met and len(self.items) >= WINDOW
        return bool(self.known.numbers) and (self.broken or lost)


@dataclass(frozen=True, slots=True)
class Mark:
    """The cursor, opened."""

    listings: Mapping[str, Known]
    week: datetime = EPOCH  #: when a week was last searched

    @classmethod
    def of(cls, cursor: str) -> Mark:
        """What cannot be read (from another version) is as good as none."""
        try:
            said = json.loads(cursor)
            week = EPOCH + timedelta(seconds=said.pop("week", 0))
            return cls({name: Known.of(text) for name, text in said.items()}, week)
        except (ValueError, TypeError, AttributeError, OverflowError):
            return cls({})

    def known(self, listing: str) -> Known:
        return self.listings.get(listing, Known())

    def after(self, walks: Sequence[Walk], week: datetime) -> str:
        """The cursor that these walks leave behind. What is removed may come back: not known."""
        seen: dict[str, set[int]] = {}
        for walk in walks:
            names = (name for name, item in walk.items.items() if not removed(item))
            seen.setdefault(walk.listing, set(walk.known.numbers)).update(map(number, names))
        room = (MAX_CURSOR - 200) // max(len(seen), 1)
        kept = {
            listing: Known(frozenset(numbers), self.known(listing).floor).written(room)
            for listing, numbers in seen.items()
        }
        return json.dumps({**kept, "week": int((week - EPOCH).total_seconds())})


def number(name: str) -> int:
    """Of a fullname: "t1_k3yrfii" is base 36, and newer items have higher ones."""
    return int(name[3:], 36)


def removed(item: Item) -> bool:
    """By its author or by Reddit; the author's name may stay."""
    texts = {text_of(item.get("body")), text_of(item.get("selftext"))}
    return bool(item.get("removed_by_category")) or not texts.isdisjoint(GONE)


def text_of(value: object) -> str:
    return value if isinstance(value, str) else ""
