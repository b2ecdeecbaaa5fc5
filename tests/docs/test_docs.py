"""The docs are true: kinds, verbs and keys have their place, TOML loads, links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from monitor import sources

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def verbs() -> list[str]:
    said = subprocess.run(
        [sys.executable, "-m", "monitor", "--help"], capture_output=True, text=True, check=True
    ).stdout
    return re.findall(r"^  ([a-z]+) {2,}\S", said.partition("Commands:")[2], re.MULTILINE)


@pytest.mark.parametrize("kind", sorted(sources.KINDS))
def test_every_kind_has_its_heading(kind: str) -> None:
    assert f"\n## {kind}\n" in (ROOT / "docs/sources.md").read_text("utf-8")


def test_every_verb_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    found = verbs()
    assert len(found) >= 14
    assert [v for v in found if f"monitor {v}" not in readme] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_toml_blocks_load_and_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL):
        tomllib.loads(block)
    for link in re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("folder", ["monitor", "models", "tests"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    files = (ROOT / folder).rglob("*.py")
    assert [f.name for f in files if len(f.read_text("utf-8").splitlines()) > 400] == []


@pytest.mark.parametrize(
    "path", ["monitor", "models", "config", "docs", "tests", "Makefile", "Dockerfile", "README.md"]
)
def test_no_path_of_a_machine_and_no_unfinished_note(path: str) -> None:
    todo = "TO" + "DO"
    files = [ROOT / path] if (ROOT / path).is_file() else (ROOT / path).rglob("*")
    for file in files:
        if file.suffix in {".py", ".md", ".toml", ".yaml", ".j2", ""} and file.is_file():
            text = file.read_text("utf-8")
            assert todo not in text, file
            assert not re.search(r"(?<![\w.])/(root|home)/\w", text), file
