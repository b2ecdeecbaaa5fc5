"""How the verbs print: tables for people, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from monitor.reading.jsonl import stamp
from monitor.text import cut

if TYPE_CHECKING:
    from monitor.daemon import Round
    from monitor.doctor import Finding
    from monitor.domain import Batch, Incident, Layer, SourceState
    from monitor.store import Judged, Overview

#: What a spreadsheet would run (owasp.org/www-community/attacks/CSV_Injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

GAPS_SINCE = timedelta(days=30)  #: older gaps are only counted
MOST_GAPS = 3  #: of a source, told with their times

Gap = tuple[str, datetime, datetime]
"""(source, from, to): when it may have shown what was not seen."""


def utc(time: datetime | None) -> datetime | None:
    return time and time.replace(tzinfo=UTC)


def _print(rows: Iterable[Sequence[object]], columns: Sequence[str], none: str) -> None:
    """A table, or what to say where there is nothing to list."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    Console().print(table if table.row_count else none)


def _cell(value: object, width: int = 200) -> Text:
    """Outside text on one line, as it stands: no rich markup, no emoji names."""
    return Text(cut(" ".join(str(value).split()), width))


def _lasting(time: timedelta, *, up: bool = False) -> str:
    """Rounded down, or ``up``."""
    seconds = max(int(time.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{-(-seconds // size) if up else seconds // size} {unit}"
    return f"{seconds} s"


def count(number: int, noun: str) -> str:
    """ "1 source", "2 sources"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def progress(items: Iterable[Any], total: int, doing: str) -> Iterator[Any]:
    """The items, with a bar on standard error where a person looks."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(items, total, description=doing)


def one_round(done: Round, now: Overview) -> None:
    print(
        f"{count(done.polled, 'source')} polled, {count(done.found, 'new mention')}, "
        f"{done.judged} judged, {count(done.delivered, 'message')} delivered"
    )
    for trouble in _troubles(now):
        print(trouble, file=sys.stderr)


def status(seen: Overview, gaps: Sequence[Gap], now: datetime, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_status(seen, gaps, now), ensure_ascii=False))
        return
    columns = ("source", "state", "last read", "next", "delay", "gaps", "unreadable")
    rows = [
        (s.source, s.condition(now), *_read(s, now), _delay(s), s.gaps, s.rejected)
        for s in seen.sources
    ]
    _print(rows, columns, "no source was read yet: `monitor once` or `monitor run` does it")
    for trouble in _troubles(seen):
        print(f"! {trouble}")
    for source in seen.sources:
        for since, until in _times(gaps, source.source):
            print(f"? {source.source}: posts of {_between(since, until)} may be missing")
    outbox, following = seen.outbox, seen.following
    if following:
        failing = sum(1 for s in following if s.failures)
        print(f"following  {count(len(following), 'comment feed')}, {failing} failing")
    counts = ", ".join(f"{n} {state}" for state, n in sorted(seen.incidents.items()))
    print(f"pages      {seen.pages} to be read")
    print(
        f"mentions   {seen.mentions}: {seen.waiting} waiting, {seen.dead} could not be judged, "
        f"{seen.unscored} not scored (language)"
    )
    print(f"incidents  {counts or 'none'}")
    print(f"outbox     {outbox.pending} pending, {outbox.ambiguous} ambiguous, {outbox.dead} dead")
    print(f"digest     {seen.last_digest or 'none sent yet'}")
    print(f"model      {seen.model or 'nothing scored yet'}")
    for layer in seen.layers:
        learnt = f"{count(layer.n, 'label')}, {layer.made_at:%d %b %Y}"
        print(f"learnt     {layer.brand}: {layer.name} from {learnt}")


def _read(source: SourceState, now: datetime) -> tuple[str, str]:
    """When a source was read, and when it will be."""
    last, due = source.last_success_at, source.due_at
    ago = f"{_lasting(now - last)} ago" if last else "never"
    return ago, "" if due is None else "now" if due <= now else f"in {_lasting(due - now)}"


def _delay(source: SourceState) -> str:
    """After how long a new post is seen at most, if the next polls are as far apart."""
    return f"< {_lasting(source.wait, up=True)}" if source.wait else ""


def _times(gaps: Sequence[Gap], source: str) -> list[tuple[datetime, datetime]]:
    """The newest gaps of a source, the last one first."""
    return [(since, until) for name, since, until in reversed(gaps) if name == source][:MOST_GAPS]


def _between(since: datetime, until: datetime) -> str:
    return f"{since:%d %b %H:%M} to {until:%d %b %H:%M} UTC"


def _troubles(seen: Overview) -> Iterator[str]:
    """One line for each source that fails and each channel that does not take its messages."""
    for source in seen.sources:
        if source.last_error:
            yield f"{source.source}: {source.last_error}"
        if source.moved:
            yield f"{source.source}: it has moved for good: set its url to {source.moved}"
    for target, error in seen.outbox.errors:
        yield f"{target}: {error}"


def _status(seen: Overview, gaps: Sequence[Gap], now: datetime) -> dict[str, Any]:
    return {
        "sources": [
            {
                "name": s.source,
                "kind": s.kind,
                "state": s.condition(now),
                "last_success": stamp(s.last_success_at),
                "blind_hours": s.blind_hours(now),
                "delay_seconds": int(s.wait.total_seconds()) if s.wait else None,
                "moved": s.moved,
                "gaps": s.gaps,
                "gap_times": [
                    {"since": stamp(since), "until": stamp(until)}
                    for since, until in _times(gaps, s.source)
                ],
                "rejected": s.rejected,
                "push": s.source in seen.pushed,
                "error": s.last_error,
            }
            for s in seen.sources
        ],
        "following": {
            "feeds": len(seen.following),
            "failing": sum(1 for s in seen.following if s.failures),
        },
        "outbox": {
            "pending": seen.outbox.pending,
            "ambiguous": seen.outbox.ambiguous,
            "dead": seen.outbox.dead,
            "oldest_seconds": seen.outbox.oldest_seconds,
            "errors": [{"target": t, "error": e} for t, e in seen.outbox.errors],
        },
        "pages": {"waiting": seen.pages},
        "mentions": {
            "total": seen.mentions,
            "waiting": seen.waiting,
            "dead": seen.dead,
            "unscored": seen.unscored,
        },
        "incidents": seen.incidents,
        "last_digest": seen.last_digest,
        "model": seen.model,
        "layers": [receipt(layer) for layer in seen.layers],
    }


def receipt(layer: Layer) -> dict[str, Any]:
    """What was learnt and how good it is, without the weights."""
    return {
        "brand": layer.brand,
        "head": layer.head,
        "layer": layer.name if layer.id else None,
        "state": layer.state,
        "reason": layer.reason,
        "before": layer.before,
        "after": layer.after,
        "labels": layer.n,
        "positives": layer.positives,
        "threshold": layer.threshold,
        "base": layer.base,
        "made_at": stamp(layer.made_at),
    }


def _mention(judged: Judged) -> dict[str, Any]:
    post, score = judged.mention.post, judged.score
    return {
        "id": judged.id,
        "brand": judged.mention.brand,
        "source": post.source,
        "kind": post.kind,
        "external_id": post.external_id,
        "url": post.url,
        "title": post.title,
        "text": post.text,
        "author": post.author,
        "published_at": stamp(post.published_at),
        "seen_at": stamp(judged.seen_at),
        "rating": post.rating,
        "label": judged.label,
        "scored": score and score.scored,
        "lang": score and score.lang,
        "negative": score and round(score.negative, 4),
        "complaint": score and score.complaint and round(score.complaint, 4),
        "topic": judged.topic,
        "action": judged.action,
        "reason": judged.reason,
        "severity": judged.severity,
        "incident": judged.incident,
        "copy_of": judged.copy_of,
    }


def mentions(found: Iterator[Judged], form: str) -> None:
    if form == "jsonl":
        for judged in found:
            print(json.dumps(_mention(judged), ensure_ascii=False))
    elif form == "csv":
        _csv(_mention(judged) for judged in found)
    else:
        columns = ("id", "seen", "source", "label", "action", "what is said")
        _print(map(_row, found), columns, "no mention")


def _row(judged: Judged) -> tuple[object, ...]:
    post, seen = judged.mention.post, f"{judged.seen_at:%d %b %H:%M}"
    label, action = judged.label or "waiting", judged.action or ""
    return judged.id, seen, post.source, label, action, cut(f"{post.title} {post.text}", 100)


def _csv(rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    if first is None:
        return
    out = csv.DictWriter(sys.stdout, first.keys())
    out.writeheader()
    for row in (first, *rows):
        out.writerow({key: _harmless(value) for key, value in row.items()})


def _harmless(value: object) -> object:
    """A text that begins like a formula gets a quotation mark before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def incidents(found: Sequence[Incident], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_incident(i) for i in found], ensure_ascii=False))
        return
    columns = ("incident", "brand", "topic", "state", "severity", "posts", "last")
    rows = (
        (i.id, i.brand, i.topic, i.state, i.severity, i.posts, f"{i.last_at:%d %b %H:%M}")
        for i in found
    )
    _print(rows, columns, "no incident")


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "brand": incident.brand,
        "topic": incident.topic,
        "state": incident.state,
        "severity": incident.severity,
        "reason": incident.reason,
        "owner": incident.owner,
        "posts": incident.posts,
        "opened_at": stamp(incident.opened_at),
        "last_at": stamp(incident.last_at),
    }


def posts(batch: Batch, limit: int) -> None:
    shown = batch.posts[:limit]
    rows = (
        (
            f"{post.published_at:%d %b %H:%M}" if post.published_at else "",
            cut(post.author, 30),
            cut(f"{post.title} {post.text}", 120),
            post.url,
        )
        for post in shown
    )
    _print(rows, ("published", "author", "title and text", "link"), "no post")
    print(f"{len(shown)} of {count(len(batch.posts), 'post')}, {len(batch.rejected)} unreadable")
    for reason in batch.rejected:
        print(_cell(reason).plain)


def findings(found: Iterable[Finding], *, as_json: bool) -> list[dict[str, Any]]:
    """Print each finding as it comes, unless they are wanted as JSON; all of them."""
    rows = []
    for finding in found:
        rows.append({"what": finding.what, "ok": finding.ok, "said": finding.said})
        if not as_json:
            print(f"{'ok  ' if finding.ok else 'MEND'}  {finding.what}: {finding.said}")
    return rows


def rehearsal(events: Iterable[dict[str, Any]]) -> None:
    """What a support lead wants to know of a rehearsal: how many, and which cards."""
    actions: Counter[str] = Counter()
    cards: Counter[str] = Counter()
    topics: dict[str, str] = {}
    for event in events:
        actions[event.get("action") or event["event"]] += 1
        if event["event"] == "mention" and event["incident"]:
            cards[event["incident"]] += 1
            topics.setdefault(event["incident"], f"{event['topic']}, {event['severity']}")
    rows = [(card, posts, topics[card]) for card, posts in cards.most_common()]
    _print(rows, ("card", "posts", "topic"), "no card")
    for number, what in (
        (actions["alerted"], "opened a card"),
        (actions["attached"], "folded into one"),
        (actions["digest"], "for the digest only"),
        (actions["ignored"], "by own authors"),
        (actions["unmatched"], "not about the brand"),
    ):
        print(f"{number:6}  {what}")
