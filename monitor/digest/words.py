"""A week in one sentence and one subject, by rules, with numbers and without adjectives.

Changes are told in numbers ("4 to 9"); a percentage is given only of 10 or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.digest.nouns import Complaint
from monitor.digest.weeks import Week, dates

SMALL = 10  #: under this a percentage would be noise
TITLED = 100  #: characters kept of a title


@dataclass(frozen=True, slots=True)
class Story:
    """What the sentence and the subject are made of."""

    brand: str
    week: Week
    mentions: int
    negative: int
    before: tuple[int, int] | None
    still_open: int
    gaps: int

    def subject(self) -> str:
        """The finding: ``Acme mentions, 9–15 Nov: negative 4 to 9, 1 complaint open``."""
        brand, when = short(self.brand, TITLED), dates(self.week)
        still_open = f", {count(self.still_open, 'complaint')} open" if self.still_open else ""
        if not self.mentions:
            return f"{brand}, {when}: no mentions{still_open}"
        return f"{brand} mentions, {when}: {self._finding()}{still_open}"

    def _finding(self) -> str:
        if self.before is None:
            return f"{self.negative:,} negative of {self.mentions:,}"
        before = self.before[1]
        if before == self.negative:
            return f"negative still {before:,}" if before else f"0 negative of {self.mentions:,}"
        return f"negative {_change(before, self.negative)}"

    def sentence(self, complaints: Sequence[Complaint]) -> str:
        """One to three sentences of judgement, none without a number."""
        said = [self._volume(), *self._loudest(complaints)]
        if self.gaps:
            said.append(f"Collecting had {count(self.gaps, 'gap')}: posts may be missing.")
        return " ".join(said)

    def _volume(self) -> str:
        share = ""
        if self.negative >= SMALL:
            share = f" ({100 * self.negative / self.mentions:.0f} %)"
        now = f"{self.negative:,} of {count(self.mentions, 'mention')} negative{share}"
        if self.before is None:
            first = "The first week, so there is no earlier one to compare"
            return f"{first}: {now if self.mentions else 'no mentions'}."
        mentions, negative = self.before
        if not self.mentions:
            return f"No mentions; the week before had {mentions:,}."
        if negative == self.negative:
            return f"{now}, as many negative as the week before."
        verb = "rose" if self.negative > negative else "fell"
        numbers = f"from {negative:,} to {self.negative:,}"
        volume = f"of {count(self.mentions, 'mention')} in all, {mentions:,} the week before"
        return f"Negative mentions {verb} {numbers}{_percent(negative, self.negative)}, {volume}."

    def _loudest(self, complaints: Sequence[Complaint]) -> list[str]:
        if not complaints:
            return ["No complaint was put on a card."] if self.mentions else []
        top, number = complaints[0], self.still_open
        about = top.topic.lower()
        name = about or f'"{short(top.title, 60)}"'
        state = f"{count(number, 'complaint')} still open" if number else "no complaint is open"
        return [f"Most written about: {name}, {count(top.posts, 'post')}; {state}."]


def _change(before: int, now: int) -> str:
    """``4 to 9``, and ``+112 %`` only where both are 10 or more."""
    if min(before, now) < SMALL:
        return f"{before:,} to {now:,}"
    return f"{100 * (now - before) / before:+.0f} % ({before:,} to {now:,})".replace("-", "−")


def _percent(before: int, now: int) -> str:
    if min(before, now) < SMALL:
        return ""
    return f" ({100 * (now - before) / before:+.0f} %)".replace("-", "−")


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def short(text: str, most: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
