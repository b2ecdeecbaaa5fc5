"""PRAW, and its way out: what it sends goes by the one polite road, to Reddit's two hosts alone.

prawcore sleeps in the calling thread when the rate window is used up, for up to ten minutes, and
before it tries again. Here nothing sleeps: whatever is no answer is a SourceError at once, and a
window that is used up rests the site until it ends (headers x-ratelimit-*: 1000 requests in
600 s, recorded in June 2026). No error repeats an address, a header or more than one plain word
of what was answered.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from monitor.reading import walls
from monitor.seams import Asker, Page, SourceError

LONGEST_WINDOW = timedelta(hours=1)  #: no rate header is believed beyond this

_SPARE = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]*)?")
_SECONDS = re.compile(r"[0-9]{1,9}")
_WORD = re.compile(r"[A-Za-z_]{1,40}")
_BLOCKED = {401, 402, 403, 451}


class Client:
    """Reddit as one app sees it, read-only. Holds PRAW, and PRAW the app's token."""

    def __init__(
        self,
        fetch: Asker,
        oauth_url: str,
        reddit_url: str,
        client_id: str,
        client_secret: str,
        user_agent: str,
    ) -> None:
        self._settings: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
            "user_agent": user_agent,
            "oauth_url": oauth_url,
            "reddit_url": reddit_url,
            "check_for_updates": False,
            "check_for_async": False,
            "requestor_class": partial(Road, fetch=fetch),
        }
        self._reddit: Any = None
        self.site = urlsplit(oauth_url).netloc

    def get(self, path: str, params: Mapping[str, str]) -> Any:
        """The JSON at a path. Sent away with an old token, it asks once more with a new one.

        Raises:
            SourceError
        """
        had_token = self._reddit is not None
        try:
            return self._get(path, params)
        except SourceError as e:
            if e.status != 401:
                raise
            self._reddit = None
            if not had_token:
                raise
        return self._get(path, params)

    def _get(self, path: str, params: Mapping[str, str]) -> Any:
        from praw.exceptions import PRAWException
        from prawcore.exceptions import OAuthException, PrawcoreException

        self._reddit = reddit = self._reddit or self._praw()  # another thread may let go of it
        try:
            return reddit.request(method="GET", path=path, params=dict(params))
        except OAuthException:
            why = f"{self.site}: it gives no token, check client_id, client_secret and approval"
            raise SourceError(why, blocked=True) from None
        except (PrawcoreException, PRAWException, ValueError, KeyError, TypeError) as e:
            why = f"{self.site}: its answer cannot be used ({type(e).__name__})"
            raise SourceError(why) from None

    def _praw(self) -> Any:
        """Every setting is given: none is looked for in praw.ini or the environment."""
        import praw

        reddit = praw.Reddit("DEFAULT", **self._settings)
        reddit.read_only = True
        return reddit


@dataclass(frozen=True)
class Answer:
    """As much of ``requests.Response`` as prawcore reads of a success.

    Without the rate headers: prawcore would sleep by them.
    """

    content: Any  #: the body's JSON
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return self.content


@dataclass(frozen=True)
class Road:
    """A ``prawcore.Requestor`` by what prawcore asks of one."""

    oauth_url: str
    reddit_url: str
    user_agent: str
    fetch: Asker = field(repr=False)

    def request(
        self,
        _method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        params: Mapping[str, object] | None = None,
        data: Iterable[tuple[str, str]] | None = None,
        auth: tuple[str, str] | None = None,
        **_unused: object,
    ) -> Answer:
        """GET, or POST where there is ``data``. Raises SourceError for all but JSON with 200."""
        if not url.startswith((f"{self.oauth_url}/", f"{self.reddit_url}/")):
            raise SourceError("Reddit: only its two configured hosts are asked", permanent=True)
        sent = {**headers, "User-Agent": self.user_agent}
        if auth:
            sent["Authorization"] = f"Basic {b64encode(':'.join(auth).encode()).decode()}"
        query = f"?{urlencode(params)}" if params else ""
        page = self.fetch.ask(url + query, sent, dict(data) if data else None)
        if (wait := used_up(page.headers)) is not None:
            self.fetch.rest(url, wait)
        if page.status != 200:
            raise refusal(page, token=bool(auth))
        return Answer(content(page))


def used_up(headers: Mapping[str, str]) -> timedelta | None:
    """How long the rate window still is, if no request is left in it."""
    spare, seconds = (headers.get(f"x-ratelimit-{name}", "") for name in ("remaining", "reset"))
    if not _SPARE.fullmatch(spare) or not _SECONDS.fullmatch(seconds) or float(spare) >= 1:
        return None
    return min(timedelta(seconds=max(int(seconds), 1)), LONGEST_WINDOW)


def content(page: Page) -> Any:
    """The JSON of a body. Raises SourceError; an HTML page is a refusal (a login, a captcha)."""
    try:
        return json.loads(page.body)
    except (ValueError, RecursionError):
        instead = walls.page(page.body)
        why = f"{site(page)}: it answered with {instead or 'something'} that is no JSON"
        raise SourceError(why, blocked=bool(instead)) from None


def refusal(page: Page, *, token: bool) -> SourceError:
    """Why there is no answer, and what follows from it."""
    status, reason = page.status, _reason(page)
    unknown = status in (301, 302) and "/subreddits/search" in page.headers.get("location", "")
    if unknown:
        says = "there is no such subreddit"
    elif token and status == 401:
        says = "it refuses client_id and client_secret, check them and the app's approval"
    elif status in _BLOCKED:
        says = f"it refuses us, the reason is {reason!r}" if reason else "it refuses us"
    else:
        says = f"it gives no answer, the reason is {reason!r}" if reason else "it gives no answer"
    return SourceError(
        f"{site(page)}: {says} ({status})",
        status,
        blocked=status in _BLOCKED,
        permanent=unknown or status == 410 or (status == 404 and reason == "banned"),
    )


def _reason(page: Page) -> str:
    """The one word that Reddit gives for a refusal, such as private, banned, quarantined."""
    try:
        reason = json.loads(page.body).get("reason")
    except (ValueError, RecursionError, AttributeError):
        return ""
    return reason if isinstance(reason, str) and _WORD.fullmatch(reason) else ""


def site(page: Page) -> str:
    return urlsplit(page.url).netloc
