"""What was promised: each figure beside the bar it must reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

console = Console()


@dataclass(frozen=True, slots=True)
class Bar:
    """A promise: what was measured, and what it must reach."""

    name: str
    value: float
    bar: float | None = None  #: None where nothing is promised
    most: bool = False  #: True where ``bar`` is a ceiling

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.value < self.bar if self.most else self.value >= self.bar

    @property
    def verdict(self) -> str:
        if self.bar is None:
            return "reported"
        return "[green]holds[/]" if self.holds else "[bold red]falls short[/]"

    @property
    def wanted(self) -> str:
        return "" if self.bar is None else f"{'<' if self.most else '≥'} {self.bar:g}"


def show_bars(title: str, bars: Sequence[Bar]) -> None:
    """Print one row a promise."""
    table = Table("promise", "measured", "bar", "", title=title)
    for bar in bars:
        table.add_row(bar.name, f"{bar.value:.4g}", bar.wanted, bar.verdict)
    console.print(table)
