"""The five places where the system meets the world, and the two ways they fail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol, runtime_checkable

from monitor.domain import Batch, Delivery, Mention, Post, Receipt, Score

Clock = Callable[[], datetime]
"""Now, aware UTC. Pass it; nobody below ``app`` reads the wall clock."""


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP answer, already size-capped."""

    status: int  #: 200 or 304
    url: str  #: where the body came from, after redirects
    headers: Mapping[str, str]  #: names in lower case; values byte for byte, read as latin-1
    body: bytes
    moved: str = ""  #: where every hop so far was permanent (301, 308): the new address


class Fetcher(Protocol):
    """GET one URL politely: deadline, size caps, per-host spacing, no private addresses."""

    def __call__(self, url: str, headers: Mapping[str, str] = ...) -> Page:
        """Return 200 and 304 answers.

        Raises:
            SourceError: any other status, or no answer.
        """


class Asker(Protocol):
    """Ask an API: as polite as a ``Fetcher``, and its refusals may be read."""

    def ask(
        self, url: str, headers: Mapping[str, str] = ..., form: Mapping[str, str] | None = None
    ) -> Page:
        """Ask once, or send the form, and return any answer below 500 but 429.

        A redirect is an answer: it is not followed.

        Raises:
            SourceError: any other status, or no answer.
        """

    def rest(self, url: str, wait: timedelta) -> None:
        """Leave a site alone for this long: whoever asks it gets a SourceError at once."""


class Source(Protocol):
    """One place to look at. Stateless: everything it must remember is the cursor."""

    @property
    def name(self) -> str: ...

    @property
    def url(self) -> str:
        """Where it looks; all that is read from one host rests together."""

    def poll(self, cursor: str) -> Batch:
        """Return what is new since ``cursor`` ("" the first time).

        Polling twice with one cursor must yield the same posts again: the cursor is
        stored in the same transaction as the posts, so a crash repeats the poll.

        Raises:
            SourceError
        """


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What became of posts that were read before."""

    alive: Mapping[str, int | None]  #: by external_id, with the reach it has now
    gone: frozenset[str]  #: deleted, removed or no more to be seen by us
    edited: tuple[Post, ...] = ()  #: those alive that were edited since they were written


@runtime_checkable
class Recheckable(Protocol):
    """A source whose platform wants what was deleted there to be deleted here."""

    def recheck(self, ids: Collection[str]) -> Rechecked:
        """Look posts up again by their external_ids; each is alive or gone.

        Raises:
            SourceError: it cannot be told now.
        """


class Classifier(Protocol):
    def score(self, mentions: Sequence[Mention]) -> list[Score]:
        """One score per mention, in order. Pure: same mentions, same scores."""


class Lookup(Enum):
    """What a channel says of a delivery whose fate is unknown, when it is not there."""

    ABSENT = "absent"  #: certainly not accepted: send it
    UNKNOWN = "unknown"  #: cannot be told now: ask again later


class Notifier(Protocol):
    """One channel towards people."""

    def send(self, delivery: Delivery) -> Receipt:
        """Return only when the channel has accepted the message.

        Raises:
            DeliveryError
        """

    def find(self, delivery: Delivery) -> Receipt | Lookup:
        """Look up a delivery that may or may not have been accepted. Never raises DeliveryError."""

    def check(self, address: str) -> str:
        """Try credentials, permissions and address without telling anybody; what was seen.

        Raises:
            DeliveryError: one line that says what a person must do.
        """


class Failure(Exception):  # noqa: N818 - base of the two below
    """Talking to the outside failed, and this is what to do about it.

    Args:
        why: for people and the log, one line; must hold no secret.
        retry_after: how long the other side asked us to wait, if it did.
    """

    def __init__(self, why: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class SourceError(Failure):
    """A source could not be read.

    Args:
        status: the HTTP status that was answered; 0 if none was.
        permanent: trying again cannot help until a person acts; the source is parked.
        blocked: the site refused us (401, 403, 429, a login or captcha page), it is not broken.
        unasked: no request reached the site; it costs it nothing when we try again soon.
    """

    def __init__(
        self,
        why: str,
        status: int = 0,
        *,
        permanent: bool = False,
        blocked: bool = False,
        unasked: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(why, retry_after=retry_after)
        self.status = status
        self.permanent = permanent
        self.blocked = blocked
        self.unasked = unasked


class Outcome(Enum):
    """Why a message was not (known to be) accepted. Slack's classes: docs/architecture.md."""

    LATER = "later"  #: refused for now (429, 503, connection refused): try again
    NEVER = "never"  #: refused for good, this message only: dead row, shown in status
    OPERATOR = "operator"  #: refused until a person acts (token, channel): hold, lose nothing
    AMBIGUOUS = "ambiguous"  #: may have been accepted: look it up before any resend


class DeliveryError(Failure):
    """A channel did not (surely) accept a message."""

    def __init__(self, why: str, outcome: Outcome, *, retry_after: timedelta | None = None) -> None:
        super().__init__(why, retry_after=retry_after)
        self.outcome = outcome


class UserError(Exception):
    """One line for the operator: what is wrong, where, and how to mend it. No traceback follows."""

    status = 1  #: the command's exit status
