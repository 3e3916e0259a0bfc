"""The compiled hashed model: linear, three labels, about a microsecond and a half a tweet."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models.base.artefact import write_artefact
from models.base.sentiment import MOST_EXPLAINED, WordWeight
from models.linear.constants import CLEANING, MENTION, URL
from models.linear.kernels import score_all
from models.linear.probability_kernel import answer, constants
from models.linear.tokens import tokens
from models.linear.validation import checked
from models.linear.weights import HashedWeights, pack
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
        self._constants = constants(weights)

    def sums(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Sums of weights, (n, 17), as described at `hashed_kernels.score_all`."""
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
        answer(sums, *self._constants, out)
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
            ArtefactError: other cleaning than this program's, or arrays that `hashed_checks` does not let pass.
        """
        if metadata.get("cleaning") != CLEANING:
            raise ArtefactError(
                f"the model was trained with text cleaning {metadata.get('cleaning')}, this program has {CLEANING}: "
                "train it again"
            )
        return cls(checked(arrays), metadata)
