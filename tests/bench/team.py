"""A team that labels a brand never seen, ten mentions at a time: what its labels are worth.

Each file of mentions, and each fifth of the cesamard reviews, plays one brand; a base that was
fitted without it scores it. After every ten labels both heads are refitted behind their gates, and
average precision is measured on a third of the brand's mentions, which the team never sees.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from joblib import Parallel, delayed
from rich.table import Table
from scipy.special import expit, softmax
from sklearn.metrics import average_precision_score

from monitor.domain import Head, Layer, Mention, Post, Score
from monitor.feedback import in_turn
from monitor.sentiment import target
from monitor.sentiment.layers import CLASSES, Adapted
from monitor.sentiment.refit import Click, refit
from tests.bench.bars import Bar, console, show_bars
from tests.bench.held_out import labelled, lexicon, without
from tests.bench.recipe import recipe

OURS = ("mentions", "cesamard_reviews")
REVIEW_BRANDS = 5
STEP, MOST = 10, 270  #: labels at a time, and in all: a file of mentions has no more to give
SHOWN = (50, 100, 200, MOST)  #: labels after which a row is printed
RARE = 0.06  #: share of complaints in a stream that has few
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Member:
    """A mention, what a base that never saw it says, and what is right."""

    mention: Mention
    score: Score
    right: dict[Head, str]


@dataclass(frozen=True, slots=True)
class Point:
    """Average precision on the mentions that the team never sees."""

    labels: int
    shipped: float
    now: float


Pick = Callable[[Sequence[float]], Sequence[int]]


def sampled(doubts: Sequence[float]) -> Sequence[int]:
    return list(in_turn(doubts))[:STEP]


def drawn(doubts: Sequence[float]) -> Sequence[int]:
    return np.random.default_rng(len(doubts)).permutation(len(doubts))[:STEP].tolist()


PICKS: dict[str, Pick] = {"unsure": sampled, "random": drawn}


class _Known:
    """A classifier that has the scores already."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._scores = {m.mention.post.external_id: m.score for m in members}

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        return [self._scores[mention.post.external_id] for mention in mentions]


def simulate(members: Sequence[Member], head: Head, pick: Pick, most: int = MOST) -> list[Point]:
    """A team labels ``most`` of a brand's mentions; a point after every STEP of them."""
    base, current = _Known(members), None
    clicks: list[Click] = []
    unseen = members[::3]
    rest = [member for place, member in enumerate(members) if place % 3]
    points = [_point(base, current, head, unseen, 0)]
    while len(clicks) < most:
        at = START + timedelta(days=len(clicks))
        doubts = [abs(found - 0.5) for found in _found(base, current, head, rest)]
        picked = set(pick(doubts))
        clicks += [_click(rest[place], head, at) for place in sorted(picked)]
        rest = [member for place, member in enumerate(rest) if place not in picked]
        layer = refit("", head, clicks, current, at + timedelta(hours=1))
        if layer.state == "promoted":
            current = replace(layer, id=1)
            points.append(_point(base, current, head, unseen, len(clicks)))
        else:
            points.append(replace(points[-1], labels=len(clicks)))
    return points


def _point(
    base: _Known, layer: Layer | None, head: Head, unseen: Sequence[Member], labels: int
) -> Point:
    return Point(labels, _ap(base, None, head, unseen), _ap(base, layer, head, unseen))


def _click(member: Member, head: Head, at: datetime) -> Click:
    return Click(member.mention, member.score, member.right[head], at)


def _found(base: _Known, layer: Layer | None, head: Head, members: Sequence[Member]) -> list[float]:
    """The share of what the head looks for."""
    scores = Adapted(base, [layer] if layer else [], {}).score([m.mention for m in members])
    return [(s.complaint or 0.0) if head == "complaint" else s.negative for s in scores]


def _ap(base: _Known, layer: Layer | None, head: Head, members: Sequence[Member]) -> float:
    truth = [member.right[head] == CLASSES[head][0] for member in members]
    return float(average_precision_score(truth, _found(base, layer, head, members)))


# -- harmful labels --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attack:
    """What the gate made of labels that teach wrong things."""

    name: str
    state: str
    shipped: float
    let_in: float | None  #: average precision, had the gate been open; None: nothing was learnt


def attacks(members: Sequence[Member]) -> Iterator[Attack]:
    """Hundred labels that are wrong, or of a stream with few complaints."""
    order = np.random.default_rng(0).permutation(len(members)).tolist()
    mixed = [members[place] for place in order]
    yield _attack("all labels swapped", mixed, lambda _: True)
    chance = np.random.default_rng(1)
    yield _attack("half of the labels drawn by lot", mixed, lambda _: chance.random() < 0.5)
    told = [m for m in mixed if m.right["complaint"] == "complaint"]
    calm = [m for m in mixed if m.right["complaint"] != "complaint"]
    stream = [*calm, *told[: round(RARE * len(calm))]]
    rare = [stream[place] for place in np.random.default_rng(2).permutation(len(stream)).tolist()]
    yield _attack("6 % complaints", rare, lambda _: False)


def _attack(name: str, members: Sequence[Member], swapped: Callable[[Member], bool]) -> Attack:
    labelled, rest, base = members[:100], members[100:], _Known(members)
    clicks = [_click(member, "complaint", START) for member in labelled]
    said = [
        replace(click, value=_other(click.value)) if swapped(member) else click
        for click, member in zip(clicks, labelled, strict=True)
    ]
    layer = replace(refit("", "complaint", said, None, START), id=1)
    let_in = _ap(base, layer, "complaint", rest) if layer.weights else None
    return Attack(name, layer.state, _ap(base, None, "complaint", rest), let_in)


def _other(value: str) -> str:
    return "no-complaint" if value == "complaint" else "complaint"


# -- brands ----------------------------------------------------------------------------


def brands(data: Path) -> dict[str, list[Member]]:
    """Each file of mentions and each fifth of the reviews that has enough, by its name."""
    found: dict[str, list[Member]] = {}
    for brand, member in played(data):
        found.setdefault(brand, []).append(member)
    return {brand: some for brand, some in found.items() if 2 * len(some) >= 3 * MOST}


def played(data: Path) -> Iterator[tuple[str, Member]]:
    """Each text with its brand, scored by models that have not seen its third of the folds."""
    corpus, heads, train = map(recipe, ("corpus", "heads", "train"))
    learnt = labelled(data)
    val = [row for row in corpus.collected(data) if row.split == "val"]
    val = train.known(val, lexicon(), "val rows")
    thirds = np.array([row.fold % corpus.THIRDS for row in learnt.rows])
    bases = without(learnt, thirds, partial(heads.columns, val=val), "bases of the team")
    logits = train.held_out_logits(learnt, bases)
    told = [i for i, row in enumerate(learnt.rows) if corpus.teaches_complaints(row)]
    lines = heads.odds(logits[told], [learnt.rows[i] for i in told])
    turned = [heads.calibration(columns, val) for columns in bases]
    yield from mentions(data, bases, turned, lines)
    yield from reviews(learnt.rows, logits, turned, lines)


def mentions(
    data: Path, bases: Sequence[Any], turned: Sequence[np.ndarray], lines: np.ndarray
) -> Iterator[tuple[str, Member]]:
    """The written mentions, by a second stage that learns from them and, to save time, from news.

    What the recipe does last to the log odds, one line for all, would change no order.
    """
    heads, stage = map(recipe, ("heads", "target"))
    rows = [row for row in stage.targeted(data) if row.name in ("mentions", "newsmtsc_train")]
    seen = stage.views(rows, lexicon())
    crossed = stage.cross_fitted(rows, seen, bases)
    answers = stage.held_out(rows, seen, crossed)
    odds = heads.mixed(lines, crossed[:, 0], answers[:, target.REPORT])
    for at, row in enumerate(rows):
        if row.name == "mentions" and not row.bare:
            post = replace(row.mention.post, external_id=str(at))
            shares = heads.felt(turned[row.fold % len(turned)], crossed[at, 0], answers[at])
            yield f"mentions {row.fold + 1}", _member(row, post, shares, odds[at])


def reviews(
    rows: Sequence[Any], logits: np.ndarray, turned: Sequence[np.ndarray], lines: np.ndarray
) -> Iterator[tuple[str, Member]]:
    """The cesamard reviews, which name no target, by the document models alone."""
    heads = recipe("heads")
    odds = heads.mixed(lines, logits)
    for at, row in enumerate(rows):
        if row.name == "cesamard_reviews":
            shares = heads.felt(turned[row.fold % len(turned)], logits[at])
            brand = f"{row.name} {crc32(row.text.encode()) % REVIEW_BRANDS + 1}"
            yield brand, _member(row, Post("bench", "", str(at), "", row.text), shares, odds[at])


def _member(row: Any, post: Post, log_shares: np.ndarray, odds: float) -> Member:
    score = Score(*softmax(log_shares).tolist(), float(expit(odds)), "held-out")
    said = "complaint" if row.complaint else "no-complaint"
    right: dict[Head, str] = {"complaint": said, "sentiment": CLASSES["sentiment"][row.label]}
    return Member(Mention(post, "", ()), score, right)


# -- the whole -------------------------------------------------------------------------


def main() -> None:
    """Print what labels are worth, what the gate refuses, and the promises."""
    if not os.environ.get("MONITOR_DEV_DATA"):
        console.print("[bold red]MONITOR_DEV_DATA is not set: the team is NOT simulated[/]")
        return
    found = brands(Path(os.environ["MONITOR_DEV_DATA"]))
    runs = teams(found)
    show_team(runs)
    stopped = [attack for members in found.values() for attack in attacks(members)]
    show_attacks(stopped)
    means = [_mean([run[-1].now - run[-1].shipped for run in some]) for some in runs.values()]
    worst = min(run[-1].now - run[-1].shipped for some in runs.values() for run in some)
    let_in = [a for a in stopped if a.state == "promoted" and (a.let_in or 0.0) < a.shipped]
    show_bars(
        "A team: what was promised",
        [
            Bar("a team lifts AP: worst mean of a row above, at the end", min(means), 0.003),
            Bar("  and never ends below the shipped model: worst brand", worst, 0.0),
            Bar("harmful updates let in", len(let_in), 1, True),
        ],
    )


def teams(found: dict[str, list[Member]]) -> dict[tuple[Head, str, str], list[list[Point]]]:
    """The runs of all brands of a kind, by head, kind and how the team picks."""
    every = Parallel(n_jobs=-1)
    return {
        (head, kind, name): every(
            delayed(simulate)(brand, head, pick) for at, brand in found.items() if kind in at
        )
        for head in CLASSES
        for kind in OURS
        for name, pick in PICKS.items()
    }


def show_team(runs: dict[tuple[Head, str, str], list[list[Point]]]) -> None:
    table = Table("head", "brands", "labelled", "shipped", title="A team's labels: mean AP")
    for labels in SHOWN:
        table.add_column(f"{labels} labels")
    for (head, kind, pick), some in runs.items():
        gains = [_mean([_at(run, n).now - _at(run, n).shipped for run in some]) for n in SHOWN]
        shipped = _mean([run[0].shipped for run in some])
        table.add_row(head, kind, pick, f"{shipped:.3f}", *(f"{gain:+.3f}" for gain in gains))
    console.print(table)


def _at(run: Sequence[Point], labels: int) -> Point:
    return next(point for point in run if point.labels == labels)


def _mean(figures: Sequence[float]) -> float:
    return float(np.mean(figures))


def show_attacks(stopped: Sequence[Attack]) -> None:
    table = Table("100 labels", "brands", "refused", "AP shipped", "AP if let in", title="The gate")
    for name in dict.fromkeys(attack.name for attack in stopped):
        some = [attack for attack in stopped if attack.name == name]
        learnt = [(a.shipped, a.let_in) for a in some if a.let_in is not None]
        refused = sum(attack.state == "refused" for attack in some)
        means = [f"{_mean(figures):.3f}" for figures in zip(*learnt, strict=True)]
        table.add_row(name, str(len(some)), str(refused), *(means or ["nothing learnt", ""]))
    console.print(table)


if __name__ == "__main__":
    main()
