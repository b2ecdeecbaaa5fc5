"""How the author feels towards the brand, and whether the support team should be told.

``features``, ``style`` and ``lexicon`` turn a text into numbers, ``model`` turns those into a
Score. Nothing here needs scikit-learn: models/train.py does, and writes the files that are loaded.
"""

from monitor.sentiment.model import LinearClassifier, ModelError, load

__all__ = ["LinearClassifier", "ModelError", "load"]
