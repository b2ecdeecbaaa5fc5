"""How the verbs print: tables for people, JSON lines and CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from monitor.reading.jsonl import stamp
from monitor.text import cut

if TYPE_CHECKING:
    from monitor.daemon import Round
    from monitor.doctor import Finding
    from monitor.domain import Batch, Incident
    from monitor.store import Judged, Overview

FORMULA = ("=", "+", "-", "@", "\t", "\r")  #: what a spreadsheet would run


def utc(time: datetime | None) -> datetime | None:
    return time and time.replace(tzinfo=UTC)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cell(value: object, width: int = 200) -> str:
    return escape(cut(" ".join(str(value).split()), width))


def _age(time: datetime | None, now: datetime) -> str:
    if time is None:
        return "never"
    seconds = max(int((now - time).total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def progress(items: Iterable[Any], total: int, doing: str) -> Iterator[Any]:
    """The items, with a bar on standard error where a person looks."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(items, total, description=doing)


def one_round(done: Round, now: Overview) -> None:
    failing = [s for s in now.sources if s.failures]
    print(
        f"{done.polled} sources polled, {done.found} new mentions, "
        f"{done.judged} judged, {done.delivered} messages delivered"
    )
    for source in failing:
        print(f"{source.source}: {source.last_error}", file=sys.stderr)


def status(seen: Overview, now: datetime, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_status(seen, now), ensure_ascii=False))
        return
    table = _table("source", "state", "last success", "due in", "gaps", "error")
    for source in seen.sources:
        due = "" if source.due_at is None else _age(now, source.due_at)
        row = (source.source, source.condition(now), _age(source.last_success_at, now), due)
        table.add_row(*map(_cell, (*row, source.gaps, source.last_error)))
    console = Console()
    console.print(table)
    outbox = seen.outbox
    console.print(
        f"mentions {seen.mentions}, waiting {seen.waiting}, dead {seen.dead} · outbox: pending "
        f"{outbox.pending}, ambiguous {outbox.ambiguous}, dead {outbox.dead}"
    )
    for target, error in outbox.errors:
        console.print(f"{_cell(target)}: {_cell(error)}")
    counts = ", ".join(f"{state} {n}" for state, n in sorted(seen.incidents.items())) or "none"
    console.print(f"incidents: {_cell(counts)} · last digest: {seen.last_digest or 'none'}")
    console.print(f"model: {seen.model or 'nothing scored yet'}")


def _status(seen: Overview, now: datetime) -> dict[str, Any]:
    return {
        "sources": [
            {
                "name": s.source,
                "kind": s.kind,
                "state": s.condition(now),
                "last_success": stamp(s.last_success_at),
                "blind_hours": s.blind_hours(now),
                "gaps": s.gaps,
                "rejected": s.rejected,
                "error": s.last_error,
            }
            for s in seen.sources
        ],
        "outbox": {
            "pending": seen.outbox.pending,
            "ambiguous": seen.outbox.ambiguous,
            "dead": seen.outbox.dead,
            "oldest_seconds": seen.outbox.oldest_seconds,
            "errors": [{"target": t, "error": e} for t, e in seen.outbox.errors],
        },
        "mentions": {"total": seen.mentions, "waiting": seen.waiting, "dead": seen.dead},
        "incidents": seen.incidents,
        "last_digest": seen.last_digest,
        "model": seen.model,
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
        "negative": score and round(score.negative, 4),
        "complaint": score and score.complaint,
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
        table = _table("id", "seen", "source", "label", "action", "what is said")
        for judged in found:
            said = f"{judged.mention.post.title} {judged.mention.post.text}"
            seen = f"{judged.seen_at:%d %b %H:%M}"
            row = (judged.id, seen, judged.mention.post.source, judged.label or "waiting")
            table.add_row(*map(_cell, (*row, judged.action or "")), _cell(said, 100))
        Console().print(table)


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
    table = _table("incident", "brand", "topic", "state", "severity", "posts", "last")
    for i in found:
        last = f"{i.last_at:%d %b %H:%M}"
        table.add_row(*map(_cell, (i.id, i.brand, i.topic, i.state, i.severity, i.posts, last)))
    Console().print(table)


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
    table = _table("published", "author", "title and text", "link")
    for post in batch.posts[:limit]:
        when = f"{post.published_at:%d %b %H:%M}" if post.published_at else ""
        said = f"{post.title} {post.text}"
        table.add_row(when, _cell(post.author, 30), _cell(said, 120), _cell(post.url))
    console = Console()
    console.print(table)
    console.print(f"{len(batch.posts)} posts, {len(batch.rejected)} unreadable")
    for reason in batch.rejected:
        console.print(_cell(reason))


def findings(found: Iterable[Finding], *, as_json: bool) -> list[dict[str, Any]]:
    """Print each finding as it comes, unless they are wanted as JSON; all of them."""
    rows = []
    for finding in found:
        rows.append({"what": finding.what, "ok": finding.ok, "said": finding.said})
        if not as_json:
            print(f"{'ok ' if finding.ok else 'MEND'}  {finding.what}: {finding.said}")
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
    table = _table("card", "posts", "topic")
    for incident, posts in cards.most_common():
        table.add_row(incident, str(posts), _cell(topics[incident]))
    console = Console()
    console.print(table)
    console.print(
        f"{actions['alerted']} cards, {actions['attached']} posts folded into them, "
        f"{actions['digest']} for the digest only, {actions['ignored']} by own authors, "
        f"{actions['unmatched']} not about the brand"
    )
