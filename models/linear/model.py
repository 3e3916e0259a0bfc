"""The compiled hashed model: linear, three labels, about a microsecond and a half a tweet."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.artefact import check_cleaning, write_artefact
from models.base.jit import compiled
from models.base.sentiment import MOST_EXPLAINED, WordWeight
from models.linear.constants import CLEANING, MENTION, URL
from models.linear.kernels import score_all
from models.linear.tokens import tokens
from models.linear.validation import checked
from models.linear.weights import DENSE, HashedWeights, pack
from models.text.batch import join

FAMILY: Final = "hashed"
_SHOWN: Final = {bytes([URL]): "URL", bytes([MENTION]): "@user"}
_LEAST: Final = 1e-7
_WRITTEN: Final = {bytes([URL]): b"www.", bytes([MENTION]): b"@u"}


def _as_text(words: Sequence[bytes]) -> str:
    return b" ".join([_WRITTEN.get(word, word) for word in words]).decode("utf-8", "surrogatepass")


class HashedModel:
    """A `SentimentModel` of hashed n-grams. Immutable, so that threads may share it."""

    walks_bytes = True

    def __init__(self, weights: HashedWeights, metadata: Mapping[str, Any]) -> None:
        self.weights = weights
        self.metadata: Mapping[str, Any] = {**metadata, "family": FAMILY, "cleaning": CLEANING}
        self._plan = weights.plan
        self._words = pack(weights.words)
        self._chars = pack(weights.chars)
        self._constants = _constants(weights)

    def sums(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Sums of weights, (n, 17), as described at `kernels.score_all`."""
        data, offsets = join(texts)
        out = np.zeros((len(texts), 17), np.int64)
        weights = self.weights
        score_all(data, offsets, self._plan, weights.negators, weights.polarity, self._words, self._chars, out)
        return out

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of shape (n, 3): negative, neutral, positive."""
        if not len(texts):
            return np.empty((0, 3), np.float32)
        sums = self.sums(texts)
        out = np.empty((len(sums), 3), np.float32)
        _answer(sums, *self._constants, out)
        return out

    def explain(self, text: str) -> list[WordWeight]:
        """What each word adds to the log-odds of positive against negative, by taking it out.

        Leave-one-out (Li, Monroe and Jurafsky 2016, arXiv:1612.08220) sees n-grams and everything derived alike.
        """
        words = tokens(text.encode("utf-8", "surrogatepass"))[:MOST_EXPLAINED]
        # A token without its neighbours cleans to itself again, but for the two that stand for many.
        variants = [words, *(words[:i] + words[i + 1 :] for i in range(len(words)))]
        table = self.predict_proba([_as_text(variant) for variant in variants])
        balance = np.log(np.maximum(table[:, 2], _LEAST)) - np.log(np.maximum(table[:, 0], _LEAST))
        return [
            WordWeight(_SHOWN.get(word) or word.decode("utf-8", "replace"), float(balance[0] - without))
            for word, without in zip(words, balance[1:], strict=True)
        ]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `load` takes."""
        names = [field.name for field in dataclasses.fields(HashedWeights)]
        return {name: np.asarray(getattr(self.weights, name)) for name in names}

    def save(self, folder: Path) -> None:
        """Write `metadata.json` and `weights.npz`."""
        write_artefact(folder, self.metadata, self.arrays())

    @classmethod
    def load(cls, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> HashedModel:
        """Build the model from a checked artefact.

        Raises:
            ArtefactError: other cleaning than this program's, or arrays that `validation.checked` does not let pass.
        """
        check_cleaning(metadata, CLEANING)
        return cls(checked(arrays), metadata)


def _constants(weights: HashedWeights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The numbers that `_answer` takes: those of the dense features, (DENSE, 4), and all others in a row."""
    others = [
        *weights.word_scale,
        *weights.char_scale,
        weights.polarity_scale,
        weights.temperature,
        *weights.direction,
    ]
    return np.ascontiguousarray(weights.dense, np.float64), np.array(others, np.float64)


@compiled
def _logistic(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))


@compiled
def _answer(sums: Any, dense: Any, others: Any, out: Any) -> None:
    """Probabilities of negative, neutral, positive; `weights.probabilities` is the definition.

    Compiled, as NumPy needs some forty calls for it: 50 µs for a single text.

    Args:
        sums: (n, 17), of `kernels.score_all`.
        dense, others: of `_constants`.
        out: (n, 3) float32, to be filled.
    """
    scale = others[8]
    features = np.empty(DENSE, np.float64)
    logits = np.empty(4, np.float64)
    for i in range(len(sums)):
        total, above = float(sums[i, 0]), float(sums[i, 1])
        root = math.sqrt(max(float(sums[i, 4]), 1.0))
        per_word = math.sqrt(max(float(sums[i, 9]), 1.0))
        per_char = math.sqrt(max(float(sums[i, 14]), 1.0))
        polarity = total * scale / root + sums[i, 13] * others[7] / per_char
        features[0] = 1.0
        features[1] = polarity
        features[2] = abs(polarity)
        features[3] = polarity * polarity / 4
        features[4] = sums[i, 2] * scale
        features[5] = sums[i, 3] * scale
        features[6] = above * scale / root
        features[7] = (total - above) * scale / root
        features[8] = root / 5
        features[9] = sums[i, 15] * scale
        features[10] = sums[i, 16] * scale
        for label in range(4):
            logit = 0.0
            for j in range(DENSE):
                logit += features[j] * dense[j, label]
            logit += sums[i, 5 + label] * (others[label] / per_word)
            if label < 3:
                logit += sums[i, 10 + label] * (others[4 + label] / per_char)
            logits[label] = logit
        largest = max(logits[0], logits[1], logits[2])
        negative = (logits[0] - largest) / others[9]
        middle = (logits[1] - largest) / others[9]
        positive = (logits[2] - largest) / others[9]
        odds = math.exp(middle)
        neutral = odds / (math.exp(negative) + odds + math.exp(positive))
        gate = _logistic(logits[3])
        direction = (1.0 - gate) * (positive - negative) + gate * (others[10] * polarity + others[11])
        up = _logistic(direction)
        out[i, 0] = (1.0 - neutral) * (1.0 - up)
        out[i, 1] = neutral
        out[i, 2] = (1.0 - neutral) * up
