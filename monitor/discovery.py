"""What can be followed on a site: `monitor source discover URL`.

A page names its feeds, or the software that made it does: only what that software is known to
have is asked for, and only what could be read is told. Few requests, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from monitor.reading import feeds, markup, pages
from monitor.reading.items import Feed, FeedError, ReadingFailed
from monitor.seams import Fetcher, Page, SourceError, UserError
from monitor.sources.feed import Reader
from monitor.text import plain
from monitor.toml import quoted, unique

MOST_ASKED = 5  #: addresses asked besides the page and its robots.txt
MAX_NAME = 80
ACCEPT = {"Accept": "text/html, application/atom+xml, application/rss+xml, */*;q=0.5"}


class DiscoveryError(UserError):
    """Nothing to follow was found (``status`` 1), or the address cannot be asked for (2)."""

    def __init__(self, why: str, status: int = 1) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Found:
    """One source that could be configured."""

    kind: str
    url: str
    title: str  #: one line of plain text, or ""
    posts: int  #: that it holds now
    keys: frozenset[str] = frozenset()  #: of these, to tell a feed from the same in another format

    @property
    def name(self) -> str:
        """A name to give it, not unique: its host, and what it is if no feed."""
        host = (urlsplit(self.url).hostname or "").removeprefix("www.")[:MAX_NAME]
        return host if self.kind == "feed" else f"{host}-{self.kind}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """An address that may be a feed."""

    kind: str
    url: str
    last: bool = False  #: only asked where nothing of its kind was found


def discover(
    url: str, fetch: Fetcher, on_pages: Fetcher, read: Reader = feeds.read
) -> tuple[str, list[Found]]:
    """The software that made a page ("" if unknown) and the sources found there.

    Args:
        fetch: for feeds.
        on_pages: for the page itself; it obeys robots.txt.

    Raises:
        SourceError: the page cannot be read.
        DiscoveryError
    """
    try:
        page = on_pages(url, ACCEPT)
    except SourceError as e:
        if e.permanent and not e.status:
            raise DiscoveryError(f"source discover: {e}", 2) from None
        raise
    address = page.moved or url
    if (feed := _feed(page, read)) is not None:
        return "", [_found(Candidate(_kind_of(address, feed), address), feed)]
    software = _software(page)
    candidates = _candidates(page, software)[:MOST_ASKED]
    found = [*_verified(candidates, fetch, read), *_reviews(page, address)]
    if not found:
        tried = ", ".join(urlsplit(c.url).path for c in candidates) or "no address, it names none"
        made = f", made by {software.name}," if software else ""
        raise DiscoveryError(f"{url}: the page{made} has no feed and no reviews; tried: {tried}")
    return software.name if software else "", found


def toml(found: Sequence[Found], taken: Sequence[str] = ()) -> str:
    """Tables to paste into a configuration whose sources have the names ``taken``."""
    names = unique((each.name for each in found), taken)
    return "\n".join(
        f"# {each.title or 'no title'} ({each.posts} now)\n[[source]]\nname = {quoted(name)}\n"
        f"kind = {quoted(each.kind)}\nurl = {quoted(each.url)}\n"
        for each, name in zip(found, names, strict=True)
    )


# -- candidates ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Software:
    """What makes sites, how its pages are known, and where it puts its feeds.

    ``signs`` is looked for in lines "generator: ..." and "cookie: NAME", and in the markup.
    A path with "{path}" is made of the page's own; others begin where the site does, which is at
    the top if they begin with "/", else in the page's own folder. Feeds first, then comment feeds.
    """

    name: str
    kind: str  #: forum or feed
    signs: str
    paths: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


_SOFTWARE = (
    _Software(
        "Discourse",
        "forum",
        r"^generator: discourse|^cookie: _forum_session|<meta name=.discourse",
        ("/posts.rss", "/latest.rss"),
    ),
    _Software("NodeBB", "forum", r"^generator: nodebb|/nodebb[\w.-]*\.js", ("/recentposts.rss",)),
    _Software("Flarum", "forum", r"^cookie: flarum_|id=.flarum-", ("/atom",)),
    _Software(
        "phpBB",
        "forum",
        r"^generator: phpbb|^cookie: phpbb|id=.phpbb|\bviewforum\.php\?f=",
        ("app.php/feed", "feed.php"),
    ),
    _Software(
        "XenForo",
        "forum",
        r"^cookie: xf_|<html[^<>]*\bid=.XF\b|data-xf-init",
        ("forums/-/index.rss",),
    ),
    _Software(
        "vBulletin",
        "forum",
        r"^generator: vbulletin|^cookie: bb_(?:sessionhash|lastvisit)|\bforumdisplay\.php\?",
        ("external.php?type=RSS2&lastpost=1",),
    ),
    _Software("Invision", "forum", r"^generator: invision|^cookie: ips4_|\bipsLayout"),
    _Software(
        "Lemmy",
        "forum",
        r"^generator: lemmy|window\.isoData|\blemmy-site\b",
        ("/feeds{path}.xml?sort=New", "/feeds/all.xml?sort=New"),
    ),
    _Software(
        "Mastodon",
        "feed",
        r"^generator: mastodon|^cookie: _mastodon_session|id=.mastodon\b",
        ("{path}.rss",),
    ),
    _Software(
        "Blogger",
        "feed",
        r"^generator: blogger|\.blogger\.com/static",
        ("/feeds/posts/default",),
        ("/feeds/comments/default",),
    ),
    _Software(
        "WordPress",
        "feed",
        r"^generator: wordpress|/wp-(?:content|includes)/|https://api\.w\.org/",
        ("/feed/",),
        ("/comments/feed/",),
    ),
)


def _software(page: Page) -> _Software | None:
    html = pages.decode(page.body, page.headers.get("content-type", ""))
    meta = pages.tree(page.body, "").css_first('meta[name="generator" i][content]')
    made = (meta.attributes.get("content") or "") if meta else ""
    cookies = re.findall(r"(?:^|,\s*)([\w-]+)=", page.headers.get("set-cookie", ""))
    seen = "\n".join([f"generator: {made}", *(f"cookie: {name}" for name in cookies), html])
    known = (s for s in _SOFTWARE if re.search(s.signs, seen, re.IGNORECASE | re.MULTILINE))
    return next(known, None)


_TYPES = {f"application/{name}" for name in ("rss+xml", "atom+xml", "rdf+xml", "feed+json", "xml")}
_LOOKS = re.compile(
    r"/(?:feed|rss|atom)/?$|\.(?:rss|atom)$|/(?:rss|feed|atom|index)\.(?:xml|json)$|[?&]feed=\w+$",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"\b(?:comment|kommentar|commentaire|comentario|reactie)", re.IGNORECASE)


def _candidates(page: Page, software: _Software | None) -> list[Candidate]:
    """What the page names and what its software is known to have, the best of each kind first."""
    kind = software.kind if software else "feed"
    tree = pages.tree(page.body, page.headers.get("content-type", ""))
    links = pages.links(tree, page.url)
    named = [
        Candidate("comments" if _COMMENTS.search(f"{link.title} {link.url}") else kind, link.url)
        for link in sorted(links, key=lambda link: not link.head)
        if _names_a_feed(link)
    ]
    told = [link.url for link in links if "home" in link.rel]
    if (base := pages.base(tree, page.url)) != page.url:
        told.append(base)
    known = list(_known(page.url, told, software)) if software else []
    if kind == "feed":  # a blog's theme knows best where its feeds are
        known = [k for k in known if k.kind not in {n.kind for n in named}]
    return [
        *_in_turns([*(k for k in known if not k.last), *named]),
        *_in_turns([k for k in known if k.last]),
    ]


def _names_a_feed(link: pages.Link) -> bool:
    if link.head:
        return "alternate" in link.rel and link.type in _TYPES
    return bool(_LOOKS.search(link.url))


def _known(url: str, told: Sequence[str], software: _Software) -> Iterator[Candidate]:
    path = urlsplit(url).path.rstrip("/")
    for kind, paths in ((software.kind, software.paths), ("comments", software.comments)):
        of_page = [known for known in paths if "{path}" in known]
        of_site = [known for known in paths if known not in of_page]
        for known in of_page if path else ():
            yield Candidate(kind, urljoin(url, known.format(path=path)))
        for rank, root in enumerate(_roots(url, told, bool(paths) and paths[0].startswith("/"))):
            for known in of_site:
                yield Candidate(kind, urljoin(root, known.lstrip("/")), last=rank > 0)


def _roots(url: str, told: Sequence[str], top: bool) -> list[str]:
    """Folders that a site may begin in, the likeliest first: as its page says, or above that."""
    path = urlsplit(url).path or "/"
    above = [urljoin(url, path[: slash.end()]) for slash in re.finditer("/", path)]
    homes = [f"{home.rstrip('/')}/" for home in told if "." not in urlsplit(home).path]
    within = [home for home in homes if f"{url}/".startswith(home)]
    return list(dict.fromkeys([*within, *(above if top else above[::-1])]))


def _in_turns(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Each address once: the first of every kind, then the second of every kind, and so on."""
    once = {candidate.url: candidate for candidate in reversed(candidates)}
    by_kind: dict[str, list[Candidate]] = {}
    for candidate in reversed(once.values()):
        by_kind.setdefault(candidate.kind, []).append(candidate)
    ranked = [(rank, c) for of_kind in by_kind.values() for rank, c in enumerate(of_kind)]
    return [candidate for _, candidate in sorted(ranked, key=lambda pair: pair[0])]


# -- what they are -------------------------------------------------------------------------------


def _verified(candidates: Sequence[Candidate], fetch: Fetcher, read: Reader) -> Iterator[Found]:
    """Those that are feeds, and not the same feed in another format."""
    seen: list[frozenset[str]] = []
    kinds: set[str] = set()
    for candidate in candidates:
        if candidate.last and candidate.kind in kinds:
            continue
        try:
            page = fetch(candidate.url, ACCEPT)
        except SourceError:
            continue
        if (feed := _feed(page, read)) is not None:
            found = _found(Candidate(candidate.kind, page.moved or candidate.url), feed)
            if not found.keys or found.keys not in seen:
                seen.append(found.keys)
                kinds.add(found.kind)
                yield found


def _feed(page: Page, read: Reader) -> Feed | None:
    try:
        return read(page.body, page.headers.get("content-type", ""), page.url, "")
    except (FeedError, ReadingFailed):
        return None


def _found(candidate: Candidate, feed: Feed) -> Found:
    keys = frozenset(item.link or item.id for item in feed.items)
    return Found(candidate.kind, candidate.url, _line(feed.title), len(feed.items), keys)


def _kind_of(url: str, feed: Feed) -> str:
    """The kind of a feed that was given itself."""
    if _COMMENTS.search(f"{_line(feed.title)} {url}"):
        return "comments"
    paths = [path for s in _SOFTWARE if s.kind == "forum" for path in s.paths if "{" not in path]
    return "forum" if url.endswith(tuple(paths)) else "feed"


def _reviews(page: Page, url: str) -> Iterator[Found]:
    try:
        feed = markup.read(page.body, page.headers.get("content-type", ""), page.url)
    except FeedError:
        return
    if feed.items:
        yield Found("review", url, _line(feed.title), len(feed.items))


def _line(html: str) -> str:
    return " ".join(plain(html, 200, links=False).split())
