"""The teacher's opinions: models/soft_labels.npz, by the hash of a text and its target."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from corpus import Row

PATH = Path(__file__).parent / "soft_labels.npz"
UNIT = 127.0  #: what int8 holds for a share of 1


def key(row: Row) -> int:
    """The first 64 bits of the SHA-256 of a row's text and target."""
    said = f"{row.text}\0{row.target}".encode()
    return int.from_bytes(hashlib.sha256(said).digest()[:8], "big")


def save(rows: Sequence[Row], shares: np.ndarray, path: Path = PATH) -> None:
    """Keep (n, 4) shares: negative, neutral, positive, complaint; sorted, each text once."""
    keys, first = np.unique(np.array([key(row) for row in rows], np.uint64), return_index=True)
    np.savez(path, keys=keys, shares=np.rint(shares[first] * UNIT).astype(np.int8))


def opinions(rows: Sequence[Row], path: Path = PATH) -> np.ndarray:
    """(n, 4): what the teacher holds of each row; NaN where it was not asked."""
    if not path.exists():
        return np.full((len(rows), 4), np.nan)
    with np.load(path, allow_pickle=False) as found:
        keys, shares = found["keys"], found["shares"] / UNIT
    wanted = np.array([key(row) for row in rows], np.uint64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((keys[at] == wanted)[:, None], shares[at], np.nan)
