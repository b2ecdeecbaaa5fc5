"""The model's files, checked before they are used: nothing changed, nothing of another version."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from monitor.seams import UserError
from monitor.sentiment import features, target
from monitor.sentiment.lexicon import Lexicon
from monitor.sentiment.model import HEADS, LinearClassifier, Weights
from monitor.sentiment.vocabulary import ENGLISH

FORMAT = 2
AIM = "target_"  #: before the names of the arrays of the target's stage
_HELP = "install the program again, or build the model with `make model`"


class ModelError(UserError):
    """The model cannot be used: one line that says which file, why, and what helps."""


def load(folder: Path) -> dict[str, Callable[[], LinearClassifier]]:
    """Read model.json, lexicon.json, model.npz and a model-LANG.npz for each other language.

    All are read and checked here; each is unpacked when it is first called for. Threads may share
    them: two that are first at once get equal models.

    Raises:
        ModelError: a file is missing, or is not the one that model.json describes.
    """
    about = _about(folder / "model.json")
    lexicon = Lexicon.parse(_checked(folder / "lexicon.json", about["lexicon_sha256"]))
    return {ENGLISH: _classifier(folder / "model.npz", about["sha256"], lexicon, ENGLISH)} | {
        lang: _classifier(folder / f"model-{lang}.npz", made["sha256"], lexicon, lang)
        for lang, made in about["languages"].items()
    }


def _classifier(
    path: Path, sha256: str, lexicon: Lexicon, lang: str
) -> Callable[[], LinearClassifier]:
    blob = _checked(path, sha256)

    @cache
    def unpacked() -> LinearClassifier:
        known = lexicon if lang == ENGLISH else lexicon.of(lang)
        return LinearClassifier(*_arrays(blob, path), known, f"linear@{sha256[:12]}", lang)

    return unpacked


def _about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads(_bytes(path))
        found = (about["format"], about["features"], tuple(about["bits"]), tuple(about["heads"]))
        sums = [made["sha256"] for made in about["languages"].values()]
        "".join([about["sha256"], about["lexicon_sha256"], *sums])
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise ModelError(f"{path} does not describe a model ({e!r}): {_HELP}") from None
    wanted = FORMAT, features.VERSION, features.BITS, HEADS
    if found != wanted:
        raise ModelError(f"{path} is of version {found}, this program needs {wanted}: {_HELP}")
    return dict(about)


def _checked(path: Path, sha256: str) -> bytes:
    blob = _bytes(path)
    if hashlib.sha256(blob).hexdigest() != sha256:
        raise ModelError(f"{path} is damaged or not of this model (SHA-256 differs): {_HELP}")
    return blob


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path} cannot be read ({e.strerror}): {_HELP}") from None


def _arrays(blob: bytes, path: Path) -> tuple[Weights, target.Weights | None]:
    """The document model's arrays; and the target's, whose names begin with AIM, if it has them."""
    try:
        with np.load(io.BytesIO(blob), allow_pickle=False) as packed:
            arrays = dict(packed)  # each is unpacked as often as it is looked at
        aim = {name: array for name, array in arrays.items() if name.startswith(AIM)}
        weights = Weights(**{n: array for n, array in arrays.items() if n not in aim})
        stage = {name.removeprefix(AIM): array for name, array in aim.items()}
        aimed = target.Weights(**stage) if stage else None
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ModelError(f"{path} is not a model ({e}): {_HELP}") from None
    of_aim = ((AIM + name, right) for name, right in (aimed.shapes() if aimed else ()))
    for name, right in (*weights.shapes(), *of_aim):
        if not right:
            raise ModelError(f"{path} has the wrong shape or type of {name!r}: {_HELP}")
    return weights, aimed
