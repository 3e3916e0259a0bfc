"""A deep model as it serves: tokenizer and network out of one artefact, run by onnxruntime or LiteRT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from contracts.extras import what_to_install
from models.base.artefact import check_cleaning, write_artefact
from models.base.sentiment import WordWeight
from models.deep.cleaning import CLEANING, cleaned_all
from models.deep.occlusion import occluded
from models.deep.runtimes import RUNTIMES, Network

FAMILIES: Final = ("recurrent", "student", "transformer")
_BATCH: Final = 128
"""Texts that the network gets at once: more gain nothing on a processor and hold more memory."""
_TRANSFORMER_BATCH: Final = 32
"""Fewer texts have more like lengths, and padding costs a transformer as much as words do: of 256 tweets MPNet in int8
answers 57 a second by 32, 47 by 64 and 35 by 128."""
MOST_CHARACTERS: Final = 1_000
"""Of a text: far more than a network reads, so that a huge text does not stall a tokenizer."""


class DeepModel:
    """A `SentimentModel` around a network from token ids to three logits. Threads may share it."""

    def __init__(
        self, metadata: Mapping[str, Any], tokenizer: bytes, network: bytes, *, opened: Network | None = None
    ) -> None:
        """Open the network.

        Args:
            opened: answers instead of `network`, for what is no artefact yet.

        Raises:
            ArtefactError: other cleaning than this program's, an unknown format, or a package is not installed.
        """
        check_cleaning(metadata, CLEANING)
        self.metadata = metadata
        self._contents = {"tokenizer": tokenizer, "network": network}
        self._longest = int(metadata["longest"])
        self._temperature = float(metadata.get("temperature", 1.0))
        self._batch = _TRANSFORMER_BATCH if metadata.get("family") == "transformer" else _BATCH
        self._network = opened or _opened(metadata, network)
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise ArtefactError(f"a deep model cannot be opened: {what_to_install('tokenizers')}") from None
        self._tokenizer = Tokenizer.from_str(tokenizer.decode("utf-8"))

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at least one and at most `longest`; the last one stays, it may mark the end."""
        entries = self._tokenizer.encode_batch_fast(cleaned_all([text[:MOST_CHARACTERS] for text in texts]))
        found = [entry.ids or [0] for entry in entries]
        longest = self._longest
        return [ids if len(ids) <= longest else [*ids[: longest - 1], ids[-1]] for ids in found]

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 3), before calibration. Texts of like length go through the network together."""
        ids = self.tokens(texts)
        out = np.empty((len(texts), 3), np.float32)
        order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
        for at in range(0, len(order), self._batch):
            rows = order[at : at + self._batch]
            table = np.zeros((len(rows), len(ids[rows[-1]])), np.int32)
            for place, row in enumerate(rows):
                table[place, : len(ids[row])] = ids[row]
            out[rows] = self._network.logits(table)
        return out

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of shape (n, 3): negative, neutral, positive."""
        if not texts:
            return np.empty((0, 3), np.float32)
        return softmax(self.logits(texts) / self._temperature)

    def explain(self, text: str) -> list[WordWeight]:
        """What each word adds to the log-odds of positive against negative, by taking it out."""
        return occluded(self.predict_proba, text)

    def arrays(self) -> dict[str, NDArray[np.uint8]]:
        """What `load` takes: the files as bytes."""
        return {name: np.frombuffer(content, np.uint8) for name, content in self._contents.items()}

    def save(self, folder: Path) -> None:
        """Write `metadata.json` and `weights.npz`."""
        write_artefact(folder, self.metadata, self.arrays())

    @classmethod
    def load(cls, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> DeepModel:
        """Build the model from a checked artefact.

        Raises:
            ArtefactError: other cleaning, a missing part, or a package that is not installed.
        """
        if missing := sorted({"tokenizer", "network"} - set(arrays)):
            raise ArtefactError(f"the model lacks {', '.join(missing)}")
        return cls(metadata, arrays["tokenizer"].tobytes(), arrays["network"].tobytes())


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Rows (n, 3) to probabilities."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _opened(metadata: Mapping[str, Any], network: bytes) -> Network:
    runtime = str(metadata.get("runtime"))
    if runtime not in RUNTIMES:
        raise ArtefactError(f"unknown network format {runtime!r} (known: {', '.join(RUNTIMES)})")
    return RUNTIMES[runtime](network)
