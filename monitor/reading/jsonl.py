"""The JSON lines that people and other programs hand us and get from us.

Formats: a post, a brand, a text to score and its score, one object a line, UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

from monitor.domain import Label, Match, Mention, Post, Score
from monitor.matching import Alias, Brand, named
from monitor.reading.items import likely
from monitor.text import clean

MAX_TITLE = 500  #: characters of a title that are kept


class LineError(ValueError):
    """A line is not what it should be; the message says what is missing or wrong."""


def text_of(line: bytes) -> str:
    """UTF-8 bytes as text, without the mark that some editors write before it.

    Raises:
        LineError
    """
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise LineError(f"not UTF-8 (byte {e.start + 1})") from e


def object_of(line: str) -> dict[str, Any]:
    """One line, or a whole file, as a JSON object.

    Raises:
        LineError
    """
    try:
        value = json.loads(line)
    except json.JSONDecodeError as e:
        line_number = f"line {e.lineno}, " if e.lineno > 1 else ""
        raise LineError(f"not JSON: {e.msg} at {line_number}character {e.colno}") from e
    except (ValueError, RecursionError) as e:
        raise LineError("not JSON that can be read: nested too deep or a number too long") from e
    if not isinstance(value, dict):
        raise LineError("not a JSON object")
    return value


def _text(value: Mapping[str, Any], key: str, *, required: bool = False) -> str:
    found = value.get(key)
    if found is None and not required:
        return ""
    # What UTF-8 cannot hold, such as half of an emoji, is left out.
    text = found.encode("utf-8", "ignore").decode() if isinstance(found, str) else None
    if text is None or (required and not text):
        raise LineError(f'"{key}" must be a text')
    return text


def _list(value: Mapping[str, Any], key: str) -> list[Any]:
    found = value.get(key)
    if found is not None and not isinstance(found, list):
        raise LineError(f'"{key}" must be a list')
    return found or []


def _texts(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = _list(value, key)
    if not all(isinstance(t, str) for t in found):
        raise LineError(f'"{key}" must be a list of texts')
    return tuple(found)


def _rating(value: Mapping[str, Any]) -> float | None:
    found = value.get("rating")
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found <= 1:
        raise LineError('"rating" must be a number from 0 to 1, or null')
    return float(found)


def _time(value: Mapping[str, Any], key: str) -> datetime | None:
    """In UTC, which is also what a time without a zone means; None for an impossible year."""
    found = _text(value, key)
    if not found:
        return None
    try:
        time = datetime.fromisoformat(found)
    except ValueError as e:
        raise LineError(f'"{key}" must be a time such as "2026-11-02T08:14:11Z"') from e
    return likely(time if time.tzinfo else time.replace(tzinfo=UTC))


def post_of(line: str, thread_title: str = "") -> Post:
    """A post line as a Post; ``thread_title`` is what its parent says.

    Raises:
        LineError
    """
    value = object_of(line)
    return Post(
        source=_text(value, "source", required=True),
        kind=_text(value, "kind"),
        external_id=_text(value, "external_id", required=True),
        url=_text(value, "url"),
        title=clean(_text(value, "title"), MAX_TITLE),
        text=clean(_text(value, "text")),
        author=clean(_text(value, "author")),
        published_at=_time(value, "published_at"),
        rating=_rating(value),
        parent=_text(value, "parent") or None,
        thread_title=thread_title,
    )


def line_of(post: Post) -> str:
    """A Post as a post line."""
    return json.dumps(
        {
            "source": post.source,
            "kind": post.kind,
            "external_id": post.external_id,
            "url": post.url,
            "title": post.title,
            "text": post.text,
            "author": post.author,
            "published_at": stamp(post.published_at),
            "rating": post.rating,
            "parent": post.parent,
        },
        ensure_ascii=False,
    )


def stamp(time: datetime | None) -> str | None:
    """RFC 3339 UTC, or None."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z") if time else None


def brand_of(text: str) -> Brand:
    """A brand file as a Brand.

    Raises:
        LineError
    """
    value = object_of(text)
    return Brand(
        name=_text(value, "brand", required=True),
        aliases=tuple(_alias(a) for a in _list(value, "aliases")),
        exclude=_texts(value, "exclude"),
        own_authors=_texts(value, "own_authors"),
        site=_text(value, "site"),
        competitors=_texts(value, "competitors"),
        sources=_texts(value, "sources"),
    )


def _alias(value: object) -> Alias:
    if isinstance(value, str):
        return Alias(value)
    if isinstance(value, dict):
        return Alias(_text(value, "term", required=True), _texts(value, "require"))
    raise LineError('"aliases" must hold texts or {"term", "require"} objects')


def mention_of(line: str) -> Mention:
    """A line to score as a Mention of its target: where it stands, and where a competitor does.

    A target that the text does not name is what all of it is about, as on the brand's own page.

    Raises:
        LineError
    """
    return _mention(object_of(line))


def _mention(value: Mapping[str, Any]) -> Mention:
    if not isinstance(value.get("text"), str):
        raise LineError('"text" must be a text')
    target, competitors = _text(value, "target"), _texts(value, "competitors")
    post = Post(
        source="",
        kind=_text(value, "kind"),
        external_id="",
        url="",
        title=clean(_text(value, "title"), MAX_TITLE),
        text=clean(value["text"]),
        rating=_rating(value),
    )
    return mention(post, target, competitors)


def mention(post: Post, target: str, competitors: Iterable[str] = ()) -> Mention:
    """A Mention of what a caller names. Without a target (""), nobody in particular is meant."""
    found = named(target, post) or ([Match(target, "source")] if target else [])
    rivals = [match for rival in competitors for match in named(rival, post)]
    return Mention(post, target, tuple(found), rivals=tuple(rivals))


@dataclass(frozen=True, slots=True)
class Example:
    """A mention and what a person says of it."""

    mention: Mention
    label: Label
    alert: bool | None  #: whether the team should be told; None: nobody said
    trait: str = ""  #: what makes it hard, in a word


def example_of(line: str) -> Example:
    """A labelled line.

    Raises:
        LineError
    """
    value = object_of(line)
    label, alert = value.get("label"), value.get("alert")
    if label not in get_args(Label):
        raise LineError(f'"label" must be one of {", ".join(get_args(Label))}')
    if alert is not None and not isinstance(alert, bool):
        raise LineError('"alert" must be true, false or null')
    return Example(_mention(value), cast(Label, label), alert, _text(value, "trait"))


def score_line(score: Score) -> str:
    """A Score as an output line."""
    return json.dumps(
        {
            "negative": round(score.negative, 4),
            "neutral": round(score.neutral, 4),
            "positive": round(score.positive, 4),
            "label": score.label,
            "complaint": None if score.complaint is None else round(score.complaint, 4),
            "scored": score.scored,
            "lang": score.lang,
            "why": list(score.why),
            "sentence": score.sentence,
        },
        ensure_ascii=False,
    )


def scored(
    lines: Iterable[bytes], score: Callable[[Sequence[Mention]], Sequence[Score]]
) -> Iterator[str]:
    """One output line for each input line, in order; what cannot be read gets its error."""
    read = [_mention_or_error(line) for line in lines]
    scores = iter(score([m for m in read if isinstance(m, Mention)]))
    for item in read:
        if isinstance(item, Mention):
            yield score_line(next(scores))
        else:
            yield json.dumps({"error": str(item)}, ensure_ascii=False)


def _mention_or_error(line: bytes) -> Mention | LineError:
    try:
        return mention_of(text_of(line))
    except LineError as e:
        return e
