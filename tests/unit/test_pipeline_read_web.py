"""Read, over real sockets: a site whose pages do what pages do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

from monitor.robots import Robots
from tests.standins.scripted import World, post
from tests.standins.web import Reply, Route, Web, drip, flood, redirect
from tests.unit.fetching import fetcher

FILLER = "We went through all the boxes on the shelf and wrote down what we found there. " * 5
NAMED = f"<p>{FILLER}</p><p>The Acme plug is broken.</p><p>{FILLER}</p>"


def html(story: str, head: str = "", menu: str = "") -> str:
    return f"<html><head>{head}</head><body><nav>{menu}</nav><article>{story}</article></body>"


SITE: dict[str, Route] = {
    "/robots.txt": "User-agent: *\nDisallow: /private",
    "/named": html(NAMED),
    "/latin": Reply(
        html(NAMED.replace("plug", "prise cassée")).encode("latin-1"),
        headers={"Content-Type": "text/html; charset=iso-8859-1"},
    ),
    "/moved": redirect("/named", 301),
    "/unclosed": "<div><p>" * 20 + NAMED + "<b <i",
    "/menu": html(f"<p>{FILLER}</p>", menu="<a href=/acme>Acme</a>"),
    "/none": html(f"<p>{FILLER}</p>"),
    "/private": html(NAMED),
    "/to-private": redirect("/private"),
    "/noindex": html(NAMED, head='<meta name="robots" content="noindex">'),
    "/slow": drip(b"<p>Acme broken"),
    "/huge": flood(3),
    "/deep": "<div>" * 100_000 + NAMED,
    "/wide": f"<p {'a=1 ' * 100_000}>{NAMED}",
    "/marks": "<" * 500_000 + NAMED,
    "/bytes": bytes(range(256)) * 2_000,
}
READ = {"/named", "/latin", "/moved", "/unclosed"}


def test_every_page_is_read_or_its_teaser_stands(tmp_path: Path) -> None:
    with Web(SITE) as web, World(tmp_path) as world:
        fetch = fetcher(deadline=timedelta(seconds=1), max_bytes=2_000_000)
        world.pipeline = replace(world.pipeline, fetch_page=Robots(fetch, "test/1", world.clock))
        world.started()
        pages = [*(SITE.keys() - {"/robots.txt"}), "/missing"]
        world.find(*(post(path, "Read on", page=web.url(path)) for path in pages))
        began = monotonic()
        world.turn()
        took = monotonic() - began
        assert world.overview().pages == 0
        texts = {key: judged.mention.post.text for key, judged in world.judged().items()}
    assert texts.keys() == READ
    assert all("Acme" in text and "\ufffd" not in text for text in texts.values())
    assert "cassée" in texts["/latin"]
    assert web.hits("/robots.txt") == 1
    assert all(web.hits(path) == 1 for path in ("/none", "/slow", "/huge", "/deep", "/missing"))
    assert took < 30
