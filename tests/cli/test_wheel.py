"""The wheel is whole: installed in an empty folder it works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.using import ENVIRON, Shell

ROOT = Path(__file__).parents[2]
DATA = {
    "model.npz",
    "model.json",
    "model-de.npz",
    "model-es.npz",
    "model-fr.npz",
    "lexicon.json",
    "topics.toml",
    "monitor.example.toml",
}
#: Where uv may be: on the path, or where `make install` put it.
PLACES = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])


def uv(*words: str) -> None:
    """Offline: what building needs was fetched by `make install`."""
    program = shutil.which("uv", path=PLACES)
    assert program, "no uv: run `make install`"
    done = subprocess.run([program, *words, "--offline", "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The command from the wheel; its dependencies come from the environment of the tests."""
    target = tmp_path_factory.mktemp("installed")
    python = ("--python", sys.executable)
    uv("pip", "install", "--no-deps", "--target", str(target), *python, str(wheel))
    return Shell(tmp_path_factory.mktemp("empty"), {"PYTHONPATH": str(target)})


def test_the_wheel_holds_the_whole_program_and_nothing_else(wheel: Path) -> None:
    inside = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    program = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "monitor").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert inside == program | {f"monitor/_data/{name}" for name in DATA}


def test_the_verbs_work_from_it_without_the_checkout(installed: Shell) -> None:
    ask = "from monitor import resources; print(resources.packaged('topics.toml'))"
    said = subprocess.run(
        [sys.executable, "-c", ask],
        cwd=installed.folder,
        env={**ENVIRON, **installed.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.startswith(installed.environ["PYTHONPATH"])
    line = b'{"text": "The download link of Acme is broken. Refund me."}'
    assert installed("score", stdin=line).jsonl[0]["label"] == "negative"
    installed("init", "--brand", "Acme")
    assert installed("db", "upgrade").out.startswith("schema 0")
    installed("once")
    assert installed("digest", "--to", "week.html").out.split() == ["week.html", "week.txt"]
    assert "Acme" in (installed.folder / "week.html").read_text("utf-8")
    assert "digest.html" in installed("demo", "--help").out
