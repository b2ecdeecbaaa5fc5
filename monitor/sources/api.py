"""Places that answer in JSON, walked from what is new down to what is known.

A kind says how one part of the walk is asked for and how an item is read. The walk, its bounds and
what is remembered of it are here: a walk ends where the last one began, less an overlap for what a
site shows late. Where one poll cannot hold it, the site asks us to wait, or something fails on the
way, the next poll goes on from there. Items come again within the overlap; who keeps posts knows
each by its id.

Cursor: JSON of a few numbers, see ``Mark``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, urlencode, urlsplit

from monitor.domain import Batch, Post
from monitor.reading import items, walls
from monitor.seams import Clock, Fetcher, SourceError
from monitor.sources.feed import MAX_AUTHOR, line, site
from monitor.text import plain

PARTS = 10  #: of a walk, in one poll
FARTHEST = 1 << 63  #: no id or time is beyond
SECRET: Mapping[str, bool] = {"secret": True}
"""Metadata of a field whose value the configuration names as "env:NAME" or "file:PATH"."""

Item = Mapping[str, Any]  #: an entry of an answer, not to be trusted


class Patient(Fetcher, Protocol):
    """A fetcher that can be told to leave a site alone."""

    def rest(self, url: str, wait: timedelta) -> object:
        """Ask the site of ``url`` nothing for so long."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The cursor, opened. Places are numbers in a site's own order: epoch seconds or ids."""

    since: int | None = None  #: place from which on the next walk reads; None: never walked
    at: int | None = None  #: where a walk goes on that was broken off; None: it ended
    newest: int = 0  #: place up to which that walk will have seen all that stood when it began

    @classmethod
    def of(cls, cursor: str) -> Mark:
        """What cannot be read (from another version) is as good as none."""
        try:
            mark = cls(**json.loads(cursor))
        except (ValueError, TypeError):
            return cls()
        places = (mark.since or 0, mark.at or 0, mark.newest)
        return mark if all(isinstance(place, int) for place in places) else cls()

    def cursor(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of a walk, read."""

    posts: tuple[Post, ...]
    places: frozenset[int]  #: of its items
    rejected: tuple[str, ...]  #: a reason for each item that could not be read
    next: int | None = None  #: where the walk goes on; None: this was its end
    wait: timedelta | None = None  #: the site wants to be left alone for so long
    sure: bool = True  #: False: it says itself that items may be missing


@dataclass(slots=True)
class _Walk:
    """What one poll has read so far."""

    at: int | None  #: where it goes on; None: it ended, or has not begun
    posts: dict[str, Post] = field(default_factory=dict)  #: by external_id
    places: set[int] = field(default_factory=set)
    rejected: list[str] = field(default_factory=list)
    gap: bool = False
    sure: bool = True
    wait: timedelta | None = None

    def take(self, part: Part, *, goes_on: bool) -> None:
        new = {post.external_id: post for post in part.posts}
        known = self.places.issuperset(part.places) and self.posts.keys() >= new.keys()
        # More in one place than the site lists, or it does not go on where it is asked to.
        self.gap = goes_on and known and part.next is not None
        self.at = part.next if goes_on and not known else None
        self.posts |= new
        self.places |= part.places
        self.rejected += part.rejected
        self.sure = self.sure and part.sure
        self.wait = part.wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One place of a kind.

    Raises:
        ValueError: a field is not what it must be; the text names it.
    """

    name: str
    kind: str
    fetch: Patient
    now: Clock
    base_url: str
    family: ClassVar[str]  #: ``kind`` of its posts
    pace: ClassVar[timedelta]  #: between two polls where the operator has no wish
    overlap: ClassVar[int]  #: places that a walk goes back beyond the newest of the one before
    of_pages: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for key in fields(self):
            value = getattr(self, key.name)
            if key.type == "str" and not isinstance(value, str):
                raise ValueError(f"{key.name}: give a text")
            if key.default is MISSING and value == "":
                raise ValueError(f"{key.name}: it is empty")
        self._check_address()

    def _check_address(self) -> None:
        parts = urlsplit(self.base_url)
        usable = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
        if not usable or parts.query or parts.fragment:
            raise ValueError("base_url: give an address that begins with http:// or https://")
        secrets = [getattr(self, key.name) for key in fields(self) if key.metadata.get("secret")]
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if any(secrets) and parts.scheme == "http" and not local:
            raise ValueError("base_url: give an address that begins with https://, for the token")

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self.base_url.rstrip("/")

    def poll(self, cursor: str) -> Batch:
        mark = Mark.of(cursor)
        walk = _Walk(mark.at)
        for _ in range(PARTS):
            try:
                part = self._part(mark.since, walk.at)
            except SourceError:
                if not walk.places:
                    raise
                break  # what was read is kept; the next poll goes on there, or says what is wrong
            walk.take(part, goes_on=mark.since is not None)
            if walk.at is None or walk.wait:
                break
        if walk.wait:
            self.fetch.rest(self.url, walk.wait)
        left = self._left(mark, walk) if walk.sure else mark
        posts = tuple(walk.posts.values())
        return Batch(posts, left.cursor(), walk.wait, walk.gap, tuple(walk.rejected))

    def _left(self, mark: Mark, walk: _Walk) -> Mark:
        """What is remembered of a walk that has ended, or goes on with the next poll."""
        newest = mark.newest if mark.at is not None else max(walk.places, default=0)
        if walk.at is None:
            return Mark(max(mark.since or 0, newest - self.overlap))
        return Mark(mark.since, walk.at, newest if mark.at is not None else self._begun(newest))

    # -- what a kind says ------------------------------------------------------------------------

    def _begun(self, newest: int) -> int:
        """The place that a walk broken off began at; for walks that go back, the newest it saw."""
        return newest

    def _part(self, since: int | None, at: int | None) -> Part:
        """One answer of the walk.

        Args:
            since: place from which on items are wanted; None: only the newest few.
            at: ``next`` of the part before; None: the walk begins.
        """
        raise NotImplementedError

    def _post(self, item: Item) -> Post | None:
        """A post; None for what is not to be kept. May raise what a broken item does."""
        raise NotImplementedError

    def _place(self, item: Item) -> int:
        """Where an item stands in the site's order. May raise what a broken item does."""
        raise NotImplementedError

    def _headers(self) -> Mapping[str, str]:
        """Of every request; secrets go here where the site takes them so."""
        return {}

    # -- what kinds work with --------------------------------------------------------------------

    def _get(self, path: str, query: Mapping[str, object]) -> Any:
        """What the site answers, read.

        Raises:
            SourceError
        """
        asked = urlencode({k: v for k, v in query.items() if v != ""}, doseq=True, quote_via=quote)
        headers = {"Accept": "application/json", **self._headers()}
        page = self.fetch(f"{self.url}{path}?{asked}", headers)
        if page.status == 304:
            raise SourceError(f"{site(page)}: it says unchanged (304) to an open question")
        try:
            return json.loads(page.body.decode("utf-8-sig", "replace"))
        except (ValueError, RecursionError):
            instead = walls.page(page.body)
            raise SourceError(
                f"{site(page)}: it answered with {instead or 'something else'} instead of JSON",
                blocked=bool(instead),
            ) from None

    def _list(self, answer: object, key: str = "") -> Sequence[Item]:
        """The entries of an answer: itself, or what stands under ``key``.

        Raises:
            SourceError
        """
        if key:
            answer = answer.get(key) if isinstance(answer, Mapping) else None
        if not isinstance(answer, list):
            where = urlsplit(self.url).netloc
            raise SourceError(f"{where}: its JSON is not what {self.kind} answers, check base_url")
        return answer

    def _read(self, entries: Sequence[Item]) -> Part:
        """A part that is the walk's end; a bad entry spoils only itself."""
        posts: list[Post] = []
        places: set[int] = set()
        rejected: list[str] = []
        for number, entry in enumerate(entries, 1):
            try:
                places.add(_checked(self._place(entry)))
                post = self._post(entry)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
                rejected.append(f"item {number}: cannot be read ({type(e).__name__})")
            else:
                posts += [post] if post else []
        return Part(tuple(posts), frozenset(places), tuple(rejected))

    def _slice(self, entries: Sequence[Item], *, more: bool) -> Part:
        """A part, newest first, behind which the walk goes on with what is not newer than it."""
        part = self._read(entries)
        if more and not part.places:
            where = urlsplit(self.url).netloc
            raise SourceError(f"{where}: there is more, but none of its items can be read")
        return replace(part, next=min(part.places)) if more else part

    def _made(
        self,
        id_: object,
        link: str,
        html: str,
        *,
        published: datetime | None,
        title: str = "",
        author: str = "",
        parent: object = None,
        thread: str = "",
        reach: object = None,
    ) -> Post:
        """A post of what a site says; titles and text are HTML."""
        post = Post(
            source=self.name,
            kind=self.family,
            external_id=items.short(str(id_)),
            url=items.address(self.url, link),
            title=line(title),
            text=plain(html),
            author=line(author, MAX_AUTHOR),
            published_at=items.likely(published) if published else None,
            parent=None if parent is None else items.short(str(parent)),
            thread_title=line(thread),
            reach=reach if isinstance(reach, int) and 0 <= reach < 1 << 31 else None,
        )
        if not id_ or not (post.title or post.text):
            raise ValueError("without id, or title and text")
        return post

    def _seconds(self, moment: datetime | None) -> int:
        """A place on the clock; none lies in the future, or all until then would be missed."""
        if moment is None:
            raise ValueError("no date")
        return int(min(moment, self.now()).timestamp())


def _checked(place: int) -> int:
    if not 0 <= place < FARTHEST:
        raise ValueError("out of all order")
    return place


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at_second(second: int) -> datetime:
    """Epoch seconds as aware UTC. Raises what a broken number does."""
    return EPOCH + timedelta(seconds=second)


def text_of(item: Item, key: str) -> str:
    """A text that may be absent or null, but is nothing else."""
    value = item.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(key)
    return value or ""
