"""The demo is the main job end to end: the spreading complaint is one card, the homonym is none."""

from __future__ import annotations

from pathlib import Path

from monitor.demo.stories import HOMONYM, STORIES
from tests.cli.using import Shell


def test_the_demo_shows_one_card_that_grows_and_writes_the_digest(tmp_path: Path) -> None:
    said = Shell(tmp_path)("demo", "--out", "shown").out
    lines = said.splitlines()
    panels = [line for line in lines if line.startswith("╭─")]
    assert len(panels) == 1
    assert "Broken link" in panels[0]
    assert any(line.startswith("Grown: INC-") for line in lines)
    digest = (tmp_path / "shown/digest.html").read_text("utf-8")
    assert str(tmp_path / "shown/digest.html") in said
    told = "\n".join(line for line in lines if not line.startswith(("+ ", "Left out")))
    homonyms = [story for story in STORIES if story.why == HOMONYM]
    assert homonyms
    for story in homonyms:
        assert f"{story.author}: {story.title}" in said  # it was published
        assert story.title not in told + digest
