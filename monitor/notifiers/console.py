"""Cards on a terminal: what `monitor run` shows where no Slack is set up.

They go to the console that is given, standard output in the running product: there the card IS
the product. Outside text is printed as it stands: no rich markup, no control sequences, no links
but plain addresses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text

from monitor import text
from monitor.domain import Card, Delivery, Quote, Receipt
from monitor.seams import DeliveryError, Lookup, Outcome

WIDTH = 100  #: columns; wider lines are hard to read
_ALONE, _AMONG, _NAME = 600, 200, 60  #: characters of a lone quote, of one among several, a name
_SHOWN = 3  #: quotes on a card: the first and the newest
_COLOURS = {"critical": "bold red", "high": "red", "normal": "yellow"}
_GRADES = {"critical": "Critical complaint", "high": "High complaint", "normal": "Complaint"}


class Terminal:
    """Prints a panel for a new card, and for a grown one a few lines: the count and what is new."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        if isinstance(self._console.file, io.TextIOWrapper):
            self._console.file.reconfigure(errors="replace")  # a terminal without UTF-8

    def send(self, delivery: Delivery) -> Receipt:
        """Print it.

        Raises:
            DeliveryError: OPERATOR if nobody reads the terminal any more.
        """
        if delivery.card is None:
            raise DeliveryError("the terminal shows cards only, no digests", Outcome.NEVER)
        width = min(self._console.width, WIDTH)
        card = delivery.card
        shown = _changed(card) if delivery.kind == "update" else _panel(card, width)
        try:
            self._console.print(shown, width=width)
        except (OSError, SystemExit) as e:  # rich answers a closed pipe with SystemExit
            raise DeliveryError("the terminal is gone", Outcome.OPERATOR) from e
        return Receipt("console", delivery.id)

    def find(self, delivery: Delivery) -> Receipt | Lookup:  # noqa: ARG002 - the seam's shape
        """ABSENT: a screen cannot be asked, and printing twice harms nobody."""
        return Lookup.ABSENT

    def check(self, address: str) -> str:  # noqa: ARG002 - the seam's shape
        return f"{self._console.width} columns"


def _panel(card: Card, width: int) -> Panel:
    incident = card.incident
    return Panel(
        Group(*_body(card)),
        title=Text(_title(card)),
        title_align="left",
        subtitle=Text(_state(card)),
        subtitle_align="left",
        border_style=_COLOURS[incident.severity],
        width=width,
        padding=(1, 2),
    )


def _body(card: Card) -> Iterator[Text]:
    yield Text(_counted(card), style="bold")
    shown = [*card.quotes[:1], *card.quotes[1:][-(_SHOWN - 1) :]]
    for quote in shown:
        yield Text()
        yield from _quoted(quote, _ALONE if len(shown) == 1 else _AMONG)
    yield Text()
    reason = card.incident.reason
    words = dict.fromkeys(word for q in card.quotes for word in q.why if word not in reason)
    yield Text(f"Why: {_line(' · '.join([reason, *words]), _AMONG)}")


def _changed(card: Card) -> Group:
    """``Grown: INC-8f2c41d0 now 3 posts`` and the newest one, or the state that it came into."""
    incident = card.incident
    if incident.state != "open":
        return Group(Text(_state(card), style="bold"))
    grown = Text("Grown: ", style=_COLOURS[incident.severity])
    grown.append(f"{incident.id} now {_counted(card)}", style="bold")
    grown.append(f" · {_title(card)}")
    newest = [line for quote in card.quotes[-1:] for line in _quoted(quote, _AMONG)]
    return Group(grown, *(Padding(line, (0, 0, 0, 2)) for line in newest))


def _quoted(quote: Quote, most: int) -> Iterator[Text]:
    author = _line(quote.author, _NAME) or "Somebody"
    yield Text(f"{author} on {_line(quote.source, _NAME)}{_at(quote.published_at)}", style="cyan")
    title = _line(quote.title, 120)
    said = text.around(_line(quote.text, len(quote.text)), quote.sentence, most)
    if title and not said.startswith(title):
        yield Text(title, style="italic")
    yield Text(f"“{said}”" if said else "(no text)")
    if url := _line(quote.url, 2_000):
        yield Text(url, style="dim", overflow="fold")


def _title(card: Card) -> str:
    incident = card.incident
    parts = (_GRADES[incident.severity], _line(incident.brand, _NAME), _line(card.topic, _NAME))
    return " · ".join(p for p in parts if p)


def _state(card: Card) -> str:
    incident, owner = card.incident, _line(card.incident.owner, _NAME)
    if incident.state == "open":
        return f"{incident.id} · nobody is on it yet"
    return f"{incident.id} · {incident.state}{': ' if owner else ''}{owner}"


def _counted(card: Card) -> str:
    """``3 posts: forum-acme 2, blog-lena 1``"""
    posts = card.incident.posts
    sources = [
        f"{_line(name, _NAME)} {members}" if len(card.sources) > 1 else _line(name, _NAME)
        for name, members in card.sources[:5]
    ]
    if (more := len(card.sources) - len(sources)) > 0:
        sources.append(f"{more} more sources")
    also = f" · also on {_line(', '.join(card.also), _AMONG)}" if card.also else ""
    return f"{posts} post{'' if posts == 1 else 's'}: {', '.join(sources)}{also}"


def _at(at: datetime | None) -> str:
    return f", {at:%Y-%m-%d %H:%M} UTC" if at else ""


def _line(raw: str, most: int) -> str:
    return text.cut(" ".join(text.clean(raw).split()), most)
