"""The model that serves, with tables of a size for tests: the shipped size takes 50 times as long to learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from training.linear.hashed_classifier import HashedClassifier
from training.linear.model_zoo import MEMBERS, Member

SMALL: Final[dict[str, Any]] = {"polarity_bits": 12, "word_bits": 14, "char_bits": 14, "heads": 1}
"""Parameters of a `HashedClassifier`."""

SMALL_HASHED: Final[Member] = replace(
    MEMBERS["hashed"], build=lambda seed: HashedClassifier(**SMALL, random_state=seed)
)
