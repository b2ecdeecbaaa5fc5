"""How the author feels towards the brand, and whether the support team should be told.

``features``, ``style`` and ``lexicon`` turn a text into numbers, ``model`` turns those into a
Score, ``target`` sees to whom it is meant, ``why`` says what decided; ``files`` loads, and
``languages`` gives each text to the model of its language. Nothing here needs scikit-learn:
models/train.py does, and writes the files that are loaded.
"""

from monitor.sentiment.files import ModelError
from monitor.sentiment.languages import Multilingual, load
from monitor.sentiment.model import LinearClassifier

__all__ = ["LinearClassifier", "ModelError", "Multilingual", "load"]
