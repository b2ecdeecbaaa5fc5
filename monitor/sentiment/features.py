"""Text in, numbers out: the same in training and in use, on every machine.

A text becomes ids of hashed words (unigrams, marked where negated, and bigrams), ids of hashed
character 3- to 5-grams, and a short row of lexicon and style features (style.py). Hashes are
CRC-32, which no Python version changes. Whoever changes a number here raises ``VERSION``: a
model trained on other features is then refused instead of being wrong.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from zlib import crc32

from monitor.sentiment.lexicon import Lexicon

VERSION = 1
BITS = (19, 17)
WORDS, GRAMS = (1 << bits for bits in BITS)  #: how many ids there are of words, of character grams
MAX_CHARS = 10_000  #: of a text; what stands behind is not read
MAX_TOKENS = 2_000
MAX_WORD = 40  #: characters of one word
MAX_KNOWN = 40_000  #: words remembered before the memory is emptied
REACH = 4  #: words after a negation that are marked, unless a clause ends before
KINDS = ("feed", "comments", "forum", "reddit", "hackernews", "review", "news", "social")
META = ("rated", "stars", "low", *KINDS)

_TOKEN = re.compile(
    r"""https?://\S+|www\.\S+|\[\w+\]|[@\#]\w+
    |[£$€₹]\s?\d+(?:[.,]\d+)*[a-z]*
    |\d+(?:[.,:/-]\d+)*(?:%|[^\W\d_]+)?
    |[^\W_]+(?:'[^\W\d_]+)*
    |</?3+|[:;=]['^o-]?(?:[)(\]\[/\\|*@]+|[dpos](?!\w))|[(][:;]|\^_*\^|-_+-
    |[!?]+|\.{2,}|…|[.,;:()"\n]
    |[\u2190-\u2bff\u3030\u303d\U0001f000-\U0001faff]""",
    re.VERBOSE,
)
_CAPS = re.compile(r"\b[A-Z]{2,}\b")
_RUN = re.compile(r"(.)\1{2,}")
_CLASSES = (
    ("url", re.compile(r"https?://.*|www\..*|https?")),
    ("user", re.compile(r"@.*|\[name\]")),
    ("smile", re.compile(r"[:;=]['^o-]?[)\]*dp]+|<3+|\^_*\^|[(][:;]")),
    ("frown", re.compile(r"[:;=]['^o-]?[(\[/\\|@s]+|</3+|-_+-")),
    ("money", re.compile(r"[£$€₹].*")),
    ("percent", re.compile(r"\d.*%")),
    ("time", re.compile(r"\d{1,2}:\d\d(?::\d\d)?|\d{1,2}(?:am|pm)|\d{4}h")),
    ("date", re.compile(r"\d{1,4}[./-]\d{1,2}(?:[./-]\d{1,4})?|\d{1,2}(?:st|nd|rd|th)")),
    ("number", re.compile(r"\d+(?:[.,:/-]\d+)*")),
    ("code", re.compile(r".*\d.*")),
    ("tag", re.compile(r"#.*")),
    ("emoji", re.compile(r"[\u2190-\u2bff\u3030\u303d\U0001f000-\U0001faff]")),
)
_SPELT = frozenset(("tag", "code", "emoji"))  #: classes whose own spelling is kept as the word
_ENDS = frozenset(".,;:()!?\n…")
_BARE = _ENDS | frozenset('<"')  #: first letters of what has no character grams
_KIND_OF = {  #: of plain words, without their apostrophes
    word: kind
    for kind, words in {
        "not": "no not never none nobody nothing neither nor nowhere cannot cant without hardly "
        "barely scarcely dont doesnt didnt isnt wasnt arent werent wont wouldnt couldnt shouldnt "
        "hasnt havent hadnt aint",
        "but": "but however although though except",
        "first": "i me my mine myself im ive",
        "we": "we us our ours weve",
        "you": "you your yours u ur youre",
        "they": "they them their theyre theyve",
        "asks": "why when how what where who which anyone anybody",
        "waits": "still yet since ago waiting waited again twice hours days weeks months late",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of one token, wherever it stands."""

    text: str  #: lower case, runs of one letter cut to two; or a class such as "<url>"
    plain: int  #: id of the unigram
    marked: int  #: id of the unigram under a negation
    grams: bytes  #: ids of its character grams, packed as native int32
    kind: str  #: a key of _KIND_OF's table, a class such as "url", "end", "long" or "word"
    valence: float
    opinion: int
    boost: float


@dataclass(frozen=True, slots=True)
class Document:
    """The features of one text."""

    text: str  #: as it was read; a letter whose small form is longer shifts what follows it
    tokens: tuple[Word, ...]  #: in order
    starts: tuple[int, ...]  #: offset of each token in the text, and of what follows the last one
    negated: tuple[str, ...]  #: the negation each token stands under, or ""
    ids: dict[int, str]  #: unigrams and bigrams present -> how to show them to people
    words: dict[str, Word]  #: the distinct tokens; their grams are the grams of the text
    caps: int  #: words all in capitals


class Reader:
    """Reads texts; remembers the words it has seen."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon
        self._known: dict[str, Word] = {}

    def read(self, text: str) -> Document:
        """Take a text apart. Any string is a text."""
        text = text[:MAX_CHARS].replace("’", "'").encode("utf-8", "ignore").decode()
        spans = list(islice(_TOKEN.finditer(text.lower()), MAX_TOKENS))
        tokens = [self._word(found[0]) for found in spans]
        negated = list(_negated(tokens))
        return Document(
            text,
            tuple(tokens),
            (*(found.start() for found in spans), spans[-1].end() if spans else 0),
            tuple(negated),
            _ids(tokens, negated),
            {word.text: word for word in tokens},
            len(_CAPS.findall(text)),
        )

    def _word(self, raw: str) -> Word:
        found = self._known.get(raw)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[raw] = _look_up(raw, self._lexicon)
        return found


def part(document: Document, at: Sequence[int]) -> Document:
    """Some tokens of a document, in order, as a document of their own; nothing is read again."""
    tokens, negated = [document.tokens[i] for i in at], [document.negated[i] for i in at]
    return Document(
        document.text,
        tuple(tokens),
        (*(document.starts[i] for i in at), document.starts[-1]),
        tuple(negated),
        _ids(tokens, negated),
        {word.text: word for word in tokens},
        0,
    )


def hashed(words: str) -> int:
    """The id of a word or a pair of words: CRC-32 of its UTF-8, the low bits."""
    return crc32(words.encode()) % WORDS


def grams(word: str) -> bytes:
    """Ids of the character 3- to 5-grams of " word ", packed as native int32."""
    padded = f" {word} "
    spans = [(i, i + n) for n in (3, 4, 5) for i in range(len(padded) - n + 1)]
    if padded.isascii():  # encoded once: most of the time of a word not seen before
        blob = padded.encode()
        return array("i", {crc32(blob[i:j]) % GRAMS for i, j in spans}).tobytes()
    return array("i", {crc32(padded[i:j].encode()) % GRAMS for i, j in spans}).tobytes()


def meta(rating: float | None, kind: str) -> list[float]:
    """What is known beside the text, as named by META; all zero where nothing is."""
    row = [0.0] * len(META)
    if rating is not None and math.isfinite(rating):
        stars = min(max(rating, 0.0), 1.0)
        row[:3] = [1.0, 2.0 * stars - 1.0, float(stars <= 0.25)]
    if kind in KINDS:
        row[3 + KINDS.index(kind)] = 1.0
    return row


def _look_up(raw: str, lexicon: Lexicon) -> Word:
    text, kind = _shape(raw[:MAX_WORD])
    return Word(
        text,
        hashed(text),
        hashed(f"not_{text}"),
        b"" if text[0] in _BARE else grams(text.lstrip("#")),
        "not" if text in lexicon.negations else kind,
        lexicon.valence.get(raw, lexicon.valence.get(text, 0.0)),
        lexicon.opinion.get(text, 0),
        lexicon.boosters.get(text, 0.0),
    )


def _shape(raw: str) -> tuple[str, str]:
    """The token as it is hashed, and its kind."""
    plain = raw.isalpha() and not raw.startswith("http")
    for kind, pattern in () if plain else _CLASSES:
        if pattern.fullmatch(raw):
            return (raw if kind in _SPELT else f"<{kind}>"), kind
    if raw[0] in _ENDS:
        return raw[:3], "end"
    cut = _RUN.sub(r"\1\1", raw)
    return cut, _KIND_OF.get(cut.replace("'", ""), "word" if cut == raw else "long")


def _negated(tokens: list[Word]) -> Iterator[str]:
    left, negation = 0, ""
    for word in tokens:
        if word.kind == "not":
            left, negation = REACH, word.text
            yield ""
        else:
            left = 0 if word.kind == "end" else left
            yield negation if left > 0 else ""
            left -= 1


def _ids(tokens: Sequence[Word], negated: Sequence[str]) -> dict[int, str]:
    found: dict[int, str] = {}
    last = "<start>"
    for word, negation in zip(tokens, negated, strict=True):
        text = word.text
        found[word.plain] = text
        pair = f"{last} {text}"
        found[crc32(pair.encode()) % WORDS] = pair
        if negation:
            found[word.marked] = pair if negation == last else f"{negation} … {text}"
        last = text
    return found
