"""Where the files that come with the code are: the model, the topics, the example configuration."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def packaged(name: str) -> Path:
    """The path of a shipped file such as "model.npz".

    In a wheel all stand in ``monitor/_data``; in a checkout in ``models/`` and ``config/``.
    """
    for folder in (_PACKAGE / "_data", _PACKAGE.parent / "models", _PACKAGE.parent / "config"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name} is missing from this installation: install it again")
