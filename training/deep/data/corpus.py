"""The labelled tweets as token ids, by the split that every family shares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.whole_files import arriving
from models.deep.cleaning import cleaned_all
from training.data.datasets import TrainingData
from training.deep.data.mixture import Encoded, Mixture

_CHUNK: Final = 50_000

EMOTICONS_SHARE: Final = 0.5
"""Of every batch, where there are labels by emoticons. People's labels are 5 % of the rows and the only source of
neutral, so they come round more often."""
TEACHERS_PART: Final = 0.6
"""Of the emoticons' share, where a teacher has labelled some of the same tweets."""


def shares_of(data: TrainingData, emoticons: float = EMOTICONS_SHARE) -> dict[str, float]:
    """The share of each file in every batch: by its rows, those of people's files by the root of their weight, too.

    Args:
        emoticons: share of the files that emoticons labelled; a teacher's files get `TEACHERS_PART` of it.
    """
    sizes: dict[str, dict[str, float]] = {"emoticons": {}, "teacher": {}, "people": {}}
    for source in data.sources:
        rows = int((data.learn & (data.source == source.name)).sum())
        if rows:
            sizes[source.role][source.name] = rows * (math.sqrt(source.weight) if source.role == "people" else 1.0)
    parts = {
        "emoticons": emoticons * (1 - TEACHERS_PART if sizes["teacher"] else 1),
        "teacher": emoticons * (TEACHERS_PART if sizes["emoticons"] else 1),
        "people": 1 - emoticons,
    }
    there = sum(parts[role] for role in sizes if sizes[role])
    return {
        name: parts[role] / there * size / sum(sizes[role].values())
        for role, files in sizes.items()
        for name, size in files.items()
    }


def row_weights(data: TrainingData, emoticons: float) -> NDArray[np.float32]:
    """What each row (n,) counts in the loss: more for labels that are rare in their file, by its class weights.

    On average 1 in a file, `emoticons` where those labelled it: what a file counts is its share of the batches.
    """
    weights = data.weight.copy()
    for source in data.sources:
        mine = data.source == source.name
        if (learnt := mine & data.learn).any():
            weights[mine] *= (emoticons if source.distant else 1.0) / weights[learnt].mean()
    return weights.astype(np.float32)


@dataclass(frozen=True)
class Corpus:
    """Labelled tweets, encoded."""

    data: TrainingData
    encoded: Encoded

    def mixture(
        self, *, shares: Mapping[str, float], size: int, longest: int, seed: int, emoticons: float = 1.0
    ) -> Mixture:
        """Batches of the learning rows; a file without rows is left out.

        Args:
            emoticons: what a row labelled by emoticons counts in the loss.
        """
        groups = {name: np.flatnonzero(self.data.learn & (self.data.source == name)) for name in shares}
        groups = {name: rows for name, rows in groups.items() if len(rows)}
        return Mixture(
            encoded=self.encoded,
            targets=self.data.targets,
            distant=self.data.distant,
            weights=row_weights(self.data, emoticons),
            groups=groups,
            shares=shares,
            size=size,
            longest=longest,
            seed=seed,
        )


def encode(tokenizer: Any, texts: Sequence[str], keep: int) -> Encoded:
    """Clean and tokenize, at most `keep` tokens a text (its first, and its last one where that marks the end)."""
    parts, lengths = [], []
    for at in range(0, len(texts), _CHUNK):
        found = [entry.ids for entry in tokenizer.encode_batch_fast(cleaned_all(texts[at : at + _CHUNK]))]
        found = [ids if len(ids) <= keep else [*ids[: keep - 1], ids[-1]] for ids in found]
        lengths.append(np.fromiter(map(len, found), np.int64, len(found)))
        parts.append(np.fromiter((number for ids in found for number in ids), np.int32, int(lengths[-1].sum())))
    offsets = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=offsets[1:])
    return Encoded(np.concatenate(parts), offsets)


def cached_encoding(tokenizer: Any, data: TrainingData, keep: int, path: Path) -> Encoded:
    """`encode` of all texts, kept in `path` (an .npz), which the caller names after data and tokenizer."""
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            return Encoded(kept["ids"], kept["offsets"])
    encoded = encode(tokenizer, data.texts, keep)
    path.parent.mkdir(parents=True, exist_ok=True)
    with arriving(path) as new:
        np.savez(new, ids=encoded.ids, offsets=encoded.offsets)
    return encoded
