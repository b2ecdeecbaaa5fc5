"""Learning from the team: layers from its labels, each with a receipt, and what to label next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from monitor import app
from monitor.config import Config
from monitor.domain import Layer, Mention, Post
from monitor.matching import Matcher
from monitor.seams import Classifier, UserError
from monitor.sentiment.layers import CLASSES, Adapted, numbers_of
from monitor.sentiment.refit import Click, refit
from monitor.store import Judged, Labelled, Store

ASKED = 10  #: mentions that a person is asked to label
LOOKED_AT = 1000  #: the newest mentions without a label, of which these are chosen
REDDIT = re.compile(r"https?://([\w-]+\.)*(reddit\.com|redd\.it)([:/?#]|$)", re.IGNORECASE)
ALIKE = 0.5  #: share of common words from which on two texts are one


class Misuse(UserError):  # noqa: N818 - it is what the operator asked for
    """No such brand."""

    status = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """A mention whose label would teach most."""

    judged: Judged
    complaint: float  #: as it would be scored now


@dataclass(frozen=True, slots=True)
class Training:
    """What one training of a brand did."""

    receipts: tuple[Layer, ...]  #: one a head
    left_out: int  #: mentions on Reddit with a label that was not used
    ask: tuple[Ask, ...]


@dataclass(frozen=True)
class Team:
    """The people who label mentions, and what is made of their labels.

    Args:
        classifier: the shipped model, without layers.
    """

    config: Config
    store: Store
    classifier: Classifier
    matcher: Matcher

    def brands(self, brand: str | None) -> list[str]:
        """The brand asked for, or all.

        Raises:
            Misuse: it is not configured.
        """
        known = [b.name for b in self.config.brand]
        if brand is not None and brand not in known:
            raise Misuse(f"train: no brand {brand!r}: the configuration has {', '.join(known)}")
        return known if brand is None else [brand]

    def train(self, brand: str, now: datetime) -> Training:
        """Refit both heads of a brand, each behind its own gate, and keep what was measured."""
        said = {head: self.store.labelled(brand, head) for head in CLASSES}
        current = {layer.head: layer for layer in self.store.layers([brand])}
        receipts = []
        for head, labelled in said.items():
            clicks = self._clicks(labelled)
            mine = current.get(head)
            usable = mine if mine and clicks and mine.base == clicks[0].score.model else None
            wanted = app.rules(self.config.alerts).precision
            found = refit(brand, head, clicks, usable, now, wanted)
            receipts.append(found if found.after is None else self.store.keep_layer(found))
        barred = {m.mention.key for some in said.values() for m in some if not self._may(m.mention)}
        return Training(tuple(receipts), len(barred), tuple(self._ask(brand)))

    def _may(self, mention: Mention) -> bool:
        """Whether a mention may be learnt from (docs/privacy.md)."""
        return self.config.privacy.train_on_reddit or not _on_reddit(mention.post)

    def _clicks(self, labelled: Sequence[Labelled]) -> list[Click]:
        """The labels that can be learnt from: of the model that scores most of the mentions."""
        usable = [one for one in labelled if self._may(one.mention)]
        scores = self.classifier.score(self._seen(usable))
        clicks = [
            Click(one.mention, score, one.value, one.at)
            for one, score in zip(usable, scores, strict=True)
            if numbers_of(one.mention, score) is not None
        ]
        models = Counter(click.score.model for click in clicks)
        return [c for c in clicks if c.score.model == models.most_common(1)[0][0]]

    def _seen(self, found: Sequence[Labelled] | Sequence[Judged]) -> list[Mention]:
        """The mentions as the pipeline gives them to the model."""
        return [self.matcher.with_rivals(one.mention) for one in found]

    def _ask(self, brand: str) -> Iterator[Ask]:
        """What to label next, as the model is now; no two alike."""
        newest = self.store.unlabelled(brand, LOOKED_AT)
        fresh = [one for one in newest if self._may(one.mention)]
        model = Adapted(self.classifier, self.store.layers([brand]), self.store.shifts([brand]))
        asks, doubts = [], []
        for one, score in zip(fresh, model.score(self._seen(fresh)), strict=True):
            if score.scored and score.complaint is not None:
                rules = app.rules(self.config.alerts).of(model.threshold(one.mention, score))
                asks.append(Ask(one, score.complaint))
                doubts.append(abs(score.complaint - rules.complaint))
        return _unlike(asks[place] for place in in_turn(doubts))


def _on_reddit(post: Post) -> bool:
    """Also where a plain feed brought it."""
    return post.kind == "reddit" or REDDIT.match(post.url) is not None


def in_turn(doubts: Sequence[float]) -> Iterable[int]:
    """Places in the order in which they should be labelled: the least, and a drawn one, in turn.

    The least sure ones teach most; but labels of these alone say little of ordinary mentions, on
    which a layer must be better, too.
    """
    least = sorted(range(len(doubts)), key=doubts.__getitem__)
    drawn = np.random.default_rng(0).permutation(len(doubts)).tolist()
    return dict.fromkeys(place for pair in zip(least, drawn, strict=True) for place in pair)


def _unlike(asks: Iterator[Ask]) -> Iterator[Ask]:
    """The first ASKED whose words are not those of one before."""
    seen: list[set[str]] = []
    for ask in asks:
        post = ask.judged.mention.post
        words = set(f"{post.title} {post.text}".casefold().split())
        if all(len(words & other) < ALIKE * len(words | other) for other in seen):
            seen.append(words)
            yield ask
        if len(seen) == ASKED:
            return
