"""Matching over the labelled development stream; its bars leave room for what it cannot see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.domain import Post
from monitor.matching import Alias, Brand, Matcher


def stream(folder: Path) -> tuple[Brand, list[tuple[Post, bool]]]:
    rows = {
        part: [json.loads(line) for line in (folder / f"dev.{part}.jsonl").read_text().splitlines()]
        for part in ("posts", "labels")
    }
    raw = json.loads((folder / "dev.brand.json").read_text())
    aliases = [
        Alias(a) if isinstance(a, str) else Alias(a["term"], tuple(a["require"]))
        for a in raw["aliases"]
    ]
    lists = {k: tuple(raw[k]) for k in ("exclude", "own_authors", "competitors", "sources")}
    titles = {p["external_id"]: p["title"] for p in rows["posts"]}
    posts = [
        Post(
            p["source"],
            p["kind"],
            p["external_id"],
            p["url"],
            p["text"],
            p["title"],
            p["author"],
            thread_title=titles.get(p["parent"], ""),
        )
        for p in rows["posts"]
    ]
    about = [label["about_brand"] for label in rows["labels"]]
    return Brand(raw["brand"], tuple(aliases), site=raw["site"], **lists), list(
        zip(posts, about, strict=True)
    )


@pytest.mark.dev_data
def test_the_development_stream_is_found(dev_data: Path) -> None:
    brand, posts = stream(dev_data / "streams")
    matcher = Matcher([brand])
    results = [(bool(matcher.mentions(p)), about) for p, about in posts]
    hits = sum(named and about for named, about in results)
    assert hits / sum(about for _, about in results) >= 0.99
    assert hits / sum(named for named, _ in results) >= 0.90
